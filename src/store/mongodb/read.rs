//! Reading of experiments, conversations, calls and runs.

use super::base::Base;
use super::cursor::{BATCH, list_going, read_all};
use super::documents::{
    CallName, call_name, call_record, conversation_record, document_id, document_status, experiment_record, from_bson,
    lease_of, of_kind, read_field, revision_experiment, run_record,
};
use super::fail::Fail;
use super::standing::{each_standing, read_tracks};
use super::track::is_preferred;
use super::{schema, snapshots};
use crate::design::Experiment;
use crate::process::Flag;
use crate::process::log::Entry;
use crate::store::turn;
use crate::store::{
    CallRecord, ConversationRecord, Counts, ExperimentRecord, Filter, Group, History, Lease, ProcessKind, RunRecord,
    Standing, Status,
};
use ::mongodb::bson::{Bson, Document, doc};
use futures_util::TryStreamExt;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Maximum number of conversations that [`find_by_prefix`] returns.
const FOUND: i64 = 20;

pub(super) async fn list_records(mongo: &Base) -> Result<Vec<ExperimentRecord>, Fail> {
    let mut records = read_all(mongo.experiments().find(doc! {}).await?, experiment_record).await?;
    records.sort_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
    Ok(records)
}

pub(super) async fn list_experiments(mongo: &Base) -> Result<Vec<(ExperimentRecord, Counts)>, Fail> {
    let records = list_records(mongo).await?;
    let heads = snapshots::read_heads(mongo).await?;
    let known = |id: &String| heads.get(id).and_then(|head| head.groups.as_deref());
    let others: Vec<String> = records.iter().map(|r| r.id.clone()).filter(|id| known(id).is_none()).collect();
    let groups = count_conversations(mongo, &others).await?;
    let count = |record: ExperimentRecord| {
        let found = || groups.get(&record.id).map(Vec::as_slice).unwrap_or_default();
        let counts = Counts::of_groups(known(&record.id).unwrap_or_else(found), &record.revision);
        (record, counts)
    };
    Ok(records.into_iter().map(count).collect())
}

async fn count_conversations(mongo: &Base, experiments: &[String]) -> Result<HashMap<String, Vec<Group>>, Fail> {
    if experiments.is_empty() {
        return Ok(HashMap::new());
    }
    let mut cursor = mongo.conversations().aggregate(aggregate_counts(mongo, experiments).await?).await?;
    let mut groups: HashMap<String, Vec<Group>> = HashMap::new();
    while let Some(found) = cursor.try_next().await? {
        let name: Document = read_field(&found, "_id")?;
        groups.entry(read_field(&name, "experiment")?).or_default().push(Group {
            revision: read_field(&name, "revision")?,
            offline: read_field(&name, "offline")?,
            status: document_status(&name)?,
            number: read_field(&found, "number")?,
        });
    }
    Ok(groups)
}

/// Counts by experiment, revision, status and whether they are offline. Before schema 2 all processes are conversations, and no index has their
/// kind.
async fn aggregate_counts(mongo: &Base, experiments: &[String]) -> Result<Vec<Document>, Fail> {
    let group = doc! { "$group": {
        "_id": { "experiment": "$experiment", "revision": "$revision", "status": "$status",
                 "offline": "$offline" }, "number": { "$sum": 1 },
    } };
    if schema::is_first(mongo).await? {
        let sort = doc! { "$sort": { "experiment": 1, "revision": 1, "status": 1 } };
        return Ok(vec![doc! { "$match": { "experiment": { "$in": experiments } } }, sort, group]);
    }
    let asked = doc! { "experiment": { "$in": experiments }, "kind": of_kind(ProcessKind::Conversation) };
    Ok(vec![doc! { "$match": asked }, group])
}

pub(super) async fn find_document(mongo: &Base, revision: &str) -> Result<Option<Experiment>, Fail> {
    let found = mongo.revisions().find_one(doc! { "_id": revision }).await?;
    let Some(mut document) = found.map(|stored| revision_experiment(&stored)).transpose()? else { return Ok(None) };
    fill_texts(mongo, &mut document).await?;
    Ok(Some(document))
}

/// Puts the texts of people and files into a document.
pub(super) async fn fill_texts(mongo: &Base, document: &mut Experiment) -> Result<(), Fail> {
    let texts = read_texts(mongo, document.text_hashes().map(str::to_owned).collect()).await?;
    let missing = |hash: &str| Fail::Damaged(format!("the text {hash} of an experiment is missing"));
    document.fill_texts(|hash| texts.get(hash).cloned().ok_or_else(|| missing(hash)))
}

