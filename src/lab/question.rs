//! Confirmations as values: a use case that needs one returns it, and the caller repeats the call with the answer.
//!
//! An answer is the hash of what was shown. If somebody changes something meanwhile, the answer no longer matches and
//! the use case asks again. So a yes agrees to exactly what was shown.

use super::named::Named;
use crate::design::key::sha256;
use serde::Serialize;

/// Result of a use case that may need a confirmation first.
#[derive(Debug)]
pub enum Progress<T> {
    /// The use case is done.
    Done(T),
    /// Nothing was changed. The caller repeats the call with [`Confirmation::seen`] among the answers.
    Needs(Confirmation),
}

/// A question with its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirmation {
    /// Everything that a person must see before the answer.
    pub about: About,
    /// SHA-256 of `about`, which is the answer yes.
    pub seen: String,
}

impl Confirmation {
    /// The confirmation of something.
    pub fn new(about: About) -> Self {
        // Texts and numbers always serialise.
        let seen = sha256(serde_json::to_vec(&about).unwrap_or_default());
        Self { about, seen }
    }

    /// True if it is among the answers.
    pub fn is_given(&self, yes: &[String]) -> bool {
        yes.contains(&self.seen)
    }
}

/// The subject of a confirmation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum About {
    /// A run leaves conversations of older revisions behind.
    LeaveBehind {
        /// Name of the experiment.
        experiment: String,
        /// Hashes of the older revisions.
        revisions: Vec<String>,
        /// Number of conversations that stay as they are.
        conversations: usize,
        /// One line for each difference between the revisions and the experiment.
        changes: Vec<String>,
        /// Number of conversations to do.
        to_do: usize,
        /// Expected number of calls.
        calls: u64,
    },
    /// Another person changed an experiment meanwhile.
    ChangedMeanwhile {
        /// Id of the experiment.
        id: String,
        /// Current name.
        name: String,
        /// Version that the person saw.
        expected: u64,
        /// Current version.
        found: u64,
        /// One line for each change of the other person.
        changes: Vec<String>,
        /// True if the person's own change replaces the whole experiment, including the other changes.
        replaces: bool,
    },
    /// A model that a flag names, that its server lacks, and that is nearly one that the server has.
    PullNear {
        /// The model, as SERVER/NAME.
        model: String,
        /// The model that the server has.
        near: String,
    },
    /// A deletion of selected conversations.
    DeleteSelected {
        /// Name of the experiment.
        experiment: String,
        /// Statuses of the conversations to delete, each with its number.
        statuses: Vec<(String, usize)>,
        /// Creators of selected conversations that remain, since they are other people's.
        others: Vec<(String, usize)>,
        /// Creators of the questions to delete, each with their number, the largest first.
        questions: Vec<(String, usize)>,
        /// Ids of the conversations to delete.
        ids: Vec<String>,
    },
    /// A deletion.
    Delete {
        /// Experiment or conversation.
        target: Named,
        /// Creators of the conversations to delete, each with their number, the largest first.
        creators: Vec<(String, usize)>,
        /// Copies that remain: name and creator.
        copies: Vec<(String, String)>,
        /// Creators of the questions to delete, each with their number, the largest first.
        questions: Vec<(String, usize)>,
        /// Number of entries in a conversation; `None` for an experiment.
        entries: Option<usize>,
    },
}
