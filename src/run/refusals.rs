//! Refusals that name no cause. Such a refusal is the prompt's fault only with evidence that the model takes requests of
//! this kind: an answer in the same conversation, or in another one after the refused request was sent.
//!
//! A refused conversation waits for an answer that is evidence, for another refusal, or until nothing else is under way.

use crate::design::ModelSpec;
use crate::model::{ChatRequest, ModelError};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, oneshot};

/// Number of conversations that the same words fail in a row before their model is stopped.
const ROW: usize = 3;

/// Requests of one kind: server, model, and names of the parameters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Sort {
    server: String,
    model: String,
    parameters: Vec<String>,
}

impl Sort {
    pub(super) fn new(server: &str, request: &ChatRequest) -> Self {
        let parameters = request.parameters.keys().cloned().collect();
        Self { server: server.to_owned(), model: request.model.clone(), parameters }
    }

    fn is_model(&self, server: &str, model: &str) -> bool {
        self.server == server && self.model == model
    }
}

/// A refusal that names no cause.
pub(super) struct Refusal {
    pub(super) conversation: String,
    /// Place of the refused ask in its log.
    pub(super) seq: u32,
    pub(super) sort: Sort,
    pub(super) error: ModelError,
    /// Time of the request by [`Refusals::tick`].
    pub(super) sent: u64,
    /// True if the model has answered a request of this kind, so that the refused prompt is probably at fault.
    pub(super) has_evidence: bool,
}

impl Refusal {
    /// The server's words without digits.
    fn words(&self) -> String {
        self.error.to_string().chars().filter(|c| !c.is_ascii_digit()).collect()
    }
}

/// A refusal whose cause is not known yet.
pub(super) struct Open {
    pub(super) spec: ModelSpec,
    pub(super) error: ModelError,
    cause: oneshot::Receiver<Cause>,
}

impl Open {
    /// Returns the reason of a conversation that failed by its prompt.
    pub(super) fn blame_prompt(&self) -> String {
        self.error.to_string().replacen("refuses the request", "refuses this prompt", 1)
    }
}

/// Cause of a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    Prompt,
    Model,
}

/// The refusals of a run that wait for their cause.
#[derive(Default)]
pub(super) struct Refusals {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    /// Number of requests and answers so far.
    now: u64,
    /// Time of the last answer.
    answered: BTreeMap<Sort, u64>,
    waiting: Vec<Waiting>,
    /// Models that refuse more than single prompts.
    stopped: BTreeMap<(String, String), ModelError>,
}

struct Waiting {
    refusal: Refusal,
    /// True if its conversation does nothing but wait.
    is_idle: bool,
    cause: oneshot::Sender<Cause>,
}

impl Refusals {
    /// Returns the time of a request that leaves now.
    pub(super) fn tick(&self) -> u64 {
        let mut state = self.lock();
        state.now += 1;
        state.now
    }

    /// Records an answer at a place of a log: refusals of such requests were the prompts' fault. Where the conversation
    /// had answers before its refusal, an answer to an earlier turn of another says nothing about the refused turn.
    pub(super) fn record_answer(&self, sort: &Sort, seq: u32) {
        let mut state = self.lock();
        state.now += 1;
        let now = state.now;
        state.answered.insert(sort.clone(), now);
        state.settle(Cause::Prompt, |r| {
            let is_as_late = r.seq <= seq && r.sort.is_model(&sort.server, &sort.model);
            if r.has_evidence { is_as_late } else { r.sort == *sort }
        });
    }

    /// Records a refusal, before any other request may leave.
    pub(super) fn record_refusal(&self, refusal: Refusal, spec: ModelSpec) -> Open {
        let (sender, cause) = oneshot::channel();
        let error = refusal.error.clone();
        self.lock().add(Waiting { refusal, is_idle: false, cause: sender });
        Open { spec, error, cause }
    }

    /// Waits for the cause of a refusal. The conversation has no request in flight.
    pub(super) async fn find_cause(&self, conversation: &str, open: &mut Open) -> Option<Cause> {
        for waiting in self.lock().waiting.iter_mut().filter(|w| w.refusal.conversation == conversation) {
            waiting.is_idle = true;
        }
        self.changed.notify_one();
        (&mut open.cause).await.ok()
    }

    /// True if conversations with this model must not begin: the model may refuse everything.
    pub(super) fn holds(&self, server: &str, model: &str) -> bool {
        self.lock().waiting.iter().any(|w| !w.refusal.has_evidence && w.refusal.sort.is_model(server, model))
    }

    /// Returns the refusal that stopped a model.
    pub(super) fn stopped(&self, server: &str, model: &str) -> Option<ModelError> {
        self.lock().stopped.get(&(server.to_owned(), model.to_owned())).cloned()
    }

    /// Returns when another refusal waits.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Settles all refusals once the conversations that are under way do nothing but wait.
    pub(super) fn settle_idle(&self, under_way: usize) {
        let mut state = self.lock();
        let idle: BTreeSet<&str> =
            state.waiting.iter().filter(|w| w.is_idle).map(|w| w.refusal.conversation.as_str()).collect();
        if idle.len() >= under_way {
            state.settle(Cause::Prompt, |r| r.has_evidence);
            state.settle(Cause::Model, |_| true);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn add(&mut self, mut new: Waiting) {
        let Refusal { sort, sent, has_evidence, .. } = &mut new.refusal;
        *has_evidence |= self.answered.get(sort).is_some_and(|answered| answered > sent);
        let (sort, has_evidence, words) = (sort.clone(), *has_evidence, new.refusal.words());
        let is_alike = |r: &Refusal| r.has_evidence == has_evidence && r.sort.is_model(&sort.server, &sort.model);
        if has_evidence {
            // Other words end the row.
            self.settle(Cause::Prompt, |r| is_alike(r) && r.words() != words);
        }
        self.waiting.push(new);
        let alike = self.waiting.iter().map(|w| &w.refusal).filter(|r| is_alike(r));
        let row = alike.map(|r| &r.conversation).collect::<BTreeSet<_>>().len();
        if row >= if has_evidence { ROW } else { 2 } {
            self.settle(Cause::Model, |r| r.sort.is_model(&sort.server, &sort.model));
        }
    }

    fn settle(&mut self, cause: Cause, which: impl Fn(&Refusal) -> bool) {
        let (settled, waiting) = std::mem::take(&mut self.waiting).into_iter().partition(|w| which(&w.refusal));
        self.waiting = waiting;
        for Waiting { refusal, cause: known, .. } in settled {
            if cause == Cause::Model {
                let Sort { server, model, .. } = refusal.sort;
                self.stopped.insert((server, model), refusal.error);
            }
            // A conversation that no longer waits needs no cause.
            let _ = known.send(cause);
        }
    }
}
