//! What is stored of a conversation's log and calls, in short: read when it is claimed, then kept in step in memory
//! with each write of its holder, so that a turn costs no reading.

use super::Base;
use super::documents::{CallName, call_name, field, id, kept};
use super::fail::Fail;
use super::read::{self, BATCH};
use crate::process::{CallRef, Flag};
use crate::store::turn::{self, Kept};
use ::mongodb::bson::{Document, doc};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is stored of a conversation, in short.
#[derive(Debug, Clone, Default)]
pub(super) struct Track {
    pub(super) epoch: u64,
    pub(super) entries: u32,
    pub(super) answered: u32,
    pub(super) flags: Vec<Flag>,
    /// Calls by what they ask for, each with the name of its document.
    pub(super) calls: BTreeMap<CallName, (String, Kept)>,
}

/// What an entry says of itself in short.
struct Short {
    seq: u32,
    epoch: u64,
    call: Option<CallRef>,
    flags: Vec<Flag>,
}

impl Track {
    /// What a claim finds. The first epoch of all finds nothing.
    pub(super) async fn begin(mongo: &Base, conversation: &str, epoch: u64) -> Result<Self, Fail> {
        if epoch == 1 { Ok(Self { epoch, ..Self::default() }) } else { Self::read(mongo, conversation, epoch).await }
    }

    /// Reads it.
    pub(super) async fn read(mongo: &Base, conversation: &str, epoch: u64) -> Result<Self, Fail> {
        let name = conversation.to_owned();
        let mut found = Self::of_all(mongo, std::slice::from_ref(&name)).await?;
        Ok(Self { epoch, ..found.remove(&name).unwrap_or_default() })
    }

    /// Reads several in two queries.
    pub(super) async fn of_all(mongo: &Base, conversations: &[String]) -> Result<HashMap<String, Self>, Fail> {
        let of = doc! { "conversation": { "$in": conversations } };
        let fields = doc! { "conversation": 1, "seq": 1, "epoch": 1, "call": 1, "flags": 1 };
        let messages = mongo.messages();
        let cursor = messages.find(of.clone()).projection(fields).batch_size(BATCH).await?;
        let mut logs: HashMap<String, Vec<Short>> = HashMap::new();
        for (conversation, short) in read::all(cursor, |document| short(&document)).await? {
            logs.entry(conversation).or_default().push(short);
        }
        let fields = doc! {
            "conversation": 1, "seq": 1, "purpose": 1, "ask": 1, "epoch": 1, "state": 1, "sent": 1, "attempts": 1,
            "earlier": 1, "spend": 1,
        };
        let calls = mongo.calls();
        let cursor = calls.find(of).projection(fields).batch_size(BATCH).await?;
        let mut asked: HashMap<String, Vec<(CallName, String, Kept)>> = HashMap::new();
        for document in read::all(cursor, Ok).await? {
            let call = (call_name(&document)?, id(&document)?, kept(&document)?);
            asked.entry(field(&document, "conversation")?).or_default().push(call);
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
            let better = |old: &Kept| preferred(used.get(&name).copied(), kept.epoch, old.epoch);
            if calls.get(&name).is_none_or(|(_, old)| better(old)) {
                calls.insert(name, (id, kept));
            }
        }
        Self {
            epoch: 0,
            entries: log.iter().map(|e| e.seq + 1).max().unwrap_or(0),
            answered: log.iter().filter(|e| e.call.is_some()).count() as u32,
            flags: turn::union(log.iter().flat_map(|e| &e.flags)),
            calls,
        }
    }

    /// What may have been paid for without a reply.
    pub(super) fn spend(&self) -> i64 {
        self.calls.values().map(|(_, kept)| kept.spend).sum()
    }

    /// The fields of the conversation's document that say the same.
    pub(super) fn counters(&self) -> Result<Document, Fail> {
        Ok(doc! {
            "entries": self.entries, "answered": self.answered, "possible_spend": self.spend(),
            "flags": super::documents::bson(&self.flags)?,
        })
    }
}

/// Of two documents of one call, written in two epochs, that of the epoch whose entry stands in the log; else the
/// later one, which knows of the earlier one's attempts.
pub(super) fn preferred(used: Option<u64>, new: u64, old: u64) -> bool {
    match used {
        Some(epoch) if old == epoch => false,
        Some(epoch) if new == epoch => true,
        _ => new > old,
    }
}

fn short(document: &Document) -> Result<(String, Short), Fail> {
    let short = Short {
        seq: field(document, "seq")?,
        epoch: field(document, "epoch")?,
        call: field(document, "call")?,
        flags: field(document, "flags")?,
    };
    Ok((field(document, "conversation")?, short))
}

/// What this process holds.
#[derive(Default)]
pub(super) struct Tracks {
    held: Mutex<HashMap<String, Track>>,
}

impl Tracks {
    fn held(&self) -> MutexGuard<'_, HashMap<String, Track>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn of(&self, conversation: &str, epoch: u64) -> Option<Track> {
        self.held().get(conversation).filter(|track| track.epoch == epoch).cloned()
    }

    pub(super) fn put(&self, conversation: &str, track: Track) {
        self.held().insert(conversation.to_owned(), track);
    }

    /// A write that failed half-way: what is stored is read again by the next.
    pub(super) fn forget(&self, conversation: &str) {
        self.held().remove(conversation);
    }

    /// Whether a conversation is held here with nothing stored of it yet.
    pub(super) fn is_fresh(&self, conversation: &str) -> bool {
        self.held().get(conversation).is_some_and(|t| t.epoch == 1 && t.entries == 0 && t.calls.is_empty())
    }
}
