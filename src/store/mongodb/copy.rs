//! Storing items of another database.
//!
//! The parts of a new conversation are written first: messages, calls and the claim, each under its fixed id. The
//! conversation's document is written last. If a copy is interrupted, nobody sees the conversation, and a repeated copy
//! completes it. A copy continues an existing conversation under a claim, as a run does. The lease of that claim has
//! already lapsed, so that any process may take the conversation over.

use super::base::Base;
use super::claims::{self, Epoch};
use super::deletions::remove_belongings;
use super::documents::{
    call_document, conversation_document, conversation_record, entry_document, experiment_document, is_going,
    read_field, run_record, to_bson,
};
use super::experiments::{begin_run, end_run, keep_revision};
use super::fail::{Fail, is_duplicate};
use super::track::Track;
use super::{experiments, marks, read, schema, turns, versions};
use crate::process::log::Entry;
use crate::store::merge::{self, Merge, Whole};
use crate::store::{ConversationRecord, End, ExperimentRecord, Lease, RunRecord, StoreError, TransferItem};
use ::mongodb::Collection;
use ::mongodb::bson::{Document, doc};

/// Number of documents that are written at a time.
const BATCH: usize = 1000;
/// Epoch of a new conversation.
const FIRST: u64 = 1;

/// Stores an item of another database.
pub(super) async fn receive_item(mongo: &Base, item: &TransferItem) -> Result<(), Fail> {
    match item {
        TransferItem::Document(document, hash) => keep_revision(mongo, hash, document).await,
        TransferItem::Experiment(given) => receive_experiment(mongo, given).await,
        TransferItem::Run(given) => receive_run(mongo, given).await,
        TransferItem::Mark(given) => marks::receive_mark(mongo, given).await,
        TransferItem::Conversation { record, log, calls } => {
            receive_conversation(mongo, Whole { record, log, calls }).await
        }
    }
}

async fn receive_experiment(mongo: &Base, given: &ExperimentRecord) -> Result<(), Fail> {
    let Some(found) = mongo.experiments().find_one(doc! { "_id": &given.id }).await? else {
        return match mongo.experiments().insert_one(experiment_document(given)?).await {
            Err(error) if is_duplicate(&error) => Err(name_taken(mongo, given).await?),
            inserted => Ok(inserted.map(drop)?),
        };
    };
    if is_going(&found) {
        return Err(merge::refuse_experiment(given, "is being deleted here").into());
    }
    loop {
        let here = versions::latest_record(mongo, &given.id).await?;
        if !merge::replaces_experiment(&here, given)? {
            return Ok(());
        }
        if experiments::find_experiment(mongo, &given.creator, &given.name).await?.is_some_and(|e| e.id != given.id) {
            return Err(name_taken(mongo, given).await?);
        }
        // The new version follows the last version of this database, which does not have the versions in between.
        versions::follow_version(mongo, &here, given.clone()).await?;
    }
}

async fn name_taken(mongo: &Base, given: &ExperimentRecord) -> Result<Fail, Fail> {
    let other = experiments::find_experiment(mongo, &given.creator, &given.name).await?;
    let id = other.map(|e| format!(" (id:{})", e.id)).unwrap_or_default();
    Ok(merge::refuse_experiment(given, &format!("has the name of another here{id}")).into())
}

async fn receive_run(mongo: &Base, given: &RunRecord) -> Result<(), Fail> {
    match mongo.runs().find_one(doc! { "_id": &given.id }).await? {
        None => begin_run(mongo, given).await,
        Some(here) => match merge::new_run_end(&run_record(here)?, given)? {
            Some(ended) => end_run(mongo, &given.id, ended).await,
            None => Ok(()),
        },
    }
}

async fn receive_conversation(mongo: &Base, given: Whole<'_>) -> Result<(), Fail> {
    schema::room_for_record(mongo, given.record).await?;
    schema::room_for_turn(mongo, given.log, given.calls).await?;
    if let Some(here) = mongo.conversations().find_one(doc! { "_id": &given.record.id }).await? {
        return merge_existing(mongo, here, given).await;
    }
    if !write_inside(mongo, given).await? {
        // An interrupted copy left these documents behind, and the conversation may have changed since then.
        remove_belongings(mongo, std::slice::from_ref(&given.record.id)).await?;
        if !write_inside(mongo, given).await? {
            let holder = "another copy".to_owned();
            return Err(StoreError::Held { what: format!("conversation {}", given.record.id), holder }.into());
        }
    }
    write_document(mongo, given).await
}

/// Writes messages, calls and claim of a conversation; returns false if any of these documents exists.
async fn write_inside(mongo: &Base, given: Whole<'_>) -> Result<bool, Fail> {
    let id = &given.record.id;
    let messages = given.log.iter().map(|entry| entry_document(id, FIRST, entry)).collect::<Result<Vec<_>, _>>()?;
    if !insert_all(mongo.messages(), messages).await? {
        return Ok(false);
    }
    let mut calls = Vec::new();
    for call in given.calls {
        let (document, texts) = call_document(id, FIRST, call, &merge::written_call(call))?;
        mongo.keep_texts(&texts).await?;
        calls.push(document);
    }
    if !insert_all(mongo.calls(), calls).await? {
        return Ok(false);
    }
    let (tally, record) = (tally_whole(given), given.record.as_copied());
    if !merge::is_begun(&record, &tally, given.calls.len()) {
        return Ok(true);
    }
    let end = End { status: record.status, reason: record.reason, ended_by: record.ended_by };
    claims::insert_epoch(mongo, id, FIRST, doc! { "end": to_bson(&end)? }).await
}

