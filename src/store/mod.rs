//! The database in the researcher's verbs.
//!
//! One trait, proved equal on each implementation by one story test (`tests/store_story.rs`). Documents are plain
//! data: no SQL, no BSON outside an implementation. Texts are kept byte for byte, NUL included. No clock, no
//! randomness: instants and ids are given.

use crate::design::{Experiment, Named, RunDefaults, Sampling, Value};
use crate::model::{Attempt, ChatReply, Usage};
use crate::process::log::Entry;
use crate::process::prompt::View;
use crate::process::{CallRef, Flag};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;

mod audit;
mod error;
mod meeting;
pub mod mongodb;
pub mod sqlite;
mod turn;
mod uri;

pub use error::{SignInFailure, StoreError};
pub use uri::{MongoUri, Parts, StoreUri, UriError, without_password};

/// An instant: milliseconds since 1970 (UTC), as the injected clock gives it.
pub type Millis = i64;

/// How long a lease holds without being renewed, in milliseconds.
pub const LEASE: Millis = 45_000;

/// An experiment as the database knows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExperimentRecord {
    /// 16 random hex digits.
    pub id: String,
    /// Its name; unique with the creator.
    pub name: String,
    /// Who made it.
    pub creator: String,
    /// When.
    pub created: Millis,
    /// Marked by its creator.
    pub starred: bool,
    /// A note.
    pub note: Option<String>,
    /// Grows with each change, for compare-and-set.
    pub version: u64,
    /// The experiment that it was copied from, by id.
    pub parent: Option<String>,
    /// Hash of the current revision: the last one stored.
    pub revision: String,
    /// `[run]` as last read from its folder.
    pub run: RunDefaults,
}

/// A conversation as the database knows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConversationRecord {
    /// Hash of (experiment id, key), 16 hex digits.
    pub id: String,
    /// Its experiment's id.
    pub experiment: String,
    /// The newest revision that planned it.
    pub revision: String,
    /// SHA-256 of what it is made from.
    pub key: String,
    /// Who ran it.
    pub creator: String,
    /// When it was planned.
    pub created: Millis,
    /// The level of each axis, `model` always among them.
    pub condition: Vec<Named<Value>>,
    /// From 1.
    pub replicate: u32,
    /// The run's seed.
    pub seed: u64,
    /// Where it stands.
    pub status: Status,
    /// Why it failed or was interrupted.
    pub reason: Option<String>,
    /// Models in use and their parameters.
    pub models: Vec<UsedModel>,
    /// Agents per role, in speaking order.
    pub agents: Vec<Named<u32>>,
    /// Who takes part.
    pub participants: Vec<Participant>,
    /// Openings and speeches.
    pub messages: u32,
    /// Days.
    pub days: u32,
    /// How the next speaker is found.
    pub speakers: String,
    /// The starting message as said.
    pub starting_message: String,
    /// Whether every model was replaced by `scripted`.
    pub offline: bool,
    /// Marked by its creator.
    pub starred: bool,
    /// A note.
    pub note: Option<String>,
    /// How often a failed conversation was given another chance.
    pub retries: u32,
    /// Who works on it.
    pub lease: Option<Lease>,
}

/// Where a conversation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Planned, not begun.
    Pending,
    /// Somebody works on it, or did when they were killed.
    Running,
    /// At its end.
    Done,
    /// Stopped by the surroundings; the same command continues it.
    Interrupted,
    /// Its own fault; waits for `--retry-failed`.
    Failed,
    /// Stopped by a budget.
    Incomplete,
}

impl Status {
    /// The word in databases and JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Done => "done",
            Self::Interrupted => "interrupted",
            Self::Failed => "failed",
            Self::Incomplete => "incomplete",
        }
    }

    /// The status of that word.
    pub fn of(word: &str) -> Option<Self> {
        [Self::Pending, Self::Running, Self::Done, Self::Interrupted, Self::Failed, Self::Incomplete]
            .into_iter()
            .find(|s| s.word() == word)
    }
}

/// A model in use.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UsedModel {
    /// Its name within the experiment.
    pub name: String,
    /// `SERVER/NAME`.
    pub id: String,
    /// Its parameters as declared.
    pub sampling: Sampling,
}

/// Who takes part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Participant {
    /// An agent's name.
    pub name: String,
    /// Its role.
    pub role: String,
    /// `SERVER/NAME`.
    pub model: String,
}

/// Who works on a conversation. On `SQLite` one process at a time holds the file's lock; the fields are the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// A run's id.
    pub owner: String,
    /// Host name.
    pub host: String,
    /// The machine's boot.
    pub boot: String,
    /// Process.
    pub pid: u32,
    /// Grows with each claim.
    pub epoch: u64,
    /// When it lapses.
    pub until: Millis,
}

