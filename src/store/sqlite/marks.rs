//! Stars and notes. The creator's are in the item's row, those of others in `marks`. Of a conversation, `marks` has the
//! creator's too, with their instant.

use super::colleagues::find_owned;
use super::fail::Fail;
use super::rows::{Columns, format_instant, read_all};
use crate::store::{Item, Mark, MarkRecord, Millis};
use rusqlite::{Connection, params};

/// Changes note or star; `None` changes nothing.
pub(super) fn mark_item(conn: &Connection, item: &Item, person: &str, mark: &Mark) -> Result<(), Fail> {
    let (sql, id) = match item {
        Item::Experiment(id) => (
            "update experiments set note = iif(?3, ?4, note), starred = coalesce(?5, starred), version = version + 1
             where id = ?1 and creator = ?2",
            id,
        ),
        Item::Conversation(id) => (
            "update conversations set note = iif(?3, ?4, note), starred = coalesce(?5, starred)
             where id = ?1 and creator = ?2",
            id,
        ),
    };
    let (is_new, note) = (mark.note.is_some(), mark.note.clone().flatten());
    if conn.prepare_cached(sql)?.execute(params![id, person, is_new, note, mark.starred])? > 0 {
        return date_mark(conn, id, mark.at);
    }
    // Fails for an item that does not exist.
    find_owned(conn, item)?;
    conn.prepare_cached(
        "insert into marks (item, person, starred, note, at) values (?1, ?2, coalesce(?5, 0), ?4, ?6)
         on conflict (item, person) do update set note = iif(?3, ?4, note), starred = coalesce(?5, starred), at = ?6",
    )?
    .execute(params![id, person, is_new, note, mark.starred, format_instant(mark.at)?])?;
    Ok(())
}

/// Stores the instant of the creator's mark of a conversation. A copy to another database compares it.
fn date_mark(conn: &Connection, id: &str, at: Millis) -> Result<(), Fail> {
    conn.prepare_cached(
        "insert into marks (item, person, starred, note, at)
            select id, creator, starred, note, ?2 from conversations where id = ?1
         on conflict (item, person) do update set starred = excluded.starred, note = excluded.note, at = excluded.at",
    )?
    .execute(params![id, format_instant(at)?])?;
    Ok(())
}

/// Returns all marks, in the order of item and person.
pub(super) fn list_marks(conn: &Connection) -> Result<Vec<MarkRecord>, Fail> {
    let statement = conn.prepare_cached("select item, person, starred, note, at from marks order by item, person")?;
    read_all(statement, [], |c: &mut Columns<'_>| {
        Ok(MarkRecord {
            item: c.next()?,
            person: c.next()?,
            starred: c.next()?,
            note: c.next()?,
            at: c.next_instant()?,
        })
    })
}

/// Stores a mark of another database, if its item is here and no later mark of the same person. A creator's mark of a
/// conversation is in its row too.
pub(super) fn receive_mark(conn: &Connection, given: &MarkRecord) -> Result<(), Fail> {
    let MarkRecord { item, person, starred, note, at } = given;
    let stored = conn
        .prepare_cached(
            "insert into marks (item, person, starred, note, at) select ?1, ?2, ?3, ?4, ?5
         where exists (select 1 from experiments where id = ?1) or exists (select 1 from conversations where id = ?1)
         on conflict (item, person) do update set starred = excluded.starred, note = excluded.note, at = excluded.at
            where excluded.at > marks.at",
        )?
        .execute(params![item, person, starred, note, format_instant(*at)?])?;
    if stored > 0 {
        conn.prepare_cached("update conversations set starred = ?3, note = ?4 where id = ?1 and creator = ?2")?
            .execute(params![item, person, starred, note])?;
    }
    Ok(())
}
