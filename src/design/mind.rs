//! A mind: what an agent does in a turn besides speaking. A key that is not written is `None`, so that a role overrides
//! only what it writes.

use super::action::Action;
use serde::{Deserialize, Serialize};

/// Keys of `[mind]` and of `[roles.NAME.mind]`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Mind {
    /// True if the agent thinks in private before it speaks. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thoughts: Option<bool>,
    /// Titles of the short texts that the agent keeps. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<Vec<String>>,
    /// Maximum number of actions in a turn. Default: 3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_actions: Option<u32>,
}

/// Version of the program's texts and rules of turns as JSON. The condition key of an experiment with such turns includes
/// it, so a change of `prompts/turn*.md` or of the description of a form raises it.
pub const TURNS: u32 = 1;

/// Default of `max_actions`.
pub const ACTIONS_OF_A_TURN: u32 = 3;

impl Mind {
    /// Returns true if nothing is written.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Returns this mind with the keys that `over` writes.
    #[must_use]
    pub fn overridden_by(&self, over: &Self) -> Self {
        let Self { thoughts, state, max_actions } = over.clone();
        Self {
            thoughts: thoughts.or(self.thoughts),
            state: state.or_else(|| self.state.clone()),
            max_actions: max_actions.or(self.max_actions),
        }
    }

    /// Returns true if an agent of this role with this mind answers with JSON.
    pub fn needs_turns(&self, actions: &[Action], role: &str) -> bool {
        self.thinks() || !self.kept().is_empty() || actions.iter().any(|action| action.is_for(role))
    }

    /// Returns true if the agent thinks before it speaks.
    pub fn thinks(&self) -> bool {
        self.thoughts.unwrap_or(false)
    }

    /// Returns the titles of the texts that the agent keeps.
    pub fn kept(&self) -> &[String] {
        self.state.as_deref().unwrap_or_default()
    }

    /// Returns the maximum number of actions in a turn.
    pub fn most_actions(&self) -> u32 {
        self.max_actions.unwrap_or(ACTIONS_OF_A_TURN)
    }
}