/// Returns texts by their hashes. Missing texts are left out.
async fn read_texts(mongo: &Base, hashes: BTreeSet<String>) -> Result<HashMap<String, String>, Fail> {
    if hashes.is_empty() {
        return Ok(HashMap::new());
    }
    let hashes: Vec<String> = hashes.into_iter().collect();
    let cursor = mongo.texts().find(doc! { "_id": { "$in": &hashes } }).batch_size(BATCH).await?;
    let texts = read_all(cursor, |document| Ok((document_id(&document)?, read_field(&document, "text")?))).await?;
    Ok(texts.into_iter().collect())
}

pub(super) async fn list_revisions(mongo: &Base) -> Result<Vec<String>, Fail> {
    let cursor = mongo.revisions().find(doc! {}).projection(doc! { "_id": 1 }).await?;
    let mut hashes = read_all(cursor, |document| document_id(&document)).await?;
    hashes.sort();
    Ok(hashes)
}

/// Returns the progress of each process of an experiment, in the order of creation.
pub(super) async fn read_standing(mongo: &Base, experiment: &str, kind: ProcessKind) -> Result<Vec<Standing>, Fail> {
    if kind.is_conversation()
        && let Some(standing) = snapshots::stored_standing(mongo, experiment).await?
    {
        return Ok(standing);
    }
    each_standing(mongo, experiment, kind).await
}

/// Returns the leases of conversations, by id.
pub(super) async fn read_leases(mongo: &Base, ids: Vec<&str>) -> Result<HashMap<String, Lease>, Fail> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let conversations = mongo.conversations();
    let cursor = conversations.find(doc! { "_id": { "$in": ids } }).projection(doc! { "lease": 1 });
    let held = read_all(cursor.batch_size(BATCH).await?, |d| Ok((document_id(&d)?, lease_of(&d)?))).await?;
    Ok(held.into_iter().filter_map(|(id, lease)| Some((id, lease?))).collect())
}

/// Returns the log of a conversation from an entry on.
pub(super) async fn log_from(mongo: &Base, conversation: &str, from: u32) -> Result<Vec<Entry>, Fail> {
    Ok(read_entries(mongo, conversation, from).await?.into_iter().map(|(_, entry)| entry).collect())
}

/// Returns entries, each with the epoch in which it was written.
async fn read_entries(mongo: &Base, conversation: &str, from: u32) -> Result<Vec<(u64, Entry)>, Fail> {
    let filter = doc! { "conversation": conversation, "seq": { "$gte": from } };
    let cursor = mongo.messages().find(filter).batch_size(BATCH).await?;
    let mut log = read_all(cursor, |document| Ok((read_field(&document, "epoch")?, from_bson(document)?))).await?;
    log.sort_by_key(|(_, entry): &(u64, Entry)| entry.seq);
    Ok(log)
}

pub(super) async fn read_history(mongo: &Base, conversation: &str) -> Result<History, Fail> {
    if mongo.tracks.is_fresh(conversation) {
        return Ok(History::default());
    }
    mongo.find_conversation(conversation).await?;
    let log = read_entries(mongo, conversation, 0).await?;
    mongo.tracks.note_length(conversation, log.len() as u32);
    let used = used_calls(&log);
    let mut open = known_calls(mongo, conversation, &used).await?;
    open.retain(|c| !used.contains_key(&(c.seq, c.call.purpose, c.call.ask)));
    put_back(mongo, &mut open).await?;
    Ok(History { log: log.into_iter().map(|(_, entry)| entry).collect(), open })
}

pub(super) async fn read_calls(mongo: &Base, conversation: &str) -> Result<Vec<CallRecord>, Fail> {
    mongo.find_conversation(conversation).await?;
    let used = used_calls(&read_entries(mongo, conversation, 0).await?);
    let mut calls = known_calls(mongo, conversation, &used).await?;
    put_back(mongo, &mut calls).await?;
    Ok(calls)
}

/// Returns the calls that produced an entry, each with its epoch.
fn used_calls(log: &[(u64, Entry)]) -> BTreeMap<CallName, u64> {
    log.iter().filter_map(|(epoch, e)| Some(((e.seq, e.call?.purpose, e.call?.ask), *epoch))).collect()
}

/// Returns calls with hashes instead of texts, in the order of seq, purpose, ask.
async fn known_calls(
    mongo: &Base,
    conversation: &str,
    used: &BTreeMap<CallName, u64>,
) -> Result<Vec<CallRecord>, Fail> {
    let cursor = mongo.calls().find(doc! { "conversation": conversation }).batch_size(BATCH).await?;
    Ok(latest_calls(read_all(cursor, |document| read_asking(&document)).await?, used))
}

/// A call as one epoch wrote it.
pub(super) type Asking = (CallName, u64, CallRecord);

pub(super) fn read_asking(document: &Document) -> Result<Asking, Fail> {
    Ok((call_name(document)?, read_field::<u64>(document, "epoch")?, call_record(document)?))
}

