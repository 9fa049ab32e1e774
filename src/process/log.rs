//! Entries: what happened in a conversation, one after the other.

use crate::design::words::words;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

pub use crate::design::Flag;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Place in the conversation, from 0.
    pub seq: u32,
    /// Day, from 1.
    pub day: u32,
    /// How many messages (opening and speeches) the day had before it.
    pub index: u32,
    /// What it is.
    pub kind: Kind,
    /// Who: `Researcher`, an agent's name, `summarizer`, `selector`.
    pub speaker: String,
    /// The agent's role, `summarizer` or `selector`; none for an opening.
    pub role: Option<String>,
    /// `SERVER/NAME` as declared; none for an opening.
    pub model: Option<String>,
    /// What others read.
    pub content: String,
    /// What the model gave; none for an opening.
    pub raw: Option<String>,
    /// What was noticed about the reply.
    pub flags: Vec<Flag>,
    /// The call that brought it; none for an opening.
    pub call: Option<CallRef>,
    /// How large its prompt was; none for an opening.
    pub prompt: Option<PromptSize>,
    /// Further fields, of processes that have some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub more: Option<Box<Map<String, Json>>>,
}

words! {
    /// What an entry is.
    pub enum Kind {
        /// The researcher opens a day.
        Opening = "opening",
        /// An agent speaks.
        Speech = "speech",
        /// A model chose who speaks.
        Selection = "selection",
        /// A day's summary.
        Summary = "summary",
        /// A reply that was received and not taken.
        Rejected = "rejected",
        /// The researcher asks the agents of a finished conversation.
        Question = "question",
        /// An agent's answer to such a question.
        Answer = "answer",
    }
}

impl Kind {
    /// Whether entries of this kind count as messages: openings and speeches.
    pub fn is_message(self) -> bool {
        match self {
            Self::Opening | Self::Speech => true,
            Self::Selection | Self::Summary | Self::Rejected | Self::Question | Self::Answer => false,
        }
    }
}

words! {
    /// What a model is asked for.
    pub enum Purpose {
        /// An agent's turn.
        Speech = "speech",
        /// The choice of the next speaker.
        Selection = "selection",
        /// A day's summary.
        Summary = "summary",
        /// An agent's answer to a question about a finished conversation.
        Answer = "answer",
    }
}

/// Names a call within its conversation, with the entry's `seq`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CallRef {
    /// What was asked for.
    pub purpose: Purpose,
    /// Which asking for the same thing, from 0.
    pub ask: u32,
}

/// The size of a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromptSize {
    /// Bytes of text sent.
    pub bytes: u64,
    /// Tokens as the server counted them.
    pub tokens: Option<u32>,
}
