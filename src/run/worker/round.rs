//! A round: asks that do not depend on each other, answered in parallel and stored in order.
//!
//! The worker builds all requests from the same log before the first leaves. It stores the answer of the lowest missing
//! entry with its call. It stores an earlier answer at once without its entry, so that a kill loses none.
//!
//! If a lane fails, no further one leaves. The worker awaits and stores those in flight, then leaves the process for
//! the gravest reason. If another process wrote an entry of the round first, that entry counts; the other answers fill
//! the entries that are still missing.

use super::person::Turn;
use super::{Open, Worker};
use crate::design::check::server_of;
use crate::model::{ChatReply, ChatRequest, Finish};
use crate::process::{Ask, Message, Process, PromptSize, Reply};
use crate::run::event::Event;
use crate::run::leave::Leave;
use crate::run::roster::Member;
use crate::store::{CallRecord, StoreError};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use std::collections::{BTreeMap, BTreeSet};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_util::sync::CancellationToken;

/// The facts that the lanes of a round share.
pub(super) struct Round {
    /// Cancelled when no further request of the round may be sent.
    pub(super) halt: CancellationToken,
    /// Ids of the models that have answered in this log.
    pub(super) answered: BTreeSet<String>,
}

/// One ask of a round.
struct Lane {
    ask: Ask,
    /// Size of its prompt in bytes.
    bytes: u64,
    /// Context of its model in tokens, if it is known.
    context: Option<u32>,
}

/// The source of an answer.
enum Source<'a> {
    /// The database: an earlier run stored it without its entry.
    Stored(Box<CallRecord>),
    /// A person.
    Person(Turn),
    /// A model.
    Model(&'a Member, ChatRequest),
    /// None: the model is unusable.
    Nobody(Leave),
}

/// An answer, or the reason why a lane has none.
struct Landed {
    lane: Lane,
    call: Result<CallRecord, Leave>,
    /// True if the database already holds the answer.
    stored: bool,
}

/// Answers of a round received so far.
#[derive(Default)]
struct Landings {
    /// Answers that wait for their entry, by its place in the log.
    early: BTreeMap<u32, (Lane, CallRecord)>,
    /// The gravest reason why the process must be left.
    worst: Option<Leave>,
    /// True if another process wrote an entry of the round.
    is_adopted: bool,
}

impl Landings {
    fn worsen(&mut self, leave: Leave) {
        if self.worst.as_ref().is_none_or(|worst| worst.gravity() < leave.gravity()) {
            self.worst = Some(leave);
        }
    }

    /// True if nothing more can be stored.
    fn is_over(&self) -> bool {
        self.worst.as_ref().is_some_and(Leave::ends_the_claim)
    }
}

