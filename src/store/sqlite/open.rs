//! Opening a file: the program that it belongs to, the lock of a run, connections and their settings.

use super::fail::{Fail, Place};
use super::schema::{self, APPLICATION_ID};
use crate::store::{OpenMode, StoreError};
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// Time for which a connection waits for another before it fails as busy.
const BUSY: Duration = Duration::from_secs(10);
/// Time for which a run waits for readers of its lock.
const READERS: Duration = Duration::from_secs(1);
/// Number of prepared statements that each connection caches.
const STATEMENTS: usize = 64;
const PAGE_BYTES: u64 = 4096;
/// Number of pages in the write-ahead log that starts a checkpoint: `SQLite`'s default.
const CHECKPOINT_PAGES: u64 = 1000;

/// Kind of file at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// No file, or an empty one.
    Nothing,
    /// A database that may be convoke's.
    Database,
}

/// Reads the file's first bytes. The file is not opened as a database, so that a file of another program stays
/// untouched.
pub(super) fn inspect_file(path: &Path, place: &Place) -> Result<Found, StoreError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(error) => return Err(place.unreachable_error(error)),
    };
    if file.metadata().is_ok_and(|m| m.is_dir()) {
        return Err(place.foreign_error("it is a folder"));
    }
    let mut header = Vec::with_capacity(100);
    file.take(100).read_to_end(&mut header).map_err(|e| place.unreachable_error(e))?;
    match header.len() {
        0 => Ok(Found::Nothing),
        100 if header.starts_with(b"SQLite format 3\0") => check_owner(&header, place),
        _ => Err(place.foreign_error("it is not an SQLite file")),
    }
}

/// Decides whether a database is convoke's. The first commit of convoke marks its database. An unmarked database that
/// ever had a table belongs to another program.
fn check_owner(header: &[u8], place: &Place) -> Result<Found, StoreError> {
    let number = |at: usize| header[at..at + 4].iter().fold(0, |n: u32, byte| n << 8 | u32::from(*byte));
    let (schema_cookie, application) = (number(40), number(68));
    match (application, schema_cookie) {
        (APPLICATION_ID, _) | (0, 0) => Ok(Found::Database),
        _ => Err(place.foreign_error("it is another program's SQLite file")),
    }
}

/// Returns the real path of a file that may not exist yet, so that every spelling of a path uses the same lock.
pub(super) fn real_path(path: &Path, mode: OpenMode, place: &Place) -> Result<PathBuf, StoreError> {
    if let Ok(real) = path.canonicalize() {
        return Ok(real);
    }
    let name = path.file_name().ok_or_else(|| place.foreign_error("it is a folder"))?;
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match folder.canonicalize() {
        Ok(folder) => Ok(folder.join(name)),
        Err(_) if mode == OpenMode::Read => Err(StoreError::Missing { place: place.name.clone() }),
        Err(cause) => Err(place.unreachable_error(format!("its folder {}: {cause}; make it first", folder.display()))),
    }
}

/// Returns `PATH` with a suffix.
pub(super) fn path_beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Takes the lock of a run. The lock is released when the returned file is closed. `PATH.lock` is never removed, since
/// two processes could then lock two files of the same name.
pub(super) fn take_lock(path: &Path, place: &Place) -> Result<File, StoreError> {
    let path = path_beside(path, ".lock");
    let failed = |e: io::Error| place.unreachable_error(format!("its lock {}: {e}", path.display()));
    let mut file = File::options().read(true).write(true).create(true).truncate(false).open(&path).map_err(failed)?;
    match wait_for_lock(&file) {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(StoreError::Locked { place: place.name.clone(), holder: read_holder(&path) });
        }
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    // Only people read this text, so a failure is ignored: a full disk must not stop a run.
    file.set_len(0).and_then(|()| writeln!(file, "convoke (pid {})", std::process::id())).ok();
    Ok(file)
}

/// Tries both kinds of locks that a database needs, on a new file beside it. Where no file can be made, opening the
/// database gives the reason.
pub(super) fn try_locks(path: &Path, place: &Place) -> Result<(), StoreError> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Ok(probe) = tempfile::Builder::new().prefix(".convoke-").tempfile_in(folder) else { return Ok(()) };
    if let Err(TryLockError::Error(error)) = probe.as_file().try_lock() {
        return Err(place.no_locks_error(error));
    }
    let locked =
        Connection::open_with_flags(probe.path(), OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)
            .and_then(|conn| {
                conn.busy_timeout(Duration::ZERO)?;
                conn.execute_batch("begin exclusive; rollback")
            });
    match locked {
        // Nobody else knows this file, so nobody holds it.
        Err(error)
            if matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::SystemIoFailure)) =>
        {
            Err(place.no_locks_error("a file that is new cannot be locked"))
        }
        _ => Ok(()),
    }
}

