//! Questions as values: a use case that needs a confirmation returns one, and is called again with the answer.
//!
//! An answer is the hash of what was shown. One that no longer fits, since somebody changed something meanwhile, is
//! asked again with the new state: a yes agrees to what was shown and to nothing else.

use super::named::Named;
use crate::design::key::sha256;
use serde::Serialize;

/// A use case that is done, or that needs a confirmation first.
#[derive(Debug)]
pub enum Progress<T> {
    /// The result.
    Done(T),
    /// Nothing was changed: call again with [`Confirmation::seen`] among the answers.
    Needs(Confirmation),
}

/// A question with its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirmation {
    /// Everything that a person must see before they answer.
    pub about: About,
    /// SHA-256 of `about`: the answer yes.
    pub seen: String,
}

impl Confirmation {
    /// The confirmation of something.
    pub fn new(about: About) -> Self {
        // Texts and numbers are always written.
        let seen = sha256(serde_json::to_vec(&about).unwrap_or_default());
        Self { about, seen }
    }

    /// Whether it is among the answers.
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
        /// Revisions left, by hash.
        revisions: Vec<String>,
        /// Conversations that were begun and stay as they are.
        conversations: usize,
        /// Differences between the revisions and the experiment, a line each.
        changes: Vec<String>,
        /// Conversations to do.
        to_do: usize,
        /// Calls expected for them.
        calls: u64,
    },
    /// Somebody else changed an experiment meanwhile.
    ChangedMeanwhile {
        /// Id of the experiment.
        id: String,
        /// Its name now.
        name: String,
        /// The version that the person saw.
        expected: u64,
        /// The version that it has.
        found: u64,
        /// Their changes, a line each.
        changes: Vec<String>,
        /// Whether the person's own change replaces the whole experiment, theirs included.
        replaces: bool,
    },
    /// Something is deleted.
    Delete {
        /// Experiment or conversation.
        target: Named,
        /// Creators of the conversations that go with it, and how many of each: the most first.
        creators: Vec<(String, usize)>,
        /// Copies that stay: name and creator.
        copies: Vec<(String, String)>,
        /// Creators of the questions that go with it, and how many of each: the most first.
        questions: Vec<(String, usize)>,
        /// Entries of a conversation; `None` for an experiment.
        entries: Option<usize>,
    },
}