/// A call, kept by reference: what was sent can be built again and its hash checked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallRecord {
    /// Where its entry stands or will stand.
    pub seq: u32,
    /// What was asked for and which asking.
    pub call: CallRef,
    /// Whether it was answered.
    pub state: CallState,
    /// The server's name.
    pub server: String,
    /// The model's name there, as sent.
    pub model: String,
    /// Everything in the body but model and messages, in order, as sent.
    pub parameters: Map<String, Json>,
    /// The messages by reference: texts in `view` are replaced by their SHA-256 in the database.
    pub view: View,
    /// SHA-256 of the body's bytes.
    pub body_sha256: String,
    /// What was tried. A caller gives the attempts of its own asking; the database keeps earlier ones before them.
    pub attempts: Vec<Attempt>,
    /// When this asking first left; earlier askings that were lost stand in `attempts`.
    pub sent: Millis,
    /// When it was answered.
    pub answered: Option<Millis>,
    /// The answer.
    pub reply: Option<ChatReply>,
}

/// Whether a call was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CallState {
    /// Written before it left; without an answer it is possible spend.
    Sent,
    /// The answer is kept.
    Answered,
    /// Given up; why stands in the attempts.
    Failed,
}

impl CallState {
    /// The word in databases.
    pub fn word(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Answered => "answered",
            Self::Failed => "failed",
        }
    }

    /// The state of that word.
    pub fn of(word: &str) -> Option<Self> {
        [Self::Sent, Self::Answered, Self::Failed].into_iter().find(|s| s.word() == word)
    }
}

/// What a conversation has so far, for continuing it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct History {
    /// The log, in order.
    pub log: Vec<Entry>,
    /// Calls without an entry, in the order of seq, purpose, ask: answered ones are used, sent ones are possible
    /// spend, failed ones tell why it stopped.
    pub open: Vec<CallRecord>,
}

/// One conversation in a plan's eyes: enough for a set difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Id.
    pub id: String,
    /// Key.
    pub key: String,
    /// The newest revision that planned it.
    pub revision: String,
    /// Where it stands.
    pub status: Status,
    /// Whether it has any entry.
    pub begun: bool,
    /// Calls whose reply is in the log.
    pub answered: u32,
    /// Attempts and calls that may have been paid for without a reply.
    pub possible_spend: u32,
    /// Whether every model was replaced by `scripted`.
    pub offline: bool,
    /// From 1.
    pub replicate: u32,
    /// Its seed.
    pub seed: u64,
    /// Who ran it.
    pub creator: String,
}

/// What is left to be done of an experiment, of every revision.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Unfinished {
    /// How many conversations are done, by revision.
    pub done: BTreeMap<String, u32>,
    /// All others, in the order of id.
    pub others: Vec<Waiting>,
}

/// A conversation that is not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Id.
    pub id: String,
    /// The newest revision that planned it.
    pub revision: String,
    /// Where it stands.
    pub status: Status,
}

/// How a conversation stands, and entries of its log.
pub type News = (ConversationRecord, Vec<Entry>);

/// Counts of an experiment's conversations, of the current revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// At their end.
    pub done: u32,
    /// Failed.
    pub failed: u32,
    /// Anything else.
    pub left: u32,
}

/// One invocation of `run`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// 16 random hex digits.
    pub id: String,
    /// The experiment.
    pub experiment: String,
    /// The revision that was run.
    pub revision: String,
    /// When.
    pub started: Millis,
    /// Who.
    pub creator: String,
    /// The command's arguments as typed, without secrets.
    pub flags: Vec<String>,
    /// Conversations planned, done before, to do.
    pub counts: Vec<Named<u64>>,
    /// Questions that were asked and answered with yes, each with what it was about.
    pub answers: Vec<Named<String>>,
    /// The program's version.
    pub version: String,
    /// How it ended; none = it was killed.
    pub ended: Option<String>,
}

/// What `verify` found wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The conversation's id; empty = it is of the database as a whole.
    pub conversation: String,
    /// What is wrong.
    pub what: String,
}

/// Which conversations.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// Of this experiment.
    pub experiment: Option<String>,
    /// Of this revision only.
    pub revision: Option<String>,
}

/// The database in the researcher's verbs. Every method that returns `Ok` for a write has made it durable
/// (contract R2). Writes of a turn carry the epoch of the claim and fail with [`StoreError::Superseded`] when
/// somebody else holds the conversation.
#[async_trait]
pub trait Store: Send + Sync {
    /// Where it is, for people: without a password.
    fn place(&self) -> String;
    /// Whether several runs may work on it at the same time.
    fn is_shared(&self) -> bool;

