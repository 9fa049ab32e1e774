//! What colleagues do: make, change, mark, delete, take in. Whose something is stands in the filter of the write
//! itself.

use super::documents::{experiment_document, field, id, lease_of};
use super::experiments::{experiment, keep_revision, record};
use super::fail::{Fail, is_duplicate};
use super::open::{GOING, going, is_going};
use super::{Base, read, snapshots, versions};
use crate::design::Experiment;
use crate::store::{ExperimentRecord, Item, Mark, NewExperiment, StoreError};
use ::mongodb::Collection;
use ::mongodb::bson::{Document, doc};

/// Conversations whose messages and calls are deleted at a time.
const BATCH: usize = 200;

/// Makes an experiment.
pub(super) async fn create(mongo: &Base, new: &NewExperiment) -> Result<ExperimentRecord, Fail> {
    keep_revision(mongo, &new.revision, &new.document).await?;
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
    keep_revision(mongo, revision, document).await?;
    let item = Item::Experiment(name.to_owned());
    theirs(mongo, &item, creator).await?;
    let old = versions::latest(mongo, name).await?;
    if old.version != version {
        return Err(changed(mongo, &item, version).await?);
    }
    if old.name != document.name {
        free(mongo, creator, &document.name).await?;
    }
    let next = ExperimentRecord {
        name: document.name.clone(),
        revision: revision.to_owned(),
        run: document.run,
        ..old.clone()
    };
    match versions::follow(mongo, &old, next).await {
        Ok(Some(changed)) => Ok(changed),
        Ok(None) => Err(changed(mongo, &item, version).await?),
        // The name was taken between our look and our write: the version stands, with the name that it had.
        Err(Fail::Mongo(error)) if is_duplicate(&error) => {
            let taken = versions::latest(mongo, name).await?;
            versions::follow(mongo, &taken, ExperimentRecord { name: old.name, ..taken.clone() }).await?;
            Err(StoreError::Exists { creator: creator.to_owned(), name: document.name.clone() }.into())
        }
        Err(error) => Err(error),
    }
}

async fn changed(mongo: &Base, item: &Item, expected: u64) -> Result<Fail, Fail> {
    let (_, name) = place(mongo, item);
    let found = versions::latest(mongo, &name).await?.version;
    Ok(StoreError::Changed { what: told(item), expected, found }.into())
}

async fn free(mongo: &Base, creator: &str, name: &str) -> Result<(), Fail> {
    match experiment(mongo, creator, name).await? {
        None => Ok(()),
        Some(_) => Err(StoreError::Exists { creator: creator.to_owned(), name: name.to_owned() }.into()),
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
    let found = theirs(mongo, item, creator).await?;
    match item {
        Item::Experiment(id) => loop {
            let old = versions::latest(mongo, id).await?;
            let next = ExperimentRecord {
                note: mark.note.clone().unwrap_or_else(|| old.note.clone()),
                starred: mark.starred.unwrap_or(old.starred),
                ..old.clone()
            };
            if next == old || versions::follow(mongo, &old, next).await?.is_some() {
                return Ok(());
            }
        },
        Item::Conversation(id) => mark_conversation(mongo, id, creator, mark, found).await,
    }
}

/// A server may write another's older copy over it: it is looked at again after each write.
async fn mark_conversation(
    mongo: &Base,
    id: &str,
    creator: &str,
    mark: &Mark,
    mut found: Document,
) -> Result<(), Fail> {
    let mut set = Document::new();
    if let Some(note) = &mark.note {
        set.insert("note", note.clone());
    }
    if let Some(starred) = mark.starred {
        set.insert("starred", starred);
    }
    while set.iter().any(|(name, value)| found.get(name) != Some(value)) {
        let own = doc! { "_id": id, "creator": creator };
        mongo.conversations().update_one(own, doc! { "$set": set.clone() }).await?;
        found = theirs(mongo, &Item::Conversation(id.to_owned()), creator).await?;
    }
    Ok(())
}

/// Deletes what is its creator's: first it is marked, so that nobody sees or claims it any more, then all that belongs
/// to it goes, and itself last.
pub(super) async fn delete(mongo: &Base, item: &Item, creator: &str) -> Result<(), Fail> {
    let found = theirs(mongo, item, creator).await?;
    let (collection, name) = place(mongo, item);
    snapshots::take_away(mongo, &field::<String>(&found, "experiment").unwrap_or_else(|_| name.clone())).await?;
    let own = doc! { "_id": &name, "creator": creator };
    collection.update_one(own, doc! { "$set": { GOING: true } }).await?;
    // Looked for after the mark: what is claimed from now on finds it.
    if let Err(refused) = unheld(mongo, item).await {
        unmark(mongo, item).await?;
        return Err(refused);
    }
    remove(mongo, item).await
}

/// Fails where somebody works on it now.
async fn unheld(mongo: &Base, item: &Item) -> Result<(), Fail> {
    let conversation = match item {
        Item::Experiment(name) => mongo.conversations().find_one(read::held(name, mongo.clock.now())).await?,
        Item::Conversation(name) => mongo.conversations().find_one(doc! { "_id": name }).await?,
    };
    let lease = conversation.map(|found| lease_of(&found)).transpose()?.flatten();
    match lease.filter(|lease| mongo.clock.keeps(lease)) {
        Some(lease) => Err(StoreError::Held { what: told(item), holder: mongo.holder(&lease).await }.into()),
        None => Ok(()),
    }
}

/// Finishes what was marked and not removed when a process was killed. What somebody works on was about to be refused:
/// it loses its mark.
pub(super) async fn finish_deletions(mongo: &Base) -> Result<(), Fail> {
    let conversations = going(mongo.conversations()).await?.into_iter().map(Item::Conversation);
    let experiments = going(mongo.experiments()).await?.into_iter().map(Item::Experiment);
    for item in conversations.chain(experiments) {
        match unheld(mongo, &item).await {
            Ok(()) => remove(mongo, &item).await?,
            Err(Fail::Store(StoreError::Held { .. })) => unmark(mongo, &item).await?,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

async fn unmark(mongo: &Base, item: &Item) -> Result<(), Fail> {
    let (collection, name) = place(mongo, item);
    collection.update_one(doc! { "_id": name }, doc! { "$unset": { GOING: "" } }).await?;
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
            mongo.versions().delete_many(of.clone()).await?;
            mongo.snapshots().delete_one(doc! { "_id": name }).await?;
            mongo.pieces().delete_many(of.clone()).await?;
            mongo.runs().delete_many(of).await?;
        }
    }
    collection.delete_one(doc! { "_id": name }).await?;
    Ok(())
}

pub(super) async fn belongings(mongo: &Base, conversations: &[String]) -> Result<(), Fail> {
    let of = doc! { "conversation": { "$in": conversations } };
    mongo.messages().delete_many(of.clone()).await?;
    mongo.calls().delete_many(of.clone()).await?;
    // Last: while it is there, a process that held it is refused.
    mongo.claims().delete_many(of).await?;
    Ok(())
}
