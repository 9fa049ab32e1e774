//! The one owner of retries (contract R7): one table, one loop. Each attempt is data.

use super::{Attempt, ChatModel, ChatReply, ChatRequest, Gates, ModelError, Slots};
use crate::model::limit::Slot;
use sha2::{Digest, Sha256};
use std::future::Future;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

/// What an error means for whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Try again; when the retries are used up, the server is in trouble, or this conversation with it.
    Retry,
    /// The conversation's own fault: it fails, others go on.
    Fail,
    /// No request with this model at this server will do better.
    StopModel,
    /// No request to this server will do better.
    StopServer,
}

/// The one table.
pub fn verdict(error: &ModelError) -> Verdict {
    match error {
        ModelError::Unreachable { .. }
        | ModelError::Broken { .. }
        | ModelError::Timeout { .. }
        | ModelError::Busy { .. }
        | ModelError::Invalid { .. }
        | ModelError::TooLarge { .. } => Verdict::Retry,
        ModelError::ContextFull { .. } => Verdict::Fail,
        ModelError::NoModel { .. } | ModelError::Refused { .. } => Verdict::StopModel,
        ModelError::Key { .. } | ModelError::Quota { .. } => Verdict::StopServer,
    }
}

/// How often and how patiently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// Attempts after the first.
    pub max_retries: u32,
    /// The first wait, where the server asks for none; it doubles.
    pub base: Duration,
    /// The longest such wait.
    pub cap: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self { max_retries: 5, base: Duration::from_millis(500), cap: Duration::from_secs(30) }
    }
}

impl Retry {
    /// The wait after `attempt` (from 0): what the server asked for, else doubling with jitter, which comes from
    /// the call and never from a clock.
    fn wait(&self, error: &ModelError, request: &ChatRequest, attempt: u32) -> Duration {
        if let ModelError::Busy { retry_after: Some(asked), .. } = error {
            return *asked;
        }
        let doubled = self.base.saturating_mul(2_u32.saturating_pow(attempt)).min(self.cap);
        doubled.mul_f64(0.5 + 0.5 * jitter(request, attempt))
    }
}

/// From 0 to 1.
fn jitter(request: &ChatRequest, attempt: u32) -> f64 {
    let mut hash = Sha256::new();
    hash.update(request.turn.conversation.as_bytes());
    hash.update(request.turn.seq.to_be_bytes());
    hash.update(request.turn.purpose.word().as_bytes());
    hash.update(request.turn.ask.to_be_bytes());
    hash.update(attempt.to_be_bytes());
    let first = hash.finalize().iter().take(4).fold(0_u32, |n, byte| (n << 8) | u32::from(*byte));
    f64::from(first) / f64::from(u32::MAX)
}

/// A call to be made, and all that decides when and how often.
pub struct Asking<'a> {
    /// Who is asked.
    pub model: &'a dyn ChatModel,
    /// What.
    pub request: &'a ChatRequest,
    /// The server's name.
    pub server: &'a str,
    /// How often and how patiently.
    pub retry: Retry,
    /// Slots of the run.
    pub slots: &'a Slots,
    /// Gates of the run.
    pub gates: &'a Gates,
    /// Calls that this conversation has left: the longest chains go first.
    pub priority: u32,
    /// No new attempt after this.
    pub stop: &'a CancellationToken,
    /// What is in flight is dropped.
    pub abort: &'a CancellationToken,
    /// Milliseconds since 1970 (UTC).
    pub clock: &'a (dyn Fn() -> i64 + Send + Sync),
}

/// Something that holds up a call, for listeners.
#[derive(Debug, Clone, PartialEq)]
pub struct Waiting {
    /// Which attempt failed, from 0.
    pub attempt: u32,
    /// Why.
    pub error: ModelError,
    /// How long until the next one.
    pub wait: Duration,
}

