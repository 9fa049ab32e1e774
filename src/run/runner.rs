//! Which conversations are worked on, and what stops them.

use super::event::{Event, Summary};
use super::patience::Patience;
use super::prepare::Job;
use super::roster::Roster;
use super::worker::{self, Left};
use crate::design::check::server_of;
use crate::design::{Experiment, ModelSpec, Plan};
use crate::model::person::Person;
use crate::model::{Bounds, Gates, ModelError, Retry, Slots};
use crate::store::{LEASE, Lease, Status, Store, StoreError, Tokens};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::warn;

/// How often what another process holds is looked at again.
const LOOK: Duration = Duration::from_secs(1);
/// How often leases are renewed.
const RENEWAL: Duration = Duration::from_millis(LEASE.unsigned_abs() / 3);

/// How a run goes about it.
#[derive(Debug, Clone)]
pub struct Options {
    /// Requests in flight.
    pub bounds: Bounds,
    /// How often and how patiently a call is tried again.
    pub retry: Retry,
    /// How long a database that is away is waited for.
    pub store_wait: Duration,
    /// Milliseconds since 1970.
    pub clock: fn() -> i64,
    /// Who works: the lease that each conversation gets.
    pub lease: Lease,
    /// No new request after this.
    pub stop: CancellationToken,
    /// Cancelled, with `stop`, where a person leaves.
    pub leave: CancellationToken,
    /// What is in flight is dropped.
    pub abort: CancellationToken,
}

/// What is to be run.
pub struct Work {
    /// The database.
    pub store: Arc<dyn Store>,
    /// The experiment.
    pub experiment: Experiment,
    /// Its plan.
    pub plan: Plan,
    /// What is missing, in the order in which it is begun.
    pub jobs: Vec<Job>,
    /// The models.
    pub roster: Roster,
    /// Who types where a person takes part; none where nobody can.
    pub person: Option<Arc<dyn Person>>,
    /// Where everything is told.
    pub events: UnboundedSender<Event>,
}

/// What all conversations of a run share.
pub(super) struct Shared {
    pub(super) work: Work,
    pub(super) options: Options,
    pub(super) slots: Slots,
    pub(super) gates: Gates,
    pub(super) patience: Patience,
    stops: Mutex<BTreeMap<(String, Option<String>), ModelError>>,
    /// Conversations of which it was told that another process holds them.
    held: Mutex<BTreeSet<String>>,
    totals: Mutex<Summary>,
}

impl Shared {
    /// Tells listeners; those that are gone need nothing.
    pub(super) fn tell(&self, event: Event) {
        let _ = self.work.events.send(event);
    }

    /// Why no request goes to a model, if so.
    pub(super) fn stopped(&self, spec: &ModelSpec) -> Option<ModelError> {
        let stops = self.stops.lock().unwrap_or_else(PoisonError::into_inner);
        let server = server_of(&spec.id).to_owned();
        let name = super::roster::name_of(&spec.id).to_owned();
        stops.get(&(server.clone(), None)).or_else(|| stops.get(&(server, Some(name)))).cloned()
    }

    /// No new request goes to a server, or to one of its models.
    pub(super) fn stop(&self, server: &str, model: Option<&str>, error: &ModelError) {
        let place = (server.to_owned(), model.map(str::to_owned));
        let mut stops = self.stops.lock().unwrap_or_else(PoisonError::into_inner);
        if stops.insert(place, error.clone()).is_none() {
            self.tell(Event::Stopped {
                server: server.to_owned(),
                model: model.map(str::to_owned),
                reason: error.to_string(),
            });
        }
    }

