//! Writing a conversation: claim, append, finish.
//!
//! There are no transactions. A write of a turn is one update of the conversation's document, which only the epoch that holds it can make: it counts the new entries and keeps them, with their call, whole in `turn`. That
//! is the commit. Then what `turn` says is copied to `messages` and `calls`, by names that are taken once; whoever
//! finds it not copied (a reader, the next claim) takes it from `turn`. So a document holds one turn, however long the
//! conversation is.

use super::documents::{self, bson, call_id, date, field, kept, lease_document, lease_of, message, plain};
use super::fail::{Fail, unless_there};
use super::{Base, clock, read};
use crate::conversation::Flag;
use crate::conversation::log::Entry;
use crate::store::turn::{self, Kept, Written};
use crate::store::{CallRecord, CallState, ConversationRecord, Lease, Status, StoreError};
use ::mongodb::bson::{Bson, Document, doc};
use ::mongodb::options::ReturnDocument;

/// How often a claim that meets another's looks again.
const TRIES: u32 = 5;

/// What the document of a held conversation says.
pub(super) struct Held {
    entries: u32,
    answered: u32,
    flags: Vec<Flag>,
    number: i64,
    pub(super) turn: Turn,
}

/// The last write, whole.
#[derive(Default)]
pub(super) struct Turn {
    pub(super) entries: Vec<Entry>,
    pub(super) call: Option<Document>,
}

impl Turn {
    pub(super) fn of(conversation: &Document) -> Result<Self, Fail> {
        match conversation.get("turn") {
            Some(Bson::Document(turn)) => Ok(Self { entries: field(turn, "entries")?, call: field(turn, "call")? }),
            _ => Ok(Self::default()),
        }
    }
}

/// Claims a conversation.
pub(super) async fn claim(mongo: &Base, id: &str, lease: &Lease, retry: bool) -> Result<ConversationRecord, Fail> {
    for _ in 0..TRIES {
        let old = mongo.conversation(id).await?;
        let status = status(&old)?;
        match status {
            Status::Done | Status::Failed if !(retry && status == Status::Failed) => {
                return Err(StoreError::Ended { conversation: id.to_owned(), status }.into());
            }
            _ => {}
        }
        let held = lease_of(&old)?;
        if let Some(held) = held.as_ref().filter(|held| mongo.clock.holds(held, lease)) {
            let holder = mongo.holder(held).await;
            return Err(StoreError::Held { what: format!("conversation {id}"), holder }.into());
        }
        if let Some(claimed) = take(mongo, &old, held.as_ref(), lease, status == Status::Failed).await? {
            copy(mongo, id, &Turn::of(&claimed)?).await?;
            return documents::conversation_record(claimed);
        }
    }
    let holder = "processes that were faster, again and again".to_owned();
    Err(StoreError::Held { what: format!("conversation {id}"), holder }.into())
}

/// Takes a conversation that stands as it was read; none where it does not any more.
async fn take(
    mongo: &Base,
    old: &Document,
    held: Option<&Lease>,
    lease: &Lease,
    again: bool,
) -> Result<Option<Document>, Fail> {
    let epoch: i64 = field(old, "epoch")?;
    let lease = Lease { epoch: (epoch + 1).cast_unsigned(), until: mongo.clock.lapses(), ..lease.clone() };
    let mut as_read = doc! { "_id": old.get("_id"), "epoch": epoch, "status": old.get("status") };
    if let Some(held) = held {
        // Not if it was renewed meanwhile.
        as_read.insert("lease.until", date(held.until));
    }
    let change = doc! {
        "$set": { "status": Status::Running.word(), "reason": null, "lease": lease_document(&lease)?, "epoch": epoch + 1 },
        "$inc": { "retries": i32::from(again) },
    };
    let conversations = mongo.conversations();
    let update = conversations.find_one_and_update(as_read, change).return_document(ReturnDocument::After);
    Ok(update.await?)
}

