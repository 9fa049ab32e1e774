//! Launching a run: convoke finds every mistake before it writes anything. Then it stores the plan and works on the
//! missing conversations.

use super::error::LabError;
use super::planned::Planned;
use super::question::Progress;
use super::recorded::MORE;
use super::running::{Before, Launch, Running};
use super::setup::Lab;
use crate::design::Named;
use crate::run::patience::Patience;
use crate::run::prepare::{self, LEFT, Origin, Prepared, prepare};
use crate::store::{ExperimentRecord, NewExperiment, ProcessKind, RunKind, RunRecord};
use std::sync::Arc;
use tracing::info;

/// Key of a run's counts that holds the plan's number of replicates.
pub const REPLICATES: &str = "replicates";
/// Key of a run's counts that holds the plan's seed.
pub const SEED: &str = "seed";

impl Lab {
    /// Stores the plan and the run. Requests begin with [`Running::work_through`], so that a caller can listen to signals
    /// first.
    ///
    /// # Errors
    /// Every mistake in the experiment, the database or the answers. Then nothing was written.
    pub async fn launch_run(
        &self,
        planned: Planned,
        how: Launch,
        yes: &[String],
    ) -> Result<Progress<Running>, LabError> {
        planned.require_servers(&self.servers)?;
        let mut behind = Vec::new();
        if let Some(record) = self.record_of(&planned).await?.filter(|_| !planned.alone) {
            match self.leaving_behind(&record, &planned, how.retry_failed).await? {
                Some((question, _)) if !question.is_given(yes) => return Ok(Progress::Needs(question)),
                Some((_, revisions)) => behind = revisions,
                None => {}
            }
        }
        let patience = how.build_patience();
        let mut record = self.save_planned(&planned, &patience).await?;
        if how.more.is_some() {
            record = self.keep_replicates(record, &planned.experiment, &patience).await?;
        }
        let standing = self.store.standing(&record.id, ProcessKind::Conversation).await?;
        let (experiment, plan, cells) = (&planned.experiment, &planned.plan, planned.cells.clone());
        let mut prepared = prepare(experiment, plan, cells, &standing, &record.id, how.retry_failed);
        let number = (self.random)();
        if self.store.is_shared() {
            prepared.spread_claims(number);
        }
        let id = format!("{number:016x}");
        let run = self.run_record(&id, (&record, &planned), (&prepared, behind), &how);
        self.store_plan(&planned, &prepared, run, &patience).await?;
        let Prepared { missing, asked, done, failed, .. } = prepared;
        Ok(Progress::Done(Running {
            lab: self.clone(),
            how,
            record,
            id,
            kind: ProcessKind::Conversation,
            keys: planned.planned_keys(),
            before: Before { all: asked, done, failed },
            pace: self.load_pace(&standing).await?,
            jobs: prepare::jobs(&Arc::new(planned.experiment), &planned.plan, &missing),
        }))
    }

    /// Stores an experiment of a folder as its current revision.
    async fn save_planned(&self, planned: &Planned, patience: &Patience) -> Result<ExperimentRecord, LabError> {
        if let Some(record) = &planned.record {
            return Ok(record.clone());
        }
        self.refuse_other_form(&planned.creator, &planned.experiment.name).await?;
        let new = NewExperiment {
            id: format!("{:016x}", (self.random)()),
            creator: planned.creator.clone(),
            now: (self.clock)(),
            document: planned.experiment.clone(),
            revision: planned.revision.clone(),
            parent: None,
        };
        let record = patience.with(|| self.store.save(new.clone())).await?;
        info!(experiment = %record.id, revision = %record.revision, version = record.version, "saved");
        Ok(record)
    }

    /// Stores the conversations as pending, and the start of this run.
    async fn store_plan(
        &self,
        planned: &Planned,
        prepared: &Prepared,
        run: RunRecord,
        patience: &Patience,
    ) -> Result<(), LabError> {
        let Planned { experiment, plan, revision, overrides, alone, .. } = planned;
        let id = &run.experiment;
        let origin = Origin {
            experiment: id,
            revision,
            creator: &self.who.creator,
            now: run.started,
            offline: overrides.offline,
        };
        let new = prepared.new.iter().map(|(cell, id)| prepare::record(origin, experiment, plan, cell, id));
        let (keys, new) = (&prepared.keys, new.collect::<Vec<_>>());
        if !alone {
            patience.with(|| self.store.plan(id, revision, keys, new.clone())).await?;
        }
        info!(experiment = %id, revision = %revision, keys = keys.len(), new = new.len(), "planned");
        patience.with(|| self.store.begin_run(run.clone())).await?;
        info!(run = %run.id, experiment = %experiment.name, revision = %revision, left = prepared.missing.len(), "run");
        Ok(())
    }

    fn run_record(
        &self,
        id: &str,
        (record, planned): (&ExperimentRecord, &Planned),
        (prepared, behind): (&Prepared, Vec<String>),
        how: &Launch,
    ) -> RunRecord {
        let number = |name: &str, n: usize| Named::new(name, n as u64);
        let more = how.more.map(|more| Named::new(MORE, u64::from(more)));
        RunRecord {
            id: id.to_owned(),
            experiment: record.id.clone(),
            revision: planned.revision.clone(),
            started: (self.clock)(),
            creator: self.who.creator.clone(),
            flags: how.flags.clone(),
            counts: [
                number("conversations", prepared.asked),
                number("done", prepared.done),
                number("failed", prepared.failed),
                number("left", prepared.missing.len()),
                number(REPLICATES, planned.plan.replicates as usize),
                Named::new(SEED, planned.plan.seed),
            ]
            .into_iter()
            .chain(more)
            .collect(),
            answers: behind.into_iter().map(|revision| Named::new(LEFT, revision)).collect(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ended: None,
            kind: if how.is_talk { RunKind::Talk } else { RunKind::Run },
            overrides: Some(planned.overrides.clone()),
            ask: None,
        }
    }
}
