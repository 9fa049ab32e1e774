//! Conversion between records and documents. Instants are dates. Seeds are decimal text, since BSON has no unsigned
//! 64-bit number. A request's parameters are JSON text, since they must be rebuilt byte for byte.

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
pub(super) fn to_date(millis: Millis) -> Bson {
    Bson::DateTime(DateTime::from_millis(millis))
}

pub(super) fn to_bson(value: &impl Serialize) -> Result<Bson, Fail> {
    Ok(serialize_to_bson(value)?)
}

pub(super) fn from_bson<T: DeserializeOwned>(value: impl Into<Bson>) -> Result<T, Fail> {
    Ok(deserialize_from_bson(value.into())?)
}

/// Reads a field.
pub(super) fn read_field<T: DeserializeOwned>(document: &Document, name: &str) -> Result<T, Fail> {
    let value = document.get(name).cloned().unwrap_or(Bson::Null);
    deserialize_from_bson(value).map_err(|e| Fail::Damaged(format!("the field `{name}`: {e}")))
}

pub(super) fn document_id(document: &Document) -> Result<String, Fail> {
    read_field(document, "_id")
}

/// Returns the kind of process that a document describes.
pub(super) fn document_kind(document: &Document) -> Result<ProcessKind, Fail> {
    Ok(read_field::<Option<ProcessKind>>(document, "kind")?.unwrap_or_default())
}

/// Returns the value of `kind` in a filter that selects one kind. Documents of conversations have no field `kind`.
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
pub(super) fn document_status(conversation: &Document) -> Result<Status, Fail> {
    let word: String = read_field(conversation, "status")?;
    Status::of(&word).ok_or_else(|| Fail::Damaged(format!("the status {word:?}")))
}

/// Returns a document with the field `id` as its `_id`.
fn to_document(value: &impl Serialize) -> Result<Document, Fail> {
    let mut document = serialize_to_document(value)?;
    let id = document.remove("id").unwrap_or(Bson::Null);
    let mut named = doc! { "_id": id };
    named.extend(document);
    Ok(named)
}

fn from_document<T: DeserializeOwned>(mut document: Document) -> Result<T, Fail> {
    let id = document.remove("_id").unwrap_or(Bson::Null);
    document.insert("id", id);
    from_bson(document)
}

fn field_to_date(document: &mut Document, name: &str) {
    if let Some(Bson::Int64(millis)) = document.get(name) {
        let date = to_date(*millis);
        document.insert(name, date);
    }
}

fn field_from_date(document: &mut Document, name: &str) {
    if let Some(Bson::DateTime(date)) = document.get(name) {
        let millis = date.timestamp_millis();
        document.insert(name, millis);
    }
}

/// Reads a seed from text, or from a number that an importer wrote.
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
    Ok(RunDefaults { seed, ..from_bson::<RunDefaults>(run)? })
}

pub(super) fn experiment_document(record: &ExperimentRecord) -> Result<Document, Fail> {
    let mut document = to_document(&ExperimentRecord { run: RunDefaults::default(), ..record.clone() })?;
    field_to_date(&mut document, "created");
    document.insert("run", run_defaults(&record.run)?);
    Ok(document)
}

pub(super) fn experiment_record(mut document: Document) -> Result<ExperimentRecord, Fail> {
    field_from_date(&mut document, "created");
    let run = run_from(&mut document)?;
    document.insert("run", to_bson(&RunDefaults::default())?);
    Ok(ExperimentRecord { run, ..from_document(document)? })
}

pub(super) fn revision_document(hash: &str, experiment: &Experiment) -> Result<Document, Fail> {
    let plain = Experiment { run: RunDefaults::default(), ..experiment.without_texts() };
    let mut document = serialize_to_document(&plain)?;
    document.insert("run", run_defaults(&experiment.run)?);
    Ok(doc! { "_id": hash, "document": document })
}

pub(super) fn revision_experiment(stored: &Document) -> Result<Experiment, Fail> {
    let mut document: Document = read_field(stored, "document")?;
    let run = run_from(&mut document)?;
    Ok(Experiment { run, ..from_bson(document)? })
}

pub(super) fn run_document(record: &RunRecord) -> Result<Document, Fail> {
    let mut document = to_document(record)?;
    field_to_date(&mut document, "started");
    Ok(document)
}

pub(super) fn run_record(mut document: Document) -> Result<RunRecord, Fail> {
    field_from_date(&mut document, "started");
    from_document(document)
}