    /// Changes the totals.
    pub(super) fn count(&self, change: impl FnOnce(&mut Summary)) {
        change(&mut self.totals.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Works on every job until it is at its end or something stops it. Never fails: what went wrong is in the summary.
pub async fn run(work: Work, options: Options) -> Summary {
    let slots = Slots::new(&options.bounds);
    let events = work.events.clone();
    let patience = Patience::new(options.store_wait, options.abort.clone(), move |event| {
        // Listeners that are gone need nothing.
        let _ = events.send(event);
    });
    let unusable = work.roster.unusable.clone();
    let shared = Arc::new(Shared {
        slots,
        gates: Gates::default(),
        patience,
        stops: Mutex::default(),
        held: Mutex::default(),
        totals: Mutex::default(),
        work,
        options,
    });
    for (server, model, error) in unusable {
        shared.stop(&server, model.as_deref(), &error);
    }
    tokio::select! {
        () = work_through(&shared) => {}
        () = renew(&shared) => {}
    }
    let mut summary = shared.totals.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let stops = shared.stops.lock().unwrap_or_else(PoisonError::into_inner);
    summary.stopped = stops.values().cloned().collect();
    summary
}

/// Renews the leases of this run, for ever. One that lapses all the same is seen by its next write.
async fn renew(shared: &Shared) {
    let (owner, clock) = (&shared.options.lease.owner, shared.options.clock);
    loop {
        sleep(RENEWAL).await;
        if let Err(error) = shared.work.store.renew(owner, clock() + LEASE).await {
            warn!(%error, "leases were not renewed");
        }
    }
}

/// What waits to be begun. Conversations with a person are worked on one at a time, whatever goes on beside them.
#[derive(Default)]
struct Queue {
    people: VecDeque<Job>,
    others: VecDeque<Job>,
    /// Whether a person sits at one.
    sits: bool,
    /// Conversations that are worked on and need nobody.
    beside: usize,
}

impl Queue {
    fn add(&mut self, shared: &Shared, job: Job) {
        if has_people(shared, &job) { self.people.push_back(job) } else { self.others.push_back(job) }
    }

    /// The next to be begun, while fewer than `most` need nobody.
    fn next(&mut self, shared: &Shared, most: usize) -> Option<Job> {
        while !self.sits {
            let Some(job) = self.people.pop_front() else { break };
            if !cannot_begin(shared, &job) {
                self.sits = true;
                return Some(job);
            }
        }
        while self.beside < most {
            let job = self.others.pop_front()?;
            if !cannot_begin(shared, &job) {
                self.beside += 1;
                return Some(job);
            }
        }
        None
    }

    /// One is no longer worked on.
    fn left(&mut self, shared: &Shared, job: &Job) {
        if has_people(shared, job) { self.sits = false } else { self.beside = self.beside.saturating_sub(1) }
    }
}

fn has_people(shared: &Shared, job: &Job) -> bool {
    shared.work.plan.conditions[job.condition].has_people()
}

/// Keeps more conversations going than there are slots, so that one asks while another's turn is stored. What another
/// process holds comes after the rest: again and again, until that one has ended it or is gone.
async fn work_through(shared: &Arc<Shared>) {
    let most = (shared.options.bounds.total as usize).saturating_mul(2).saturating_add(4);
    let mut waiting = Queue::default();
    shared.work.jobs.iter().for_each(|job| waiting.add(shared, job.clone()));
    let (mut busy, mut held) = (JoinSet::new(), Vec::new());
    loop {
        while !shared.options.stop.is_cancelled() {
            let Some(job) = waiting.next(shared, most) else { break };
            busy.spawn(worker::work(Arc::clone(shared), job));
        }
        match busy.join_next().await {
            None if held.is_empty() || shared.options.stop.is_cancelled() => return,
            None => {
                tokio::select! {
                    () = shared.options.stop.cancelled() => {}
                    () = sleep(LOOK) => held.drain(..).for_each(|job| waiting.add(shared, job)),
                }
            }
            Some(Ok(left)) => {
                waiting.left(shared, &left.job);
                held.extend(count(shared, left));
            }
            Some(Err(broken)) if broken.is_panic() => std::panic::resume_unwind(broken.into_panic()),
            Some(Err(_)) => {}
        }
    }
}

/// Whether a model that the conversation needs is stopped: then it is not touched.
fn cannot_begin(shared: &Shared, job: &Job) -> bool {
    shared.work.plan.conditions[job.condition].participants().any(|spec| shared.stopped(spec).is_some())
}

/// Counts how a conversation was left, and gives it back where another process has it.
fn count(shared: &Shared, left: Left) -> Option<Job> {
    let Left { job, model, status, reason, unused, store, held, by_another } = left;
    let id = job.id.clone();
    if let Some(holder) = held {
        if shared.held.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone()) {
            shared.tell(Event::Held { conversation: id, holder });
        }
        return Some(job);
    }
    if let Some(error) = store {
        // Nothing can be kept any more, and the run ends; but for one that somebody deleted, which is told in the end.
        if !matches!(error, StoreError::Unknown { .. }) {
            shared.options.stop.cancel();
        }
        shared.count(|s| s.store = Some(error));
    }
    let why = reason.clone().unwrap_or_default();
    shared.count(|s| match status {
        _ if by_another => {}
        Status::Done => s.done += 1,
        Status::Failed => s.failed.push((id.clone(), why)),
        _ => s.interrupted.push((id.clone(), why)),
    });
    shared.tell(Event::Ended { conversation: id, model, status, reason, unused });
    None
}

/// Adds one answered call to the totals.
pub(super) fn add_call(summary: &mut Summary, usage: &crate::model::Usage, flags: &[crate::process::Flag]) {
    let mut tokens: Tokens = summary.tokens;
    tokens.add(usage);
    summary.tokens = tokens;
    summary.calls += 1;
    for flag in flags {
        *summary.flags.entry(*flag).or_insert(0) += 1;
    }
}
