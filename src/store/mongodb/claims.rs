//! Claims: the process that works on a conversation.
//!
//! The lease in the conversation's document shows everybody which process works on the conversation. But some servers
//! do not make an update in one step (`FerretDB` reads, then writes), so an insert decides which process wins. `claims`
//! holds one document for each epoch of a conversation. Its `_id` can be inserted only once. A claim takes the next
//! epoch. The end of a claim also takes an epoch and stores the status, so that writes of earlier epochs are refused.
//! Any process can use `claims` to correct the lease and status in the conversation's document.

use super::base::Base;
use super::documents::{
    conversation_record, document_kind, document_status, from_bson, is_going, lease_document, lease_of, read_field,
    to_bson, to_date,
};
use super::fail::{Fail, is_duplicate};
use super::track::{Shared, Track, Writing};
use crate::store::{ConversationRecord, End, Lease, Status, StoreError};
use ::mongodb::bson::{Bson, Document, doc};
use ::mongodb::options::ReturnDocument;
use std::sync::Arc;

/// Maximum number of attempts of a claim that conflicts with another.
const TRIES: u32 = 20;

/// An epoch of a conversation: a claim, or the end of the claim before it.
pub(super) enum Epoch {
    Claim(Lease),
    End(End),
}

fn claim_id(conversation: &str, epoch: u64) -> String {
    format!("{conversation}/{epoch}")
}

async fn find_epoch(mongo: &Base, conversation: &str, epoch: u64) -> Result<Option<Epoch>, Fail> {
    let Some(found) = mongo.claims().find_one(doc! { "_id": claim_id(conversation, epoch) }).await? else {
        return Ok(None);
    };
    match lease_of(&found)? {
        Some(lease) => Ok(Some(Epoch::Claim(lease))),
        None => Ok(Some(Epoch::End(read_field(&found, "end")?))),
    }
}

/// Returns the last epoch. The search begins at the epoch `known`, which must exist.
pub(super) async fn last_epoch(mongo: &Base, conversation: &str, known: u64) -> Result<(u64, Option<Epoch>), Fail> {
    let mut last = (known, None);
    while let Some(next) = find_epoch(mongo, conversation, last.0 + 1).await? {
        last = (last.0 + 1, Some(next));
    }
    if last.1.is_none() && known > 0 {
        last.1 = find_epoch(mongo, conversation, known).await?;
    }
    Ok(last)
}

/// Inserts an epoch. Returns false if another process has already inserted this epoch.
pub(super) async fn insert_epoch(mongo: &Base, conversation: &str, epoch: u64, more: Document) -> Result<bool, Fail> {
    let mut document = doc! {
        "_id": claim_id(conversation, epoch), "conversation": conversation, "epoch": epoch.cast_signed(),
        "at": to_date(mongo.clock.now()),
    };
    document.extend(more);
    match mongo.claims().insert_one(document).await {
        Err(error) if is_duplicate(&error) => Ok(false),
        inserted => inserted.map(|_| true).map_err(Fail::from),
    }
}

/// Returns a claimed lease with its last renewal, which is stored in the conversation's document.
pub(super) async fn renewed_lease(mongo: &Base, id: &str, claimed: Lease) -> Result<Lease, Fail> {
    let found = mongo.find_conversation(id).await?;
    Ok(lease_of(&found)?.filter(|l| l.epoch == claimed.epoch).unwrap_or(claimed))
}

/// Takes an epoch with a lease. Returns false if another process has already taken this epoch.
pub(super) async fn take_epoch(mongo: &Base, id: &str, lease: &Lease, retries: u32) -> Result<bool, Fail> {
    let won = insert_epoch(mongo, id, lease.epoch, doc! { "lease": lease_document(lease)? }).await?;
    if won {
        write_lease(mongo, id, lease, retries).await?;
        check_in_time(mongo, id, lease.epoch).await?;
    }
    Ok(won)
}

/// Claims a conversation.
pub(super) async fn take_claim(mongo: &Base, id: &str, lease: &Lease, retry: bool) -> Result<ConversationRecord, Fail> {
    for _ in 0..TRIES {
        let found = mongo.find_conversation(id).await?;
        let (epoch, state) = last_epoch(mongo, id, read_field(&found, "epoch")?).await?;
        let again = check_free(mongo, &found, epoch, state, lease, retry).await?;
        if document_kind(&found)?.is_conversation() {
            super::snapshots::remove_head(mongo, &read_field::<String>(&found, "experiment")?).await?;
        }
        let lease = Lease { epoch: epoch + 1, until: mongo.clock.lease_end(), ..lease.clone() };
        if insert_epoch(mongo, id, epoch + 1, doc! { "lease": lease_document(&lease)? }).await? {
            let claimed =
                write_lease(mongo, id, &lease, read_field::<u32>(&found, "retries")? + u32::from(again)).await?;
            check_in_time(mongo, id, epoch + 1).await?;
            check_not_deleted(mongo, &found, epoch + 1).await?;
            mongo.tracks.put_track(id, Track::begin_epoch(mongo, id, epoch + 1).await?);
            return Ok(claimed);
        }
    }
    let holder = "processes that were faster, again and again".to_owned();
    Err(StoreError::Held { what: format!("conversation {id}"), holder }.into())
}

