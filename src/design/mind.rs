//! A mind: what an agent does in a turn besides speaking. A key that is not written is `None`, so that a role overrides
//! only what it writes.

use super::action::Action;
use super::words::words;
use super::world::World;
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
    /// Part of its memory that an agent reads in each turn. Default: [`Memory::default`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<Memory>,
    /// The program's own actions that an agent of a world may do. Default: [`Builtin::USUAL`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actions: Option<Vec<Builtin>>,
    /// Maximum number of actions in a turn. Default: 3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_actions: Option<u32>,
    /// Maximum number of calls of an agent in one step; a further one only after a result. Default: 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turns: Option<u32>,
}

/// Part of its memory that an agent reads in each turn: the first items, and the last ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// Number of the first items.
    pub first: u32,
    /// Maximum number of the last items.
    pub last: u32,
}

impl Default for Memory {
    fn default() -> Self {
        Self { first: 4, last: 60 }
    }
}

words! {
    /// An action of the program's own, in a world.
    pub enum Builtin {
        /// Say something aloud, or to somebody.
        Say = "say",
        /// Say something that only one agent hears.
        Whisper = "whisper",
        /// Go to another place.
        Go = "go",
        /// Do nothing.
        Wait = "wait",
        /// List everybody.
        Directory = "directory",
    }
}

impl Builtin {
    /// The actions of an agent whose mind names none. `go` needs a second place.
    pub const USUAL: [Self; 3] = [Self::Say, Self::Go, Self::Wait];
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
        let Self { thoughts, state, memory, actions, max_actions, turns } = over.clone();
        Self {
            thoughts: thoughts.or(self.thoughts),
            state: state.or_else(|| self.state.clone()),
            memory: memory.or(self.memory),
            actions: actions.or_else(|| self.actions.clone()),
            max_actions: max_actions.or(self.max_actions),
            turns: turns.or(self.turns),
        }
    }

    /// Returns the program's own actions of an agent in a world with this number of places.
    pub fn builtins(&self, places: usize) -> Vec<Builtin> {
        let usual = || Builtin::USUAL.into_iter().filter(|one| *one != Builtin::Go || places > 1).collect();
        self.actions.clone().unwrap_or_else(usual)
    }

    /// Returns the part of its memory that an agent reads in each turn.
    pub fn window(&self) -> Memory {
        self.memory.unwrap_or_default()
    }

    /// Returns the maximum number of calls of an agent in one step.
    pub fn most_turns(&self) -> u32 {
        self.turns.unwrap_or(1)
    }

    /// Returns true if an agent of this role with this mind answers with JSON.
    pub fn needs_turns(&self, actions: &[Action], role: &str, world: Option<&World>) -> bool {
        let acts = world.is_some_and(|world| self.builtins(world.places.len()).iter().any(|one| *one != Builtin::Say));
        self.thinks() || !self.kept().is_empty() || acts || actions.iter().any(|action| action.is_for(role))
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
