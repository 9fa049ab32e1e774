//! Errors of a database, each with its remedy.

use super::status::Status;
use crate::process::CallRef;

/// An error of a database. Each message names the remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// There is none yet, and reading makes none.
    #[error("{place} does not exist yet; `convoke run` makes it")]
    Missing {
        /// Where.
        place: String,
    },
    /// It is not there or does not answer.
    #[error("cannot open {place}: {cause}")]
    Unreachable {
        /// Where.
        place: String,
        /// Why.
        cause: String,
    },
    /// Signing in to a server failed.
    #[error("cannot sign in to {place}: {}: {cause}", failure.text())]
    SignIn {
        /// Where.
        place: String,
        /// What kind of failure.
        failure: SignInFailure,
        /// What was said of it, without any password.
        cause: String,
    },
    /// Made by a newer program.
    #[error("{place} has schema {found}; this version of convoke knows schemas up to {known}: use a newer convoke")]
    Newer {
        /// Where.
        place: String,
        /// Its schema.
        found: u32,
        /// Ours.
        known: u32,
    },
    /// Another program's file.
    #[error("{place} is not a convoke database: {cause}; name another with --store")]
    Foreign {
        /// Where.
        place: String,
        /// What it is.
        cause: String,
    },
    /// Another process writes.
    #[error("{place} is in use by {holder}; wait for its end, or name another with --store")]
    Locked {
        /// Where.
        place: String,
        /// Who.
        holder: String,
    },
    /// No space, or the quota is reached. Nothing of the write was kept; it may be tried again.
    #[error("{place} is full: {cause}")]
    Full {
        /// Where.
        place: String,
        /// Disk or quota.
        cause: String,
    },
    /// Another process holds the conversation now.
    #[error("conversation {conversation} is held by another process now")]
    Superseded {
        /// Which.
        conversation: String,
    },
    /// Somebody works on it now.
    #[error("{what} is in the hands of {holder}")]
    Held {
        /// Which experiment or conversation.
        what: String,
        /// Who, by name and process.
        holder: String,
    },
    /// A conversation that has come to its end is not claimed.
    #[error("conversation {conversation} is {}", status.word())]
    Ended {
        /// Which.
        conversation: String,
        /// Done or failed.
        status: Status,
    },
    /// Only who made it may change it.
    #[error("{what} is {creator}'s: only its creator may change it")]
    NotYours {
        /// Which experiment or conversation.
        what: String,
        /// Whose it is.
        creator: String,
    },
    /// A name is taken.
    #[error("{creator} has an experiment `{name}` already")]
    Exists {
        /// Whose.
        creator: String,
        /// The name.
        name: String,
    },
    /// Somebody changed it meanwhile (compare-and-set on the version).
    #[error("{what} was changed meanwhile: it has version {found} now, not {expected}")]
    Changed {
        /// Which experiment.
        what: String,
        /// The version that was to be changed.
        expected: u64,
        /// The version it has.
        found: u64,
    },
    /// Entries must be stored in order (R1).
    #[error("conversation {conversation} has {length} entries; entry {seq} cannot be stored before those between")]
    Gap {
        /// Which.
        conversation: String,
        /// The log's length.
        length: u32,
        /// What was to be stored.
        seq: u32,
    },
    /// A call whose answer is kept must not be asked again.
    #[error("the {} call at {seq} of conversation {conversation} is answered already", call.purpose.word())]
    Answered {
        /// Which.
        conversation: String,
        /// Where its entry stands or will stand.
        seq: u32,
        /// Which call.
        call: CallRef,
    },
    /// What was named is not in the database.
    #[error("{place} has no {what}")]
    Unknown {
        /// Where.
        place: String,
        /// What was named.
        what: String,
    },
    /// What is asked for does not go with how things stand.
    #[error("{what}")]
    Refused {
        /// Why.
        what: String,
    },
    /// What is stored contradicts itself.
    #[error("{place} is damaged: {cause}; `convoke verify` tells all")]
    Damaged {
        /// Where.
        place: String,
        /// What.
        cause: String,
    },
    /// Anything else the database says.
    #[error("{place}: {cause}")]
    Other {
        /// Where.
        place: String,
        /// What it says.
        cause: String,
    },
}

/// Why nobody could sign in to a server, told apart because each has another remedy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignInFailure {
    /// The address cannot be used.
    Address,
    /// The host's name means nothing here.
    Name,
    /// Nothing listens there.
    Refused,
    /// No TLS could be agreed on, or the certificate is not trusted.
    Tls,
    /// The user or the password is wrong.
    Authentication,
    /// Nobody signed in, and somebody must.
    NeedsUser,
    /// Signed in, and may not read the database.
    Rights,
    /// No answer in time.
    Timeout,
    /// Something else answers.
    Protocol,
    /// Anything else.
    Other,
}

impl SignInFailure {
    /// As a fragment of a sentence.
    pub fn text(self) -> &'static str {
        match self {
            Self::Address => "the address cannot be used",
            Self::Name => "the name cannot be resolved",
            Self::Refused => "the connection is refused",
            Self::Tls => "no TLS connection",
            Self::Authentication => "user or password is wrong",
            Self::NeedsUser => "it wants a user and a password",
            Self::Rights => "the user has no right to this database",
            Self::Timeout => "no answer in time",
            Self::Protocol => "what answers is no MongoDB",
            Self::Other => "it fails",
        }
    }

    /// Whether another user or password may help.
    pub fn is_of_login(self) -> bool {
        matches!(self, Self::Authentication | Self::NeedsUser | Self::Rights)
    }
}
