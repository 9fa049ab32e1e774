//! Replies: cleaning and health (format.md §5).
//!
//! A model's raw text goes in; what others read and what was noticed come out. Everything here is a pure function
//! of the text and the [`Scene`]: no input or output, no clock, no word list of any one experiment. The raw text is
//! hostile: every function is total over any string and takes time near linear in its length.
//!
//! Where the specification is silent:
//! - One's own label on a later line stays: it is neither the front nor another's turn. So does one's own role's
//!   label where several agents share the role, since it may be one's own.
//! - A template header that opens the `user`'s turn behind some text begins another's turn: a speech is cut there.
//! - Any closing reasoning tag closes any opening one, and an opening tag within reasoning is reasoning.

mod clean;
mod health;
mod identity;
mod label;
mod refusal;
mod sides;
#[cfg(test)]
mod tests;
mod words;

use super::Flag;
use std::collections::BTreeSet;

/// Who is in the room as a reply is read.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    /// The speaker's name (`Prison_guard_117`).
    pub own_name: &'a str,
    /// The speaker's role (`prison guard`).
    pub own_role: &'a str,
    /// Name and role of every other agent, those of one's own role included.
    pub others: &'a [(&'a str, &'a str)],
    /// The speaker's system prompt as sent.
    pub prompt: &'a str,
    /// Today's speeches so far, in order.
    pub earlier: &'a [Said<'a>],
}

/// A speech that was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Said<'a> {
    /// An agent's name.
    pub speaker: &'a str,
    /// What others read.
    pub content: &'a str,
}

/// A reply as others read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cleaned {
    /// The text; may be empty.
    pub text: String,
    /// What was taken out, sorted, each once.
    pub flags: Vec<Flag>,
}

/// Cleans a speech: reasoning, template tokens, one's own label, what follows where another's turn begins.
///
/// A reply that begins with another's label stays whole; [`health`] flags it. Cleaning twice is cleaning once.
pub fn clean_speech(raw: &str, scene: &Scene<'_>) -> Cleaned {
    let mut flags = BTreeSet::new();
    let bare = clean::without_tags(raw, clean::Turns::Cut, &mut flags);
    let text = clean::own_turn(&bare, &label::Labels::of(scene), &mut flags).to_owned();
    Cleaned { text, flags: flags.into_iter().collect() }
}

/// Cleans a summary or a selection: reasoning, template tokens, white space at the edges.
pub fn clean_plain(raw: &str) -> Cleaned {
    let mut flags = BTreeSet::new();
    let bare = clean::without_tags(raw, clean::Turns::Keep, &mut flags);
    let text = clean::without_stray_system(&bare, &mut flags).to_owned();
    Cleaned { text, flags: flags.into_iter().collect() }
}

/// What is to be noticed about a cleaned speech, sorted: `identity-swap`, `both-sides`, `prompt-recited`,
/// `repetition`, `empty`, `refusal`. The rules prefer precision: what they miss is for a judge to find.
pub fn health(text: &str, scene: &Scene<'_>) -> Vec<Flag> {
    health::flags(text, scene)
}
