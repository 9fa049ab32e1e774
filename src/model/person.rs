//! A person who types in a model's place. This file holds only what the person is shown and the possible answers;
//! others decide who the person is and where they sit.

use crate::process::{Message, Purpose};
use async_trait::async_trait;

/// What a person is shown: what the one whose part they take may see, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scene<'a> {
    /// The conversation's id.
    pub conversation: &'a str,
    /// Where the entry will stand.
    pub seq: u32,
    /// What is asked for.
    pub purpose: Purpose,
    /// Whether the same was asked before, and what came was not taken.
    pub again: bool,
    /// Whose part they take: an agent's name, `summarizer`, `selector`.
    pub name: &'a str,
    /// That one's role.
    pub role: &'a str,
    /// Day, from 1, and of how many.
    pub day: (u32, u32),
    /// Which message of the day, from 1, and of how many.
    pub message: (u32, u32),
    /// All that may be seen, turn by turn.
    pub messages: &'a [Message],
    /// How many of them were shown to the same one before, in this sitting.
    pub shown: usize,
    /// Who may be chosen, for a selection.
    pub candidates: &'a [String],
    /// Who speaks where nobody is chosen.
    pub next: &'a str,
}

/// What comes of asking a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// What they typed; for a selection a candidate's name, or nothing for the next in order.
    Typed(String),
    /// They left, and why.
    Left(String),
}

/// Somebody who types.
#[async_trait]
pub trait Person: Send + Sync {
    /// Shows a scene and waits for a text.
    async fn write(&self, scene: &Scene<'_>) -> Answer;

    /// Shows a scene and waits for a choice among its candidates.
    async fn choose(&self, scene: &Scene<'_>) -> Answer;

    /// What was typed last for this place is stored: nothing of it need be kept elsewhere.
    fn stored(&self, conversation: &str, seq: u32);
}
