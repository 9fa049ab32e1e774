//! A process: a pure machine over an append-only log, which asks models.
//!
//! `next` and `answer` depend only on the process's definition, its log and the reply. So every prefix of a log
//! continues to the same end (contract R5). A *round* holds asks that do not depend on each other and leave together.
//! Three laws hold for each process, and property tests check them:
//!
//! - for each prefix of a round, `next` returns exactly the asks that are missing, equal in every field;
//! - no view reads an entry at or beyond `base`, the log's length when the round began;
//! - `answer` returns the same entry whether or not the log has later entries.

use super::log::{CallRef, Entry, PromptSize};
use super::prompt::View;
use super::turn::TurnForm;
use crate::design::ModelSpec;
use crate::design::key::sha256;
use crate::design::words::words;
use std::sync::Arc;

/// A pure machine over an append-only log, which names the next asks.
pub trait Process: Send + Sync {
    /// Returns the key, the source of all randomness.
    fn key(&self) -> &str;
    /// Returns the log so far.
    fn log(&self) -> &[Entry];
    /// Returns the log of the finished conversation that the process is about; empty if the process is a conversation.
    fn subject(&self) -> &[Entry] {
        &[]
    }
    /// Returns the texts whose vectors `next` needs and that were not given yet.
    fn wants(&self) -> Vec<Wanted> {
        Vec::new()
    }
    /// Takes vectors of texts that [`Process::wants`] named. They count as replies: the same vectors bring the same end.
    fn give(&mut self, _vectors: Vec<TextVector>) {}
    /// Returns the next step.
    fn next(&self) -> Next;
    /// Turns a reply into exactly one entry, at `ask.seq`, from the entries before `ask.base`.
    fn answer(&self, ask: &Ask, reply: &Reply<'_>) -> Entry;
    /// Appends an entry that `next` or `answer` returned, or an entry that was read from the store.
    fn push(&mut self, entry: Entry);
    /// Estimates the number of further calls, for the order of work and for progress bars only.
    fn left(&self) -> u32;
    /// Returns the facts that a person sees before answering an ask.
    fn sitting(&self, _ask: &Ask) -> Sitting {
        Sitting::default()
    }
    /// Counts the calls whose reply is in the log.
    fn answered(&self) -> u32 {
        self.log().iter().filter(|e| e.call.is_some()).count() as u32
    }
}

/// Texts of which a process needs the vectors of one model.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted {
    /// The embedding model.
    pub model: ModelSpec,
    /// The texts; none is empty.
    pub texts: Vec<String>,
}

/// A vector of a text.
#[derive(Debug, Clone, PartialEq)]
pub struct TextVector {
    /// Hash of the model and the text: see [`text_hash`].
    pub hash: String,
    /// The numbers.
    pub numbers: Arc<[f32]>,
}

/// Returns the hash under which the vector of a text is stored. `model` is the model's id, `SERVER/NAME`.
pub fn text_hash(model: &str, text: &str) -> String {
    sha256(format!("{model}\n{text}"))
}

/// The next step of a process.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// Append this entry without a request.
    Note(Entry),
    /// Send one or more asks at once. Their entries follow the log in this order.
    Ask(Vec<Ask>),
    /// Stop: the process has reached its end.
    Done(EndedBy),
    /// Stop: a rejected reply failed the process. Holds the reason.
    Failed(String),
}

/// One request that a process wants answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Ask {
    /// Length of the log when the ask's round began. The view and `answer` read only earlier entries.
    pub base: u32,
    /// Place of the resulting entry in the log.
    pub seq: u32,
    /// Relation of the prompt to an earlier one. It shows if the server cut the prompt.
    pub growth: Growth,
    /// Day, from 1.
    pub day: u32,
    /// Number of earlier messages of the day.
    pub index: u32,
    /// Purpose, and number of rejected replies to this ask so far.
    pub call: CallRef,
    /// Messages for the model, as a recipe.
    pub view: View,
    /// The speaker: an agent's name, `summarizer`, `selector`.
    pub speaker: String,
    /// The speaker's role.
    pub role: String,
    /// The speaker's model.
    pub model: ModelSpec,
    /// Candidates of a selection; otherwise the other agents.
    pub others: Vec<String>,
    /// Form of the answer; `None` for plain text.
    pub form: Option<Arc<TurnForm>>,
}

/// Earlier prompt that is a prefix of this prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Growth {
    /// No earlier prompt is a prefix.
    New,
    /// The prompt of the entry at this seq is a prefix of this one.
    From(u32),
    /// Unknown. Only the size of the context can show that the server cut the prompt.
    Unknown,
}

words! {
    /// The way in which a process ended.
    pub enum EndedBy {
        /// All messages were used.
        Messages = "messages",
        /// The last day's last speech contains a stop phrase.
        StopPhrase = "stop-phrase",
        /// Every agent was silent on the last day.
        Silence = "silence",
        /// Every ask was answered.
        Answered = "answered",
        /// An agent did an action that ends the day or the conversation.
        Action = "action",
        /// Nothing happened for some steps of a world.
        Quiet = "quiet",
        /// All steps of a world were used.
        Steps = "steps",
    }
}

/// Facts that a person sees before answering an ask.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sitting {
    /// Number of days in the conversation.
    pub days: u32,
    /// Number of messages on the day.
    pub messages: u32,
    /// Name of the next agent in order.
    pub next: String,
}

/// Facts about a reply that a process reads.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own that a server tells or does not")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reply<'a> {
    /// Raw text of the model.
    pub content: &'a str,
    /// True if the model gave reasoning apart from the text.
    pub thinking: bool,
    /// True if the server reported a refusal.
    pub refused: bool,
    /// True if the reply was cut at the length limit.
    pub length: bool,
    /// True if the server filtered the reply.
    pub filtered: bool,
    /// The prompt's size.
    pub prompt: PromptSize,
    /// Context in tokens, if it is known.
    pub context: Option<u32>,
}