/// Inserts documents; returns false if one exists.
async fn insert_all(collection: Collection<Document>, documents: Vec<Document>) -> Result<bool, Fail> {
    for batch in documents.chunks(BATCH) {
        match collection.insert_many(batch).ordered(false).await {
            Err(error) if is_duplicate(&error) => return Ok(false),
            inserted => drop(inserted?),
        }
    }
    Ok(true)
}

fn tally_whole(given: Whole<'_>) -> merge::Tally {
    merge::tally_log(given.log, &given.calls.iter().collect::<Vec<_>>())
}

/// Writes the conversation's own document.
async fn write_document(mongo: &Base, given: Whole<'_>) -> Result<(), Fail> {
    let (tally, record) = (tally_whole(given), given.record.as_copied());
    let mut document = conversation_document(&record)?;
    if merge::is_begun(&record, &tally, given.calls.len()) {
        document.insert("epoch", FIRST.cast_signed());
        document.extend(counter_fields(&tally)?);
    }
    match mongo.conversations().insert_one(document).await {
        Err(error) if is_duplicate(&error) => {
            // Another copy wrote the document, or another conversation has its key.
            let here = mongo.conversations().find_one(doc! { "_id": &record.id }).await?;
            let what = format!("conversation {} has the key of another here: it stays as it is here", record.id);
            here.map(drop).ok_or_else(|| StoreError::Refused { what }.into())
        }
        inserted => Ok(inserted.map(drop)?),
    }
}

fn counter_fields(tally: &merge::Tally) -> Result<Document, Fail> {
    Ok(doc! {
        "entries": tally.entries, "answered": tally.answered, "possible_spend": tally.possible_spend,
        "flags": to_bson(&tally.flags)?,
    })
}

/// Merges the copy into a conversation that exists here.
async fn merge_existing(mongo: &Base, here: Document, given: Whole<'_>) -> Result<(), Fail> {
    let id = &given.record.id;
    if is_going(&here) {
        let what = format!("conversation {id} is being deleted here: it is left alone");
        return Err(StoreError::Refused { what }.into());
    }
    let known: u64 = read_field(&here, "epoch")?;
    let record = conversation_record(here)?;
    let (log, calls) = (read::log_from(mongo, id, 0).await?, read::read_calls(mongo, id).await?);
    match merge::merge_conversations(Whole { record: &record, log: &log, calls: &calls }, given)? {
        Merge::Stays => Ok(()),
        Merge::Marked(record) => write_marks(mongo, &record).await,
        Merge::Replaced(record) => continue_copy(mongo, known, &record, given).await,
    }
}

async fn write_marks(mongo: &Base, record: &ConversationRecord) -> Result<(), Fail> {
    let set = doc! { "note": record.note.clone(), "starred": record.starred, "revision": &record.revision };
    mongo.conversations().update_one(doc! { "_id": &record.id }, doc! { "$set": set }).await?;
    Ok(())
}

/// Writes the progress of the given copy into a conversation that exists here.
async fn continue_copy(mongo: &Base, known: u64, record: &ConversationRecord, given: Whole<'_>) -> Result<(), Fail> {
    let id = &record.id;
    let (last, state) = claims::last_epoch(mongo, id, known).await?;
    if let Some(Epoch::Claim(lease)) = state
        && mongo.clock.is_live(&claims::renewed_lease(mongo, id, lease).await?)
    {
        return Err(held_error(id));
    }
    let (host, boot) = (String::new(), String::new());
    let lease = Lease { owner: "store copy".to_owned(), host, boot, pid: 0, epoch: last + 1, until: 0 };
    if !claims::take_epoch(mongo, id, &lease, record.retries).await? {
        return Err(held_error(id));
    }
    write_marks(mongo, record).await?;
    mongo.tracks.put_track(id, Track::read_track(mongo, id, last + 1).await?);
    let done = write_on(mongo, last + 1, given).await;
    if done.is_err() {
        mongo.tracks.drop_track(id, last + 1);
    }
    done?;
    let end = End { status: record.status, reason: record.reason.clone(), ended_by: record.ended_by };
    claims::end_claim(mongo, id, last + 1, &end).await
}

async fn write_on(mongo: &Base, epoch: u64, given: Whole<'_>) -> Result<(), Fail> {
    let id = &given.record.id;
    for call in given.calls {
        turns::store_settled(mongo, id, epoch, call).await?;
    }
    let other: Vec<Entry> = turns::append_entries(mongo, id, epoch, given.log, None).await?;
    if other.is_empty() { Ok(()) } else { Err(held_error(id)) }
}

fn held_error(id: &str) -> Fail {
    let holder = "a process that works on it here".to_owned();
    StoreError::Held { what: format!("conversation {id}"), holder }.into()
}
