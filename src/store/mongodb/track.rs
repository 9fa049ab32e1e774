//! Tracks: short forms of a conversation's stored log and calls. A track is read when the conversation is claimed, then
//! updated in memory with each write of its holder, so that a turn costs no reading.

use super::documents::CallName;
use super::fail::Fail;
use crate::process::Flag;
use crate::store::turn::Kept;
use ::mongodb::bson::{Document, doc};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The short form of a conversation's stored log and calls.
#[derive(Debug, Clone, Default)]
pub(super) struct Track {
    pub(super) epoch: u64,
    pub(super) entries: u32,
    pub(super) answered: u32,
    pub(super) flags: Vec<Flag>,
    /// Calls by their name, each with the id of its document.
    pub(super) calls: BTreeMap<CallName, (String, Kept)>,
}

impl Track {
    /// Returns the number of attempts that may have been paid for without a reply.
    pub(super) fn spend(&self) -> i64 {
        self.calls.values().map(|(_, kept)| kept.spend).sum()
    }

    /// Returns the fields of the conversation's document that hold the same.
    pub(super) fn counters(&self) -> Result<Document, Fail> {
        Ok(doc! {
            "entries": self.entries, "answered": self.answered, "possible_spend": self.spend(),
            "flags": super::documents::bson(&self.flags)?,
        })
    }
}

/// Returns true if, of two documents of one call, the one of epoch `new` is preferred to the one of epoch `old`.
/// Preferred is the document of the epoch whose entry is in the log (`used`); else the later one, which holds the
/// attempts of the earlier one.
pub(super) fn preferred(used: Option<u64>, new: u64, old: u64) -> bool {
    match used {
        Some(epoch) if old == epoch => false,
        Some(epoch) if new == epoch => true,
        _ => new > old,
    }
}

/// Tracks of the conversations that this process holds.
#[derive(Default)]
pub(super) struct Tracks {
    held: Mutex<HashMap<String, Track>>,
}

impl Tracks {
    fn held(&self) -> MutexGuard<'_, HashMap<String, Track>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the track of a conversation that is held in this epoch.
    pub(super) fn of(&self, conversation: &str, epoch: u64) -> Option<Track> {
        self.held().get(conversation).filter(|track| track.epoch == epoch).cloned()
    }

    pub(super) fn put(&self, conversation: &str, track: Track) {
        self.held().insert(conversation.to_owned(), track);
    }

    /// Forgets a track after a write that failed half-way: the next write reads it again.
    pub(super) fn forget(&self, conversation: &str) {
        self.held().remove(conversation);
    }

    /// Returns true if this process holds a conversation and nothing of it is stored yet.
    pub(super) fn is_fresh(&self, conversation: &str) -> bool {
        self.held().get(conversation).is_some_and(|t| t.epoch == 1 && t.entries == 0 && t.calls.is_empty())
    }
}
