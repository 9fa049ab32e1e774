//! Reading. What the last write of a turn says and is not copied yet is taken from the conversation's document.

use super::Base;
use super::documents::{
    call_record, conversation_record, date, experiment_record, field, id, plain, revision_experiment, run_record,
};
use super::fail::Fail;
use super::open::is_going;
use super::turns::{Turn, status};
use crate::conversation::Flag;
use crate::conversation::log::Entry;
use crate::design::Experiment;
use crate::store::turn;
use crate::store::{
    CallRecord, ConversationRecord, Counts, ExperimentRecord, Filter, History, RunRecord, Standing, Status,
};
use ::mongodb::Cursor;
use ::mongodb::bson::{Bson, Document, doc};
use futures_util::TryStreamExt;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Conversations that [`find`] tells at most.
const FOUND: i64 = 20;
/// Documents that are fetched at a time.
const BATCH: u32 = 1000;

/// Every document of a cursor that is not being deleted, read.
pub(super) async fn all<T>(
    mut cursor: Cursor<Document>,
    read: impl Fn(Document) -> Result<T, Fail>,
) -> Result<Vec<T>, Fail> {
    let mut records = Vec::new();
    while let Some(document) = cursor.try_next().await? {
        if !is_going(&document) {
            records.push(read(document)?);
        }
    }
    Ok(records)
}

/// All experiments, oldest first, with the counts of their current revision.
pub(super) async fn experiments(mongo: &Base) -> Result<Vec<(ExperimentRecord, Counts)>, Fail> {
    let mut records = all(mongo.experiments().find(doc! {}).await?, experiment_record).await?;
    records.sort_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
    let mut counts = counts(mongo).await?;
    Ok(records
        .into_iter()
        .map(|r| (counts.remove(&(r.id.clone(), r.revision.clone())).unwrap_or_default(), r))
        .map(|(counts, record)| (record, counts))
        .collect())
}

/// Counts by experiment and revision. The sort is that of an index which holds all that is asked.
async fn counts(mongo: &Base) -> Result<HashMap<(String, String), Counts>, Fail> {
    let pipeline = [
        doc! { "$sort": { "experiment": 1, "revision": 1, "status": 1 } },
        doc! { "$group": {
            "_id": { "experiment": "$experiment", "revision": "$revision", "status": "$status" }, "number": { "$sum": 1 },
        } },
    ];
    let mut cursor = mongo.conversations().aggregate(pipeline).await?;
    let mut counts: HashMap<(String, String), Counts> = HashMap::new();
    while let Some(group) = cursor.try_next().await? {
        let name: Document = field(&group, "_id")?;
        let number: u32 = field(&group, "number")?;
        let of = counts.entry((field(&name, "experiment")?, field(&name, "revision")?)).or_default();
        match status(&name)? {
            Status::Done => of.done += number,
            Status::Failed => of.failed += number,
            _ => of.left += number,
        }
    }
    Ok(counts)
}

/// The document of a revision.
pub(super) async fn document(mongo: &Base, revision: &str) -> Result<Option<Experiment>, Fail> {
    let found = mongo.revisions().find_one(doc! { "_id": revision }).await?;
    found.map(|stored| revision_experiment(&stored)).transpose()
}

/// The hashes of all documents.
pub(super) async fn revisions(mongo: &Base) -> Result<Vec<String>, Fail> {
    let cursor = mongo.revisions().find(doc! {}).projection(doc! { "_id": 1 }).await?;
    let mut hashes = all(cursor, |document| id(&document)).await?;
    hashes.sort();
    Ok(hashes)
}

/// How each conversation of an experiment stands, in the order of creation.
pub(super) async fn standing(mongo: &Base, experiment: &str) -> Result<Vec<Standing>, Fail> {
    let fields = doc! {
        "key": 1, "revision": 1, "status": 1, "entries": 1, "answered": 1, "possible_spend": 1, "offline": 1,
        "replicate": 1, "seed": 1, "creator": 1, "created": 1, super::open::GOING: 1,
    };
    let conversations = mongo.conversations();
    let cursor = conversations.find(doc! { "experiment": experiment }).projection(fields).batch_size(BATCH);
    let mut standing = all(cursor.await?, |document| Ok((field(&document, "created")?, stands(&document)?))).await?;
    standing.sort_by(|a: &(::mongodb::bson::DateTime, Standing), b| (a.0, &a.1.id).cmp(&(b.0, &b.1.id)));
    Ok(standing.into_iter().map(|(_, stands)| stands).collect())
}

fn stands(document: &Document) -> Result<Standing, Fail> {
    let seed: String = field(document, "seed")?;
    Ok(Standing {
        id: id(document)?,
        key: field(document, "key")?,
        revision: field(document, "revision")?,
        status: status(document)?,
        begun: field::<u32>(document, "entries")? > 0,
        answered: field(document, "answered")?,
        possible_spend: field(document, "possible_spend")?,
        offline: field(document, "offline")?,
        replicate: field(document, "replicate")?,
        seed: seed.parse().map_err(|_| Fail::Damaged(format!("the seed {seed:?}")))?,
        creator: field(document, "creator")?,
    })
}

/// The log of a conversation from an entry on.
pub(super) async fn log(mongo: &Base, conversation: &str, turn: &Turn, from: u32) -> Result<Vec<Entry>, Fail> {
    let filter = doc! { "conversation": conversation, "seq": { "$gte": from } };
    let mut log: Vec<Entry> = all(mongo.messages().find(filter).batch_size(BATCH).await?, plain).await?;
    log.sort_by_key(|entry| entry.seq);
    let length = log.last().map_or(from, |last| last.seq + 1);
    log.extend(turn.entries.iter().filter(|entry| entry.seq >= length).cloned());
    Ok(log)
}

