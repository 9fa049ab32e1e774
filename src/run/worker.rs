//! Work on one process, from its current state to its end.
//!
//! The order of writes keeps the contract. A call is stored as sent before it leaves (R3). A turn is stored with its
//! answer before it is reported or used (R1, R2). An answer without its entry is used, and is not requested again. The
//! entries before the first request are stored with it: a conversation without a request stays as it was planned.

use super::budget::BUDGET;
use super::event::Event;
use super::job::Job;
use super::leave::{Leave, Left, STOPPED};
use super::refusals::Cause;
use super::roster::name_of;
use super::shared::{Shared, add_call};
use crate::design::HUMAN;
use crate::design::check::server_of;
use crate::model::Usage;
use crate::process::{Entry, Next, Process, Purpose};
use crate::store::{CallRecord, CallState, ConversationRecord, End, LEASE, Lease, Status, StoreError};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::Mutex;
use tracing::info;

mod absence;
mod call;
mod embed;
mod person;
mod round;

use person::Sitting;

/// Answers stored without their entry, by the names of their calls.
type Open = BTreeMap<(u32, Purpose, u32), CallRecord>;

/// Works on one process and reports how the work ended.
pub(super) async fn work(shared: Arc<Shared>, job: Job) -> Left {
    let mut unused = job.left;
    let (leave, epoch) = match claim(&shared, &job).await {
        Err(leave) => (leave, 0),
        Ok((worker, mut process, open)) => {
            let leave = worker.drive(&mut *process, open).await;
            let leave = worker.find_cause(leave).await;
            let leave = if worker.is_unbegun(&*process).await { leave.before_begin() } else { leave };
            unused = process.left();
            (leave, worker.epoch)
        }
    };
    let (held, by_another) = match &leave {
        Leave::Held(holder) => (Some(holder.clone()), false),
        leave => (None, matches!(leave, Leave::Ended(_))),
    };
    let (status, reason, store) = finish(&shared, &job, epoch, leave).await;
    Left { job, status, reason, unused, store, held, by_another }
}

/// Work of this run on one claimed process.
struct Worker<'a> {
    shared: &'a Shared,
    job: &'a Job,
    /// Seed for models without one.
    seed: u64,
    epoch: u64,
    /// Entries before the first request, which are not stored yet.
    beginning: Mutex<Vec<Entry>>,
    /// Turns of the person, who answers one ask at a time.
    sitting: Mutex<Sitting<'a>>,
}

/// Claims a process, and returns it with the answers that were stored without their entry.
async fn claim<'a>(shared: &'a Shared, job: &'a Job) -> Result<(Worker<'a>, Box<dyn Process>, Open), Leave> {
    let Shared { work, options, patience, .. } = shared;
    let id = &job.id;
    let lease = Lease { until: (options.clock)() + LEASE, ..options.lease.clone() };
    let record = patience.with(|| work.store.claim(id, lease.clone(), job.retry)).await?;
    let history = patience.with(|| work.store.history(id)).await?;
    let subject = subject(shared, &record).await?;
    let damaged =
        |cause| StoreError::Damaged { place: work.store.place(), cause: format!("conversation {id}: {cause}") };
    let process = job.replay.replay(&record, history.log, subject).map_err(damaged)?;
    let epoch = record.lease.as_ref().map_or(0, |lease| lease.epoch);
    info!(conversation = %id, entries = process.log().len(), epoch, "claimed");
    shared.tell(Event::Started { conversation: id.clone(), model: job.label.clone(), answered: process.answered() });
    let answered = history.open.into_iter().filter(|call| call.state == CallState::Answered);
    let open = answered.map(|call| ((call.seq, call.call.purpose, call.call.ask), call)).collect();
    let sitting = Mutex::new(Sitting::new(shared, id));
    let beginning = Mutex::default();
    Ok((Worker { shared, job, seed: record.seed, epoch, beginning, sitting }, process, open))
}

/// Returns the finished log that a process is about; empty for conversations.
async fn subject(shared: &Shared, record: &ConversationRecord) -> Result<Vec<Entry>, Leave> {
    let Some(subject) = &record.subject else { return Ok(Vec::new()) };
    let ids = [subject.clone()];
    let logs = shared.patience.with(|| shared.work.store.logs(&ids)).await?;
    Ok(logs.into_iter().flatten().collect())
}

