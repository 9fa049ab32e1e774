//! An open database: its collections, and what this process keeps of it in memory.

use super::clock::Clock;
use super::documents::is_going;
use super::fail::{Fail, unless_there};
use super::track::Tracks;
use crate::store::gone::Seen;
use crate::store::{Lease, OpenMode};
use ::mongodb::bson::{Document, doc};
use ::mongodb::{Client, Collection, Database};
use std::collections::HashSet;
use std::sync::atomic::AtomicU32;
use std::sync::{Mutex, PoisonError};

pub(super) struct Base {
    pub(super) place: String,
    pub(super) database: Database,
    pub(super) mode: OpenMode,
    pub(super) clock: Clock,
    /// Schema as last read. Other processes may have raised it since then.
    pub(super) schema: AtomicU32,
    /// Hashes of texts that are already stored, so that the prompts of a conversation are not sent with every turn.
    pub(super) texts: Mutex<HashSet<String>>,
    pub(super) tracks: Tracks,
    /// Locked while leases are renewed. Some servers read a whole document and write it back, which could undo another
    /// write.
    pub(super) renewal: tokio::sync::RwLock<()>,
}

/// Maximum number of remembered hashes of texts.
const TEXTS: usize = 100_000;

impl Base {
    pub(super) fn client(&self) -> &Client {
        self.database.client()
    }

    /// Returns what is known about the processes that work on conversations.
    pub(super) fn seen(&self) -> Seen<impl Fn(&Lease) -> bool> {
        let now = self.clock.now();
        Seen { has_lapsed: move |lease: &Lease| lease.until <= now }
    }

    pub(super) fn collection(&self, name: &str) -> Collection<Document> {
        self.database.collection(name)
    }

    pub(super) fn experiments(&self) -> Collection<Document> {
        self.collection("experiments")
    }

    pub(super) fn revisions(&self) -> Collection<Document> {
        self.collection("revisions")
    }

    pub(super) fn conversations(&self) -> Collection<Document> {
        self.collection("conversations")
    }

    pub(super) fn claims(&self) -> Collection<Document> {
        self.collection("claims")
    }

    pub(super) fn versions(&self) -> Collection<Document> {
        self.collection("versions")
    }

    pub(super) fn snapshots(&self) -> Collection<Document> {
        self.collection("snapshots")
    }

    pub(super) fn pieces(&self) -> Collection<Document> {
        self.collection("snapshot_pieces")
    }

    pub(super) fn messages(&self) -> Collection<Document> {
        self.collection("messages")
    }

    pub(super) fn calls(&self) -> Collection<Document> {
        self.collection("calls")
    }

    pub(super) fn texts(&self) -> Collection<Document> {
        self.collection("texts")
    }

    pub(super) fn vectors(&self) -> Collection<Document> {
        self.collection("vectors")
    }

    pub(super) fn runs(&self) -> Collection<Document> {
        self.collection("runs")
    }

    /// Returns a conversation's document; fails if it does not exist or is being deleted.
    pub(super) async fn find_conversation(&self, id: &str) -> Result<Document, Fail> {
        // The filter is `_id` alone, since some servers read the whole collection for any other filter.
        let found = self.conversations().find_one(doc! { "_id": id }).await?;
        found.filter(|d| !is_going(d)).ok_or_else(|| Fail::Unknown(format!("conversation {id}")))
    }

    /// Stores texts under their hashes.
    pub(super) async fn keep_texts(&self, texts: &[(String, String)]) -> Result<(), Fail> {
        for (hash, text) in texts {
            if self.known_texts().contains(hash) {
                continue;
            }
            unless_there(self.texts().insert_one(doc! { "_id": hash, "text": text }).await)?;
            let mut known = self.known_texts();
            if known.len() >= TEXTS {
                known.clear();
            }
            known.insert(hash.clone());
        }
        Ok(())
    }

    fn known_texts(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.texts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the holder of a lease for messages: creator and process.
    pub(super) async fn describe_holder(&self, lease: &Lease) -> String {
        // If the run cannot be read, messages name only the process.
        let run = self.runs().find_one(doc! { "_id": &lease.owner }).await.ok().flatten();
        let who = run.and_then(|r| r.get_str("creator").map(str::to_owned).ok());
        let process = format!("process {} on {}", lease.pid, lease.host);
        who.map_or_else(|| process.clone(), |who| format!("{who} ({process})"))
    }
}
