//! The database in one file: opening it, and running a read or a change on its connections.

use super::calls::Ready;
use super::fail::{Fail, Place};
use super::migrate::{self, Migrated};
use super::open::{self, Found};
use super::read::Readers;
use super::schema;
use super::writer::Writer;
use crate::store::gone::Seen;
use crate::store::{CallRecord, Lease, OpenMode, StoreError};
use rusqlite::Connection;
use std::fs::File;
use std::path::Path;

/// A database in one file.
pub struct Sqlite {
    pub(super) place: Place,
    pub(super) readers: Readers,
    writer: Option<Writer>,
    // This field is last, so that it is dropped, and the lock released, after the writer has finished.
    _lock: Option<File>,
}

/// Result of opening.
pub struct Opened {
    /// The database.
    pub store: Sqlite,
    /// True if the file was created.
    pub created: bool,
    /// The migration, if the file had an older schema.
    pub migrated: Option<Migrated>,
}

impl Sqlite {
    /// Opens the file at `path` for the purpose `mode`. `max_mb` is a quota of the file in MiB. The write-ahead log
    /// beside the file stays below an eighth of the quota, and below 4 MiB. This function blocks and needs no async
    /// runtime.
    pub fn open(path: &Path, mode: OpenMode, max_mb: Option<u32>) -> Result<Opened, StoreError> {
        Self::open_with(path, mode, max_mb, migrate::MIGRATIONS)
    }

    pub(super) fn open_with(
        path: &Path,
        mode: OpenMode,
        max_mb: Option<u32>,
        known: &[&str],
    ) -> Result<Opened, StoreError> {
        let place = Place::new(path, max_mb);
        let found = open::inspect_file(path, &place)?;
        let path = open::real_path(path, mode, &place)?;
        if mode == OpenMode::Read {
            return open_reading(&path, found, place, known);
        }
        open::try_locks(&path, &place)?;
        let mut lock = (mode == OpenMode::Run).then(|| open::take_lock(&path, &place)).transpose()?;
        let error = |fail| place.store_error(fail);
        let conn = open::open_writer(&path).map_err(error)?;
        let (created, migrated) = prepare_schema(&conn, &path, &place, &mut lock, known)?;
        open::configure_writer(&conn, max_mb).map_err(error)?;
        if mode == OpenMode::Write {
            lock = None;
        }
        let writer = Some(Writer::start_thread(conn, place.clone()).map_err(|e| place.unreachable_error(e))?);
        let store = Self { readers: Readers::new(path, None), place, writer, _lock: lock };
        Ok(Opened { store, created, migrated })
    }

    pub(super) async fn run_read<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection) -> Result<T, Fail> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.readers.run_query(&self.place, question).await
    }

    /// Runs a query, and returns what is known about the processes that work on the conversations which it read.
    pub(super) async fn run_seen<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection) -> Result<T, Fail> + Send + 'static,
    ) -> Result<(T, Seen<impl Fn(&Lease) -> bool>), StoreError> {
        let path = self.readers.path();
        // A run that begins or ends between the query and a look at the lock must not look like a killed one.
        let was_free = open::is_free(path);
        let found = self.run_read(question).await?;
        let is_free = was_free && open::is_free(path);
        Ok((found, Seen { has_lapsed: move |_: &Lease| is_free }))
    }

    pub(super) async fn run_write<T: Send + 'static>(
        &self,
        change: impl Fn(&Connection) -> Result<T, Fail> + Send + 'static,
    ) -> Result<T, StoreError> {
        let writer = self
            .writer
            .as_ref()
            .ok_or_else(|| StoreError::Refused { what: format!("{} was opened for reading only", self.place.name) })?;
        writer.write(&self.place, change).await
    }

    pub(super) fn prepare_call(&self, call: CallRecord) -> Result<Ready, StoreError> {
        Ready::new(call).map_err(|fail| self.place.store_error(fail))
    }
}

fn open_reading(path: &Path, found: Found, place: Place, known: &[&str]) -> Result<Opened, StoreError> {
    let missing = || StoreError::Missing { place: place.name.clone() };
    if found == Found::Nothing {
        return Err(missing());
    }
    let error = |fail| place.store_error(fail);
    let conn = open::open_reader(path).map_err(|fail| match place.store_error(fail) {
        busy @ StoreError::Locked { .. } => open::try_locks(path, &place).err().unwrap_or(busy),
        other => other,
    })?;
    let found = schema::read_version(&conn).map_err(error)?.ok_or_else(missing)?;
    migrate::is_older(found, known, &place)?;
    let readers = Readers::new(path.to_owned(), Some(conn));
    Ok(Opened { store: Sqlite { place, readers, writer: None, _lock: None }, created: false, migrated: None })
}

/// Creates the tables, or migrates them. A migration takes the lock of a run, since the tables must not change while an
/// older program runs.
fn prepare_schema(
    conn: &Connection,
    path: &Path,
    place: &Place,
    lock: &mut Option<File>,
    known: &[&str],
) -> Result<(bool, Option<Migrated>), StoreError> {
    let error = |fail| place.store_error(fail);
    let Some(found) = schema::read_version(conn).map_err(error)? else {
        migrate::create_tables(conn, known).map_err(error)?;
        return Ok((true, None));
    };
    if !migrate::is_older(found, known, place)? {
        return Ok((false, None));
    }
    if lock.is_none() {
        *lock = Some(open::take_lock(path, place)?);
    }
    Ok((false, Some(migrate::upgrade_file(conn, path, found, known).map_err(error)?)))
}
