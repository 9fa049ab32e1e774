//! Language-model servers: one attempt each behind [`ChatModel`]; retries, limits and slots beside it.
//!
//! Nothing of the terminal or the database enters. An attempt is data: what was tried, what came of it.

use crate::conversation::{Message, Purpose};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use std::time::Duration;

/// A request as it will be sent: the body is `{"model", "messages", …parameters}` in this order.
#[derive(Debug, Clone, PartialEq)]
pub struct ChatRequest {
    /// The model's name at its server.
    pub model: String,
    /// The messages.
    pub messages: Vec<Message>,
    /// Everything else in the body, in the order in which it is sent.
    pub parameters: Map<String, Json>,
    /// Whose turn it is; never sent, read by `scripted` only.
    pub turn: Turn,
}

impl ChatRequest {
    /// The body, byte for byte as it is sent. The same request always gives the same bytes.
    pub fn body(&self) -> Vec<u8> {
        body(&self.model, &self.messages, &self.parameters)
    }
}

/// The bytes of a request's body (contract R9: `show --calls` builds them again with this).
pub fn body(model: &str, messages: &[Message], parameters: &Map<String, Json>) -> Vec<u8> {
    #[derive(Serialize)]
    struct Body<'a> {
        model: &'a str,
        messages: &'a [Message],
        #[serde(flatten)]
        parameters: &'a Map<String, Json>,
    }
    serde_json::to_vec(&Body { model, messages, parameters }).unwrap_or_default()
}

/// Whose turn a request is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// The conversation's key.
    pub conversation: String,
    /// Where its entry will stand.
    pub seq: u32,
    /// What is asked for.
    pub purpose: Purpose,
    /// Which asking, from 0.
    pub ask: u32,
    /// Calls of this conversation that were answered before.
    pub ordinal: u32,
    /// Who speaks: an agent's name, `summarizer`, `selector`.
    pub speaker: String,
    /// That agent's role.
    pub role: String,
    /// Who may be chosen (for a selection), else who else takes part.
    pub others: Vec<String>,
    /// Randomness of this call.
    pub seed: u64,
}

/// A well-formed answer. It may be empty, filtered or cut: that is for health to judge, not for retries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
pub struct ChatReply {
    /// The message's text as the server gave it.
    pub content: String,
    /// Reasoning that the server gave apart (`thinking`, `reasoning_content`, `reasoning`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thinking: Option<String>,
    /// The server said that this is a refusal.
    #[serde(default)]
    pub refused: bool,
    /// Why the server stopped.
    pub finish: Finish,
    /// The server's own word for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finish_reason: Option<String>,
    /// What was counted.
    pub usage: Usage,
    /// Which model answered.
    pub served: Served,
    /// Parameters that came back otherwise than sent, each in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differs: Vec<String>,
    /// The whole response as received: one JSON text, or the lines of a stream.
    pub raw: String,
}

/// Why a server stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub enum Finish {
    /// It was done, or met a stop string.
    #[default]
    Stop,
    /// Its length limit.
    Length,
    /// Its filter.
    Filtered,
    /// Anything else, or nothing said.
    Other,
}

/// Tokens as the server counted them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Usage {
    /// Of the prompt.
    pub prompt: Option<u32>,
    /// Of the reply, reasoning included.
    pub completion: Option<u32>,
    /// Of the prompt, read from the server's cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached: Option<u32>,
}

/// Which model answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Served {
    /// The model as the server named it.
    pub model: Option<String>,
    /// Ollama's digest of the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// OpenAI's `system_fingerprint`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
}

/// One model at one server. One call = one attempt.
#[async_trait]
pub trait ChatModel: Send + Sync {
    /// Asks once. Never retries, never falls back to another model.
    async fn chat(&self, request: &ChatRequest) -> Result<ChatReply, ModelError>;
}

/// What can go wrong in one attempt. [`retry`](ModelError) decisions are made in one table, in `retry.rs`.
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
