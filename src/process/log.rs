//! Entries: what happened in a conversation, one after the other.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use std::fmt;

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

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The researcher opens a day.
    Opening,
    /// An agent speaks.
    Speech,
    /// A model chose who speaks.
    Selection,
    /// A day's summary.
    Summary,
    /// A reply that was received and not taken.
    Rejected,
    /// The researcher asks the agents of a finished conversation.
    Question,
    /// An agent's answer to such a question.
    Answer,
}

impl Kind {
    /// The word in files and databases.
    pub fn word(self) -> &'static str {
        match self {
            Self::Opening => "opening",
            Self::Speech => "speech",
            Self::Selection => "selection",
            Self::Summary => "summary",
            Self::Rejected => "rejected",
            Self::Question => "question",
            Self::Answer => "answer",
        }
    }

    /// Whether entries of this kind count as messages: openings and speeches.
    pub fn is_message(self) -> bool {
        match self {
            Self::Opening | Self::Speech => true,
            Self::Selection | Self::Summary | Self::Rejected | Self::Question | Self::Answer => false,
        }
    }

    /// The kind of that word.
    pub fn of(word: &str) -> Option<Self> {
        [Self::Opening, Self::Speech, Self::Selection, Self::Summary, Self::Rejected, Self::Question, Self::Answer]
            .into_iter()
            .find(|k| k.word() == word)
    }
}

/// What a model is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// An agent's turn.
    Speech,
    /// The choice of the next speaker.
    Selection,
    /// A day's summary.
    Summary,
    /// An agent's answer to a question about a finished conversation.
    Answer,
}

impl Purpose {
    /// The word in files and databases.
    pub fn word(self) -> &'static str {
        match self {
            Self::Speech => "speech",
            Self::Selection => "selection",
            Self::Summary => "summary",
            Self::Answer => "answer",
        }
    }

    /// The purpose of that word.
    pub fn of(word: &str) -> Option<Self> {
        [Self::Speech, Self::Selection, Self::Summary, Self::Answer].into_iter().find(|p| p.word() == word)
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

macro_rules! flags {
    ($($(#[$doc:meta])* $name:ident = $word:literal),* $(,)?) => {
        /// What was noticed about a reply; of the reply and never of the run (format.md §5).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Flag { $($(#[$doc])* #[serde(rename = $word)] $name),* }

        impl Flag {
            /// Every flag, in the order in which they are shown.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The word in files and databases.
            pub fn word(self) -> &'static str {
                match self { $(Self::$name => $word),* }
            }
        }
    };
}

flags! {
    /// The agent speaks as somebody else.
    IdentitySwap = "identity-swap",
    /// The reply holds turns of both sides.
    BothSides = "both-sides",
    /// The reply recites the prompt.
    PromptRecited = "prompt-recited",
    /// The reply repeats itself or an earlier turn.
    Repetition = "repetition",
    /// Nothing is left of the reply.
    Empty = "empty",
    /// The model declines.
    Refusal = "refusal",
    /// The server cut the reply at its length limit.
    Length = "length",
    /// The server filtered the reply.
    Filtered = "filtered",
    /// The server cut the prompt, or it cannot fit.
    PromptCut = "prompt-cut",
    /// The agent's own label was taken off the front.
    LabelCut = "label-cut",
    /// Text was cut where another's turn began.
    OverrunCut = "overrun-cut",
    /// Template tokens were taken out.
    TemplateToken = "template-token",
    /// Reasoning was taken out.
    ThinkingCut = "thinking-cut",
    /// The selector's choice was of no use; the next in order speaks.
    ChoiceFallback = "choice-fallback",
}

impl Flag {
    /// The flag of that word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|f| f.word() == word)
    }
}

impl fmt::Display for Flag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
