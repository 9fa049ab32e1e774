//! Export of calls: each call is one object with its request, reply, counts and times. The export rebuilds the request
//! and compares it with the hash of the sent one (contract R9).

use super::records::iso;
use super::{ExportError, Of, Pages, Written, ids};
use crate::design::key::sha256;
use crate::model::body;
use crate::process::harmless::harmless_json;
use crate::process::log::Entry;
use crate::process::prompt::Message;
use crate::store::{CallRecord, ConversationRecord, Store};
use serde_json::{Map, Value as Json, json};
use std::io::Write;

/// Number of conversations whose calls are in memory at a time. Calls are larger than logs.
const SOME: usize = 50;

/// A rebuilt request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rebuilt {
    /// The messages.
    pub messages: Vec<Message>,
    /// Bytes of the body.
    pub bytes: usize,
    /// True if its hash equals the hash of the sent request.
    pub matches: bool,
}

/// Rebuilds a request from its recipe, the log, and the log that a question is about.
pub fn rebuild(call: &CallRecord, log: &[Entry], subject: &[Entry]) -> Rebuilt {
    let messages = call.view.messages(log, subject);
    let body = body(&call.model, &messages, &call.parameters);
    Rebuilt { matches: sha256(&body) == call.body_sha256, bytes: body.len(), messages }
}

/// Returns a call as a JSON object.
pub fn object(call: &CallRecord, log: &[Entry], subject: &[Entry]) -> Map<String, Json> {
    let built = rebuild(call, log, subject);
    let reply = call.reply.as_ref();
    let attempts: Vec<Json> = call
        .attempts
        .iter()
        .map(|a| {
            json!({ "at": iso(a.at), "took_ms": a.took, "error": a.error, "message": a.message,
                "waited_ms": a.waited, "possible_spend": a.possible_spend })
        })
        .collect();
    let object = json!({
        "seq": call.seq,
        "purpose": call.call.purpose.word(),
        "ask": call.call.ask,
        "state": call.state,
        "server": call.server,
        "model": call.model,
        "parameters": call.parameters,
        "messages": built.messages,
        "body_bytes": built.bytes,
        "body_sha256": call.body_sha256,
        "body_matches": built.matches,
        "attempts": attempts,
        "sent": iso(call.sent),
        "answered": call.answered.map(iso),
        "served": reply.map(|r| &r.served),
        "usage": reply.map(|r| r.usage),
        "finish": reply.map(|r| r.finish),
        "finish_reason": reply.and_then(|r| r.finish_reason.as_ref()),
        "differs": reply.map(|r| &r.differs),
        "content": reply.map(|r| &r.content),
        "thinking": reply.and_then(|r| r.thinking.as_ref()),
        "raw": reply.map(|r| &r.raw),
    });
    if let Json::Object(map) = object { map } else { Map::new() }
}

/// Writes every call of the conversations, one on each line, in the order of key, seq, purpose, ask.
pub async fn write(store: &dyn Store, of: &Of, out: &mut dyn Write) -> Result<Written, ExportError> {
    let (mut pages, mut written) = (Pages::new(store, of), Written::default());
    loop {
        let page = pages.next().await?;
        if page.is_empty() {
            return Ok(written);
        }
        for some in page.chunks(SOME) {
            let subjects = subjects(store, some).await?;
            let (logs, calls) = (store.logs(&ids(some)).await?, store.calls_of(&ids(some)).await?);
            for (((conversation, log), calls), subject) in some.iter().zip(logs).zip(calls).zip(subjects) {
                for call in &calls {
                    let mut line = Map::from_iter([("conversation".to_owned(), Json::from(conversation.key.as_str()))]);
                    line.extend(object(call, &log, &subject));
                    writeln!(out, "{}", harmless_json(&Json::Object(line).to_string()))?;
                }
                written.add(calls.len());
                out.flush()?;
            }
        }
    }
}

/// Logs that processes are about; empty for conversations.
async fn subjects(store: &dyn Store, of: &[ConversationRecord]) -> Result<Vec<Vec<Entry>>, ExportError> {
    let ids: Vec<String> = of.iter().filter_map(|record| record.subject.clone()).collect();
    let mut logs = store.logs(&ids).await?.into_iter();
    Ok(of.iter().map(|record| record.subject.as_ref().and_then(|_| logs.next()).unwrap_or_default()).collect())
}