    /// Saves an experiment's document as its current revision; makes the experiment where (creator, name) is new.
    /// `note` is taken the first time only. Returns the record. Idempotent.
    async fn save(&self, new: NewExperiment) -> Result<ExperimentRecord, StoreError>;
    /// The experiment of (creator, name).
    async fn experiment(&self, creator: &str, name: &str) -> Result<Option<ExperimentRecord>, StoreError>;
    /// All experiments, oldest first.
    async fn records(&self) -> Result<Vec<ExperimentRecord>, StoreError>;
    /// All experiments, oldest first, with the counts of their current revision.
    async fn experiments(&self) -> Result<Vec<(ExperimentRecord, Counts)>, StoreError>;
    /// The document of a revision, whole (`note` and `[run]` are those it was first stored with).
    async fn document(&self, revision: &str) -> Result<Option<Experiment>, StoreError>;

    /// Marks every existing conversation of `keys` as planned by `revision`, and inserts `new` as pending.
    /// Idempotent; what exists stays as it is.
    async fn plan(
        &self,
        experiment: &str,
        revision: &str,
        keys: &[String],
        new: Vec<ConversationRecord>,
    ) -> Result<(), StoreError>;
    /// How each conversation of an experiment stands.
    async fn standing(&self, experiment: &str) -> Result<Vec<Standing>, StoreError>;
    /// Claims a conversation: status running, the lease with the next epoch (the given epoch is not read). `retry`
    /// counts one more chance for a failed one; without it a failed one is [`StoreError::Ended`], and one that is done
    /// always. A lease that holds is [`StoreError::Held`]; one that has lapsed by the server's clock, or whose process
    /// was of this host and boot and is gone, is taken.
    async fn claim(&self, conversation: &str, lease: Lease, retry: bool) -> Result<ConversationRecord, StoreError>;
    /// Renews every lease of a run, which is their owner: each holds until the given instant (where the database has a
    /// clock of its own, for [`LEASE`] by that clock).
    async fn renew(&self, owner: &str, until: Millis) -> Result<(), StoreError>;
    /// What a conversation has so far.
    async fn history(&self, conversation: &str) -> Result<History, StoreError>;
    /// Writes a call as sent, before it leaves. A call of that name that is `sent` already was lost: it becomes an
    /// attempt of possible spend of the new one, and the attempts of one that had failed are kept before the new ones.
    /// One that is answered must not be asked again: [`StoreError::Answered`]. The same asking written twice (same
    /// epoch, same instant) counts once.
    async fn sent(&self, conversation: &str, epoch: u64, call: CallRecord) -> Result<(), StoreError>;
    /// Keeps the answer (or the failure) of a call, without an entry. An answer that is there already is kept.
    async fn settle(&self, conversation: &str, epoch: u64, call: CallRecord) -> Result<(), StoreError>;
    /// Appends entries, and the answered call that brought them, as one. An entry's `seq` must be the log's length
    /// (R1): a gap is [`StoreError::Gap`] and writes nothing; an entry that is there already is kept (first writer
    /// wins). Returns nothing where the log now holds what was given. Else the log holds something else there: that
    /// and all that follows it is returned, for the caller to adopt, and no entry is written from there on.
    async fn append(
        &self,
        conversation: &str,
        epoch: u64,
        entries: Vec<Entry>,
        call: Option<CallRecord>,
    ) -> Result<Vec<Entry>, StoreError>;
    /// Ends the claim with a status and its reason. The epoch stays, so that a late write is refused.
    async fn finish(
        &self,
        conversation: &str,
        epoch: u64,
        status: Status,
        reason: Option<String>,
    ) -> Result<(), StoreError>;

    /// Conversations in the order of creation (then of id), each with the flags in its log.
    async fn conversations(&self, filter: &Filter) -> Result<Vec<(ConversationRecord, Vec<Flag>)>, StoreError>;
    /// Conversations of an experiment (and of a revision) whose key follows `after`, in the order of the key, at most
    /// `limit`: for going through any number of them in constant memory. It begins with an empty `after`.
    async fn page(
        &self,
        filter: &Filter,
        after: &str,
        limit: u32,
    ) -> Result<Vec<(ConversationRecord, Vec<Flag>)>, StoreError>;
    /// Conversations whose id starts so, at most 20.
    async fn find_conversations(&self, prefix: &str) -> Result<Vec<ConversationRecord>, StoreError>;
    /// Every call of a conversation in the order of seq, purpose, ask; texts of views put back.
    async fn calls(&self, conversation: &str) -> Result<Vec<CallRecord>, StoreError>;

