//! Conversations and agents that a request to ask leaves out.

/// Conversations and agents that are not asked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LeftOut {
    /// Conversations that are not done.
    pub unfinished: usize,
    /// Offline conversations, where others were begun.
    pub offline: usize,
    /// Ids of conversations whose prompts cannot be built again.
    pub unknown: Vec<String>,
    /// Agents that a person plays.
    pub people: usize,
}