/// What a conversation has so far.
pub(super) async fn history(mongo: &Base, conversation: &str) -> Result<History, Fail> {
    let turn = Turn::of(&mongo.conversation(conversation).await?)?;
    let log = log(mongo, conversation, &turn, 0).await?;
    let used: BTreeSet<_> = log.iter().filter_map(|e| Some((e.seq, e.call?.purpose, e.call?.ask))).collect();
    let mut open = known_calls(mongo, conversation, &turn).await?;
    open.retain(|c| !used.contains(&(c.seq, c.call.purpose, c.call.ask)));
    put_back(mongo, &mut open).await?;
    Ok(History { log, open })
}

/// Every call of a conversation.
pub(super) async fn calls(mongo: &Base, conversation: &str) -> Result<Vec<CallRecord>, Fail> {
    let turn = Turn::of(&mongo.conversation(conversation).await?)?;
    let mut calls = known_calls(mongo, conversation, &turn).await?;
    put_back(mongo, &mut calls).await?;
    Ok(calls)
}

/// Calls with their texts by hash, in the order of seq, purpose, ask.
async fn known_calls(mongo: &Base, conversation: &str, turn: &Turn) -> Result<Vec<CallRecord>, Fail> {
    let cursor = mongo.calls().find(doc! { "conversation": conversation }).batch_size(BATCH).await?;
    let named = all(cursor, |document| Ok((id(&document)?, call_record(&document)?))).await?;
    let mut calls: BTreeMap<String, CallRecord> = named.into_iter().collect();
    if let Some(last) = &turn.call {
        calls.insert(id(last)?, call_record(last)?);
    }
    let mut calls: Vec<CallRecord> = calls.into_values().collect();
    // The order of the enum, on every database.
    calls.sort_by_key(|c| (c.seq, c.call.purpose, c.call.ask));
    Ok(calls)
}

async fn put_back(mongo: &Base, calls: &mut [CallRecord]) -> Result<(), Fail> {
    let hashes: BTreeSet<String> =
        calls.iter_mut().flat_map(|c| turn::references(&mut c.view)).map(|h| h.clone()).collect();
    if hashes.is_empty() {
        return Ok(());
    }
    let hashes: Vec<String> = hashes.into_iter().collect();
    let cursor = mongo.texts().find(doc! { "_id": { "$in": &hashes } }).batch_size(BATCH).await?;
    let texts: HashMap<String, String> =
        all(cursor, |document| Ok((id(&document)?, field(&document, "text")?))).await?.into_iter().collect();
    for text in calls.iter_mut().flat_map(|c| turn::references(&mut c.view)) {
        let found = texts.get(text).ok_or_else(|| Fail::Damaged(format!("the text {text} is missing")))?;
        text.clone_from(found);
    }
    Ok(())
}

/// A person's text is a value in a filter, never an operator: it is always text.
fn asked(filter: &Filter) -> Document {
    let asked = [("experiment", &filter.experiment), ("revision", &filter.revision)];
    asked.into_iter().filter_map(|(name, value)| Some((name.to_owned(), Bson::from(value.as_ref()?)))).collect()
}

fn flagged(document: Document) -> Result<(ConversationRecord, Vec<Flag>), Fail> {
    let flags = field(&document, "flags")?;
    Ok((conversation_record(document)?, flags))
}

/// Conversations in the order of creation, each with the flags in its log.
pub(super) async fn conversations(mongo: &Base, filter: &Filter) -> Result<Vec<(ConversationRecord, Vec<Flag>)>, Fail> {
    let cursor = mongo.conversations().find(asked(filter)).projection(doc! { "turn": 0 }).batch_size(BATCH).await?;
    let mut found = all(cursor, flagged).await?;
    found.sort_by(|(a, _), (b, _)| (a.created, &a.id).cmp(&(b.created, &b.id)));
    Ok(found)
}

/// Conversations in the order of their key, after one of them.
pub(super) async fn page(
    mongo: &Base,
    filter: &Filter,
    after: &str,
    limit: u32,
) -> Result<Vec<(ConversationRecord, Vec<Flag>)>, Fail> {
    let mut asked = asked(filter);
    asked.insert("key", doc! { "$gt": after });
    let conversations = mongo.conversations();
    let find = conversations.find(asked).sort(doc! { "key": 1 }).limit(i64::from(limit));
    all(find.projection(doc! { "turn": 0 }).batch_size(BATCH).await?, flagged).await
}

/// Conversations whose id starts so, in the order of id. The prefix is compared, never a pattern.
pub(super) async fn find(mongo: &Base, prefix: &str) -> Result<Vec<ConversationRecord>, Fail> {
    let range = doc! { "_id": { "$gte": prefix, "$lt": format!("{prefix}{}", char::MAX) } };
    let conversations = mongo.conversations();
    let find = conversations.find(range).projection(doc! { "turn": 0 }).sort(doc! { "_id": 1 }).limit(FOUND);
    all(find.await?, conversation_record).await
}

/// Runs of an experiment, oldest first.
pub(super) async fn runs(mongo: &Base, experiment: &str) -> Result<Vec<RunRecord>, Fail> {
    let mut runs = all(mongo.runs().find(doc! { "experiment": experiment }).await?, run_record).await?;
    runs.sort_by(|a, b| (a.started, &a.id).cmp(&(b.started, &b.id)));
    Ok(runs)
}

/// Whether anything of an experiment is held now.
pub(super) fn held(experiment: &str, now: i64) -> Document {
    doc! { "experiment": experiment, "lease.until": { "$gt": date(now) } }
}
