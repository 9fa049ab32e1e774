//! Events of a run, as data. A run reports a result only after it is durable (contract R2).

use crate::model::Usage;
use crate::process::{Flag, Kind};
use crate::store::{ProcessKind, Status};
use serde::Serialize;
use std::collections::BTreeMap;

/// An event of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// Start of a run.
    Begin {
        /// Kind of the processes. Programs know it from their command.
        #[serde(skip)]
        kind: ProcessKind,
        /// Name of the experiment.
        experiment: String,
        /// Address of the database, without a password.
        store: String,
        /// Number of requested conversations.
        conversations: usize,
        /// Number that are already done.
        done: usize,
        /// Number that failed before and are not retried.
        failed: usize,
        /// Number to do.
        left: usize,
        /// Expected calls, by the model of the condition.
        calls: BTreeMap<String, u64>,
        /// Estimated seconds, if the experiment has made calls at these servers before.
        seconds: Option<f64>,
    },
    /// The server fetches a model.
    Pull {
        /// SERVER/NAME.
        model: String,
        /// Current step, in the server's words.
        doing: String,
        /// Bytes of the layer received so far.
        completed: Option<u64>,
        /// Size of the layer in bytes.
        total: Option<u64>,
    },
    /// A model gets a context that is longer than the model has.
    LongContext {
        /// SERVER/NAME.
        model: String,
        /// `num_ctx` of the experiment.
        num_ctx: u32,
        /// Context of the model.
        context: u32,
    },
    /// Work on a conversation begins.
    Started {
        /// Its id.
        conversation: String,
        /// Name of the condition's model.
        model: String,
        /// Calls answered before.
        answered: u32,
    },
    /// The database stored an entry.
    Entry {
        /// The conversation's id.
        conversation: String,
        /// Place in the log.
        seq: u32,
        /// Day, from 1.
        day: u32,
        /// Kind of the entry.
        kind: Kind,
        /// Speaker of the entry.
        speaker: String,
        /// Name of the condition's model.
        model: String,
        /// True if a call produced it.
        called: bool,
        /// Tokens as the server counted them.
        usage: Usage,
        /// Flags of the reply.
        flags: Vec<Flag>,
    },
    /// The database stored the answer of a call before its entry: an earlier answer of the round is missing.
    Answered {
        /// The conversation's id.
        conversation: String,
        /// Place in the log that its entry will have.
        seq: u32,
        /// Name of the condition's model.
        model: String,
        /// Tokens as the server counted them.
        usage: Usage,
    },
    /// The database stored vectors of texts.
    Embedded {
        /// Id of the conversation that needed them.
        conversation: String,
        /// Name of the condition's model.
        model: String,
        /// Number of texts.
        texts: usize,
        /// Tokens as the server counted them.
        usage: Usage,
    },
    /// A call waits.
    Waiting {
        /// Id of the conversation; empty for a lookup before the first call.
        conversation: String,
        /// The server.
        server: String,
        /// Reason for the wait.
        reason: String,
        /// Milliseconds until the next attempt.
        wait: u64,
        /// Milliseconds until the run gives up, at a server that was never reached.
        #[serde(skip_serializing_if = "Option::is_none")]
        left: Option<u64>,
    },
    /// A server that has not answered yet takes more than a moment.
    Silent {
        /// The server.
        server: String,
    },
    /// A server went away. The run waits for it and sends it no prompt.
    ServerAway {
        /// The server.
        server: String,
        /// Its last error.
        reason: String,
    },
    /// A server is back: it answered a call.
    ServerBack {
        /// The server.
        server: String,
    },
    /// A server takes no schema for a model. The prompt alone describes its answers from here on.
    WithoutSchema {
        /// SERVER/NAME.
        model: String,
        /// The server's refusal.
        reason: String,
    },
    /// Requests to a server, or for one of its models, stop.
    Stopped {
        /// The server.
        server: String,
        /// Name of the model at the server.
        model: Option<String>,
        /// Reason for the stop.
        reason: String,
    },
    /// Another process works on a conversation. The run continues with others and waits for its result.
    Held {
        /// Its id.
        conversation: String,
        /// Name and process of the holder.
        holder: String,
    },
    /// The database is unreachable or full. The run waits.
    StoreAway {
        /// Error of the database.
        reason: String,
    },
    /// The database is back.
    StoreBack,
    /// Work on a conversation ends.
    Ended {
        /// Its id.
        conversation: String,
        /// Name of the condition's model.
        model: String,
        /// Status of the conversation.
        status: Status,
        /// Reason, unless it is done.
        reason: Option<String>,
        /// Expected calls that were not made.
        unused: u32,
    },
    /// A bound of the invocation is reached. The run makes no new request and awaits turns in flight.
    Spent {
        /// The bound, as a flag.
        bound: String,
        /// Longest wait in seconds, if the bound is a time.
        #[serde(skip_serializing_if = "Option::is_none")]
        grace: Option<u64>,
    },
    /// The run makes no new request and awaits turns in flight.
    Stopping {
        /// Longest wait in seconds.
        grace: u64,
    },
}

/// Totals of a run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Summary {
    /// Ids, with reasons, of conversations that failed in this run.
    pub failed: Vec<(String, String)>,
    /// Ids, with reasons, of conversations that were interrupted.
    pub interrupted: Vec<(String, String)>,
    /// Conversations that this run finished.
    pub done: usize,
    /// Errors that stopped requests to servers.
    pub stopped: Vec<crate::model::ModelError>,
    /// Error that made the database unusable.
    pub store: Option<crate::store::StoreError>,
    /// The bound of the invocation that was reached, as a flag.
    pub budget: Option<String>,
    /// Tokens counted in this run.
    pub tokens: crate::store::Tokens,
    /// Calls answered in this run.
    pub calls: u64,
    /// Texts of which this run fetched vectors.
    pub embedded: u64,
    /// Flags of replies in this run.
    pub flags: BTreeMap<Flag, u32>,
}
