//! Tracks: short forms of a conversation's stored log and calls. A claim reads the track. Each write of the claim's
//! holder updates the track in memory, so that a turn needs no read.

use super::documents::CallName;
use super::fail::Fail;
use crate::process::Flag;
use crate::process::log::Entry;
use crate::store::turn::{self, Kept};
use ::mongodb::bson::{Document, doc};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{OwnedRwLockReadGuard, RwLock, RwLockWriteGuard};

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
    /// Adds the next entry of the log.
    pub(super) fn add(&mut self, entry: &Entry) {
        self.entries = entry.seq + 1;
        self.answered += u32::from(entry.call.is_some());
        self.flags = turn::unite_flags(self.flags.iter().chain(&entry.flags));
    }

    /// Returns the number of attempts that may have been charged without a reply.
    pub(super) fn count_spend(&self) -> i64 {
        self.calls.values().map(|(_, kept)| kept.spend).sum()
    }

    /// Returns the track's counters as fields of the conversation's document.
    pub(super) fn counter_fields(&self) -> Result<Document, Fail> {
        Ok(doc! {
            "entries": self.entries, "answered": self.answered, "possible_spend": self.count_spend(),
            "flags": super::documents::to_bson(&self.flags)?,
        })
    }
}

/// Compares two documents of one call. Returns true if the document of epoch `new` is preferred to that of epoch `old`.
/// If the log has the entry, the document of its epoch (`used`) is preferred. Otherwise the later document is
/// preferred, since it includes the attempts of the earlier one.
pub(super) fn is_preferred(used: Option<u64>, new: u64, old: u64) -> bool {
    match used {
        Some(epoch) if old == epoch => false,
        Some(epoch) if new == epoch => true,
        _ => new > old,
    }
}

/// Tracks of the conversations that this process holds.
#[derive(Default)]
pub(super) struct Tracks {
    held: Mutex<HashMap<String, Arc<Shared>>>,
}

/// The counters of one conversation in memory, shared by the writes of its turns. Several writes may be in flight. Each
/// write locks the counters and changes only its own part, so that a slow write never restores an older copy.
#[derive(Default)]
pub(super) struct Shared {
    /// Locked for reading by each write of a turn, and for writing while the track is read. So the track is never read
    /// in the middle of a write.
    writes: Arc<RwLock<()>>,
    known: Mutex<Known>,
}

struct Known {
    track: Track,
    /// True before the track has been read, and after a write that failed half-way. The next write then reads the track
    /// again.
    is_doubtful: bool,
}

impl Default for Known {
    fn default() -> Self {
        Self { track: Track::default(), is_doubtful: true }
    }
}

/// The right to write to a conversation. While a `Writing` exists, the track is not read again.
pub(super) struct Writing {
    pub(super) shared: Arc<Shared>,
    _writes: OwnedRwLockReadGuard<()>,
}

impl Tracks {
    fn lock_tracks(&self) -> MutexGuard<'_, HashMap<String, Arc<Shared>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the place of a conversation's track. A conversation without a track gets one of epoch 0.
    pub(super) fn place_of(&self, conversation: &str) -> Arc<Shared> {
        Arc::clone(self.lock_tracks().entry(conversation.to_owned()).or_default())
    }

    /// Stores a track, which replaces the track of an earlier claim.
    pub(super) fn put_track(&self, conversation: &str, track: Track) {
        let shared = Shared::default();
        shared.keep_track(track);
        self.lock_tracks().insert(conversation.to_owned(), Arc::new(shared));
    }

    /// Drops the track of a conversation that this process no longer holds in this epoch.
    pub(super) fn drop_track(&self, conversation: &str, epoch: u64) {
        let mut held = self.lock_tracks();
        if held.get(conversation).is_some_and(|shared| shared.with_track(|track| track.epoch <= epoch)) {
            held.remove(conversation);
        }
    }

    /// Records the length of a log when it was read. If the track is shorter, an earlier holder wrote after the claim,
    /// so the next write reads the track again.
    pub(super) fn note_length(&self, conversation: &str, entries: u32) {
        if let Some(shared) = self.lock_tracks().get(conversation)
            && shared.with_track(|track| track.entries < entries)
        {
            shared.note_doubt();
        }
    }

    /// Returns true if this process holds a conversation and nothing of it is stored yet.
    pub(super) fn is_fresh(&self, conversation: &str) -> bool {
        let held = self.lock_tracks();
        let shared = held.get(conversation).filter(|shared| shared.is_of(1));
        shared.is_some_and(|shared| shared.with_track(|track| track.entries == 0 && track.calls.is_empty()))
    }
}

impl Shared {
    fn lock_known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads or changes the track under its lock.
    pub(super) fn with_track<T>(&self, work: impl FnOnce(&mut Track) -> T) -> T {
        work(&mut self.lock_known().track)
    }

    /// Returns true if the track is of the given epoch and no write has failed half-way.
    pub(super) fn is_of(&self, epoch: u64) -> bool {
        let known = self.lock_known();
        known.track.epoch == epoch && !known.is_doubtful
    }

    /// Records that a write failed half-way.
    pub(super) fn note_doubt(&self) {
        self.lock_known().is_doubtful = true;
    }

    /// Stores a track that was read while no write was in flight.
    pub(super) fn keep_track(&self, track: Track) {
        *self.lock_known() = Known { track, is_doubtful: false };
    }

    /// Waits until no write is in flight, and delays later ones.
    pub(super) async fn wait_alone(&self) -> RwLockWriteGuard<'_, ()> {
        self.writes.write().await
    }

    /// Begins a write.
    pub(super) async fn begin_write(self: &Arc<Self>) -> Writing {
        let guard = Arc::clone(&self.writes).read_owned().await;
        Writing { shared: Arc::clone(self), _writes: guard }
    }
}
