//! A quick look at a file, for `doctor`: nothing is made, migrated or changed.

use super::database::Sqlite;
use super::fail::Place;
use super::migrate::MIGRATIONS;
use super::open::{self, Found};
use super::rows::{all, text};
use super::schema;
use crate::store::{OpenMode, StoreError};
use std::path::Path;

/// The result of a quick look at a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Its schema, and the one that this program reads.
    pub schema: (u32, u32),
    /// Bytes, the write-ahead log included.
    pub bytes: u64,
    /// Faults that SQLite finds; empty if there are none.
    pub faults: Vec<String>,
    /// The process that runs on it now.
    pub holder: Option<String>,
}

impl Sqlite {
    /// Looks at the file at `path`. Blocks for as long as SQLite needs to read the file once.
    pub fn health(path: &Path) -> Result<Health, StoreError> {
        let place = Place::new(path, None);
        let missing = || StoreError::Missing { place: place.name.clone() };
        if open::inspect(path, &place)? == Found::Nothing {
            return Err(missing());
        }
        let path = open::real(path, OpenMode::Read, &place)?;
        let look = || {
            let conn = open::reader(&path)?;
            let found = schema::version(&conn)?;
            let faults = all(conn.prepare_cached("pragma quick_check(20)")?, [], text)?;
            Ok((found, faults))
        };
        let (found, mut faults) = look().map_err(|fail| place.error(fail))?;
        faults.retain(|word| word != "ok");
        let bytes = |path: &Path| std::fs::metadata(path).map_or(0, |m| m.len());
        Ok(Health {
            schema: (found.ok_or_else(missing)?, MIGRATIONS.len() as u32),
            bytes: bytes(&path) + bytes(&open::beside(&path, "-wal")),
            faults,
            holder: open::held_by(&path),
        })
    }
}
