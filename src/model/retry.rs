//! The one owner of retries (contract R7): one table, one loop. Each attempt is data.

use super::{Attempt, ChatModel, ChatReply, ChatRequest, EmbedRequest, Embedded, Embedder, Gates, ModelError, Slots};
use crate::model::limit::Slot;
use async_trait::async_trait;
use sha2::{Digest, Sha256};
use std::future::Future;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

/// Consequence of an error for the conversation, the model or the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The request is retried; after the last retry the conversation or the server has a problem.
    Retry,
    /// The request is retried; after the last retry it is unclear.
    RetryUnclear,
    /// The conversation fails by its own fault; others continue.
    Fail,
    /// The server refuses the request and names no cause. Evidence decides between the prompt and the model.
    Unclear,
    /// Every request with this model at this server would fail.
    StopModel,
    /// Every request to this server would fail.
    StopServer,
}

/// Returns the consequence of an error: the one table.
pub fn verdict(error: &ModelError) -> Verdict {
    match error {
        ModelError::Busy { is_unclear: true, .. } => Verdict::RetryUnclear,
        ModelError::Unreachable { .. }
        | ModelError::Broken { .. }
        | ModelError::Timeout { .. }
        | ModelError::Busy { .. }
        | ModelError::Invalid { .. }
        | ModelError::TooLarge { .. } => Verdict::Retry,
        ModelError::ContextFull { .. } => Verdict::Fail,
        ModelError::Refused { parameter: None, status: 400 | 403 | 413 | 422, .. } => Verdict::Unclear,
        ModelError::NoModel { .. }
        | ModelError::NoAccess { .. }
        | ModelError::NoEmbeddings { .. }
        | ModelError::Refused { .. }
        | ModelError::Encoded { .. } => Verdict::StopModel,
        ModelError::Key { .. }
        | ModelError::Quota { .. }
        | ModelError::Later { .. }
        | ModelError::Setting { .. }
        | ModelError::Nowhere { .. } => Verdict::StopServer,
    }
}

impl Verdict {
    /// True if the request is retried.
    pub fn is_retried(self) -> bool {
        matches!(self, Self::Retry | Self::RetryUnclear)
    }
}

/// Time within which a server that was never reached must be reached.
pub const FIRST_CONTACT: Duration = Duration::from_secs(15);

/// Shortens a wait so that an attempt as long as the last one ends within [`FIRST_CONTACT`]; `None` if none can.
pub fn fit_first_contact(wait: Duration, elapsed: Duration, last: Duration) -> Option<Duration> {
    FIRST_CONTACT.checked_sub(elapsed)?.checked_sub(last).map(|left| wait.min(left))
}

/// Number of retries and the waits between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// Maximum attempts after the first.
    pub max_retries: u32,
    /// First wait if the server requests none; it doubles with each retry.
    pub base: Duration,
    /// Maximum of the doubled wait.
    pub cap: Duration,
    /// Maximum wait that a server may request. A longer one stops the server.
    pub longest: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            max_retries: 5,
            base: Duration::from_millis(500),
            cap: Duration::from_secs(30),
            longest: Duration::from_hours(1),
        }
    }
}

impl Retry {
    /// Computes the wait after `attempt` (from 0): doubling with jitter, and at least what the server requests. The
    /// jitter is derived from the call and never from a clock.
    fn next_wait(&self, error: &ModelError, request: &impl Request, attempt: u32) -> Duration {
        let doubled = self.base.saturating_mul(2_u32.saturating_pow(attempt)).min(self.cap);
        doubled.mul_f64(0.5 + 0.5 * jitter(request, attempt)).max(error.requested_wait().unwrap_or_default())
    }

    /// Replaces the error of a server that requests a longer wait than this run accepts.
    fn limit_wait(&self, error: ModelError, now: i64) -> ModelError {
        match error {
            ModelError::Busy { server, status, message, retry_after: Some(asked), .. } if asked > self.longest => {
                let until = now.saturating_add(i64::try_from(asked.as_millis()).unwrap_or(i64::MAX));
                ModelError::Later { server, status, message, until }
            }
            error => error,
        }
    }
}

/// Returns a number from 0 to 1.
fn jitter(request: &impl Request, attempt: u32) -> f64 {
    let mut hash = Sha256::new();
    request.identify(&mut hash);
    hash.update(attempt.to_be_bytes());
    let first = hash.finalize().iter().take(4).fold(0_u32, |n, byte| (n << 8) | u32::from(*byte));
    f64::from(first) / f64::from(u32::MAX)
}

