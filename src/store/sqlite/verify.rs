//! Reading everything and saying what is wrong. Changes nothing.

use super::fail::Fail;
use super::rows::{all, first, text, union};
use super::{calls, read, turns};
use crate::conversation::log::Entry;
use crate::conversation::{Flag, Kind};
use crate::model::body;
use crate::store::{CallRecord, CallState, Fault, Status};
use rusqlite::Connection;

/// What a conversation's row says of its log.
struct Row {
    status: Status,
    entries: usize,
    answered: usize,
    possible_spend: usize,
    flags: Vec<Flag>,
}

/// What is wrong with one conversation, or with anything.
pub(super) fn verify(conn: &Connection, conversation: Option<&str>) -> Result<Vec<Fault>, Fail> {
    let Some(id) = conversation else {
        return everything(conn);
    };
    read::exists(conn, id)?;
    one(conn, id)
}

fn everything(conn: &Connection) -> Result<Vec<Fault>, Fail> {
    let mut faults: Vec<Fault> = file(conn)?.into_iter().map(|what| fault("", what)).collect();
    let ids = all(conn.prepare_cached("select id from conversations order by created, id")?, [], text)?;
    for id in ids {
        faults.extend(one(conn, &id)?);
    }
    Ok(faults)
}

fn fault(conversation: &str, what: impl Into<String>) -> Fault {
    Fault { conversation: conversation.to_owned(), what: what.into() }
}

/// What is wrong with the file, the texts and the documents.
fn file(conn: &Connection) -> Result<Vec<String>, Fail> {
    let pages = all(conn.prepare_cached("pragma integrity_check")?, [], text)?;
    let mut faults: Vec<String> = pages.into_iter().filter(|word| word != "ok").collect();
    let lost = all(conn.prepare_cached("pragma foreign_key_check")?, [], |c| {
        let (table, _row): (String, Option<i64>) = (c.next()?, c.next()?);
        Ok(format!("a row of {table} belongs to a row of {} that is missing", c.next::<String>()?))
    })?;
    faults.extend(lost);
    faults.extend(texts(conn)?);
    faults.extend(documents(conn)?);
    Ok(faults)
}

fn texts(conn: &Connection) -> Result<Vec<String>, Fail> {
    let mut faults = Vec::new();
    let mut statement = conn.prepare_cached("select hash, text from texts order by hash")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let hash: String = row.get(0)?;
        let bytes = row.get_ref(1)?.as_bytes().unwrap_or_default();
        if calls::hash(bytes) != hash {
            faults.push(format!("the text {hash} is not what was stored"));
        }
    }
    Ok(faults)
}

fn documents(conn: &Connection) -> Result<Vec<String>, Fail> {
    let hashes = all(conn.prepare_cached("select hash from revisions order by hash")?, [], text)?;
    let unread = hashes.into_iter().filter_map(|hash| match read::document(conn, &hash) {
        Err(Fail::Damaged(cause)) => Some(Ok(format!("the document of revision {hash} cannot be read: {cause}"))),
        Err(fail) => Some(Err(fail)),
        Ok(_) => None,
    });
    unread.collect()
}

/// Checks one conversation in a transaction of its own: a run may go on meanwhile, and is not held up.
fn one(conn: &Connection, id: &str) -> Result<Vec<Fault>, Fail> {
    conn.execute_batch("begin")?;
    let checked = check(conn, id);
    conn.execute_batch("commit")?;
    let faults = match checked {
        Err(Fail::Damaged(cause)) => vec![format!("it cannot be read: {cause}")],
        Err(Fail::Sql(error)) if error.sqlite_error_code().is_none() => vec![format!("it cannot be read: {error}")],
        checked => checked?,
    };
    Ok(faults.into_iter().map(|what| fault(id, what)).collect())
}

fn check(conn: &Connection, id: &str) -> Result<Vec<String>, Fail> {
    let row = row(conn, id)?;
    let (log, calls) = (turns::log(conn, id, 0)?, calls::all_of(conn, id)?);
    let mut faults = order(&log);
    faults.extend(log.iter().filter_map(|entry| lonely(entry, &calls)));
    faults.extend(calls.iter().filter_map(|call| unused(call, &log, row.status)));
    faults.extend(calls.iter().flat_map(|call| unlike(call, &log)));
    faults.extend(miscounted(&row, &log, &calls));
    Ok(faults)
}

