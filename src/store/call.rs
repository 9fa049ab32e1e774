//! Calls as the database stores them, the history of a conversation, and counts of tokens.

use super::records::Millis;
use crate::design::words::words;
use crate::model::{Attempt, ChatReply, Usage};
use crate::process::CallRef;
use crate::process::log::Entry;
use crate::process::prompt::View;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

/// A call, stored by reference: its request can be built again and its hash checked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallRecord {
    /// Place of the call's entry in the log, whether or not the entry is stored yet.
    pub seq: u32,
    /// Purpose of the call, and number of rejected replies before it.
    pub call: CallRef,
    /// State of the call.
    pub state: CallState,
    /// The server's name.
    pub server: String,
    /// The model's name at the server, as sent.
    pub model: String,
    /// All keys of the body except model and messages, in order, as sent.
    pub parameters: Map<String, Json>,
    /// The messages by reference: the database replaces the texts in `view` by their SHA-256.
    pub view: View,
    /// SHA-256 of the body's bytes.
    pub body_sha256: String,
    /// Attempts. A caller passes only the attempts of its own request; the database keeps earlier attempts before them.
    pub attempts: Vec<Attempt>,
    /// Instant at which this request was first sent. `attempts` also holds earlier requests whose answers were lost.
    pub sent: Millis,
    /// Instant of the answer.
    pub answered: Option<Millis>,
    /// The answer.
    pub reply: Option<ChatReply>,
}

words! {
    /// State of a call.
    pub enum CallState {
        /// Stored before it was sent; without an answer it is possible spend.
        Sent = "sent",
        /// Answered, and the answer is stored.
        Answered = "answered",
        /// Given up; the attempts hold the errors.
        Failed = "failed",
    }
}

/// The stored part of a conversation, for resuming it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct History {
    /// The log, in order.
    pub log: Vec<Entry>,
    /// Calls without an entry, in the order of seq, purpose, ask. A resumed run uses the reply of an answered call. A
    /// sent call is possible spend, and a failed call names the reason of the failure.
    pub open: Vec<CallRecord>,
}

/// Number of tokens, for summaries of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tokens {
    /// Tokens of prompts.
    pub prompt: u64,
    /// Tokens of replies.
    pub completion: u64,
}

impl Tokens {
    /// Adds one reply's usage.
    pub fn add(&mut self, usage: &Usage) {
        self.prompt += u64::from(usage.prompt.unwrap_or(0));
        self.completion += u64::from(usage.completion.unwrap_or(0));
    }
}
