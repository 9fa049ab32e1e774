//! Participants of one conversation: agents, which speak, and helpers, which do not.

use crate::design::ModelSpec;

/// An agent that speaks.
#[derive(Debug, Clone, PartialEq)]
pub struct Agent {
    /// Name, unique in the conversation.
    pub name: String,
    /// The role's name.
    pub role: String,
    /// Model that writes the agent's turns.
    pub model: ModelSpec,
    /// The agent's system prompt as sent.
    pub prompt: String,
    /// Hash of the person that the agent is; `None` for nobody in particular.
    pub person: Option<String>,
}

/// A model with a task of its own and no turns: the selector or the summariser.
#[derive(Debug, Clone, PartialEq)]
pub struct Helper {
    /// The model.
    pub model: ModelSpec,
    /// The helper's system prompt as sent.
    pub prompt: String,
}
