//! Queries that watching polls.

use super::fail::Fail;
use super::rows::{self, read_all, read_first};
use super::turns;
use crate::store::{ConversationUpdate, Status, Unfinished, Waiting};
use rusqlite::Connection;

/// Returns the conversations of an experiment that are not done. Finished conversations are counted in the index alone.
pub(super) fn list_unfinished(conn: &Connection, experiment: &str) -> Result<Unfinished, Fail> {
    let done = conn.prepare_cached(
        "select revision, count(*) from conversations
         where experiment = ?1 and kind = 'conversation' and status = 'done' group by revision",
    )?;
    let others = conn.prepare_cached(
        "select id, revision, status from conversations
         where experiment = ?1 and kind = 'conversation' and status <> 'done'",
    )?;
    let read = |c: &mut rows::Columns<'_>| {
        Ok(Waiting { id: c.next()?, revision: c.next()?, status: c.next_word(Status::of)? })
    };
    let mut others = read_all(others, [experiment], read)?;
    others.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(Unfinished { done: read_all(done, [experiment], |c| Ok((c.next()?, c.next()?)))?.into_iter().collect(), others })
}

/// Returns records of conversations, each with its log from an entry on.
pub(super) fn read_updates(conn: &Connection, of: &[(String, u32)]) -> Result<Vec<ConversationUpdate>, Fail> {
    let sql = format!("select {} from conversations where id = ?1", rows::CONVERSATION);
    let mut updates = Vec::new();
    for (id, from) in of {
        if let Some(record) = read_first(conn.prepare_cached(&sql)?, [id], rows::read_conversation)? {
            updates.push((record, turns::log_from(conn, id, *from)?));
        }
    }
    Ok(updates)
}
