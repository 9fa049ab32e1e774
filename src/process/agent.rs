//! Participants of one conversation: agents, which speak, and helpers, which do not.

use super::turn::TurnForm;
use crate::design::ModelSpec;
use crate::design::mind::Memory;
use std::sync::Arc;

/// An agent that speaks.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Agent {
    /// Name, unique in the conversation.
    pub name: String,
    /// The role's name.
    pub role: String,
    /// Model that writes the agent's turns.
    pub model: ModelSpec,
    /// The agent's system prompt as sent, without the form of the answer.
    pub prompt: String,
    /// Hash of the person that the agent is; `None` for nobody in particular.
    pub person: Option<String>,
    /// Form of the agent's turns; `None` for plain text.
    pub form: Option<Arc<TurnForm>>,
    /// Places and others of a world, as the agent reads them; empty in a conversation.
    pub surroundings: String,
    /// Part of its memory that the agent reads in each turn of a world.
    pub memory: Memory,
    /// Maximum number of calls of the agent in one step of a world.
    pub turns: u32,
}

impl Agent {
    /// Returns the form of the agent's turns. A person always types plain text.
    pub fn form_of_turns(&self) -> Option<&Arc<TurnForm>> {
        self.form.as_ref().filter(|_| !self.model.is_human())
    }

    /// Returns the system prompt of a turn: with the form of the answer, and with the world.
    pub fn system(&self) -> String {
        let described = self.form_of_turns().map(|form| form.describe());
        let parts = [Some(self.prompt.clone()), described, Some(self.surroundings.clone())]
            .into_iter()
            .flatten()
            .filter(|part| !part.is_empty());
        parts.collect::<Vec<_>>().join("\n\n")
    }
}

/// A model with a task of its own and no turns: the selector or the summariser.
#[derive(Debug, Clone, PartialEq)]
pub struct Helper {
    /// The model.
    pub model: ModelSpec,
    /// The helper's system prompt as sent.
    pub prompt: String,
}
