//! Choice of the conversations to work on, and the end of the work.

use super::event::{Event, Summary};
use super::job::Job;
use super::leave::Left;
use super::roster::name_of;
use super::shared::{Options, Shared, Work};
use super::worker;
use crate::design::check::server_of;
use crate::store::{LEASE, Status, StoreError};
use std::collections::VecDeque;
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
    others: VecDeque<Job>,
    /// True if a person takes part in a running conversation.
    sits: bool,
    /// Number of running conversations without a person.
    beside: usize,
}

/// True if a model of the conversation may refuse everything, as a refusal suggests that still waits for its cause.
fn must_wait(shared: &Shared, job: &Job) -> bool {
    job.members.iter().any(|spec| shared.refusals.holds(server_of(&spec.id), name_of(&spec.id)))
}

impl Queue {
    fn add(&mut self, job: Job) {
        if has_people(&job) { self.people.push_back(job) } else { self.others.push_back(job) }
    }

    /// Returns the next job, while fewer than `most` without a person are running.
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
            if must_wait(shared, &job) {
                self.others.push_front(job);
                return None;
            }
            if !cannot_begin(shared, &job) {
                self.beside += 1;
                return Some(job);
            }
        }
        None
    }

    /// Removes a finished job from the counts.
    fn left(&mut self, job: &Job) {
        if has_people(job) { self.sits = false } else { self.beside = self.beside.saturating_sub(1) }
    }
}

fn has_people(job: &Job) -> bool {
    job.members.iter().any(crate::design::ModelSpec::is_human)
}

/// Works on more conversations than there are slots, so that one can send a request while another stores a turn.
/// Conversations of other processes are checked last, until their holder finishes or disappears.
async fn work_through(shared: &Arc<Shared>) {
    let most = (shared.options.bounds.total as usize).saturating_mul(2).saturating_add(4);
    let mut waiting = Queue::default();
    shared.work.jobs.iter().for_each(|job| waiting.add(job.clone()));
    let (mut busy, mut held) = (JoinSet::new(), Vec::new());
    loop {
        while !shared.options.stop.is_cancelled() {
            let Some(job) = waiting.next(shared, most) else { break };
            busy.spawn(worker::work(Arc::clone(shared), job));
        }
        shared.refusals.settle_idle(busy.len());
        let left = tokio::select! {
            left = busy.join_next() => left,
            () = shared.refusals.changed() => continue,
        };
        match left {
            None if held.is_empty() || shared.options.stop.is_cancelled() => return,
            None => {
                tokio::select! {
                    () = shared.options.stop.cancelled() => {}
                    () = sleep(LOOK) => held.drain(..).for_each(|job| waiting.add(job)),
                }
            }
            Some(Ok(left)) => {
                waiting.left(&left.job);
                held.extend(count(shared, left));
            }
            Some(Err(broken)) if broken.is_panic() => std::panic::resume_unwind(broken.into_panic()),
            Some(Err(_)) => {}
        }
    }
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
        Status::Pending | Status::Running | Status::Interrupted | Status::Incomplete => {
            s.interrupted.push((id.clone(), why));
        }
    });
    shared.tell(Event::Ended { conversation: id, model, status, reason, unused });
    None
}