/// Returns one record for each call. If several epochs wrote the call, returns the preferred record.
pub(super) fn latest_calls(found: Vec<Asking>, used: &BTreeMap<CallName, u64>) -> Vec<CallRecord> {
    let mut calls: BTreeMap<CallName, (u64, CallRecord)> = BTreeMap::new();
    for (name, epoch, call) in found {
        let known = calls.get(&name).map(|(old, _)| *old);
        if known.is_none_or(|old| is_preferred(used.get(&name).copied(), epoch, old)) {
            calls.insert(name, (epoch, call));
        }
    }
    // The map sorts by the order of the enum, so that every database returns the same order.
    calls.into_values().map(|(_, call)| call).collect()
}

pub(super) async fn put_back(mongo: &Base, calls: &mut [CallRecord]) -> Result<(), Fail> {
    let hashes: BTreeSet<String> = calls.iter_mut().flat_map(turn::text_hashes).collect();
    let texts = read_texts(mongo, hashes).await?;
    for call in calls {
        turn::put_texts_back(call, &texts).map_err(|hash| turn::missing_text(&hash)).map_err(Fail::Damaged)?;
    }
    Ok(())
}

/// Returns a filter's document. Text that a person typed is always a value in the document, never an operator.
fn filter_document(filter: &Filter) -> Document {
    let asked = [("experiment", &filter.experiment), ("revision", &filter.revision)];
    let asked = asked.into_iter().filter_map(|(name, value)| Some((name.to_owned(), Bson::from(value.as_ref()?))));
    asked.chain([("kind".to_owned(), of_kind(filter.kind))]).collect()
}

type Flagged = (ConversationRecord, Vec<Flag>);

fn read_flagged(document: Document) -> Result<Flagged, Fail> {
    let flags = read_field(&document, "flags")?;
    Ok((conversation_record(document)?, flags))
}

/// Adds the flags of running conversations, which only their logs have.
async fn with_flags(mongo: &Base, mut found: Vec<Flagged>) -> Result<Vec<Flagged>, Fail> {
    let running: Vec<String> =
        found.iter().filter(|(c, _)| c.status == Status::Running).map(|(c, _)| c.id.clone()).collect();
    let mut tracks = read_tracks(mongo, &running).await?;
    for (conversation, flags) in &mut found {
        if let Some(track) = tracks.remove(&conversation.id) {
            *flags = track.flags;
        }
    }
    Ok(found)
}

/// Returns conversations in the order of creation, each with the flags in its log.
pub(super) async fn list_conversations(mongo: &Base, filter: &Filter) -> Result<Vec<Flagged>, Fail> {
    let cursor = mongo.conversations().find(filter_document(filter)).batch_size(BATCH).await?;
    let mut found = read_all(cursor, read_flagged).await?;
    found.sort_by(|(a, _), (b, _)| (a.created, &a.id).cmp(&(b.created, &b.id)));
    with_flags(mongo, found).await
}

/// Returns conversations in the order of their key, beginning with the first key after `after`.
pub(super) async fn read_page(mongo: &Base, filter: &Filter, after: &str, limit: u32) -> Result<Vec<Flagged>, Fail> {
    let mut asked = filter_document(filter);
    asked.insert("key", doc! { "$gt": after });
    let conversations = mongo.conversations();
    let find = conversations.find(asked).sort(doc! { "key": 1 }).limit(i64::from(limit));
    with_flags(mongo, read_all(find.batch_size(BATCH).await?, read_flagged).await?).await
}

/// Returns the conversations whose id begins with a prefix, ordered by id. If no id matches, returns those whose key
/// begins with it. The prefix is compared as text, never as a pattern.
pub(super) async fn find_by_prefix(mongo: &Base, prefix: &str) -> Result<Vec<ConversationRecord>, Fail> {
    let going = list_going(mongo.experiments()).await?;
    let mut all: Vec<ConversationRecord> = Vec::new();
    for field in ["_id", "key"] {
        let range = doc! { field: { "$gte": prefix, "$lt": format!("{prefix}{}", char::MAX) } };
        let conversations = mongo.conversations();
        let find = conversations.find(range).sort(doc! { "_id": 1 }).limit(FOUND);
        let mut found = read_all(find.await?, conversation_record).await?;
        found.retain(|conversation| !going.contains(&conversation.experiment));
        // A whole id saves the search by key, for which FerretDB reads the whole collection.
        if found.first().is_some_and(|first| first.id == prefix) {
            found.truncate(1);
            return Ok(found);
        }
        found.retain(|conversation| field == "_id" || !conversation.id.starts_with(prefix));
        all.append(&mut found);
    }
    Ok(all)
}

/// Returns the runs of an experiment, oldest first.
pub(super) async fn list_runs(mongo: &Base, experiment: &str) -> Result<Vec<RunRecord>, Fail> {
    let mut runs = read_all(mongo.runs().find(doc! { "experiment": experiment }).await?, run_record).await?;
    runs.sort_by(|a, b| (a.started, &a.id).cmp(&(b.started, &b.id)));
    Ok(runs)
}
