//! Export formats, one file each.
//!
//! Everything is a projection of the store: read one conversation at a time, written to whatever the caller gives.
//! No terminal, no arguments, no file names but those that a format is made of.

pub mod calls;
pub mod copy;
pub mod csv;
pub mod folder;
pub mod jsonl;
pub mod markdown;
pub mod records;

use crate::design::{Experiment, Named, Value};
use crate::process::log::Entry;
use crate::store::{ConversationRecord, Filter, Store, StoreError};
use serde_json::{Map, Value as Json};
use std::io;

/// Why an export could not be finished.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Where it is written to.
    #[error("cannot write: {0}")]
    Write(#[from] io::Error),
}

/// Conversations whose logs are held at a time.
const PAGE: u32 = 200;

/// Which conversations are exported.
#[derive(Debug, Clone)]
pub enum Of {
    /// A single one.
    One(Box<ConversationRecord>),
    /// All of an experiment, or of a revision of it.
    All(Filter),
}

/// How much was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Written {
    /// Conversations, those without an entry too.
    pub conversations: u64,
    /// Lines but for a header.
    pub lines: u64,
}

/// Conversations in the order of their keys, which is the same in every database, some at a time: however many there
/// are, they need the same memory.
pub struct Pages<'a> {
    store: &'a dyn Store,
    of: Of,
    after: Option<String>,
}

impl<'a> Pages<'a> {
    /// From the first on.
    pub fn new(store: &'a dyn Store, of: &Of) -> Self {
        Self { store, of: of.clone(), after: Some(String::new()) }
    }

    /// The next ones; none when there are no more.
    pub async fn next(&mut self) -> Result<Vec<ConversationRecord>, StoreError> {
        let Some(after) = self.after.take() else { return Ok(Vec::new()) };
        let filter = match &self.of {
            Of::One(one) => return Ok(vec![(**one).clone()]),
            Of::All(filter) => filter,
        };
        let page: Vec<_> = self.store.page(filter, &after, PAGE).await?.into_iter().map(|(c, _)| c).collect();
        self.after = page.last().map(|c| c.key.clone());
        Ok(page)
    }

    /// The next ones, each with its log.
    pub async fn next_logs(&mut self) -> Result<Vec<(ConversationRecord, Vec<Entry>)>, StoreError> {
        let page = self.next().await?;
        let logs = self.store.logs(&ids(&page)).await?;
        Ok(page.into_iter().zip(logs).collect())
    }
}

/// The ids of conversations.
pub fn ids(conversations: &[ConversationRecord]) -> Vec<String> {
    conversations.iter().map(|c| c.id.clone()).collect()
}

/// Where a conversation stands in the order of the design: those planned together by condition as written, then by
/// replicate.
pub fn place(experiment: &Experiment, conversation: &ConversationRecord) -> impl Ord + use<> {
    let places = places(experiment, &conversation.condition);
    (conversation.created, places, conversation.replicate, conversation.key.clone())
}

/// The place of each level among those written; what a flag added comes after them.
fn places(experiment: &Experiment, condition: &[Named<Value>]) -> Vec<(usize, String)> {
    let place = |level: &Named<Value>| {
        let factor = experiment.factors.iter().find(|f| f.name == level.name);
        let written = factor.and_then(|f| f.levels.iter().position(|l| *l == level.value));
        let declared = || experiment.models.iter().position(|m| level.value.is_written(m.name()));
        let place = if factor.is_none() && level.name == "model" { declared() } else { written };
        (place.unwrap_or(usize::MAX), level.value.to_string())
    };
    condition.iter().map(place).collect()
}

/// Every axis that any of them has, in the order of first appearance.
pub fn axes(conversations: &[ConversationRecord]) -> Vec<String> {
    let mut axes = Vec::new();
    for conversation in conversations {
        more_axes(&mut axes, conversation);
    }
    axes
}

/// Adds the axes of one more.
pub fn more_axes(axes: &mut Vec<String>, conversation: &ConversationRecord) {
    for level in &conversation.condition {
        if !axes.contains(&level.name) {
            axes.push(level.name.clone());
        }
    }
}

/// A condition as an object, in the order of the axes.
pub fn condition(levels: &[Named<Value>]) -> Map<String, Json> {
    levels.iter().map(|l| (l.name.clone(), serde_json::to_value(&l.value).unwrap_or_default())).collect()
}

/// What an export tells of an entry: nothing that changes from run to run.
pub fn entry(entry: &Entry) -> Map<String, Json> {
    let flags: Vec<&str> = entry.flags.iter().map(|f| f.word()).collect();
    let mut map = Map::new();
    map.insert("seq".to_owned(), entry.seq.into());
    map.insert("day".to_owned(), entry.day.into());
    map.insert("index".to_owned(), entry.index.into());
    map.insert("kind".to_owned(), entry.kind.word().into());
    map.insert("speaker".to_owned(), entry.speaker.as_str().into());
    map.insert("role".to_owned(), entry.role.as_deref().into());
    map.insert("model".to_owned(), entry.model.as_deref().into());
    map.insert("content".to_owned(), entry.content.as_str().into());
    map.insert("raw".to_owned(), entry.raw.as_deref().into());
    map.insert("flags".to_owned(), flags.into());
    map
}

/// A person's or a model's word as part of a file's name (contract S3): letters and digits of any script, `-` and
/// `_`; nothing that is a path, hidden, or too long.
pub fn file_word(text: &str) -> String {
    let safe = |c: char| if c.is_alphanumeric() || c == '-' { c } else { '_' };
    let mut word: String = text.chars().map(safe).collect();
    while word.len() > 80 {
        word.pop();
    }
    if word.is_empty() { "_".to_owned() } else { word }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_becomes_a_path() {
        assert_eq!(file_word("../../etc/passwd"), "______etc_passwd");
        assert_eq!(file_word("a\0b\u{202e}c\u{1b}"), "a_b_c_");
        assert_eq!(file_word("Élève-1"), "Élève-1");
        assert_eq!(file_word(""), "_");
        assert!(file_word(&"é".repeat(200)).len() <= 80);
    }
}
