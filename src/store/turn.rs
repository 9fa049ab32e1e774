//! Effect of a write of a turn, computed from the stored data: the same on every database, and pure.

use super::call::{CallRecord, CallState};
use super::error::StoreError;
use super::records::Millis;
use crate::model::Attempt;
use crate::model::parameters::SCHEMAS;
use crate::process::Flag;
use crate::process::log::Entry;
use crate::process::prompt::{Ending, Part, View};
use serde_json::{Map, Value as Json};
use sha2::{Digest, Sha256};
use std::collections::HashMap;

/// Stored state of a call.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub(super) state: CallState,
    /// Epoch of the claim that wrote it.
    pub(super) epoch: u64,
    pub(super) sent: Millis,
    pub(super) attempts: Vec<Attempt>,
    /// Number of attempts of earlier requests.
    pub(super) earlier: usize,
    /// Attempts that may have been paid for without a reply, plus one while the call is `sent`.
    pub(super) spend: i64,
}

/// Fields of a call that a write sets.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Written {
    pub(super) state: CallState,
    pub(super) attempts: Vec<Attempt>,
    /// Number of attempts of earlier requests.
    pub(super) earlier: usize,
    /// Attempts that may have been paid for without a reply, plus one while the call is `sent`.
    pub(super) spend: i64,
    /// Change of the conversation's possible spend.
    pub(super) more: i64,
}

/// Returns the fields of a call that leaves; `None` if the same request is already stored, as after a write whose
/// answer was lost.
pub(super) fn prepare_sent(
    conversation: &str,
    epoch: u64,
    old: Option<Kept>,
    call: &CallRecord,
) -> Result<Option<Written>, StoreError> {
    let Some(old) = old else {
        return Ok(Some(join_attempts(&[], call, CallState::Sent, 0)));
    };
    let mut earlier = old.attempts;
    match old.state {
        CallState::Answered => {
            return Err(StoreError::Answered { conversation: conversation.to_owned(), seq: call.seq, call: call.call });
        }
        CallState::Sent if old.epoch == epoch && old.sent == call.sent => return Ok(None),
        CallState::Sent => earlier.push(lost_attempt(old.sent)),
        CallState::Failed => {}
    }
    Ok(Some(join_attempts(&earlier, call, CallState::Sent, old.spend)))
}

fn lost_attempt(sent: Millis) -> Attempt {
    Attempt {
        at: sent,
        took: 0,
        error: Some("lost".to_owned()),
        message: Some("the program ended before an answer was stored".to_owned()),
        waited: None,
        possible_spend: true,
    }
}

/// Returns the fields of a call that was answered or failed; `None` if its answer is already stored.
pub(super) fn prepare_settled(old: Option<Kept>, call: &CallRecord) -> Option<Written> {
    match old {
        None => Some(join_attempts(&[], call, call.state, 0)),
        Some(old) if old.state == CallState::Answered => None,
        Some(old) => {
            let earlier = &old.attempts[..old.earlier.min(old.attempts.len())];
            Some(join_attempts(earlier, call, call.state, old.spend))
        }
    }
}

/// Joins `earlier` attempts with the call's own. A caller that read earlier attempts may repeat them; they count once.
fn join_attempts(earlier: &[Attempt], call: &CallRecord, state: CallState, old_spend: i64) -> Written {
    let own = call.attempts.strip_prefix(earlier).unwrap_or(&call.attempts);
    let attempts: Vec<Attempt> = earlier.iter().chain(own).cloned().collect();
    let spend = count_spend(&attempts, state);
    Written { state, attempts, earlier: earlier.len(), spend, more: spend - old_spend }
}

/// Returns the number of requests that may have been paid for without a reply.
pub fn count_spend(attempts: &[Attempt], state: CallState) -> i64 {
    attempts.iter().map(|a| i64::from(a.possible_spend)).sum::<i64>() + i64::from(state == CallState::Sent)
}

/// Splits entries into those whose place in the log is taken and those that follow its end; refuses a gap (R1).
pub(super) fn split_entries<'a>(
    conversation: &str,
    length: u32,
    entries: &'a [Entry],
) -> Result<(&'a [Entry], &'a [Entry]), StoreError> {
    let gap = |seq| StoreError::Gap { conversation: conversation.to_owned(), length, seq };
    let (there, new) = entries.split_at(entries.iter().take_while(|e| e.seq < length).count());
    let ordered = |list: &[Entry]| list.windows(2).all(|pair| pair[0].seq + 1 == pair[1].seq);
    match new.iter().zip(length..).find(|(entry, seq)| entry.seq != *seq) {
        None if ordered(there) => Ok((there, new)),
        None => Err(gap(there.last().map_or(0, |e| e.seq))),
        Some((entry, _)) => Err(gap(entry.seq)),
    }
}

