//! Rows of a table: one for each entry, answer, conversation or call. A row holds its values by the name of the column.

use super::columns::{ANSWERS, CALLS, CONVERSATIONS, Column, ENTRIES};
use super::records::{iso, object};
use super::tally::{self, Tally};
use super::{Of, Pages, condition, entry, ids};
use crate::design::Flag;
use crate::process::asking::EndedBy;
use crate::process::log::{Entry, Kind};
use crate::process::turn::data;
use crate::process::world::find_perceivers;
use crate::store::{CallRecord, ConversationRecord, Millis, RunRecord, Status, Store, StoreError};
use serde_json::{Map, Value as Json, json};

/// Number of conversations or questions whose logs are in memory at a time.
const PAGE: usize = 200;
/// The same with their calls, which are larger than logs.
const PAGE_WITH_CALLS: usize = 50;

/// Rows of a table.
#[derive(Debug, Clone, Copy)]
pub enum Rows<'a> {
    /// One row for each entry of conversations.
    Entries(&'a Of),
    /// One row for each answer to questions, in the order of the questions.
    Answers(&'a [Questioned]),
    /// One row for each conversation.
    Conversations(&'a Of),
    /// One row for each call of conversations.
    Calls(&'a Of),
}

/// A question and the conversation that it is about.
#[derive(Debug, Clone)]
pub struct Questioned {
    /// Record of the question.
    pub record: ConversationRecord,
    /// Key of the conversation.
    pub subject: String,
}

/// Options of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TableOptions {
    /// Adds the id of each conversation to rows of entries and answers.
    pub ids: bool,
    /// Adds tokens and times to rows of entries, in `csv`.
    pub times: bool,
    /// Makes text of each cell of `csv` that a spreadsheet would run.
    pub for_spreadsheets: bool,
}

/// Derives how a finished conversation ended, where the database does not say it.
pub type DeriveEnd<'a> = dyn Fn(&ConversationRecord, &[Entry]) -> Option<EndedBy> + Send + Sync + 'a;

/// Everything that a table is written from.
pub struct TableSource<'a> {
    /// The database.
    pub store: &'a dyn Store,
    /// Name of the experiment.
    pub experiment: &'a str,
    /// The rows.
    pub rows: Rows<'a>,
    /// Runs of the experiment, oldest first.
    pub runs: &'a [RunRecord],
    /// Derives how conversations of convoke 0.1 ended.
    pub derive_end: &'a DeriveEnd<'a>,
    /// Fields of the researcher's own actions, each with its action; `None` if no agent answers with JSON.
    pub fields: Option<Vec<(String, String)>>,
    /// Options.
    pub options: TableOptions,
}

/// Rows of one process.
pub(super) struct Group {
    pub(super) record: ConversationRecord,
    pub(super) rows: Vec<Map<String, Json>>,
}

/// A conversation with its log and, if the rows need them, its calls.
pub(super) struct Read {
    pub(super) record: ConversationRecord,
    pub(super) log: Vec<Entry>,
    pub(super) calls: Vec<CallRecord>,
}

impl Rows<'_> {
    /// Columns of the rows, with those of every option.
    pub fn columns(self) -> &'static [Column] {
        match self {
            Self::Entries(_) => ENTRIES,
            Self::Answers(_) => ANSWERS,
            Self::Conversations(_) => CONVERSATIONS,
            Self::Calls(_) => CALLS,
        }
    }
}

/// Reads rows page by page.
pub(super) struct RowPages<'a> {
    source: &'a TableSource<'a>,
    pages: PageSource<'a>,
}

