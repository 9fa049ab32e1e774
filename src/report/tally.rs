//! Counts that every reporter for people shows.

use crate::model::Usage;
use crate::run::Event;
use crate::store::{ProcessKind, Status, Tokens};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How far the run has come.
#[derive(Debug, Default)]
pub struct Tally {
    /// The kind of process that is worked on.
    pub kind: ProcessKind,
    /// Conversations asked for, and how many are done, failed, interrupted.
    pub asked: usize,
    /// At their end, before this run too.
    pub done: usize,
    /// Failed, before this run too.
    pub failed: usize,
    /// Calls answered in this run, in all and by the condition's model.
    pub calls: BTreeMap<String, u64>,
    /// Calls expected, by the condition's model.
    pub expected: BTreeMap<String, u64>,
    /// Tokens by the condition's model.
    pub tokens: BTreeMap<String, Tokens>,
    /// Answers that were counted before their entry, by conversation and seq.
    early: BTreeSet<(String, u32)>,
    /// What is being waited for, if anything.
    pub waiting: Option<String>,
}

impl Tally {
    /// Counts an event.
    pub fn on(&mut self, event: &Event) {
        match event {
            Event::Begin { kind, conversations, done, failed, calls, .. } => {
                self.kind = *kind;
                (self.asked, self.done, self.failed) = (*conversations, *done, *failed);
                self.expected.clone_from(calls);
            }
            Event::Answered { conversation, seq, model, usage } => {
                self.early.insert((conversation.clone(), *seq));
                self.answered(model, usage);
            }
            Event::Entry { conversation, seq, model, called: true, usage, .. }
                if !self.early.remove(&(conversation.clone(), *seq)) =>
            {
                self.answered(model, usage);
            }
            Event::Ended { status, model, unused, .. } => {
                self.done += usize::from(*status == Status::Done);
                self.failed += usize::from(*status == Status::Failed);
                // A day that a stop phrase ended leaves calls that will not come.
                if let Some(expected) = self.expected.get_mut(model).filter(|_| *status == Status::Done) {
                    *expected = expected.saturating_sub(u64::from(*unused));
                }
            }
            Event::Waiting { server, reason, wait, .. } => {
                self.waiting = Some(format!("{server}: {reason}; again in {:.1} s", *wait as f64 / 1000.0));
            }
            Event::StoreAway { reason } => self.waiting = Some(reason.clone()),
            Event::StoreBack | Event::Started { .. } => self.waiting = None,
            Event::Pull { model, doing, completed, total } => {
                self.waiting = Some(match (completed, total) {
                    (Some(done), Some(all)) => format!("fetching {model}: {doing}, {} of {}", size(*done), size(*all)),
                    _ => format!("fetching {model}: {doing}"),
                });
            }
            _ => {}
        }
    }

    fn answered(&mut self, model: &str, usage: &Usage) {
        *self.calls.entry(model.to_owned()).or_insert(0) += 1;
        self.tokens.entry(model.to_owned()).or_default().add(usage);
        self.waiting = None;
    }

    /// Calls answered over all models.
    pub fn all_calls(&self) -> u64 {
        self.calls.values().sum()
    }

    /// Calls expected over all models, never fewer than came.
    pub fn all_expected(&self) -> u64 {
        let known = self.expected.iter().map(|(model, expected)| (*expected).max(self.calls_of(model)));
        known.sum::<u64>().max(self.all_calls())
    }

    /// Calls answered of one model.
    pub fn calls_of(&self, model: &str) -> u64 {
        self.calls.get(model).copied().unwrap_or(0)
    }

    /// Tokens over all models.
    pub fn all_tokens(&self) -> u64 {
        self.tokens.values().map(|t| t.prompt + t.completion).sum()
    }

    /// `2.5 turns/s · about 3 min left`.
    pub fn pace(&self, elapsed: Duration) -> String {
        let calls = self.all_calls();
        if calls == 0 || elapsed.as_secs_f64() < 0.5 {
            return String::new();
        }
        let rate = calls as f64 / elapsed.as_secs_f64();
        let left = (self.all_expected() - calls) as f64 / rate;
        format!("{rate:.1} turns/s · about {} left", duration(left))
    }
}

/// Bytes as people read them.
pub fn size(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{} kB", bytes / 1000),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.2} GB", bytes as f64 / 1e9),
    }
}

/// Seconds as people read them.
pub fn duration(seconds: f64) -> String {
    let seconds = seconds.max(0.0).round() as u64;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds.div_ceil(60)),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// A count with thousands apart.
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
        assert_eq!([duration(0.4), duration(61.0), duration(7300.0)], ["0 s", "2 min", "2 h 1 min"]);
        assert_eq!([size(1500), size(4_661_224_000)], ["1 kB", "4.66 GB"]);
    }
}
