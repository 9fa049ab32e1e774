//! A run that is stored and can begin: its manner, its work and its end.

use super::outcome::{Counted, Outcome};
use super::setup::Lab;
use crate::design::check::server_of;
use crate::model::person::Person;
use crate::model::{Bounds, Retry};
use crate::run::patience::Patience;
use crate::run::roster::LookUp;
use crate::run::{Event, Job, Options, Roster, Summary, Work};
use crate::store::{ExperimentRecord, Lease, ProcessKind};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;
use tracing::info;

/// The manner of a run.
#[derive(Clone)]
pub struct Launch {
    /// Requests in flight over all servers, where the person says so.
    pub jobs: Option<u32>,
    /// Further attempts of a call.
    pub max_retries: u32,
    /// Failed conversations are run again.
    pub retry_failed: bool,
    /// The number of `--more`, by which the plan was extended: its replicates are kept as the experiment's.
    pub more: Option<u32>,
    /// True if a person takes part in one conversation alone.
    pub is_talk: bool,
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

impl Launch {
    /// A database that is full or held while a run begins is waited for like one in the middle of it.
    pub(super) fn patience(&self) -> Patience {
        let events = self.events.clone();
        Patience::new(self.store_wait, CancellationToken::new(), move |event| {
            // Listeners that are gone need nothing.
            let _ = events.send(event);
        })
    }
}

/// The state of the processes that a run is about, as it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Before {
    /// Number of processes.
    pub all: usize,
    /// Number that are done.
    pub done: usize,
    /// Number that failed and are not run again.
    pub failed: usize,
}

/// A run that is stored and can begin.
pub struct Running {
    pub(super) lab: Lab,
    pub(super) how: Launch,
    /// The experiment.
    pub(super) record: ExperimentRecord,
    /// The run's id.
    pub(super) id: String,
    pub(super) kind: ProcessKind,
    /// Keys of all processes that it is about.
    pub(super) keys: Vec<String>,
    pub(super) before: Before,
    pub(super) jobs: Vec<Job>,
}

impl Running {
    /// The experiment's record.
    pub fn record(&self) -> &ExperimentRecord {
        &self.record
    }

    /// The kind of these processes.
    pub fn kind(&self) -> ProcessKind {
        self.kind
    }

    /// The state of these processes as the run begins.
    pub fn before(&self) -> Before {
        self.before
    }

    /// Number of processes to be worked on.
    pub fn left(&self) -> usize {
        self.jobs.len()
    }

    /// True if one of the processes to be worked on needs a person.
    pub fn has_people(&self) -> bool {
        self.jobs.iter().flat_map(|job| job.members.iter()).any(crate::design::ModelSpec::is_human)
    }

    /// Works on everything that is missing, counts the result and stores how the run ended.
    pub async fn work(self) -> Outcome {
        let summary = self.converse().await;
        let is_stopped = self.how.stop.stop.is_cancelled() || self.how.stop.leave.is_cancelled();
        let outcome = Outcome::count(&self.counted(), summary, is_stopped).await;
        // The caller reports the end either way; a database that is gone cannot keep it.
        let _ = self.lab.store.end_run(&self.id, outcome.word()).await;
        let (done, failed, left) = (outcome.done, outcome.failed, outcome.left);
        info!(run = %self.id, ended = outcome.word(), done, failed, left, "end");
        outcome
    }

    /// The processes that count at the end.
    pub fn counted(&self) -> Counted {
        Counted {
            store: Arc::clone(&self.lab.store),
            experiment: self.record.id.clone(),
            kind: self.kind,
            keys: self.keys.clone(),
        }
    }

    async fn converse(&self) -> Summary {
        let Self { lab, how, jobs, .. } = self;
        // Listeners that are gone need nothing.
        let _ = how.events.send(self.begin());
        if jobs.is_empty() {
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
            jobs: jobs.clone(),
            roster,
            person: how.person.clone(),
            events: how.events.clone(),
        };
        crate::run::run(work, options).await
    }

    /// The first event: what is to be done, and the calls expected by model.
    fn begin(&self) -> Event {
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
        }
    }

    async fn look_up(&self, retry: Retry, stop: &CancellationToken) -> Roster {
        let look_up = LookUp {
            servers: &self.lab.servers.usable,
            script: self.how.script.clone(),
            pull: self.how.pull,
            retry,
            events: &self.how.events,
            stop,
        };
        Roster::look_up(self.jobs.iter().flat_map(|job| job.members.iter()), &look_up).await
    }

    fn bounds(&self, roster: &Roster) -> Bounds {
        let members = self.jobs.iter().flat_map(|job| job.members.iter());
        let mut written: Vec<(String, u32)> =
            members.filter_map(|m| Some((server_of(&m.id).to_owned(), m.concurrency?))).collect();
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