/// Renews every lease of a run.
pub(super) async fn renew(mongo: &Base, owner: &str) -> Result<(), Fail> {
    mongo.clock.set(clock::hello(mongo.client()).await?);
    let until = date(mongo.clock.lapses());
    mongo.conversations().update_many(doc! { "lease.owner": owner }, doc! { "$set": { "lease.until": until } }).await?;
    Ok(())
}

pub(super) fn status(conversation: &Document) -> Result<Status, Fail> {
    let word: String = field(conversation, "status")?;
    Status::of(&word).ok_or_else(|| Fail::Damaged(format!("the status {word:?}")))
}

/// What stands there, if the claim of that epoch still holds.
async fn held(mongo: &Base, id: &str, epoch: u64) -> Result<Held, Fail> {
    let found = mongo.conversation(id).await?;
    if lease_of(&found)?.is_none_or(|lease| lease.epoch != epoch) {
        return Err(superseded(id));
    }
    let number = match found.get("turn") {
        Some(Bson::Document(turn)) => field(turn, "number")?,
        _ => 0,
    };
    Ok(Held {
        entries: field(&found, "entries")?,
        answered: field(&found, "answered")?,
        flags: field(&found, "flags")?,
        number,
        turn: Turn::of(&found)?,
    })
}

fn superseded(id: &str) -> Fail {
    StoreError::Superseded { conversation: id.to_owned() }.into()
}

/// What is stored of a call, and whether that is the last write.
async fn stored(mongo: &Base, id: &str, held: &Held, call: &CallRecord) -> Result<Option<Kept>, Fail> {
    let name = call_id(id, call);
    let last = held.turn.call.as_ref().filter(|c| is(c, "_id", &name));
    match last {
        Some(last) => kept(last).map(Some),
        None => mongo.calls().find_one(doc! { "_id": name }).await?.map(|c| kept(&c)).transpose(),
    }
}

fn is(document: &Document, field: &str, text: &str) -> bool {
    document.get_str(field).is_ok_and(|found| found == text)
}

fn is_sent(call: &Document) -> bool {
    is(call, "state", CallState::Sent.word())
}

/// Writes a call as sent.
pub(super) async fn sent(mongo: &Base, id: &str, epoch: u64, call: &CallRecord) -> Result<(), Fail> {
    let held = held(mongo, id, epoch).await?;
    let old = stored(mongo, id, &held, call).await?;
    match turn::send(id, epoch, old, call)? {
        Some(written) => write(mongo, id, epoch, &held, &[], Some((call, written))).await,
        None => Ok(()),
    }
}

/// Keeps what became of a call.
pub(super) async fn settle(mongo: &Base, id: &str, epoch: u64, call: &CallRecord) -> Result<(), Fail> {
    let held = held(mongo, id, epoch).await?;
    let old = stored(mongo, id, &held, call).await?;
    match turn::settle(old, call) {
        Some(written) => write(mongo, id, epoch, &held, &[], Some((call, written))).await,
        // It may have been stored by a write whose answer was lost, and not copied yet.
        None => copy(mongo, id, &held.turn).await,
    }
}

/// Appends entries and keeps the call that brought them. Returns what the log holds instead, if it does.
pub(super) async fn append(
    mongo: &Base,
    id: &str,
    epoch: u64,
    entries: &[Entry],
    call: Option<&CallRecord>,
) -> Result<Vec<Entry>, Fail> {
    let held = held(mongo, id, epoch).await?;
    let written = match call {
        Some(call) => turn::settle(stored(mongo, id, &held, call).await?, call).map(|written| (call, written)),
        None => None,
    };
    let (there, new) = turn::split(id, held.entries, entries)?;
    let other = match there.first() {
        Some(first) => turn::differing(there, read::log(mongo, id, &held.turn, first.seq).await?),
        None => Vec::new(),
    };
    let new = if other.is_empty() { new } else { &[] };
    if new.is_empty() && written.is_none() {
        copy(mongo, id, &held.turn).await?;
    } else {
        write(mongo, id, epoch, &held, new, written).await?;
    }
    Ok(other)
}

