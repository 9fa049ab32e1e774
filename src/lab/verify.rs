//! Verification of the stored data.

use super::error::LabError;
use super::origin::Origins;
use super::setup::Lab;
use super::target::Target;
use crate::exchange::{Of, Pages};
use crate::process::Entry;
use crate::store::{ConversationRecord, ExperimentRecord, Fault, Filter, ProcessKind};

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
        let mut verified = Verified { faults, conversations: 0, questions: 0, entries: 0 };
        match one {
            Some(one) => {
                let log = self.store.history(&one.id).await?.log;
                let record = self.experiment_of(&one).await?;
                let origins = self.load_origins(&record).await?;
                verified.add(&origins, &one, log);
            }
            None => {
                for record in self.store.records().await? {
                    self.derive_notes_of(&record, &mut verified).await?;
                }
            }
        }
        if verified.faults.is_empty() {
            Ok(verified)
        } else {
            Ok(Verified { conversations: 0, questions: 0, entries: 0, ..verified })
        }
    }

    /// Reads all processes of an experiment, of every revision.
    async fn derive_notes_of(&self, record: &ExperimentRecord, verified: &mut Verified) -> Result<(), LabError> {
        let origins = self.load_origins(record).await?;
        for kind in [ProcessKind::Conversation, ProcessKind::Question] {
            let of = Of::All(Filter { experiment: Some(record.id.clone()), revision: None, kind });
            let mut pages = Pages::new(&*self.store, &of);
            loop {
                let page = pages.next_logs().await?;
                if page.is_empty() {
                    break;
                }
                for (one, log) in page {
                    verified.add(&origins, &one, log);
                }
            }
        }
        Ok(())
    }
}

impl Verified {
    /// Counts a process, and derives the notes of a conversation again.
    fn add(&mut self, origins: &Origins, one: &ConversationRecord, log: Vec<Entry>) {
        self.entries += log.len();
        match one.kind {
            ProcessKind::Conversation => {
                self.conversations += 1;
                let what = |changed: Entry| {
                    let (seq, kind) = (changed.seq, changed.kind);
                    format!("entry {seq}, of kind {kind}, is not the one that follows from the entries before it")
                };
                let found = origins.find_changed_note(one, log).map(what);
                self.faults.extend(found.map(|what| Fault { conversation: one.id.clone(), what }));
            }
            ProcessKind::Question => self.questions += 1,
        }
    }
}
