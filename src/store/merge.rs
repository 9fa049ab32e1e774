//! Merging of an item that both databases of a copy contain. It is pure, and the same for every database.

use super::call::{CallRecord, CallState};
use super::error::StoreError;
use super::records::{ConversationRecord, ExperimentRecord, RunRecord};
use super::status::Status;
use super::turn::{self, Written};
use crate::process::Flag;
use crate::process::log::Entry;

/// A conversation with its log and calls.
#[derive(Debug, Clone, Copy)]
pub(super) struct Whole<'a> {
    pub(super) record: &'a ConversationRecord,
    pub(super) log: &'a [Entry],
    pub(super) calls: &'a [CallRecord],
}

/// Counts of a conversation's log and calls, as its record stores them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) entries: u32,
    pub(super) answered: u32,
    pub(super) possible_spend: i64,
    pub(super) flags: Vec<Flag>,
}

/// Result of merging two copies of a conversation.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Merge {
    /// The stored copy stays unchanged.
    Stays,
    /// The stored copy stays, with this record, which includes the marks of the received copy.
    Marked(Box<ConversationRecord>),
    /// The received copy has more progress. Its log and calls replace the stored ones, and this record replaces the
    /// stored record.
    Replaced(Box<ConversationRecord>),
}

impl ConversationRecord {
    /// Returns the record as another database stores it: without a lease, and as interrupted if it was running.
    #[must_use]
    pub fn as_copied(&self) -> Self {
        let mut record = Self { lease: None, ..self.clone() };
        // One whose process is gone is read as interrupted, with its lease.
        if record.status == Status::Running || self.lease.is_some() {
            record.status = Status::Interrupted;
            record.reason = Some(COPIED_RUNNING.to_owned());
        }
        record
    }
}

const COPIED_RUNNING: &str = "it was copied while it was running";

/// Merges two copies of a conversation.
pub(super) fn merge_conversations(here: Whole<'_>, given: Whole<'_>) -> Result<Merge, StoreError> {
    let apart = |why: &str| {
        Err(StoreError::Refused { what: format!("conversation {} {why}: it stays as it is here", given.record.id) })
    };
    let (old, new) = (here.record.as_copied(), given.record.as_copied());
    if fixed_fields(&old) != fixed_fields(&new) {
        return apart("is another here");
    }
    if !given.log.starts_with(here.log) && !here.log.starts_with(given.log) {
        return apart("went on otherwise here");
    }
    if old.note.is_some() && new.note.is_some() && old.note != new.note {
        return apart("has another note here");
    }
    let further = (measure_progress(&new, given), measure_progress(&old, here));
    let (ahead, behind) = if further.0 >= further.1 { (given, here) } else { (here, given) };
    if !has_answers(ahead.calls, behind.calls) || (further.0 == further.1 && here.calls != given.calls) {
        return apart("was asked otherwise here");
    }
    let note = new.note.clone().or_else(|| old.note.clone());
    let starred = old.starred || new.starred;
    if further.0 > further.1 {
        return Ok(Merge::Replaced(Box::new(ConversationRecord { starred, note, ..new })));
    }
    let revision = if further.0 == further.1 { new.revision } else { old.revision.clone() };
    let marked = ConversationRecord { revision, starred, note, ..old.clone() };
    Ok(if marked == old { Merge::Stays } else { Merge::Marked(Box::new(marked)) })
}

/// Returns the fields that no run changes.
fn fixed_fields(record: &ConversationRecord) -> impl PartialEq + use<'_> {
    let made = (&record.experiment, &record.key, &record.creator, record.created);
    let question = (record.kind, &record.subject, &record.question);
    (made, question, &record.condition, record.replicate, record.seed, record.offline)
}

/// Returns the progress of a conversation, for comparison.
fn measure_progress(record: &ConversationRecord, whole: Whole<'_>) -> impl Ord + use<> {
    let status = match record.status {
        Status::Pending => 0,
        Status::Running | Status::Interrupted => 1,
        Status::Incomplete => 2,
        Status::Failed => 3,
        Status::Done => 4,
    };
    let attempts: usize = whole.calls.iter().map(|c| c.attempts.len()).sum();
    let ended = whole.calls.iter().filter(|c| c.state != CallState::Sent).count();
    (whole.log.len(), record.retries, status, whole.calls.len(), attempts, ended)
}

/// Returns true if the calls `ahead` contain every answer of `behind`, since each answer may have been paid for.
fn has_answers(ahead: &[CallRecord], behind: &[CallRecord]) -> bool {
    let known =
        |call: &CallRecord| ahead.iter().any(|c| (c.seq, c.call) == (call.seq, call.call) && c.reply == call.reply);
    behind.iter().filter(|c| c.state == CallState::Answered).all(known)
}

/// Returns true if a received experiment replaces the stored one.
pub(super) fn replaces_experiment(here: &ExperimentRecord, given: &ExperimentRecord) -> Result<bool, StoreError> {
    let of = |e: &ExperimentRecord| (e.creator.clone(), e.created, e.parent.clone());
    if here == given {
        return Ok(false);
    }
    if of(here) == of(given) && given.version > here.version {
        return Ok(true);
    }
    Err(refuse_experiment(given, &format!("was changed here, to version {}", here.version)))
}

/// Returns the refusal of a received experiment.
pub(super) fn refuse_experiment(given: &ExperimentRecord, why: &str) -> StoreError {
    let ExperimentRecord { name, creator, id, version, .. } = given;
    let what = format!("experiment `{name}` by {creator} (id:{id}, version {version}) {why}: it stays as it is here");
    StoreError::Refused { what }
}

/// Returns the end of a received run if the stored run has no end. The two runs must be equal otherwise.
pub(super) fn new_run_end<'a>(here: &RunRecord, given: &'a RunRecord) -> Result<Option<&'a str>, StoreError> {
    let open = |run: &RunRecord| RunRecord { ended: None, ..run.clone() };
    match (&here.ended, &given.ended) {
        _ if open(here) != open(given) => {}
        (None, Some(ended)) => return Ok(Some(ended)),
        (Some(here), Some(given)) if here != given => {}
        _ => return Ok(None),
    }
    Err(StoreError::Refused { what: format!("run {} is another here: it stays as it is here", given.id) })
}

/// Returns a call in the form in which a run writes it. Attempts before its last request count as earlier attempts.
pub(super) fn written_call(call: &CallRecord) -> Written {
    let earlier = call.attempts.iter().take_while(|a| a.at < call.sent).count();
    let spend = turn::count_spend(&call.attempts, call.state);
    Written { state: call.state, attempts: call.attempts.clone(), earlier, spend, more: spend }
}

pub(super) fn tally_log(log: &[Entry], calls: &[&CallRecord]) -> Tally {
    Tally {
        entries: log.len() as u32,
        answered: log.iter().filter(|e| e.call.is_some()).count() as u32,
        possible_spend: calls.iter().map(|c| turn::count_spend(&c.attempts, c.state)).sum(),
        flags: turn::unite_flags(log.iter().flat_map(|e| &e.flags)),
    }
}

/// Returns true if a run has changed the conversation.
pub(super) fn is_begun(record: &ConversationRecord, tally: &Tally, calls: usize) -> bool {
    tally.entries > 0 || calls > 0 || record.status != Status::Pending
}