/// Waits a moment for a reader, which locks the file for an instant to see if somebody holds it.
fn wait_for_lock(file: &File) -> Result<(), TryLockError> {
    let begun = Instant::now();
    loop {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) if begun.elapsed() < READERS => thread::sleep(READERS / 50),
            locked => return locked,
        }
    }
}

/// Returns true if no run holds the lock. Where that cannot be known, it returns false.
pub(super) fn is_free(path: &Path) -> bool {
    match File::open(path_beside(path, ".lock")) {
        Ok(file) => file.try_lock_shared().is_ok(),
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

/// Returns the process that holds the lock of a run. Does not create the lock file, but locks an existing one in shared
/// mode for an instant.
pub(super) fn held_by(path: &Path) -> Option<String> {
    let path = path_beside(path, ".lock");
    let file = File::open(&path).ok()?;
    matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)).then(|| read_holder(&path))
}

fn read_holder(lock: &Path) -> String {
    let text = fs::read_to_string(lock).unwrap_or_default();
    let safe: String = text.trim().chars().filter(|c| !c.is_control()).take(60).collect();
    if safe.is_empty() { "another process".to_owned() } else { safe }
}

/// Opens a connection that may write. `path` is a real path, so that a name such as `:memory:` has no special meaning.
pub(super) fn open_writer(path: &Path) -> Result<Connection, Fail> {
    let conn = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    conn.busy_timeout(BUSY)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(conn)
}

/// Sets durability (contract R2) and quota of the connection that writes.
pub(super) fn configure_writer(conn: &Connection, max_mb: Option<u32>) -> Result<(), Fail> {
    let quota = max_mb.map(|mb| u64::from(mb) * 1024 * 1024 / PAGE_BYTES);
    // A quota limits the write-ahead log beside the file too.
    let log = quota.map_or(CHECKPOINT_PAGES, |pages| (pages / 8).clamp(16, CHECKPOINT_PAGES));
    conn.execute_batch(&format!(
        "pragma journal_mode = wal;
         pragma synchronous = full;
         pragma foreign_keys = on;
         pragma wal_autocheckpoint = {log};
         pragma journal_size_limit = {};",
        log * PAGE_BYTES
    ))?;
    if let Some(pages) = quota {
        conn.execute_batch(&format!("pragma max_page_count = {}", pages.min(u64::from(u32::MAX) - 2)))?;
    }
    Ok(())
}

/// Opens a connection that reads. In a read-only folder it reads the database file alone, but only if the write-ahead
/// log is empty.
pub(super) fn open_reader(path: &Path) -> Result<Connection, Fail> {
    match configure_reader(Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )) {
        // A live writer keeps its shared memory beside the file, so the normal connection above works. A killed writer
        // may leave a log with content, which must not be ignored.
        Err(Fail::Sql(error)) if is_refusal(&error) && log_is_empty(path) => configure_reader(open_immutable(path)),
        result => result,
    }
}

fn configure_reader(opened: rusqlite::Result<Connection>) -> Result<Connection, Fail> {
    let conn = opened?;
    conn.busy_timeout(BUSY)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    // Reads the file, so that an unreadable file fails here.
    schema::read_as_current(&conn)?;
    conn.pragma_update(None, "query_only", true)?;
    Ok(conn)
}

fn is_refusal(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::SystemIoFailure)
    )
}

fn log_is_empty(path: &Path) -> bool {
    fs::metadata(path_beside(path, "-wal")).map_or(0, |m| m.len()) == 0
}

fn hex_digit(value: u8) -> char {
    char::from_digit(value.into(), 16).unwrap_or('0')
}

pub(super) fn open_immutable(path: &Path) -> rusqlite::Result<Connection> {
    let mut uri = "file:".to_owned();
    for byte in path.to_string_lossy().bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => uri.push(char::from(byte)),
            _ => uri.extend(['%', hex_digit(byte >> 4), hex_digit(byte & 15)]),
        }
    }
    uri.push_str("?immutable=1");
    Connection::open_with_flags(
        uri,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )
}
