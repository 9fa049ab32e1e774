//! Which conversations of an experiment are meant.

use super::error::LabError;
use super::setup::Lab;
use super::target::Target;
use crate::design::Experiment;
use crate::exchange::{self, Of};
use crate::process::Flag;
use crate::store::{ConversationRecord, Counts, ExperimentRecord, Filter, Status};

/// A conversation and the flags in its log.
pub type Flagged = (ConversationRecord, Vec<Flag>);

/// An experiment, and which of its conversations are meant.
#[derive(Debug, Clone)]
pub struct Selection {
    /// The experiment.
    pub record: ExperimentRecord,
    /// Its current document.
    pub document: Experiment,
    /// Those of the current revision, of all revisions, or a single one.
    pub of: Of,
}

/// An experiment as a list shows it.
#[derive(Debug, Clone)]
pub struct Listed {
    /// The experiment.
    pub record: ExperimentRecord,
    /// Conversations of its current revision.
    pub counts: Counts,
    /// Its current document.
    pub document: Experiment,
}

impl Lab {
    /// All experiments, oldest first.
    pub async fn experiments(&self) -> Result<Vec<Listed>, LabError> {
        let mut listed = Vec::new();
        for (record, counts) in self.store.experiments().await? {
            let document = self.document(&record).await?;
            listed.push(Listed { record, counts, document });
        }
        Ok(listed)
    }

    /// The experiment that a person named, with its conversations of the current revision (of every revision with
    /// `all`); or the single conversation that they named.
    pub async fn select(&self, what: &str, all: bool) -> Result<Selection, LabError> {
        let (record, only) = match self.find(what).await? {
            Target::Experiment(record) => (*record, None),
            Target::Conversation(c) => (self.experiment_of(&c).await?, Some(c)),
        };
        let document = self.document(&record).await?;
        let revision = (!all).then(|| record.revision.clone());
        let whole = || Of::All(Filter { experiment: Some(record.id.clone()), revision });
        let of = only.map_or_else(whole, Of::One);
        Ok(Selection { record, document, of })
    }

    /// The records of a selection, in the order of the design.
    pub async fn conversations(&self, selection: &Selection) -> Result<Vec<Flagged>, LabError> {
        let Selection { record, document, of } = selection;
        let filter = match of {
            Of::One(_) => Filter { experiment: Some(record.id.clone()), revision: None },
            Of::All(filter) => filter.clone(),
        };
        let mut found = self.store.conversations(&filter).await?;
        found.retain(|(c, _)| if let Of::One(only) = of { only.id == c.id } else { true });
        found.sort_by_cached_key(|(c, _)| exchange::place(document, c));
        Ok(found)
    }

    /// Numbers of conversations of an experiment's current revision.
    pub async fn counts(&self, record: &ExperimentRecord) -> Result<Counts, LabError> {
        let current = Filter { experiment: Some(record.id.clone()), revision: Some(record.revision.clone()) };
        let mut counts = Counts::default();
        for (conversation, _) in self.store.conversations(&current).await? {
            match conversation.status {
                Status::Done => counts.done += 1,
                Status::Failed => counts.failed += 1,
                Status::Pending | Status::Running | Status::Interrupted | Status::Incomplete => counts.left += 1,
            }
        }
        Ok(counts)
    }
}

/// Axes on which conversations differ: one with the same level everywhere tells nothing apart.
pub fn differing_axes(records: &[ConversationRecord]) -> Vec<String> {
    let level = |c: &ConversationRecord, axis: &str| crate::design::named(&c.condition, axis).cloned();
    let mut axes = exchange::axes(records);
    axes.retain(|axis| records.windows(2).any(|pair| level(&pair[0], axis) != level(&pair[1], axis)));
    axes
}