    /// The logs of conversations, in the order given: many at once, for some databases are slow to answer each alone.
    async fn logs(&self, conversations: &[String]) -> Result<Vec<Vec<Entry>>, StoreError>;
    /// The conversations of an experiment that are not done, and how many are: what somebody who watches asks again and
    /// again, so that nothing else is read.
    async fn unfinished(&self, experiment: &str) -> Result<Unfinished, StoreError>;
    /// How conversations stand now, in the order given, each with its log from an entry on: of one that is at its end,
    /// all of that. What is not there (any more) is left out.
    async fn news(&self, of: &[(String, u32)]) -> Result<Vec<News>, StoreError>;
    /// As [`Store::calls`], of many at once, in the order given.
    async fn calls_of(&self, conversations: &[String]) -> Result<Vec<Vec<CallRecord>>, StoreError>;

    /// Records that a run began.
    async fn begin_run(&self, run: RunRecord) -> Result<(), StoreError>;
    /// Records how it ended.
    async fn end_run(&self, id: &str, ended: &str) -> Result<(), StoreError>;
    /// Runs of an experiment, oldest first.
    async fn runs(&self, experiment: &str) -> Result<Vec<RunRecord>, StoreError>;

    /// Makes an experiment. [`StoreError::Exists`] where its creator has one of that name.
    async fn create(&self, new: NewExperiment) -> Result<ExperimentRecord, StoreError>;
    /// Gives an experiment another document (and with it another name and `[run]`), if it is `creator`'s and its
    /// version is still `version`: else [`StoreError::NotYours`], [`StoreError::Changed`]; [`StoreError::Exists`] where
    /// the new name is taken. Note and star stay. Returns the record with the next version.
    async fn revise(
        &self,
        id: &str,
        creator: &str,
        version: u64,
        document: Experiment,
        revision: String,
    ) -> Result<ExperimentRecord, StoreError>;
    /// Changes note or star of what is `creator`'s, else [`StoreError::NotYours`].
    async fn mark(&self, item: &Item, creator: &str, mark: Mark) -> Result<(), StoreError>;
    /// Deletes what is `creator`'s, else [`StoreError::NotYours`]: an experiment with all its conversations, their
    /// messages, calls and runs, or one conversation. What somebody works on now is [`StoreError::Held`] and stays.
    /// Cut off, it is finished when the database is next opened for writing. Copies stay.
    async fn delete(&self, item: &Item, creator: &str) -> Result<(), StoreError>;

    /// The hashes of all documents, in their order.
    async fn revisions(&self) -> Result<Vec<String>, StoreError>;
    /// Takes in what another database gave, as it is. What is here already and equal, or further, stays; a conversation
    /// that has not come as far as the given one, and an experiment of an earlier version, are replaced by it; anything
    /// else is [`StoreError::Refused`], naming it. A note or a star that is only on one side is kept.
    async fn receive(&self, parcel: Parcel) -> Result<(), StoreError>;

    /// Reads everything, or one conversation, and says what is wrong: a log with a hole or out of order, an entry
    /// whose call is missing, a text whose hash is wrong, a body that cannot be built again. Changes nothing.
    async fn verify(&self, conversation: Option<&str>) -> Result<Vec<Fault>, StoreError>;
}

/// What a person can note, star and delete, by its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// An experiment.
    Experiment(String),
    /// A conversation.
    Conversation(String),
}

/// A change of note or star; what is absent stays.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mark {
    /// A note, or none.
    pub note: Option<Option<String>>,
    /// A star, or none.
    pub starred: Option<bool>,
}

/// What goes from one database to another.
#[derive(Debug, Clone, PartialEq)]
pub enum Parcel {
    /// A document and its hash.
    Document(Box<Experiment>, String),
    /// An experiment, after the document of its current revision.
    Experiment(ExperimentRecord),
    /// A run, after its experiment.
    Run(RunRecord),
    /// A conversation, whole, after its experiment. Its lease stays behind.
    Conversation {
        /// The record; `status` and `reason` too.
        record: Box<ConversationRecord>,
        /// Its log.
        log: Vec<Entry>,
        /// All its calls.
        calls: Vec<CallRecord>,
    },
}

/// What `save` needs.
#[derive(Debug, Clone, PartialEq)]
pub struct NewExperiment {
    /// The id if it is new: 16 random hex digits.
    pub id: String,
    /// Who saves it.
    pub creator: String,
    /// When.
    pub now: Millis,
    /// The document.
    pub document: Experiment,
    /// Its hash.
    pub revision: String,
    /// Where it was copied from.
    pub parent: Option<String>,
}

/// Counts tokens of replies for summaries of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tokens {
    /// Of prompts.
    pub prompt: u64,
    /// Of replies.
    pub completion: u64,
}

impl Tokens {
    /// Adds one reply's usage.
    pub fn add(&mut self, usage: &Usage) {
        self.prompt += u64::from(usage.prompt.unwrap_or(0));
        self.completion += u64::from(usage.completion.unwrap_or(0));
    }
}