/// Returns true if the claim retries a failed conversation; fails if the conversation cannot be claimed.
async fn check_free(
    mongo: &Base,
    found: &Document,
    epoch: u64,
    state: Option<Epoch>,
    lease: &Lease,
    retry: bool,
) -> Result<bool, Fail> {
    let id = super::documents::document_id(found)?;
    match state {
        Some(Epoch::Claim(claimed)) => {
            // Renewals are stored in the conversation's document only.
            let renewed = lease_of(found)?.filter(|l| l.epoch == claimed.epoch).unwrap_or(claimed);
            if mongo.clock.excludes_other(&renewed, lease) {
                let holder = mongo.describe_holder(&renewed).await;
                return Err(StoreError::Held { what: format!("conversation {id}"), holder }.into());
            }
            Ok(false)
        }
        Some(Epoch::End(end)) if end.status == Status::Done || (end.status == Status::Failed && !retry) => {
            if document_status(found)? != end.status {
                write_end(mongo, &id, epoch, &end, &Track::read_track(mongo, &id, epoch).await?).await?;
            }
            Err(StoreError::Ended { conversation: id, status: end.status }.into())
        }
        Some(Epoch::End(end)) => Ok(end.status == Status::Failed),
        // Without a claim the status of the document decides.
        None => match document_status(found)? {
            Status::Failed if retry => Ok(true),
            status @ (Status::Done | Status::Failed) => Err(StoreError::Ended { conversation: id, status }.into()),
            Status::Pending | Status::Running | Status::Interrupted | Status::Incomplete => Ok(false),
        },
    }
}

/// Checks, after a lease was written, that its epoch is still the last. If this process paused between winning the
/// epoch and writing the lease, it may have overwritten the lease of a later epoch. It then restores that lease.
async fn check_in_time(mongo: &Base, id: &str, mine: u64) -> Result<(), Fail> {
    match last_epoch(mongo, id, mine).await? {
        (epoch, Some(Epoch::End(end))) => {
            write_end(mongo, id, epoch, &end, &Track::read_track(mongo, id, epoch).await?).await?;
            Err(superseded_error(id))
        }
        (epoch, Some(Epoch::Claim(lease))) if epoch > mine => {
            let found = mongo.find_conversation(id).await?;
            write_lease(mongo, id, &lease, read_field(&found, "retries")?).await?;
            Err(superseded_error(id))
        }
        (_, Some(Epoch::Claim(_)) | None) => Ok(()),
    }
}

/// Checks, after a claim, that no deletion has begun. A deletion sets its mark first and then looks for claims. So
/// either this claim finds the mark, or the deletion finds the claim.
async fn check_not_deleted(mongo: &Base, found: &Document, epoch: u64) -> Result<(), Fail> {
    let id = super::documents::document_id(found)?;
    let experiment: String = read_field(found, "experiment")?;
    let there = mongo.experiments().find_one(doc! { "_id": &experiment }).await?;
    // A conversation's deletion removes the questions about it.
    let about = match read_field::<Option<String>>(found, "subject")? {
        Some(subject) => mongo.find_conversation(&subject).await.is_ok(),
        None => true,
    };
    if about && mongo.find_conversation(&id).await.is_ok() && there.is_some_and(|e| !is_going(&e)) {
        return Ok(());
    }
    // The claim is released, since the deletion may still be refused because of another item.
    let end = End::new(Status::Interrupted, Some("it was being deleted".to_owned()));
    if insert_epoch(mongo, &id, epoch + 1, doc! { "end": to_bson(&end)? }).await? {
        write_end(mongo, &id, epoch + 1, &end, &Track::read_track(mongo, &id, epoch).await?).await?;
    }
    Err(Fail::Unknown(format!("conversation {id}")))
}

/// Writes the lease of a won epoch into the conversation's document.
async fn write_lease(mongo: &Base, id: &str, lease: &Lease, retries: u32) -> Result<ConversationRecord, Fail> {
    let _alone = mongo.renewal.read().await;
    // The filter is `_id` alone, since some servers read the whole collection for any other filter. The insert has
    // already decided that this epoch is the last.
    let before = doc! { "_id": id };
    let change = doc! { "$set": {
        "status": Status::Running.word(), "reason": null, "retries": retries, "epoch": lease.epoch.cast_signed(),
        "lease": lease_document(lease)?,
    } };
    let conversations = mongo.conversations();
    let update = conversations.find_one_and_update(before, change).return_document(ReturnDocument::After);
    conversation_record(update.await?.ok_or_else(|| superseded_error(id))?)
}

