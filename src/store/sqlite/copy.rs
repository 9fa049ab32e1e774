//! Storing items of another database.

use super::calls::{self, Ready};
use super::experiments::{self, begin_run, end_run, insert_conversation, keep_document};
use super::fail::Fail;
use super::rows::{self, read_all, read_first, read_text, to_json};
use super::{marks, turns};
use crate::process::log::Entry;
use crate::store::merge::{self, Merge, Whole};
use crate::store::{CallRecord, ConversationRecord, ExperimentRecord, RunRecord, StoreError, TransferItem};
use rusqlite::{Connection, params};

pub(super) fn list_revisions(conn: &Connection) -> Result<Vec<String>, Fail> {
    read_all(conn.prepare_cached("select hash from revisions order by hash")?, [], read_text)
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
pub(super) fn receive_item(conn: &Connection, arrived: &Arrived) -> Result<(), Fail> {
    match arrived {
        Arrived::Small(TransferItem::Document(document, hash)) => keep_document(conn, hash, document),
        Arrived::Small(TransferItem::Experiment(given)) => receive_experiment(conn, given),
        Arrived::Small(TransferItem::Run(given)) => receive_run(conn, given),
        Arrived::Small(TransferItem::Mark(given)) => marks::receive_mark(conn, given),
        // This arm is never reached, since `Arrived::new` converts a conversation into `Arrived::Conversation`.
        Arrived::Small(TransferItem::Conversation { .. }) => Ok(()),
        Arrived::Conversation { record, log, calls } => receive_conversation(conn, record, log, calls),
    }
}

fn receive_experiment(conn: &Connection, given: &ExperimentRecord) -> Result<(), Fail> {
    let sql = format!("select {} from experiments where id = ?1", rows::EXPERIMENT);
    let here = read_first(conn.prepare_cached(&sql)?, [&given.id], rows::read_experiment)?;
    if here.as_ref().map(|here| merge::replaces_experiment(here, given)).transpose()? == Some(false) {
        return Ok(());
    }
    if let Some(other) = experiments::find_experiment(conn, &given.creator, &given.name)?.filter(|e| e.id != given.id) {
        let why = format!("has the name of another here (id:{})", other.id);
        return Err(merge::refuse_experiment(given, &why).into());
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
        rows::format_instant(given.created)?,
        given.starred,
        given.note,
        given.version.cast_signed(),
        given.parent,
        given.revision,
        to_json(&given.run)?
    ])?;
    Ok(())
}

fn receive_run(conn: &Connection, given: &RunRecord) -> Result<(), Fail> {
    let sql = format!("select {} from runs where id = ?1", rows::RUN);
    match read_first(conn.prepare_cached(&sql)?, [&given.id], rows::read_run)? {
        None => begin_run(conn, given),
        Some(here) => match merge::new_run_end(&here, given)? {
            Some(ended) => end_run(conn, &given.id, ended),
            None => Ok(()),
        },
    }
}

fn receive_conversation(
    conn: &Connection,
    given: &ConversationRecord,
    log: &[Entry],
    calls: &[Ready],
) -> Result<(), Fail> {
    let id = &given.id;
    let sql = format!("select {} from conversations where id = ?1", rows::CONVERSATION);
    let record = match read_first(conn.prepare_cached(&sql)?, [id], rows::read_conversation)? {
        None => {
            let record = given.as_copied();
            insert_conversation(conn, &given.experiment, &given.revision, &record)?;
            record
        }
        Some(here) => {
            let stored = (turns::log_from(conn, id, 0)?, calls::all_of(conn, id)?);
            let plain: Vec<CallRecord> = calls.iter().map(|c| c.call().clone()).collect();
            let here = Whole { record: &here, log: &stored.0, calls: &stored.1 };
            match merge::merge_conversations(here, Whole { record: given, log, calls: &plain })? {
                Merge::Stays => return Ok(()),
                Merge::Marked(record) => return write_marks(conn, &record),
                Merge::Replaced(record) => {
                    conn.prepare_cached("delete from messages where conversation = ?1")?.execute([id])?;
                    conn.prepare_cached("delete from calls where conversation = ?1")?.execute([id])?;
                    write_marks(conn, &record)?;
                    *record
                }
            }
        }
    };
    fill_log(conn, &record, log, calls)
}

fn write_marks(conn: &Connection, record: &ConversationRecord) -> Result<(), Fail> {
    conn.prepare_cached("update conversations set note = ?2, starred = ?3, revision = ?4 where id = ?1")?
        .execute(params![record.id, record.note, record.starred, record.revision])?;
    Ok(())
}

/// Writes log and calls of a conversation without a log, and the counters of its row. Takes the next epoch, so that
/// writes of an earlier holder are refused.
fn fill_log(conn: &Connection, record: &ConversationRecord, log: &[Entry], calls: &[Ready]) -> Result<(), Fail> {
    let id = &record.id;
    let plain: Vec<&CallRecord> = calls.iter().map(Ready::call).collect();
    let tally = merge::tally_log(log, &plain);
    let begun = merge::is_begun(record, &tally, plain.len());
    let epoch = read_first(
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
            to_json(&tally.flags)?,
            begun,
            record.ended_by.as_ref().map(rows::to_word).transpose()?
        ],
        read_number,
    )?;
    let epoch = epoch.ok_or_else(|| StoreError::Refused {
        what: format!("conversation {id} has the key of another here: it stays as it is here"),
    })?;
    log.iter().try_for_each(|entry| turns::insert_entry(conn, id, entry))?;
    for call in calls {
        calls::write_row(conn, id, epoch, call, &merge::written_call(call.call()))?;
    }
    Ok(())
}

fn read_number(c: &mut rows::Columns<'_>) -> Result<u64, Fail> {
    c.next_number()
}
