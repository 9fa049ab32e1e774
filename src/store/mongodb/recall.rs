//! Reading tracks from the database.

use super::base::Base;
use super::cursor::{BATCH, read_all};
use super::documents::{CallName, call_name, document_id, kept_call, read_field};
use super::fail::Fail;
use super::track::{Track, is_preferred};
use crate::process::{CallRef, Flag};
use crate::store::turn::{self, Kept};
use ::mongodb::bson::{Document, doc};
use std::collections::{BTreeMap, HashMap};

/// The short form of an entry.
struct Short {
    seq: u32,
    epoch: u64,
    call: Option<CallRef>,
    flags: Vec<Flag>,
}

impl Track {
    /// Returns the track that a new claim begins with. At the first epoch nothing is stored yet.
    pub(super) async fn begin_epoch(mongo: &Base, conversation: &str, epoch: u64) -> Result<Self, Fail> {
        if epoch == 1 {
            Ok(Self { epoch, ..Self::default() })
        } else {
            Self::read_track(mongo, conversation, epoch).await
        }
    }

    /// Reads the track of one conversation.
    pub(super) async fn read_track(mongo: &Base, conversation: &str, epoch: u64) -> Result<Self, Fail> {
        let name = conversation.to_owned();
        let mut found = Self::of_all(mongo, std::slice::from_ref(&name)).await?;
        Ok(Self { epoch, ..found.remove(&name).unwrap_or_default() })
    }

    /// Reads the tracks of many conversations in two queries.
    pub(super) async fn of_all(mongo: &Base, conversations: &[String]) -> Result<HashMap<String, Self>, Fail> {
        let of = doc! { "conversation": { "$in": conversations } };
        let fields = doc! { "conversation": 1, "seq": 1, "epoch": 1, "call": 1, "flags": 1 };
        let messages = mongo.messages();
        let cursor = messages.find(of.clone()).projection(fields).batch_size(BATCH).await?;
        let mut logs: HashMap<String, Vec<Short>> = HashMap::new();
        for (conversation, short) in read_all(cursor, |document| read_short(&document)).await? {
            logs.entry(conversation).or_default().push(short);
        }
        let fields = doc! {
            "conversation": 1, "seq": 1, "purpose": 1, "ask": 1, "epoch": 1, "state": 1, "sent": 1, "attempts": 1,
            "earlier": 1, "spend": 1,
        };
        let calls = mongo.calls();
        let cursor = calls.find(of).projection(fields).batch_size(BATCH).await?;
        let mut asked: HashMap<String, Vec<(CallName, String, Kept)>> = HashMap::new();
        for document in read_all(cursor, Ok).await? {
            let call = (call_name(&document)?, document_id(&document)?, kept_call(&document)?);
            asked.entry(read_field(&document, "conversation")?).or_default().push(call);
        }
        let mut found = HashMap::new();
        for name in conversations {
            let (log, calls) = (logs.remove(name).unwrap_or_default(), asked.remove(name).unwrap_or_default());
            found.insert(name.clone(), Self::put_together(&log, calls));
        }
        Ok(found)
    }

    fn put_together(log: &[Short], asked: Vec<(CallName, String, Kept)>) -> Self {
        let used: BTreeMap<CallName, u64> =
            log.iter().filter_map(|e| Some(((e.seq, e.call?.purpose, e.call?.ask), e.epoch))).collect();
        let mut calls: BTreeMap<CallName, (String, Kept)> = BTreeMap::new();
        for (name, id, kept) in asked {
            let better = |old: &Kept| is_preferred(used.get(&name).copied(), kept.epoch, old.epoch);
            if calls.get(&name).is_none_or(|(_, old)| better(old)) {
                calls.insert(name, (id, kept));
            }
        }
        Self {
            epoch: 0,
            entries: log.iter().map(|e| e.seq + 1).max().unwrap_or(0),
            answered: log.iter().filter(|e| e.call.is_some()).count() as u32,
            flags: turn::unite_flags(log.iter().flat_map(|e| &e.flags)),
            calls,
        }
    }
}

fn read_short(document: &Document) -> Result<(String, Short), Fail> {
    let short = Short {
        seq: read_field(document, "seq")?,
        epoch: read_field(document, "epoch")?,
        call: read_field(document, "call")?,
        flags: read_field(document, "flags")?,
    };
    Ok((read_field(document, "conversation")?, short))
}
