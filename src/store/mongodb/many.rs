//! Reading many conversations at once, since some servers read a whole collection for each query.

use super::base::Base;
use super::cursor::{BATCH, read_all};
use super::documents::{CallName, GOING, document_id, from_bson, read_field};
use super::fail::Fail;
use super::read::{self, Asking};
use crate::process::log::Entry;
use crate::process::{CallRef, Kind};
use crate::store::CallRecord;
use ::mongodb::bson::{Document, doc};
use std::collections::{BTreeMap, HashMap};

/// Maximum number of conversations in one query.
const MANY: usize = 1000;

/// Returns the logs of conversations, in the order given.
pub(super) async fn read_logs(mongo: &Base, ids: &[String]) -> Result<Vec<Vec<Entry>>, Fail> {
    let mut logs: HashMap<String, Vec<Entry>> = HashMap::new();
    for ids in ids.chunks(MANY) {
        check_exist(mongo, ids).await?;
        let messages = mongo.messages();
        let cursor = messages.find(in_conversations(ids)).batch_size(BATCH).await?;
        for (conversation, entry) in read_all(cursor, |d| Ok((conversation_of(&d)?, from_bson(d)?))).await? {
            logs.entry(conversation).or_default().push(entry);
        }
    }
    for log in logs.values_mut() {
        log.sort_by_key(|entry| entry.seq);
    }
    Ok(ids.iter().map(|id| logs.remove(id).unwrap_or_default()).collect())
}

/// Returns the numbers of openings and speeches, in the order given.
pub(super) async fn count_said(mongo: &Base, ids: &[String]) -> Result<Vec<u32>, Fail> {
    let mut said: HashMap<String, u32> = HashMap::new();
    for ids in ids.chunks(MANY) {
        let mut asked = in_conversations(ids);
        asked.insert("kind", doc! { "$in": [Kind::Opening.word(), Kind::Speech.word()] });
        let messages = mongo.messages();
        let cursor = messages.find(asked).projection(doc! { "conversation": 1 }).batch_size(BATCH).await?;
        for conversation in read_all(cursor, |d| conversation_of(&d)).await? {
            *said.entry(conversation).or_default() += 1;
        }
    }
    Ok(ids.iter().map(|id| said.get(id).copied().unwrap_or_default()).collect())
}

/// Returns the calls of conversations, in the order given.
pub(super) async fn read_calls(mongo: &Base, ids: &[String]) -> Result<Vec<Vec<CallRecord>>, Fail> {
    let mut calls = Vec::new();
    for ids in ids.chunks(MANY) {
        check_exist(mongo, ids).await?;
        let mut used = used_calls(mongo, ids).await?;
        let found = mongo.calls();
        let cursor = found.find(in_conversations(ids)).batch_size(BATCH).await?;
        let mut asked: HashMap<String, Vec<Asking>> = HashMap::new();
        for (conversation, asking) in read_all(cursor, |d| Ok((conversation_of(&d)?, read::read_asking(&d)?))).await? {
            asked.entry(conversation).or_default().push(asking);
        }
        let mut flat = Vec::new();
        let mut ends = Vec::new();
        for id in ids {
            flat.extend(read::latest_calls(asked.remove(id).unwrap_or_default(), &used.remove(id).unwrap_or_default()));
            ends.push(flat.len());
        }
        read::put_back(mongo, &mut flat).await?;
        let mut flat = flat.into_iter();
        let starts = std::iter::once(0).chain(ends.clone());
        calls.extend(starts.zip(ends).map(|(start, end)| flat.by_ref().take(end - start).collect::<Vec<_>>()));
    }
    Ok(calls)
}

fn in_conversations(ids: &[String]) -> Document {
    doc! { "conversation": { "$in": ids } }
}

fn conversation_of(document: &Document) -> Result<String, Fail> {
    read_field(document, "conversation")
}

/// Returns the calls that produced an entry, each with its epoch.
async fn used_calls(mongo: &Base, ids: &[String]) -> Result<HashMap<String, BTreeMap<CallName, u64>>, Fail> {
    let fields = doc! { "conversation": 1, "seq": 1, "epoch": 1, "call": 1 };
    let messages = mongo.messages();
    let cursor = messages.find(in_conversations(ids)).projection(fields).batch_size(BATCH).await?;
    let entries = read_all(cursor, |d| {
        let call: Option<CallRef> = read_field(&d, "call")?;
        Ok((conversation_of(&d)?, read_field::<u32>(&d, "seq")?, read_field::<u64>(&d, "epoch")?, call))
    });
    let mut used: HashMap<String, BTreeMap<CallName, u64>> = HashMap::new();
    for (conversation, seq, epoch, call) in entries.await? {
        if let Some(call) = call {
            used.entry(conversation).or_default().insert((seq, call.purpose, call.ask), epoch);
        }
    }
    Ok(used)
}

/// Fails if a conversation does not exist, since its log would otherwise look empty.
async fn check_exist(mongo: &Base, ids: &[String]) -> Result<(), Fail> {
    let conversations = mongo.conversations();
    let fields = doc! { "_id": 1, GOING: 1 };
    let cursor = conversations.find(doc! { "_id": { "$in": ids } }).projection(fields).batch_size(BATCH).await?;
    let found: std::collections::HashSet<String> = read_all(cursor, |d| document_id(&d)).await?.into_iter().collect();
    let missing = ids.iter().find(|id| !found.contains(*id));
    missing.map_or(Ok(()), |id| Err(Fail::Unknown(format!("conversation {id}"))))
}
