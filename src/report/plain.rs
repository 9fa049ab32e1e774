//! Plain lines for files, pipes and screen readers.

use super::reporter::{Lines, Reporter};
use super::tally::{Tally, count, format_bytes};
use crate::run::Event;
use std::collections::BTreeSet;
use std::time::Duration;

/// Minimum time between two lines of progress.
const EVERY: Duration = Duration::from_secs(10);

/// Writes plain lines.
pub struct Plain {
    lines: Lines,
    /// False to report trouble only.
    counts: bool,
    tally: Tally,
    printed_at: Duration,
    waits: Option<String>,
    holders: BTreeSet<String>,
    /// The layer reported last, with its size.
    fetching: Option<(String, u64)>,
}

impl Plain {
    /// Creates a reporter that passes its lines to `lines`.
    pub fn new(lines: Lines) -> Self {
        Self {
            lines,
            counts: true,
            tally: Tally::default(),
            printed_at: Duration::ZERO,
            waits: None,
            holders: BTreeSet::new(),
            fetching: None,
        }
    }

    /// Creates a reporter that omits progress and reports trouble only.
    #[must_use]
    pub fn of_trouble(lines: Lines) -> Self {
        Self { counts: false, ..Self::new(lines) }
    }

    fn print_progress(&mut self, elapsed: Duration) {
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
        for more in [t.describe_pace(elapsed), t.waiting.clone().unwrap_or_default()].iter().filter(|m| !m.is_empty()) {
            line += " · ";
            line += more;
        }
        (self.lines)(&line);
        self.printed_at = elapsed;
    }
}

impl Reporter for Plain {
    fn on_event(&mut self, event: &Event, elapsed: Duration) {
        self.tally.count_event(event);
        match event {
            Event::Stopped { reason, .. } => (self.lines)(&format!("no further requests: {reason}")),
            Event::StoreAway { reason } => (self.lines)(&format!("paused: {reason}")),
            Event::StoreBack => (self.lines)("the database is back; going on"),
            Event::Stopping { grace } => (self.lines)(&describe_stop(*grace)),
            Event::Pull { model, total: Some(total), .. }
                if self.fetching.as_ref() != Some(&(model.clone(), *total)) =>
            {
                (self.lines)(&format!("fetching {model}: a layer of {}", format_bytes(*total)));
                self.fetching = Some((model.clone(), *total));
            }
            Event::Waiting { server, reason, .. } if self.waits.as_ref() != Some(reason) => {
                (self.lines)(&format!("waiting for {server}: {reason}"));
                self.waits = Some(reason.clone());
            }
            Event::Held { holder, .. } if self.holders.insert(holder.clone()) => {
                (self.lines)(&describe_holder(holder));
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
        if self.counts && elapsed >= self.printed_at + EVERY {
            self.print_progress(elapsed);
        }
    }

    fn end(&mut self) {}
}

/// Line printed when another process holds some of the conversations.
pub fn describe_holder(holder: &str) -> String {
    format!("some conversations are in the hands of {holder}: going on with the rest, then waiting for these")
}

/// Line printed on the first Ctrl-C.
pub fn describe_stop(grace: u64) -> String {
    format!("stopping: turns in flight have {grace} s to finish; Ctrl-C again leaves at once")
}
