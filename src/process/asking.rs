//! A process: anything that asks models, as a pure machine over an append-only log.
//!
//! `next` and `answer` are functions of what the process is made from, of its log and of the reply alone, so that any
//! prefix of a log continues to the same end (contract R5). Asks that do not depend on each other leave together: a
//! *round*. Three laws hold for each process, and property tests keep them:
//!
//! - for each prefix of a round, `next` returns exactly the asks that are missing, equal in every field;
//! - no view reads an entry at or beyond `base`, the log's length when the round began;
//! - `answer` returns the same entry whether or not later entries are there.

use super::log::{CallRef, Entry, PromptSize};
use super::prompt::View;
use crate::design::ModelSpec;
use serde::{Deserialize, Serialize};

/// Anything that asks models: a pure machine over an append-only log.
pub trait Process: Send + Sync {
    /// The key: everything random comes from it.
    fn key(&self) -> &str;
    /// The log so far.
    fn log(&self) -> &[Entry];
    /// A finished log that the views may read; empty where there is none.
    fn subject(&self) -> &[Entry] {
        &[]
    }
    /// The next step.
    fn next(&self) -> Next;
    /// The entry that a reply becomes: exactly one, at `ask.seq`, from the entries before `ask.base`.
    fn answer(&self, ask: &Ask, reply: &Reply<'_>) -> Entry;
    /// Appends an entry that `next` or `answer` returned, or that was read from the store.
    fn push(&mut self, entry: Entry);
    /// Number of calls expected from here: for the order of work and for progress bars only.
    fn left(&self) -> u32;
    /// The facts that a person sees who answers an ask.
    fn sitting(&self, _ask: &Ask) -> Sitting {
        Sitting::default()
    }
    /// Number of calls whose reply is in the log.
    fn answered(&self) -> u32 {
        self.log().iter().filter(|e| e.call.is_some()).count() as u32
    }
}

/// The next step of a process.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// Append this entry; nobody is asked.
    Note(Entry),
    /// Ask a model, or several at once: at least one ask, at the seqs that follow the log.
    Ask(Vec<Ask>),
    /// Nothing: the process is at its end.
    Done(EndedBy),
    /// Nothing: a reply was refused for good. Holds the reason.
    Failed(String),
}

/// A question to a model.
#[derive(Debug, Clone, PartialEq)]
pub struct Ask {
    /// The log's length when the ask's round began: neither view nor answer reads further.
    pub base: u32,
    /// Place of its entry in the log.
    pub seq: u32,
    /// Growth of the prompt, to tell whether the server cut it.
    pub growth: Growth,
    /// Day, from 1.
    pub day: u32,
    /// Messages that the day had before.
    pub index: u32,
    /// Purpose, and number of the asking for the same thing.
    pub call: CallRef,
    /// The messages that the model sees, as a recipe.
    pub view: View,
    /// The speaker: an agent's name, `summarizer`, `selector`.
    pub speaker: String,
    /// Its role.
    pub role: String,
    /// Its model.
    pub model: ModelSpec,
    /// Candidates of a selection; else the other agents.
    pub others: Vec<String>,
}

/// The earlier prompt that a prompt begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Growth {
    /// No earlier one: the prompt is new as a whole.
    New,
    /// The prompt of the entry at this seq is a prefix of this one.
    From(u32),
    /// Unknown: only whether the prompt fits the context is judged.
    Unknown,
}

/// The way in which a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndedBy {
    /// Its messages were used up.
    Messages,
    /// The last day's last speech contains a stop phrase.
    StopPhrase,
    /// On the last day every agent was silent.
    Silence,
    /// Every ask was answered.
    Answered,
}

/// The facts that a person sees who answers an ask.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sitting {
    /// Days of the conversation.
    pub days: u32,
    /// Messages of the day.
    pub messages: u32,
    /// Name of the agent who is next in order.
    pub next: String,
}

/// The facts about a reply that a process reads.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own that a server tells or does not")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reply<'a> {
    /// The text as the model gave it.
    pub content: &'a str,
    /// Reasoning was given apart from the text.
    pub thinking: bool,
    /// The server reported a refusal.
    pub refused: bool,
    /// Cut at the length limit.
    pub length: bool,
    /// Filtered by the server.
    pub filtered: bool,
    /// The prompt's size.
    pub prompt: PromptSize,
    /// The context in tokens, where it is known.
    pub context: Option<u32>,
}
