//! One request to a model and its reply, as data; and the trait that every model implements.

use super::error::ModelError;
use crate::process::{Message, Purpose, TurnForm};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use std::sync::Arc;

/// One model at one server. One call is one attempt.
#[async_trait]
pub trait ChatModel: Send + Sync {
    /// Sends the request once. Never retries, and never falls back to another model.
    async fn chat(&self, request: &ChatRequest) -> Result<ChatReply, ModelError>;
}

/// A request as it will be sent: the body is `{"model", "messages", …parameters}` in this order.
#[derive(Debug, Clone, PartialEq)]
pub struct ChatRequest {
    /// The model's name at its server.
    pub model: String,
    /// The messages.
    pub messages: Vec<Message>,
    /// All other keys of the body, in the order in which they are sent.
    pub parameters: Map<String, Json>,
    /// The turn that the request is for; never sent, read by `scripted` only.
    pub turn: Turn,
}

impl ChatRequest {
    /// Returns the body, byte for byte as it is sent. The same request always gives the same bytes.
    pub fn body(&self) -> Vec<u8> {
        body(&self.model, &self.messages, &self.parameters)
    }
}

/// Returns the bytes of a request's body (contract R9: `show --calls` builds them again with this function).
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

/// The turn that a request is for.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    /// The conversation's key.
    pub conversation: String,
    /// Place of its entry in the log.
    pub seq: u32,
    /// Purpose of the call: a speech, a summary or a selection.
    pub purpose: Purpose,
    /// Number of earlier requests for the same entry whose replies were rejected.
    pub ask: u32,
    /// Number of calls of this conversation that were answered before.
    pub ordinal: u32,
    /// Speaker: an agent's name, `summarizer` or `selector`.
    pub speaker: String,
    /// The speaker's role.
    pub role: String,
    /// Candidates of a selection; else the other participants.
    pub others: Vec<String>,
    /// Seed of this call.
    pub seed: u64,
    /// Form of the answer; `None` for plain text.
    pub form: Option<Arc<TurnForm>>,
}

/// A well-formed reply. It may be empty, filtered or cut: health judges that, not retries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
pub struct ChatReply {
    /// The message's text as the server returned it.
    pub content: String,
    /// Reasoning that the server returned in a field of its own (`thinking`, `reasoning_content`, `reasoning`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thinking: Option<String>,
    /// True if the server marked the reply as a refusal.
    #[serde(default)]
    pub refused: bool,
    /// Reason why the server stopped.
    pub finish: Finish,
    /// The server's own word for that reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finish_reason: Option<String>,
    /// Tokens used.
    pub usage: Usage,
    /// The model that answered.
    pub served: Served,
    /// Parameters that the server changed, one description each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differs: Vec<String>,
    /// The whole response as received: one JSON text, or the lines of a stream.
    pub raw: String,
}

/// Reason why a server stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub enum Finish {
    /// The reply is complete, or a stop string was generated.
    #[default]
    Stop,
    /// The length limit.
    Length,
    /// The server's filter.
    Filtered,
    /// Another reason, or none given.
    Other,
}

impl Finish {
    /// Reads a server's own word, whatever its case and punctuation; `None` if the server broke the reply off.
    pub(super) fn from_word(word: Option<&str>) -> Option<Self> {
        let letters = word.unwrap_or_default().chars().filter(char::is_ascii_alphanumeric);
        let word: String = letters.map(|c| c.to_ascii_lowercase()).collect();
        Some(match word.trim_start_matches("finishreason") {
            "stop" | "eos" | "eostoken" | "endturn" | "stopsequence" => Self::Stop,
            "length" | "maxtokens" | "maxlength" | "maxoutputtokens" | "modellength" | "modelcontextwindowexceeded" => {
                Self::Length
            }
            "contentfilter"
            | "contentfiltered"
            | "safety"
            | "recitation"
            | "blocklist"
            | "prohibitedcontent"
            | "spii"
            | "sensitive"
            | "guardrailintervened" => Self::Filtered,
            "error"
            | "insufficientsystemresource"
            | "abort"
            | "aborted"
            | "networkerror"
            | "cancelled"
            | "canceled"
            | "timeout"
            | "servererror"
            | "internalerror" => return None,
            _ => Self::Other,
        })
    }
}

/// Tokens as the server counted them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Usage {
    /// Tokens of the prompt.
    pub prompt: Option<u32>,
    /// Tokens of the reply, reasoning included.
    pub completion: Option<u32>,
    /// Tokens of the prompt that the server read from its cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached: Option<u32>,
}

/// The model that answered.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finish_reasons_of_many_servers() {
        for (words, meant) in [
            (["stop", "STOP", "end_turn"], Some(Finish::Stop)),
            (["length", "MAX_TOKENS", "FINISH_REASON_MAX_TOKENS"], Some(Finish::Length)),
            (["content_filter", "SAFETY", "RECITATION"], Some(Finish::Filtered)),
            (["ContentFiltered", "prohibited_content", "BLOCKLIST"], Some(Finish::Filtered)),
            (["error", "insufficient_system_resource", "ABORTED"], None),
            (["network_error", "abort", "Error"], None),
            (["", "null", "tool_calls"], Some(Finish::Other)),
        ] {
            for word in words {
                assert_eq!(Finish::from_word(Some(word)), meant, "{word}");
            }
        }
        assert_eq!(Finish::from_word(None), Some(Finish::Other));
    }
}