impl Worker<'_> {
    /// Takes the process step by step to its end or to an obstacle.
    async fn drive(&self, process: &mut dyn Process, mut open: Open) -> Leave {
        loop {
            if let Err(leave) = self.give_vectors(process).await {
                return leave;
            }
            let step = match process.next() {
                Next::Done(ended_by) => return self.end_with(Leave::Done(ended_by)).await,
                Next::Failed(why) => return self.end_with(Leave::Failed(why)).await,
                Next::Note(entry) => self.note(process, entry).await,
                Next::Ask(asks) => self.round(process, asks, &mut open).await,
            };
            if let Err(leave) = step {
                return leave;
            }
        }
    }

    /// True if nothing of the process is stored.
    async fn is_unbegun(&self, process: &dyn Process) -> bool {
        process.log().len() == self.beginning.lock().await.len()
    }

    /// Adds an entry without a call. Before the first request it is not stored yet.
    async fn note(&self, process: &mut dyn Process, entry: Entry) -> Result<(), Leave> {
        if !self.is_unbegun(process).await {
            return self.keep(process, entry, None).await.map(|_| ());
        }
        self.beginning.lock().await.push(entry.clone());
        process.push(entry);
        Ok(())
    }

    /// Stores and reports the entries before the first request.
    async fn begin(&self) -> Result<(), StoreError> {
        let Shared { work, patience, .. } = self.shared;
        let id = &self.job.id;
        let mut beginning = self.beginning.lock().await;
        if beginning.is_empty() {
            return Ok(());
        }
        let others = patience.with(|| work.store.append(id, self.epoch, beginning.clone(), None)).await?;
        if !others.is_empty() {
            return Err(StoreError::Superseded { conversation: id.clone() });
        }
        beginning.drain(..).for_each(|entry| self.tell_entry(&entry, None));
        Ok(())
    }

    /// Returns the reason to leave a process at its end, after its whole log is stored.
    async fn end_with(&self, leave: Leave) -> Leave {
        self.begin().await.map_or_else(Leave::from, |()| leave)
    }

    fn tell_entry(&self, entry: &Entry, usage: Option<Usage>) {
        self.shared.tell(Event::Entry {
            conversation: self.job.id.clone(),
            seq: entry.seq,
            day: entry.day,
            kind: entry.kind,
            speaker: entry.speaker.clone(),
            model: self.job.label.clone(),
            called: usage.is_some(),
            usage: usage.unwrap_or_default(),
            flags: entry.flags.clone(),
        });
    }

    /// Waits for the cause of a refusal that named none, and returns the reason to leave.
    async fn find_cause(&self, leave: Leave) -> Leave {
        let Leave::Refused(mut open) = leave else { return leave };
        let known = tokio::select! {
            () = self.shared.options.stop.cancelled() => None,
            known = self.shared.refusals.find_cause(&self.job.id, &mut open) => known,
        };
        match known {
            Some(Cause::Prompt) => return Leave::Failed(open.blame_prompt()),
            Some(Cause::Model) => {
                self.shared.stop(server_of(&open.spec.id), Some(name_of(&open.spec.id)), &open.error);
            }
            None => {}
        }
        Leave::Interrupted(open.error.to_string())
    }

    /// Stores an entry with its call, then adds it to the process and reports it. Returns false if another process
    /// wrote first: then the log has that process's entries.
    async fn keep(&self, process: &mut dyn Process, entry: Entry, call: Option<CallRecord>) -> Result<bool, Leave> {
        let Shared { work, patience, .. } = self.shared;
        let id = &self.job.id;
        let usage = call.as_ref().and_then(|c| c.reply.as_ref()).map(|r| r.usage).unwrap_or_default();
        let entries = vec![entry.clone()];
        let others = patience.with(|| work.store.append(id, self.epoch, entries.clone(), call.clone())).await?;
        if !others.is_empty() {
            for other in others {
                process.push(other);
            }
            return Ok(false);
        }
        if let Some(call) = &call {
            self.shared.count(|s| add_call(s, &usage, &entry.flags));
            log_call(id, &entry, call, usage);
            if let Some(person) = work.person.as_ref().filter(|_| call.server == HUMAN) {
                person.stored(id, entry.seq);
            }
        }
        self.tell_entry(&entry, call.is_some().then_some(usage));
        process.push(entry);
        Ok(true)
    }
}

async fn finish(shared: &Shared, job: &Job, epoch: u64, leave: Leave) -> (Status, Option<String>, Option<StoreError>) {
    let end = match leave {
        Leave::Done(ended_by) => End::done(ended_by),
        Leave::Failed(why) => End::new(Status::Failed, Some(why)),
        Leave::Interrupted(why) => End::new(Status::Interrupted, Some(why)),
        Leave::Budget => End::new(Status::Incomplete, Some(BUDGET.to_owned())),
        Leave::Stopped => End::new(Status::Interrupted, Some(STOPPED.to_owned())),
        Leave::Unbegun => End::new(Status::Pending, None),
        Leave::Refused(open) => End::new(Status::Interrupted, Some(open.error.to_string())),
        Leave::Store(error) => return (Status::Interrupted, Some(error.to_string()), Some(error)),
        Leave::Held(_) => return (Status::Running, None, None),
        Leave::Ended(status) => return (status, None, None),
    };
    let Shared { work, patience, .. } = shared;
    let id = &job.id;
    let stored = patience.with(|| work.store.finish(id, epoch, end.clone())).await;
    let End { status, reason, .. } = end;
    info!(conversation = %id, status = status.word(), reason = reason.as_deref().unwrap_or(""), "left");
    match stored {
        // The process that holds it now will end it.
        Ok(()) | Err(StoreError::Superseded { .. }) => (status, reason, None),
        Err(error) => (Status::Interrupted, Some(error.to_string()), Some(error)),
    }
}

fn log_call(id: &str, entry: &Entry, call: &CallRecord, usage: Usage) {
    info!(
        conversation = %id,
        seq = entry.seq,
        day = entry.day,
        kind = entry.kind.word(),
        speaker = %entry.speaker,
        server = %call.server,
        model = %call.model,
        prompt_tokens = usage.prompt,
        completion_tokens = usage.completion,
        attempts = call.attempts.len(),
        flags = ?entry.flags,
        "stored"
    );
}
