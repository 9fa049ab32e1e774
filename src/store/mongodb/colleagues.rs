//! Changes that only an item's creator may make: create, revise, mark. The filter of each write names the creator.

use super::base::Base;
use super::documents::experiment_document;
use super::experiments::{experiment, keep_revision, record};
use super::fail::{Fail, is_duplicate};
use super::items::{place, theirs, told};
use super::versions;
use crate::design::Experiment;
use crate::store::{ExperimentRecord, Item, Mark, NewExperiment, StoreError};
use ::mongodb::bson::{Document, doc};

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
        // Another process took the name meanwhile: this version stays, with the experiment's old name.
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

/// Marks a conversation and checks it after each write: a server may overwrite it with an older copy of another write.
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
