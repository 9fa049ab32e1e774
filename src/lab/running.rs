//! A stored run that can begin: its options, its work and its end.

use super::outcome::{Counted, Outcome};
use super::pace::{Pace, request_bounds};
use super::setup::Lab;
use crate::model::Retry;
use crate::model::person::Person;
use crate::run::patience::Patience;
use crate::run::roster::LookUp;
use crate::run::{Budget, Event, Job, Options, Roster, ServerWait, Summary, Work};
use crate::store::{ExperimentRecord, Lease, ProcessKind};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;
use tracing::info;

/// Options of a run.
#[derive(Clone)]
pub struct Launch {
    /// Requests in flight over all servers, if the person limits them.
    pub jobs: Option<u32>,
    /// Retries of a call.
    pub max_retries: u32,
    /// True if failed conversations run again.
    pub retry_failed: bool,
    /// Number of `--more` by which the plan was extended. The experiment keeps the new number of replicates.
    pub more: Option<u32>,
    /// True if a person takes part in one conversation alone.
    pub is_talk: bool,
    /// Fixed replies of `scripted`.
    pub script: Option<Vec<String>>,
    /// True if missing models are fetched.
    pub pull: bool,
    /// Most calls of this invocation, as a plan counts them.
    pub max_calls: Option<u32>,
    /// Time after which this invocation makes no further request.
    pub max_time: Option<Duration>,
    /// Patience with servers that go away.
    pub server_wait: ServerWait,
    /// Longest wait for a database that is full or unreachable.
    pub store_wait: Duration,
    /// Time that requests in flight have once `max_time` is over.
    pub grace: Duration,
    /// Arguments as typed, without secrets, recorded for people.
    pub flags: Vec<String>,
    /// Person who takes part; `None` if nobody can.
    pub person: Option<Arc<dyn Person>>,
    /// Receives all events, from the first wait for the database on.
    pub events: UnboundedSender<Event>,
    /// The caller's ways to stop.
    pub stop: Stop,
}

/// Ways to stop a run.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    /// Prevents new requests. Turns in flight are finished.
    pub stop: CancellationToken,
    /// Cancelled by the run when a person leaves, to stop the run in the same way.
    pub leave: CancellationToken,
    /// Drops requests in flight.
    pub abort: CancellationToken,
}

impl Launch {
    /// A run waits for a full or locked database at its start just as later.
    pub(super) fn build_patience(&self) -> Patience {
        let events = self.events.clone();
        Patience::new(self.store_wait, CancellationToken::new(), move |event| {
            // Without a listener, events are not needed.
            let _ = events.send(event);
        })
    }
}

/// State of a run's processes before it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Before {
    /// Number of all processes.
    pub all: usize,
    /// Number of processes that are done.
    pub done: usize,
    /// Number of failed processes that do not run again.
    pub failed: usize,
}

/// A stored run that can begin.
pub struct Running {
    pub(super) lab: Lab,
    pub(super) how: Launch,
    pub(super) record: ExperimentRecord,
    /// Id of the run.
    pub(super) id: String,
    pub(super) kind: ProcessKind,
    /// Keys of all processes of the run.
    pub(super) keys: Vec<String>,
    pub(super) before: Before,
    /// Time of the experiment's calls so far.
    pub(super) pace: Pace,
    pub(super) jobs: Vec<Job>,
}

impl Running {
    /// Record of the experiment.
    pub fn record(&self) -> &ExperimentRecord {
        &self.record
    }

    /// Kind of the processes.
    pub fn kind(&self) -> ProcessKind {
        self.kind
    }

    /// State of the processes before the run begins.
    pub fn state_before(&self) -> Before {
        self.before
    }

    /// Number of processes to work on.
    pub fn count_left(&self) -> usize {
        self.jobs.len()
    }

    /// Estimates the seconds of the work, if the time of its servers is known.
    pub fn estimate_seconds(&self) -> Option<f64> {
        self.pace.estimate_seconds(&self.jobs, &request_bounds(&self.jobs, &self.lab.servers, self.how.jobs))
    }

