//! Failures inside the database, and the error that the caller gets. Failures are distinguished by kind and code, since
//! servers word errors differently.

use crate::store::StoreError;
use ::mongodb::bson;
use ::mongodb::error::{Error, ErrorKind, WriteFailure};

/// Two documents have the same unique key.
const DUPLICATE: i32 = 11000;
/// A document has more than 16 MiB.
const TOO_LARGE: [i32; 2] = [10334, 17419];
/// The disk has no space, or a quota is reached.
const FULL: [i32; 2] = [14031, 8000];
/// The primary changes or is unreachable, and a retry may succeed. The first code is an internal error, which servers
/// on `SQLite` return while `SQLite` is busy.
const PASSING: [i32; 17] = [1, 6, 7, 50, 64, 89, 91, 112, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436, 134];

#[derive(Debug)]
pub(super) enum Fail {
    /// An error of the driver or the server.
    Mongo(Box<Error>),
    /// Stored data cannot be read as the type that it should have.
    Damaged(String),
    /// The named item does not exist.
    Unknown(String),
    /// An error that reaches the caller unchanged.
    Store(StoreError),
}

impl From<Error> for Fail {
    fn from(error: Error) -> Self {
        Self::Mongo(Box::new(error))
    }
}

impl From<bson::error::Error> for Fail {
    fn from(error: bson::error::Error) -> Self {
        Self::Damaged(error.to_string())
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

impl Fail {
    /// Returns the error for the caller.
    pub(super) fn at_place(self, place: &str) -> StoreError {
        let place = place.to_owned();
        match self {
            Self::Store(error) => error,
            Self::Damaged(cause) => StoreError::Damaged { place, cause },
            Self::Unknown(what) => StoreError::Unknown { place, what },
            Self::Mongo(error) => driver_error(place, &error),
        }
    }
}

fn driver_error(place: String, error: &Error) -> StoreError {
    let cause = error.kind.to_string();
    match (&*error.kind, error_code(error)) {
        (_, Some(code)) if FULL.contains(&code) => StoreError::Full { place, cause },
        (_, Some(code)) if TOO_LARGE.contains(&code) => {
            StoreError::Refused { what: format!("a reply is larger than what {place} keeps in one document (16 MiB)") }
        }
        (_, Some(code)) if PASSING.contains(&code) => StoreError::Unreachable { place, cause },
        (
            ErrorKind::Io(_)
            | ErrorKind::ServerSelection { .. }
            | ErrorKind::ConnectionPoolCleared { .. }
            | ErrorKind::DnsResolve { .. },
            _,
        ) => StoreError::Unreachable { place, cause },
        _ if error.contains_label("RetryableWriteError") => StoreError::Unreachable { place, cause },
        _ => StoreError::Other { place, cause },
    }
}

/// Returns the server's error code.
pub(super) fn error_code(error: &Error) -> Option<i32> {
    match &*error.kind {
        ErrorKind::Command(command) => Some(command.code),
        ErrorKind::Write(WriteFailure::WriteError(write)) => Some(write.code),
        ErrorKind::Write(WriteFailure::WriteConcernError(concern)) => Some(concern.code),
        ErrorKind::InsertMany(many) => match (&many.write_errors, &many.write_concern_error) {
            // If there are several errors, an error other than a duplicate takes precedence.
            (Some(errors), _) if !errors.is_empty() => {
                errors.iter().map(|e| e.code).find(|c| *c != DUPLICATE).or(Some(DUPLICATE))
            }
            (_, Some(concern)) => Some(concern.code),
            _ => None,
        },
        _ => None,
    }
}

/// Returns true if a document with the same unique key exists.
pub(super) fn is_duplicate(error: &Error) -> bool {
    error_code(error) == Some(DUPLICATE)
}

/// Treats an insert as successful if the same document is already stored.
pub(super) fn unless_there<T>(result: Result<T, Error>) -> Result<(), Fail> {
    match result {
        Err(error) if !is_duplicate(&error) => Err(error.into()),
        _ => Ok(()),
    }
}
