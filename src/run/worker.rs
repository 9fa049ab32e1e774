//! Work on one conversation, from its current state to its end.
//!
//! The order of things keeps the contract: a call is stored as sent before it leaves (R3), a turn is stored with its
//! answer before it is told or built upon (R1, R2), and an answer that was stored without its entry is used and not
//! asked for again.

use super::event::Event;
use super::leave::{Leave, Left, STOPPED, Unsent};
use super::prepare::Job;
use super::roster::Member;
use super::shared::{Shared, add_call};
use crate::design::key::sha256;
use crate::design::{HUMAN, ModelSpec};
use crate::model::retry::{Asking, End, Verdict, ask, verdict};
use crate::model::{Attempt, ChatReply, ChatRequest, Finish, ModelError, Usage};
use crate::process::{Ask, Conversation, Entry, Next, PromptSize, Purpose, Reply, Setting};
use crate::store::{CallRecord, CallState, LEASE, Lease, Status, StoreError};
use std::collections::BTreeMap;
use std::sync::Arc;
use tracing::{info, warn};

mod person;

use person::Sitting;

/// Works on one conversation and says how it was left.
pub(super) async fn work(shared: Arc<Shared>, job: Job) -> Left {
    let condition = &shared.work.plan.conditions[job.condition];
    let level = condition.levels.iter().find(|l| l.name == "model");
    let model = level.map_or_else(String::new, |l| l.value.to_string());
    let mut worker = Worker {
        shared: &shared,
        job: &job,
        model: model.clone(),
        epoch: 0,
        expected: job.left,
        sitting: Sitting::new(&shared, &job.id),
    };
    let leave = worker.leave().await;
    let (held, by_another) = match &leave {
        Leave::Held(holder) => (Some(holder.clone()), false),
        leave => (None, matches!(leave, Leave::Ended(_))),
    };
    let (status, reason, store) = worker.finish(leave).await;
    let unused = worker.expected;
    Left { job, model, status, reason, unused, store, held, by_another }
}

struct Worker<'a> {
    shared: &'a Shared,
    job: &'a Job,
    model: String,
    epoch: u64,
    expected: u32,
    sitting: Sitting<'a>,
}

type Open = BTreeMap<(u32, Purpose, u32), CallRecord>;

