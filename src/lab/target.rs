//! An experiment or a conversation in the database.

use super::error::LabError;
use super::named::Named;
use crate::store::{ConversationRecord, ExperimentRecord, Item, ProcessKind, StoreError};

/// An experiment or a conversation of the database, as a person named it.
#[derive(Debug, Clone)]
pub enum Target {
    /// An experiment.
    Experiment(Box<ExperimentRecord>),
    /// A conversation.
    Conversation(Box<ConversationRecord>),
}

impl Target {
    /// Argument for the methods of the store.
    pub fn item(&self) -> Item {
        match self {
            Self::Experiment(e) => Item::Experiment(e.id.clone()),
            Self::Conversation(c) => Item::Conversation(c.id.clone()),
        }
    }

    /// Its creator.
    pub fn creator(&self) -> &str {
        match self {
            Self::Experiment(e) => &e.creator,
            Self::Conversation(c) => &c.creator,
        }
    }

    /// Turns an error of the database into one about this target.
    pub fn store_error(&self, error: StoreError) -> LabError {
        match error {
            StoreError::Unknown { .. } => LabError::Gone(self.into()),
            StoreError::NotYours { creator, .. } => LabError::NotYours { target: self.into(), creator },
            error => error.into(),
        }
    }
}

impl From<&Target> for Named {
    fn from(target: &Target) -> Self {
        match target {
            Target::Experiment(record) => Self::Experiment(record.name.clone()),
            Target::Conversation(record) => match record.kind {
                ProcessKind::Conversation => Self::Conversation(record.id.clone()),
                ProcessKind::Question => Self::Question(record.id.clone()),
            },
        }
    }
}