/// A request that can be sent more than once.
#[async_trait]
pub trait Request: Send + Sync {
    /// Type of what sends it.
    type Model: ?Sized + Send + Sync;
    /// Type of its answer.
    type Reply: Send;

    /// Returns the model's name at its server.
    fn model(&self) -> &str;
    /// Adds what tells this request from all others. The jitter of its retries depends on it.
    fn identify(&self, hash: &mut Sha256);
    /// Sends the request once.
    async fn send(&self, model: &Self::Model) -> Result<Self::Reply, ModelError>;
}

#[async_trait]
impl Request for ChatRequest {
    type Model = dyn ChatModel;
    type Reply = ChatReply;

    fn model(&self) -> &str {
        &self.model
    }

    fn identify(&self, hash: &mut Sha256) {
        hash.update(self.turn.conversation.as_bytes());
        hash.update(self.turn.seq.to_be_bytes());
        hash.update(self.turn.purpose.word().as_bytes());
        hash.update(self.turn.ask.to_be_bytes());
    }

    async fn send(&self, model: &Self::Model) -> Result<ChatReply, ModelError> {
        model.chat(self).await
    }
}

#[async_trait]
impl Request for EmbedRequest {
    type Model = dyn Embedder;
    type Reply = Embedded;

    fn model(&self) -> &str {
        &self.model
    }

    fn identify(&self, hash: &mut Sha256) {
        hash.update(self.process.as_bytes());
        self.texts.iter().for_each(|text| hash.update(text.as_bytes()));
    }

    async fn send(&self, model: &Self::Model) -> Result<Embedded, ModelError> {
        model.embed(self).await
    }
}

/// A call to be made, with its limits and stop signals.
pub struct PendingCall<'a, Q: Request = ChatRequest> {
    /// The model.
    pub model: &'a Q::Model,
    /// The request.
    pub request: &'a Q,
    /// The server's name.
    pub server: &'a str,
    /// Number of retries and the waits between them.
    pub retry: Retry,
    /// The slots of the run.
    pub slots: &'a Slots,
    /// The gates of the run.
    pub gates: &'a Gates,
    /// Place of the conversation in the plan, by which the slots know it.
    pub order: u32,
    /// True if it finds out whether a server is back: it does not wait for the others.
    pub watches: bool,
    /// True if the server is given up after [`FIRST_CONTACT`], unless a call reaches it.
    pub is_first_contact: bool,
    /// Prevents any new attempt.
    pub stop: &'a CancellationToken,
    /// Drops the attempt in flight.
    pub abort: &'a CancellationToken,
    /// Returns milliseconds since 1970 (UTC).
    pub clock: &'a (dyn Fn() -> i64 + Send + Sync),
}

/// A wait before a retry, for listeners.
#[derive(Debug, Clone, PartialEq)]
pub struct RetryWait {
    /// Number of the failed attempt, from 0.
    pub attempt: u32,
    /// The error of that attempt.
    pub error: ModelError,
    /// Time until the next attempt.
    pub wait: Duration,
    /// Time until the server is given up, if it was never reached.
    pub left: Option<Duration>,
}

/// Outcome of a call.
#[derive(Debug, Clone, PartialEq)]
pub struct CallOutcome<E, R = ChatReply> {
    /// The attempts in order; empty if no request was sent.
    pub attempts: Vec<Attempt>,
    /// The end of the call.
    pub end: CallEnd<E, R>,
}

/// The end of a call.
#[derive(Debug, Clone, PartialEq)]
pub enum CallEnd<E, R = ChatReply> {
    /// The model answered.
    Answered(R),
    /// The last error, after all retries if it can be retried.
    Failed(ModelError),
    /// `stop` was set before an attempt.
    Stopped,
    /// `abort` was set while an attempt was in flight.
    Aborted,
    /// `before` failed; the attempt was not made.
    Unsaved(E),
}

