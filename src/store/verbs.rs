//! The trait [`Store`]: the operations of a database, called verbs.

use super::arguments::{End, Filter, Item, Mark, NewExperiment, TransferItem};
use super::audit::Fault;
use super::call::{CallRecord, History};
use super::error::StoreError;
use super::records::{ConversationRecord, ExperimentRecord, Lease, MarkRecord, Millis, ProcessKind, RunRecord};
use super::standing::{ConversationUpdate, Counts, Standing, Unfinished};
use crate::design::Experiment;
use crate::process::log::Entry;
use crate::process::{Flag, TextVector};
use async_trait::async_trait;
use std::path::Path;

/// The database in the researcher's verbs. A write that returns `Ok` is durable (contract R2). Writes of a turn pass
/// the epoch of the claim. They fail with [`StoreError::Superseded`] if another process holds the conversation.
#[async_trait]
pub trait Store: Send + Sync {
    /// Returns the database's address for messages, without a password.
    fn place(&self) -> String;
    /// Returns the file of the database, unless a server keeps it.
    fn file(&self) -> Option<&Path>;
    /// Returns true if several runs may use the database at the same time.
    fn is_shared(&self) -> bool;

    /// Saves an experiment's document as its current revision; creates the experiment if (creator, name) is new. `note`
    /// is used only the first time. Returns the record. Idempotent.
    async fn save(&self, new: NewExperiment) -> Result<ExperimentRecord, StoreError>;
    /// Returns the experiment of (creator, name).
    async fn experiment(&self, creator: &str, name: &str) -> Result<Option<ExperimentRecord>, StoreError>;
    /// Returns all experiments, oldest first.
    async fn records(&self) -> Result<Vec<ExperimentRecord>, StoreError>;
    /// Returns all experiments, oldest first, with the counts of the conversations of their current revision.
    async fn experiments(&self) -> Result<Vec<(ExperimentRecord, Counts)>, StoreError>;
    /// Returns the whole document of a revision. Its `note` and `[run]` are those of the first document stored under
    /// this hash.
    async fn document(&self, revision: &str) -> Result<Option<Experiment>, StoreError>;

    /// Marks every existing conversation of `keys` as planned by `revision`, and inserts `new` as pending. Idempotent;
    /// existing conversations stay unchanged.
    async fn plan(
        &self,
        experiment: &str,
        revision: &str,
        keys: &[String],
        new: Vec<ConversationRecord>,
    ) -> Result<(), StoreError>;
    /// Returns the progress of each process of one kind in an experiment.
    async fn standing(&self, experiment: &str, kind: ProcessKind) -> Result<Vec<Standing>, StoreError>;
    /// Claims a conversation: sets the status to running, and writes the lease with the next epoch. The epoch in the
    /// given lease is ignored. With `retry`, a failed conversation is retried, and its retries are counted. Returns
    /// [`StoreError::Ended`] if the conversation is done, or if it failed and `retry` is false. Returns
    /// [`StoreError::Held`] if another lease still holds. A lease no longer holds once it has lapsed by the server's
    /// clock. Nor does it hold if its process ran on this host and boot and no longer exists.
    async fn claim(&self, conversation: &str, lease: Lease, retry: bool) -> Result<ConversationRecord, StoreError>;
    /// Renews every lease that a run owns until the given instant. A database with a clock of its own renews for
    /// [`LEASE`](super::LEASE) by that clock.
    async fn renew(&self, owner: &str, until: Millis) -> Result<(), StoreError>;
    /// Returns the stored part of a conversation.
    async fn history(&self, conversation: &str) -> Result<History, StoreError>;
    /// Stores a call as sent, before the request leaves. If a call of that name is stored as `sent`, its reply was
    /// lost. It becomes an attempt of the new call, and counts as possible spend. If the earlier call failed, its
    /// attempts are kept before the new ones. If it is answered, it must not be sent again, and
    /// [`StoreError::Answered`] is returned. The same request written twice (same epoch, same instant) counts once.
    async fn sent(&self, conversation: &str, epoch: u64, call: CallRecord) -> Result<(), StoreError>;
    /// Stores the reply (or the failure) of a call, without an entry. A reply that is already stored stays.
    async fn settle(&self, conversation: &str, epoch: u64, call: CallRecord) -> Result<(), StoreError>;
    /// Appends entries together with the answered call that produced them. An entry's `seq` must be the log's length
    /// (R1): a gap is [`StoreError::Gap`] and writes nothing. A stored entry stays, since the first writer wins.
    /// Returns an empty list if the log now holds the given entries. Otherwise another writer was first. Then no entry
    /// is written from the first different entry on, and the log from that entry on is returned. The caller adopts the
    /// returned entries.
    async fn append(
        &self,
        conversation: &str,
        epoch: u64,
        entries: Vec<Entry>,
        call: Option<CallRecord>,
    ) -> Result<Vec<Entry>, StoreError>;
    /// Ends the claim. The database keeps the epoch, and therefore refuses late writes.
    async fn finish(&self, conversation: &str, epoch: u64, end: End) -> Result<(), StoreError>;

