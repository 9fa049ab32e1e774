//! Rows of a table: one for each entry, or one for each answer to a question.

use super::{Of, Pages, Written, entry, ids};
use crate::process::log::{Entry, Kind};
use crate::store::{ConversationRecord, Store, StoreError};
use serde_json::Value as Json;

/// Number of questions whose logs are in memory at a time.
const PAGE: usize = 200;

/// Rows of a table.
#[derive(Debug, Clone, Copy)]
pub enum Rows<'a> {
    /// One row for each entry of conversations.
    Entries(&'a Of),
    /// One row for each answer to questions, in the order of the questions.
    Answers(&'a [Questioned]),
}

/// A question and the key of its conversation.
#[derive(Debug, Clone)]
pub struct Questioned {
    /// Record of the question.
    pub record: ConversationRecord,
    /// Key of the conversation.
    pub subject: String,
}

/// Rows of one process. The levels of its condition are between `before` and `after`.
pub(super) struct Group {
    pub(super) record: ConversationRecord,
    /// Values of the columns before the condition, equal in each row.
    pub(super) before: Vec<Json>,
    /// Values of the columns after the condition, row by row.
    pub(super) after: Vec<Vec<Json>>,
}

const ENTRY_BEFORE: &[&str] = &["conversation", "experiment"];
const ENTRY_AFTER: &[&str] =
    &["replicate", "seq", "day", "index", "kind", "speaker", "role", "model", "content", "raw", "flags"];
const ANSWER_BEFORE: &[&str] = &["conversation", "experiment", "revision"];
const ANSWER_AFTER: &[&str] =
    &["replicate", "question", "again", "speaker", "role", "model", "content", "raw", "reply_flags"];

impl Rows<'_> {
    /// Names of the columns before and after those of the condition.
    pub(super) fn columns(self) -> (&'static [&'static str], &'static [&'static str]) {
        match self {
            Self::Entries(_) => (ENTRY_BEFORE, ENTRY_AFTER),
            Self::Answers(_) => (ANSWER_BEFORE, ANSWER_AFTER),
        }
    }

    /// Adds the size of a group to that of an export.
    pub(super) fn count(written: &mut Written, group: &Group) {
        written.conversations += 1;
        written.lines += group.after.len() as u64;
    }
}

/// Reads rows page by page.
pub(super) struct RowPages<'a> {
    store: &'a dyn Store,
    experiment: &'a str,
    source: Source<'a>,
}

enum Source<'a> {
    Entries(Box<Pages<'a>>),
    Answers(std::slice::Chunks<'a, Questioned>),
}

impl<'a> RowPages<'a> {
    pub(super) fn new(store: &'a dyn Store, experiment: &'a str, rows: Rows<'a>) -> Self {
        let source = match rows {
            Rows::Entries(of) => Source::Entries(Box::new(Pages::new(store, of))),
            Rows::Answers(questions) => Source::Answers(questions.chunks(PAGE)),
        };
        Self { store, experiment, source }
    }

    /// Returns the records of the next page; empty at the end.
    pub(super) async fn next_records(&mut self) -> Result<Vec<ConversationRecord>, StoreError> {
        match &mut self.source {
            Source::Entries(pages) => pages.next().await,
            Source::Answers(chunks) => Ok(chunks.next().into_iter().flatten().map(|q| q.record.clone()).collect()),
        }
    }

    /// Returns the rows of the next page; empty at the end.
    pub(super) async fn next(&mut self) -> Result<Vec<Group>, StoreError> {
        let experiment = self.experiment;
        match &mut self.source {
            Source::Entries(pages) => {
                let page = pages.next_logs().await?;
                Ok(page.into_iter().map(|(record, log)| entries(experiment, record, &log)).collect())
            }
            Source::Answers(chunks) => {
                let Some(page) = chunks.next() else { return Ok(Vec::new()) };
                let records: Vec<ConversationRecord> = page.iter().map(|q| q.record.clone()).collect();
                let logs = self.store.logs(&ids(&records)).await?;
                Ok(page.iter().zip(logs).map(|(question, log)| answers(experiment, question, &log)).collect())
            }
        }
    }
}

fn entries(experiment: &str, record: ConversationRecord, log: &[Entry]) -> Group {
    let row = |of: &Entry| std::iter::once(record.replicate.into()).chain(entry(of).into_iter().map(|(_, v)| v));
    let after = log.iter().map(|entry| row(entry).collect()).collect();
    Group { before: vec![record.key.as_str().into(), experiment.into()], after, record }
}

fn answers(experiment: &str, Questioned { record, subject }: &Questioned, log: &[Entry]) -> Group {
    let question = record.question.as_ref();
    let again = question.and_then(|question| question.again).unwrap_or(1);
    let row = |answer: &Entry| {
        let flags: Vec<&str> = answer.flags.iter().map(|flag| flag.word()).collect();
        vec![
            record.replicate.into(),
            question.map(|question| question.text.as_str()).into(),
            again.into(),
            answer.speaker.as_str().into(),
            answer.role.as_deref().into(),
            answer.model.as_deref().into(),
            answer.content.as_str().into(),
            answer.raw.as_deref().into(),
            flags.into(),
        ]
    };
    Group {
        before: vec![subject.as_str().into(), experiment.into(), record.revision.as_str().into()],
        after: log.iter().filter(|entry| entry.kind == Kind::Answer).map(row).collect(),
        record: record.clone(),
    }
}

/// Returns the answers to a question as JSON objects with the fields of a row, the question's id and its status.
pub fn answer_objects(experiment: &str, question: &Questioned, log: &[Entry]) -> Vec<Json> {
    let group = answers(experiment, question, log);
    let Questioned { record, .. } = question;
    let object = |row: &Vec<Json>| {
        let mut map = serde_json::Map::new();
        map.insert("id".to_owned(), record.id.as_str().into());
        map.insert("status".to_owned(), record.status.word().into());
        map.extend(object(&group, row, (ANSWER_BEFORE, ANSWER_AFTER)));
        Json::Object(map)
    };
    group.after.iter().map(object).collect()
}

/// Returns one row as a JSON object.
pub(super) fn object(
    group: &Group,
    row: &[Json],
    (before, after): (&[&str], &[&str]),
) -> serde_json::Map<String, Json> {
    let named = |names: &[&str], values: &[Json]| -> Vec<(String, Json)> {
        names.iter().map(|name| (*name).to_owned()).zip(values.iter().cloned()).collect()
    };
    let mut map = serde_json::Map::from_iter(named(before, &group.before));
    map.insert("condition".to_owned(), Json::Object(super::condition(&group.record.condition)));
    map.extend(named(after, row));
    map
}
