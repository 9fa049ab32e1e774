//! Errors of one attempt, each with its remedy if there is one.

use std::time::Duration;

/// An error of one attempt. The table in `retry.rs` decides if it is retried.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ModelError {
    /// The connection failed, or the name does not resolve.
    #[error("cannot reach {server}: {cause}")]
    Unreachable {
        /// The server.
        server: String,
        /// The cause.
        cause: String,
    },
    /// The connection broke, or the answer ended before it was whole.
    #[error("the answer of {server} broke off: {cause}")]
    Broken {
        /// The server.
        server: String,
        /// The place of the break.
        cause: String,
    },
    /// A time limit passed.
    #[error("{server} gave no {what} within {} s", limit.as_secs_f64())]
    Timeout {
        /// The server.
        server: String,
        /// The limit that passed: `connection`, `first byte`, `next byte` or `whole answer`.
        what: &'static str,
        /// The limit.
        limit: Duration,
    },
    /// The server is overloaded, or has another trouble that passes.
    #[error("{server} is busy ({status}): {message}")]
    Busy {
        /// The server.
        server: String,
        /// HTTP status.
        status: u16,
        /// The server's message.
        message: String,
        /// The wait that the server requested.
        retry_after: Option<Duration>,
        /// True if the server names another reason than its own trouble: the prompt may be at fault.
        is_unclear: bool,
    },
    /// The server requests a longer wait than the run accepts.
    #[error("{server} is busy ({status}) until {}: {message}", format_time(*until))]
    Later {
        /// The server.
        server: String,
        /// HTTP status.
        status: u16,
        /// The server's message.
        message: String,
        /// End of the requested wait: milliseconds since 1970 (UTC).
        until: i64,
    },
    /// The server has no such address: `base_url` is wrong.
    #[error("{server} serves nothing at {address}: {message}")]
    Nowhere {
        /// The server.
        server: String,
        /// Its address.
        address: String,
        /// The server's message.
        message: String,
    },
    /// A setting of the server cannot be understood; nothing was sent.
    #[error("cannot ask {server}: {message}")]
    Setting {
        /// The server.
        server: String,
        /// The variable or key, and its mistake.
        message: String,
    },
    /// The answer is unusable: HTML, incomplete JSON, not UTF-8, or an error inside a stream.
    #[error("{server} sent no usable answer: {cause}")]
    Invalid {
        /// The server.
        server: String,
        /// The mistake in the answer.
        cause: String,
        /// Hash of the received bytes; empty if there were none. The same bytes twice are not requested a third time.
        received: String,
    },
    /// The answer is compressed in a way that was not requested and cannot be read.
    #[error("{server} sent no usable answer: its Content-Encoding is `{encoding}`, which was not requested")]
    Encoded {
        /// The server.
        server: String,
        /// The name of the compression.
        encoding: String,
    },
    /// The reply is over the size limit.
    #[error("the answer of {server} is over {limit} bytes")]
    TooLarge {
        /// The server.
        server: String,
        /// The limit, in bytes.
        limit: u64,
    },
    /// The conversation no longer fits the model's context.
    #[error("the prompt does not fit the context of {model}: {message}")]
    ContextFull {
        /// The model.
        model: String,
        /// The server's message.
        message: String,
    },
    /// The server rejects the key (401, 403), or requires one.
    #[error("{server} does not accept the key: {message}")]
    Key {
        /// The server.
        server: String,
        /// The server's message.
        message: String,
        /// The variable that supplies the key.
        variable: String,
    },
    /// The quota or credit is used up.
    #[error("the quota at {server} is used up: {message}")]
    Quota {
        /// The server.
        server: String,
        /// The server's message.
        message: String,
    },
    /// The server has no such model.
    #[error("{server} has no model `{model}`: {message}")]
    NoModel {
        /// The server.
        server: String,
        /// The model's name at the server.
        model: String,
        /// The server's message.
        message: String,
    },
    /// The key may not use this model; it may use others.
    #[error("{server} gives no access to model `{model}`: {message}")]
    NoAccess {
        /// The server.
        server: String,
        /// The model's name at the server.
        model: String,
        /// The server's message.
        message: String,
    },
    /// The model embeds no texts.
    #[error("model `{model}` of {server} embeds no texts: {message}")]
    NoEmbeddings {
        /// The server.
        server: String,
        /// The model's name at the server.
        model: String,
        /// The server's message.
        message: String,
    },
    /// Any other 4xx: a parameter or a request that the server refuses.
    #[error("{server} refuses {}: {message}", parameter.as_ref().map_or_else(|| "the request".to_owned(), |p| format!("the parameter `{p}`")))]
    Refused {
        /// The server.
        server: String,
        /// The parameter that the server names.
        parameter: Option<String>,
        /// HTTP status.
        status: u16,
        /// The server's message.
        message: String,
    },
}

