//! Waiting for an unreachable or full database: the run pauses, reports it, and resumes when the database is back. The
//! figures of waits for model servers are here too.

use super::event::Event;
use crate::store::StoreError;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// Interval between retries.
const PAUSE: Duration = Duration::from_millis(500);

/// Limit of a run's wait for its database.
pub struct Patience {
    wait: Duration,
    abort: CancellationToken,
    tell: Box<dyn Fn(Event) + Send + Sync>,
    /// True while the database is unreachable, so that it is reported once.
    away: AtomicBool,
}

impl Patience {
    /// Waits for at most `wait`, and until `abort`. Reports the wait to `tell`.
    pub fn new(wait: Duration, abort: CancellationToken, tell: impl Fn(Event) + Send + Sync + 'static) -> Self {
        Self { wait, abort, tell: Box::new(tell), away: AtomicBool::new(false) }
    }

    /// Performs an action of the database, and repeats it while the database is unreachable.
    pub async fn with<T, F>(&self, mut action: impl FnMut() -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let began = Instant::now();
        loop {
            let error = match action().await {
                Err(error) if may_pass(&error) => error,
                other => {
                    if other.is_ok() && self.away.swap(false, Ordering::Relaxed) {
                        (self.tell)(Event::StoreBack);
                    }
                    return other;
                }
            };
            if began.elapsed() >= self.wait || self.abort.is_cancelled() {
                return Err(error);
            }
            if !self.away.swap(true, Ordering::Relaxed) {
                (self.tell)(Event::StoreAway { reason: error.to_string() });
            }
            sleep(PAUSE.min(self.wait)).await;
        }
    }
}

/// True if a later retry may succeed.
fn may_pass(error: &StoreError) -> bool {
    matches!(error, StoreError::Full { .. } | StoreError::Unreachable { .. } | StoreError::Locked { .. })
}

/// First and longest pause between two requests for a server's list of models.
const FIRST_LOOK: Duration = Duration::from_secs(5);
const LONGEST_LOOK: Duration = Duration::from_mins(1);

/// Time without an answer after which a server that has not answered yet is reported.
pub(super) const SILENCE: Duration = Duration::from_millis(1500);

/// Patience with servers that go away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerWait {
    /// Longest wait.
    pub time: Duration,
    /// True if it applies to a server that has not answered yet.
    pub at_start: bool,
}

impl Default for ServerWait {
    fn default() -> Self {
        Self { time: Duration::from_hours(1), at_start: false }
    }
}

/// Returns the next pause between two requests for the list.
pub fn next_pause(pause: Option<Duration>) -> Duration {
    pause.map_or(FIRST_LOOK, |pause| (pause * 3 / 2).min(LONGEST_LOOK))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_minute() {
        let pauses = std::iter::successors(Some(next_pause(None)), |pause| Some(next_pause(Some(*pause))));
        let seconds: Vec<u64> = pauses.take(9).map(|pause| pause.as_secs()).collect();
        assert_eq!(seconds, [5, 7, 11, 16, 25, 37, 56, 60, 60]);
    }
}
