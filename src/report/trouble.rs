//! Lines about trouble in a run. No line is reported twice.

use crate::run::Event;
use crate::store::{ProcessKind, Status};
use std::collections::{BTreeMap, BTreeSet};

/// Trouble that has been reported.
#[derive(Default)]
pub struct Trouble {
    kind: ProcessKind,
    /// The last reason of a wait for each server.
    waits: BTreeMap<String, String>,
    holders: BTreeSet<String>,
}

impl Trouble {
    /// Returns the line of an event that is trouble, unless this trouble has been reported before.
    pub fn line_of(&mut self, event: &Event) -> Option<String> {
        match event {
            Event::Stopped { reason, .. } => Some(format!("no further requests: {reason}")),
            Event::ServerAway { server, reason } => {
                Some(format!("{reason}; {server} gets no prompt until it lists its models again (--server-wait)"))
            }
            Event::ServerBack { server } => Some(format!("{server} is back; continuing")),
            Event::StoreAway { reason } => Some(format!("paused: {reason}")),
            Event::StoreBack => Some("the database is back; continuing".to_owned()),
            Event::LongContext { model, num_ctx, context } => {
                let more = format!("num_ctx = {num_ctx} is more than the model has ({context})");
                Some(format!("warning: {model}: {more}: its server may use less, or fail"))
            }
            Event::WithoutSchema { model, reason } => {
                Some(format!("{model} gets no schema for its turns from here on, only their description: {reason}"))
            }
            Event::Spent { bound, grace } => {
                let finish = grace.map_or_else(|| "finish".to_owned(), |grace| format!("have {grace} s to finish"));
                Some(format!("stopping: {bound} is reached; turns in flight {finish}"))
            }
            Event::Stopping { grace } => {
                Some(format!("stopping: turns in flight have {grace} s to finish; Ctrl-C again exits at once"))
            }
            Event::Waiting { server, reason, left, .. } => {
                let is_new = self.waits.insert(server.clone(), reason.clone()).as_ref() != Some(reason);
                let end = left.map_or_else(String::new, |left| format!("; it has {} s to answer", left.div_ceil(1000)));
                is_new.then(|| format!("waiting for {server}: {reason}{end}"))
            }
            // A wait that was reported has its reason.
            Event::Silent { server } => {
                (!self.waits.contains_key(server)).then(|| format!("waiting for the first answer of {server}"))
            }
            Event::Held { holder, .. } => self.holders.insert(holder.clone()).then(|| {
                format!("some conversations are in use by {holder}: continuing with the others, then waiting for these")
            }),
            Event::Ended { status, reason, conversation, .. } => {
                let reason = reason.as_ref().filter(|_| *status == Status::Failed)?;
                Some(format!("{} {conversation} failed: {reason}", self.kind))
            }
            Event::Begin { kind, .. } => {
                self.kind = *kind;
                None
            }
            Event::Pull { .. }
            | Event::Started { .. }
            | Event::Entry { .. }
            | Event::Answered { .. }
            | Event::Embedded { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_wait_for_each_server_is_reported_once() {
        let mut trouble = Trouble::default();
        let wait = |server: &str, reason: &str, left| Event::Waiting {
            conversation: "c".to_owned(),
            server: server.to_owned(),
            reason: reason.to_owned(),
            wait: 1,
            left,
        };
        let events = [
            wait("a", "refused", Some(14_500)),
            wait("b", "refused", None),
            wait("a", "refused", Some(13_000)),
            wait("b", "refused", None),
            wait("a", "busy", None),
            Event::Silent { server: "a".to_owned() },
            Event::Silent { server: "c".to_owned() },
        ];
        let lines: Vec<String> = events.iter().filter_map(|event| trouble.line_of(event)).collect();
        let expected = [
            "waiting for a: refused; it has 15 s to answer",
            "waiting for b: refused",
            "waiting for a: busy",
            "waiting for the first answer of c",
        ];
        assert_eq!(lines, expected);
    }
}
