//! Writing a conversation: claim, append, finish. Each write of a turn carries the epoch of its claim.

use super::calls::{self, Ready};
use super::fail::Fail;
use super::rows::{self, format_instant, json_if_any, read_all, read_first, to_json, to_word};
use crate::process::Flag;
use crate::process::log::Entry;
use crate::store::turn;
use crate::store::{ConversationRecord, End, Lease, Millis, Status, StoreError};
use rusqlite::{Connection, params};

/// Counters of a held conversation's log.
struct Held {
    entries: u32,
    answered: u32,
    flags: Vec<Flag>,
}

/// Claims a conversation. The lock of a run excludes earlier holders that still live.
pub(super) fn take_claim(conn: &Connection, id: &str, lease: &Lease, retry: bool) -> Result<ConversationRecord, Fail> {
    let sql = format!("select {} from conversations where id = ?1", rows::CONVERSATION);
    let old = read_first(conn.prepare_cached(&sql)?, [id], rows::read_conversation)?
        .ok_or_else(|| Fail::Unknown(format!("conversation {id}")))?;
    let again = match old.status {
        Status::Failed if retry => true,
        status @ (Status::Done | Status::Failed) => {
            return Err(StoreError::Ended { conversation: id.to_owned(), status }.into());
        }
        Status::Pending | Status::Running | Status::Interrupted | Status::Incomplete => false,
    };
    conn.prepare_cached(
        "update conversations set status = 'running', reason = null, retries = retries + ?2, epoch = epoch + 1,
            owner = ?3, host = ?4, boot = ?5, pid = ?6, until = ?7 where id = ?1",
    )?
    .execute(params![id, again, lease.owner, lease.host, lease.boot, lease.pid, format_instant(lease.until)?])?;
    read_first(conn.prepare_cached(&sql)?, [id], rows::read_conversation)?
        .ok_or_else(|| Fail::Damaged(format!("conversation {id} vanished")))
}

pub(super) fn renew_leases(conn: &Connection, owner: &str, until: Millis) -> Result<(), Fail> {
    conn.prepare_cached("update conversations set until = ?2 where owner = ?1 and status = 'running'")?
        .execute(params![owner, format_instant(until)?])?;
    Ok(())
}

/// Returns the log's counters. Fails if the claim of that epoch no longer holds.
fn check_claim(conn: &Connection, id: &str, epoch: u64) -> Result<Held, Fail> {
    let found = read_first(
        conn.prepare_cached(
            "select epoch, owner is not null, entries, answered, flags from conversations where id = ?1",
        )?,
        [id],
        |c| {
            let claim = (c.next_number()?, c.next::<bool>()?);
            Ok((claim, Held { entries: c.next()?, answered: c.next()?, flags: c.next_json()? }))
        },
    )?;
    match found {
        None => Err(Fail::Unknown(format!("conversation {id}"))),
        Some((claim, held)) if claim == (epoch, true) => Ok(held),
        Some(_) => Err(StoreError::Superseded { conversation: id.to_owned() }.into()),
    }
}

pub(super) fn store_sent(conn: &Connection, id: &str, epoch: u64, call: &Ready) -> Result<(), Fail> {
    check_claim(conn, id, epoch)?;
    add_spend(conn, id, calls::store_sent(conn, id, epoch, call)?)
}

pub(super) fn store_settled(conn: &Connection, id: &str, epoch: u64, call: &Ready) -> Result<(), Fail> {
    check_claim(conn, id, epoch)?;
    add_spend(conn, id, calls::store_settled(conn, id, epoch, call)?)
}

fn add_spend(conn: &Connection, id: &str, more: i64) -> Result<(), Fail> {
    if more != 0 {
        conn.prepare_cached("update conversations set possible_spend = possible_spend + ?2 where id = ?1")?
            .execute(params![id, more])?;
    }
    Ok(())
}

