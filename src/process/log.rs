//! Entries: the events of a process, in order.

use crate::design::words::words;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

pub use crate::design::Flag;

/// One event of a process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Place in the log, from 0.
    pub seq: u32,
    /// Day, from 1.
    pub day: u32,
    /// Number of earlier messages (opening and speeches) of the day.
    pub index: u32,
    /// Kind of the entry.
    pub kind: Kind,
    /// Name of the speaker: `Researcher`, an agent's name, `summarizer` or `selector`.
    pub speaker: String,
    /// Role of the agent, `summarizer` or `selector`; `None` for an opening.
    pub role: Option<String>,
    /// Model as declared, `SERVER/NAME`; `None` for an opening.
    pub model: Option<String>,
    /// Text that the other participants read.
    pub content: String,
    /// Raw text of the model; `None` for an opening.
    pub raw: Option<String>,
    /// Flags of the reply.
    pub flags: Vec<Flag>,
    /// Call that produced it; `None` for an opening.
    pub call: Option<CallRef>,
    /// Size of its prompt; `None` for an opening.
    pub prompt: Option<PromptSize>,
    /// Fields that only some kinds of process have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub more: Option<Box<Map<String, Json>>>,
}

impl Entry {
    /// Returns a further field that is a text: `to`, `place`, `time`.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.more.as_ref()?.get(name)?.as_str()
    }
}

words! {
    /// Kind of an entry.
    pub enum Kind {
        /// The researcher's opening of a day.
        Opening = "opening",
        /// An agent's turn.
        Speech = "speech",
        /// A choice of the next speaker.
        Selection = "selection",
        /// A day's summary.
        Summary = "summary",
        /// A received reply that the process did not take.
        Rejected = "rejected",
        /// The researcher's question to the agents of a finished conversation.
        Question = "question",
        /// An agent's answer to such a question.
        Answer = "answer",
        /// An agent's turn as JSON; its parts follow as notes.
        Turn = "turn",
        /// An agent's private thought.
        Thought = "thought",
        /// An action, done or failed.
        Action = "action",
        /// New texts of an agent's state.
        State = "state",
        /// An agent's way to another place.
        Move = "move",
    }
}

impl Kind {
    /// True for messages: openings and speeches.
    pub fn is_message(self) -> bool {
        match self {
            Self::Opening | Self::Speech => true,
            Self::Selection
            | Self::Summary
            | Self::Rejected
            | Self::Question
            | Self::Answer
            | Self::Turn
            | Self::Thought
            | Self::Action
            | Self::State
            | Self::Move => false,
        }
    }
}

words! {
    /// Purpose of a call.
    pub enum Purpose {
        /// An agent's turn.
        Speech = "speech",
        /// The choice of the next speaker.
        Selection = "selection",
        /// A day's summary.
        Summary = "summary",
        /// An agent's answer to a question about a finished conversation.
        Answer = "answer",
        /// An agent's turn as JSON.
        Turn = "turn",
    }
}

/// Name of a call. Within a conversation, this name and the `seq` of the entry identify the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CallRef {
    /// Purpose of the call.
    pub purpose: Purpose,
    /// Number of earlier replies for the same entry that were rejected.
    pub ask: u32,
}

/// The size of a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromptSize {
    /// Bytes of the text sent.
    pub bytes: u64,
    /// Tokens counted by the server.
    pub tokens: Option<u32>,
}
