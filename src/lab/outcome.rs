//! The end of a run, counted in the database and not from reports.

use crate::run::Summary;
use crate::store::{ProcessKind, Status, Store};
use std::collections::BTreeSet;
use std::sync::Arc;

/// End of a run: the first variant that applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// A person stopped the run, and conversations are left.
    Interrupted,
    /// The database was unusable.
    Store,
    /// A server or a model was unusable.
    Model,
    /// A bound of the invocation was reached.
    Budget,
    /// Some conversations are failed.
    Failed,
    /// All requested conversations are done.
    Done,
}

/// The end of a run.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Events of this run.
    pub summary: Summary,
    /// True if a person stopped the run.
    pub is_stopped: bool,
    /// Requested conversations that are done.
    pub done: usize,
    /// Requested conversations that failed.
    pub failed: usize,
    /// All other requested conversations.
    pub left: usize,
    /// Calls and replies that may have been charged and lost.
    pub possible_spend: u32,
}

/// The processes that count at the end of a run.
#[derive(Clone)]
pub struct Counted {
    pub(super) store: Arc<dyn Store>,
    pub(super) experiment: String,
    pub(super) kind: ProcessKind,
    pub(super) keys: Vec<String>,
}

impl Counted {
    /// Number of processes.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

impl Outcome {
    /// Outcome without a count: all conversations are left.
    pub fn uncounted(conversations: usize, summary: Summary, is_stopped: bool) -> Self {
        Self { summary, is_stopped, done: 0, failed: 0, left: conversations, possible_spend: 0 }
    }

    /// Counts the processes of a run in the database.
    pub async fn count_outcome(counted: &Counted, summary: Summary, is_stopped: bool) -> Self {
        let Counted { store, experiment, kind, keys } = counted;
        let mut outcome = Self::uncounted(keys.len(), summary, is_stopped);
        let keys: BTreeSet<&str> = keys.iter().map(String::as_str).collect();
        match store.standing(experiment, *kind).await {
            Ok(standing) => {
                for stands in standing.iter().filter(|s| keys.contains(s.key.as_str())) {
                    outcome.done += usize::from(stands.status == Status::Done);
                    outcome.failed += usize::from(stands.status == Status::Failed);
                    outcome.possible_spend += stands.possible_spend;
                }
                outcome.left = keys.len() - outcome.done - outcome.failed;
            }
            Err(error) => outcome.summary.store = outcome.summary.store.or(Some(error)),
        }
        outcome
    }

    /// End of the run.
    pub fn ending(&self) -> Ending {
        let is_bounded = self.summary.budget.is_some() && self.summary.interrupted.is_empty();
        if self.is_stopped && self.left > 0 {
            Ending::Interrupted
        } else if self.summary.store.is_some() {
            Ending::Store
        } else if !self.summary.stopped.is_empty() || (self.left > 0 && !is_bounded) {
            Ending::Model
        } else if self.left > 0 {
            Ending::Budget
        } else if self.failed > 0 {
            Ending::Failed
        } else {
            Ending::Done
        }
    }

    /// Word that the database stores with the run.
    pub fn word(&self) -> &'static str {
        match self.ending() {
            Ending::Done => "done",
            Ending::Failed => "failed",
            Ending::Interrupted => "interrupted",
            Ending::Budget => "budget",
            Ending::Store | Ending::Model => "error",
        }
    }
}
