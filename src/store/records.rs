//! Records of the database: experiments, conversations with their leases, and runs.

use super::status::Status;
use crate::design::words::words;
use crate::design::world::Order;
use crate::design::{ModelSpec, Named, Overrides, RunDefaults, Sampling, Value};
use crate::process::asking::EndedBy;
use crate::process::setting::Draw;
use serde::{Deserialize, Serialize};

/// An instant: milliseconds since 1970 (UTC), as the caller's clock gives it.
pub type Millis = i64;

/// Duration of a lease that is not renewed, in milliseconds.
pub const LEASE: Millis = 45_000;

/// An experiment as the database stores it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExperimentRecord {
    /// 16 random hex digits.
    pub id: String,
    /// Name of the experiment; unique together with the creator.
    pub name: String,
    /// The person who made it.
    pub creator: String,
    /// Instant of its creation.
    pub created: Millis,
    /// True if its creator marked it with a star.
    pub starred: bool,
    /// A note.
    pub note: Option<String>,
    /// Number that grows with each change, for compare-and-set.
    pub version: u64,
    /// Id of the experiment from which this one was copied.
    pub parent: Option<String>,
    /// Hash of the current revision: the last one stored.
    pub revision: String,
    /// `[run]` as last read from its folder.
    pub run: RunDefaults,
}

/// A conversation as the database stores it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConversationRecord {
    /// Hash of (experiment id, key), 16 hex digits.
    pub id: String,
    /// Id of the conversation's experiment.
    pub experiment: String,
    /// The newest revision that planned the conversation.
    pub revision: String,
    /// Key of the process: SHA-256 of everything that shapes the process.
    pub key: String,
    /// The person who ran it.
    pub creator: String,
    /// Instant at which the conversation was planned.
    pub created: Millis,
    /// The level of each axis. `model` is always one of the axes.
    pub condition: Vec<Named<Value>>,
    /// Number of the replicate, from 1.
    pub replicate: u32,
    /// The run's seed.
    pub seed: u64,
    /// Status of the conversation.
    pub status: Status,
    /// The reason why the conversation failed or was interrupted.
    pub reason: Option<String>,
    /// Models in use and their parameters.
    pub models: Vec<UsedModel>,
    /// Agents per role, in speaking order.
    pub agents: Vec<Named<u32>>,
    /// Participants of the conversation.
    pub participants: Vec<Participant>,
    /// Number of openings and speeches.
    pub messages: u32,
    /// Number of days.
    pub days: u32,
    /// Method of speaker selection.
    pub speakers: String,
    /// The starting message as sent.
    pub starting_message: String,
    /// True if `scripted` replaced every model.
    pub offline: bool,
    /// True if its creator marked it with a star.
    pub starred: bool,
    /// A note.
    pub note: Option<String>,
    /// Number of retries after a failure.
    pub retries: u32,
    /// The process that works on the conversation; `None` if no process does.
    pub lease: Option<Lease>,
    /// Kind of process.
    #[serde(default, skip_serializing_if = "ProcessKind::is_conversation")]
    pub kind: ProcessKind,
    /// Id of the finished conversation that a question is about; `None` for a conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The question; `None` for a conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<QuestionRecord>,
    /// The way in which the process ended. convoke 0.1 did not store this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_by: Option<EndedBy>,
}

impl ConversationRecord {
    /// Returns the values in which the conversation differs from others of its condition. `key` is that of the
    /// conversation, which a question is about.
    pub fn draw<'a>(&self, key: &'a str) -> Draw<'a> {
        Draw { key, seed: self.seed, replicate: self.replicate }
    }

    /// Returns true if it is a world, where `speakers` is the order of the turns of a step.
    pub fn is_world(&self) -> bool {
        Order::WORDS.contains(&self.speakers.as_str()) || self.speakers == Order::Lists(Vec::new()).word()
    }
}

words! {
    /// A kind of process.
    #[derive(Default)]
    pub enum ProcessKind {
        /// A conversation.
        #[default]
        Conversation = "conversation",
        /// A question to the agents of a finished conversation.
        Question = "question",
    }
}

impl ProcessKind {
    /// Returns true for a conversation; databases omit the kind then.
    pub fn is_conversation(&self) -> bool {
        *self == Self::Conversation
    }
}

/// A question to the agents of one role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuestionRecord {
    /// The question as typed.
    pub text: String,
    /// The role.
    pub role: String,
    /// Names of the agents that are asked, in speaking order.
    pub agents: Vec<String>,
    /// 2, 3, … if the same question was asked again; `None` the first time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again: Option<u32>,
}

/// Star and note of a person on an item that somebody else created. The item's record holds its creator's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarkRecord {
    /// Id of the experiment or conversation.
    pub item: String,
    /// The person.
    pub person: String,
    /// True if the person marked it with a star.
    pub starred: bool,
    /// A note.
    pub note: Option<String>,
    /// Instant of the last change.
    pub at: Millis,
}

/// A model in use.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UsedModel {
    /// Name of the model within the experiment.
    pub name: String,
    /// `SERVER/NAME`.
    pub id: String,
    /// Parameters of the model as declared.
    pub sampling: Sampling,
}

/// A participant of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Participant {
    /// Name of an agent.
    pub name: String,
    /// Role of the agent.
    pub role: String,
    /// `SERVER/NAME`.
    pub model: String,
    /// Hash of the person that the agent is; `None` for nobody in particular.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
}

/// The process that works on a conversation. With `SQLite` the lock of the file excludes others, but the same fields
/// are stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The run's id.
    pub owner: String,
    /// Host name.
    pub host: String,
    /// Id of the machine's boot.
    pub boot: String,
    /// Process id.
    pub pid: u32,
    /// Number of the claim; grows with each claim.
    pub epoch: u64,
    /// Instant at which it lapses.
    pub until: Millis,
}

words! {
    /// A kind of run.
    #[derive(Default)]
    pub enum RunKind {
        /// Conversations were run.
        #[default]
        Run = "run",
        /// A person took part in one conversation.
        Talk = "talk",
        /// Agents of finished conversations were asked.
        Ask = "ask",
    }
}

impl RunKind {
    /// Returns true for a run of conversations; databases omit the kind then.
    pub fn is_run(&self) -> bool {
        *self == Self::Run
    }
}

/// The questions of a run of kind `ask`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AskRecord {
    /// The questions as typed.
    pub questions: Vec<String>,
    /// Roles that were asked; empty means all.
    pub roles: Vec<String>,
    /// The model that answered instead of each agent's own model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelSpec>,
    /// Number of times that each question was asked.
    pub again: u32,
}

/// One invocation of `run` or `ask`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// 16 random hex digits.
    pub id: String,
    /// The experiment's id.
    pub experiment: String,
    /// The revision that the run used.
    pub revision: String,
    /// Instant of its start.
    pub started: Millis,
    /// The person who ran it.
    pub creator: String,
    /// The command's arguments as typed, without secrets.
    pub flags: Vec<String>,
    /// Number of conversations planned, done before, and to do.
    pub counts: Vec<Named<u64>>,
    /// Questions that the person answered with yes, each with its subject.
    pub answers: Vec<Named<String>>,
    /// The program's version.
    pub version: String,
    /// The way in which the run ended; `None` if the run is active or was killed.
    pub ended: Option<String>,
    /// Kind of run.
    #[serde(default, skip_serializing_if = "RunKind::is_run")]
    pub kind: RunKind,
    /// Overrides of the run. Runs of convoke 0.1 have only `flags`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overrides: Option<Overrides>,
    /// The questions of a run of kind `ask`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ask: Option<AskRecord>,
}
