//! Launching a run: everything that can be wrong is found before anything is written; then the plan is stored, and the
//! missing conversations are worked on.

use super::error::LabError;
use super::outcome::Outcome;
use super::planned::Planned;
use super::question::Progress;
use super::setup::Lab;
use crate::design::check::server_of;
use crate::design::{Condition, Named};
use crate::model::person::Person;
use crate::model::{Bounds, Retry};
use crate::run::patience::Patience;
use crate::run::prepare::{self, LEFT, Origin, Prepared, prepare};
use crate::run::roster::LookUp;
use crate::run::{Event, Options, Roster, Summary, Work};
use crate::store::{ExperimentRecord, Lease, NewExperiment, RunRecord};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;
use tracing::info;

/// Names in a run's counts under which the plan's replicates and seed are kept.
pub const REPLICATES: &str = "replicates";
/// See [`REPLICATES`].
pub const SEED: &str = "seed";

/// The manner of a run.
#[derive(Clone)]
pub struct Launch {
    /// Requests in flight over all servers, where the person says so.
    pub jobs: Option<u32>,
    /// Further attempts of a call.
    pub max_retries: u32,
    /// Failed conversations are run again.
    pub retry_failed: bool,
    /// Replicates of an extended plan are kept as the experiment's.
    pub keeps_replicates: bool,
    /// Replies of `scripted`, where they are fixed.
    pub script: Option<Vec<String>>,
    /// Models that a server lacks are fetched.
    pub pull: bool,
    /// How long a database that went away or is full is waited for.
    pub store_wait: Duration,
    /// Arguments as typed, without secrets: recorded for people.
    pub flags: Vec<String>,
    /// Types where a person takes part; `None` where nobody can.
    pub person: Option<Arc<dyn Person>>,
    /// Receives everything that happens, from the first wait for the database on.
    pub events: UnboundedSender<Event>,
    /// The caller's ways to stop.
    pub stop: Stop,
}

/// Ways to stop a run.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    /// No new request leaves after this; turns in flight are finished.
    pub stop: CancellationToken,
    /// The run cancels this when a person leaves: it stops as if it had been asked to.
    pub leave: CancellationToken,
    /// Requests in flight are dropped.
    pub abort: CancellationToken,
}

/// A run that is stored and can begin.
pub struct Running {
    lab: Lab,
    planned: Planned,
    how: Launch,
    record: ExperimentRecord,
    prepared: Prepared,
    id: String,
}

impl Lab {
    /// Stores the plan and the run. Nothing is asked of a model before [`Running::work`], so that a caller can listen to
    /// signals first.
    ///
    /// # Errors
    /// Everything that is wrong with the experiment, the database or the answers; then nothing was written.
    pub async fn launch(&self, planned: Planned, how: Launch, yes: &[String]) -> Result<Progress<Running>, LabError> {
        let mut left = Vec::new();
        if let Some(record) = self.record_of(&planned).await?.filter(|_| !planned.alone) {
            match self.leaving_behind(&record, &planned, how.retry_failed).await? {
                Some((question, _)) if !question.is_given(yes) => return Ok(Progress::Needs(question)),
                Some((_, revisions)) => left = revisions,
                None => {}
            }
        }
        let patience = how.patience();
        let mut record = self.save_planned(&planned, &patience).await?;
        if how.keeps_replicates {
            record = self.keep_replicates(record, &planned.experiment, &patience).await?;
        }
        let standing = self.store.standing(&record.id).await?;
        let (experiment, plan, cells) = (&planned.experiment, &planned.plan, planned.cells.clone());
        let mut prepared = prepare(experiment, plan, cells, &standing, &record.id, how.retry_failed);
        let number = (self.random)();
        // Several runs on one server begin at different places, so as not to claim the same in the same order.
        let jobs = prepared.jobs.len() as u64;
        if self.store.is_shared() && jobs > 0 {
            prepared.jobs.rotate_left((number % jobs) as usize);
        }
        let id = format!("{number:016x}");
        let running = Running { lab: self.clone(), planned, how, record, prepared, id };
        running.store_plan(left, &patience).await?;
        Ok(Progress::Done(running))
    }

    /// Stores an experiment that came from a folder as its current revision.
    async fn save_planned(&self, planned: &Planned, patience: &Patience) -> Result<ExperimentRecord, LabError> {
        if let Some(record) = &planned.record {
            return Ok(record.clone());
        }
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
}

impl Launch {
    /// A database that is full or held while a run begins is waited for like one in the middle of it.
    fn patience(&self) -> Patience {
        let events = self.events.clone();
        Patience::new(self.store_wait, CancellationToken::new(), move |event| {
            // Listeners that are gone need nothing.
            let _ = events.send(event);
        })
    }
}

impl Running {
    /// Stores the conversations as pending, and that this run began.
    async fn store_plan(&self, left: Vec<String>, patience: &Patience) -> Result<(), LabError> {
        let Planned { experiment, plan, revision, overrides, alone, .. } = &self.planned;
        let (store, id) = (&self.lab.store, &self.record.id);
        let origin = Origin {
            experiment: id,
            revision,
            creator: &self.lab.who.creator,
            now: (self.lab.clock)(),
            offline: overrides.offline,
        };
        let new = self.prepared.new.iter().map(|(cell, id)| prepare::record(origin, experiment, plan, cell, id));
        let (keys, new) = (&self.prepared.keys, new.collect::<Vec<_>>());
        if !alone {
            patience.with(|| store.plan(id, revision, keys, new.clone())).await?;
        }
        info!(experiment = %id, revision = %revision, keys = keys.len(), new = new.len(), "planned");
        let run = self.run_record(origin.now, left);
        patience.with(|| store.begin_run(run.clone())).await?;
        info!(run = %self.id, experiment = %experiment.name, revision = %revision, left = self.prepared.jobs.len(), "run");
        Ok(())
    }

