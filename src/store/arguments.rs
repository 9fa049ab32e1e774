//! Arguments of the store's verbs: filters, items, marks, new experiments, and items to copy.

use super::call::CallRecord;
use super::records::{ConversationRecord, ExperimentRecord, MarkRecord, Millis, ProcessKind, RunRecord};
use super::status::Status;
use crate::design::Experiment;
use crate::process::asking::EndedBy;
use crate::process::log::Entry;
use serde::{Deserialize, Serialize};

/// A selection of conversations.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// Id of the experiment; `None` selects all.
    pub experiment: Option<String>,
    /// Hash of the revision; `None` selects all.
    pub revision: Option<String>,
    /// Kind of process.
    pub kind: ProcessKind,
}

/// The end of a claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// The status that the process has from now on.
    pub status: Status,
    /// The reason why it failed or was interrupted.
    pub reason: Option<String>,
    /// The way in which the process ended; `None` unless it is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_by: Option<EndedBy>,
}

impl End {
    /// Creates an end with a reason.
    pub fn new(status: Status, reason: Option<String>) -> Self {
        Self { status, reason, ended_by: None }
    }

    /// Creates the end of a process that is done.
    pub fn done(ended_by: EndedBy) -> Self {
        Self { status: Status::Done, reason: None, ended_by: Some(ended_by) }
    }
}

/// An experiment to be saved.
#[derive(Debug, Clone, PartialEq)]
pub struct NewExperiment {
    /// The id that a new experiment gets: 16 random hex digits.
    pub id: String,
    /// The person who saves it.
    pub creator: String,
    /// Instant of saving.
    pub now: Millis,
    /// The document.
    pub document: Experiment,
    /// Hash of the document.
    pub revision: String,
    /// Id of the experiment from which this one was copied.
    pub parent: Option<String>,
}

/// An item that a person can note, star or delete, by its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// An experiment.
    Experiment(String),
    /// A conversation.
    Conversation(String),
}

/// A change of note or star; `None` changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mark {
    /// The new note; `Some(None)` removes it.
    pub note: Option<Option<String>>,
    /// The new star.
    pub starred: Option<bool>,
    /// Instant of the change.
    pub at: Millis,
}

/// A unit of copying between databases.
#[derive(Debug, Clone, PartialEq)]
pub enum TransferItem {
    /// A document and its hash.
    Document(Box<Experiment>, String),
    /// An experiment. Copied after the document of its current revision.
    Experiment(ExperimentRecord),
    /// A run. Copied after its experiment.
    Run(Box<RunRecord>),
    /// A mark. Copied after its item.
    Mark(MarkRecord),
    /// A whole conversation without its lease. Copied after its experiment.
    Conversation {
        /// The record, with `status` and `reason`.
        record: Box<ConversationRecord>,
        /// Log of the conversation.
        log: Vec<Entry>,
        /// All calls of the conversation.
        calls: Vec<CallRecord>,
    },
}
