//! Opening a file: whose it is, the lock of a run, connections and their settings.

use super::fail::{Fail, Place};
use super::schema::{self, APPLICATION_ID};
use crate::store::{OpenMode, StoreError};
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long one connection waits for another before it says that the file is in use.
const BUSY: Duration = Duration::from_secs(10);
/// Statements kept prepared for each connection.
const STATEMENTS: usize = 64;
const PAGE_BYTES: u64 = 4096;
/// Pages in the write-ahead log after which it is copied into the file: `SQLite`'s own default.
const CHECKPOINT_PAGES: u64 = 1000;

/// What stands at the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// No file, or one that was never written.
    Nothing,
    /// A database that may be ours.
    Database,
}

/// Looks at the file's first bytes without opening it as a database, so that nothing of another program's is touched.
pub(super) fn inspect(path: &Path, place: &Place) -> Result<Found, StoreError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(error) => return Err(place.unreachable(error)),
    };
    if file.metadata().is_ok_and(|m| m.is_dir()) {
        return Err(place.foreign("it is a folder"));
    }
    let mut header = Vec::with_capacity(100);
    file.take(100).read_to_end(&mut header).map_err(|e| place.unreachable(e))?;
    match header.len() {
        0 => Ok(Found::Nothing),
        100 if header.starts_with(b"SQLite format 3\0") => whose(&header, place),
        _ => Err(place.foreign("it is not an SQLite file")),
    }
}

/// Ours is marked from its first commit on; what is not marked and ever had a table is another's.
fn whose(header: &[u8], place: &Place) -> Result<Found, StoreError> {
    let number = |at: usize| header[at..at + 4].iter().fold(0, |n: u32, byte| n << 8 | u32::from(*byte));
    let (schema_cookie, application) = (number(40), number(68));
    match (application, schema_cookie) {
        (APPLICATION_ID, _) | (0, 0) => Ok(Found::Database),
        _ => Err(place.foreign("it is another program's SQLite file")),
    }
}

/// The real path of a file that may not exist yet: one lock for all the ways to write it.
pub(super) fn real(path: &Path, mode: OpenMode, place: &Place) -> Result<PathBuf, StoreError> {
    if let Ok(real) = path.canonicalize() {
        return Ok(real);
    }
    let name = path.file_name().ok_or_else(|| place.foreign("it is a folder"))?;
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match folder.canonicalize() {
        Ok(folder) => Ok(folder.join(name)),
        Err(_) if mode == OpenMode::Read => Err(StoreError::Missing { place: place.name.clone() }),
        Err(cause) => Err(place.unreachable(format!("its folder {}: {cause}; make it first", folder.display()))),
    }
}

/// `PATH` with something after it.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Takes the lock of a run. It lives as long as the file that is returned, and no longer than the process.
/// `PATH.lock` itself stays: removing it would let two processes hold two files of one name.
pub(super) fn lock(path: &Path, place: &Place) -> Result<File, StoreError> {
    let path = beside(path, ".lock");
    let failed = |e: io::Error| place.unreachable(format!("its lock {}: {e}", path.display()));
    let mut file = File::options().read(true).write(true).create(true).truncate(false).open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(StoreError::Locked { place: place.name.clone(), holder: holder(&path) });
        }
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    // The text is for people only; a disk without space must not keep a run from going on.
    file.set_len(0).and_then(|()| writeln!(file, "convoke (pid {})", std::process::id())).ok();
    Ok(file)
}

/// Who runs on the database now. Makes no lock; looking at one takes it for an instant, shared.
pub(super) fn held_by(path: &Path) -> Option<String> {
    let path = beside(path, ".lock");
    let file = File::open(&path).ok()?;
    matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)).then(|| holder(&path))
}

fn holder(lock: &Path) -> String {
    let text = fs::read_to_string(lock).unwrap_or_default();
    let safe: String = text.trim().chars().filter(|c| !c.is_control()).take(60).collect();
    if safe.is_empty() { "another process".to_owned() } else { safe }
}

/// A connection that may write. `path` is a real path, so that no name such as `:memory:` means anything else.
pub(super) fn writer(path: &Path) -> Result<Connection, Fail> {
    let conn = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    conn.busy_timeout(BUSY)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(conn)
}

/// The settings of the connection that writes: what is answered is on the disk (contract R2), and a quota holds.
pub(super) fn settle(conn: &Connection, max_mb: Option<u32>) -> Result<(), Fail> {
    let quota = max_mb.map(|mb| u64::from(mb) * 1024 * 1024 / PAGE_BYTES);
    // Under a quota the write-ahead log beside the file must stay small too.
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

/// A connection that reads. In a folder that cannot be written the file is read as it stands, if no writer left
/// anything beside it.
pub(super) fn reader(path: &Path) -> Result<Connection, Fail> {
    match readable(Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )) {
        // A writer that lives keeps its shared memory beside the file, and then the first way works; one that was
        // killed left a log with something in it, which must not be passed over.
        Err(Fail::Sql(error)) if is_refusal(&error) && log_is_empty(path) => readable(frozen(path)),
        result => result,
    }
}

fn readable(opened: rusqlite::Result<Connection>) -> Result<Connection, Fail> {
    let conn = opened?;
    conn.busy_timeout(BUSY)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    // Reads the file, so that one that cannot be opened is found here.
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
    fs::metadata(beside(path, "-wal")).map_or(0, |m| m.len()) == 0
}

fn hex_digit(value: u8) -> char {
    char::from_digit(value.into(), 16).unwrap_or('0')
}

pub(super) fn frozen(path: &Path) -> rusqlite::Result<Connection> {
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