    /// True if one of the processes to work on needs a person.
    pub fn has_people(&self) -> bool {
        self.jobs.iter().flat_map(|job| job.members.iter()).any(crate::design::ModelSpec::is_human)
    }

    /// Works on all missing processes, counts the result and stores how the run ended.
    pub async fn work_through(self) -> Outcome {
        let summary = self.run_processes().await;
        let is_stopped = self.how.stop.stop.is_cancelled() || self.how.stop.leave.is_cancelled();
        let outcome = Outcome::count_outcome(&self.counted_processes(), summary, is_stopped).await;
        // The caller reports the end either way. An unreachable database cannot store it.
        let _ = self.lab.store.end_run(&self.id, outcome.word()).await;
        let (done, failed, left) = (outcome.done, outcome.failed, outcome.left);
        info!(run = %self.id, ended = outcome.word(), done, failed, left, "end");
        outcome
    }

    /// Processes to count at the end.
    pub fn counted_processes(&self) -> Counted {
        Counted {
            store: Arc::clone(&self.lab.store),
            experiment: self.record.id.clone(),
            kind: self.kind,
            keys: self.keys.clone(),
        }
    }

    async fn run_processes(&self) -> Summary {
        let Self { how, jobs, .. } = self;
        // Without a listener, events are not needed.
        let _ = how.events.send(self.begin_event());
        if jobs.is_empty() {
            return Summary::default();
        }
        // The run stops itself by its own tokens. The caller's tokens show if a person stopped it.
        let (stop, abort) = (how.stop.stop.child_token(), how.stop.abort.child_token());
        let budget = Arc::new(Budget::new(how.max_calls, how.max_time, how.grace));
        let expire = async {
            budget.expire().await;
            if let Some(event) = budget.announce() {
                let _ = how.events.send(event);
            }
            stop.cancel();
            budget.end_grace().await;
            abort.cancel();
            std::future::pending::<()>().await;
        };
        let work = Box::pin(self.run_within(&budget, (&stop, &abort)));
        tokio::select! {
            summary = work => summary,
            () = expire => Summary::default(),
        }
    }

    async fn run_within(
        &self,
        budget: &Arc<Budget>,
        (stop, abort): (&CancellationToken, &CancellationToken),
    ) -> Summary {
        let Self { lab, how, jobs, .. } = self;
        let longest = how.server_wait.time;
        let retry = Retry { max_retries: how.max_retries, longest, ..Retry::default() };
        let roster = self.look_up(retry, stop).await;
        let options = Options {
            bounds: request_bounds(jobs, &lab.servers, how.jobs),
            retry,
            server_wait: how.server_wait,
            store_wait: how.store_wait,
            clock: lab.clock,
            lease: self.build_lease(),
            stop: stop.clone(),
            leave: how.stop.leave.clone(),
            abort: abort.clone(),
            budget: Arc::clone(budget),
        };
        let work = Work {
            store: Arc::clone(&lab.store),
            jobs: jobs.clone(),
            roster,
            person: how.person.clone(),
            events: how.events.clone(),
        };
        crate::run::run(work, options).await
    }

    /// First event: the work to do, and the expected calls of each model.
    fn begin_event(&self) -> Event {
        let mut calls: BTreeMap<String, u64> = BTreeMap::new();
        for job in &self.jobs {
            *calls.entry(job.label.clone()).or_insert(0) += u64::from(job.left);
        }
        let Before { all, done, failed } = self.before;
        Event::Begin {
            kind: self.kind,
            experiment: self.record.name.clone(),
            store: self.lab.store.place(),
            conversations: all,
            done,
            failed,
            left: self.jobs.len(),
            calls,
            seconds: self.estimate_seconds(),
        }
    }

    async fn look_up(&self, retry: Retry, stop: &CancellationToken) -> Roster {
        let look_up = LookUp {
            servers: &self.lab.servers.usable,
            script: self.how.script.clone(),
            pull: self.how.pull,
            server_wait: self.how.server_wait,
            retry,
            events: &self.how.events,
            stop,
        };
        Roster::look_up(self.jobs.iter().flat_map(|job| job.members.iter()), &look_up).await
    }

    fn build_lease(&self) -> Lease {
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
