//! Questions of a run: made from their log and from the conversation that they are about.

use super::job::Replay;
use crate::design::{Condition, Experiment, ModelSpec};
use crate::process::question::{Asked, log_hash};
use crate::process::{Entry, Process, Question, Setting};
use crate::store::ConversationRecord;
use std::sync::Arc;

/// The contents of a question: those of the conversation that it is about, and its own.
#[derive(Debug, Clone)]
pub struct Source {
    /// The experiment as the conversation's revision has it.
    pub experiment: Arc<Experiment>,
    /// The conversation's condition.
    pub condition: Arc<Condition>,
    /// The conversation's key.
    pub subject: String,
    /// The question as typed.
    pub text: Arc<str>,
    /// The role whose agents are asked.
    pub role: String,
    /// Names of the agents that are asked, in speaking order.
    pub agents: Vec<String>,
    /// The model that answers in place of each agent's own.
    pub model: Option<Arc<ModelSpec>>,
    /// Number of the asking, from 2; `None` for the first.
    pub again: Option<u32>,
}

impl Source {
    /// The question's key, given the hash of the conversation's log.
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
        let mut setting = Setting::new(&self.experiment, &self.condition, &self.subject);
        setting.retries = record.retries;
        let identity = (record.key.clone(), self.text.to_string());
        let who = (self.agents.as_slice(), self.model.as_deref());
        Ok(Box::new(Question::replay(identity, Arc::new(setting), who, subject, log)?))
    }
}
