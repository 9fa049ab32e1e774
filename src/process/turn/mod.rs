//! A turn as JSON: the form of the answer, its schema, and what is read of a reply.
//!
//! An agent whose mind has thoughts, a state or actions answers with one JSON object. The form is described in its
//! system prompt in the same words whether or not a schema is sent (docs/format.md, "Turns as JSON").
//!
//! | file | come here to … |
//! |---|---|
//! | `builtin` | see the fields of the program's own actions |
//! | `schema` | build the JSON schema of a form, in two dialects |
//! | `words` | describe a form for the model |
//! | `json` | find the JSON object in a reply, with repairs that leave no doubt |
//! | `read` | read a reply by its form |
//! | `data` | keep what was read in an entry, and derive the notes that follow |

pub mod builtin;
pub mod data;
pub(super) mod json;
pub mod read;
pub mod schema;
#[cfg(test)]
mod tests;
mod words;

use super::reply::clean_before_object;
use crate::design::mind::Builtin;
use crate::design::world::World;
use crate::design::{Action, Mind};
use serde_json::{Map, Value as Json};
use std::sync::Arc;

/// Reads the one JSON object of a reply that has no form, with the same repairs as a turn.
///
/// # Errors
/// A description of the mistake.
pub fn read_object(raw: &str) -> Result<Map<String, Json>, String> {
    json::find_object(&clean_before_object(raw).text, false).map(|found| found.fields)
}

/// The form of an agent's answers.
#[derive(Debug, Clone, PartialEq)]
pub struct TurnForm {
    /// True if the answer has a private thought.
    pub thought: bool,
    /// Titles of the texts that the agent keeps.
    pub state: Vec<String>,
    /// The program's own actions that the agent may do in a world. `None` in a conversation, where a turn has one speech.
    pub builtins: Option<Vec<Builtin>>,
    /// Actions of the researcher's own design that the agent may do.
    pub actions: Vec<Action>,
    /// Maximum number of actions in a turn.
    pub max_actions: u32,
}

impl TurnForm {
    /// Returns the form of the agents of a role, or `None` if their turns are plain text.
    pub fn of_role(mind: &Mind, actions: &[Action], role: &str, world: Option<&World>) -> Option<Arc<Self>> {
        if !mind.needs_turns(actions, role, world) {
            return None;
        }
        let builtins = world.map(|world| mind.builtins(world.places.len()));
        let actions: Vec<Action> = actions.iter().filter(|action| action.is_for(role)).cloned().collect();
        let (thought, state, max_actions) = (mind.thinks(), mind.kept().to_vec(), mind.most_actions());
        Some(Arc::new(Self { thought, state, builtins, actions, max_actions }))
    }

    /// Returns the program's own actions that the agent may do.
    pub fn builtins(&self) -> &[Builtin] {
        self.builtins.as_deref().unwrap_or_default()
    }

    /// Returns true if the answer has a list of actions.
    pub fn has_actions(&self) -> bool {
        !self.actions.is_empty() || !self.builtins().is_empty()
    }

    /// Returns the action with this name.
    pub fn action(&self, name: &str) -> Option<&Action> {
        self.actions.iter().find(|action| action.name == name)
    }
}