/// Renews every lease of a run while no other write is in flight. Some servers read a document and write it back after
/// another write, and so undo that write.
pub(super) async fn renew_leases(mongo: &Base, owner: &str) -> Result<(), Fail> {
    mongo.clock.set(super::clock::server_time(mongo.client()).await?);
    let _alone = mongo.renewal.write().await;
    let until = to_date(mongo.clock.lease_end());
    mongo.runs().update_one(doc! { "_id": owner }, doc! { "$set": { "until": until.clone() } }).await?;
    mongo.conversations().update_many(doc! { "lease.owner": owner }, doc! { "$set": { "lease.until": until } }).await?;
    Ok(())
}

pub(super) fn superseded_error(id: &str) -> Fail {
    StoreError::Superseded { conversation: id.to_owned() }.into()
}

/// Begins a write to a conversation that this process holds in epoch `at`. The track is not reloaded while the write is
/// in flight.
pub(super) async fn begin_write(mongo: &Base, id: &str, at: u64) -> Result<Writing, Fail> {
    let shared = mongo.tracks.place_of(id);
    loop {
        let writing = shared.begin_write().await;
        if shared.is_of(at) {
            still_held(mongo, id, at).await?;
            return Ok(writing);
        }
        drop(writing);
        if let Err(fail) = recall_track(mongo, id, at, &shared).await {
            // The request to the server failed, so the claim may still hold.
            if !matches!(fail, Fail::Mongo(_)) {
                mongo.tracks.drop_track(id, at);
            }
            return Err(fail);
        }
    }
}

/// Reads the track of a conversation that this process holds in epoch `at`. No write may be in flight meanwhile.
async fn recall_track(mongo: &Base, id: &str, at: u64, shared: &Shared) -> Result<(), Fail> {
    let _alone = shared.wait_alone().await;
    if shared.is_of(at) {
        return Ok(());
    }
    mongo.find_conversation(id).await?;
    if !matches!(find_epoch(mongo, id, at).await?, Some(Epoch::Claim(_))) {
        return Err(superseded_error(id));
    }
    still_held(mongo, id, at).await?;
    shared.keep_track(Track::read_track(mongo, id, at).await?);
    Ok(())
}

/// Checks, after a request was stored and before it leaves, that the claim still holds. A process that takes the
/// conversation over writes a claim and then reads the calls. So either that process sees this request, or this one
/// sees that claim.
pub(super) async fn still_held(mongo: &Base, id: &str, at: u64) -> Result<(), Fail> {
    if find_epoch(mongo, id, at + 1).await?.is_none() {
        return Ok(());
    }
    mongo.tracks.drop_track(id, at);
    Err(superseded_error(id))
}

/// Ends the claim after all writes of this process that are in flight.
pub(super) async fn end_claim(mongo: &Base, id: &str, at: u64, end: &End) -> Result<(), Fail> {
    match find_epoch(mongo, id, at + 1).await? {
        // The same end is stored already, for instance by a write whose answer was lost.
        Some(Epoch::End(found)) if found == *end => {
            return write_end(mongo, id, at + 1, end, &Track::read_track(mongo, id, at).await?).await;
        }
        Some(_) => return Err(superseded_error(id)),
        None => {}
    }
    let shared = Arc::clone(&begin_write(mongo, id, at).await?.shared);
    let _alone = shared.wait_alone().await;
    if !insert_epoch(mongo, id, at + 1, doc! { "end": to_bson(end)? }).await? {
        return Err(superseded_error(id));
    }
    mongo.tracks.drop_track(id, at);
    let track = if shared.is_of(at) {
        shared.with_track(|track| track.clone())
    } else {
        Track::read_track(mongo, id, at).await?
    };
    write_end(mongo, id, at + 1, end, &track).await
}

/// Writes an end into the conversation's document.
async fn write_end(mongo: &Base, id: &str, epoch: u64, end: &End, track: &Track) -> Result<(), Fail> {
    let _alone = mongo.renewal.read().await;
    let before = doc! { "_id": id, "epoch": { "$lte": epoch.cast_signed() } };
    let mut set = doc! {
        "status": end.status.word(), "reason": from_bson::<Bson>(to_bson(&end.reason)?)?, "lease": null,
        "epoch": epoch.cast_signed(),
    };
    if let Some(ended_by) = &end.ended_by {
        set.insert("ended_by", to_bson(ended_by)?);
    }
    set.extend(track.counter_fields()?);
    mongo.conversations().update_one(before, doc! { "$set": set }).await?;
    Ok(())
}
