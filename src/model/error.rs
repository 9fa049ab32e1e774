//! Errors of one attempt, each with its remedy if there is one.

use std::time::Duration;

/// What can go wrong in one attempt. Whether it is retried is decided in one table, in `retry.rs`.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ModelError {
    /// No connection, or a name that does not resolve.
    #[error("cannot reach {server}: {cause}")]
    Unreachable {
        /// The server.
        server: String,
        /// Why.
        cause: String,
    },
    /// The connection broke, or the answer ended before it was whole.
    #[error("the answer of {server} broke off: {cause}")]
    Broken {
        /// The server.
        server: String,
        /// Where.
        cause: String,
    },
    /// One of the time limits.
    #[error("{server} gave no {what} within {} s", limit.as_secs_f64())]
    Timeout {
        /// The server.
        server: String,
        /// `connection`, `first byte`, `next byte`, `whole answer`.
        what: &'static str,
        /// The limit.
        limit: Duration,
    },
    /// 429, 408, 409, 425 or 5xx.
    #[error("{server} is busy ({status}): {message}")]
    Busy {
        /// The server.
        server: String,
        /// HTTP status.
        status: u16,
        /// Its words.
        message: String,
        /// How long it asked us to wait.
        retry_after: Option<Duration>,
    },
    /// An answer that is none: HTML, half a JSON, not UTF-8, an error inside a stream.
    #[error("{server} sent no usable answer: {cause}")]
    Invalid {
        /// The server.
        server: String,
        /// What is wrong with it.
        cause: String,
    },
    /// A reply over the limit.
    #[error("the answer of {server} is over {limit} bytes")]
    TooLarge {
        /// The server.
        server: String,
        /// The limit.
        limit: u64,
    },
    /// The conversation no longer fits the model's context.
    #[error("the prompt does not fit the context of {model}: {message}")]
    ContextFull {
        /// The model.
        model: String,
        /// The server's words.
        message: String,
    },
    /// 401 or 403, or no key where one is needed.
    #[error("{server} does not accept the key: {message}")]
    Key {
        /// The server.
        server: String,
        /// The server's words.
        message: String,
        /// The variable that supplies the key.
        variable: String,
    },
    /// Quota or credit is gone.
    #[error("the quota at {server} is used up: {message}")]
    Quota {
        /// The server.
        server: String,
        /// The server's words.
        message: String,
    },
    /// The server has no such model.
    #[error("{server} has no model `{model}`: {message}")]
    NoModel {
        /// The server.
        server: String,
        /// The model's name there.
        model: String,
        /// The server's words.
        message: String,
    },
    /// Any other 4xx: a parameter or a request that the server refuses.
    #[error("{server} refuses {}: {message}", parameter.as_ref().map_or_else(|| "the request".to_owned(), |p| format!("the parameter `{p}`")))]
    Refused {
        /// The server.
        server: String,
        /// The parameter that it names.
        parameter: Option<String>,
        /// HTTP status.
        status: u16,
        /// The server's words.
        message: String,
    },
}

impl ModelError {
    /// The error in a word, as attempts keep it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "unreachable",
            Self::Broken { .. } => "broken",
            Self::Timeout { .. } => "timeout",
            Self::Busy { .. } => "busy",
            Self::Invalid { .. } => "invalid",
            Self::TooLarge { .. } => "too-large",
            Self::ContextFull { .. } => "context-full",
            Self::Key { .. } => "key",
            Self::Quota { .. } => "quota",
            Self::NoModel { .. } => "no-model",
            Self::Refused { .. } => "refused",
        }
    }

    /// Whether the server may have counted the request although no answer of it is kept (contract R3): it was sent
    /// and not plainly turned away.
    pub fn possible_spend(&self) -> bool {
        match self {
            Self::Broken { .. } | Self::Invalid { .. } | Self::TooLarge { .. } => true,
            Self::Timeout { what, .. } => *what != CONNECTION,
            Self::Busy { status, .. } => *status >= 500 && *status != 503,
            Self::Unreachable { .. }
            | Self::ContextFull { .. }
            | Self::Key { .. }
            | Self::Quota { .. }
            | Self::NoModel { .. }
            | Self::Refused { .. } => false,
        }
    }
}

/// What [`ModelError::Timeout`] calls the time limit of connecting: nothing was sent yet.
pub(super) const CONNECTION: &str = "connection";
