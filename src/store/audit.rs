//! Faults of a conversation, given all that is stored of it: the same on every database, and pure.

use super::call::{CallRecord, CallState};
use super::status::Status;
use super::turn::{hash, union};
use crate::model::body;
use crate::process::Flag;
use crate::process::log::Entry;
use serde::Serialize;

/// A fault that `verify` found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The conversation's id; empty if the fault is of the database as a whole.
    pub conversation: String,
    /// The fault, as a sentence without its full stop.
    pub what: String,
}

/// A conversation record's claims about its log.
pub(super) struct Counters {
    pub(super) status: Status,
    pub(super) entries: usize,
    pub(super) answered: usize,
    pub(super) possible_spend: usize,
    pub(super) flags: Vec<Flag>,
}

/// Returns the faults of one conversation.
pub(super) fn faults(counters: &Counters, log: &[Entry], calls: &[CallRecord]) -> Vec<String> {
    let mut faults = order(log);
    faults.extend(log.iter().filter_map(|entry| lonely(entry, calls)));
    faults.extend(calls.iter().filter_map(|call| unused(call, log, counters.status)));
    faults.extend(calls.iter().flat_map(|call| unlike(call, log)));
    faults.extend(miscounted(counters, log, calls));
    faults
}

/// A log counts from 0 without a hole, its days never go back, and each index counts the day's messages before it.
fn order(log: &[Entry]) -> Vec<String> {
    let mut faults = Vec::new();
    let (mut day, mut messages) = (1, 0);
    for (place, entry) in (0..).zip(log) {
        let seq = entry.seq;
        if seq != place {
            faults.push(format!("entry {seq} stands where entry {place} should"));
            return faults;
        }
        if entry.day < day {
            faults.push(format!("entry {seq} is of day {} after day {day}", entry.day));
        }
        if entry.day != day {
            (day, messages) = (entry.day, 0);
        }
        if entry.index != messages {
            faults.push(format!("entry {seq} has index {} where the day has {messages} messages", entry.index));
        }
        messages += u32::from(entry.kind.is_message());
    }
    faults
}

fn lonely(entry: &Entry, calls: &[CallRecord]) -> Option<String> {
    let named = entry.call?;
    let call = calls.iter().find(|c| c.seq == entry.seq && c.call == named);
    match call.map(|c| c.state) {
        Some(CallState::Answered) => None,
        Some(_) => Some(format!("entry {} has a call without an answer", entry.seq)),
        None => Some(format!("the call of entry {} is missing", entry.seq)),
    }
}

/// An answer belongs to an entry, but for the last one of a conversation that was stopped there.
fn unused(call: &CallRecord, log: &[Entry], status: Status) -> Option<String> {
    let (seq, word) = (call.seq, call.call.purpose.word());
    let entry = log.iter().find(|e| e.seq == seq);
    if seq as usize > log.len() {
        return Some(format!("a {word} call stands at {seq}, beyond the end of the log"));
    }
    let open = call.state != CallState::Answered || (entry.is_none() && status != Status::Done);
    let used = entry.is_some_and(|e| e.call == Some(call.call));
    (!open && !used).then(|| format!("the answer of the {word} call at {seq} is in no entry"))
}

/// What was sent must come out again, byte for byte (R9); an answer must be there where the state says so.
fn unlike(call: &CallRecord, log: &[Entry]) -> Vec<String> {
    let name = format!("the {} call at {}", call.call.purpose.word(), call.seq);
    let mut faults = Vec::new();
    let rebuilt = body(&call.model, &call.view.messages(log, &[]), &call.parameters);
    if hash(&rebuilt) != call.body_sha256 {
        faults.push(format!("{name}: the request built again is not the one that was sent"));
    }
    if (call.state == CallState::Answered) != call.reply.is_some() {
        faults.push(format!("{name}: its state and its answer disagree"));
    }
    faults
}

fn miscounted(row: &Counters, log: &[Entry], calls: &[CallRecord]) -> Option<String> {
    let answered = log.iter().filter(|e| e.call.is_some()).count();
    let lost = calls.iter().flat_map(|c| &c.attempts).filter(|a| a.possible_spend).count();
    let possible_spend = lost + calls.iter().filter(|c| c.state == CallState::Sent).count();
    let flags = union(log.iter().flat_map(|e| &e.flags));
    let right = (row.entries, row.answered, row.possible_spend) == (log.len(), answered, possible_spend);
    (!right || row.flags != flags).then(|| "its counters are not those of its log".to_owned())
}