/// Sends a request until it is answered, fails for good, or is stopped.
///
/// An attempt waits for its gate, then for a slot, then for `before`, and frees its slot before the next wait. `before`
/// receives the attempts so far and stores the call as sent; only then may the request leave.
pub async fn send_call<Q: Request, E, F>(
    pending: &PendingCall<'_, Q>,
    before: impl Fn(&[Attempt]) -> F,
    notify: impl Fn(RetryWait),
) -> CallOutcome<E, Q::Reply>
where
    F: Future<Output = Result<(), E>>,
{
    let (mut attempts, mut received) = (Vec::new(), None);
    let end = loop {
        let Some(slot) = pending.take_slot().await else { break CallEnd::Stopped };
        if let Err(error) = before(&attempts).await {
            break CallEnd::Unsaved(error);
        }
        let tried = pending.make_attempt(&mut attempts).await;
        drop(slot);
        let error = match tried {
            None => break CallEnd::Aborted,
            Some(Ok(reply)) => break CallEnd::Answered(reply),
            Some(Err(error)) => pending.retry.limit_wait(error, (pending.clock)()),
        };
        let is_repeated = error.received().is_some_and(|now| received.replace(now.to_owned()).as_deref() == Some(now));
        let wait = if is_repeated { None } else { pending.next_wait(error.clone(), &attempts) };
        let Some(wait) = wait else { break CallEnd::Failed(error) };
        if !pending.pause_before_retry(wait, &mut attempts, &notify).await {
            break CallEnd::Stopped;
        }
    };
    CallOutcome { attempts, end }
}

impl<Q: Request> PendingCall<'_, Q> {
    /// Waits until the gate is open and a slot is free at the same time; `None` if stopped.
    async fn take_slot(&self) -> Option<Slot> {
        loop {
            self.unless_stopped(self.wait_for_gate()).await?;
            let slot = self.unless_stopped(self.slots.take_slot(self.server, self.order)).await?;
            // The gate may have closed while this call waited for its slot.
            let is_back = self.watches || !self.gates.is_away(self.server);
            if is_back && self.gates.closed_until(self.server, self.request.model()).is_none() {
                return Some(slot);
            }
        }
    }

    async fn wait_for_gate(&self) {
        if !self.watches {
            self.gates.until_back(self.server).await;
        }
        while let Some(until) = self.gates.closed_until(self.server, self.request.model()) {
            sleep_until(until).await;
        }
    }

    /// Makes and records one attempt; `None` if aborted.
    async fn make_attempt(&self, attempts: &mut Vec<Attempt>) -> Option<Result<Q::Reply, ModelError>> {
        let (at, start) = ((self.clock)(), Instant::now());
        self.gates.first_attempt(self.server);
        let result = tokio::select! {
            biased;
            () = self.abort.cancelled() => None,
            result = self.request.send(self.model) => Some(result),
        };
        let (error, message, possible_spend) = match &result {
            None => (Some("lost".to_owned()), Some("it was given up in flight".to_owned()), true),
            Some(Ok(_)) => (None, None, false),
            Some(Err(e)) => (Some(e.word().to_owned()), Some(e.to_string()), e.possible_spend()),
        };
        let took = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        attempts.push(Attempt { at, took, error, message, waited: None, possible_spend });
        match &result {
            Some(Ok(_)) => self.gates.record_answer(self.server, (self.clock)()),
            Some(Err(error)) if !error.is_unconnected() => self.gates.record_contact(self.server),
            Some(Err(_)) | None => {}
        }
        result
    }

    /// Returns the wait before the next attempt; `None` if there is none.
    fn next_wait(&self, error: ModelError, attempts: &[Attempt]) -> Option<RetryWait> {
        let attempt = attempts.len().saturating_sub(1) as u32;
        if !verdict(&error).is_retried() || attempt >= self.retry.max_retries {
            return None;
        }
        let wait = self.retry.next_wait(&error, self.request, attempt);
        if !self.is_first_contact || self.gates.has_reached(self.server) {
            return Some(RetryWait { attempt, error, wait, left: None });
        }
        let elapsed = self.gates.first_attempt(self.server).elapsed();
        let last = Duration::from_millis(attempts.last().map_or(0, |last| last.took));
        let wait = fit_first_contact(wait, elapsed, last)?;
        Some(RetryWait { attempt, error, wait, left: Some(FIRST_CONTACT.saturating_sub(elapsed)) })
    }

    /// Waits before the next attempt; false if stopped.
    async fn pause_before_retry(
        &self,
        waiting: RetryWait,
        attempts: &mut [Attempt],
        notify: &impl Fn(RetryWait),
    ) -> bool {
        let RetryWait { error, wait, .. } = &waiting;
        let until = Instant::now() + *wait;
        if let Some(asked) = error.requested_wait() {
            self.gates.close_until(self.server, self.request.model(), Instant::now() + asked);
        }
        if let Some(last) = attempts.last_mut() {
            last.waited = u64::try_from(wait.as_millis()).ok();
        }
        notify(waiting);
        self.unless_stopped(sleep_until(until)).await.is_some()
    }

    async fn unless_stopped<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => None,
            () = self.abort.cancelled() => None,
            value = future => Some(value),
        }
    }
}

#[cfg(test)]
#[path = "retry_tests.rs"]
mod tests;
