//! Errors of a database, each with its remedy.

use super::status::Status;
use crate::process::CallRef;

/// An error of a database. Each message names the remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The database does not exist, and reading creates none.
    #[error("{place} does not exist yet; `convoke run` creates it")]
    Missing {
        /// The database, without a password.
        place: String,
    },
    /// The database does not exist or does not answer.
    #[error("cannot open {place}: {cause}")]
    Unreachable {
        /// The database, without a password.
        place: String,
        /// The reason.
        cause: String,
    },
    /// Signing in to a server failed.
    #[error("cannot sign in to {place}: {}: {cause}", failure.text())]
    SignIn {
        /// The server, without a password.
        place: String,
        /// Kind of failure.
        failure: SignInFailure,
        /// Message of the driver or server, without any password.
        cause: String,
    },
    /// A newer program created or migrated the database.
    #[error("{place} has schema {found}; this version of convoke knows schemas up to {known}: use a newer convoke")]
    Newer {
        /// The database, without a password.
        place: String,
        /// The database's schema.
        found: u32,
        /// The newest schema that this program reads.
        known: u32,
    },
    /// The database belongs to another program.
    #[error("{place} is not a convoke database: {cause}; name another database with --store")]
    Foreign {
        /// The database, without a password.
        place: String,
        /// The reason for this conclusion.
        cause: String,
    },
    /// Another process writes to the database.
    #[error("{place} is in use by {holder}: wait until it ends, or name another database with --store")]
    Locked {
        /// The database, without a password.
        place: String,
        /// The other process.
        holder: String,
    },
    /// The file system of a file has no locks, and nothing else keeps two runs apart.
    #[error("the file system of {place} has no locks (is it a network disk?): {cause}")]
    NoLocks {
        /// The database.
        place: String,
        /// The reason.
        cause: String,
    },
    /// No space is left, or the quota is reached. Nothing was stored; the write may be retried.
    #[error("{place} is full: {cause}")]
    Full {
        /// The database, without a password.
        place: String,
        /// The limit that was reached: disk or quota.
        cause: String,
    },
    /// Another process holds the conversation now.
    #[error("conversation {conversation} is held by another process now")]
    Superseded {
        /// The conversation's id.
        conversation: String,
    },
    /// A process works on the item now.
    #[error("{what} is in use by {holder}")]
    Held {
        /// The experiment or conversation, as messages name it.
        what: String,
        /// Creator and process of the run.
        holder: String,
    },
    /// The conversation has ended, so it cannot be claimed.
    #[error("conversation {conversation} is {}", status.word())]
    Ended {
        /// The conversation's id.
        conversation: String,
        /// Done or failed.
        status: Status,
    },
    /// Only the creator of an item may change it.
    #[error("{what} is {creator}'s: only its creator may change it")]
    NotYours {
        /// The experiment or conversation, as messages name it.
        what: String,
        /// The item's creator.
        creator: String,
    },
    /// The creator already has an experiment of that name.
    #[error("{creator} has an experiment `{name}` already")]
    Exists {
        /// The creator.
        creator: String,
        /// The name.
        name: String,
    },
    /// A colleague changed the experiment meanwhile (compare-and-set on the version).
    #[error("{what} was changed meanwhile: it has version {found} now, not {expected}")]
    Changed {
        /// The experiment, as messages name it.
        what: String,
        /// The version that the caller read.
        expected: u64,
        /// The version that is stored.
        found: u64,
    },
    /// Entries must be stored in order (R1).
    #[error("conversation {conversation} has {length} entries; entry {seq} cannot be stored before those between")]
    Gap {
        /// The conversation's id.
        conversation: String,
        /// The log's length.
        length: u32,
        /// Place of the entry that was refused.
        seq: u32,
    },
    /// An answered call must not be sent again.
    #[error("the {} call at {seq} of conversation {conversation} has a reply already", call.purpose.word())]
    Answered {
        /// The conversation's id.
        conversation: String,
        /// Place of the call's entry in the log, whether or not the entry is stored yet.
        seq: u32,
        /// Purpose of the call, and number of rejected replies before it.
        call: CallRef,
    },
    /// The database does not have the named item.
    #[error("{place} has no {what}")]
    Unknown {
        /// The database, without a password.
        place: String,
        /// The item, as messages name it.
        what: String,
    },
    /// The state of the database does not permit the change.
    #[error("{what}")]
    Refused {
        /// The whole message.
        what: String,
    },
    /// Stored data contradicts itself.
    #[error("{place} is damaged: {cause}; `convoke verify` lists every fault")]
    Damaged {
        /// The database, without a password.
        place: String,
        /// The contradiction.
        cause: String,
    },
    /// Any other error of the database.
    #[error("{place}: {cause}")]
    Other {
        /// The database, without a password.
        place: String,
        /// Message of the driver or server.
        cause: String,
    },
}

/// The cause of a failure to sign in. Each cause has its own remedy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignInFailure {
    /// The address cannot be used.
    Address,
    /// The host's name cannot be resolved.
    Name,
    /// The host refuses the connection.
    Refused,
    /// TLS could not be negotiated, or the certificate is not trusted.
    Tls,
    /// The user or the password is wrong.
    Authentication,
    /// The server requires a login, and none was given.
    NeedsUser,
    /// The user signed in, but may not read the database.
    Rights,
    /// The server did not answer in time.
    Timeout,
    /// Another kind of server answers.
    Protocol,
    /// Any other cause.
    Other,
}

impl SignInFailure {
    /// Returns the cause as a fragment of a sentence.
    pub fn text(self) -> &'static str {
        match self {
            Self::Address => "the address cannot be used",
            Self::Name => "the host name cannot be resolved",
            Self::Refused => "the connection is refused",
            Self::Tls => "no TLS connection",
            Self::Authentication => "user or password is wrong",
            Self::NeedsUser => "a user and a password are required",
            Self::Rights => "the user has no right to this database",
            Self::Timeout => "no answer in time",
            Self::Protocol => "the server is not a MongoDB",
            Self::Other => "the server reported an error",
        }
    }

    /// Returns true if another user or password may help.
    pub fn is_of_login(self) -> bool {
        matches!(self, Self::Authentication | Self::NeedsUser | Self::Rights)
    }
}
