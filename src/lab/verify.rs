//! Verifying what is stored.

use super::error::LabError;
use super::setup::Lab;
use super::target::Target;
use crate::exchange::{Of, Pages};
use crate::store::{Fault, Filter};

/// The result of reading everything, or one conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Everything that is wrong.
    pub faults: Vec<Fault>,
    /// Conversations read; counted only where nothing is wrong.
    pub conversations: usize,
    /// Their entries.
    pub entries: usize,
}

impl Lab {
    /// Reads the whole database, or one conversation, and compares it with itself.
    pub async fn verify(&self, what: Option<&str>) -> Result<Verified, LabError> {
        let one = match what {
            None => None,
            Some(what) => match self.find(what).await? {
                Target::Conversation(conversation) => Some(conversation.id),
                Target::Experiment(_) => return Err(LabError::IsExperiment { name: what.to_owned() }),
            },
        };
        let faults = self.store.verify(one.as_deref()).await?;
        if !faults.is_empty() {
            return Ok(Verified { faults, conversations: 0, entries: 0 });
        }
        let (conversations, entries) = match one {
            Some(id) => (1, self.store.history(&id).await?.log.len()),
            None => self.numbers().await?,
        };
        Ok(Verified { faults, conversations, entries })
    }

    /// Numbers of all conversations and entries.
    async fn numbers(&self) -> Result<(usize, usize), LabError> {
        let (mut conversations, mut entries) = (0, 0);
        for experiment in self.store.records().await? {
            let of = Of::All(Filter { experiment: Some(experiment.id), revision: None, ..Filter::default() });
            let mut pages = Pages::new(&*self.store, &of);
            loop {
                let page = pages.next_logs().await?;
                if page.is_empty() {
                    break;
                }
                conversations += page.len();
                entries += page.iter().map(|(_, log)| log.len()).sum::<usize>();
            }
        }
        Ok((conversations, entries))
    }
}
