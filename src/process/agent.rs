//! Participants of one conversation: agents, which speak, and helpers, which do not.

use super::turn::TurnForm;
use crate::design::ModelSpec;
use std::sync::Arc;

/// An agent that speaks.
#[derive(Debug, Clone, PartialEq)]
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
}

impl Agent {
    /// Returns the form of the agent's turns. A person always types plain text.
    pub fn form_of_turns(&self) -> Option<&Arc<TurnForm>> {
        self.form.as_ref().filter(|_| !self.model.is_human())
    }

    /// Returns the system prompt of a turn: with the form of the answer.
    pub fn system(&self) -> String {
        let described = self.form_of_turns().map(|form| form.describe());
        let parts = [Some(self.prompt.clone()), described].into_iter().flatten().filter(|part| !part.is_empty());
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