/// Returns a new conversation as stored, with an empty log.
pub(super) fn conversation_document(record: &ConversationRecord) -> Result<Document, Fail> {
    let mut document = to_document(&ConversationRecord { seed: 0, lease: None, ..record.clone() })?;
    field_to_date(&mut document, "created");
    document.insert("seed", record.seed.to_string());
    document.insert("epoch", 0_i64);
    document.extend(doc! { "entries": 0, "answered": 0, "possible_spend": 0_i64, "flags": [] });
    Ok(document)
}

pub(super) fn conversation_record(mut document: Document) -> Result<ConversationRecord, Fail> {
    field_from_date(&mut document, "created");
    if let Some(Bson::Document(lease)) = document.get_mut("lease") {
        field_from_date(lease, "until");
    }
    let seed = seed_from(&mut document)?;
    Ok(ConversationRecord { seed, ..from_document(document)? })
}

pub(super) fn lease_document(lease: &Lease) -> Result<Document, Fail> {
    let mut document = serialize_to_document(lease)?;
    field_to_date(&mut document, "until");
    Ok(document)
}

pub(super) fn lease_of(conversation: &Document) -> Result<Option<Lease>, Fail> {
    let Some(Bson::Document(lease)) = conversation.get("lease") else { return Ok(None) };
    let mut lease = lease.clone();
    field_from_date(&mut lease, "until");
    from_bson(lease).map(Some)
}

/// Returns an entry as a document of `messages`, with the epoch in which it was written.
pub(super) fn entry_document(conversation: &str, epoch: u64, entry: &Entry) -> Result<Document, Fail> {
    let mut document = doc! { "_id": format!("{conversation}/{:06}", entry.seq), "conversation": conversation };
    document.extend(serialize_to_document(entry)?);
    document.insert("epoch", epoch.cast_signed());
    Ok(document)
}

/// Key of a call: place of its entry, purpose, and number of earlier replies that were rejected.
pub(super) type CallName = (u32, Purpose, u32);

pub(super) fn call_name(document: &Document) -> Result<CallName, Fail> {
    Ok((read_field(document, "seq")?, read_field(document, "purpose")?, read_field(document, "ask")?))
}

/// Returns the `_id` of a call's document: one for each epoch in which the call was sent.
pub(super) fn call_id(conversation: &str, epoch: u64, call: &CallRecord) -> String {
    format!("{conversation}/{:06}/{}/{}/{epoch}", call.seq, call.call.purpose.word(), call.call.ask)
}

/// Returns a call as stored, with hashes instead of texts; and these texts.
pub(super) fn call_document(
    conversation: &str,
    epoch: u64,
    call: &CallRecord,
    written: &Written,
) -> Result<(Document, Vec<(String, String)>), Fail> {
    let turn::Referred { view, parameters, texts } = turn::by_reference(call);
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
        "parameters": serde_json::to_string(&parameters)?,
        "view": to_bson(&view)?,
        "body_sha256": &call.body_sha256,
        "attempts": to_bson(&written.attempts)?,
        "earlier": written.earlier as u32,
        "spend": written.spend,
        "sent": to_date(call.sent),
        "answered": call.answered.map_or(Bson::Null, to_date),
        "reply": to_bson(&call.reply)?,
    };
    Ok((document, texts))
}

fn call_state(document: &Document) -> Result<CallState, Fail> {
    let word: String = read_field(document, "state")?;
    CallState::of(&word).ok_or_else(|| Fail::Damaged(format!("the state {word:?} of a call")))
}

/// Returns a call that still has hashes instead of texts.
pub(super) fn call_record(document: &Document) -> Result<CallRecord, Fail> {
    let instant =
        |name: &str| read_field::<Option<DateTime>>(document, name).map(|d| d.map(DateTime::timestamp_millis));
    Ok(CallRecord {
        seq: read_field(document, "seq")?,
        call: CallRef { purpose: read_field(document, "purpose")?, ask: read_field(document, "ask")? },
        state: call_state(document)?,
        server: read_field(document, "server")?,
        model: read_field(document, "model")?,
        parameters: serde_json::from_str(&read_field::<String>(document, "parameters")?)?,
        view: read_field(document, "view")?,
        body_sha256: read_field(document, "body_sha256")?,
        attempts: read_field(document, "attempts")?,
        sent: instant("sent")?.unwrap_or_default(),
        answered: instant("answered")?,
        reply: read_field(document, "reply")?,
    })
}

/// Returns the part of a stored call that its next write needs.
pub(super) fn kept_call(document: &Document) -> Result<Kept, Fail> {
    Ok(Kept {
        state: call_state(document)?,
        epoch: read_field(document, "epoch")?,
        sent: read_field::<DateTime>(document, "sent")?.timestamp_millis(),
        attempts: read_field(document, "attempts")?,
        earlier: read_field(document, "earlier")?,
        spend: read_field(document, "spend")?,
    })
}