impl ModelError {
    /// Returns the kind of the error, as attempts store it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "unreachable",
            Self::Setting { .. } => "setting",
            Self::Broken { .. } => "broken",
            Self::Timeout { .. } => "timeout",
            Self::Busy { .. } | Self::Later { .. } => "busy",
            Self::Invalid { .. } | Self::Encoded { .. } => "invalid",
            Self::TooLarge { .. } => "too-large",
            Self::ContextFull { .. } => "context-full",
            Self::Key { .. } => "key",
            Self::Quota { .. } => "quota",
            Self::NoModel { .. } => "no-model",
            Self::NoAccess { .. } => "no-access",
            Self::NoEmbeddings { .. } => "no-embeddings",
            Self::Refused { .. } | Self::Nowhere { .. } => "refused",
        }
    }

    /// The wait that the server requests before a retry.
    pub(super) fn requested_wait(&self) -> Option<Duration> {
        if let Self::Busy { retry_after, .. } = self { *retry_after } else { None }
    }

    /// True if no connection was made, so that nothing was sent.
    pub(super) fn is_unconnected(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Timeout { what: CONNECTION, .. })
    }

    /// Converts an unclear trouble to the refusal that it may be.
    #[must_use]
    pub fn into_refusal(self) -> Self {
        match self {
            Self::Busy { server, status, message, is_unclear: true, .. } => {
                Self::Refused { server, parameter: None, status, message }
            }
            other => other,
        }
    }

    /// Hash of the bytes of an unusable answer.
    pub(super) fn received(&self) -> Option<&str> {
        let Self::Invalid { received, .. } = self else { return None };
        Some(received.as_str()).filter(|hash| !hash.is_empty())
    }

    /// True if the server may have charged for the request although no answer was received (contract R3): it was sent
    /// and not plainly rejected.
    pub fn possible_spend(&self) -> bool {
        match self {
            Self::Broken { .. } | Self::Invalid { .. } | Self::Encoded { .. } | Self::TooLarge { .. } => true,
            Self::Timeout { what, .. } => *what != CONNECTION,
            Self::Busy { status, .. } | Self::Later { status, .. } => *status >= 500 && *status != 503,
            Self::Unreachable { .. }
            | Self::Setting { .. }
            | Self::ContextFull { .. }
            | Self::Key { .. }
            | Self::Quota { .. }
            | Self::NoModel { .. }
            | Self::NoAccess { .. }
            | Self::NoEmbeddings { .. }
            | Self::Nowhere { .. }
            | Self::Refused { .. } => false,
        }
    }
}

fn format_time(milliseconds: i64) -> String {
    let time = jiff::Timestamp::from_millisecond(milliseconds).and_then(|time| time.round(jiff::Unit::Second));
    time.map_or_else(|_| "a time that no clock shows".to_owned(), |time| time.to_string())
}

/// Name of the connection limit in [`ModelError::Timeout`]: nothing has been sent yet.
pub(super) const CONNECTION: &str = "connection";
