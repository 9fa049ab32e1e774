//! Conversations and agents that a request to ask leaves out.

use crate::store::Status;

/// Conversations and agents that are not asked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LeftOut {
    /// Conversations that are not done and have not failed.
    pub unfinished: usize,
    /// Conversations that failed.
    pub failed: usize,
    /// Offline conversations, where others were begun.
    pub offline: usize,
    /// Ids of conversations whose prompts cannot be rebuilt.
    pub unknown: Vec<String>,
    /// Number of agents that a person plays.
    pub people: usize,
}

impl LeftOut {
    /// Counts a conversation that is not done.
    pub(super) fn count_unfinished(&mut self, status: Status) {
        if status == Status::Failed { self.failed += 1 } else { self.unfinished += 1 }
    }
}