enum PageSource<'a> {
    Conversations(Box<Pages<'a>>),
    Answers(std::slice::Chunks<'a, Questioned>),
}

impl<'a> RowPages<'a> {
    pub(super) fn new(source: &'a TableSource<'a>) -> Self {
        let pages = match source.rows {
            Rows::Entries(of) | Rows::Conversations(of) | Rows::Calls(of) => {
                PageSource::Conversations(Box::new(Pages::new(source.store, of)))
            }
            Rows::Answers(questions) => PageSource::Answers(questions.chunks(PAGE)),
        };
        Self { source, pages }
    }

    /// Returns the records of the next page; empty at the end.
    pub(super) async fn next_records(&mut self) -> Result<Vec<ConversationRecord>, StoreError> {
        match &mut self.pages {
            PageSource::Conversations(pages) => pages.next().await,
            PageSource::Answers(chunks) => Ok(chunks.next().into_iter().flatten().map(|q| q.record.clone()).collect()),
        }
    }

    /// Returns the rows of the next page; empty at the end.
    pub(super) async fn next(&mut self) -> Result<Vec<Group>, StoreError> {
        let source = self.source;
        match &mut self.pages {
            PageSource::Conversations(pages) => {
                let mut groups = Vec::new();
                for some in pages.next().await?.chunks(source.page()) {
                    groups.extend(source.read(some).await?.into_iter().map(|read| source.group(read)));
                }
                Ok(groups)
            }
            PageSource::Answers(chunks) => {
                let Some(page) = chunks.next() else { return Ok(Vec::new()) };
                let records: Vec<ConversationRecord> = page.iter().map(|q| q.record.clone()).collect();
                let logs = source.store.logs(&ids(&records)).await?;
                let group = |question: &Questioned, log: &[Entry]| Group {
                    rows: answers(source.experiment, question, log),
                    record: question.record.clone(),
                };
                Ok(page.iter().zip(logs).map(|(question, log)| group(question, &log)).collect())
            }
        }
    }
}

impl<'a> TableSource<'a> {
    /// A table without options, runs or derived ends.
    pub fn new(store: &'a dyn Store, experiment: &'a str, rows: Rows<'a>) -> Self {
        Self {
            store,
            experiment,
            rows,
            runs: &[],
            derive_end: &|_, _| None,
            fields: None,
            options: TableOptions::default(),
        }
    }

    fn needs_calls(&self) -> bool {
        match self.rows {
            Rows::Entries(_) => self.options.times,
            Rows::Answers(_) => false,
            Rows::Conversations(_) | Rows::Calls(_) => true,
        }
    }

    pub(super) fn page(&self) -> usize {
        if self.needs_calls() { PAGE_WITH_CALLS } else { PAGE }
    }

    pub(super) async fn read(&self, records: &[ConversationRecord]) -> Result<Vec<Read>, StoreError> {
        let logs = self.store.logs(&ids(records)).await?;
        let mut calls = if self.needs_calls() {
            self.store.calls_of(&ids(records)).await?.into_iter()
        } else {
            Vec::new().into_iter()
        };
        let read = |(record, log): (&ConversationRecord, _)| Read {
            record: record.clone(),
            log,
            calls: calls.next().unwrap_or_default(),
        };
        Ok(records.iter().zip(logs).map(read).collect())
    }

    fn group(&self, read: Read) -> Group {
        let rows = match self.rows {
            Rows::Entries(_) => self.entries(&read),
            Rows::Answers(_) => Vec::new(),
            Rows::Conversations(_) => vec![self.conversation(&read)],
            Rows::Calls(_) => self.calls(&read),
        };
        Group { record: read.record, rows }
    }

    /// Values that each row of a conversation repeats.
    fn repeated(&self, record: &ConversationRecord) -> Map<String, Json> {
        repeated(self.experiment, &record.key, record)
    }

    pub(super) fn ended_by(&self, Read { record, log, .. }: &Read) -> Option<&'static str> {
        let derive = || (record.status == Status::Done).then(|| (self.derive_end)(record, log)).flatten();
        record.ended_by.or_else(derive).map(EndedBy::word)
    }

    fn entries(&self, read: &Read) -> Vec<Map<String, Json>> {
        let mut same = self.repeated(&read.record);
        same.insert("status".to_owned(), read.record.status.word().into());
        same.insert("ended_by".to_owned(), self.ended_by(read).into());
        let perceivers = find_perceivers(&read.log);
        let row = |(of, heard_by): (&Entry, Option<Vec<String>>)| {
            let mut row = same.clone();
            row.extend(entry(of));
            row.extend(heard_by.map(|names| ("heard_by".to_owned(), names.into())));
            row.extend(self.values_of(of));
            row.insert("person".to_owned(), find_person(&read.record, of));
            row.insert("words".to_owned(), tally::count_words(&of.content).into());
            let call = read.calls.iter().find(|call| call.seq == of.seq && Some(call.call) == of.call);
            row.extend(call.map(measures).unwrap_or_default());
            row
        };
        read.log.iter().zip(perceivers).map(row).collect()
    }

    /// Values of the fields of an action that was done.
    fn values_of(&self, of: &Entry) -> Map<String, Json> {
        let fields = self.fields.iter().flatten().filter(|_| of.kind == Kind::Action);
        let value = |(action, field): &(String, String)| data::done(of, action)?.get(field).cloned();
        fields.filter_map(|place| Some((join(place), value(place)?))).collect()
    }

    fn conversation(&self, read: &Read) -> Map<String, Json> {
        let Read { record, log, calls } = read;
        let all = Tally::new(log.iter(), calls.iter());
        let requests: u64 = calls.iter().map(tally::count_requests).sum();
        let models: Vec<&str> = record.models.iter().map(|m| m.name.as_str()).collect();
        let answered = calls.iter().filter_map(tally::answered_time).reduce(|sum, took| sum + took);
        let mut row = self.repeated(record);
        row.extend(object(json!({
            "creator": record.creator,
            "status": record.status.word(),
            "reason": record.reason,
            "ended_by": self.ended_by(read),
            "seed": record.seed,
            "offline": record.offline,
            "begun": first_request(calls).map(iso),
            "ended": last_request(record, calls).map(iso),
            "turns": all.turns,
            "words": all.words,
            "prompt_tokens": all.prompt_tokens.value(),
            "completion_tokens": all.completion_tokens.value(),
            "seconds": answered.map(seconds),
            "waited": seconds(calls.iter().map(tally::waited_time).sum()),
            "calls": calls.len(),
            "retries": requests.saturating_sub(calls.len() as u64),
            "possible_spend": tally::possible_spend(calls),
            "rejected": log.iter().filter(|e| e.kind == Kind::Rejected).count(),
            "models": models,
            "messages": record.messages,
            "days": record.days,
            "speakers": record.speakers,
            "programs": self.programs(calls),
            "starred": record.starred,
            "note": record.note,
        })));
        row.extend(Flag::ALL.iter().zip(&all.flags).map(|(flag, n)| (format!("flag_{flag}"), Json::from(*n))));
        for role in &record.agents {
            let of = Tally::of_role(record, log, calls, &role.name);
            row.insert(format!("turns_{}", role.name), of.turns.into());
            row.insert(format!("words_{}", role.name), of.words.into());
            row.insert(format!("prompt_tokens_{}", role.name), of.prompt_tokens.value().into());
            row.insert(format!("completion_tokens_{}", role.name), of.completion_tokens.value().into());
        }
        row
    }

    /// Versions of the newest runs that had begun when the requests left.
    fn programs(&self, calls: &[CallRecord]) -> Vec<&str> {
        let mut versions = Vec::new();
        for at in calls.iter().flat_map(|call| call.attempts.iter().map(|a| a.at).chain([call.sent])) {
            let run = self.runs.iter().rev().find(|run| run.started <= at);
            versions.extend(run.map(|run| run.version.as_str()).filter(|version| !versions.contains(version)));
        }
        versions
    }

    fn calls(&self, read: &Read) -> Vec<Map<String, Json>> {
        let row = |call: &CallRecord| {
            let (speaker, role) = tally::find_speaker(&read.record, &read.log, call);
            let reply = call.reply.as_ref();
            let mut row = self.repeated(&read.record);
            row.extend(measures(call));
            row.extend(object(json!({
                "seq": call.seq,
                "purpose": call.call.purpose.word(),
                "rung": tally::rung(call),
                "ask": call.call.ask,
                "speaker": speaker,
                "role": role,
                "server": call.server,
                "model": call.model,
                "served": reply.and_then(|reply| reply.served.model.as_ref()),
                "state": call.state.word(),
                "finish_reason": reply.and_then(|reply| reply.finish_reason.as_ref()),
                "cached_tokens": reply.and_then(|reply| reply.usage.cached),
                "waited": seconds(tally::waited_time(call)),
                "possible_spend": tally::possible_spend(std::slice::from_ref(call)),
                "sent": iso(tally::first_sent(call)),
            })));
            row
        };
        read.calls.iter().map(row).collect()
    }
}

