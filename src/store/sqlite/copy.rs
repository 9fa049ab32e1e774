//! Storing items of another database.

use super::calls::{self, Ready};
use super::experiments::{self, add, begin_run, end_run, keep};
use super::fail::Fail;
use super::rows::{self, all, first, json, text};
use super::turns;
use crate::process::log::Entry;
use crate::store::merge::{self, Merge, Whole};
use crate::store::{CallRecord, ConversationRecord, ExperimentRecord, RunRecord, StoreError, TransferItem};
use rusqlite::{Connection, params};

pub(super) fn revisions(conn: &Connection) -> Result<Vec<String>, Fail> {
    all(conn.prepare_cached("select hash from revisions order by hash")?, [], text)
}

/// An item with the values of its rows, computed outside the writer's thread.
pub(super) enum Arrived {
    /// Any item but a conversation.
    Small(TransferItem),
    /// A conversation.
    Conversation { record: Box<ConversationRecord>, log: Vec<Entry>, calls: Vec<Ready> },
}

impl Arrived {
    pub(super) fn new(item: TransferItem) -> Result<Self, Fail> {
        match item {
            TransferItem::Conversation { record, log, calls } => {
                let calls = calls.into_iter().map(Ready::new).collect::<Result<_, _>>()?;
                Ok(Self::Conversation { record, log, calls })
            }
            small => Ok(Self::Small(small)),
        }
    }
}

/// Stores an item of another database.
pub(super) fn receive(conn: &Connection, arrived: &Arrived) -> Result<(), Fail> {
    match arrived {
        Arrived::Small(TransferItem::Document(document, hash)) => keep(conn, hash, document),
        Arrived::Small(TransferItem::Experiment(given)) => experiment(conn, given),
        Arrived::Small(TransferItem::Run(given)) => run(conn, given),
        // `Arrived::new` makes the other variant of it.
        Arrived::Small(TransferItem::Conversation { .. }) => Ok(()),
        Arrived::Conversation { record, log, calls } => conversation(conn, record, log, calls),
    }
}

fn experiment(conn: &Connection, given: &ExperimentRecord) -> Result<(), Fail> {
    let sql = format!("select {} from experiments where id = ?1", rows::EXPERIMENT);
    let here = first(conn.prepare_cached(&sql)?, [&given.id], rows::experiment)?;
    if here.as_ref().map(|here| merge::experiments(here, given)).transpose()? == Some(false) {
        return Ok(());
    }
    if let Some(other) = experiments::experiment(conn, &given.creator, &given.name)?.filter(|e| e.id != given.id) {
        let why = format!("has the name of another here (id:{})", other.id);
        return Err(merge::another(given, &why).into());
    }
    conn.prepare_cached(
        "insert into experiments (id, name, creator, created, starred, note, version, parent, revision, run)
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
         on conflict (id) do update set name = excluded.name, starred = excluded.starred, note = excluded.note,
            version = excluded.version, revision = excluded.revision, run = excluded.run",
    )?
    .execute(params![
        given.id,
        given.name,
        given.creator,
        rows::iso(given.created)?,
        given.starred,
        given.note,
        given.version.cast_signed(),
        given.parent,
        given.revision,
        json(&given.run)?
    ])?;
    Ok(())
}

fn run(conn: &Connection, given: &RunRecord) -> Result<(), Fail> {
    let sql = format!("select {} from runs where id = ?1", rows::RUN);
    match first(conn.prepare_cached(&sql)?, [&given.id], rows::run)? {
        None => begin_run(conn, given),
        Some(here) => match merge::runs(&here, given)? {
            Some(ended) => end_run(conn, &given.id, ended),
            None => Ok(()),
        },
    }
}

fn conversation(conn: &Connection, given: &ConversationRecord, log: &[Entry], calls: &[Ready]) -> Result<(), Fail> {
    let id = &given.id;
    let sql = format!("select {} from conversations where id = ?1", rows::CONVERSATION);
    let record = match first(conn.prepare_cached(&sql)?, [id], rows::conversation)? {
        None => {
            let record = given.copied();
            add(conn, &given.experiment, &given.revision, &record)?;
            record
        }
        Some(here) => {
            let stored = (turns::log(conn, id, 0)?, calls::all_of(conn, id)?);
            let plain: Vec<CallRecord> = calls.iter().map(|c| c.call().clone()).collect();
            let here = Whole { record: &here, log: &stored.0, calls: &stored.1 };
            match merge::conversations(here, Whole { record: given, log, calls: &plain })? {
                Merge::Stays => return Ok(()),
                Merge::Marked(record) => return mark(conn, &record),
                Merge::Replaced(record) => {
                    conn.prepare_cached("delete from messages where conversation = ?1")?.execute([id])?;
                    conn.prepare_cached("delete from calls where conversation = ?1")?.execute([id])?;
                    mark(conn, &record)?;
                    *record
                }
            }
        }
    };
    fill(conn, &record, log, calls)
}

fn mark(conn: &Connection, record: &ConversationRecord) -> Result<(), Fail> {
    conn.prepare_cached("update conversations set note = ?2, starred = ?3, revision = ?4 where id = ?1")?
        .execute(params![record.id, record.note, record.starred, record.revision])?;
    Ok(())
}

/// Writes log and calls of a conversation that has none, and the counters of its row. Takes the next epoch, so that
/// writes of an earlier holder are refused.
fn fill(conn: &Connection, record: &ConversationRecord, log: &[Entry], calls: &[Ready]) -> Result<(), Fail> {
    let id = &record.id;
    let plain: Vec<&CallRecord> = calls.iter().map(Ready::call).collect();
    let tally = merge::tally(log, &plain);
    let begun = merge::is_begun(record, &tally, plain.len());
    let epoch = first(
        conn.prepare_cached(
            "update conversations set status = ?2, reason = ?3, retries = ?4, entries = ?5, answered = ?6,
                possible_spend = ?7, flags = ?8, ended_by = ?10, epoch = epoch + ?9, owner = null, host = null, boot = null, pid = null,
                until = null where id = ?1 returning epoch",
        )?,
        params![
            id,
            record.status.word(),
            record.reason,
            record.retries,
            tally.entries,
            tally.answered,
            tally.possible_spend,
            json(&tally.flags)?,
            begun,
            record.ended_by.as_ref().map(rows::word).transpose()?
        ],
        number,
    )?;
    let epoch = epoch.ok_or_else(|| StoreError::Refused {
        what: format!("conversation {id} has the key of another here: it stays as it is here"),
    })?;
    log.iter().try_for_each(|entry| turns::insert(conn, id, entry))?;
    for call in calls {
        calls::write(conn, id, epoch, call, &merge::written(call.call()))?;
    }
    Ok(())
}

fn number(c: &mut rows::Columns<'_>) -> Result<u64, Fail> {
    c.number()
}