/// Appends entries and stores the call that produced them. Returns an empty list if the log now holds these entries. If
/// another write was first, returns the entries that the log holds instead.
pub(super) fn append_entries(
    conn: &Connection,
    id: &str,
    epoch: u64,
    entries: &[Entry],
    call: Option<&Ready>,
) -> Result<Vec<Entry>, Fail> {
    let held = check_claim(conn, id, epoch)?;
    let spend = call.map_or(Ok(0), |call| calls::store_settled(conn, id, epoch, call))?;
    let (there, new) = turn::split_entries(id, held.entries, entries)?;
    let other = differing_entries(conn, id, there)?;
    let new = if other.is_empty() { new } else { &[] };
    for entry in new {
        insert_entry(conn, id, entry)?;
    }
    update_counters(conn, id, &held, new, spend)?;
    Ok(other)
}

/// Returns the log from the first entry that differs from `given`.
fn differing_entries(conn: &Connection, id: &str, given: &[Entry]) -> Result<Vec<Entry>, Fail> {
    let Some(from) = given.first().map(|e| e.seq) else {
        return Ok(Vec::new());
    };
    Ok(turn::differing_entries(given, log_from(conn, id, from)?))
}

/// Returns the log from an entry on.
pub(super) fn log_from(conn: &Connection, id: &str, from: u32) -> Result<Vec<Entry>, Fail> {
    let sql = format!("select {} from messages where conversation = ?1 and seq >= ?2 order by seq", rows::ENTRY);
    read_all(conn.prepare_cached(&sql)?, params![id, from], rows::read_entry)
}

pub(super) fn insert_entry(conn: &Connection, id: &str, entry: &Entry) -> Result<(), Fail> {
    conn.prepare_cached(
        "insert into messages (conversation, seq, day, idx, kind, speaker, role, model, content, raw, flags, purpose,
            ask, prompt_bytes, prompt_tokens, more)
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
    )?
    .execute(params![
        id,
        entry.seq,
        entry.day,
        entry.index,
        entry.kind.word(),
        entry.speaker,
        entry.role,
        entry.model,
        entry.content,
        entry.raw,
        to_json(&entry.flags)?,
        entry.call.map(|c| c.purpose.word()),
        entry.call.map(|c| c.ask),
        entry.prompt.map(|p| p.bytes.cast_signed()),
        entry.prompt.and_then(|p| p.tokens),
        json_if_any(entry.more.as_ref())?,
    ])?;
    Ok(())
}

/// Updates the row's counters of the log, so that listings do not read it.
fn update_counters(conn: &Connection, id: &str, held: &Held, new: &[Entry], spend: i64) -> Result<(), Fail> {
    if new.is_empty() {
        return add_spend(conn, id, spend);
    }
    let answered = new.iter().filter(|e| e.call.is_some()).count() as u32;
    let flags = turn::unite_flags(held.flags.iter().chain(new.iter().flat_map(|e| &e.flags)));
    conn.prepare_cached(
        "update conversations set entries = ?2, answered = ?3, flags = ?4, possible_spend = possible_spend + ?5
         where id = ?1",
    )?
    .execute(params![id, held.entries + new.len() as u32, held.answered + answered, to_json(&flags)?, spend])?;
    Ok(())
}

pub(super) fn end_claim(conn: &Connection, id: &str, epoch: u64, end: &End) -> Result<(), Fail> {
    let End { status, reason, ended_by } = end;
    let ended_by = ended_by.as_ref().map(to_word).transpose()?;
    let ended = conn
        .prepare_cached(
            "update conversations set status = ?3, reason = ?4, ended_by = ?5, owner = null, host = null, boot = null,
                pid = null, until = null
             where id = ?1 and epoch = ?2
                and (owner is not null or (status = ?3 and reason is ?4 and ended_by is ?5))",
        )?
        .execute(params![id, epoch.cast_signed(), status.word(), reason, ended_by])?;
    if ended == 0 {
        check_claim(conn, id, epoch)?;
    }
    Ok(())
}
