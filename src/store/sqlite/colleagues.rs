//! Changes that only an item's creator may make: create, revise, delete. The filter of each write names the
//! creator; a second query finds the reason if no row matched.

use super::experiments::{find_experiment, insert_experiment, keep_document};
use super::fail::Fail;
use super::open;
use super::rows::{self, read_all, read_first, to_json};
use crate::design::Experiment;
use crate::store::{ExperimentRecord, Item, NewExperiment, Status, StoreError};
use rusqlite::{Connection, OptionalExtension, params};
use std::path::Path;

pub(super) fn create_experiment(conn: &Connection, new: &NewExperiment) -> Result<ExperimentRecord, Fail> {
    let name = &new.document.name;
    if find_experiment(conn, &new.creator, name)?.is_some() {
        return Err(name_taken(&new.creator, name));
    }
    keep_document(conn, &new.revision, &new.document)?;
    insert_experiment(conn, new)?;
    by_id(conn, &new.id)
}

/// Replaces an experiment's document, if its version is the one that the editor read.
pub(super) fn revise_experiment(
    conn: &Connection,
    id: &str,
    creator: &str,
    version: u64,
    document: &Experiment,
    revision: &str,
) -> Result<ExperimentRecord, Fail> {
    keep_document(conn, revision, document)?;
    let changed = conn
        .prepare_cached(
            "update experiments set name = ?4, revision = ?5, run = ?6, version = version + 1
             where id = ?1 and creator = ?2 and version = ?3
                and not exists (select 1 from experiments where creator = ?2 and name = ?4 and id <> ?1)",
        )?
        .execute(params![id, creator, version.cast_signed(), document.name, revision, to_json(&document.run)?])?;
    if changed == 0 {
        return Err(why_unchanged(conn, id, creator, version, &document.name)?);
    }
    by_id(conn, id)
}

/// Returns the reason why an experiment was not changed. If there are several reasons, returns the most important one.
fn why_unchanged(conn: &Connection, id: &str, creator: &str, version: u64, name: &str) -> Result<Fail, Fail> {
    let found = by_id(conn, id)?;
    let what = format!("experiment `{}`", found.name);
    Ok(if found.creator != creator {
        StoreError::NotYours { what, creator: found.creator }.into()
    } else if found.version != version {
        StoreError::Changed { what, expected: version, found: found.version }.into()
    } else {
        name_taken(creator, name)
    })
}

fn name_taken(creator: &str, name: &str) -> Fail {
    StoreError::Exists { creator: creator.to_owned(), name: name.to_owned() }.into()
}

fn by_id(conn: &Connection, id: &str) -> Result<ExperimentRecord, Fail> {
    let sql = format!("select {} from experiments where id = ?1", rows::EXPERIMENT);
    read_first(conn.prepare_cached(&sql)?, [id], rows::read_experiment)?
        .ok_or_else(|| Fail::Unknown(format!("experiment {id}")))
}

/// Returns the error for an item of another creator.
fn not_yours(conn: &Connection, item: &Item) -> Result<Fail, Fail> {
    let Owned { what, creator, .. } = find_owned(conn, item)?;
    Ok(StoreError::NotYours { what, creator }.into())
}

pub(super) struct Owned {
    what: String,
    experiment: String,
    creator: String,
    /// True if no run will resume it.
    ended: bool,
}

pub(super) fn find_owned(conn: &Connection, item: &Item) -> Result<Owned, Fail> {
    match item {
        Item::Experiment(id) => {
            let ExperimentRecord { name, creator, .. } = by_id(conn, id)?;
            Ok(Owned { what: format!("experiment `{name}`"), experiment: id.clone(), creator, ended: false })
        }
        Item::Conversation(id) => {
            let statement = conn.prepare_cached("select experiment, creator from conversations where id = ?1")?;
            let found = read_first(statement, [id], |c| {
                let (experiment, creator): (String, _) = (c.next()?, c.next()?);
                let ended = has_ended(conn, id, &experiment)?;
                Ok(Owned { what: format!("conversation {id}"), experiment, creator, ended })
            })?;
            found.ok_or_else(|| Fail::Unknown(format!("conversation {id}")))
        }
    }
}

/// SQL condition that selects the questions about a conversation. It names the experiment, so that an index is used.
const QUESTIONS: &str = "experiment = ?2 and kind = 'question' and subject = ?1";

