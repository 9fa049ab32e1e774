//! Conversations that a changed experiment leaves behind: they had begun, stay unchanged, and are not continued.

use super::error::LabError;
use super::planned::Planned;
use super::question::{About, Confirmation};
use super::setup::Lab;
use crate::design::{Experiment, Overrides, Plan, diff, key};
use crate::run::Superseded;
use crate::run::prepare::{prepare, superseded};
use crate::store::{ExperimentRecord, ProcessKind, RunRecord, Standing, Status};

impl Lab {
    /// Counts the conversations that a new document leaves behind, offline ones included.
    pub async fn left_behind(&self, record: &ExperimentRecord, new: &Experiment) -> Result<usize, LabError> {
        let (standing, runs) =
            (self.store.standing(&record.id, ProcessKind::Conversation).await?, self.store.runs(&record.id).await?);
        Ok(count_behind(&standing, &runs, new))
    }

    /// Counts the conversations of the current version that a new document would leave behind: finished ones, and
    /// others that have begun. Conversations of older versions are left out.
    pub async fn current_behind(
        &self,
        record: &ExperimentRecord,
        old: &Experiment,
        new: &Experiment,
    ) -> Result<(usize, usize), LabError> {
        let mut standing = self.store.standing(&record.id, ProcessKind::Conversation).await?;
        let keys = [false, true].map(|offline| planned_keys(old, offline));
        let is_current = |s: &Standing| s.revision == record.revision || keys[usize::from(s.offline)].contains(&s.key);
        standing.retain(is_current);
        let begun = count_behind(&standing, &[], new);
        standing.retain(|s| s.status == Status::Done);
        let finished = count_behind(&standing, &[], new);
        Ok((finished, begun - finished))
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

fn count_behind(standing: &[Standing], runs: &[RunRecord], new: &Experiment) -> usize {
    let revision = key::hash_revision(new);
    let begun = |offline| standing.iter().any(|s| s.begun && s.offline == offline);
    let behind = |offline| superseded(&planned_keys(new, offline), &revision, offline, standing, runs).revisions;
    [false, true].into_iter().filter(|o| begun(*o)).map(|offline| behind(offline).values().sum::<usize>()).sum()
}

fn planned_keys(experiment: &Experiment, offline: bool) -> Vec<String> {
    let plan = Plan::new(experiment, &Overrides { offline, ..Overrides::default() });
    plan.map(|p| p.cells().into_iter().map(|c| c.key).collect()).unwrap_or_default()
}
