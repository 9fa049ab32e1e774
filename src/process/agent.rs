//! Participants of one conversation, made concrete: agents, which speak, and helpers, which do not.

use crate::design::ModelSpec;

/// An agent that speaks.
#[derive(Debug, Clone, PartialEq)]
pub struct Agent {
    /// Unique in the conversation.
    pub name: String,
    /// The role's name.
    pub role: String,
    /// The model that speaks for it.
    pub model: ModelSpec,
    /// Its system prompt as sent.
    pub prompt: String,
}

/// A model that takes part without speaking: the selector or the summariser.
#[derive(Debug, Clone, PartialEq)]
pub struct Helper {
    /// The model.
    pub model: ModelSpec,
    /// Its system prompt as sent.
    pub prompt: String,
}
