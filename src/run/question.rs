//! Questions of a run, rebuilt from their log and the log of their conversation.

use super::job::Replay;
use crate::design::{Condition, Experiment, ModelSpec};
use crate::process::question::{Asked, log_hash};
use crate::process::{Entry, Process, Question, Setting};
use crate::store::ConversationRecord;
use std::sync::Arc;

/// Contents of a question: those of its conversation, and its own.
#[derive(Debug, Clone)]
pub struct Source {
    /// The experiment in the conversation's revision.
    pub experiment: Arc<Experiment>,
    /// The conversation's condition.
    pub condition: Arc<Condition>,
    /// The conversation's key.
    pub subject: String,
    /// The question as typed.
    pub text: Arc<str>,
    /// Role of the asked agents.
    pub role: String,
    /// Names of the asked agents, in speaking order.
    pub agents: Vec<String>,
    /// Model that answers in place of each agent's own.
    pub model: Option<Arc<ModelSpec>>,
    /// Number of the asking, from 2; `None` for the first.
    pub again: Option<u32>,
}

impl Source {
    /// Returns the question's key. `log` is the hash of the log of the conversation that it is about.
    pub fn key(&self, log: &str) -> String {
        let Self { subject, text, role, model, again, .. } = self;
        Asked { subject, log, role, text, model: model.as_deref(), again: *again }.key()
    }
}

impl Replay for Source {
    fn replay(
        &self,
        record: &ConversationRecord,
        log: Vec<Entry>,
        subject: Vec<Entry>,
    ) -> Result<Box<dyn Process>, String> {
        if self.key(&log_hash(&subject)) != record.key {
            return Err(
                "the log of the conversation that it is about is not the one that it was planned with".to_owned()
            );
        }
        let mut setting = Setting::new(&self.experiment, &self.condition, record.draw(&self.subject));
        setting.retries = record.retries;
        let identity = (record.key.clone(), self.text.to_string());
        let who = (self.agents.as_slice(), self.model.as_deref());
        Ok(Box::new(Question::replay(identity, Arc::new(setting), who, subject, log)?))
    }
}
