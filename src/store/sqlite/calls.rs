//! Calls: written with their texts by hash, so that storage grows with what is new, and read back whole.

use super::fail::Fail;
use super::rows::{Columns, all, first, iso, json, text};
use crate::conversation::prompt::{Ending, View};
use crate::conversation::{CallRef, Purpose};
use crate::model::ChatReply;
use crate::store::{Attempt, CallRecord, CallState, StoreError};
use rusqlite::{Connection, named_params, params};
use sha2::{Digest, Sha256};
use std::collections::HashMap;

/// A call made ready for its row, outside the writer's thread.
pub(super) struct Ready {
    call: CallRecord,
    view: View,
    texts: Vec<(String, String)>,
    reply: Option<String>,
    sent: String,
    answered: Option<String>,
}

/// What is stored of a call already.
struct Stored {
    state: CallState,
    epoch: u64,
    sent: String,
    attempts: Vec<Attempt>,
    kept: usize,
    spend: i64,
}

/// SHA-256 in hex digits.
pub(super) fn hash(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

impl Ready {
    pub(super) fn new(mut call: CallRecord) -> Result<Self, Fail> {
        let mut texts = Vec::new();
        let view = by_reference(&call.view, &mut texts);
        let raw = call.reply.as_mut().map(|reply| std::mem::take(&mut reply.raw));
        let reply = call.reply.as_ref().map(json).transpose()?;
        if let (Some(reply), Some(raw)) = (&mut call.reply, raw) {
            reply.raw = raw;
        }
        let (sent, answered) = (iso(call.sent)?, call.answered.map(iso).transpose()?);
        Ok(Self { call, view, texts, reply, sent, answered })
    }
}

/// The view with each text replaced by its hash; an empty system prompt stays empty, since it is none.
fn by_reference(view: &View, texts: &mut Vec<(String, String)>) -> View {
    let mut refer = |text: &str| {
        let hash = hash(text.as_bytes());
        texts.push((hash.clone(), text.to_owned()));
        hash
    };
    let system = if view.system.is_empty() { String::new() } else { refer(&view.system) };
    let ending = view.ending.iter().map(|ending| match ending {
        Ending::Text(text) => Ending::Text(refer(text)),
        Ending::Rejected(seq) => Ending::Rejected(*seq),
    });
    View { system, ending: ending.collect(), ..view.clone() }
}

/// Writes a call as sent, before it leaves. Returns what that adds to the conversation's possible spend.
pub(super) fn send(conn: &Connection, conversation: &str, epoch: u64, ready: &Ready) -> Result<i64, Fail> {
    let Some(old) = stored(conn, conversation, ready)? else {
        return write(conn, conversation, epoch, ready, &[], CallState::Sent, 0);
    };
    match old.state {
        CallState::Answered => {
            let (seq, call) = (ready.call.seq, ready.call.call);
            Err(StoreError::Answered { conversation: conversation.to_owned(), seq, call }.into())
        }
        // The same asking written twice, after a commit whose answer was lost.
        CallState::Sent if old.epoch == epoch && old.sent == ready.sent => Ok(0),
        CallState::Sent => {
            let mut earlier = old.attempts;
            earlier.push(lost(&old.sent)?);
            write(conn, conversation, epoch, ready, &earlier, CallState::Sent, old.spend)
        }
        CallState::Failed => write(conn, conversation, epoch, ready, &old.attempts, CallState::Sent, old.spend),
    }
}

fn lost(sent: &str) -> Result<Attempt, Fail> {
    Ok(Attempt {
        at: super::rows::millis(sent)?,
        took: 0,
        error: Some("lost".to_owned()),
        message: Some("the program ended before an answer was stored".to_owned()),
        waited: None,
        possible_spend: true,
    })
}

/// Keeps what became of a call, unless its answer is there already. Returns what that adds to the possible spend.
pub(super) fn settle(conn: &Connection, conversation: &str, epoch: u64, ready: &Ready) -> Result<i64, Fail> {
    match stored(conn, conversation, ready)? {
        None => write(conn, conversation, epoch, ready, &[], ready.call.state, 0),
        Some(old) if old.state == CallState::Answered => Ok(0),
        Some(old) => {
            let earlier = &old.attempts[..old.kept.min(old.attempts.len())];
            write(conn, conversation, epoch, ready, earlier, ready.call.state, old.spend)
        }
    }
}

fn stored(conn: &Connection, conversation: &str, ready: &Ready) -> Result<Option<Stored>, Fail> {
    let CallRef { purpose, ask } = ready.call.call;
    first(
        conn.prepare_cached(
            "select state, epoch, sent, attempts, kept, spend from calls
             where conversation = ?1 and seq = ?2 and purpose = ?3 and ask = ?4",
        )?,
        params![conversation, ready.call.seq, purpose.word(), ask],
        |c| {
            Ok(Stored {
                state: c.word(state_of)?,
                epoch: c.number()?,
                sent: c.next()?,
                attempts: c.json()?,
                kept: c.next::<u32>()? as usize,
                spend: c.next()?,
            })
        },
    )
}

/// Writes the row whole. `earlier` are the attempts of earlier askings; a caller that has read them and gives them
/// again does not double them.
fn write(
    conn: &Connection,
    conversation: &str,
    epoch: u64,
    ready: &Ready,
    earlier: &[Attempt],
    state: CallState,
    old_spend: i64,
) -> Result<i64, Fail> {
    let call = &ready.call;
    let own = call.attempts.strip_prefix(earlier).unwrap_or(&call.attempts);
    let attempts: Vec<&Attempt> = earlier.iter().chain(own).collect();
    let spend = attempts.iter().map(|a| i64::from(a.possible_spend)).sum::<i64>() + i64::from(state == CallState::Sent);
    for (hash, text) in &ready.texts {
        conn.prepare_cached("insert into texts (hash, text) values (?1, ?2) on conflict do nothing")?
            .execute([hash, text])?;
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
        ":state": word_of(state),
        ":epoch": epoch.cast_signed(),
        ":server": call.server,
        ":model": call.model,
        ":parameters": json(&call.parameters)?,
        ":view": json(&ready.view)?,
        ":body": call.body_sha256,
        ":attempts": json(&attempts)?,
        ":kept": earlier.len() as u32,
        ":spend": spend,
        ":sent": ready.sent,
        ":answered": ready.answered,
        ":reply": ready.reply,
        ":raw": call.reply.as_ref().map(|r| &r.raw),
    })?;
    Ok(spend - old_spend)
}