    /// Returns the stored vectors among these hashes, in any order.
    async fn vectors(&self, hashes: &[String]) -> Result<Vec<TextVector>, StoreError>;
    /// Stores vectors. One that is stored already stays.
    async fn keep_vectors(&self, vectors: Vec<TextVector>) -> Result<(), StoreError>;

    /// Returns processes in the order of creation (then of id), each with the flags in its log.
    async fn conversations(&self, filter: &Filter) -> Result<Vec<(ConversationRecord, Vec<Flag>)>, StoreError>;
    /// Returns at most `limit` conversations of an experiment (and of a revision) whose key follows `after`, in the
    /// order of the key. Callers can read any number of them in constant memory. With an empty `after`, the first page
    /// is returned.
    async fn page(
        &self,
        filter: &Filter,
        after: &str,
        limit: u32,
    ) -> Result<Vec<(ConversationRecord, Vec<Flag>)>, StoreError>;
    /// Returns the process of any kind whose id is `prefix`; if there is none, those whose id or key starts with it. At
    /// most 20 of each are returned.
    async fn find_conversations(&self, prefix: &str) -> Result<Vec<ConversationRecord>, StoreError>;
    /// Returns every call of a conversation in the order of seq, purpose, ask, with the texts of its view.
    async fn calls(&self, conversation: &str) -> Result<Vec<CallRecord>, StoreError>;

    /// Returns the logs of conversations, in the order given. One call reads many, since some databases answer each
    /// query slowly.
    async fn logs(&self, conversations: &[String]) -> Result<Vec<Vec<Entry>>, StoreError>;
    /// Returns the numbers of openings and speeches in the logs of conversations, in the order given.
    async fn said(&self, conversations: &[String]) -> Result<Vec<u32>, StoreError>;
    /// Returns the conversations of an experiment (and no other process) that are not done, and the number of
    /// conversations that are done. Watching polls this verb, so it reads nothing else.
    async fn unfinished(&self, experiment: &str) -> Result<Unfinished, StoreError>;
    /// Returns the current records of conversations, in the order given, each with its log from an entry on. If a
    /// conversation has ended, the rest of its log is complete. Conversations that do not exist are left out.
    async fn news(&self, of: &[(String, u32)]) -> Result<Vec<ConversationUpdate>, StoreError>;
    /// Returns the calls of many conversations, in the order given, as [`Store::calls`] does.
    async fn calls_of(&self, conversations: &[String]) -> Result<Vec<Vec<CallRecord>>, StoreError>;

    /// Records the start of a run.
    async fn begin_run(&self, run: RunRecord) -> Result<(), StoreError>;
    /// Records the end of a run.
    async fn end_run(&self, id: &str, ended: &str) -> Result<(), StoreError>;
    /// Returns the runs of an experiment, oldest first.
    async fn runs(&self, experiment: &str) -> Result<Vec<RunRecord>, StoreError>;

    /// Creates an experiment. Fails with [`StoreError::Exists`] if its creator has an experiment of that name.
    async fn create(&self, new: NewExperiment) -> Result<ExperimentRecord, StoreError>;
    /// Replaces an experiment's document (and with it name and `[run]`) and returns the record with the next version.
    /// Fails with [`StoreError::NotYours`] if `creator` did not create it, [`StoreError::Changed`] if `version` is not
    /// the stored one, and [`StoreError::Exists`] if the new name is taken. Note and star stay.
    async fn revise(
        &self,
        id: &str,
        creator: &str,
        version: u64,
        document: Experiment,
        revision: String,
    ) -> Result<ExperimentRecord, StoreError>;
    /// Changes the note or star of a person on an item. The creator's are in the item's record; those of anybody else
    /// are kept apart, and change neither record nor version.
    async fn mark(&self, item: &Item, person: &str, mark: Mark) -> Result<(), StoreError>;
    /// Returns the marks of those who did not create the marked item, and the creators' of conversations, in the order of
    /// item and person.
    async fn marks(&self) -> Result<Vec<MarkRecord>, StoreError>;
    /// Deletes an item. Fails with [`StoreError::NotYours`] if `creator` did not create it, and with
    /// [`StoreError::Held`] if a process works on it. The conversations, messages, calls and runs of an experiment are
    /// deleted with it. The questions about a conversation, of any creator, are deleted with the conversation. The next
    /// opening for writing finishes an interrupted deletion. Experiments that were copied from it stay.
    async fn delete(&self, item: &Item, creator: &str) -> Result<(), StoreError>;

    /// Returns the hashes of all documents, sorted.
    async fn revisions(&self) -> Result<Vec<String>, StoreError>;
    /// Stores an item of another database unchanged. A stored item that is equal or newer stays. A stored conversation
    /// with less progress, or a stored experiment of an earlier version, is replaced. Any other difference returns
    /// [`StoreError::Refused`], which names the item. A note or star that only one side has is kept.
    async fn receive(&self, item: TransferItem) -> Result<(), StoreError>;

    /// Reads everything, or one conversation, and returns the faults. Changes nothing. A log must be complete and in
    /// order, and the call of each entry must be stored. Texts must match their hashes, and each body must equal the
    /// body that was sent.
    async fn verify(&self, conversation: Option<&str>) -> Result<Vec<Fault>, StoreError>;
}
