//! Parts of a run that all its conversations share: its work, its options, its limits and its totals.

use super::budget::Budget;
use super::event::{Event, Summary};
use super::job::Job;
use super::leave::Leave;
use super::patience::{Patience, ServerWait};
use super::refusals::Refusals;
use super::roster::{Roster, name_of};
use crate::design::check::server_of;
use crate::design::{ModelSpec, Structured};
use crate::model::parameters::Amendment;
use crate::model::person::Person;
use crate::model::{Bounds, ChatRequest, Gates, ModelError, Retry, Slots, Usage};
use crate::process::Flag;
use crate::store::{Lease, Store, Tokens};
use serde_json::{Map, Value as Json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;

/// Options of a run.
#[derive(Debug, Clone)]
pub struct Options {
    /// Limits of requests in flight.
    pub bounds: Bounds,
    /// Number and pace of retries.
    pub retry: Retry,
    /// Patience with servers that go away.
    pub server_wait: ServerWait,
    /// Time for which the run waits for an unreachable or full database.
    pub store_wait: Duration,
    /// The clock: milliseconds since 1970.
    pub clock: fn() -> i64,
    /// The lease that each conversation gets; it names the process that works.
    pub lease: Lease,
    /// Cancelled when no new request may be sent.
    pub stop: CancellationToken,
    /// Cancelled, together with `stop`, when a person leaves.
    pub leave: CancellationToken,
    /// Cancelled when requests in flight are to be dropped.
    pub abort: CancellationToken,
    /// Bounds of this invocation.
    pub budget: Arc<Budget>,
}

/// The work of a run.
pub struct Work {
    /// The database.
    pub store: Arc<dyn Store>,
    /// The processes to be worked on, in the order in which they are begun.
    pub jobs: Vec<Job>,
    /// The models.
    pub roster: Roster,
    /// The person who types for human participants; `None` if nobody can.
    pub person: Option<Arc<dyn Person>>,
    /// Receives every event.
    pub events: UnboundedSender<Event>,
}

/// Parts of a run that all its conversations share.
pub(super) struct Shared {
    pub(super) work: Work,
    pub(super) options: Options,
    pub(super) slots: Slots,
    pub(super) gates: Gates,
    pub(super) patience: Patience,
    pub(super) refusals: Refusals,
    /// Changes of requests that refusals asked for, by server and model.
    amendments: Mutex<BTreeMap<(String, String), Vec<Amendment>>>,
    /// Servers, or models of servers, that get no further request.
    stops: Mutex<BTreeMap<(String, Option<String>), ModelError>>,
    /// Conversations already reported as held by another process.
    held: Mutex<BTreeSet<String>>,
    totals: Mutex<Summary>,
    /// Lengths of the vectors of embedding models, by their id.
    lengths: Mutex<BTreeMap<String, usize>>,
    /// Servers reported as silent.
    silent: Mutex<BTreeSet<String>>,
}

impl Shared {
    pub(super) fn new(work: Work, options: Options) -> Self {
        let events = work.events.clone();
        let patience = Patience::new(options.store_wait, options.abort.clone(), move |event| {
            // Without a listener, events are not needed.
            let _ = events.send(event);
        });
        Self {
            slots: Slots::new(&Bounds { may_stop: options.budget.is_bound(), ..options.bounds.clone() }),
            gates: Gates::default(),
            patience,
            refusals: Refusals::default(),
            amendments: Mutex::default(),
            stops: Mutex::default(),
            held: Mutex::default(),
            totals: Mutex::default(),
            lengths: Mutex::default(),
            silent: Mutex::default(),
            work,
            options,
        }
    }

    /// Sends an event to the listeners, if any are left.
    pub(super) fn tell(&self, event: Event) {
        let _ = self.work.events.send(event);
    }

    /// True if a server was reached in this run.
    pub(super) fn was_reached(&self, server: &str) -> bool {
        self.gates.last_success(server).is_some() || self.work.roster.has_reached(server)
    }

    /// Returns the error that stopped requests to a model; `None` if requests may be sent.
    pub(super) fn stopped(&self, spec: &ModelSpec) -> Option<ModelError> {
        let stops = self.stops.lock().unwrap_or_else(PoisonError::into_inner);
        let server = server_of(&spec.id).to_owned();
        let name = name_of(&spec.id).to_owned();
        let stopped = stops.get(&(server.clone(), None)).or_else(|| stops.get(&(server.clone(), Some(name.clone()))));
        stopped.cloned().or_else(|| self.refusals.stopped(&server, &name))
    }

    /// Stops new requests to a server, or to one of its models.
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

    /// Stops new requests to a model.
    pub(super) fn stop_model(&self, spec: &ModelSpec, error: &ModelError) {
        self.stop(server_of(&spec.id), Some(name_of(&spec.id)), error);
    }

    /// Notes the length of a model's vectors. Returns the length that was noted first.
    pub(super) fn note_length(&self, model: &str, length: usize) -> usize {
        let mut lengths = self.lengths.lock().unwrap_or_else(PoisonError::into_inner);
        *lengths.entry(model.to_owned()).or_insert(length)
    }

    /// Changes the parameters of a request as earlier refusals of this run asked. Returns true if that changed them.
    pub(super) fn amend(&self, server: &str, model: &str, parameters: &mut Map<String, Json>) -> bool {
        let amendments = self.amendments.lock().unwrap_or_else(PoisonError::into_inner);
        let before: Vec<String> = parameters.keys().cloned().collect();
        let known = amendments.get(&(server.to_owned(), model.to_owned()));
        known.into_iter().flatten().for_each(|amendment| amendment.apply(parameters));
        !parameters.keys().eq(&before)
    }

    /// Changes a request as its refusal asks, and those that follow. Returns false if it asks for no change, or for one
    /// that the experiment excludes.
    pub(super) fn amend_refused(
        &self,
        (server, spec): (&str, &ModelSpec),
        request: &mut ChatRequest,
        error: &ModelError,
    ) -> bool {
        let Some(found) = Amendment::find(&request.parameters, error) else { return false };
        if found == Amendment::WithoutSchema && spec.structured == Some(Structured::Schema) {
            return false;
        }
        found.apply(&mut request.parameters);
        let mut amendments = self.amendments.lock().unwrap_or_else(PoisonError::into_inner);
        let known = amendments.entry((server.to_owned(), request.model.clone())).or_default();
        // Requests in flight may be refused for the same reason.
        if !known.contains(&found) {
            known.push(found);
            if found == Amendment::WithoutSchema {
                self.tell(Event::WithoutSchema { model: spec.id.clone(), reason: error.to_string() });
            }
        }
        true
    }

    /// Returns the reason to leave a conversation before its next request.
    pub(super) fn leave_halted(&self) -> Leave {
        if self.options.budget.spent().is_none() {
            return Leave::Stopped;
        }
        if let Some(event) = self.options.budget.announce() {
            self.tell(event);
        }
        Leave::Budget
    }

    /// Returns the reason to leave a conversation whose turn is given up.
    pub(super) fn leave_cut(&self, why: &str) -> Leave {
        if self.options.budget.spent().is_some() { self.leave_halted() } else { Leave::Interrupted(why.to_owned()) }
    }

    /// Reports, once for each server, that it has not answered yet.
    pub(super) fn tell_silent(&self, server: &str) {
        if self.silent.lock().unwrap_or_else(PoisonError::into_inner).insert(server.to_owned()) {
            self.tell(Event::Silent { server: server.to_owned() });
        }
    }

    /// Reports, once for each conversation, that another process holds it.
    pub(super) fn tell_held(&self, conversation: String, holder: String) {
        if self.held.lock().unwrap_or_else(PoisonError::into_inner).insert(conversation.clone()) {
            self.tell(Event::Held { conversation, holder });
        }
    }

    /// Changes the totals.
    pub(super) fn count(&self, change: impl FnOnce(&mut Summary)) {
        change(&mut self.totals.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Returns the totals, with the errors that stopped servers.
    pub(super) fn summary(&self) -> Summary {
        let mut summary = self.totals.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let stops = self.stops.lock().unwrap_or_else(PoisonError::into_inner);
        summary.stopped = stops.values().cloned().collect();
        summary.budget = self.options.budget.spent().map(str::to_owned);
        summary
    }
}

/// Adds one answered call to the totals.
pub(super) fn add_call(summary: &mut Summary, usage: &Usage, flags: &[Flag]) {
    let mut tokens: Tokens = summary.tokens;
    tokens.add(usage);
    summary.tokens = tokens;
    summary.calls += 1;
    for flag in flags {
        *summary.flags.entry(*flag).or_insert(0) += 1;
    }
}