const CALL: &str = "k.seq, k.purpose, k.ask, k.state, k.server, k.model, k.parameters, k.view, k.body_sha256, \
    k.attempts, k.sent, k.answered, k.reply, k.raw";

/// Every call of a conversation in the order of seq, purpose, ask; texts put back.
pub(super) fn all_of(conn: &Connection, conversation: &str) -> Result<Vec<CallRecord>, Fail> {
    select(conn, conversation, &format!("select {CALL} from calls k where k.conversation = ?1"))
}

/// Those that no entry names.
pub(super) fn open_of(conn: &Connection, conversation: &str) -> Result<Vec<CallRecord>, Fail> {
    let sql = format!(
        "select {CALL} from calls k where k.conversation = ?1 and not exists (select 1 from messages m
         where m.conversation = k.conversation and m.seq = k.seq and m.purpose = k.purpose and m.ask = k.ask)"
    );
    select(conn, conversation, &sql)
}

fn select(conn: &Connection, conversation: &str, sql: &str) -> Result<Vec<CallRecord>, Fail> {
    let mut calls = all(conn.prepare_cached(sql)?, [conversation], call)?;
    let mut known = HashMap::new();
    for call in &mut calls {
        put_back(conn, &mut call.view, &mut known)?;
    }
    // The order of the enum, on every database.
    calls.sort_by_key(|c| (c.seq, c.call.purpose, c.call.ask));
    Ok(calls)
}

fn put_back(conn: &Connection, view: &mut View, known: &mut HashMap<String, String>) -> Result<(), Fail> {
    let endings = view.ending.iter_mut().filter_map(|ending| match ending {
        Ending::Text(text) => Some(text),
        Ending::Rejected(_) => None,
    });
    for text in std::iter::once(&mut view.system).filter(|s| !s.is_empty()).chain(endings) {
        if !known.contains_key(text.as_str()) {
            known.insert(text.clone(), by_hash(conn, text)?);
        }
        text.clone_from(&known[text.as_str()]);
    }
    Ok(())
}

fn by_hash(conn: &Connection, hash: &str) -> Result<String, Fail> {
    first(conn.prepare_cached("select text from texts where hash = ?1")?, [hash], text)?
        .ok_or_else(|| Fail::Damaged(format!("the text {hash} is missing")))
}

fn call(c: &mut Columns<'_>) -> Result<CallRecord, Fail> {
    Ok(CallRecord {
        seq: c.next()?,
        call: CallRef { purpose: c.word(Purpose::of)?, ask: c.next()? },
        state: c.word(state_of)?,
        server: c.next()?,
        model: c.next()?,
        parameters: c.json()?,
        view: c.json()?,
        body_sha256: c.next()?,
        attempts: c.json()?,
        sent: c.time()?,
        answered: c.time_if_any()?,
        reply: reply(c)?,
    })
}

fn reply(c: &mut Columns<'_>) -> Result<Option<ChatReply>, Fail> {
    let (read, raw) = (c.next::<Option<String>>()?, c.next::<Option<String>>()?);
    let Some(read) = read else {
        return Ok(None);
    };
    let mut reply: ChatReply = serde_json::from_str(&read)?;
    reply.raw = raw.unwrap_or_default();
    Ok(Some(reply))
}

const STATES: [(CallState, &str); 3] =
    [(CallState::Sent, "sent"), (CallState::Answered, "answered"), (CallState::Failed, "failed")];

fn state_of(word: &str) -> Option<CallState> {
    STATES.iter().find(|(_, w)| *w == word).map(|(state, _)| *state)
}

fn word_of(state: CallState) -> &'static str {
    STATES.iter().find(|(s, _)| *s == state).map_or("", |(_, word)| *word)
}
