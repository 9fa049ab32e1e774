//! Choice of the conversations to work on, and the end of the work.

use super::event::{Event, Summary};
use super::job::Job;
use super::leave::Left;
use super::roster::name_of;
use super::shared::{Options, Shared, Work};
use super::worker;
use crate::design::ModelSpec;
use crate::design::check::server_of;
use crate::model::schedule::Schedule;
use crate::store::{LEASE, Status, StoreError};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tracing::warn;

/// Interval between checks of conversations that another process holds.
const LOOK: Duration = Duration::from_secs(1);
/// Interval between renewals of leases.
const RENEWAL: Duration = Duration::from_millis(LEASE.unsigned_abs() / 3);

/// Works on every job until its end or a stop. Reports errors in the summary.
pub async fn run(work: Work, options: Options) -> Summary {
    let unusable = work.roster.unusable.clone();
    let shared = Arc::new(Shared::new(work, options));
    for (server, model, error) in unusable {
        shared.stop(&server, model.as_deref(), &error);
    }
    tokio::select! {
        () = work_through(&shared) => {}
        () = renew(&shared) => {}
    }
    shared.summary()
}

/// Renews the leases of this run without end. The next write of a conversation detects a lapsed lease.
async fn renew(shared: &Shared) {
    let (owner, clock) = (&shared.options.lease.owner, shared.options.clock);
    loop {
        sleep(RENEWAL).await;
        if let Err(error) = shared.work.store.renew(owner, clock() + LEASE).await {
            warn!(%error, "leases were not renewed");
        }
    }
}

/// Jobs that wait. Conversations with a person run one at a time, beside all others.
#[derive(Default)]
struct Queue {
    people: VecDeque<Job>,
    /// All others by their place in the order of work. The schedule says which is next.
    others: BTreeMap<u32, Job>,
    /// True if a person takes part in a running conversation.
    sits: bool,
    /// Number of running conversations without a person.
    beside: usize,
    /// Calls of those that run or have ended, as a bound of calls counts them.
    promised: u64,
    /// The next job, if it must wait for the bound of calls.
    delayed: Option<Job>,
}

/// True if the conversation must wait to begin. One of its models refused a request for an unknown cause, and may
/// refuse all requests.
fn must_wait(shared: &Shared, job: &Job) -> bool {
    job.members.iter().any(|spec| shared.refusals.holds(server_of(&spec.id), name_of(&spec.id)))
}

impl Queue {
    fn add(&mut self, shared: &Shared, job: Job) {
        let is_other = !has_people(&job);
        shared.slots.reschedule(|schedule| schedule.add(job.order, job.chain(), is_other));
        if is_other {
            self.others.insert(job.order, job);
        } else {
            self.people.push_back(job);
        }
    }

    /// Returns the next job, while fewer than `most` without a person are running.
    fn next(&mut self, shared: &Shared, most: usize) -> Option<Job> {
        loop {
            let sitting = if self.sits { None } else { self.people.pop_front() };
            let job = match sitting {
                Some(job) => job,
                None if self.beside >= most => return None,
                None => match self.delayed.take() {
                    Some(job) => job,
                    None => self.others.remove(&shared.slots.reschedule(Schedule::admit)?)?,
                },
            };
            if cannot_begin(shared, &job) {
                shared.slots.reschedule(|schedule| schedule.remove(job.order));
                continue;
            }
            if has_people(&job) {
                self.sits = true;
                return Some(job);
            }
            if must_wait(shared, &job) {
                self.delayed = Some(job);
                return None;
            }
            // Conversations that can end are better than more that only begin.
            if self.beside > 0 && !shared.options.budget.has_room(self.promised, job.left) {
                self.delayed = Some(job);
                return None;
            }
            self.beside += 1;
            self.promised += u64::from(job.left);
            return Some(job);
        }
    }

    /// Removes a finished job from the counts.
    fn left(&mut self, shared: &Shared, left: &Left) {
        let job = &left.job;
        shared.slots.reschedule(|schedule| schedule.remove(job.order));
        if has_people(job) {
            self.sits = false;
        } else {
            self.beside = self.beside.saturating_sub(1);
            self.promised = self.promised.saturating_sub(u64::from(left.unused.min(job.left)));
        }
    }
}

fn has_people(job: &Job) -> bool {
    job.members.iter().any(ModelSpec::is_human)
}

/// Works on more conversations than there are slots, so that a slot is in use while others store a turn.
/// Conversations of other processes are checked last, until their holder finishes or disappears.
async fn work_through(shared: &Arc<Shared>) {
    let most = (shared.options.bounds.total as usize).saturating_mul(2).saturating_add(4);
    let mut waiting = Queue::default();
    shared.work.jobs.iter().for_each(|job| waiting.add(shared, job.clone()));
    let (mut busy, mut held) = (JoinSet::new(), Vec::new());
    loop {
        while !has_ended(shared) {
            let Some(job) = waiting.next(shared, most) else { break };
            busy.spawn(worker::work(Arc::clone(shared), job));
        }
        shared.refusals.settle_idle(busy.len());
        let left = tokio::select! {
            left = busy.join_next() => left,
            () = shared.refusals.changed() => continue,
        };
        match left {
            None if held.is_empty() || has_ended(shared) => return,
            None => {
                tokio::select! {
                    () = shared.options.stop.cancelled() => {}
                    () = sleep(LOOK) => held.drain(..).for_each(|job| waiting.add(shared, job)),
                }
            }
            Some(Ok(left)) => {
                waiting.left(shared, &left);
                held.extend(count(shared, left));
            }
            Some(Err(broken)) if broken.is_panic() => std::panic::resume_unwind(broken.into_panic()),
            Some(Err(_)) => {}
        }
    }
}

/// True if the run makes no further request.
fn has_ended(shared: &Shared) -> bool {
    shared.options.stop.is_cancelled() || shared.options.budget.spent().is_some()
}

/// True if a model of the conversation is stopped.
fn cannot_begin(shared: &Shared, job: &Job) -> bool {
    job.members.iter().any(|spec| shared.stopped(spec).is_some())
}

/// Counts how the work on a conversation ended. Returns its job if another process holds it.
fn count(shared: &Shared, left: Left) -> Option<Job> {
    let Left { job, status, reason, unused, store, held, by_another } = left;
    if let Some(holder) = held {
        shared.tell_held(job.id.clone(), holder);
        return Some(job);
    }
    if let Some(error) = store {
        // The database stores nothing more and the run ends, unless somebody deleted the conversation.
        if !matches!(error, StoreError::Unknown { .. }) {
            shared.options.stop.cancel();
        }
        shared.count(|s| s.store = Some(error));
    }
    let Job { id, label: model, .. } = job;
    let why = reason.clone().unwrap_or_default();
    shared.count(|s| match status {
        _ if by_another => {}
        Status::Done => s.done += 1,
        Status::Failed => s.failed.push((id.clone(), why)),
        // Conversations that a bound stopped, or that have not begun, are no trouble.
        Status::Incomplete | Status::Pending => {}
        Status::Running | Status::Interrupted => {
            s.interrupted.push((id.clone(), why));
        }
    });
    shared.tell(Event::Ended { conversation: id, model, status, reason, unused });
    None
}