/// One write of a turn: committed in the conversation's document, then copied to where it is looked for.
async fn write(
    mongo: &Base,
    id: &str,
    epoch: u64,
    held: &Held,
    new: &[Entry],
    call: Option<(&CallRecord, Written)>,
) -> Result<(), Fail> {
    displaced(mongo, id, held, call.as_ref().map(|(call, _)| *call)).await?;
    let more = call.as_ref().map_or(0, |(_, written)| written.more);
    let stored = match &call {
        Some((call, written)) => {
            let (document, texts) = documents::call_document(id, epoch, call, written)?;
            mongo.keep_texts(&texts).await?;
            Some(document)
        }
        None => None,
    };
    let answered = new.iter().filter(|e| e.call.is_some()).count() as u32;
    let flags = turn::union(held.flags.iter().chain(new.iter().flat_map(|e| &e.flags)));
    let as_held = doc! { "_id": id, "lease.epoch": epoch.cast_signed(), "entries": held.entries };
    let change = doc! {
        "$set": {
            "entries": held.entries + new.len() as u32,
            "answered": held.answered + answered,
            "flags": bson(&flags)?,
            "turn": { "number": held.number + 1, "entries": bson(&new)?, "call": stored.clone() },
        },
        "$inc": { "possible_spend": more },
    };
    if mongo.conversations().update_one(as_held, change).await?.matched_count == 0 {
        return Err(superseded(id));
    }
    copy(mongo, id, &Turn { entries: new.to_vec(), call: stored }).await
}

/// A call that stands only in `turn`, as sent, is kept before another takes its place.
async fn displaced(mongo: &Base, id: &str, held: &Held, by: Option<&CallRecord>) -> Result<(), Fail> {
    let Some(last) = &held.turn.call else { return Ok(()) };
    let same = by.is_some_and(|call| is(last, "_id", &call_id(id, call)));
    if same || !is_sent(last) {
        return Ok(());
    }
    put_call(mongo, last).await
}

/// Copies what the last write says to `messages` and `calls`. What is there already is the same.
async fn copy(mongo: &Base, id: &str, turn: &Turn) -> Result<(), Fail> {
    if let Some(call) = turn.call.as_ref().filter(|c| !is_sent(c)) {
        put_call(mongo, call).await?;
    }
    for entry in &turn.entries {
        unless_there(mongo.messages().insert_one(message(id, entry)?).await)?;
    }
    Ok(())
}

async fn put_call(mongo: &Base, call: &Document) -> Result<(), Fail> {
    match mongo.calls().insert_one(call).await {
        Err(error) if super::fail::is_duplicate(&error) => {
            mongo.calls().replace_one(doc! { "_id": call.get("_id") }, call).await?;
            Ok(())
        }
        other => unless_there(other),
    }
}

/// Ends the claim.
pub(super) async fn finish(
    mongo: &Base,
    id: &str,
    epoch: u64,
    status: Status,
    reason: Option<&str>,
) -> Result<(), Fail> {
    let as_held = doc! { "_id": id, "lease.epoch": epoch.cast_signed() };
    let change = doc! { "$set": { "status": status.word(), "reason": reason, "lease": null } };
    if mongo.conversations().update_one(as_held, change).await?.matched_count > 0 {
        return Ok(());
    }
    // The same end, after a write whose answer was lost.
    let found = mongo.conversation(id).await?;
    let ended = (self::status(&found)?, plain::<Option<String>>(found.get("reason").cloned().unwrap_or(Bson::Null))?);
    let same = field::<i64>(&found, "epoch")? == epoch.cast_signed() && lease_of(&found)?.is_none();
    if same && ended == (status, reason.map(str::to_owned)) { Ok(()) } else { Err(superseded(id)) }
}
