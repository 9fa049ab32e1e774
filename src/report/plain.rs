//! Plain lines, now and then: for files, pipes and readers of screens.

use super::reporter::{Lines, Reporter};
use super::tally::{Tally, count, size};
use crate::run::Event;
use std::collections::BTreeSet;
use std::time::Duration;

/// A line of progress at most so often.
const EVERY: Duration = Duration::from_secs(10);

/// Writes plain lines.
pub struct Plain {
    lines: Lines,
    /// Whether progress is told now and then.
    counts: bool,
    tally: Tally,
    told: Duration,
    waits: Option<String>,
    holders: BTreeSet<String>,
    /// The layer that was told last.
    fetching: Option<(String, u64)>,
}

impl Plain {
    /// A reporter that gives its lines to `lines`.
    pub fn new(lines: Lines) -> Self {
        Self {
            lines,
            counts: true,
            tally: Tally::default(),
            told: Duration::ZERO,
            waits: None,
            holders: BTreeSet::new(),
            fetching: None,
        }
    }

    /// One that tells of trouble only.
    #[must_use]
    pub fn of_trouble(lines: Lines) -> Self {
        Self { counts: false, ..Self::new(lines) }
    }

    fn progress(&mut self, elapsed: Duration) {
        let t = &self.tally;
        let mut line = format!(
            "{} of {} {}s done, {} failed · {} of {} turns · {} tokens",
            t.done,
            t.asked,
            t.kind.word(),
            t.failed,
            count(t.all_calls()),
            count(t.all_expected()),
            count(t.all_tokens())
        );
        for more in [t.pace(elapsed), t.waiting.clone().unwrap_or_default()].iter().filter(|m| !m.is_empty()) {
            line += " · ";
            line += more;
        }
        (self.lines)(&line);
        self.told = elapsed;
    }
}

impl Reporter for Plain {
    fn on(&mut self, event: &Event, elapsed: Duration) {
        self.tally.on(event);
        match event {
            Event::Stopped { reason, .. } => (self.lines)(&format!("no further requests: {reason}")),
            Event::StoreAway { reason } => (self.lines)(&format!("paused: {reason}")),
            Event::StoreBack => (self.lines)("the database is back; going on"),
            Event::Stopping { grace } => (self.lines)(&stopping(*grace)),
            Event::Pull { model, total: Some(total), .. }
                if self.fetching.as_ref() != Some(&(model.clone(), *total)) =>
            {
                (self.lines)(&format!("fetching {model}: a layer of {}", size(*total)));
                self.fetching = Some((model.clone(), *total));
            }
            Event::Waiting { server, reason, .. } if self.waits.as_ref() != Some(reason) => {
                (self.lines)(&format!("waiting for {server}: {reason}"));
                self.waits = Some(reason.clone());
            }
            Event::Held { holder, .. } if self.holders.insert(holder.clone()) => {
                (self.lines)(&held(holder));
            }
            Event::Ended { status, reason: Some(reason), conversation, .. }
                if *status == crate::store::Status::Failed =>
            {
                (self.lines)(&format!("{} {conversation} failed: {reason}", self.tally.kind.word()));
            }
            _ => {}
        }
        self.tick(elapsed);
    }

    fn tick(&mut self, elapsed: Duration) {
        if self.counts && elapsed >= self.told + EVERY {
            self.progress(elapsed);
        }
    }

    fn end(&mut self) {}
}

/// What is said where another process works on some of the conversations.
pub fn held(holder: &str) -> String {
    format!("some conversations are in the hands of {holder}: going on with the rest, then waiting for these")
}

/// What is said on the first Ctrl-C.
pub fn stopping(grace: u64) -> String {
    format!("stopping: turns in flight have {grace} s to finish; Ctrl-C again leaves at once")
}
