//! The mark and the schema number in a file's header, and views for reading an older schema.

use super::fail::Fail;
use rusqlite::Connection;

/// `cnvk`: marks the file as convoke's, in its header.
pub(super) const APPLICATION_ID: u32 = 0x636e_766b;

/// Statements that let a connection read an older schema as the current one without changing the file.
const AS_CURRENT: &[(u32, &str)] = &[(1, include_str!("migrations/0001_as_0002.sql"))];

/// Lets a connection read an older file as if it had the current schema.
pub(super) fn read_as_current(conn: &Connection) -> Result<(), Fail> {
    let found = read_version(conn)?;
    for (_, statements) in AS_CURRENT.iter().filter(|(schema, _)| Some(*schema) == found) {
        conn.execute_batch(statements)?;
    }
    Ok(())
}

/// Returns the schema of an open database; `None` if it has no table.
pub(super) fn read_version(conn: &Connection) -> Result<Option<u32>, Fail> {
    let tables: u32 = conn.query_row("select count(*) from sqlite_schema", [], |row| row.get(0))?;
    let application: u32 = conn.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let version: u32 = conn.pragma_query_value(None, "user_version", |row| row.get(0))?;
    Ok((tables > 0 || application == APPLICATION_ID).then_some(version))
}