fn row(conn: &Connection, id: &str) -> Result<Row, Fail> {
    let statement = conn
        .prepare_cached("select status, entries, answered, possible_spend, flags from conversations where id = ?1")?;
    let row = first(statement, [id], |c| {
        Ok(Row {
            status: c.word(Status::of)?,
            entries: c.number()? as usize,
            answered: c.number()? as usize,
            possible_spend: c.number()? as usize,
            flags: c.json()?,
        })
    })?;
    row.ok_or_else(|| Fail::Unknown(format!("conversation {id}")))
}

/// A log counts from 0 without a hole, its days never go back, and each index counts the day's messages before it.
fn order(log: &[Entry]) -> Vec<String> {
    let mut faults = Vec::new();
    let (mut day, mut messages) = (1, 0);
    for (place, entry) in (0..).zip(log) {
        let seq = entry.seq;
        if seq != place {
            faults.push(format!("entry {seq} stands where entry {place} should"));
            return faults;
        }
        if entry.day < day {
            faults.push(format!("entry {seq} is of day {} after day {day}", entry.day));
        }
        if entry.day != day {
            (day, messages) = (entry.day, 0);
        }
        if entry.index != messages {
            faults.push(format!("entry {seq} has index {} where the day has {messages} messages", entry.index));
        }
        messages += u32::from(matches!(entry.kind, Kind::Opening | Kind::Speech));
    }
    faults
}

fn lonely(entry: &Entry, calls: &[CallRecord]) -> Option<String> {
    let named = entry.call?;
    let call = calls.iter().find(|c| c.seq == entry.seq && c.call == named);
    match call.map(|c| c.state) {
        Some(CallState::Answered) => None,
        Some(_) => Some(format!("entry {} has a call without an answer", entry.seq)),
        None => Some(format!("the call of entry {} is missing", entry.seq)),
    }
}

/// An answer belongs to an entry, but for the last one of a conversation that was stopped there.
fn unused(call: &CallRecord, log: &[Entry], status: Status) -> Option<String> {
    let (seq, word) = (call.seq, call.call.purpose.word());
    let entry = log.iter().find(|e| e.seq == seq);
    if seq as usize > log.len() {
        return Some(format!("a {word} call stands at {seq}, beyond the end of the log"));
    }
    let open = call.state != CallState::Answered || (entry.is_none() && status != Status::Done);
    let used = entry.is_some_and(|e| e.call == Some(call.call));
    (!open && !used).then(|| format!("the answer of the {word} call at {seq} is in no entry"))
}

/// What was sent must come out again, byte for byte (R9); an answer must be there where the state says so.
fn unlike(call: &CallRecord, log: &[Entry]) -> Vec<String> {
    let name = format!("the {} call at {}", call.call.purpose.word(), call.seq);
    let mut faults = Vec::new();
    let rebuilt = body(&call.model, &call.view.messages(log), &call.parameters);
    if calls::hash(&rebuilt) != call.body_sha256 {
        faults.push(format!("{name}: the request built again is not the one that was sent"));
    }
    if (call.state == CallState::Answered) != call.reply.is_some() {
        faults.push(format!("{name}: its state and its answer disagree"));
    }
    faults
}

fn miscounted(row: &Row, log: &[Entry], calls: &[CallRecord]) -> Option<String> {
    let answered = log.iter().filter(|e| e.call.is_some()).count();
    let lost = calls.iter().flat_map(|c| &c.attempts).filter(|a| a.possible_spend).count();
    let possible_spend = lost + calls.iter().filter(|c| c.state == CallState::Sent).count();
    let flags = union(log.iter().flat_map(|e| &e.flags));
    let right = (row.entries, row.answered, row.possible_spend) == (log.len(), answered, possible_spend);
    (!right || row.flags != flags).then(|| "its counters are not those of its log".to_owned())
}