/// Returns true if a conversation and every question about it are done or failed.
fn has_ended(conn: &Connection, id: &str, experiment: &str) -> Result<bool, Fail> {
    let sql = format!(
        "select status from conversations where id = ?1 union all select status from conversations where {QUESTIONS}"
    );
    let statuses = read_all(conn.prepare_cached(&sql)?, [id, experiment], |c| c.next_word(Status::of))?;
    Ok(statuses.iter().all(|status| matches!(status, Status::Done | Status::Failed)))
}

/// Deletes an experiment with everything that belongs to it, or a conversation with the questions about it. One
/// transaction deletes children first.
pub(super) fn delete_item(conn: &Connection, path: &Path, item: &Item, creator: &str) -> Result<(), Fail> {
    let found = find_owned(conn, item)?;
    if found.creator != creator {
        return Err(not_yours(conn, item)?);
    }
    // A killed process may leave a lease behind. Only the lock of the file shows that a process lives.
    let process = open::held_by(path);
    if let Some(process) = process.as_ref().filter(|_| !found.ended) {
        not_held(conn, item, &found, process)?;
    }
    let gone = match item {
        Item::Experiment(id) => delete_experiment(conn, id, creator)?,
        Item::Conversation(id) => delete_conversation(conn, id, &found.experiment)?,
    };
    match gone {
        0 => Err(not_yours(conn, item)?),
        // A process that holds the lock may have stored a document, but not yet the record that refers to it. So
        // documents are removed only while no process holds the lock.
        _ if process.is_none() => sweep_documents(conn),
        _ => Ok(()),
    }
}

fn delete_conversation(conn: &Connection, id: &str, experiment: &str) -> Result<usize, Fail> {
    for table in ["messages", "calls"] {
        let sql = format!(
            "delete from {table} where conversation = ?1
                or conversation in (select id from conversations where {QUESTIONS})"
        );
        conn.execute(&sql, [id, experiment])?;
    }
    conn.execute(
        &format!("delete from marks where item = ?1 or item in (select id from conversations where {QUESTIONS})"),
        [id, experiment],
    )?;
    Ok(conn.execute(&format!("delete from conversations where id = ?1 or ({QUESTIONS})"), [id, experiment])?)
}

fn delete_experiment(conn: &Connection, id: &str, creator: &str) -> Result<usize, Fail> {
    const MINE: &str = "(select id from experiments where id = ?1 and creator = ?2)";
    for table in ["messages", "calls"] {
        let sql = format!(
            "delete from {table} where conversation in (select id from conversations where experiment = {MINE})"
        );
        conn.execute(&sql, [id, creator])?;
    }
    conn.execute(
        &format!(
            "delete from marks where item = {MINE} or item in (select id from conversations where experiment = {MINE})"
        ),
        [id, creator],
    )?;
    for table in ["conversations", "runs"] {
        conn.execute(&format!("delete from {table} where experiment = {MINE}"), [id, creator])?;
    }
    Ok(conn.execute("delete from experiments where id = ?1 and creator = ?2", [id, creator])?)
}

/// Fails if the process that has locked the file works on an item now. This is so if a conversation of the item, or a
/// question about the item, is running. It is also so if the latest run belongs to the experiment and has not ended.
fn not_held(conn: &Connection, item: &Item, found: &Owned, process: &str) -> Result<(), Fail> {
    let only = if let Item::Conversation(id) = item { Some(id) } else { None };
    let spoken = conn
        .prepare_cached(
            "select coalesce((select creator from runs where id = owner), creator) from conversations
             where experiment = ?1 and (?2 is null or id = ?2 or subject = ?2) and status = 'running' and owner is not null limit 1",
        )?
        .query_row(params![found.experiment, only], |row| row.get::<_, String>(0))
        .optional()?;
    let run = conn
        .prepare_cached(
            "select creator from (select * from runs order by started desc, id desc limit 1)
             where experiment = ?1 and ended is null",
        )?
        .query_row([&found.experiment], |row| row.get::<_, String>(0))
        .optional()?;
    spoken.or(run).map_or(Ok(()), |who| {
        let (what, holder) = (found.what.clone(), format!("{who}, {process}"));
        Err(StoreError::Held { what, holder }.into())
    })
}

/// Removes documents to which no record refers. Texts stay, since calls share them.
fn sweep_documents(conn: &Connection) -> Result<(), Fail> {
    conn.execute(
        "delete from revisions where hash not in
            (select revision from experiments union select revision from conversations union select revision from runs)",
        [],
    )?;
    Ok(())
}
