//! A job: one process to work on, with all facts about it that the run needs.

use crate::design::ModelSpec;
use crate::design::check::server_of;
use crate::model::Chain;
use crate::process::{Entry, Process};
use crate::store::ConversationRecord;
use std::collections::BTreeSet;
use std::sync::Arc;

/// A process to work on.
#[derive(Clone)]
pub struct Job {
    /// Its id.
    pub id: String,
    /// Its place in the order of work.
    pub order: u32,
    /// True if one of its calls was answered before.
    pub has_begun: bool,
    /// True if it failed and is retried.
    pub retry: bool,
    /// Expected number of calls that are left.
    pub left: u32,
    /// Name of its condition's model, under which its calls are counted.
    pub label: String,
    /// Models that it may ask.
    pub members: Arc<[ModelSpec]>,
    /// Rebuilds the process from its log.
    pub replay: Arc<dyn Replay>,
}

impl Job {
    /// Returns its calls, for the order of work. A person answers without a slot.
    pub fn chain(&self) -> Chain {
        let models = self.members.iter().filter(|spec| !spec.is_human());
        let servers: BTreeSet<&str> = models.map(|spec| server_of(&spec.id)).collect();
        let servers = servers.into_iter().map(str::to_owned).collect();
        Chain { servers, calls: self.left, has_begun: self.has_begun }
    }
}

/// Rebuilds a process from its log.
pub trait Replay: Send + Sync {
    /// Returns the process of `record` after `log`. `subject` is the finished log that a question is about.
    ///
    /// # Errors
    /// The log belongs to another process.
    fn replay(
        &self,
        record: &ConversationRecord,
        log: Vec<Entry>,
        subject: Vec<Entry>,
    ) -> Result<Box<dyn Process>, String>;
}
