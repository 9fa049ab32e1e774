//! The schema of a database, and its indexes.
//!
//! Each schema only adds fields, documents and indexes. So an older program may use the database beside this one until
//! the first write that the older program cannot read. Such a write raises the schema: it creates the indexes first,
//! then writes the number.

use super::base::Base;
use super::documents::read_field;
use super::fail::Fail;
use crate::design::{Experiment, Flag};
use crate::process::log::{Entry, Kind};
use crate::process::prompt::View;
use crate::store::{CallRecord, ConversationRecord, ProcessKind, RunKind, RunRecord};
use ::mongodb::bson::{Document, doc};
use ::mongodb::options::IndexOptions;
use ::mongodb::{Database, IndexModel};
use serde_json::Value as Json;
use std::sync::atomic::Ordering;

/// The schema of a new database.
pub(super) const FIRST: u32 = 1;
/// The schema with questions, further fields of entries, and recipes with parts.
const SECOND: u32 = 2;
/// The highest schema that this program reads.
pub(super) const KNOWN: u32 = SECOND;
/// The collection whose only document marks a database as convoke's.
pub(super) const META: &str = "convoke";

/// Indexes: schema, collection, keys, and true if the keys are unique.
const INDEXES: &[(u32, &str, &[&str], bool)] = &[
    (FIRST, "experiments", &["creator", "name"], true),
    (FIRST, "conversations", &["experiment", "key"], true),
    (FIRST, "conversations", &["experiment", "revision", "status"], false),
    (FIRST, "conversations", &["experiment", "created", "_id"], false),
    (FIRST, "conversations", &["lease.owner"], false),
    (FIRST, "messages", &["conversation", "seq"], true),
    (FIRST, "calls", &["conversation", "seq", "purpose", "ask", "epoch"], true),
    (FIRST, "claims", &["conversation", "epoch"], true),
    (FIRST, "versions", &["experiment", "version"], true),
    (FIRST, "runs", &["experiment", "started"], false),
    (FIRST, "snapshot_pieces", &["experiment", "stamp"], false),
    (SECOND, "conversations", &["experiment", "kind", "revision", "status", "offline"], false),
];

/// Keys of an experiment's document that convoke 0.1 reads.
const DOCUMENT: [&str; 16] = [
    "format",
    "name",
    "note",
    "starting_message",
    "sections",
    "models",
    "protocol",
    "roles",
    "shared",
    "summarizer",
    "summarizer_model",
    "selector_model",
    "factors",
    "design",
    "health",
    "run",
];
/// Keys of the document's `protocol` that convoke 0.1 reads.
const PROTOCOL: [&str; 7] = ["messages", "days", "speakers", "labels", "merge", "stop_phrases", "final_summary"];

/// Makes the indexes that a schema adds.
pub(super) async fn make_indexes(database: &Database, schema: u32) -> Result<(), Fail> {
    for (_, collection, keys, unique) in INDEXES.iter().filter(|(of, ..)| *of == schema) {
        let keys: Document = keys.iter().map(|key| ((*key).to_owned(), 1.into())).collect();
        let options = unique.then(|| IndexOptions::builder().unique(true).build());
        let index = IndexModel::builder().keys(keys).options(options).build();
        database.collection::<Document>(collection).create_index(index).await?;
    }
    Ok(())
}

/// Returns true if the database is of schema 1. It then holds nothing that schema 2 adds.
pub(super) async fn is_first(mongo: &Base) -> Result<bool, Fail> {
    if mongo.schema.load(Ordering::Relaxed) > FIRST {
        return Ok(false);
    }
    let found = mongo.collection(META).find_one(doc! { "_id": "schema" }).await?;
    let schema = found.map_or(Ok(FIRST), |meta| read_field(&meta, "schema"))?;
    mongo.schema.store(schema, Ordering::Relaxed);
    Ok(schema == FIRST)
}

/// Raises the schema if the record of a process needs the next schema.
pub(super) async fn room_for_record(mongo: &Base, record: &ConversationRecord) -> Result<(), Fail> {
    let is_new = match record.kind {
        ProcessKind::Conversation => false,
        ProcessKind::Question => true,
    };
    raise_schema(mongo, is_new).await
}

/// Raises the schema if a run needs the next schema.
pub(super) async fn room_for_run(mongo: &Base, run: &RunRecord) -> Result<(), Fail> {
    let is_new = match run.kind {
        RunKind::Run | RunKind::Talk => false,
        RunKind::Ask => true,
    };
    raise_schema(mongo, is_new).await
}

/// Raises the schema if the document of a revision needs the next schema.
pub(super) async fn room_for_document(mongo: &Base, document: &Experiment) -> Result<(), Fail> {
    let has_new_flag = document.health.iter().any(|policy| policy.name == Flag::ThinkingLeft.word());
    let document = serde_json::to_value(document.without_texts())?;
    let is_new = document["format"] != 1 || has_others(&document, &DOCUMENT) || has_new_flag;
    raise_schema(mongo, is_new || has_others(&document["protocol"], &PROTOCOL)).await
}

fn has_others(document: &Json, known: &[&str]) -> bool {
    document.as_object().is_some_and(|fields| fields.keys().any(|key| !known.contains(&key.as_str())))
}

/// Raises the schema if entries or calls need the next schema.
pub(super) async fn room_for_turn(mongo: &Base, entries: &[Entry], calls: &[CallRecord]) -> Result<(), Fail> {
    raise_schema(mongo, entries.iter().any(is_new_entry) || calls.iter().any(|call| is_new_view(&call.view))).await
}

fn is_new_entry(entry: &Entry) -> bool {
    entry.flags.contains(&Flag::ThinkingLeft) || is_new_kind(entry)
}

fn is_new_kind(entry: &Entry) -> bool {
    match entry.kind {
        Kind::Opening | Kind::Speech | Kind::Selection | Kind::Summary | Kind::Rejected => entry.more.is_some(),
        Kind::Question | Kind::Answer | Kind::Turn | Kind::Thought | Kind::Action | Kind::State | Kind::Move => true,
    }
}

fn is_new_view(view: &View) -> bool {
    view.subject || view.alternate || view.filled || !view.parts.is_empty()
}

/// Raises the schema to 2 if `is_new`: schema 1 cannot hold the write.
async fn raise_schema(mongo: &Base, is_new: bool) -> Result<(), Fail> {
    if !is_new || mongo.schema.load(Ordering::Relaxed) >= SECOND {
        return Ok(());
    }
    make_indexes(&mongo.database, SECOND).await?;
    let older = doc! { "_id": "schema", "schema": { "$lt": SECOND } };
    mongo.collection(META).update_one(older, doc! { "$set": { "schema": SECOND } }).await?;
    mongo.schema.store(SECOND, Ordering::Relaxed);
    Ok(())
}