impl Worker<'_> {
    async fn leave(&mut self) -> Leave {
        match self.converse().await {
            Ok(leave) | Err(leave) => leave,
        }
    }

    async fn converse(&mut self) -> Result<Leave, Leave> {
        let (mut conversation, mut open) = self.claim().await?;
        loop {
            let ask = match conversation.next() {
                Next::Done => return Ok(Leave::Done),
                Next::Failed(why) => return Ok(Leave::Failed(why)),
                Next::Note(entry) => {
                    self.keep(&mut conversation, entry, None).await?;
                    continue;
                }
                Next::Ask(ask) => ask,
            };
            let name = (ask.seq, ask.call.purpose, ask.call.ask);
            let call = match open.remove(&name).filter(|c| c.state == CallState::Answered) {
                Some(answered) => answered,
                None if ask.model.is_human() => self.sitting.typed(&conversation, &ask).await?,
                None => self.call(&conversation, &ask).await?,
            };
            let entry = self.entry(&conversation, &ask, &call)?;
            self.keep(&mut conversation, entry, Some(call)).await?;
        }
    }

    async fn claim(&mut self) -> Result<(Conversation, Open), Leave> {
        let Shared { work, options, patience, .. } = self.shared;
        let id = &self.job.id;
        let lease = Lease { until: (options.clock)() + LEASE, ..options.lease.clone() };
        let record = patience.with(|| work.store.claim(id, lease.clone(), self.job.retry)).await?;
        self.epoch = record.lease.as_ref().map_or(0, |l| l.epoch);
        let history = patience.with(|| work.store.history(id)).await?;
        let condition = &work.plan.conditions[self.job.condition];
        let mut setting = Setting::new(&work.experiment, condition, &self.job.key);
        setting.retries = record.retries;
        let damaged =
            |cause| StoreError::Damaged { place: work.store.place(), cause: format!("conversation {id}: {cause}") };
        let conversation = Conversation::replay(Arc::new(setting), history.log).map_err(damaged)?;
        let answered = conversation.answered();
        info!(conversation = %id, entries = conversation.log().len(), epoch = self.epoch, "claimed");
        self.shared.tell(Event::Started { conversation: id.clone(), model: self.model.clone(), answered });
        let open = history.open.into_iter().map(|c| ((c.seq, c.call.purpose, c.call.ask), c)).collect();
        Ok((conversation, open))
    }

    /// Makes a call: stored as sent, asked, and returned with its answer (which is stored with its entry).
    async fn call(&mut self, conversation: &Conversation, ask: &Ask) -> Result<CallRecord, Leave> {
        let member = self.member(&ask.model)?;
        let request = member.request(conversation, ask, self.shared.work.plan.seed);
        let body = request.body();
        let record = Self::record(ask, member, &request, sha256(&body));
        let started = (self.shared.options.clock)();
        let asked = self.ask(member, &request, &record, ask).await;
        let mut call = CallRecord { attempts: asked.attempts, ..record };
        call.sent = call.attempts.first().map_or(started, |a| a.at);
        match asked.end {
            End::Answered(reply) => {
                call.answered = Some((self.shared.options.clock)());
                call.state = CallState::Answered;
                call.reply = Some(reply);
                Ok(call)
            }
            End::Failed(error) => {
                // First others are kept from the same refusal, then it is written down.
                let leave = self.given_up(&ask.model, &error, started);
                self.settle(call).await?;
                Err(leave)
            }
            End::Stopped => self.interrupted(call, STOPPED).await,
            End::Aborted => self.interrupted(call, "stopped with a turn in flight").await,
            End::Unsaved(Unsent::Store(error)) => Err(error.into()),
            End::Unsaved(Unsent::Stopped(why)) => self.interrupted(call, &why).await,
        }
    }

    async fn ask(
        &self,
        member: &Member,
        request: &ChatRequest,
        record: &CallRecord,
        question: &Ask,
    ) -> crate::model::Asked<Unsent> {
        let Shared { options, slots, gates, .. } = self.shared;
        let id = &self.job.id;
        let asking = Asking {
            model: &*member.model,
            request,
            server: &member.server.name,
            retry: options.retry,
            slots,
            gates,
            priority: self.expected,
            stop: &options.stop,
            abort: &options.abort,
            clock: &options.clock,
        };
        let before = |tried: &[Attempt]| {
            let sent = tried.first().map_or_else(options.clock, |first| first.at);
            self.leaves(CallRecord { sent, attempts: tried.to_vec(), ..record.clone() }, &question.model)
        };
        let notify = |waiting: crate::model::Waiting| {
            warn!(conversation = %id, seq = record.seq, error = %waiting.error, wait = ?waiting.wait, "waiting");
            self.shared.tell(Event::Waiting {
                conversation: id.clone(),
                server: member.server.name.clone(),
                reason: waiting.error.to_string(),
                wait: waiting.wait.as_millis() as u64,
            });
        };
        ask(&asking, before, notify).await
    }

    /// Stores a call as sent, with what was tried so far: a request that is lost later is counted, and so are those
    /// before it. What came to stop it while it was stored keeps it from leaving.
    async fn leaves(&self, call: CallRecord, spec: &ModelSpec) -> Result<(), Unsent> {
        let Shared { work, patience, .. } = self.shared;
        let (id, again) = (&self.job.id, !call.attempts.is_empty());
        self.may_leave(spec)?;
        let stored = if again {
            patience.with(|| work.store.settle(id, self.epoch, call.clone())).await
        } else {
            patience.with(|| work.store.sent(id, self.epoch, call.clone())).await
        };
        stored.map_err(Unsent::Store)?;
        let Err(stopped) = self.may_leave(spec) else {
            info!(conversation = %id, seq = call.seq, purpose = call.call.purpose.word(), again, "sent");
            return Ok(());
        };
        let unsent = CallRecord { state: CallState::Failed, ..call };
        patience.with(|| work.store.settle(id, self.epoch, unsent.clone())).await.map_err(Unsent::Store)?;
        Err(stopped)
    }

    fn may_leave(&self, spec: &ModelSpec) -> Result<(), Unsent> {
        if self.shared.options.stop.is_cancelled() {
            return Err(Unsent::Stopped(STOPPED.to_owned()));
        }
        self.shared.stopped(spec).map_or(Ok(()), |error| Err(Unsent::Stopped(error.to_string())))
    }

    fn member(&self, spec: &ModelSpec) -> Result<&Member, Leave> {
        if let Some(error) = self.shared.stopped(spec) {
            return Err(Leave::Interrupted(error.to_string()));
        }
        let missing = || Leave::Interrupted(format!("the model {} was not looked up", spec.id));
        self.shared.work.roster.member(&spec.id).ok_or_else(missing)
    }

    fn record(ask: &Ask, member: &Member, request: &ChatRequest, body_sha256: String) -> CallRecord {
        CallRecord {
            seq: ask.seq,
            call: ask.call,
            state: CallState::Sent,
            server: member.server.name.clone(),
            model: request.model.clone(),
            parameters: request.parameters.clone(),
            view: ask.view.clone(),
            body_sha256,
            attempts: Vec::new(),
            sent: 0,
            answered: None,
            reply: None,
        }
    }

    /// Writes down what was tried, if anything was.
    async fn interrupted(&self, call: CallRecord, why: &str) -> Result<CallRecord, Leave> {
        if !call.attempts.is_empty() {
            self.settle(call).await?;
        }
        Err(Leave::Interrupted(why.to_owned()))
    }

    async fn settle(&self, mut call: CallRecord) -> Result<(), Leave> {
        call.state = CallState::Failed;
        let Shared { work, patience, .. } = self.shared;
        patience.with(|| work.store.settle(&self.job.id, self.epoch, call.clone())).await?;
        info!(conversation = %self.job.id, seq = call.seq, attempts = call.attempts.len(), "given up");
        Ok(())
    }

    /// What an error means for this conversation and for others.
    fn given_up(&self, spec: &ModelSpec, error: &ModelError, started: i64) -> Leave {
        let (server, name) = (crate::design::check::server_of(&spec.id), super::roster::name_of(&spec.id));
        match verdict(error) {
            Verdict::Fail => return Leave::Failed(error.to_string()),
            Verdict::StopModel => self.shared.stop(server, Some(name), error),
            Verdict::StopServer => self.shared.stop(server, None, error),
            Verdict::Retry => {
                // Where the server answered somebody else meanwhile, the trouble is this conversation's alone.
                if self.shared.gates.last_success(server).is_none_or(|at| at < started) {
                    self.shared.stop(server, None, error);
                }
            }
        }
        Leave::Interrupted(error.to_string())
    }

    fn entry(&self, conversation: &Conversation, ask: &Ask, call: &CallRecord) -> Result<Entry, Leave> {
        let Some(reply) = &call.reply else {
            let cause = format!("the answered call at {} of {} has no reply", call.seq, self.job.id);
            return Err(StoreError::Damaged { place: self.shared.work.store.place(), cause }.into());
        };
        let bytes = ask.view.messages(conversation.log()).iter().map(|m| m.content.len() as u64).sum();
        let context = self.shared.work.roster.member(&ask.model.id).and_then(|m| m.context(&ask.model));
        Ok(conversation.answer(ask, &as_read(reply, bytes, context)))
    }

    /// Stores an entry with the call that brought it; only then is it part of the conversation, and told.
    async fn keep(
        &mut self,
        conversation: &mut Conversation,
        entry: Entry,
        call: Option<CallRecord>,
    ) -> Result<(), Leave> {
        let Shared { work, patience, .. } = self.shared;
        let id = &self.job.id;
        let usage = call.as_ref().and_then(|c| c.reply.as_ref()).map(|r| r.usage).unwrap_or_default();
        let entries = vec![entry.clone()];
        let others = patience.with(|| work.store.append(id, self.epoch, entries.clone(), call.clone())).await?;
        if !others.is_empty() {
            // Somebody else was first: what is stored counts.
            for other in others {
                conversation.push(other);
            }
            return Ok(());
        }
        if let Some(call) = &call {
            self.expected = self.expected.saturating_sub(1);
            self.shared.count(|s| add_call(s, &usage, &entry.flags));
            log_call(id, &entry, call, usage);
            if let Some(person) = work.person.as_ref().filter(|_| call.server == HUMAN) {
                person.stored(id, entry.seq);
            }
        }
        self.shared.tell(Event::Entry {
            conversation: id.clone(),
            seq: entry.seq,
            day: entry.day,
            kind: entry.kind,
            speaker: entry.speaker.clone(),
            model: self.model.clone(),
            called: call.is_some(),
            usage,
            flags: entry.flags.clone(),
        });
        conversation.push(entry);
        Ok(())
    }

    /// Ends the claim.
    async fn finish(&self, leave: Leave) -> (Status, Option<String>, Option<StoreError>) {
        let (status, reason) = match leave {
            Leave::Done => (Status::Done, None),
            Leave::Failed(why) => (Status::Failed, Some(why)),
            Leave::Interrupted(why) => (Status::Interrupted, Some(why)),
            Leave::Store(error) => return (Status::Interrupted, Some(error.to_string()), Some(error)),
            Leave::Held(_) => return (Status::Running, None, None),
            Leave::Ended(status) => return (status, None, None),
        };
        let Shared { work, patience, .. } = self.shared;
        let id = &self.job.id;
        let stored = patience.with(|| work.store.finish(id, self.epoch, status, reason.clone())).await;
        info!(conversation = %id, status = status.word(), reason = reason.as_deref().unwrap_or(""), "left");
        match stored {
            // Where somebody else has it by now, it is theirs to end.
            Ok(()) | Err(StoreError::Superseded { .. }) => (status, reason, None),
            Err(error) => (Status::Interrupted, Some(error.to_string()), Some(error)),
        }
    }
}

fn as_read(reply: &ChatReply, bytes: u64, context: Option<u32>) -> Reply<'_> {
    Reply {
        content: &reply.content,
        thinking: reply.thinking.as_ref().is_some_and(|t| !t.trim().is_empty()),
        refused: reply.refused,
        length: reply.finish == Finish::Length,
        filtered: reply.finish == Finish::Filtered,
        prompt: PromptSize { bytes, tokens: reply.usage.prompt },
        context,
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
