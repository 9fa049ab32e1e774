//! Writing a conversation's turns.
//!
//! There are no transactions, so a turn is a chain of inserts, each of which can succeed only once. The call with its
//! answer is written first. The entry follows, and its insert at `(conversation, seq)` is the commit. If a process
//! stops between these inserts, the next process finds the answer. A document of `calls` belongs to one epoch, which is
//! part of its id, so that no process overwrites the call of another.

use super::base::Base;
use super::claims::{begin_write, still_held, superseded_error};
use super::documents::{CallName, call_document, call_id, entry_document};
use super::fail::{Fail, is_duplicate};
use super::track::Writing;
use super::{read, schema};
use crate::process::log::Entry;
use crate::store::turn::{self, Kept, Written};
use crate::store::{CallRecord, CallState};

pub(super) async fn store_sent(mongo: &Base, id: &str, epoch: u64, call: &CallRecord) -> Result<(), Fail> {
    schema::room_for_turn(mongo, &[], std::slice::from_ref(call)).await?;
    let writing = begin_write(mongo, id, epoch).await?;
    match turn::prepare_sent(id, epoch, stored_call(&writing, call), call)? {
        Some(written) => {
            put_call(mongo, id, epoch, &writing, call, &written).await?;
            still_held(mongo, id, epoch).await
        }
        None => Ok(()),
    }
}

pub(super) async fn store_settled(mongo: &Base, id: &str, epoch: u64, call: &CallRecord) -> Result<(), Fail> {
    schema::room_for_turn(mongo, &[], std::slice::from_ref(call)).await?;
    let writing = begin_write(mongo, id, epoch).await?;
    if let Some(written) = turn::prepare_settled(stored_call(&writing, call), call) {
        put_call(mongo, id, epoch, &writing, call, &written).await?;
        if call.state == CallState::Sent {
            still_held(mongo, id, epoch).await?;
        }
    }
    Ok(())
}

/// Appends entries and stores the call that produced them. Returns an empty list if the log now holds these entries. If
/// another write was first, returns the entries that the log holds instead.
pub(super) async fn append_entries(
    mongo: &Base,
    id: &str,
    epoch: u64,
    entries: &[Entry],
    call: Option<&CallRecord>,
) -> Result<Vec<Entry>, Fail> {
    schema::room_for_turn(mongo, entries, call.map_or(&[], std::slice::from_ref)).await?;
    let writing = begin_write(mongo, id, epoch).await?;
    turn::split_entries(id, writing.shared.with_track(|track| track.entries), entries)?;
    if let Some(call) = call
        && let Some(written) = turn::prepare_settled(stored_call(&writing, call), call)
    {
        put_call(mongo, id, epoch, &writing, call, &written).await?;
    }
    let (there, new) = turn::split_entries(id, writing.shared.with_track(|track| track.entries), entries)?;
    let other = differing_entries(mongo, id, there).await?;
    if !other.is_empty() {
        return Ok(other);
    }
    for (at, entry) in new.iter().enumerate() {
        match mongo.messages().insert_one(entry_document(id, epoch, entry)?).await {
            Ok(_) => writing.shared.with_track(|track| track.add(entry)),
            Err(error) => {
                writing.shared.note_doubt();
                // Another write was first: a write of an earlier holder that was still in flight, or a write of this
                // process whose answer was lost.
                return if is_duplicate(&error) {
                    differing_entries(mongo, id, &new[at..]).await
                } else {
                    Err(error.into())
                };
            }
        }
    }
    Ok(Vec::new())
}

/// Returns the log from the first entry that differs from `given`.
async fn differing_entries(mongo: &Base, id: &str, given: &[Entry]) -> Result<Vec<Entry>, Fail> {
    match given.first() {
        Some(first) => Ok(turn::differing_entries(given, read::log_from(mongo, id, first.seq).await?)),
        None => Ok(Vec::new()),
    }
}

fn call_name(call: &CallRecord) -> CallName {
    (call.seq, call.call.purpose, call.call.ask)
}

fn stored_call(writing: &Writing, call: &CallRecord) -> Option<Kept> {
    writing.shared.with_track(|track| track.calls.get(&call_name(call)).map(|(_, kept)| kept.clone()))
}

/// Writes a call into its document of this epoch.
async fn put_call(
    mongo: &Base,
    id: &str,
    epoch: u64,
    writing: &Writing,
    call: &CallRecord,
    written: &Written,
) -> Result<(), Fail> {
    let (document, texts) = call_document(id, epoch, call, written)?;
    mongo.keep_texts(&texts).await?;
    let (place, name) = (call_id(id, epoch, call), call_name(call));
    let is_there = writing.shared.with_track(|track| track.calls.get(&name).is_some_and(|(known, _)| *known == place));
    // The filter is `_id` alone, since some servers read the whole collection for any other filter.
    let by_name = ::mongodb::bson::doc! { "_id": &place };
    let done = if is_there {
        let replaced = mongo.calls().replace_one(by_name, &document).await;
        replaced.map_err(Fail::from).and_then(|r| if r.matched_count == 0 { Err(superseded_error(id)) } else { Ok(()) })
    } else {
        match mongo.calls().insert_one(&document).await {
            Err(error) if is_duplicate(&error) => {
                // An earlier write of this claim stored the document, and its answer was lost. This write is newer and
                // replaces it.
                mongo.calls().replace_one(by_name, &document).await.map(drop).map_err(Fail::from)
            }
            inserted => inserted.map(drop).map_err(Fail::from),
        }
    };
    if done.is_err() {
        writing.shared.note_doubt();
        return done;
    }
    let kept = Kept {
        state: written.state,
        epoch,
        sent: call.sent,
        attempts: written.attempts.clone(),
        earlier: written.earlier,
        spend: written.spend,
    };
    writing.shared.with_track(|track| track.calls.insert(name, (place, kept)));
    Ok(())
}
