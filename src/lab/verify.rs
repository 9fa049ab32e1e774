//! Verification of the stored data.

use super::error::LabError;
use super::setup::Lab;
use super::target::Target;
use crate::exchange::{Of, Pages};
use crate::store::{Fault, Filter, ProcessKind};

/// Result of a verification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// All faults.
    pub faults: Vec<Fault>,
    /// Number of conversations read; counted only without faults.
    pub conversations: usize,
    /// Number of questions read.
    pub questions: usize,
    /// Number of entries of both.
    pub entries: usize,
}

impl Lab {
    /// Reads the whole database, or one conversation, and checks its consistency.
    pub async fn verify_store(&self, what: Option<&str>) -> Result<Verified, LabError> {
        let one = match what {
            None => None,
            Some(what) => match self.find_target(what).await? {
                Target::Conversation(conversation) => Some(conversation),
                Target::Experiment(_) => return Err(LabError::IsExperiment { name: what.to_owned() }),
            },
        };
        let faults = self.store.verify(one.as_ref().map(|one| one.id.as_str())).await?;
        if !faults.is_empty() {
            return Ok(Verified { faults, conversations: 0, questions: 0, entries: 0 });
        }
        let kinds = [ProcessKind::Conversation, ProcessKind::Question];
        let [(conversations, of_conversations), (questions, of_questions)] = match one {
            Some(one) => {
                let entries = self.store.history(&one.id).await?.log.len();
                kinds.map(|kind| if one.kind == kind { (1, entries) } else { (0, 0) })
            }
            None => [self.count_processes(kinds[0]).await?, self.count_processes(kinds[1]).await?],
        };
        Ok(Verified { faults, conversations, questions, entries: of_conversations + of_questions })
    }

    /// Numbers of all processes of a kind, and of their entries.
    async fn count_processes(&self, kind: ProcessKind) -> Result<(usize, usize), LabError> {
        let (mut conversations, mut entries) = (0, 0);
        for experiment in self.store.records().await? {
            let of = Of::All(Filter { experiment: Some(experiment.id), revision: None, kind });
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
