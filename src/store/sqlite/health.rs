//! A short check of a file, for `doctor`. The check creates, migrates and changes nothing.

use super::database::Sqlite;
use super::fail::Place;
use super::migrate::MIGRATIONS;
use super::open::{self, Found};
use super::rows::{read_all, read_text};
use super::schema;
use crate::store::{OpenMode, StoreError};
use std::path::Path;

/// Result of a short check of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Schema of the file, and newest schema that this program reads.
    pub schema: (u32, u32),
    /// Size in bytes, including the write-ahead log.
    pub bytes: u64,
    /// Faults that SQLite finds; empty if there are none.
    pub faults: Vec<String>,
    /// The process that holds the lock of a run.
    pub holder: Option<String>,
}

impl Sqlite {
    /// Tries the locks that a database at `path` needs. The file need not exist.
    pub fn check_locks(path: &Path) -> Result<(), StoreError> {
        open::try_locks(path, &Place::new(path, None))
    }

    /// Checks the file at `path`. Blocks while SQLite reads the whole file once.
    pub fn check_file(path: &Path) -> Result<Health, StoreError> {
        let place = Place::new(path, None);
        let missing = || StoreError::Missing { place: place.name.clone() };
        if open::inspect_file(path, &place)? == Found::Nothing {
            return Err(missing());
        }
        let path = open::real_path(path, OpenMode::Read, &place)?;
        let look = || {
            let conn = open::open_reader(&path)?;
            let found = schema::read_version(&conn)?;
            let faults = read_all(conn.prepare_cached("pragma quick_check(20)")?, [], read_text)?;
            Ok((found, faults))
        };
        let (found, mut faults) = look().map_err(|fail| place.store_error(fail))?;
        faults.retain(|word| word != "ok");
        let bytes = |path: &Path| std::fs::metadata(path).map_or(0, |m| m.len());
        Ok(Health {
            schema: (found.ok_or_else(missing)?, MIGRATIONS.len() as u32),
            bytes: bytes(&path) + bytes(&open::path_beside(&path, "-wal")),
            faults,
            holder: open::held_by(&path),
        })
    }
}
