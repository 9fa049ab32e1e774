//! Reading the conversations of an export, page by page; and the result of an export.

use crate::process::log::Entry;
use crate::store::{ConversationRecord, Filter, Store, StoreError};
use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

/// An error that ended an export.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file or stream could not be written.
    #[error("cannot write: {0}")]
    Write(#[from] io::Error),
}

/// Number of conversations whose logs are in memory at a time.
const PAGE: u32 = 200;

/// A selection of conversations to export.
#[derive(Debug, Clone)]
pub enum Of {
    /// One conversation.
    One(Box<ConversationRecord>),
    /// All conversations of an experiment, or of one of its revisions.
    All(Filter),
    /// Conversations of the filter that have one of these ids.
    Some(Filter, Arc<BTreeSet<String>>),
}

/// Size of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Written {
    /// Number of conversations, including those without an entry.
    pub conversations: u64,
    /// Number of lines without the header.
    pub lines: u64,
}

impl Written {
    /// Adds a conversation with its lines.
    pub fn add(&mut self, lines: usize) {
        self.conversations += 1;
        self.lines += lines as u64;
    }
}

/// Reads conversations in pages, in the order of their keys, which is the same in every database. Memory use is
/// independent of their number.
pub struct Pages<'a> {
    store: &'a dyn Store,
    of: Of,
    after: Option<String>,
}

impl<'a> Pages<'a> {
    /// Begins with the first conversation.
    pub fn new(store: &'a dyn Store, of: &Of) -> Self {
        Self { store, of: of.clone(), after: Some(String::new()) }
    }

    /// Returns the next page; empty at the end.
    pub async fn next(&mut self) -> Result<Vec<ConversationRecord>, StoreError> {
        let Some(mut after) = self.after.take() else { return Ok(Vec::new()) };
        let (filter, ids) = match &self.of {
            Of::One(one) => return Ok(vec![(**one).clone()]),
            Of::All(filter) => (filter, None),
            Of::Some(filter, ids) => (filter, Some(ids)),
        };
        loop {
            let page = self.store.page(filter, &after, PAGE).await?;
            let Some((last, _)) = page.last() else { return Ok(Vec::new()) };
            after.clone_from(&last.key);
            let mut page: Vec<_> = page.into_iter().map(|(c, _)| c).collect();
            page.retain(|c| ids.is_none_or(|ids| ids.contains(&c.id)));
            if !page.is_empty() {
                self.after = Some(after);
                return Ok(page);
            }
        }
    }

    /// Returns the next page, each conversation with its log.
    pub async fn next_logs(&mut self) -> Result<Vec<(ConversationRecord, Vec<Entry>)>, StoreError> {
        let page = self.next().await?;
        let logs = self.store.logs(&ids(&page)).await?;
        Ok(page.into_iter().zip(logs).collect())
    }
}

/// Returns the ids of conversations.
pub fn ids(conversations: &[ConversationRecord]) -> Vec<String> {
    conversations.iter().map(|c| c.id.clone()).collect()
}
