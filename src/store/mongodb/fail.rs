//! Failures inside the database, and the error that the caller gets. Errors are distinguished by kind and code: the
//! words differ from server to server.

use crate::store::StoreError;
use ::mongodb::bson;
use ::mongodb::error::{Error, ErrorKind, WriteFailure};

/// Two documents of one unique key.
const DUPLICATE: i32 = 11000;
/// A document of more than 16 MiB.
const TOO_LARGE: [i32; 2] = [10334, 17419];
/// No space, or a quota.
const FULL: [i32; 2] = [14031, 8000];
/// The primary changes, or goes: the same again may succeed. The first is trouble inside the server: one that keeps its
/// data in `SQLite` says so when that is busy.
const PASSING: [i32; 17] = [1, 6, 7, 50, 64, 89, 91, 112, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436, 134];

/// What goes wrong inside.
#[derive(Debug)]
pub(super) enum Fail {
    /// The driver's or the server's.
    Mongo(Box<Error>),
    /// What is stored cannot be read as what it should be.
    Damaged(String),
    /// What was named is not there.
    Unknown(String),
    /// Ours, as it is.
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
    /// The error for the caller.
    pub(super) fn at(self, place: &str) -> StoreError {
        let place = place.to_owned();
        match self {
            Self::Store(error) => error,
            Self::Damaged(cause) => StoreError::Damaged { place, cause },
            Self::Unknown(what) => StoreError::Unknown { place, what },
            Self::Mongo(error) => told(place, &error),
        }
    }
}

fn told(place: String, error: &Error) -> StoreError {
    let cause = error.kind.to_string();
    match (&*error.kind, code(error)) {
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

/// The code that the server gave.
pub(super) fn code(error: &Error) -> Option<i32> {
    match &*error.kind {
        ErrorKind::Command(command) => Some(command.code),
        ErrorKind::Write(WriteFailure::WriteError(write)) => Some(write.code),
        ErrorKind::Write(WriteFailure::WriteConcernError(concern)) => Some(concern.code),
        ErrorKind::InsertMany(many) => match (&many.write_errors, &many.write_concern_error) {
            // Of several, what is not a duplicate is the trouble.
            (Some(errors), _) if !errors.is_empty() => {
                errors.iter().map(|e| e.code).find(|c| *c != DUPLICATE).or(Some(DUPLICATE))
            }
            (_, Some(concern)) => Some(concern.code),
            _ => None,
        },
        _ => None,
    }
}

/// Whether something is there already under a unique key.
pub(super) fn is_duplicate(error: &Error) -> bool {
    code(error) == Some(DUPLICATE)
}

/// An insert that finds the same there already has done its work.
pub(super) fn unless_there<T>(result: Result<T, Error>) -> Result<(), Fail> {
    match result {
        Err(error) if !is_duplicate(&error) => Err(error.into()),
        _ => Ok(()),
    }
}
