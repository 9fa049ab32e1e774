//! Reading everything and reporting faults. Changes nothing.

use super::fail::Fail;
use super::rows::{all, first, text};
use super::{calls, read, turns};
use crate::store::audit::{self, Counters};
use crate::store::turn;
use crate::store::{Fault, Status};
use rusqlite::Connection;

/// Returns the faults of one conversation, or of the whole database.
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

/// Returns the faults of the file, the texts and the documents.
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
        if turn::hash(bytes) != hash {
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

/// Checks one conversation in a transaction of its own, which does not delay a run.
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
    let (row, about) = row(conn, id)?;
    let (log, calls) = (turns::log(conn, id, 0)?, calls::all_of(conn, id)?);
    let Some(about) = about else { return Ok(audit::faults(&row, &log, &calls, &[])) };
    let Some(subject) = read::record(conn, &about)? else { return Ok(vec![audit::without_subject(&about)]) };
    let subject_log = turns::log(conn, &about, 0)?;
    let mut faults = audit::faults(&row, &log, &calls, &subject_log);
    if let Some(question) = read::record(conn, id)? {
        faults.extend(audit::wrong_key(&question, &subject.key, &subject_log));
    }
    Ok(faults)
}

/// Returns a row's counters, and the conversation that it is about.
fn row(conn: &Connection, id: &str) -> Result<(Counters, Option<String>), Fail> {
    let statement = conn.prepare_cached(
        "select status, entries, answered, possible_spend, flags, subject from conversations where id = ?1",
    )?;
    let row = first(statement, [id], |c| {
        let counters = Counters {
            status: c.word(Status::of)?,
            entries: c.number()? as usize,
            answered: c.number()? as usize,
            possible_spend: c.number()? as usize,
            flags: c.json()?,
        };
        Ok((counters, c.next()?))
    })?;
    row.ok_or_else(|| Fail::Unknown(format!("conversation {id}")))
}
