//! Reasons why a worker leaves a conversation, and its report to the runner.

use super::job::Job;
use super::refusals::Open;
use crate::process::EndedBy;
use crate::store::{Status, StoreError};

/// The reason that is stored on Ctrl-C between two turns.
pub(super) const STOPPED: &str = "stopped before its next turn";
/// The reason that is stored if a turn in flight was given up.
pub(super) const CUT: &str = "stopped with a turn in flight";

/// A worker's report on the conversation that it left.
pub(super) struct Left {
    pub(super) job: Job,
    pub(super) status: Status,
    pub(super) reason: Option<String>,
    /// Number of calls that were expected and not made.
    pub(super) unused: u32,
    /// Error of the database, if it ended the work.
    pub(super) store: Option<StoreError>,
    /// Process that holds the conversation, if another one does: the runner tries again later.
    pub(super) held: Option<String>,
    /// True if another process finished the conversation.
    pub(super) by_another: bool,
}

/// The reason why a worker leaves a conversation.
pub(super) enum Leave {
    Done(EndedBy),
    Failed(String),
    Interrupted(String),
    /// A bound of the invocation is reached.
    Budget,
    /// The run ends between two turns.
    Stopped,
    /// The run ends before the first request: the conversation is as it was planned.
    Unbegun,
    /// A server refuses the request and names no cause.
    Refused(Box<Open>),
    Store(StoreError),
    /// Another process works on the conversation.
    Held(String),
    /// Another process finished the conversation.
    Ended(Status),
}

impl Leave {
    /// Gravity of a reason: in a round, the gravest reason of all lanes counts.
    pub(super) fn gravity(&self) -> u8 {
        match self {
            Self::Done(_) => 0,
            Self::Interrupted(_) | Self::Budget | Self::Stopped | Self::Unbegun => 1,
            Self::Failed(_) | Self::Refused(_) => 2,
            Self::Held(_) | Self::Ended(_) => 3,
            Self::Store(_) => 4,
        }
    }

    /// True if this claim permits no further write.
    pub(super) fn ends_the_claim(&self) -> bool {
        match self {
            Self::Held(_) | Self::Ended(_) | Self::Store(_) => true,
            Self::Done(_)
            | Self::Failed(_)
            | Self::Interrupted(_)
            | Self::Refused(_)
            | Self::Budget
            | Self::Stopped
            | Self::Unbegun => false,
        }
    }

    /// Returns the reason to leave a conversation of which nothing was stored.
    pub(super) fn before_begin(self) -> Self {
        if matches!(self, Self::Budget | Self::Stopped) { Self::Unbegun } else { self }
    }
}

impl From<StoreError> for Leave {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Held { holder, .. } => Self::Held(holder),
            StoreError::Superseded { .. } => Self::Held("another process".to_owned()),
            StoreError::Ended { status, .. } => Self::Ended(status),
            // This error is permanent: the next attempt would fail too.
            StoreError::Refused { what } => Self::Failed(what),
            error => Self::Store(error),
        }
    }
}

/// The reason why a call was not sent.
pub(super) enum Unsent {
    /// A refusal of another request asked for a change.
    Outdated,
    Store(StoreError),
    /// The server or the model is stopped.
    Stopped(String),
    /// The run makes no further request.
    Halted,
    /// The server is away.
    Away,
}
