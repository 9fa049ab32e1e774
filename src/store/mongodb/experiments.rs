//! Writing experiments, plans and runs.

use super::base::Base;
use super::cursor::read_all;
use super::documents::{
    conversation_document, document_id, experiment_document, experiment_record, is_going, revision_document,
};
use super::fail::{Fail, is_duplicate, unless_there};
use super::{deletions, schema, snapshots, versions};
use crate::design::Experiment;
use crate::store::{ConversationRecord, ExperimentRecord, NewExperiment, RunRecord};
use ::mongodb::bson::{Document, doc};
use std::collections::{BTreeMap, HashSet};

/// Number of documents that are written at a time.
const BATCH: usize = 1000;
/// Number of texts that are written at a time; each may have a megabyte.
const TEXTS: usize = 40;

pub(super) fn new_record(new: &NewExperiment) -> ExperimentRecord {
    ExperimentRecord {
        id: new.id.clone(),
        name: new.document.name.clone(),
        creator: new.creator.clone(),
        created: new.now,
        starred: false,
        note: new.document.note.clone(),
        version: 1,
        parent: new.parent.clone(),
        revision: new.revision.clone(),
        run: new.document.run,
    }
}

pub(super) async fn save_experiment(mongo: &Base, new: &NewExperiment) -> Result<ExperimentRecord, Fail> {
    keep_revision(mongo, &new.revision, &new.document).await?;
    // Another process may store the experiment first. The loop then reads it again.
    loop {
        let Some(old) = find_experiment(mongo, &new.creator, &new.document.name).await? else {
            match mongo.experiments().insert_one(experiment_document(&new_record(new))?).await {
                Err(error) if is_duplicate(&error) => continue,
                inserted => inserted?,
            };
            return Ok(new_record(new));
        };
        let old = versions::latest_record(mongo, &old.id).await?;
        if old.revision == new.revision && old.run == new.document.run {
            return Ok(old);
        }
        let next = ExperimentRecord { revision: new.revision.clone(), run: new.document.run, ..old.clone() };
        if let Some(saved) = versions::follow_version(mongo, &old, next).await? {
            return Ok(saved);
        }
    }
}

pub(super) async fn keep_revision(mongo: &Base, hash: &str, document: &Experiment) -> Result<(), Fail> {
    schema::room_for_document(mongo, document).await?;
    keep_texts(mongo, hash, document).await?;
    unless_there(mongo.revisions().insert_one(revision_document(hash, document)?).await)
}

/// Stores the texts of people and files before the document that names them, unless the document is stored.
async fn keep_texts(mongo: &Base, hash: &str, document: &Experiment) -> Result<(), Fail> {
    let texts: BTreeMap<&str, &str> = document.texts().collect();
    if texts.is_empty() || mongo.revisions().find_one(doc! { "_id": hash }).await?.is_some() {
        return Ok(());
    }
    let documents: Vec<Document> = texts.iter().map(|(hash, text)| doc! { "_id": *hash, "text": *text }).collect();
    for batch in documents.chunks(TEXTS) {
        unless_there(mongo.texts().insert_many(batch).ordered(false).await)?;
    }
    Ok(())
}

pub(super) async fn find_experiment(mongo: &Base, creator: &str, name: &str) -> Result<Option<ExperimentRecord>, Fail> {
    let found = mongo.experiments().find_one(doc! { "creator": creator, "name": name }).await?;
    match found {
        // The deletion of this experiment was interrupted. Finishing the deletion frees the name.
        Some(going) if is_going(&going) => {
            deletions::finish_deletions(mongo).await?;
            Ok(None)
        }
        found => found.map(experiment_record).transpose(),
    }
}

/// Marks the conversations that a revision plans, and inserts new ones.
pub(super) async fn plan_conversations(
    mongo: &Base,
    experiment: &str,
    revision: &str,
    keys: &[String],
    new: &[ConversationRecord],
) -> Result<(), Fail> {
    if new.is_empty() && snapshots::are_all_of(mongo, experiment, revision).await? {
        return Ok(());
    }
    if new.iter().any(|c| c.kind.is_conversation()) {
        snapshots::remove_head(mongo, experiment).await?;
    }
    for conversation in new {
        schema::room_for_record(mongo, conversation).await?;
    }
    let keys: HashSet<&str> = keys.iter().chain(new.iter().map(|c| &c.key)).map(String::as_str).collect();
    for batch in new.chunks(BATCH) {
        let documents: Vec<Document> = batch
            .iter()
            .map(|c| ConversationRecord { revision: revision.to_owned(), lease: None, retries: 0, ..c.clone() })
            .map(|c| conversation_document(&c))
            .collect::<Result<_, _>>()?;
        let inserted = mongo.conversations().insert_many(documents).ordered(false).await;
        unless_there(inserted)?;
    }
    let others = doc! { "experiment": experiment, "revision": { "$ne": revision } };
    let cursor = mongo.conversations().find(others).projection(doc! { "key": 1 }).await?;
    let others =
        read_all(cursor, |d| Ok((document_id(&d)?, super::documents::read_field::<String>(&d, "key")?))).await?;
    let planned: Vec<String> =
        others.into_iter().filter(|(_, key)| keys.contains(key.as_str())).map(|(id, _)| id).collect();
    if !planned.is_empty() {
        snapshots::remove_head(mongo, experiment).await?;
    }
    for batch in planned.chunks(BATCH) {
        let change = doc! { "$set": { "revision": revision } };
        mongo.conversations().update_many(doc! { "_id": { "$in": batch } }, change).await?;
    }
    Ok(())
}

pub(super) async fn begin_run(mongo: &Base, run: &RunRecord) -> Result<(), Fail> {
    schema::room_for_run(mongo, run).await?;
    unless_there(mongo.runs().insert_one(snapshots::run_with_lease(mongo, run)?).await)
}

pub(super) async fn end_run(mongo: &Base, id: &str, ended: &str) -> Result<(), Fail> {
    let updated = mongo.runs().update_one(doc! { "_id": id }, doc! { "$set": { "ended": ended } }).await?;
    if updated.matched_count == 0 {
        return Err(Fail::Unknown(format!("run {id}")));
    }
    let run = mongo.runs().find_one(doc! { "_id": id }).await?;
    match run.map(|run| super::documents::read_field::<String>(&run, "experiment")).transpose()? {
        Some(find_experiment) => snapshots::store_snapshot(mongo, &find_experiment).await,
        None => Ok(()),
    }
}