    fn run_record(&self, started: i64, left: Vec<String>) -> RunRecord {
        let number = |name: &str, n: usize| Named::new(name, n as u64);
        RunRecord {
            id: self.id.clone(),
            experiment: self.record.id.clone(),
            revision: self.planned.revision.clone(),
            started,
            creator: self.lab.who.creator.clone(),
            flags: self.how.flags.clone(),
            counts: vec![
                number("conversations", self.prepared.asked),
                number("done", self.prepared.done),
                number("failed", self.prepared.failed),
                number("left", self.prepared.jobs.len()),
                number(REPLICATES, self.planned.plan.replicates as usize),
                Named::new(SEED, self.planned.plan.seed),
            ],
            answers: left.into_iter().map(|revision| Named::new(LEFT, revision)).collect(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ended: None,
        }
    }

    /// The experiment's record.
    pub fn record(&self) -> &ExperimentRecord {
        &self.record
    }

    /// Keys of the conversations asked for.
    pub fn keys(&self) -> Vec<String> {
        self.planned.keys()
    }

    /// What is to be done.
    pub fn prepared(&self) -> &Prepared {
        &self.prepared
    }

    /// Whether a conversation that is to be done needs a person.
    pub fn has_people(&self) -> bool {
        self.prepared.jobs.iter().any(|job| self.planned.plan.conditions[job.condition].has_people())
    }

    /// Works on everything that is missing, counts the result and stores how the run ended.
    pub async fn work(self) -> Outcome {
        let summary = self.converse().await;
        let is_stopped = self.how.stop.stop.is_cancelled() || self.how.stop.leave.is_cancelled();
        let store = &*self.lab.store;
        let outcome = Outcome::count(store, &self.record.id, &self.keys(), summary, is_stopped).await;
        // The caller reports the end either way; a database that is gone cannot keep it.
        let _ = store.end_run(&self.id, outcome.word()).await;
        let (done, failed, left) = (outcome.done, outcome.failed, outcome.left);
        info!(run = %self.id, ended = outcome.word(), done, failed, left, "end");
        outcome
    }

    async fn converse(&self) -> Summary {
        let Self { lab, planned, how, prepared, .. } = self;
        // Listeners that are gone need nothing.
        let _ = how.events.send(self.begin());
        if prepared.jobs.is_empty() {
            return Summary::default();
        }
        // The run stops itself by a token of its own: the caller's tells whether somebody asked for it.
        let stop = how.stop.stop.child_token();
        let retry = Retry { max_retries: how.max_retries, ..Retry::default() };
        let roster = self.look_up(retry, &stop).await;
        let options = Options {
            bounds: self.bounds(&roster),
            retry,
            store_wait: how.store_wait,
            clock: lab.clock,
            lease: self.lease(),
            stop,
            leave: how.stop.leave.clone(),
            abort: how.stop.abort.clone(),
        };
        let work = Work {
            store: Arc::clone(&lab.store),
            experiment: planned.experiment.clone(),
            plan: planned.plan.clone(),
            jobs: prepared.jobs.clone(),
            roster,
            person: how.person.clone(),
            events: how.events.clone(),
        };
        crate::run::run(work, options).await
    }

    /// The first event: what is to be done, and the calls expected by model.
    fn begin(&self) -> Event {
        let mut calls: BTreeMap<String, u64> = BTreeMap::new();
        for job in &self.prepared.jobs {
            let levels = &self.planned.plan.conditions[job.condition].levels;
            let model = levels.iter().find(|l| l.name == "model").map_or_else(String::new, |l| l.value.to_string());
            *calls.entry(model).or_insert(0) += u64::from(job.left);
        }
        Event::Begin {
            experiment: self.planned.experiment.name.clone(),
            store: self.lab.store.place(),
            conversations: self.prepared.asked,
            done: self.prepared.done,
            failed: self.prepared.failed,
            left: self.prepared.jobs.len(),
            calls,
        }
    }

    async fn look_up(&self, retry: Retry, stop: &CancellationToken) -> Roster {
        let conditions: BTreeSet<usize> = self.prepared.jobs.iter().map(|j| j.condition).collect();
        let specs = conditions.iter().flat_map(|c| self.planned.plan.conditions[*c].participants());
        let look_up = LookUp {
            servers: &self.lab.servers.usable,
            script: self.how.script.clone(),
            pull: self.how.pull,
            retry,
            events: &self.how.events,
            stop,
        };
        Roster::look_up(specs, &look_up).await
    }

    fn bounds(&self, roster: &Roster) -> Bounds {
        let participants = self.planned.plan.conditions.iter().flat_map(Condition::participants);
        let mut written: Vec<(String, u32)> =
            participants.filter_map(|m| Some((server_of(&m.id).to_owned(), m.concurrency?))).collect();
        written.extend(self.lab.servers.concurrency.iter().map(|(name, n)| (name.clone(), *n)));
        Bounds::of(self.how.jobs, &roster.servers(), &written)
    }

    fn lease(&self) -> Lease {
        let who = &self.lab.who;
        Lease {
            owner: self.id.clone(),
            host: who.host.clone(),
            boot: who.boot.clone(),
            pid: who.pid,
            epoch: 0,
            until: 0,
        }
    }
}
