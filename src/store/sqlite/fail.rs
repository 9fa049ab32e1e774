//! Failures inside the database, and the error that the caller gets.

use crate::store::StoreError;
use rusqlite::ErrorCode;
use std::fs;
use std::path::Path;

/// `SQLITE_IOERR_SHMSIZE`: the disk has no space for more shared memory beside the file.
const SHARED_MEMORY_FULL: i32 = 4874;

/// `SQLITE_IOERR_WRITE`: a write failed for another reason than a full disk.
const WRITE_FAILED: i32 = 778;

/// Returns the limit on the size of this process's files in bytes, if there is one (`ulimit -f`).
fn file_limit() -> Option<String> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find(|line| line.starts_with("Max file size"))?;
    line.split_whitespace().nth(3).filter(|soft| *soft != "unlimited").map(str::to_owned)
}

#[derive(Debug)]
pub(super) enum Fail {
    Sql(rusqlite::Error),
    /// Stored data cannot be read as the type that it should have.
    Damaged(String),
    /// The named item does not exist.
    Unknown(String),
    /// An error that reaches the caller unchanged.
    Store(StoreError),
}

impl From<rusqlite::Error> for Fail {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<serde_json::Error> for Fail {
    fn from(error: serde_json::Error) -> Self {
        Self::Damaged(error.to_string())
    }
}

impl From<StoreError> for Fail {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Name and quota of the database, for messages.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// `sqlite:PATH` as the person wrote it.
    pub(super) name: String,
    max_mb: Option<u32>,
}

impl Place {
    pub(super) fn new(path: &Path, max_mb: Option<u32>) -> Self {
        Self { name: format!("sqlite:{}", path.display()), max_mb }
    }

    /// Returns the error for the caller.
    pub(super) fn store_error(&self, fail: Fail) -> StoreError {
        let place = self.name.clone();
        match fail {
            Fail::Store(error) => error,
            Fail::Damaged(cause) => StoreError::Damaged { place, cause },
            Fail::Unknown(what) => StoreError::Unknown { place, what },
            Fail::Sql(error) => self.sql_error(&error),
        }
    }

    pub(super) fn unreachable_error(&self, cause: impl std::fmt::Display) -> StoreError {
        StoreError::Unreachable { place: self.name.clone(), cause: cause.to_string() }
    }

    pub(super) fn no_locks_error(&self, cause: impl std::fmt::Display) -> StoreError {
        StoreError::NoLocks { place: self.name.clone(), cause: cause.to_string() }
    }

    pub(super) fn foreign_error(&self, cause: &str) -> StoreError {
        StoreError::Foreign { place: self.name.clone(), cause: cause.to_owned() }
    }

    fn sql_error(&self, error: &rusqlite::Error) -> StoreError {
        let (place, cause) = (self.name.clone(), error.to_string());
        match error.sqlite_error().map(|e| e.extended_code) {
            Some(SHARED_MEMORY_FULL) => return self.full_error(),
            Some(WRITE_FAILED) if file_limit().is_some() => return self.full_error(),
            _ => {}
        }
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => self.full_error(),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                StoreError::Locked { place, holder: "another program".to_owned() }
            }
            Some(ErrorCode::NotADatabase) => StoreError::Foreign { place, cause },
            Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => {
                self.unreachable_error(format!("{cause}; you must be allowed to write the file and its folder"))
            }
            Some(ErrorCode::SystemIoFailure) => self.unreachable_error(cause),
            Some(ErrorCode::DatabaseCorrupt) | None => StoreError::Damaged { place, cause },
            Some(_) => StoreError::Other { place, cause },
        }
    }

    fn full_error(&self) -> StoreError {
        let cause = match self.max_mb {
            Some(mb) => format!("its quota of {mb} MiB (max-mb={mb}) is reached, or the disk has no space left"),
            None => "the disk has no space left".to_owned(),
        };
        let limit = file_limit().map(|bytes| format!(", or a file has the {bytes} bytes that `ulimit -f` allows"));
        let cause = cause + &limit.unwrap_or_default();
        StoreError::Full { place: self.name.clone(), cause }
    }
}
