//! Arguments of runs that convoke 0.1 recorded: it stored no overrides as data, so this file parses its arguments.
//!
//! Frozen: newer runs store their overrides, and this file gets no new flags.

use super::narrowing::Narrowing;
use super::single::play_role;
use crate::design::Overrides;

/// A recorded run of conversations.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// Overrides of the run.
    pub overrides: Overrides,
    /// True if the run had `--more`.
    pub had_more: bool,
    /// True if a person took part in one conversation alone.
    pub is_talk: bool,
}

/// Flags of 0.1 that take a value and do not narrow.
const OTHERS: [&str; 7] = ["--store", "--color", "--jobs", "--max-retries", "--grace", "--store-wait", "--more"];
/// Flags of 0.1 without a value.
const SWITCHES: [&str; 11] = [
    "--json",
    "--no-input",
    "--yes",
    "-y",
    "--verbose",
    "-v",
    "--quiet",
    "-q",
    "--retry-failed",
    "--no-pull",
    "--offline",
];

/// Parses the arguments without the program's name. Returns `None` for other commands than `run` and `talk`.
pub fn parse_flags(words: &[String]) -> Option<Recorded> {
    let (mut narrowing, mut role) = (Narrowing::default(), None);
    let (mut had_more, mut positional) = (false, Vec::new());
    let mut words = words.iter().map(String::as_str);
    while let Some(word) = words.next() {
        if word == "--" {
            positional.extend(words.by_ref());
        } else if !word.starts_with('-') || word == "-" {
            positional.push(word);
        } else if SWITCHES.contains(&word) || is_short(word) {
            narrowing.offline |= word == "--offline";
        } else {
            let (flag, value) = word.split_once('=').map_or((word, None), |(flag, value)| (flag, Some(value)));
            let value = value.or_else(|| words.next())?;
            had_more |= flag == "--more";
            match flag {
                "--as" => role = Some(value),
                flag if OTHERS.contains(&flag) => {}
                flag => narrow_by(&mut narrowing, flag, value.to_owned())?,
            }
        }
    }
    let mut overrides = narrowing.read_overrides().ok()?;
    let is_talk = match positional.first().copied() {
        Some("run") if role.is_none() => false,
        Some("talk") => true,
        _ => return None,
    };
    overrides.set.extend(role.map(play_role));
    Some(Recorded { overrides, had_more, is_talk })
}

/// True for combined short switches, such as `-vv`.
fn is_short(word: &str) -> bool {
    !word.starts_with("--") && word.len() > 2 && word[1..].chars().all(|c| "yvq".contains(c))
}

fn narrow_by(narrowing: &mut Narrowing, flag: &str, value: String) -> Option<()> {
    match flag {
        "--model" => narrowing.models.push(value),
        "--days" => narrowing.days = Some(value),
        "--agents" => narrowing.agents.push(value),
        "--messages" => narrowing.messages = Some(value.parse().ok()?),
        "--speakers" => narrowing.speakers = Some(value),
        "--replicates" => narrowing.replicates = Some(value.parse().ok()?),
        "--seed" => narrowing.seed = Some(value.parse().ok()?),
        "--set" => narrowing.set.push(value),
        "--only" => narrowing.only.push(value),
        "--limit" => narrowing.limit = Some(value.parse().ok()?),
        _ => return None,
    }
    Some(())
}
