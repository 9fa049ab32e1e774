//! One call: stored as sent, requested, and returned with its answer, which is stored with its entry.

use super::Worker;
use super::absence::Waited;
use super::round::Round;
use crate::design::ModelSpec;
use crate::design::check::server_of;
use crate::design::key::sha256;
use crate::model::retry::{CallEnd, CallOutcome, PendingCall, Verdict, send_call, verdict};
use crate::model::{Attempt, ChatRequest, ModelError, RetryWait};
use crate::process::Ask;
use crate::run::event::Event;
use crate::run::leave::{CUT, Leave, Unsent};
use crate::run::patience::SILENCE;
use crate::run::refusals::{Refusal, Sort};
use crate::run::roster::{Member, name_of};
use crate::run::shared::Shared;
use crate::store::{CallRecord, CallState};
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// Maximum changes of one request after refusals: a server may refuse each form. A request with a schema may lose it
/// besides.
const MOST_AMENDMENTS: u32 = 2;

impl Worker<'_> {
    /// Makes a call and returns its record.
    pub(super) async fn call(
        &self,
        ask: &Ask,
        member: &Member,
        mut request: ChatRequest,
        round: &Round,
    ) -> Result<CallRecord, Leave> {
        let started = (self.shared.options.clock)();
        let sent = AtomicU64::new(0);
        let mut call = record(ask, member, &request);
        let mut amended = 0;
        let asked = loop {
            let asked = self.ask(member, &request, &call, (ask, round, &sent)).await;
            let attempts = [call.attempts, asked.attempts].concat();
            let is_amended = match &asked.end {
                CallEnd::Failed(_) if amended == MOST_AMENDMENTS + u32::from(ask.form.is_some()) => false,
                CallEnd::Failed(error) => {
                    self.shared.amend_refused((&member.server.name, &ask.model), &mut request, error)
                }
                CallEnd::Unsaved(Unsent::Outdated) => {
                    self.shared.amend(&member.server.name, &request.model, &mut request.parameters)
                }
                CallEnd::Answered(_) | CallEnd::Stopped | CallEnd::Aborted | CallEnd::Unsaved(_) => false,
            };
            call = CallRecord { attempts, ..record(ask, member, &request) };
            if !is_amended {
                break asked.end;
            }
            amended += u32::from(matches!(asked.end, CallEnd::Failed(_)));
        };
        let sort = Sort::new(&member.server.name, &request);
        call.sent = call.attempts.first().map_or(started, |a| a.at);
        if !matches!(asked, CallEnd::Answered(_)) {
            // The halt precedes every await: no other lane of the round may take the free slot.
            round.halt.cancel();
        }
        match asked {
            CallEnd::Answered(reply) => {
                self.shared.refusals.record_answer(&sort, ask.seq);
                call.answered = Some((self.shared.options.clock)());
                call.state = CallState::Answered;
                call.reply = Some(reply);
                Ok(call)
            }
            CallEnd::Failed(error) => {
                // The stop protects others from the same refusal before the call is stored.
                let leave = self.given_up(&ask.model, error, started, |error| {
                    self.blame(ask, error, (sort, sent.into_inner()), round)
                });
                self.give_up(call).await?;
                Err(leave)
            }
            CallEnd::Stopped | CallEnd::Unsaved(Unsent::Halted | Unsent::Away | Unsent::Outdated) => {
                self.leave_with(call, self.shared.leave_halted()).await
            }
            CallEnd::Aborted => self.leave_with(call, self.shared.leave_cut(CUT)).await,
            CallEnd::Unsaved(Unsent::Store(error)) => Err(error.into()),
            CallEnd::Unsaved(Unsent::Stopped(why)) => self.leave_with(call, Leave::Interrupted(why)).await,
        }
    }

    /// Sends a call. Where its server goes away, waits for it and sends the call again.
    async fn ask(
        &self,
        member: &Member,
        request: &ChatRequest,
        record: &CallRecord,
        (question, round, left): (&Ask, &Round, &AtomicU64),
    ) -> CallOutcome<Unsent> {
        let (server, mut attempts, mut watch) = (&member.server, Vec::new(), None);
        let end = loop {
            let earlier = attempts.len();
            let asked =
                self.send((member, request), (record, &attempts), (question, round, left), watch.is_some()).await;
            attempts.extend(asked.attempts);
            let error = match asked.end {
                CallEnd::Unsaved(Unsent::Away) => continue,
                // A server that is back and gives the same reason refuses this prompt.
                CallEnd::Failed(error) if watch.is_some() && verdict(&error) == Verdict::RetryUnclear => {
                    break CallEnd::Failed(error);
                }
                CallEnd::Failed(error) if self.is_away(&server.name, &error, &attempts[earlier..]) => error,
                end => break end,
            };
            // The mark precedes every await, so that no other prompt leaves.
            self.mark_away((server, &error), &mut watch);
            let all = [&record.attempts[..], &attempts].concat();
            let failed = CallRecord { attempts: all, state: CallState::Failed, ..record.clone() };
            if let Err(Leave::Store(error)) = self.settle(failed).await {
                break CallEnd::Unsaved(Unsent::Store(error));
            }
            match self.until_back((server, &error), &mut watch, &round.halt).await {
                Waited::Back => {}
                Waited::Gone => break CallEnd::Failed(error),
                Waited::Halted => break CallEnd::Stopped,
            }
        };
        if watch.is_some() && matches!(end, CallEnd::Answered(_)) {
            self.shared.tell(Event::ServerBack { server: server.name.clone() });
        }
        CallOutcome { attempts, end }
    }

    async fn send(
        &self,
        (member, request): (&Member, &ChatRequest),
        (record, earlier): (&CallRecord, &[Attempt]),
        (question, round, left): (&Ask, &Round, &AtomicU64),
        watches: bool,
    ) -> CallOutcome<Unsent> {
        let Shared { options, slots, gates, .. } = self.shared;
        let id = &self.job.id;
        let pending = PendingCall {
            model: &*member.model,
            request,
            server: &member.server.name,
            retry: options.retry,
            slots,
            gates,
            order: self.job.order,
            watches,
            is_first_contact: !options.server_wait.at_start && !self.shared.was_reached(&member.server.name),
            stop: &round.halt,
            abort: &options.abort,
            clock: &options.clock,
        };
        let before = |tried: &[Attempt]| {
            left.store(self.shared.refusals.tick(), Ordering::Relaxed);
            let attempts = [&record.attempts, earlier, tried].concat();
            let sent = attempts.first().map_or_else(options.clock, |first| first.at);
            let mut parameters = request.parameters.clone();
            let is_outdated = self.shared.amend(&member.server.name, &request.model, &mut parameters);
            let left = self.leaves(CallRecord { attempts, sent, ..record.clone() }, (&question.model, watches), round);
            async move { if is_outdated { Err(Unsent::Outdated) } else { left.await } }
        };
        let notify = |waiting: RetryWait| {
            self.release_slot();
            warn!(conversation = %id, seq = record.seq, error = %waiting.error, wait = ?waiting.wait, "waiting");
            self.shared.tell(Event::Waiting {
                conversation: id.clone(),
                server: member.server.name.clone(),
                reason: waiting.error.to_string(),
                wait: waiting.wait.as_millis() as u64,
                left: waiting.left.map(|left| left.as_millis() as u64),
            });
        };
        let outcome = self.unless_silent(&member.server.name, send_call(&pending, before, notify)).await;
        if !matches!(outcome.end, CallEnd::Answered(_)) {
            self.release_slot();
        }
        outcome
    }

    /// Awaits a call, and reports a server that has not answered yet and takes more than a moment.
    pub(super) async fn unless_silent<T>(&self, server: &str, sending: impl Future<Output = T>) -> T {
        let mut sending = std::pin::pin!(sending);
        tokio::select! {
            sent = &mut sending => return sent,
            () = sleep(SILENCE), if !self.shared.was_reached(server) => {}
        }
        if !self.shared.was_reached(server) {
            self.shared.tell_silent(server);
        }
        sending.await
    }

    /// Frees the slot that a critical chain keeps: it makes no call now.
    pub(super) fn release_slot(&self) {
        self.shared.slots.reschedule(|schedule| schedule.release(self.job.order));
    }

    /// Stores a call as sent, with its failed attempts, so that a lost request is counted. If the run stops during this
    /// write, the call does not leave.
    async fn leaves(&self, call: CallRecord, spec: (&ModelSpec, bool), round: &Round) -> Result<(), Unsent> {
        let Shared { work, patience, .. } = self.shared;
        let (id, again) = (&self.job.id, !call.attempts.is_empty());
        self.may_leave(spec, &round.halt)?;
        self.begin().await.map_err(Unsent::Store)?;
        let stored = if again {
            patience.with(|| work.store.settle(id, self.epoch, call.clone())).await
        } else {
            patience.with(|| work.store.sent(id, self.epoch, call.clone())).await
        };
        stored.map_err(Unsent::Store)?;
        let Err(stopped) = self.may_leave(spec, &round.halt) else {
            info!(conversation = %id, seq = call.seq, purpose = call.call.purpose.word(), again, "sent");
            return Ok(());
        };
        let unsent = CallRecord { state: CallState::Failed, ..call };
        patience.with(|| work.store.settle(id, self.epoch, unsent.clone())).await.map_err(Unsent::Store)?;
        Err(stopped)
    }

    /// Fails if a request to a model may not leave now.
    pub(super) fn may_leave(
        &self,
        (spec, watches): (&ModelSpec, bool),
        halt: &CancellationToken,
    ) -> Result<(), Unsent> {
        if halt.is_cancelled() {
            return Err(Unsent::Halted);
        }
        if let Some(error) = self.shared.stopped(spec) {
            return Err(Unsent::Stopped(error.to_string()));
        }
        if !watches && self.shared.gates.is_away(server_of(&spec.id)) { Err(Unsent::Away) } else { Ok(()) }
    }

    /// Returns the model of an ask if it is usable.
    pub(super) fn member(&self, spec: &ModelSpec) -> Result<&Member, Leave> {
        if let Some(error) = self.shared.stopped(spec) {
            return Err(Leave::Interrupted(error.to_string()));
        }
        let missing = || Leave::Interrupted(format!("the model {} was not looked up", spec.id));
        self.shared.work.roster.member(&spec.id).ok_or_else(missing)
    }

    /// Stores the attempts made so far, and returns the reason to leave.
    async fn leave_with(&self, call: CallRecord, leave: Leave) -> Result<CallRecord, Leave> {
        if !call.attempts.is_empty() {
            self.give_up(call).await?;
        }
        Err(leave)
    }

    async fn give_up(&self, call: CallRecord) -> Result<(), Leave> {
        let (seq, attempts) = (call.seq, call.attempts.len());
        self.settle(CallRecord { state: CallState::Failed, ..call }).await?;
        info!(conversation = %self.job.id, seq, attempts, "given up");
        Ok(())
    }

    /// Stores the state of a call without an entry.
    pub(super) async fn settle(&self, call: CallRecord) -> Result<(), Leave> {
        let Shared { work, patience, .. } = self.shared;
        patience.with(|| work.store.settle(&self.job.id, self.epoch, call.clone())).await?;
        Ok(())
    }

    /// Decides what an error means for this process and for others.
    pub(super) fn given_up(
        &self,
        spec: &ModelSpec,
        error: ModelError,
        started: i64,
        blame: impl FnOnce(ModelError) -> Leave,
    ) -> Leave {
        let (server, name) = (server_of(&spec.id), name_of(&spec.id));
        match verdict(&error) {
            Verdict::Fail => return Leave::Failed(error.to_string()),
            Verdict::Unclear => return blame(error),
            Verdict::StopModel => self.shared.stop(server, Some(name), &error),
            Verdict::StopServer => self.shared.stop(server, None, &error),
            Verdict::RetryUnclear if self.shared.stopped(spec).is_none() => return blame(error.into_refusal()),
            Verdict::RetryUnclear => {}
            Verdict::Retry => {
                // If the server answered another process meanwhile, the fault is in this process alone.
                if self.shared.gates.last_success(server).is_none_or(|at| at < started) {
                    self.shared.stop(server, None, &error);
                }
            }
        }
        Leave::Interrupted(error.to_string())
    }
}

impl Worker<'_> {
    /// Records a refusal that names no cause. An answer in this conversation is evidence if all its agents with this
    /// model have the same parameters.
    fn blame(&self, ask: &Ask, error: ModelError, (sort, sent): (Sort, u64), round: &Round) -> Leave {
        let spec = &ask.model;
        let is_one = self.job.members.iter().all(|m| m.id != spec.id || m.sampling == spec.sampling);
        let has_evidence = is_one && round.answered.contains(&spec.id);
        let refusal = Refusal { conversation: self.job.id.clone(), seq: ask.seq, sort, error, sent, has_evidence };
        Leave::Refused(Box::new(self.shared.refusals.record_refusal(refusal, spec.clone())))
    }
}

fn record(ask: &Ask, member: &Member, request: &ChatRequest) -> CallRecord {
    CallRecord {
        seq: ask.seq,
        call: ask.call,
        state: CallState::Sent,
        server: member.server.name.clone(),
        model: request.model.clone(),
        parameters: request.parameters.clone(),
        view: ask.view.clone(),
        body_sha256: sha256(request.body()),
        attempts: Vec::new(),
        sent: 0,
        answered: None,
        reply: None,
    }
}
