//! A job: one process to be worked on, and everything that the run needs to know of it.

use crate::design::ModelSpec;
use crate::process::{Entry, Process};
use crate::store::ConversationRecord;
use std::sync::Arc;

/// A process to be worked on.
#[derive(Clone)]
pub struct Job {
    /// Its id.
    pub id: String,
    /// True if it failed and gets another chance.
    pub retry: bool,
    /// Number of calls that it probably has left.
    pub left: u32,
    /// The name under which its calls are counted: the name of its condition's model.
    pub label: String,
    /// The models that it may ask.
    pub members: Arc<[ModelSpec]>,
    /// Makes the process from its log.
    pub replay: Arc<dyn Replay>,
}

/// Makes a process from its log.
pub trait Replay: Send + Sync {
    /// Returns the process of `record` after `log`. `subject` is the finished log that it is about, if there is one.
    ///
    /// # Errors
    /// The log is not one of this process.
    fn replay(
        &self,
        record: &ConversationRecord,
        log: Vec<Entry>,
        subject: Vec<Entry>,
    ) -> Result<Box<dyn Process>, String>;
}