/// What came of a call.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked<E> {
    /// What was tried, in order; empty = nothing left this machine.
    pub attempts: Vec<Attempt>,
    /// How it ended.
    pub end: End<E>,
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq)]
pub enum End<E> {
    /// Answered.
    Answered(ChatReply),
    /// Not answered: the last error, after all retries where there is hope in them.
    Failed(ModelError),
    /// `stop` came before an attempt.
    Stopped,
    /// `abort` came while an attempt was in flight.
    Aborted,
    /// `before` failed; the attempt was not made.
    Unsaved(E),
}

/// Asks until there is an answer, no hope, or a stop.
///
/// An attempt waits for its gate, then for a slot, then for `before` (which is given the attempts so far and stores
/// the call as sent: only then may the request leave), and frees its slot before it waits for the next.
pub async fn ask<E, F>(asking: &Asking<'_>, before: impl Fn(&[Attempt]) -> F, notify: impl Fn(Waiting)) -> Asked<E>
where
    F: Future<Output = Result<(), E>>,
{
    let mut attempts = Vec::new();
    let end = loop {
        let attempt = attempts.len() as u32;
        let Some(slot) = asking.slot().await else { break End::Stopped };
        if let Err(error) = before(&attempts).await {
            break End::Unsaved(error);
        }
        let tried = asking.attempt(&mut attempts).await;
        drop(slot);
        let error = match tried {
            None => break End::Aborted,
            Some(Ok(reply)) => break End::Answered(reply),
            Some(Err(error)) => error,
        };
        if verdict(&error) != Verdict::Retry || attempt >= asking.retry.max_retries {
            break End::Failed(error);
        }
        if !asking.pause(attempt, error, &mut attempts, &notify).await {
            break End::Stopped;
        }
    };
    Asked { attempts, end }
}

impl Asking<'_> {
    /// Waits until the gate is open and a slot is free at once; none = stopped.
    async fn slot(&self) -> Option<Slot> {
        loop {
            self.unless_stopped(self.open()).await?;
            let slot = self.unless_stopped(self.slots.take(self.server, self.priority)).await?;
            // The gate may have closed while this call waited for its slot.
            if self.gates.closed_until(self.server, &self.request.model).is_none() {
                return Some(slot);
            }
        }
    }

    async fn open(&self) {
        while let Some(until) = self.gates.closed_until(self.server, &self.request.model) {
            sleep_until(until).await;
        }
    }

    /// One attempt, recorded; none = aborted.
    async fn attempt(&self, attempts: &mut Vec<Attempt>) -> Option<Result<ChatReply, ModelError>> {
        let (at, start) = ((self.clock)(), Instant::now());
        let result = tokio::select! {
            biased;
            () = self.abort.cancelled() => None,
            result = self.model.chat(self.request) => Some(result),
        };
        let (error, message, possible_spend) = match &result {
            None => (Some("lost".to_owned()), Some("it was given up in flight".to_owned()), true),
            Some(Ok(_)) => (None, None, false),
            Some(Err(e)) => (Some(e.word().to_owned()), Some(e.to_string()), e.possible_spend()),
        };
        let took = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        attempts.push(Attempt { at, took, error, message, waited: None, possible_spend });
        if matches!(result, Some(Ok(_))) {
            self.gates.answered(self.server, (self.clock)());
        }
        result
    }

    /// Waits before the next attempt; false = stopped.
    async fn pause(
        &self,
        attempt: u32,
        error: ModelError,
        attempts: &mut [Attempt],
        notify: &impl Fn(Waiting),
    ) -> bool {
        let wait = self.retry.wait(&error, self.request, attempt);
        let until = Instant::now() + wait;
        if matches!(error, ModelError::Busy { retry_after: Some(_), .. }) {
            self.gates.close(self.server, &self.request.model, until);
        }
        if let Some(last) = attempts.last_mut() {
            last.waited = u64::try_from(wait.as_millis()).ok();
        }
        notify(Waiting { attempt, error, wait });
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
