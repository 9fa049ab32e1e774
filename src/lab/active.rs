//! Runs at work, over all experiments.

use super::error::LabError;
use super::setup::Lab;
use crate::store::{Counts, ExperimentRecord, Millis, ProcessKind, RunKind, RunRecord, Status, StoreError};
use std::collections::BTreeMap;

/// A run at work.
#[derive(Debug, Clone, PartialEq)]
pub struct ActiveRun {
    /// Its experiment.
    pub experiment: ExperimentRecord,
    /// Numbers of the experiment's conversations.
    pub counts: Counts,
    /// Its kind.
    pub kind: RunKind,
    /// The person who started it.
    pub who: String,
    /// Name of its machine.
    pub host: String,
    /// Process id on that machine.
    pub pid: u32,
    /// Instant of its start.
    pub since: Millis,
    /// Number of conversations or questions that it works on now.
    pub running: usize,
}

impl Lab {
    /// Lists the runs at work, by experiment. A run that works on nothing at this instant is not listed.
    pub async fn list_active(&self) -> Result<Vec<ActiveRun>, LabError> {
        let mut active = Vec::new();
        for (experiment, counts) in self.store.experiments().await? {
            active.extend(self.active_of(&experiment, counts).await?);
        }
        Ok(active)
    }

    async fn active_of(&self, experiment: &ExperimentRecord, counts: Counts) -> Result<Vec<ActiveRun>, LabError> {
        let mut open = self.store.runs(&experiment.id).await?;
        open.retain(|run| run.ended.is_none());
        if open.is_empty() {
            return Ok(Vec::new());
        }
        let mut ids = Vec::new();
        for kind in ProcessKind::ALL {
            let standing = self.store.standing(&experiment.id, *kind).await?;
            // Only the record is needed, and no entry has this place.
            ids.extend(standing.into_iter().filter(|s| s.status == Status::Running).map(|s| (s.id, u32::MAX)));
        }
        let mut active: BTreeMap<String, ActiveRun> = BTreeMap::new();
        for lease in self.store.news(&ids).await?.into_iter().filter_map(|(record, _)| record.lease) {
            let Some(run) = open.iter().find(|run| run.id == lease.owner) else { continue };
            let RunRecord { kind, creator, started, .. } = run.clone();
            let new = || ActiveRun {
                experiment: experiment.clone(),
                counts,
                kind,
                who: creator,
                host: lease.host.clone(),
                pid: lease.pid,
                since: started,
                running: 0,
            };
            active.entry(lease.owner.clone()).or_insert_with(new).running += 1;
        }
        let mut active: Vec<ActiveRun> = active.into_values().collect();
        active.sort_by_key(|run| run.since);
        Ok(active)
    }

    /// Refuses a change that no run of the experiment may meet.
    ///
    /// # Errors
    /// [`StoreError::Held`] while a run works on it.
    pub(super) async fn refuse_active(&self, experiment: &ExperimentRecord) -> Result<(), LabError> {
        let Some(run) = self.active_of(experiment, Counts::default()).await?.into_iter().next() else {
            return Ok(());
        };
        let holder = format!("a run of {} (pid {} on {})", run.who, run.pid, run.host);
        Err(StoreError::Held { what: format!("experiment `{}`", experiment.name), holder }.into())
    }
}
