//! Conversion between records and documents. Instants are dates. Seeds are decimal text, since BSON has no unsigned 64
//! bits. A request's parameters are JSON text, since a request is built again byte for byte.

use super::fail::Fail;
use crate::design::{Experiment, RunDefaults};
use crate::process::log::Entry;
use crate::process::{CallRef, Purpose};
use crate::store::turn::{self, Kept, Written};
use crate::store::{
    CallRecord, CallState, ConversationRecord, ExperimentRecord, Lease, Millis, ProcessKind, RunRecord, Status,
};
use ::mongodb::bson::{Bson, DateTime, Document, deserialize_from_bson, doc, serialize_to_bson, serialize_to_document};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Returns an instant as stored.
pub(super) fn date(millis: Millis) -> Bson {
    Bson::DateTime(DateTime::from_millis(millis))
}

pub(super) fn bson(value: &impl Serialize) -> Result<Bson, Fail> {
    Ok(serialize_to_bson(value)?)
}

pub(super) fn plain<T: DeserializeOwned>(value: impl Into<Bson>) -> Result<T, Fail> {
    Ok(deserialize_from_bson(value.into())?)
}

/// Reads a field.
pub(super) fn field<T: DeserializeOwned>(document: &Document, name: &str) -> Result<T, Fail> {
    let value = document.get(name).cloned().unwrap_or(Bson::Null);
    deserialize_from_bson(value).map_err(|e| Fail::Damaged(format!("the field `{name}`: {e}")))
}

pub(super) fn id(document: &Document) -> Result<String, Fail> {
    field(document, "_id")
}

/// Returns the kind of process that a conversation's document is of.
pub(super) fn kind(document: &Document) -> Result<ProcessKind, Fail> {
    Ok(field::<Option<ProcessKind>>(document, "kind")?.unwrap_or_default())
}

/// Returns the condition on `kind` that selects one kind. Conversations have no such field.
pub(super) fn of_kind(kind: ProcessKind) -> Bson {
    if kind.is_conversation() { doc! { "$exists": false }.into() } else { kind.word().into() }
}

/// The field that marks a document that is being deleted.
pub(super) const GOING: &str = "deleting";

/// Returns true if a document is being deleted.
pub(super) fn is_going(document: &Document) -> bool {
    document.get_bool(GOING).is_ok_and(|going| going)
}

/// Returns the status of a conversation's document.
pub(super) fn status(conversation: &Document) -> Result<Status, Fail> {
    let word: String = field(conversation, "status")?;
    Status::of(&word).ok_or_else(|| Fail::Damaged(format!("the status {word:?}")))
}

/// Returns a document with the field `id` as its `_id`.
fn named(value: &impl Serialize) -> Result<Document, Fail> {
    let mut document = serialize_to_document(value)?;
    let id = document.remove("id").unwrap_or(Bson::Null);
    let mut named = doc! { "_id": id };
    named.extend(document);
    Ok(named)
}

fn unnamed<T: DeserializeOwned>(mut document: Document) -> Result<T, Fail> {
    let id = document.remove("_id").unwrap_or(Bson::Null);
    document.insert("id", id);
    plain(document)
}

fn to_date(document: &mut Document, name: &str) {
    if let Some(Bson::Int64(millis)) = document.get(name) {
        let date = date(*millis);
        document.insert(name, date);
    }
}

fn from_date(document: &mut Document, name: &str) {
    if let Some(Bson::DateTime(date)) = document.get(name) {
        let millis = date.timestamp_millis();
        document.insert(name, millis);
    }
}

/// Reads a seed from its text, or from a number that an importer wrote.
fn seed_from(document: &mut Document) -> Result<u64, Fail> {
    match document.insert("seed", 0_i64) {
        Some(Bson::String(text)) => text.parse().map_err(|_| Fail::Damaged(format!("the seed {text:?}"))),
        other => Err(Fail::Damaged(format!("the seed {other:?}"))),
    }
}

pub(super) fn run_defaults(run: &RunDefaults) -> Result<Bson, Fail> {
    let mut document = serialize_to_document(&RunDefaults { seed: 0, ..*run })?;
    document.insert("seed", run.seed.to_string());
    Ok(document.into())
}

fn run_from(document: &mut Document) -> Result<RunDefaults, Fail> {
    let mut run = match document.remove("run") {
        Some(Bson::Document(run)) => run,
        other => return Err(Fail::Damaged(format!("`run` is {other:?}"))),
    };
    let seed = seed_from(&mut run)?;
    Ok(RunDefaults { seed, ..plain::<RunDefaults>(run)? })
}

pub(super) fn experiment_document(record: &ExperimentRecord) -> Result<Document, Fail> {
    let mut document = named(&ExperimentRecord { run: RunDefaults::default(), ..record.clone() })?;
    to_date(&mut document, "created");
    document.insert("run", run_defaults(&record.run)?);
    Ok(document)
}

pub(super) fn experiment_record(mut document: Document) -> Result<ExperimentRecord, Fail> {
    from_date(&mut document, "created");
    let run = run_from(&mut document)?;
    document.insert("run", bson(&RunDefaults::default())?);
    Ok(ExperimentRecord { run, ..unnamed(document)? })
}

pub(super) fn revision_document(hash: &str, experiment: &Experiment) -> Result<Document, Fail> {
    let plain = Experiment { run: RunDefaults::default(), ..experiment.clone() };
    let mut document = serialize_to_document(&plain)?;
    document.insert("run", run_defaults(&experiment.run)?);
    Ok(doc! { "_id": hash, "document": document })
}

