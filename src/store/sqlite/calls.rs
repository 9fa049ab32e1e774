//! Writing and reading of calls. Each text is stored once, under its hash, so that storage grows only with new text.

use super::fail::Fail;
use super::rows::{Columns, format_instant, read_all, read_first, read_text, to_json};
use crate::model::ChatReply;
use crate::process::prompt::View;
use crate::process::{CallRef, Purpose};
use crate::store::turn::{self, Kept, Referred, Written};
use crate::store::{CallRecord, CallState};
use rusqlite::{Connection, named_params, params};
use serde_json::{Map, Value as Json};
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// A call with the values of its row, computed outside the writer's thread.
pub(super) struct Ready {
    call: CallRecord,
    view: View,
    parameters: Map<String, Json>,
    texts: Vec<(String, String)>,
    reply: Option<String>,
    sent: String,
    answered: Option<String>,
}

impl Ready {
    pub(super) fn new(mut call: CallRecord) -> Result<Self, Fail> {
        let Referred { view, parameters, texts } = turn::by_reference(&call);
        let raw = call.reply.as_mut().map(|reply| std::mem::take(&mut reply.raw));
        let reply = call.reply.as_ref().map(to_json).transpose()?;
        if let (Some(reply), Some(raw)) = (&mut call.reply, raw) {
            reply.raw = raw;
        }
        let (sent, answered) = (format_instant(call.sent)?, call.answered.map(format_instant).transpose()?);
        Ok(Self { call, view, parameters, texts, reply, sent, answered })
    }

    pub(super) fn call(&self) -> &CallRecord {
        &self.call
    }
}

/// Stores a call as sent, before the request leaves. Returns the change of the conversation's possible spend.
pub(super) fn store_sent(conn: &Connection, conversation: &str, epoch: u64, ready: &Ready) -> Result<i64, Fail> {
    let old = read_kept(conn, conversation, ready)?;
    let change = turn::prepare_sent(conversation, epoch, old, &ready.call)?;
    change.map_or(Ok(0), |written| write_row(conn, conversation, epoch, ready, &written))
}

/// Stores the answer or failure of a call, unless an answer is already stored. Returns the change of the possible
/// spend.
pub(super) fn store_settled(conn: &Connection, conversation: &str, epoch: u64, ready: &Ready) -> Result<i64, Fail> {
    let old = read_kept(conn, conversation, ready)?;
    turn::prepare_settled(old, &ready.call)
        .map_or(Ok(0), |written| write_row(conn, conversation, epoch, ready, &written))
}

fn read_kept(conn: &Connection, conversation: &str, ready: &Ready) -> Result<Option<Kept>, Fail> {
    let CallRef { purpose, ask } = ready.call.call;
    read_first(
        conn.prepare_cached(
            "select state, epoch, sent, attempts, kept, spend from calls
             where conversation = ?1 and seq = ?2 and purpose = ?3 and ask = ?4",
        )?,
        params![conversation, ready.call.seq, purpose.word(), ask],
        |c| {
            Ok(Kept {
                state: c.next_word(CallState::of)?,
                epoch: c.next_number()?,
                sent: c.next_instant()?,
                attempts: c.next_json()?,
                earlier: c.next::<u32>()? as usize,
                spend: c.next()?,
            })
        },
    )
}

pub(super) fn write_row(
    conn: &Connection,
    conversation: &str,
    epoch: u64,
    ready: &Ready,
    written: &Written,
) -> Result<i64, Fail> {
    let call = &ready.call;
    for (hash, text) in &ready.texts {
        keep_text(conn, hash, text)?;
    }
    conn.prepare_cached(
        "insert or replace into calls
            (conversation, seq, purpose, ask, state, epoch, server, model, parameters, view, body_sha256, attempts,
             kept, spend, sent, answered, reply, raw)
         values (:conversation, :seq, :purpose, :ask, :state, :epoch, :server, :model, :parameters, :view, :body,
             :attempts, :kept, :spend, :sent, :answered, :reply, :raw)",
    )?
    .execute(named_params! {
        ":conversation": conversation,
        ":seq": call.seq,
        ":purpose": call.call.purpose.word(),
        ":ask": call.call.ask,
        ":state": written.state.word(),
        ":epoch": epoch.cast_signed(),
        ":server": call.server,
        ":model": call.model,
        ":parameters": to_json(&ready.parameters)?,
        ":view": to_json(&ready.view)?,
        ":body": call.body_sha256,
        ":attempts": to_json(&written.attempts)?,
        ":kept": written.earlier as u32,
        ":spend": written.spend,
        ":sent": ready.sent,
        ":answered": ready.answered,
        ":reply": ready.reply,
        ":raw": call.reply.as_ref().map(|r| &r.raw),
    })?;
    Ok(written.more)
}

