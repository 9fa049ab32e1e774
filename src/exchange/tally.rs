//! Numbers of a conversation, or of one of its roles, from its log and its calls.

use crate::design::HUMAN;
use crate::model::parameters::SCHEMAS;
use crate::process::state::{SELECTOR, SUMMARIZER};
use crate::process::{Entry, Flag, Kind, Purpose};
use crate::store::{CallRecord, ConversationRecord, Millis, count_spend};

/// Counts of turns, words, tokens and flags, for conversations or for the agents of one role.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tally {
    /// Number of speeches.
    pub turns: u64,
    /// Number of words in them.
    pub words: u64,
    /// Tokens that models read.
    pub prompt_tokens: Sum,
    /// Tokens that models wrote.
    pub completion_tokens: Sum,
    /// Number of entries with each flag, in the order of [`Flag::ALL`].
    pub flags: Vec<u64>,
}

/// A sum of numbers, some of which may be unknown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sum {
    total: u64,
    known: u64,
    unknown: u64,
}

impl Sum {
    /// Adds a number.
    pub fn add(&mut self, number: Option<u64>) {
        self.total += number.unwrap_or_default();
        self.known += u64::from(number.is_some());
        self.unknown += u64::from(number.is_none());
    }

    /// Returns the sum; `None` if a number is unknown, or there is none.
    pub fn value(self) -> Option<u64> {
        (self.unknown == 0 && self.known > 0).then_some(self.total)
    }
}

impl Tally {
    /// Counts the entries and calls of a conversation.
    pub fn new<'a>(log: impl Iterator<Item = &'a Entry>, calls: impl Iterator<Item = &'a CallRecord>) -> Self {
        let mut tally = Self { flags: vec![0; Flag::ALL.len()], ..Self::default() };
        tally.add(log, calls);
        tally
    }

    /// Adds the entries and calls of one more conversation.
    pub fn add<'a>(&mut self, log: impl Iterator<Item = &'a Entry>, calls: impl Iterator<Item = &'a CallRecord>) {
        for entry in log {
            if entry.kind == Kind::Speech {
                self.turns += 1;
                self.words += count_words(&entry.content);
            }
            for (flag, number) in Flag::ALL.iter().zip(&mut self.flags) {
                *number += u64::from(entry.flags.contains(flag));
            }
        }
        for usage in calls.filter(|call| call.server != HUMAN).filter_map(|call| Some(call.reply.as_ref()?.usage)) {
            self.prompt_tokens.add(usage.prompt.map(u64::from));
            self.completion_tokens.add(usage.completion.map(u64::from));
        }
    }

    /// Counts the speeches of the agents of a role, and their calls.
    pub fn of_role(record: &ConversationRecord, log: &[Entry], calls: &[CallRecord], role: &str) -> Self {
        let is_role = |call: &&CallRecord| {
            matches!(call.call.purpose, Purpose::Speech | Purpose::Turn)
                && find_speaker(record, log, call).1.as_deref() == Some(role)
        };
        let said = log.iter().filter(|e| e.kind == Kind::Speech && e.role.as_deref() == Some(role));
        Self::new(said, calls.iter().filter(is_role))
    }
}

/// Counts the words of a text, split at Unicode white space.
pub fn count_words(text: &str) -> u64 {
    text.split_whitespace().count() as u64
}

/// Returns name and role of the one who is asked by a call.
pub fn find_speaker(record: &ConversationRecord, log: &[Entry], call: &CallRecord) -> (String, Option<String>) {
    let helper = match call.call.purpose {
        Purpose::Speech | Purpose::Answer | Purpose::Turn => None,
        Purpose::Selection => Some(SELECTOR),
        Purpose::Summary => Some(SUMMARIZER),
    };
    if let Some(helper) = helper {
        return (helper.to_owned(), Some(helper.to_owned()));
    }
    let entry = || log.get(call.seq as usize).filter(|e| e.call == Some(call.call)).map(|e| e.speaker.clone());
    let name = call.view.reader.clone().or_else(entry).unwrap_or_default();
    let role = record.participants.iter().find(|p| p.name == name).map(|p| p.role.clone());
    (name, role)
}

/// Returns how the form of an answer was given, if the answer is a turn as JSON.
pub fn rung(call: &CallRecord) -> Option<&'static str> {
    let is_turn = call.call.purpose == Purpose::Turn;
    is_turn.then(|| if SCHEMAS.iter().any(|name| call.parameters.contains_key(*name)) { "schema" } else { "prompt" })
}

/// Returns the number of requests of a call; one without an answer yet counts.
pub fn count_requests(call: &CallRecord) -> u64 {
    use crate::store::CallState::{Answered, Failed, Sent};
    call.attempts.len() as u64
        + match call.state {
            Sent => 1,
            Answered | Failed => 0,
        }
}

/// Returns the instant at which the first request of a call left.
pub fn first_sent(call: &CallRecord) -> Millis {
    call.attempts.first().map_or(call.sent, |first| first.at.min(call.sent))
}

/// Returns the milliseconds of the answered attempt of a call.
pub fn answered_time(call: &CallRecord) -> Option<u64> {
    call.attempts.iter().rev().find(|attempt| attempt.error.is_none()).map(|attempt| attempt.took)
}

/// Returns the milliseconds that a call waited between its attempts.
pub fn waited_time(call: &CallRecord) -> u64 {
    call.attempts.iter().filter_map(|attempt| attempt.waited).sum()
}

/// Returns the number of requests of calls that may have been paid for without a reply.
pub fn possible_spend(calls: &[CallRecord]) -> i64 {
    calls.iter().map(|call| count_spend(&call.attempts, call.state)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_is_empty_and_never_0() {
        let sum = |numbers: &[Option<u64>]| {
            let mut sum = Sum::default();
            for number in numbers {
                sum.add(*number);
            }
            sum.value()
        };
        assert_eq!(sum(&[]), None, "nothing was answered");
        assert_eq!(sum(&[Some(2), None]), None, "one of them is unknown");
        assert_eq!(sum(&[None, Some(2)]), None);
        assert_eq!(sum(&[Some(2), Some(0)]), Some(2));
        assert_eq!(count_words("a\u{a0}b  c\n"), 3, "split at Unicode white space");
    }
}
