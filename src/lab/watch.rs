//! Watching the runs of other processes: convoke polls the database, and reads only what may have changed. Not every
//! server or file notifies readers.

use super::error::LabError;
use super::setup::Lab;
use crate::process::log::Entry;
use crate::store::{ConversationRecord, ConversationUpdate, ExperimentRecord, ProcessKind, Status, Store, Unfinished};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Polling interval for an experiment.
const EXPERIMENT: Duration = Duration::from_secs(1);
/// Polling interval for a conversation.
const CONVERSATION: Duration = Duration::from_millis(300);
/// Order of the statuses in counts.
const ORDER: [Status; 6] =
    [Status::Done, Status::Failed, Status::Interrupted, Status::Incomplete, Status::Running, Status::Pending];

/// Waits before the next read. A slow database is read less often.
async fn pause_reading(interval: Duration, last_took: Duration) {
    tokio::time::sleep(interval.max(last_took * 2)).await;
}

/// An observed change.
#[derive(Debug, Clone)]
pub enum Change {
    /// A conversation began.
    Started(Arc<ConversationRecord>),
    /// An entry was stored.
    Entry {
        /// Its conversation.
        record: Arc<ConversationRecord>,
        /// The entry.
        entry: Entry,
        /// Number of the conversation's messages up to this entry.
        messages: u32,
    },
    /// No process works on the conversation any more.
    Ended(Arc<ConversationRecord>),
    /// Id of a deleted conversation.
    Deleted(String),
}

/// An unfinished conversation.
struct Known {
    revision: String,
    status: Status,
    /// Entries that were reported, or existed before.
    entries: u32,
    /// Number of messages among these entries.
    messages: u32,
    /// True if its start was reported and its end was not.
    open: bool,
}

/// An experiment under observation.
pub struct Watch {
    store: Arc<dyn Store>,
    experiment: ExperimentRecord,
    /// Unfinished conversations.
    known: BTreeMap<String, Known>,
    /// Finished conversations.
    done: BTreeSet<String>,
    /// Unfinished conversations of older revisions, each with its revision. The watch does not wait for them.
    behind: BTreeMap<String, String>,
    last_took: Duration,
    is_over: bool,
}

impl Watch {
    /// Reads the current state. Existing entries are not reported later.
    pub async fn begin(lab: &Lab, experiment: ExperimentRecord) -> Result<Self, LabError> {
        let store = Arc::clone(&lab.store);
        let (mut known, mut done, mut behind) = (BTreeMap::new(), BTreeSet::new(), BTreeMap::new());
        let mut begun = Vec::new();
        for stands in store.standing(&experiment.id, ProcessKind::Conversation).await? {
            if stands.revision != experiment.revision {
                behind.insert(stands.id.clone(), stands.revision.clone());
            }
            if stands.status == Status::Done {
                done.insert(stands.id);
                continue;
            }
            if stands.status != Status::Pending {
                begun.push((stands.id.clone(), 0));
            }
            let (revision, status) = (stands.revision, stands.status);
            known.insert(
                stands.id,
                Known { revision, status, entries: 0, messages: 0, open: status == Status::Running },
            );
        }
        for (record, log) in store.news(&begun).await? {
            if let Some(known) = known.get_mut(&record.id) {
                known.entries = log.len() as u32;
                known.messages = log.iter().filter(|entry| entry.kind.is_message()).count() as u32;
            }
        }
        let last_took = Duration::ZERO;
        let mut watch = Self { store, experiment, known, done, behind, last_took, is_over: false };
        watch.is_over = !watch.is_going();
        Ok(watch)
    }

    /// True if a conversation was left behind by a newer revision.
    fn is_behind(&self, id: &str, known: &Known) -> bool {
        known.status != Status::Running && self.behind.get(id) == Some(&known.revision)
    }

    /// True if a conversation is running or pending.
    pub fn is_going(&self) -> bool {
        let goes = |(id, known): (&String, &Known)| match known.status {
            Status::Running => true,
            Status::Pending => !self.is_behind(id, known),
            Status::Done | Status::Interrupted | Status::Failed | Status::Incomplete => false,
        };
        self.known.iter().any(goes)
    }

    /// Numbers of conversations by status, without those left behind.
    pub fn count_statuses(&self) -> Vec<(Status, usize)> {
        let of = |status| self.known.iter().filter(|(id, k)| k.status == status && !self.is_behind(id, k)).count();
        let done = self.done.iter().filter(|id| !self.behind.contains_key(*id)).count();
        ORDER.map(|status| (status, if status == Status::Done { done } else { of(status) })).to_vec()
    }

    /// Waits a moment and returns the changes; `None` once no conversation is running or pending.
    pub async fn next(&mut self) -> Result<Option<Vec<Change>>, LabError> {
        if self.is_over {
            return Ok(None);
        }
        pause_reading(EXPERIMENT, self.last_took).await;
        let began = Instant::now();
        let mut changes = self.read_changes(false).await?;
        if !self.is_going() {
            // A full read finds conversations that began and ended between two reads.
            changes.extend(self.read_changes(true).await?);
        }
        self.is_over = !self.is_going();
        self.last_took = began.elapsed();
        Ok(Some(changes))
    }

