//! Events of a run, as data. Nothing is emitted as done before it is durable (contract R2).

use crate::model::Usage;
use crate::process::{Flag, Kind};
use crate::store::{ProcessKind, Status};
use serde::Serialize;
use std::collections::BTreeMap;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// What is to be done.
    Begin {
        /// The kind of the processes; programs read it from the command that they gave.
        #[serde(skip)]
        kind: ProcessKind,
        /// The experiment's name.
        experiment: String,
        /// The database, without a password.
        store: String,
        /// Conversations asked for.
        conversations: usize,
        /// Done before.
        done: usize,
        /// Failed before, and not to be tried again.
        failed: usize,
        /// To do.
        left: usize,
        /// Calls expected, by the model of the condition.
        calls: BTreeMap<String, u64>,
    },
    /// A model is being fetched.
    Pull {
        /// SERVER/NAME.
        model: String,
        /// The server's word for what it does.
        doing: String,
        /// Bytes of the layer that are there.
        completed: Option<u64>,
        /// Bytes of the layer.
        total: Option<u64>,
    },
    /// A conversation is worked on.
    Started {
        /// Its id.
        conversation: String,
        /// The name of the condition's model.
        model: String,
        /// Calls that it had before.
        answered: u32,
    },
    /// An entry is stored.
    Entry {
        /// The conversation's id.
        conversation: String,
        /// Place in the log.
        seq: u32,
        /// Day.
        day: u32,
        /// What it is.
        kind: Kind,
        /// Who.
        speaker: String,
        /// The name of the condition's model.
        model: String,
        /// Whether a call brought it.
        called: bool,
        /// Tokens as the server counted them.
        usage: Usage,
        /// What was noticed.
        flags: Vec<Flag>,
    },
    /// The answer of a call is stored before its entry, since an earlier one of its round is still missing.
    Answered {
        /// The conversation's id.
        conversation: String,
        /// Place in the log that its entry will have.
        seq: u32,
        /// The name of the condition's model.
        model: String,
        /// Tokens as the server counted them.
        usage: Usage,
    },
    /// A call is held up.
    Waiting {
        /// The conversation's id; empty = a look-up before the first call.
        conversation: String,
        /// The server.
        server: String,
        /// Why.
        reason: String,
        /// Milliseconds until the next attempt.
        wait: u64,
    },
    /// No new request goes to a server (or, with a model, for that model).
    Stopped {
        /// The server.
        server: String,
        /// The model's name there.
        model: Option<String>,
        /// Why.
        reason: String,
    },
    /// Another process works on a conversation: the run goes on with the rest, and waits for the result.
    Held {
        /// Its id.
        conversation: String,
        /// Who, by name and process.
        holder: String,
    },
    /// The database is away or full; the run waits.
    StoreAway {
        /// Why.
        reason: String,
    },
    /// It is back.
    StoreBack,
    /// A conversation is left.
    Ended {
        /// Its id.
        conversation: String,
        /// The name of the condition's model.
        model: String,
        /// How it stands.
        status: Status,
        /// Why, where not done.
        reason: Option<String>,
        /// Calls that were expected and did not come.
        unused: u32,
    },
    /// No new request is made; turns in flight are awaited.
    Stopping {
        /// Seconds.
        grace: u64,
    },
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Summary {
    /// Ids, with reasons, of conversations that failed in this run.
    pub failed: Vec<(String, String)>,
    /// Ids, with reasons, of conversations that were interrupted.
    pub interrupted: Vec<(String, String)>,
    /// Conversations that came to their end in this run.
    pub done: usize,
    /// Why no new request went to a server, if so.
    pub stopped: Vec<crate::model::ModelError>,
    /// Why the database could not be used, if so.
    pub store: Option<crate::store::StoreError>,
    /// Tokens counted in this run.
    pub tokens: crate::store::Tokens,
    /// Calls answered in this run.
    pub calls: u64,
    /// Flags of replies in this run.
    pub flags: BTreeMap<Flag, u32>,
}
