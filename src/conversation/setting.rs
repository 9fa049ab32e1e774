//! What a conversation is made from: a condition made concrete, with names drawn and texts rendered.

use super::random::Stream;
use crate::design::{ModelSpec, Policy, Speakers};
use std::collections::BTreeSet;

/// Everything that the state machine needs to know besides the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// The conversation's key.
    pub key: String,
    /// Agents in speaking order.
    pub agents: Vec<Agent>,
    /// What `Researcher` says to open a day.
    pub starting_message: String,
    /// Openings and speeches together.
    pub messages: u32,
    /// Days.
    pub days: u32,
    /// How the next speaker is found.
    pub speakers: Speakers,
    /// Whether others' turns are headed by their speaker's name.
    pub labels: bool,
    /// Whether consecutive user messages are joined.
    pub merge: bool,
    /// A speech that contains one ends the day.
    pub stop_phrases: Vec<String>,
    /// Whether the last day is summarised too.
    pub final_summary: bool,
    /// What to do about flagged replies, by the flag's word.
    pub health: Vec<(super::Flag, Policy)>,
    /// Chooses speakers, where `speakers` is `auto`.
    pub selector: Option<Helper>,
    /// Summarises days.
    pub summarizer: Option<Helper>,
    /// Chances that were given after a failure.
    pub retries: u32,
}

/// Somebody who speaks.
#[derive(Debug, Clone, PartialEq)]
pub struct Agent {
    /// Unique in the conversation.
    pub name: String,
    /// The role's name.
    pub role: String,
    /// The model that speaks for it.
    pub model: ModelSpec,
    /// Its system prompt as sent.
    pub prompt: String,
}

/// A model that takes part without speaking.
#[derive(Debug, Clone, PartialEq)]
pub struct Helper {
    /// The model.
    pub model: ModelSpec,
    /// Its system prompt as sent.
    pub prompt: String,
}

impl Setting {
    /// How many messages day `day` (from 1) has: days differ by at most one, longer first.
    pub fn messages_of(&self, day: u32) -> u32 {
        messages_of_day(self.messages, self.days, day)
    }

    /// What to do about a flag.
    pub fn policy(&self, flag: super::Flag) -> Policy {
        self.health.iter().find(|(f, _)| *f == flag).map_or(Policy { ask: 0, fail: false }, |(_, p)| *p)
    }
}

/// How many of `messages` fall on day `day` (from 1) of `days`.
pub fn messages_of_day(messages: u32, days: u32, day: u32) -> u32 {
    messages / days + u32::from(day <= messages % days)
}

/// Names of agents from (conversation key, agent): the role with its first letter in upper case, spaces as `_`,
/// then `_` and a number of three digits, of more where those run out. Unique.
pub fn draw_names<'a>(key: &str, roles: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut taken = BTreeSet::new();
    roles
        .enumerate()
        .map(|(agent, role)| {
            let mut stream = Stream::new(key, agent as u32, "name", 0);
            let stem = capitalised(role);
            let mut tries = 0_u64;
            loop {
                // Three digits as long as a free one is likely to be met, then one digit more for each thousand tries.
                let low = 100 * 10_u64.pow((tries / 4000).min(12) as u32);
                let name = format!("{stem}_{}", low + stream.below(9 * low));
                if taken.insert(name.clone()) {
                    return name;
                }
                tries += 1;
            }
        })
        .collect()
}

fn capitalised(role: &str) -> String {
    let mut chars = role.chars();
    let first: String = chars.next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
    format!("{first}{}", chars.as_str()).split_whitespace().collect::<Vec<_>>().join("_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_differ_by_at_most_one_message_longer_first() {
        let days = |messages, days| (1..=days).map(|d| messages_of_day(messages, days, d)).collect::<Vec<_>>();
        assert_eq!(days(20, 1), [20]);
        assert_eq!(days(10, 3), [4, 3, 3]);
        assert_eq!(days(11, 3), [4, 4, 3]);
        assert_eq!(days(6, 3), [2, 2, 2]);
    }

    #[test]
    fn names_follow_the_key_and_are_unique() {
        let roles = ["guard", "prison guard", "élève"];
        let names = draw_names("key", roles.into_iter());
        assert_eq!(names, draw_names("key", roles.into_iter()));
        assert_ne!(names, draw_names("another", roles.into_iter()));
        assert!(names[1].starts_with("Prison_guard_") && names[2].starts_with("Élève_"), "{names:?}");
        let many = draw_names("key", std::iter::repeat_n("guard", 1200));
        assert_eq!(many.iter().collect::<BTreeSet<_>>().len(), 1200);
        assert!(many.iter().take(100).all(|n| n.len() == "Guard_117".len()));
    }
}
