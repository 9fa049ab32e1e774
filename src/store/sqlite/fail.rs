//! Failures inside the database, and the error that the caller gets.

use crate::store::StoreError;
use rusqlite::ErrorCode;
use std::path::Path;

/// `SQLITE_IOERR_SHMSIZE`: the disk has no space for more shared memory beside the file.
const SHARED_MEMORY_FULL: i32 = 4874;

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

    pub(super) fn foreign_error(&self, cause: &str) -> StoreError {
        StoreError::Foreign { place: self.name.clone(), cause: cause.to_owned() }
    }

    fn sql_error(&self, error: &rusqlite::Error) -> StoreError {
        let (place, cause) = (self.name.clone(), error.to_string());
        if error.sqlite_error().is_some_and(|e| e.extended_code == SHARED_MEMORY_FULL) {
            return self.full_error();
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
        StoreError::Full { place: self.name.clone(), cause }
    }
}
