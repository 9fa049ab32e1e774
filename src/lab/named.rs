//! Name of an experiment or a conversation in errors and questions.

use serde::Serialize;
use std::fmt;

/// An experiment or a conversation, as errors and questions name it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Named {
    /// An experiment's name.
    Experiment(String),
    /// A conversation's id.
    Conversation(String),
    /// A question to agents of a conversation, by its id.
    Question(String),
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Experiment(name) => write!(f, "experiment `{name}`"),
            Self::Conversation(id) => write!(f, "conversation {}", id.get(..8).unwrap_or(id)),
            Self::Question(id) => write!(f, "question {}", id.get(..8).unwrap_or(id)),
        }
    }
}