impl Worker<'_> {
    /// Answers the asks of a round and stores their entries.
    pub(super) async fn round(&self, process: &mut dyn Process, asks: Vec<Ask>, open: &mut Open) -> Result<(), Leave> {
        let answered = process.log().iter().filter(|e| e.call.is_some()).filter_map(|e| e.model.clone()).collect();
        let round = Round { halt: self.shared.options.stop.child_token(), answered };
        self.schedule_round(&*process, &asks);
        let lanes: Vec<_> = asks.into_iter().map(|ask| self.lane(process, ask, open)).collect();
        let requests = lanes.iter().filter(|(_, source)| matches!(source, Source::Model(..))).count();
        if !self.shared.options.budget.reserve(requests as u32) {
            return Err(self.shared.leave_halted());
        }
        let mut flights: FuturesUnordered<_> =
            lanes.into_iter().map(|(lane, source)| self.fly(lane, source, &round)).collect();
        let (landing, landed) = unbounded_channel();
        // An answer is awaited while another is being stored.
        let fly = async move {
            while let Some(one) = flights.next().await {
                // The receiver is read to its end.
                let _ = landing.send(one);
            }
        };
        let ((), worst) = tokio::join!(fly, self.land(process, landed, open, &round.halt));
        worst.map_or(Ok(()), Err)
    }

    /// Reports the calls that are left to the schedule, and the server of the next one if it is alone.
    fn schedule_round(&self, process: &dyn Process, asks: &[Ask]) {
        let [order, left, lanes] = [self.job.order, process.left(), asks.len() as u32];
        let server = asks.first().filter(|ask| !ask.model.is_human()).map(|ask| server_of(&ask.model.id));
        self.shared.slots.reschedule(|schedule| schedule.begin_round(order, left, lanes, server));
    }

    fn lane(&self, process: &dyn Process, ask: Ask, open: &mut Open) -> (Lane, Source<'_>) {
        let size = |messages: &[Message]| messages.iter().map(|m| m.content.len() as u64).sum();
        let messages = || ask.view.messages(process.log(), process.subject());
        let name = (ask.seq, ask.call.purpose, ask.call.ask);
        let (bytes, source) = match (open.remove(&name), self.member(&ask.model)) {
            (Some(call), _) => (size(&messages()), Source::Stored(Box::new(call))),
            (None, _) if ask.model.is_human() => (size(&messages()), Source::Person(Turn::new(process, &ask))),
            (None, Ok(member)) => {
                let mut request = member.request(process, &ask, self.seed);
                self.shared.amend(&member.server.name, &request.model, &mut request.parameters);
                (size(&request.messages), Source::Model(member, request))
            }
            (None, Err(leave)) => (0, Source::Nobody(leave)),
        };
        let member = self.shared.work.roster.member(&ask.model.id);
        let context = member.and_then(|member| member.context(&ask.model));
        (Lane { ask, bytes, context }, source)
    }

    async fn fly(&self, lane: Lane, source: Source<'_>, round: &Round) -> Landed {
        let (call, stored) = match source {
            Source::Stored(call) => (Ok(*call), true),
            Source::Person(turn) => (self.typed(&lane.ask, turn, round).await, false),
            Source::Model(member, request) => (self.call(&lane.ask, member, request, round).await, false),
            Source::Nobody(leave) => (Err(leave), false),
        };
        if call.is_err() {
            round.halt.cancel();
        }
        Landed { lane, call, stored }
    }

    /// Requests a turn from the person. The messages that it follows are stored before they are shown.
    async fn typed(&self, ask: &Ask, turn: Turn, round: &Round) -> Result<CallRecord, Leave> {
        if !round.halt.is_cancelled() {
            self.begin().await?;
        }
        self.sitting.lock().await.typed(ask, turn, &round.halt).await
    }

    /// Stores received answers: in order with their entries, early ones without.
    async fn land(
        &self,
        process: &mut dyn Process,
        mut received: UnboundedReceiver<Landed>,
        open: &mut Open,
        halt: &CancellationToken,
    ) -> Option<Leave> {
        let mut landings = Landings::default();
        while let Some(landed) = received.recv().await {
            if let Err(leave) = self.store_landed(process, landed, &mut landings).await {
                landings.worsen(leave);
            }
            if landings.is_adopted || landings.worst.is_some() {
                halt.cancel();
            }
        }
        let Landings { early, worst, is_adopted } = landings;
        open.extend(early.into_values().map(|(_, call)| ((call.seq, call.call.purpose, call.call.ask), call)));
        worst.filter(|worst| !is_adopted || worst.ends_the_claim())
    }

    /// Stores one answer, and all entries that it makes possible.
    async fn store_landed(
        &self,
        process: &mut dyn Process,
        landed: Landed,
        landings: &mut Landings,
    ) -> Result<(), Leave> {
        let Landed { lane, call, stored } = landed;
        let (seq, call) = (lane.ask.seq, call?);
        if landings.is_over() {
            return Ok(());
        }
        let next = process.log().len() as u32;
        let must_wait = seq > next || (seq == next && landings.is_adopted);
        let settled = if must_wait && !stored { self.keep_early(&lane.ask, &call).await } else { Ok(()) };
        landings.early.insert(seq, (lane, call));
        settled?;
        if !landings.is_adopted {
            landings.is_adopted = !self.keep_in_order(process, &mut landings.early).await?;
        }
        Ok(())
    }

    /// Stores the entries that are next in order. Returns false if another process wrote first.
    async fn keep_in_order(
        &self,
        process: &mut dyn Process,
        early: &mut BTreeMap<u32, (Lane, CallRecord)>,
    ) -> Result<bool, Leave> {
        while let Some((lane, call)) = early.remove(&(process.log().len() as u32)) {
            let Some(reply) = &call.reply else {
                let cause = format!("the answered call at {} of {} has no reply", call.seq, self.job.id);
                return Err(StoreError::Damaged { place: self.shared.work.store.place(), cause }.into());
            };
            let entry = process.answer(&lane.ask, &as_read(reply, lane.bytes, lane.context));
            if !self.keep(process, entry, Some(call)).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Stores an answer whose entry must wait for an earlier one.
    async fn keep_early(&self, ask: &Ask, call: &CallRecord) -> Result<(), Leave> {
        self.settle(call.clone()).await?;
        self.shared.tell(Event::Answered {
            conversation: self.job.id.clone(),
            seq: ask.seq,
            model: self.job.label.clone(),
            usage: call.reply.as_ref().map(|reply| reply.usage).unwrap_or_default(),
        });
        Ok(())
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