fn repeated(experiment: &str, key: &str, record: &ConversationRecord) -> Map<String, Json> {
    object(json!({
        "conversation": key,
        "id": record.subject.as_ref().unwrap_or(&record.id),
        "experiment": experiment,
        "revision": record.revision,
        "condition": condition(&record.condition),
        "replicate": record.replicate,
    }))
}

/// Names the column of a field of an action.
pub(super) fn join((action, field): &(String, String)) -> String {
    format!("{action}.{field}")
}

/// Tokens, times and attempts of a call.
fn measures(call: &CallRecord) -> Map<String, Json> {
    let usage = call.reply.as_ref().map(|reply| reply.usage);
    object(json!({
        "prompt_tokens": usage.and_then(|usage| usage.prompt),
        "completion_tokens": usage.and_then(|usage| usage.completion),
        "seconds": tally::answered_time(call).map(seconds),
        "attempts": tally::count_requests(call),
    }))
}

/// Returns the hash of the person who speaks; null for nobody in particular.
fn find_person(record: &ConversationRecord, entry: &Entry) -> Json {
    let speaker = record.participants.iter().find(|p| p.name == entry.speaker && entry.role.is_some());
    speaker.and_then(|p| p.person.as_deref()).into()
}

fn seconds(milliseconds: u64) -> f64 {
    milliseconds as f64 / 1000.0
}

