//! What colleagues do: make, change, mark, delete, take in. Whose something is stands in the filter of the write
//! itself.

use super::documents::{experiment_document, experiment_record, field, id, lease_of, run_defaults};
use super::experiments::{keep_revision, record};
use super::fail::{Fail, is_duplicate};
use super::open::{GOING, going, is_going};
use super::{Base, read};
use crate::design::Experiment;
use crate::store::{ExperimentRecord, Item, Mark, NewExperiment, Parcel, StoreError};
use ::mongodb::Collection;
use ::mongodb::bson::{Document, doc};
use ::mongodb::options::ReturnDocument;

/// Conversations whose messages and calls are deleted at a time.
const BATCH: usize = 200;

/// Makes an experiment.
pub(super) async fn create(mongo: &Base, new: &NewExperiment) -> Result<ExperimentRecord, Fail> {
    keep_revision(mongo, new).await?;
    match mongo.experiments().insert_one(experiment_document(&record(new))?).await {
        Err(error) if is_duplicate(&error) => {
            let exists = StoreError::Exists { creator: new.creator.clone(), name: new.document.name.clone() };
            Err(exists.into())
        }
        other => {
            other?;
            Ok(record(new))
        }
    }
}

/// Gives an experiment another document.
pub(super) async fn revise(
    mongo: &Base,
    name: &str,
    creator: &str,
    version: u64,
    document: &Experiment,
    revision: &str,
) -> Result<ExperimentRecord, Fail> {
    let stored = super::documents::revision_document(revision, document)?;
    super::fail::unless_there(mongo.revisions().insert_one(stored).await)?;
    let own = doc! { "_id": name, "creator": creator, "version": version.cast_signed(), GOING: null };
    let change = doc! {
        "$set": { "name": &document.name, "revision": revision, "run": run_defaults(&document.run)? },
        "$inc": { "version": 1_i64 },
    };
    let update = mongo.experiments().find_one_and_update(own, change).return_document(ReturnDocument::After).await;
    match update {
        Ok(Some(changed)) => experiment_record(changed),
        Ok(None) => {
            let what = Item::Experiment(name.to_owned());
            let found = theirs(mongo, &what, creator).await?;
            let found: u64 = field(&found, "version")?;
            Err(StoreError::Changed { what: told(&what), expected: version, found }.into())
        }
        Err(error) if is_duplicate(&error) => {
            Err(StoreError::Exists { creator: creator.to_owned(), name: document.name.clone() }.into())
        }
        Err(error) => Err(error.into()),
    }
}

fn place(mongo: &Base, item: &Item) -> (Collection<Document>, String) {
    match item {
        Item::Experiment(id) => (mongo.experiments(), id.clone()),
        Item::Conversation(id) => (mongo.conversations(), id.clone()),
    }
}

fn told(item: &Item) -> String {
    match item {
        Item::Experiment(id) => format!("experiment {id}"),
        Item::Conversation(id) => format!("conversation {id}"),
    }
}

/// Why a write found nothing to change: it is not there, or not yours; else it is returned.
async fn theirs(mongo: &Base, item: &Item, creator: &str) -> Result<Document, Fail> {
    let (collection, name) = place(mongo, item);
    let found = collection.find_one(doc! { "_id": name }).await?.filter(|d| !is_going(d));
    let found = found.ok_or_else(|| Fail::Unknown(told(item)))?;
    let whose: String = field(&found, "creator")?;
    if whose == creator { Ok(found) } else { Err(StoreError::NotYours { what: told(item), creator: whose }.into()) }
}

/// Changes note or star.
pub(super) async fn mark(mongo: &Base, item: &Item, creator: &str, mark: &Mark) -> Result<(), Fail> {
    let (collection, name) = place(mongo, item);
    let mut set = Document::new();
    if let Some(note) = &mark.note {
        set.insert("note", note.clone());
    }
    if let Some(starred) = mark.starred {
        set.insert("starred", starred);
    }
    if set.is_empty() {
        return theirs(mongo, item, creator).await.map(drop);
    }
    let mut change = doc! { "$set": set };
    if matches!(item, Item::Experiment(_)) {
        change.insert("$inc", doc! { "version": 1_i64 });
    }
    let updated = collection.update_one(doc! { "_id": name, "creator": creator, GOING: null }, change).await?;
    if updated.matched_count == 0 { theirs(mongo, item, creator).await.map(drop) } else { Ok(()) }
}

/// Deletes what is its creator's: first it is marked, so that nobody sees or claims it any more, then all that belongs
/// to it goes, and itself last.
pub(super) async fn delete(mongo: &Base, item: &Item, creator: &str) -> Result<(), Fail> {
    let found = theirs(mongo, item, creator).await?;
    let (collection, name) = place(mongo, item);
    match item {
        Item::Experiment(name) => {
            if let Some(held) = mongo.conversations().find_one(read::held(name, mongo.clock.now())).await? {
                refuse_held(mongo, item, &held).await?;
            }
        }
        Item::Conversation(_) => refuse_held(mongo, item, &found).await?,
    }
    let mut own = doc! { "_id": name, "creator": creator, GOING: null };
    let mut change = doc! { "$set": { GOING: true } };
    if matches!(item, Item::Conversation(_)) {
        // A claim of what was read before finds another epoch.
        own.insert("epoch", found.get("epoch"));
        change.insert("$inc", doc! { "epoch": 1_i64 });
    }
    if collection.update_one(own, change).await?.matched_count == 0 {
        let holder = "somebody who was faster".to_owned();
        return Err(StoreError::Held { what: told(item), holder }.into());
    }
    remove(mongo, item).await
}

async fn refuse_held(mongo: &Base, item: &Item, conversation: &Document) -> Result<(), Fail> {
    let Some(lease) = lease_of(conversation)?.filter(|lease| mongo.clock.keeps(lease)) else { return Ok(()) };
    Err(StoreError::Held { what: told(item), holder: mongo.holder(&lease).await }.into())
}

/// Finishes what was marked and not removed when a process was killed.
pub(super) async fn finish_deletions(mongo: &Base) -> Result<(), Fail> {
    for name in going(mongo.conversations()).await? {
        remove(mongo, &Item::Conversation(name)).await?;
    }
    for name in going(mongo.experiments()).await? {
        remove(mongo, &Item::Experiment(name)).await?;
    }
    Ok(())
}

async fn remove(mongo: &Base, item: &Item) -> Result<(), Fail> {
    let (collection, name) = place(mongo, item);
    match item {
        Item::Conversation(name) => belongings(mongo, std::slice::from_ref(name)).await?,
        Item::Experiment(name) => {
            let of = doc! { "experiment": name };
            let cursor = mongo.conversations().find(of.clone()).projection(doc! { "_id": 1 }).await?;
            let conversations = read::all(cursor, |d| id(&d)).await?;
            for batch in conversations.chunks(BATCH) {
                belongings(mongo, batch).await?;
            }
            mongo.conversations().delete_many(of.clone()).await?;
            mongo.runs().delete_many(of).await?;
        }
    }
    collection.delete_one(doc! { "_id": name }).await?;
    Ok(())
}

async fn belongings(mongo: &Base, conversations: &[String]) -> Result<(), Fail> {
    let of = doc! { "conversation": { "$in": conversations } };
    mongo.messages().delete_many(of.clone()).await?;
    mongo.calls().delete_many(of).await?;
    Ok(())
}

/// Takes in what another database gave.
pub(super) async fn receive(_mongo: &Base, _parcel: &Parcel) -> Result<(), Fail> {
    Err(StoreError::Refused { what: "not yet".to_owned() }.into())
}
