//! Effect of a write of a turn, given what is stored: the same on every database, and pure.

use super::call::{CallRecord, CallState};
use super::error::StoreError;
use super::records::Millis;
use crate::model::Attempt;
use crate::process::Flag;
use crate::process::log::Entry;
use crate::process::prompt::{Ending, Part, View};
use sha2::{Digest, Sha256};

/// What is stored of a call already.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub(super) state: CallState,
    /// Of the claim that wrote it.
    pub(super) epoch: u64,
    pub(super) sent: Millis,
    pub(super) attempts: Vec<Attempt>,
    /// How many of the attempts are of earlier askings.
    pub(super) earlier: usize,
    /// Attempts that may have been paid for without a reply; one more while it is sent.
    pub(super) spend: i64,
}

/// How a call is to be written.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Written {
    pub(super) state: CallState,
    pub(super) attempts: Vec<Attempt>,
    /// How many of them are of earlier askings.
    pub(super) earlier: usize,
    /// Attempts that may have been paid for without a reply; one more while it is sent.
    pub(super) spend: i64,
    /// What that adds to the conversation's possible spend.
    pub(super) more: i64,
}

/// A call that leaves. Nothing is to be written where it is the same asking again, after a write whose answer was
/// lost.
pub(super) fn send(
    conversation: &str,
    epoch: u64,
    old: Option<Kept>,
    call: &CallRecord,
) -> Result<Option<Written>, StoreError> {
    let Some(old) = old else {
        return Ok(Some(written(&[], call, CallState::Sent, 0)));
    };
    let mut earlier = old.attempts;
    match old.state {
        CallState::Answered => {
            return Err(StoreError::Answered { conversation: conversation.to_owned(), seq: call.seq, call: call.call });
        }
        CallState::Sent if old.epoch == epoch && old.sent == call.sent => return Ok(None),
        CallState::Sent => earlier.push(lost(old.sent)),
        CallState::Failed => {}
    }
    Ok(Some(written(&earlier, call, CallState::Sent, old.spend)))
}

fn lost(sent: Millis) -> Attempt {
    Attempt {
        at: sent,
        took: 0,
        error: Some("lost".to_owned()),
        message: Some("the program ended before an answer was stored".to_owned()),
        waited: None,
        possible_spend: true,
    }
}

/// What became of a call. Nothing is to be written where its answer is there already.
pub(super) fn settle(old: Option<Kept>, call: &CallRecord) -> Option<Written> {
    match old {
        None => Some(written(&[], call, call.state, 0)),
        Some(old) if old.state == CallState::Answered => None,
        Some(old) => {
            let earlier = &old.attempts[..old.earlier.min(old.attempts.len())];
            Some(written(earlier, call, call.state, old.spend))
        }
    }
}

/// `earlier` are the attempts of earlier askings; a caller that has read them and gives them again does not double
/// them.
fn written(earlier: &[Attempt], call: &CallRecord, state: CallState, old_spend: i64) -> Written {
    let own = call.attempts.strip_prefix(earlier).unwrap_or(&call.attempts);
    let attempts: Vec<Attempt> = earlier.iter().chain(own).cloned().collect();
    let spend = spend(&attempts, state);
    Written { state, attempts, earlier: earlier.len(), spend, more: spend - old_spend }
}

/// What may have been paid for without a reply.
pub(super) fn spend(attempts: &[Attempt], state: CallState) -> i64 {
    attempts.iter().map(|a| i64::from(a.possible_spend)).sum::<i64>() + i64::from(state == CallState::Sent)
}

/// Splits entries into those whose place in the log is taken already, and those that follow its end; a gap is
/// refused (R1).
pub(super) fn split<'a>(
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

/// What the log holds from the first entry on that is not as given. `stored` begins where `given` does.
pub(super) fn differing(given: &[Entry], mut stored: Vec<Entry>) -> Vec<Entry> {
    let same = given.iter().zip(&stored).take_while(|(given, stored)| given == stored).count();
    if same == given.len() { Vec::new() } else { stored.split_off(same.min(stored.len())) }
}

/// Flags in the order in which they are shown, each once.
pub(super) fn union<'a>(flags: impl IntoIterator<Item = &'a Flag>) -> Vec<Flag> {
    let mut union: Vec<Flag> = flags.into_iter().copied().collect();
    union.sort_unstable();
    union.dedup();
    union
}

/// SHA-256 in hex digits.
pub(super) fn hash(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// The view with each text replaced by its hash, and the texts; an empty system prompt stays empty, since it is none.
pub(super) fn by_reference(view: &View) -> (View, Vec<(String, String)>) {
    let mut texts = Vec::new();
    let mut refer = |text: &str| {
        let hash = hash(text.as_bytes());
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
    (view, texts)
}

/// The places in a view that hold a hash in place of a text.
pub(super) fn references(view: &mut View) -> impl Iterator<Item = &mut String> {
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