fn first_request(calls: &[CallRecord]) -> Option<Millis> {
    calls.iter().map(tally::first_sent).min()
}

/// End of the last request of a conversation that is at its end.
fn last_request(record: &ConversationRecord, calls: &[CallRecord]) -> Option<Millis> {
    let end = |call: &CallRecord| {
        let attempts = call.attempts.iter().map(|a| a.at.saturating_add_unsigned(a.took));
        attempts.chain(call.answered).chain([call.sent]).max()
    };
    match record.status {
        Status::Done | Status::Failed => calls.iter().filter_map(end).max(),
        Status::Pending | Status::Running | Status::Interrupted | Status::Incomplete => None,
    }
}

fn answers(experiment: &str, Questioned { record, subject }: &Questioned, log: &[Entry]) -> Vec<Map<String, Json>> {
    let question = record.question.as_ref();
    let same = repeated(experiment, subject, record);
    let row = |answer: &Entry| {
        let mut row = same.clone();
        row.extend(entry(answer));
        row.insert("person".to_owned(), find_person(record, answer));
        row.insert("question".to_owned(), question.map(|question| question.text.as_str()).into());
        row.insert("again".to_owned(), question.and_then(|question| question.again).unwrap_or(1).into());
        row
    };
    log.iter().filter(|entry| entry.kind == Kind::Answer).map(row).collect()
}

/// Returns the answers to a question as JSON objects with the columns of a row, the question's id and its status.
pub fn answer_objects(experiment: &str, question: &Questioned, log: &[Entry]) -> Vec<Json> {
    let object = |mut row: Map<String, Json>| {
        let mut map = Map::new();
        map.insert("id".to_owned(), question.record.id.as_str().into());
        map.insert("status".to_owned(), question.record.status.word().into());
        let columns = ANSWERS.iter().filter(|column| column.name != "id");
        map.extend(columns.map(|column| (column.name.to_owned(), row.remove(column.name).unwrap_or_default())));
        Json::Object(map)
    };
    answers(experiment, question, log).into_iter().map(object).collect()
}
