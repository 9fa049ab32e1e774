//! Reading of all stored data, to report faults. Nothing is changed.

use super::fail::Fail;
use super::rows::{read_all, read_first, read_text};
use super::{calls, read, turns};
use crate::store::audit::{self, Counters};
use crate::store::turn;
use crate::store::{Fault, Status};
use rusqlite::Connection;

/// Returns the faults of one conversation, or of the whole database.
pub(super) fn find_faults(conn: &Connection, conversation: Option<&str>) -> Result<Vec<Fault>, Fail> {
    let Some(id) = conversation else {
        return check_database(conn);
    };
    read::check_exists(conn, id)?;
    check_conversation(conn, id)
}

fn check_database(conn: &Connection) -> Result<Vec<Fault>, Fail> {
    let mut faults: Vec<Fault> = check_file(conn)?.into_iter().map(|what| make_fault("", what)).collect();
    let ids = read_all(conn.prepare_cached("select id from conversations order by created, id")?, [], read_text)?;
    for id in ids {
        faults.extend(check_conversation(conn, &id)?);
    }
    Ok(faults)
}

fn make_fault(conversation: &str, what: impl Into<String>) -> Fault {
    Fault { conversation: conversation.to_owned(), what: what.into() }
}

/// Returns the faults of the file, the texts and the documents.
fn check_file(conn: &Connection) -> Result<Vec<String>, Fail> {
    let pages = read_all(conn.prepare_cached("pragma integrity_check")?, [], read_text)?;
    let mut faults: Vec<String> = pages.into_iter().filter(|word| word != "ok").collect();
    let lost = read_all(conn.prepare_cached("pragma foreign_key_check")?, [], |c| {
        let (table, _row): (String, Option<i64>) = (c.next()?, c.next()?);
        Ok(format!("a row of {table} belongs to a row of {} that is missing", c.next::<String>()?))
    })?;
    faults.extend(lost);
    faults.extend(check_texts(conn)?);
    faults.extend(check_documents(conn)?);
    Ok(faults)
}

fn check_texts(conn: &Connection) -> Result<Vec<String>, Fail> {
    let mut faults = Vec::new();
    let mut statement = conn.prepare_cached("select hash, text from texts order by hash")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let hash: String = row.get(0)?;
        let bytes = row.get_ref(1)?.as_bytes().unwrap_or_default();
        if turn::hash_hex(bytes) != hash {
            faults.push(format!("the text {hash} is not what was stored"));
        }
    }
    Ok(faults)
}

fn check_documents(conn: &Connection) -> Result<Vec<String>, Fail> {
    let hashes = read_all(conn.prepare_cached("select hash from revisions order by hash")?, [], read_text)?;
    let unread = hashes.into_iter().filter_map(|hash| match read::find_document(conn, &hash) {
        Err(Fail::Damaged(cause)) => Some(Ok(format!("the document of revision {hash} cannot be read: {cause}"))),
        Err(fail) => Some(Err(fail)),
        Ok(_) => None,
    });
    unread.collect()
}

/// Checks one conversation in a transaction of its own, which does not delay a run.
fn check_conversation(conn: &Connection, id: &str) -> Result<Vec<Fault>, Fail> {
    conn.execute_batch("begin")?;
    let checked = conversation_faults(conn, id);
    conn.execute_batch("commit")?;
    let faults = match checked {
        Err(Fail::Damaged(cause)) => vec![format!("it cannot be read: {cause}")],
        Err(Fail::Sql(error)) if error.sqlite_error_code().is_none() => vec![format!("it cannot be read: {error}")],
        checked => checked?,
    };
    Ok(faults.into_iter().map(|what| make_fault(id, what)).collect())
}

fn conversation_faults(conn: &Connection, id: &str) -> Result<Vec<String>, Fail> {
    let (row, about) = read_counters(conn, id)?;
    let (log, calls) = (turns::log_from(conn, id, 0)?, calls::all_of(conn, id)?);
    let Some(about) = about else { return Ok(audit::find_faults(&row, &log, &calls, &[])) };
    let Some(subject) = read::find_record(conn, &about)? else { return Ok(vec![audit::without_subject(&about)]) };
    let subject_log = turns::log_from(conn, &about, 0)?;
    let mut faults = audit::find_faults(&row, &log, &calls, &subject_log);
    if let Some(question) = read::find_record(conn, id)? {
        faults.extend(audit::wrong_text(&question, &log));
        faults.extend(audit::wrong_key(&question, &subject.key, &subject_log));
    }
    Ok(faults)
}

/// Returns a row's counters, and the id of the conversation that a question is about.
fn read_counters(conn: &Connection, id: &str) -> Result<(Counters, Option<String>), Fail> {
    let statement = conn.prepare_cached(
        "select status, entries, answered, possible_spend, flags, subject from conversations where id = ?1",
    )?;
    let row = read_first(statement, [id], |c| {
        let counters = Counters {
            status: c.next_word(Status::of)?,
            entries: c.next_number()? as usize,
            answered: c.next_number()? as usize,
            possible_spend: c.next_number()? as usize,
            flags: c.next_json()?,
        };
        Ok((counters, c.next()?))
    })?;
    row.ok_or_else(|| Fail::Unknown(format!("conversation {id}")))
}
