//! Status of a conversation.

use serde::{Deserialize, Serialize};

/// Status of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Planned, not begun.
    Pending,
    /// A process works on it, or did so when it was killed.
    Running,
    /// Complete.
    Done,
    /// Stopped from outside; the same command resumes it.
    Interrupted,
    /// Failed by itself; only `--retry-failed` tries it again.
    Failed,
    /// Stopped by a budget.
    Incomplete,
}

impl Status {
    /// Returns the word in databases and JSON.
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

    /// Returns the status of a word.
    pub fn of(word: &str) -> Option<Self> {
        [Self::Pending, Self::Running, Self::Done, Self::Interrupted, Self::Failed, Self::Incomplete]
            .into_iter()
            .find(|s| s.word() == word)
    }
}
