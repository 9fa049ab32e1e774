//! Conversations that a changed experiment leaves behind: they had begun, stay unchanged, and are not continued.

use super::error::LabError;
use super::planned::Planned;
use super::question::{About, Confirmation};
use super::setup::Lab;
use crate::design::{Experiment, Overrides, Plan, diff, key};
use crate::run::Superseded;
use crate::run::prepare::{prepare, superseded};
use crate::store::{ExperimentRecord, ProcessKind};

impl Lab {
    /// Counts the conversations that a new document leaves behind, offline ones included.
    pub async fn left_behind(&self, record: &ExperimentRecord, new: &Experiment) -> Result<usize, LabError> {
        let (standing, runs) =
            (self.store.standing(&record.id, ProcessKind::Conversation).await?, self.store.runs(&record.id).await?);
        let revision = key::hash_revision(new);
        let behind = |offline| {
            let plan = Plan::new(new, &Overrides { offline, ..Overrides::default() });
            let keys: Vec<String> = plan.map(|p| p.cells().into_iter().map(|c| c.key).collect()).unwrap_or_default();
            superseded(&keys, &revision, offline, &standing, &runs).revisions.values().sum::<usize>()
        };
        let begun = |offline| standing.iter().any(|s| s.begun && s.offline == offline);
        Ok([false, true].into_iter().filter(|offline| begun(*offline)).map(behind).sum())
    }

    /// Returns the confirmation for a run that leaves conversations behind, and the revisions that it leaves.
    pub(super) async fn leaving_behind(
        &self,
        record: &ExperimentRecord,
        planned: &Planned,
        retry_failed: bool,
    ) -> Result<Option<(Confirmation, Vec<String>)>, LabError> {
        let (standing, runs) =
            (self.store.standing(&record.id, ProcessKind::Conversation).await?, self.store.runs(&record.id).await?);
        let Planned { experiment, plan, cells, .. } = planned;
        let keys: Vec<String> = plan.cells().into_iter().map(|c| c.key).collect();
        let Superseded { revisions } =
            superseded(&keys, &planned.revision, planned.overrides.offline, &standing, &runs);
        if revisions.is_empty() {
            return Ok(None);
        }
        let prepared = prepare(experiment, plan, cells.clone(), &standing, &record.id, retry_failed);
        let left: Vec<String> = revisions.keys().cloned().collect();
        let about = About::LeaveBehind {
            experiment: record.name.clone(),
            revisions: left.clone(),
            conversations: revisions.values().sum(),
            changes: self.changes_since(&left, experiment).await?,
            to_do: prepared.missing.len(),
            calls: prepared.missing.iter().map(|j| u64::from(j.left)).sum(),
        };
        Ok(Some((Confirmation::new(about), left)))
    }

    /// Differences between older revisions and an experiment, each listed once.
    async fn changes_since(&self, revisions: &[String], experiment: &Experiment) -> Result<Vec<String>, LabError> {
        let mut changes = Vec::new();
        for revision in revisions {
            if let Some(old) = self.store.document(revision).await? {
                // No revision includes `[run]`.
                let old = Experiment { run: experiment.run, ..old };
                changes.extend(diff::describe_differences(&old, experiment));
            }
        }
        changes.sort();
        changes.dedup();
        Ok(changes)
    }
}
