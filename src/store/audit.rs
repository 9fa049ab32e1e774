//! Checks that find faults in the stored parts of a conversation. They are pure, and the same for every database.

use super::call::{CallRecord, CallState};
use super::records::{ConversationRecord, QuestionRecord, UsedModel};
use super::status::Status;
use super::turn::{hash_hex, unite_flags};
use crate::design::ModelSpec;
use crate::model::body;
use crate::process::Flag;
use crate::process::log::Entry;
use crate::process::question::{Asked, log_hash};
use crate::process::world::Ears;
use serde::Serialize;

/// A fault that `verify` found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The conversation's id; empty if the fault is of the database as a whole.
    pub conversation: String,
    /// The fault, as a sentence without its full stop.
    pub what: String,
}

/// Counters of a conversation's record, to be compared with its log.
pub(super) struct Counters {
    pub(super) status: Status,
    pub(super) entries: usize,
    pub(super) answered: usize,
    pub(super) possible_spend: usize,
    pub(super) flags: Vec<Flag>,
}

/// Returns the faults of one process. `subject` is the log of the finished conversation that the process is about;
/// empty if there is none.
pub(super) fn find_faults(counters: &Counters, log: &[Entry], calls: &[CallRecord], subject: &[Entry]) -> Vec<String> {
    let mut faults = check_order(log);
    faults.extend(log.iter().filter_map(|entry| check_call_of(entry, calls)));
    faults.extend(calls.iter().filter_map(|call| check_answer_used(call, log, counters.status)));
    faults.extend(calls.iter().flat_map(|call| check_request(call, log, subject)));
    faults.extend(check_counters(counters, log, calls));
    faults
}

/// Returns the fault of a question whose conversation is missing.
pub(super) fn without_subject(subject: &str) -> String {
    format!("the conversation {subject} that it is about is missing")
}

/// Returns the fault of a question if its log begins with another text than its record contains.
pub(super) fn wrong_text(question: &ConversationRecord, own: &[Entry]) -> Option<String> {
    let (text, asked) = (&question.question.as_ref()?.text, own.first()?);
    (asked.content != *text).then(|| "entry 0 is not its question".to_owned())
}

/// Returns the fault of a question if its key is not the hash of question, conversation and log. If one model answered
/// in place of each agent's own, the record lists it among the models in use.
pub(super) fn wrong_key(question: &ConversationRecord, subject: &str, log: &[Entry]) -> Option<String> {
    let Some(QuestionRecord { text, role, again, .. }) = &question.question else {
        return Some("it is about a conversation and has no question".to_owned());
    };
    let log = log_hash(log);
    let key = |model: Option<&ModelSpec>| Asked { subject, log: &log, role, text, model, again: *again }.key();
    let models: Vec<ModelSpec> = question.models.iter().map(declared_model).collect();
    let right = key(None) == question.key || models.iter().any(|model| key(Some(model)) == question.key);
    (!right).then(|| "its key is not that of its question and its conversation".to_owned())
}

fn declared_model(used: &UsedModel) -> ModelSpec {
    ModelSpec { id: used.id.clone(), sampling: used.sampling.clone(), ..ModelSpec::default() }
}

/// Checks that a log counts from 0 without a gap, that days never decrease, and that indexes count a day's messages, or in a
/// world the steps of a day.
fn check_order(log: &[Entry]) -> Vec<String> {
    let mut faults = Vec::new();
    let (mut day, mut messages) = (1, 0);
    let is_world = log.first().and_then(Ears::of_opening).is_some();
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
        if is_world {
            if entry.index < messages {
                faults.push(format!("entry {seq} is of step {} after step {messages}", entry.index));
            }
            messages = entry.index;
            continue;
        }
        if entry.index != messages {
            faults.push(format!("entry {seq} has index {} where the day has {messages} messages", entry.index));
        }
        messages += u32::from(entry.kind.is_message());
    }
    faults
}

fn check_call_of(entry: &Entry, calls: &[CallRecord]) -> Option<String> {
    let named = entry.call?;
    let call = calls.iter().find(|c| c.seq == entry.seq && c.call == named);
    match call.map(|c| c.state) {
        Some(CallState::Answered) => None,
        Some(_) => Some(format!("entry {} has a call without an answer", entry.seq)),
        None => Some(format!("the call of entry {} is missing", entry.seq)),
    }
}

/// Checks that an answer belongs to an entry. Calls beyond the end of the log were in flight when the process stopped.
/// A process that is done has no such calls.
fn check_answer_used(call: &CallRecord, log: &[Entry], status: Status) -> Option<String> {
    let (seq, word) = (call.seq, call.call.purpose.word());
    let Some(entry) = log.get(seq as usize) else {
        let what = format!("a {word} call stands at {seq}, beyond the end of the log");
        return (status == Status::Done).then_some(what);
    };
    let used = call.state != CallState::Answered || entry.call == Some(call.call);
    (!used).then(|| format!("the answer of the {word} call at {seq} is in no entry"))
}

/// Checks that the request can be built again byte for byte (R9), and that exactly the answered calls have a reply.
fn check_request(call: &CallRecord, log: &[Entry], subject: &[Entry]) -> Vec<String> {
    let name = format!("the {} call at {}", call.call.purpose.word(), call.seq);
    let mut faults = Vec::new();
    let rebuilt = body(&call.model, &call.view.messages(log, subject), &call.parameters);
    if hash_hex(&rebuilt) != call.body_sha256 {
        faults.push(format!("{name}: the request built again is not the one that was sent"));
    }
    if (call.state == CallState::Answered) != call.reply.is_some() {
        faults.push(format!("{name}: its state and its answer disagree"));
    }
    faults
}

fn check_counters(row: &Counters, log: &[Entry], calls: &[CallRecord]) -> Option<String> {
    let answered = log.iter().filter(|e| e.call.is_some()).count();
    let lost = calls.iter().flat_map(|c| &c.attempts).filter(|a| a.possible_spend).count();
    let possible_spend = lost + calls.iter().filter(|c| c.state == CallState::Sent).count();
    let flags = unite_flags(log.iter().flat_map(|e| &e.flags));
    let right = (row.entries, row.answered, row.possible_spend) == (log.len(), answered, possible_spend);
    (!right || row.flags != flags).then(|| "its counters are not those of its log".to_owned())
}
