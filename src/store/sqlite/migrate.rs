//! Numbered schemas: creating a new database, and migrating an older database after a backup.
//!
//! A schema's number is its place in the list of migrations, from 1. The list is a parameter, so that tests can act as
//! older and newer programs.

use super::fail::{Fail, Place};
use super::open::path_beside;
use super::schema::{APPLICATION_ID, read_version};
use crate::store::StoreError;
use rusqlite::Connection;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// SQL that creates or migrates to each schema.
pub(super) const MIGRATIONS: &[&str] = &[include_str!("migrations/0001.sql"), include_str!("migrations/0002.sql")];

/// Result of a migration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migrated {
    /// Schema before the migration.
    pub from: u32,
    /// Schema after the migration.
    pub to: u32,
    /// Path of the backup.
    pub backup: PathBuf,
}

/// Returns true if a database must be migrated. Fails if the database is newer than this program.
pub(super) fn is_older(found: u32, migrations: &[&str], place: &Place) -> Result<bool, StoreError> {
    let known = migrations.len() as u32;
    if found > known {
        return Err(StoreError::Newer { place: place.name.clone(), found, known });
    }
    Ok(found < known)
}

/// Creates the tables, if no other process has created them.
pub(super) fn create_tables(conn: &Connection, migrations: &[&str]) -> Result<(), Fail> {
    in_transaction(conn, || if read_version(conn)?.is_none() { apply_migrations(conn, 0, migrations) } else { Ok(()) })
}

/// Copies the database, then applies the migrations that it lacks. The caller holds the lock of a run.
pub(super) fn upgrade_file(conn: &Connection, path: &Path, from: u32, migrations: &[&str]) -> Result<Migrated, Fail> {
    let backup = back_up(conn, path, from)?;
    // Another process may have migrated the file before this one took the lock.
    in_transaction(conn, || {
        if read_version(conn)? == Some(from) { apply_migrations(conn, from, migrations) } else { Ok(()) }
    })?;
    Ok(Migrated { from, to: migrations.len() as u32, backup })
}

fn apply_migrations(conn: &Connection, from: u32, migrations: &[&str]) -> Result<(), Fail> {
    for migration in &migrations[from as usize..] {
        conn.execute_batch(migration)?;
    }
    conn.pragma_update(None, "application_id", APPLICATION_ID)?;
    conn.pragma_update(None, "user_version", migrations.len() as u32)?;
    Ok(())
}

fn in_transaction(conn: &Connection, change: impl Fn() -> Result<(), Fail>) -> Result<(), Fail> {
    conn.execute_batch("begin exclusive")?;
    let done = change().and_then(|()| Ok(conn.execute_batch("commit")?));
    if done.is_err() && !conn.is_autocommit() {
        conn.execute_batch("rollback").ok();
    }
    done
}

/// Copies the database to `PATH.schema-N.bak`, or to that name with a number if this file exists.
fn back_up(conn: &Connection, path: &Path, from: u32) -> Result<PathBuf, Fail> {
    let first = path_beside(path, &format!(".schema-{from}.bak"));
    let mut backup = first.clone();
    let mut copy = 1;
    while backup.symlink_metadata().is_ok() {
        copy += 1;
        backup = path_beside(&first, &format!(".{copy}"));
    }
    let name = backup.to_str().ok_or_else(|| Fail::Unknown("path in UTF-8, which a backup needs".to_owned()))?;
    let copied = conn.execute("vacuum into ?1", [name]);
    if let Err(error) = copied {
        fs::remove_file(&backup).ok();
        return Err(error.into());
    }
    // The backup must be on the disk before the migration begins.
    if let Ok(file) = File::open(&backup) {
        file.sync_all().ok();
    }
    Ok(backup)
}