    /// Returns the changes since the last read. With `all`, also reads conversations that seem idle.
    async fn read_changes(&mut self, all: bool) -> Result<Vec<Change>, LabError> {
        let now = self.store.unfinished(&self.experiment.id).await?;
        let asked = self.find_candidates(&now, all).await?;
        let news = self.store.news(&asked).await?;
        let there: BTreeSet<&str> = news.iter().map(|(record, _)| record.id.as_str()).collect();
        let mut changes = Vec::new();
        for (id, _) in asked.iter().filter(|(id, _)| !there.contains(id.as_str())) {
            self.known.remove(id);
            changes.push(Change::Deleted(id.clone()));
        }
        for (record, log) in news {
            self.compare_log(&Arc::new(record), log, &mut changes);
        }
        Ok(changes)
    }

    /// Conversations that may have changed, each with the number of its known entries.
    async fn find_candidates(&mut self, now: &Unfinished, all: bool) -> Result<Vec<(String, u32)>, LabError> {
        let mut moved = false;
        let mut asked: BTreeSet<&str> = BTreeSet::new();
        for waiting in &now.others {
            let is_new = !self.known.contains_key(&waiting.id);
            let status = if is_new { Status::Pending } else { waiting.status };
            let fresh = || Known { revision: waiting.revision.clone(), status, entries: 0, messages: 0, open: false };
            let known = self.known.entry(waiting.id.clone()).or_insert_with(fresh);
            known.revision.clone_from(&waiting.revision);
            moved |= waiting.status == Status::Running || waiting.status != known.status;
            if waiting.status != Status::Pending {
                asked.insert(&waiting.id);
            }
        }
        let waits: BTreeSet<&str> = now.others.iter().map(|w| w.id.as_str()).collect();
        let mut asked: Vec<String> = if moved || all { asked.into_iter().map(str::to_owned).collect() } else { vec![] };
        let ended: Vec<String> = self.known.keys().filter(|id| !waits.contains(id.as_str())).cloned().collect();
        let done: u64 = now.done.values().map(|n| u64::from(*n)).sum();
        // Some began and ended since the last read.
        let unseen = if done > (self.done.len() + ended.len()) as u64 { self.find_unseen().await? } else { Vec::new() };
        asked.extend(ended.into_iter().chain(unseen));
        Ok(asked
            .into_iter()
            .map(|id| (self.known.get(&id).map_or(0, |k| k.entries), id))
            .map(|(n, id)| (id, n))
            .collect())
    }

    /// Finished conversations that were unknown.
    async fn find_unseen(&mut self) -> Result<Vec<String>, LabError> {
        let mut unseen = Vec::new();
        for stands in self.store.standing(&self.experiment.id, ProcessKind::Conversation).await? {
            let is_known = self.known.contains_key(&stands.id) || self.done.contains(&stands.id);
            if stands.status == Status::Done && !is_known {
                let (revision, status) = (stands.revision, Status::Pending);
                let known = Known { revision, status, entries: 0, messages: 0, open: false };
                self.known.insert(stands.id.clone(), known);
                unseen.push(stands.id);
            }
        }
        Ok(unseen)
    }

    /// Adds the new entries of a conversation.
    fn compare_log(&mut self, record: &Arc<ConversationRecord>, log: Vec<Entry>, changes: &mut Vec<Change>) {
        let Some(mut known) = self.known.remove(&record.id) else { return };
        let is_over = !matches!(record.status, Status::Running | Status::Pending);
        let begins = record.status == Status::Running || !log.is_empty();
        if begins && !known.open {
            changes.push(Change::Started(Arc::clone(record)));
        }
        known.open |= begins;
        let from = known.entries;
        for (entry, seq) in log.into_iter().zip(from..).take_while(|(entry, seq)| entry.seq == *seq) {
            known.messages += u32::from(entry.kind.is_message());
            changes.push(Change::Entry { record: Arc::clone(record), entry, messages: known.messages });
            known.entries = seq + 1;
        }
        if is_over && (known.open || known.status != record.status) {
            changes.push(Change::Ended(Arc::clone(record)));
            known.open = false;
        }
        known.status = record.status;
        if record.status == Status::Done {
            self.done.insert(record.id.clone());
        } else {
            self.known.insert(record.id.clone(), known);
        }
    }
}

/// A conversation under observation.
pub struct ConversationWatch {
    store: Arc<dyn Store>,
    id: String,
    entries: u32,
    last_took: Option<Duration>,
}

impl ConversationWatch {
    /// Watches a conversation from its first entry.
    pub fn begin(lab: &Lab, id: &str) -> Self {
        Self { store: Arc::clone(&lab.store), id: id.to_owned(), entries: 0, last_took: None }
    }

    /// The record as it stands now, and the entries that were stored since the last call; every call but the first
    /// waits a moment before it reads. The status is the older of the two.
    pub async fn next(&mut self) -> Result<ConversationUpdate, LabError> {
        if let Some(took) = self.last_took {
            pause_reading(CONVERSATION, took).await;
        }
        let began = Instant::now();
        let found = self.store.news(&[(self.id.clone(), self.entries)]).await?.pop();
        let (record, log) = found.ok_or_else(|| LabError::NoConversation { id: self.id.clone() })?;
        self.entries += log.len() as u32;
        self.last_took = Some(began.elapsed());
        Ok((record, log))
    }

    /// Waits until the conversation ends and returns it whole.
    pub async fn until_end(mut self) -> Result<ConversationUpdate, LabError> {
        let mut whole = Vec::new();
        loop {
            let (record, log) = self.next().await?;
            whole.extend(log);
            if is_at_its_end(record.status) {
                return Ok((record, whole));
            }
        }
    }
}

/// True if no process will store more without a new run.
pub fn is_at_its_end(status: Status) -> bool {
    !matches!(status, Status::Pending | Status::Running)
}
