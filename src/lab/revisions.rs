//! Revisions of an experiment: those that are known, and their documents.

use super::error::LabError;
use super::setup::Lab;
use crate::design::{Experiment, diff};
use crate::store::{ExperimentRecord, Millis, ProcessKind, RunKind, Status};
use std::collections::{BTreeMap, BTreeSet};

/// A revision of an experiment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// Its hash.
    pub hash: String,
    /// True for the experiment's current one.
    pub is_current: bool,
    /// Start of the first run of it; `None` if no run is recorded.
    pub first_run: Option<Millis>,
    /// One line for each difference from the previous one in the list; empty for the first.
    pub changes: Vec<String>,
    /// Number of conversations that it planned and no later revision did.
    pub conversations: usize,
    /// Number of these conversations that are done.
    pub done: usize,
}

impl Revision {
    /// A revision without a run and without conversations.
    fn unknown(hash: &str, record: &ExperimentRecord) -> Self {
        let is_current = hash == record.revision;
        Self { hash: hash.to_owned(), is_current, first_run: None, changes: Vec::new(), conversations: 0, done: 0 }
    }
}

impl Lab {
    /// Lists the revisions that the experiment, its runs or its conversations name, and those that were stored and never
    /// run. Revisions with a run come first, ordered by their first run; the current one is last of the others.
    pub async fn list_revisions(&self, record: &ExperimentRecord) -> Result<Vec<Revision>, LabError> {
        let mut revisions = self.known_revisions(record).await?;
        let elsewhere = self.revisions_of_namesakes(record).await?;
        for hash in self.stored_revisions(record, |hash| !elsewhere.contains(hash)).await? {
            if !revisions.iter().any(|known| known.hash == hash) {
                revisions.push(Revision::unknown(&hash, record));
            }
        }
        revisions.sort_by_key(|revision| (revision.first_run.is_none(), revision.first_run, revision.is_current));
        let mut previous: Option<Experiment> = None;
        for revision in &mut revisions {
            let of = ExperimentRecord { revision: revision.hash.clone(), ..record.clone() };
            let document = self.load_document(&of).await?;
            if let Some(previous) = &previous {
                revision.changes = diff::describe_differences(previous, &document);
            }
            previous = Some(document);
        }
        Ok(revisions)
    }

    /// Returns the revisions that the experiment, its runs and its conversations name.
    async fn known_revisions(&self, record: &ExperimentRecord) -> Result<Vec<Revision>, LabError> {
        let mut known: BTreeMap<String, Revision> = BTreeMap::new();
        let new = |hash: &String| Revision::unknown(hash, record);
        known.insert(record.revision.clone(), new(&record.revision));
        // Oldest first. A question is asked of conversations of any revision.
        for run in self.store.runs(&record.id).await?.into_iter().filter(|run| run.kind != RunKind::Ask) {
            let revision = known.entry(run.revision.clone()).or_insert_with_key(new);
            revision.first_run.get_or_insert(run.started);
        }
        for standing in self.store.standing(&record.id, ProcessKind::Conversation).await? {
            let revision = known.entry(standing.revision).or_insert_with_key(new);
            revision.conversations += 1;
            revision.done += usize::from(standing.status == Status::Done);
        }
        Ok(known.into_values().collect())
    }

    /// Returns the revisions of other people's experiments of the same name.
    async fn revisions_of_namesakes(&self, record: &ExperimentRecord) -> Result<BTreeSet<String>, LabError> {
        let mut revisions = BTreeSet::new();
        let namesakes = self.store.records().await?.into_iter().filter(|e| e.name == record.name && e.id != record.id);
        for namesake in namesakes {
            revisions.extend(self.known_revisions(&namesake).await?.into_iter().map(|revision| revision.hash));
        }
        Ok(revisions)
    }

    /// Returns the wanted ones of the stored revisions whose document has the experiment's name.
    async fn stored_revisions(
        &self,
        record: &ExperimentRecord,
        wanted: impl Fn(&String) -> bool,
    ) -> Result<Vec<String>, LabError> {
        let mut found = Vec::new();
        for hash in self.store.revisions().await?.into_iter().filter(wanted) {
            let document = self.store.document(&hash).await?;
            found.extend(document.filter(|document| document.name == record.name).map(|_| hash));
        }
        Ok(found)
    }

    /// Finds a revision of an experiment by the beginning of its hash. One that was stored and never run is found by the
    /// experiment's name in its document.
    pub(super) async fn find_revision(&self, record: &ExperimentRecord, prefix: &str) -> Result<String, LabError> {
        let begins = |hash: &String| !prefix.is_empty() && hash.starts_with(prefix);
        let known = self.known_revisions(record).await?.into_iter().map(|revision| revision.hash);
        let mut found: Vec<String> = known.filter(begins).collect();
        if found.is_empty() {
            found = self.stored_revisions(record, begins).await?;
        }
        match (found.len(), found.pop()) {
            (1, Some(hash)) => Ok(hash),
            (0, _) => Err(LabError::NoRevision { name: record.name.clone(), prefix: prefix.to_owned() }),
            (number, _) => Err(LabError::ManyIds { prefix: prefix.to_owned(), number }),
        }
    }

    /// Returns the document of a revision under the experiment's current name, note and `[run]`.
    pub async fn load_revision(&self, record: &ExperimentRecord, prefix: &str) -> Result<Experiment, LabError> {
        let revision = self.find_revision(record, prefix).await?;
        let document = self.load_document(&ExperimentRecord { revision, ..record.clone() }).await?;
        Ok(Experiment { name: record.name.clone(), ..document })
    }
}
