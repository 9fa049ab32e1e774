//! Counts that bars and plain lines show.

use crate::model::Usage;
use crate::run::Event;
use crate::store::{ProcessKind, Status, Tokens};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Progress of a run.
#[derive(Debug, Default)]
pub struct Tally {
    /// Kind of process that the run works on.
    pub kind: ProcessKind,
    /// Number of conversations in the run.
    pub asked: usize,
    /// Conversations that are done, earlier runs included.
    pub done: usize,
    /// Conversations that failed, earlier runs included.
    pub failed: usize,
    /// Calls answered in this run, by the condition's model.
    pub calls: BTreeMap<String, u64>,
    /// Calls expected, by the condition's model.
    pub expected: BTreeMap<String, u64>,
    /// Tokens, by the condition's model.
    pub tokens: BTreeMap<String, Tokens>,
    /// Answers that were counted when they arrived, before their entry: conversation and seq.
    early: BTreeSet<(String, u32)>,
    /// Seconds of the work, as estimated before it began.
    seconds: Option<f64>,
    /// The current reason for waiting, if any.
    pub waiting: Option<String>,
}

impl Tally {
    /// Counts an event.
    pub fn count_event(&mut self, event: &Event) {
        match event {
            Event::Begin { kind, conversations, done, failed, calls, seconds, .. } => {
                (self.kind, self.seconds) = (*kind, *seconds);
                (self.asked, self.done, self.failed) = (*conversations, *done, *failed);
                self.expected.clone_from(calls);
            }
            Event::Answered { conversation, seq, model, usage } => {
                self.early.insert((conversation.clone(), *seq));
                self.count_answer(model, usage);
            }
            Event::Entry { conversation, seq, model, called: true, usage, .. }
                if !self.early.remove(&(conversation.clone(), *seq)) =>
            {
                self.count_answer(model, usage);
            }
            Event::Embedded { model, usage, .. } => self.tokens.entry(model.clone()).or_default().add(usage),
            Event::Ended { status, model, unused, .. } => {
                self.done += usize::from(*status == Status::Done);
                self.failed += usize::from(*status == Status::Failed);
                // If a stop phrase ends a day, the day has fewer calls than expected.
                if let Some(expected) = self.expected.get_mut(model).filter(|_| *status == Status::Done) {
                    *expected = expected.saturating_sub(u64::from(*unused));
                }
            }
            Event::Waiting { server, reason, wait, left, .. } => {
                let most = left.map_or_else(String::new, |left| format!(", for {} s at most", left.div_ceil(1000)));
                self.waiting = Some(format!("{server}: {reason}; again in {:.1} s{most}", *wait as f64 / 1000.0));
            }
            Event::Silent { server } => {
                self.waiting.get_or_insert_with(|| format!("{server}: no answer yet"));
            }
            Event::ServerAway { reason, .. } | Event::StoreAway { reason } => self.waiting = Some(reason.clone()),
            Event::ServerBack { .. } | Event::StoreBack | Event::Started { .. } => self.waiting = None,
            Event::Pull { model, doing, completed, total } => {
                self.waiting = Some(match (completed, total) {
                    (Some(done), Some(all)) => {
                        format!("fetching {model}: {doing}, {} of {}", format_bytes(*done), format_bytes(*all))
                    }
                    _ => format!("fetching {model}: {doing}"),
                });
            }
            Event::Entry { .. }
            | Event::Stopped { .. }
            | Event::Held { .. }
            | Event::LongContext { .. }
            | Event::WithoutSchema { .. }
            | Event::Spent { .. }
            | Event::Stopping { .. } => {}
        }
    }

    fn count_answer(&mut self, model: &str, usage: &Usage) {
        *self.calls.entry(model.to_owned()).or_insert(0) += 1;
        self.tokens.entry(model.to_owned()).or_default().add(usage);
        self.waiting = None;
    }

    /// Number of answered calls over all models.
    pub fn all_calls(&self) -> u64 {
        self.calls.values().sum()
    }

    /// Number of expected calls over all models; at least the number of answered calls.
    pub fn all_expected(&self) -> u64 {
        let known = self.expected.iter().map(|(model, expected)| (*expected).max(self.calls_of(model)));
        known.sum::<u64>().max(self.all_calls())
    }

    /// Number of answered calls of one model.
    pub fn calls_of(&self, model: &str) -> u64 {
        self.calls.get(model).copied().unwrap_or(0)
    }

    /// Number of tokens over all models.
    pub fn all_tokens(&self) -> u64 {
        self.tokens.values().map(|t| t.prompt + t.completion).sum()
    }

    /// Describes the pace: `2.5 turns/s · about 3 min left`.
    pub fn describe_pace(&self, elapsed: Duration) -> String {
        let calls = self.all_calls();
        if calls == 0 || elapsed.as_secs_f64() < 0.5 {
            return self.seconds.map_or_else(String::new, |all| format!("about {} left", format_seconds(all)));
        }
        let rate = calls as f64 / elapsed.as_secs_f64();
        let left = (self.all_expected() - calls) as f64 / rate;
        format!("{rate:.1} turns/s · about {} left", format_seconds(left))
    }
}

/// Formats a number of bytes for people.
pub fn format_bytes(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{} kB", bytes / 1000),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.2} GB", bytes as f64 / 1e9),
    }
}

/// Formats a number of seconds for people.
pub fn format_seconds(seconds: f64) -> String {
    let seconds = seconds.max(0.0).round() as u64;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds.div_ceil(60)),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// Formats a count with a comma between thousands.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_people_read_them() {
        assert_eq!([count(7), count(1234), count(1_234_567)], ["7", "1,234", "1,234,567"]);
        assert_eq!([format_seconds(0.4), format_seconds(61.0), format_seconds(7300.0)], ["0 s", "2 min", "2 h 1 min"]);
        assert_eq!([format_bytes(1500), format_bytes(4_661_224_000)], ["1 kB", "4.66 GB"]);
    }
}
