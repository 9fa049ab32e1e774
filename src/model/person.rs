//! A person who types in a model's place. This file holds only the scene shown to the person and the possible answers;
//! other modules decide which participant the person plays.

use crate::process::{Message, Purpose};
use async_trait::async_trait;

/// The scene shown to a person: exactly what the participant they play may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scene<'a> {
    /// The conversation's id.
    pub conversation: &'a str,
    /// Place of the entry in the log.
    pub seq: u32,
    /// Purpose of the turn.
    pub purpose: Purpose,
    /// True if an earlier answer for the same entry was rejected.
    pub again: bool,
    /// The participant they play: an agent's name, `summarizer` or `selector`.
    pub name: &'a str,
    /// The role of that participant.
    pub role: &'a str,
    /// Day, from 1, and number of days.
    pub day: (u32, u32),
    /// Number of the message in the day, from 1, and messages per day.
    pub message: (u32, u32),
    /// All visible messages, turn by turn.
    pub messages: &'a [Message],
    /// Number of messages that this participant was already shown since the program started.
    pub shown: usize,
    /// Candidates of a selection.
    pub candidates: &'a [String],
    /// Name of the next speaker in order, used if nobody is chosen.
    pub next: &'a str,
}

/// A person's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The typed text; for a selection a candidate's name, or empty for the next in order.
    Typed(String),
    /// The person left, with the reason.
    Left(String),
}

/// A person who types.
#[async_trait]
pub trait Person: Send + Sync {
    /// Shows a scene and waits for a text.
    async fn write(&self, scene: &Scene<'_>) -> Answer;

    /// Shows a scene and waits for a choice among its candidates.
    async fn choose(&self, scene: &Scene<'_>) -> Answer;

    /// Reports that the last typed text for this place is stored, so that its draft can be removed.
    fn stored(&self, conversation: &str, seq: u32);
}
