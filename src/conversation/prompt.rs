//! What one participant sees.

use serde::{Deserialize, Serialize};

/// One message of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Whose it is, as chat servers see it.
    #[serde(rename = "role")]
    pub author: Author,
    /// Its text.
    pub content: String,
}

/// Whose a message is, as chat servers see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Author {
    /// Instructions.
    System,
    /// All that others say.
    User,
    /// One's own turns.
    Assistant,
}

/// What a call shows its reader, as a recipe over the log: entries by `seq`, texts as they are.
///
/// A recipe has a constant size however long the conversation is; [`View::messages`] builds the messages again
/// from it and the log, so that what was sent can be kept by reference (contract R9).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// The system prompt; empty = none is sent.
    pub system: String,
    /// First entry to be read (the day's opening).
    pub from: u32,
    /// The entry before which reading ends.
    pub to: u32,
    /// The agent who reads; none = somebody who reads the turns as one labelled text.
    pub reader: Option<String>,
    /// Whether others' turns are headed by their speaker's name.
    pub labels: bool,
    /// Whether consecutive user messages are joined by a blank line.
    pub merge: bool,
    /// What stands after the turns, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ending: Vec<Ending>,
}

/// Something after the turns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// The program's own words, as user.
    Text(String),
    /// The reader's own rejected reply, by `seq`, as assistant.
    Rejected(u32),
}
