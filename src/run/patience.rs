//! Waiting for an unreachable or full database: the run pauses, reports it, and resumes when the database is back.

use super::event::Event;
use crate::store::StoreError;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// How often it is tried again.
const PAUSE: Duration = Duration::from_millis(500);

/// How long a run waits for its database.
pub struct Patience {
    wait: Duration,
    abort: CancellationToken,
    tell: Box<dyn Fn(Event) + Send + Sync>,
    /// Whether somebody waits now, so that it is told once.
    away: AtomicBool,
}

impl Patience {
    /// Waits for `wait`, but no longer than until `abort`; that it waits goes to `tell`.
    pub fn new(wait: Duration, abort: CancellationToken, tell: impl Fn(Event) + Send + Sync + 'static) -> Self {
        Self { wait, abort, tell: Box::new(tell), away: AtomicBool::new(false) }
    }

    /// Does something with the database, again and again while the database is away.
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

/// Whether waiting may help.
fn may_pass(error: &StoreError) -> bool {
    matches!(error, StoreError::Full { .. } | StoreError::Unreachable { .. } | StoreError::Locked { .. })
}