/// Returns the stored log from the first entry that differs from `given`. `stored` begins at the same place as `given`.
pub(super) fn differing_entries(given: &[Entry], mut stored: Vec<Entry>) -> Vec<Entry> {
    let same = given.iter().zip(&stored).take_while(|(given, stored)| given == stored).count();
    if same == given.len() { Vec::new() } else { stored.split_off(same.min(stored.len())) }
}

/// Returns each flag once, in the order in which flags are shown.
pub(super) fn unite_flags<'a>(flags: impl IntoIterator<Item = &'a Flag>) -> Vec<Flag> {
    let mut union: Vec<Flag> = flags.into_iter().copied().collect();
    union.sort_unstable();
    union.dedup();
    union
}

/// Returns the SHA-256 in hex digits.
pub(super) fn hash_hex(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// A call's view and parameters with each text replaced by its hash, and the texts.
pub(super) struct Referred {
    pub(super) view: View,
    pub(super) parameters: Map<String, Json>,
    pub(super) texts: Vec<(String, String)>,
}

/// Replaces the texts of a call by their hashes. An empty system prompt stays empty, since it is none. A schema, which
/// is the same for an agent all along, is a text too.
pub(super) fn by_reference(call: &CallRecord) -> Referred {
    let view = &call.view;
    let mut texts = Vec::new();
    let mut refer = |text: &str| {
        let hash = hash_hex(text.as_bytes());
        texts.push((hash.clone(), text.to_owned()));
        hash
    };
    let system = if view.system.is_empty() { String::new() } else { refer(&view.system) };
    let parts = view.parts.iter().map(|part| match part {
        Part::Text(text) => Part::Text(refer(text)),
        Part::Entries { ranges } => Part::Entries { ranges: ranges.clone() },
    });
    let parts = parts.collect();
    let ending = view.ending.iter().map(|ending| match ending {
        Ending::Text(text) => Ending::Text(refer(text)),
        Ending::Rejected(seq) => Ending::Rejected(*seq),
    });
    let view = View { system, parts, ending: ending.collect(), ..view.clone() };
    let mut parameters = call.parameters.clone();
    for name in SCHEMAS {
        if let Some(schema) = parameters.get_mut(name).filter(|value| value.is_object()) {
            *schema = Json::String(refer(&schema.to_string()));
        }
    }
    Referred { view, parameters, texts }
}

/// Returns the places in the parameters that hold a hash instead of a schema.
fn schema_references(parameters: &mut Map<String, Json>) -> impl Iterator<Item = &mut Json> {
    parameters.iter_mut().filter(|(name, value)| SCHEMAS.contains(&name.as_str()) && value.is_string()).map(|(_, v)| v)
}

/// Returns the hashes of a call's texts.
pub(super) fn text_hashes(call: &mut CallRecord) -> Vec<String> {
    let schemas = schema_references(&mut call.parameters).filter_map(|value| value.as_str().map(str::to_owned));
    let mut hashes: Vec<String> = schemas.collect();
    hashes.extend(text_references(&mut call.view).map(|hash| hash.clone()));
    hashes
}

/// Describes a text that the database lacks.
pub(super) fn missing_text(hash: &str) -> String {
    format!("the text {hash} is missing")
}

/// Replaces the hashes in a call by their texts.
///
/// # Errors
/// The hash of a missing or unreadable text.
pub(super) fn put_texts_back(call: &mut CallRecord, texts: &HashMap<String, String>) -> Result<(), String> {
    for text in text_references(&mut call.view) {
        text.clone_from(texts.get(text.as_str()).ok_or_else(|| text.clone())?);
    }
    for schema in schema_references(&mut call.parameters) {
        let hash = schema.as_str().unwrap_or_default().to_owned();
        let text = texts.get(&hash).and_then(|text| serde_json::from_str(text).ok());
        *schema = text.ok_or(hash)?;
    }
    Ok(())
}

/// Returns the places in a view that hold a hash instead of a text.
fn text_references(view: &mut View) -> impl Iterator<Item = &mut String> {
    let endings = view.ending.iter_mut().filter_map(|ending| match ending {
        Ending::Text(text) => Some(text),
        Ending::Rejected(_) => None,
    });
    let parts = view.parts.iter_mut().filter_map(|part| match part {
        Part::Text(text) => Some(text),
        Part::Entries { .. } => None,
    });
    std::iter::once(&mut view.system).filter(|s| !s.is_empty()).chain(parts).chain(endings)
}
