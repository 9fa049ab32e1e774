//! Language-model servers: one attempt each behind [`ChatModel`]; retries, limits and slots beside it.
//!
//! Nothing of the terminal or the database enters, and no variable is read: addresses, keys and limits are values
//! passed in. An attempt is data: what was tried, what came of it.
//!
//! | file | holds |
//! |---|---|
//! | `server` | a server: kind, address, key, limits |
//! | `http` | one request: time limits, size limit, no redirects |
//! | `classify`, `text` | what a server's error means; its words made harmless |
//! | `openai`, `ollama`, `scripted` | the three kinds of server |
//! | `catalog` | what a server offers; `show`, `pull` |
//! | `parameters` | what is sent beside the messages, and what a protocol lacks |
//! | `person` | a person who types in a model's place |
//! | `retry`, `gate`, `limit` | the one owner of retries, `Retry-After`, slots |

mod attempt;
pub mod catalog;
mod classify;
mod error;
pub mod gate;
mod http;
pub mod limit;
mod ollama;
mod openai;
pub mod parameters;
pub mod person;
pub mod pull;
pub mod retry;
pub mod scripted;
pub mod server;
mod text;

pub use attempt::Attempt;
pub use catalog::{Connection, Known};
pub use error::ModelError;
pub use gate::Gates;
pub use limit::{Bounds, Slots};
pub use retry::{Asked, Asking, End, Retry, Verdict, Waiting};
pub use scripted::Scripted;
pub use server::{Limits, Server, ServerKind};

use crate::process::{Message, Purpose};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

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