pub(super) fn revision_experiment(stored: &Document) -> Result<Experiment, Fail> {
    let mut document: Document = field(stored, "document")?;
    let run = run_from(&mut document)?;
    Ok(Experiment { run, ..plain(document)? })
}

pub(super) fn run_document(record: &RunRecord) -> Result<Document, Fail> {
    let mut document = named(record)?;
    to_date(&mut document, "started");
    Ok(document)
}

pub(super) fn run_record(mut document: Document) -> Result<RunRecord, Fail> {
    from_date(&mut document, "started");
    unnamed(document)
}

/// Returns a new conversation as stored, with an empty log.
pub(super) fn conversation_document(record: &ConversationRecord) -> Result<Document, Fail> {
    let mut document = named(&ConversationRecord { seed: 0, lease: None, ..record.clone() })?;
    to_date(&mut document, "created");
    document.insert("seed", record.seed.to_string());
    document.insert("epoch", 0_i64);
    document.extend(doc! { "entries": 0, "answered": 0, "possible_spend": 0_i64, "flags": [] });
    Ok(document)
}

pub(super) fn conversation_record(mut document: Document) -> Result<ConversationRecord, Fail> {
    from_date(&mut document, "created");
    if let Some(Bson::Document(lease)) = document.get_mut("lease") {
        from_date(lease, "until");
    }
    let seed = seed_from(&mut document)?;
    Ok(ConversationRecord { seed, ..unnamed(document)? })
}

pub(super) fn lease_document(lease: &Lease) -> Result<Document, Fail> {
    let mut document = serialize_to_document(lease)?;
    to_date(&mut document, "until");
    Ok(document)
}

pub(super) fn lease_of(conversation: &Document) -> Result<Option<Lease>, Fail> {
    let Some(Bson::Document(lease)) = conversation.get("lease") else { return Ok(None) };
    let mut lease = lease.clone();
    from_date(&mut lease, "until");
    plain(lease).map(Some)
}

/// Returns an entry as a document of `messages`, with the epoch in which it was written.
pub(super) fn message(conversation: &str, epoch: u64, entry: &Entry) -> Result<Document, Fail> {
    let mut document = doc! { "_id": format!("{conversation}/{:06}", entry.seq), "conversation": conversation };
    document.extend(serialize_to_document(entry)?);
    document.insert("epoch", epoch.cast_signed());
    Ok(document)
}

/// Key of a call: place of its entry, purpose, and number of the asking.
pub(super) type CallName = (u32, Purpose, u32);

pub(super) fn call_name(document: &Document) -> Result<CallName, Fail> {
    Ok((field(document, "seq")?, field(document, "purpose")?, field(document, "ask")?))
}

/// Returns the `_id` of a call's document: one for each epoch in which the call was sent.
pub(super) fn call_id(conversation: &str, epoch: u64, call: &CallRecord) -> String {
    format!("{conversation}/{:06}/{}/{}/{epoch}", call.seq, call.call.purpose.word(), call.call.ask)
}

/// Returns a call as stored, with its texts by hash, and these texts.
pub(super) fn call_document(
    conversation: &str,
    epoch: u64,
    call: &CallRecord,
    written: &Written,
) -> Result<(Document, Vec<(String, String)>), Fail> {
    let (view, texts) = turn::by_reference(&call.view);
    let document = doc! {
        "_id": call_id(conversation, epoch, call),
        "conversation": conversation,
        "seq": call.seq,
        "purpose": call.call.purpose.word(),
        "ask": call.call.ask,
        "state": written.state.word(),
        "epoch": epoch.cast_signed(),
        "server": &call.server,
        "model": &call.model,
        "parameters": serde_json::to_string(&call.parameters)?,
        "view": bson(&view)?,
        "body_sha256": &call.body_sha256,
        "attempts": bson(&written.attempts)?,
        "earlier": written.earlier as u32,
        "spend": written.spend,
        "sent": date(call.sent),
        "answered": call.answered.map_or(Bson::Null, date),
        "reply": bson(&call.reply)?,
    };
    Ok((document, texts))
}

fn state(document: &Document) -> Result<CallState, Fail> {
    let word: String = field(document, "state")?;
    CallState::of(&word).ok_or_else(|| Fail::Damaged(format!("the state {word:?} of a call")))
}

/// Returns a call, with its texts still by hash.
pub(super) fn call_record(document: &Document) -> Result<CallRecord, Fail> {
    let instant = |name: &str| field::<Option<DateTime>>(document, name).map(|d| d.map(DateTime::timestamp_millis));
    Ok(CallRecord {
        seq: field(document, "seq")?,
        call: CallRef { purpose: field(document, "purpose")?, ask: field(document, "ask")? },
        state: state(document)?,
        server: field(document, "server")?,
        model: field(document, "model")?,
        parameters: serde_json::from_str(&field::<String>(document, "parameters")?)?,
        view: field(document, "view")?,
        body_sha256: field(document, "body_sha256")?,
        attempts: field(document, "attempts")?,
        sent: instant("sent")?.unwrap_or_default(),
        answered: instant("answered")?,
        reply: field(document, "reply")?,
    })
}

/// Returns the state of a call that its next write needs.
pub(super) fn kept(document: &Document) -> Result<Kept, Fail> {
    Ok(Kept {
        state: state(document)?,
        epoch: field(document, "epoch")?,
        sent: field::<DateTime>(document, "sent")?.timestamp_millis(),
        attempts: field(document, "attempts")?,
        earlier: field(document, "earlier")?,
        spend: field(document, "spend")?,
    })
}