const CALL: &str = "k.seq, k.purpose, k.ask, k.state, k.server, k.model, k.parameters, k.view, k.body_sha256, \
    k.attempts, k.sent, k.answered, k.reply, k.raw";

/// Returns every call of a conversation in the order of seq, purpose, ask, with its texts.
pub(super) fn all_of(conn: &Connection, conversation: &str) -> Result<Vec<CallRecord>, Fail> {
    select_calls(conn, conversation, &format!("select {CALL} from calls k where k.conversation = ?1"))
}

/// Returns the calls to which no entry refers.
pub(super) fn open_of(conn: &Connection, conversation: &str) -> Result<Vec<CallRecord>, Fail> {
    let sql = format!(
        "select {CALL} from calls k where k.conversation = ?1 and not exists (select 1 from messages m
         where m.conversation = k.conversation and m.seq = k.seq and m.purpose = k.purpose and m.ask = k.ask)"
    );
    select_calls(conn, conversation, &sql)
}

fn select_calls(conn: &Connection, conversation: &str, sql: &str) -> Result<Vec<CallRecord>, Fail> {
    let mut calls = read_all(conn.prepare_cached(sql)?, [conversation], read_call)?;
    let mut known = HashMap::new();
    for call in &mut calls {
        put_back(conn, call, &mut known)?;
    }
    // The order is that of the enum, so that every database returns the same order.
    calls.sort_by_key(|c| (c.seq, c.call.purpose, c.call.ask));
    Ok(calls)
}

fn put_back(conn: &Connection, call: &mut CallRecord, known: &mut HashMap<String, String>) -> Result<(), Fail> {
    for hash in turn::text_hashes(call) {
        if let Entry::Vacant(vacant) = known.entry(hash) {
            let text = find_text(conn, vacant.key())?;
            vacant.insert(text);
        }
    }
    turn::put_texts_back(call, known).map_err(|hash| turn::missing_text(&hash)).map_err(Fail::Damaged)
}

/// Stores a text under its hash.
pub(super) fn keep_text(conn: &Connection, hash: &str, text: &str) -> Result<(), Fail> {
    conn.prepare_cached("insert into texts (hash, text) values (?1, ?2) on conflict do nothing")?
        .execute([hash, text])?;
    Ok(())
}

/// Returns the text that is stored under a hash.
pub(super) fn find_text(conn: &Connection, hash: &str) -> Result<String, Fail> {
    read_first(conn.prepare_cached("select text from texts where hash = ?1")?, [hash], read_text)?
        .ok_or_else(|| Fail::Damaged(turn::missing_text(hash)))
}

fn read_call(c: &mut Columns<'_>) -> Result<CallRecord, Fail> {
    Ok(CallRecord {
        seq: c.next()?,
        call: CallRef { purpose: c.next_word(Purpose::of)?, ask: c.next()? },
        state: c.next_word(CallState::of)?,
        server: c.next()?,
        model: c.next()?,
        parameters: c.next_json()?,
        view: c.next_json()?,
        body_sha256: c.next()?,
        attempts: c.next_json()?,
        sent: c.next_instant()?,
        answered: c.time_if_any()?,
        reply: read_reply(c)?,
    })
}

fn read_reply(c: &mut Columns<'_>) -> Result<Option<ChatReply>, Fail> {
    let (read, raw) = (c.next::<Option<String>>()?, c.next::<Option<String>>()?);
    let Some(read) = read else {
        return Ok(None);
    };
    let mut reply: ChatReply = serde_json::from_str(&read)?;
    reply.raw = raw.unwrap_or_default();
    Ok(Some(reply))
}
