//! Queries that watching polls. Some servers read a whole collection for each query, so one query reads all
//! conversations.

use super::base::Base;
use super::cursor::{BATCH, read_all};
use super::documents::{GOING, conversation_record, document_id, document_status, from_bson, of_kind, read_field};
use super::fail::Fail;
use crate::process::log::Entry;
use crate::store::{ConversationRecord, ConversationUpdate, ProcessKind, Status, Unfinished, Waiting};
use ::mongodb::bson::{Document, doc};
use futures_util::TryStreamExt;
use std::collections::{BTreeMap, HashMap};

/// Maximum number of conversations in one query.
const MANY: usize = 500;

pub(super) async fn list_unfinished(mongo: &Base, experiment: &str) -> Result<Unfinished, Fail> {
    // Unfinished conversations are read first. A conversation that ends in between is then counted twice, which is
    // better than not at all.
    let asked = doc! { "experiment": experiment, "kind": of_kind(ProcessKind::Conversation), "status": { "$ne": Status::Done.word() } };
    let fields = doc! { "revision": 1, "status": 1, GOING: 1 };
    let cursor = mongo.conversations().find(asked).projection(fields).batch_size(BATCH).await?;
    let waiting = |d: Document| {
        Ok(Waiting { id: document_id(&d)?, revision: read_field(&d, "revision")?, status: document_status(&d)? })
    };
    let mut others = read_all(cursor, waiting).await?;
    others.sort_by(|a: &Waiting, b| a.id.cmp(&b.id));
    let pipeline = [
        doc! { "$match": {
            "experiment": experiment, "kind": of_kind(ProcessKind::Conversation), "status": Status::Done.word(),
        } },
        doc! { "$group": { "_id": "$revision", "number": { "$sum": 1 } } },
    ];
    let mut cursor = mongo.conversations().aggregate(pipeline).await?;
    let mut done = BTreeMap::new();
    while let Some(group) = cursor.try_next().await? {
        done.insert(document_id(&group)?, read_field(&group, "number")?);
    }
    Ok(Unfinished { done, others })
}

/// Returns records of conversations, each with its log from an entry on.
pub(super) async fn read_updates(mongo: &Base, of: &[(String, u32)]) -> Result<Vec<ConversationUpdate>, Fail> {
    let mut updates = Vec::new();
    for of in of.chunks(MANY) {
        let ids: Vec<&str> = of.iter().map(|(id, _)| id.as_str()).collect();
        // Records are read first and logs after them, so that the log of an ended conversation is complete.
        let cursor = mongo.conversations().find(doc! { "_id": { "$in": ids } }).batch_size(BATCH).await?;
        let records = read_all(cursor, conversation_record).await?;
        let mut records: HashMap<String, ConversationRecord> =
            records.into_iter().map(|record: ConversationRecord| (record.id.clone(), record)).collect();
        let mut logs = read_logs(mongo, of).await?;
        for (id, _) in of {
            if let Some(record) = records.remove(id) {
                updates.push((record, logs.remove(id).unwrap_or_default()));
            }
        }
    }
    Ok(updates)
}

async fn read_logs(mongo: &Base, of: &[(String, u32)]) -> Result<HashMap<String, Vec<Entry>>, Fail> {
    let each = of.iter().map(|(id, from)| doc! { "conversation": id, "seq": { "$gte": *from } });
    let each: Vec<Document> = each.collect();
    let cursor = mongo.messages().find(doc! { "$or": each }).batch_size(BATCH).await?;
    let mut logs: HashMap<String, Vec<Entry>> = HashMap::new();
    for (id, entry) in
        read_all(cursor, |d| Ok((read_field::<String>(&d, "conversation")?, from_bson::<Entry>(d)?))).await?
    {
        logs.entry(id).or_default().push(entry);
    }
    for log in logs.values_mut() {
        log.sort_by_key(|entry| entry.seq);
        // A server may return only some of the entries that were stored at the same instant. Entries after a gap are
        // returned by the next poll.
        let whole = log.windows(2).take_while(|pair| pair[0].seq + 1 == pair[1].seq).count();
        log.truncate(whole + 1);
    }
    Ok(logs)
}
