//! Bounds of one invocation: a number of calls, and a time.
//!
//! No request leaves beyond a bound. Requests in flight finish, and the same command continues.

use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;
use tokio::time::sleep;

/// Reason that a conversation has if a bound stopped it.
pub const BUDGET: &str = "budget";

/// Bounds of one invocation, and the part that is used.
#[derive(Debug, Default)]
pub struct Budget {
    calls: Option<u32>,
    time: Option<Duration>,
    used: Mutex<u32>,
    /// The bound that was reached first.
    spent: OnceLock<String>,
}

impl Budget {
    /// Creates a budget of calls, as `plan` counts them, and of time. `None` is no bound.
    pub fn new(calls: Option<u32>, time: Option<Duration>) -> Self {
        Self { calls, time, ..Self::default() }
    }

    /// True if calls or time are bound.
    pub(super) fn is_bound(&self) -> bool {
        self.calls.is_some() || self.time.is_some()
    }

    /// Reserves the calls of a round: all or none. Retries of a call are not counted.
    pub(super) fn reserve(&self, calls: u32) -> bool {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(most) = self.calls else { return true };
        let fits = calls == 0 || (self.spent.get().is_none() && calls <= most.saturating_sub(*used));
        *used += if fits { calls } else { 0 };
        if !fits || *used == most {
            self.spend(format!("--max-calls {most}"));
        }
        fits
    }

    /// True if a conversation of this many calls fits beside `promised` calls of others. The first always fits.
    pub(super) fn has_room(&self, promised: u64, calls: u32) -> bool {
        promised == 0 || self.calls.is_none_or(|most| promised + u64::from(calls) <= u64::from(most))
    }

    /// Waits until the time is over; without a bound, without end.
    pub async fn expire(&self) {
        match self.time {
            Some(time) => sleep(time).await,
            None => std::future::pending().await,
        }
        self.spend(format!("--max-time {} s", self.time.unwrap_or_default().as_secs_f64()));
    }

    /// The bound that was reached first, as a flag.
    pub fn spent(&self) -> Option<&str> {
        self.spent.get().map(String::as_str)
    }

    fn spend(&self, bound: String) {
        // A bound that was reached before counts.
        let _ = self.spent.set(bound);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_is_reserved_whole_and_nothing_after_a_refusal() {
        let budget = Budget::new(Some(5), None);
        assert!(budget.reserve(3) && budget.reserve(0) && budget.spent().is_none());
        assert!(!budget.reserve(3) && budget.spent() == Some("--max-calls 5"));
        assert!(!budget.reserve(1) && budget.reserve(0), "a refusal ends the run");
        let budget = Budget::new(Some(5), None);
        assert!(budget.reserve(5) && budget.spent().is_some());
        assert!(Budget::new(None, None).reserve(1_000_000));
    }

    #[test]
    fn conversations_begin_if_they_can_end() {
        let budget = Budget::new(Some(10), None);
        assert!(budget.has_room(0, 99) && budget.has_room(5, 5) && !budget.has_room(5, 6));
        assert!(Budget::default().has_room(u64::MAX / 2, 6));
    }

    #[tokio::test(start_paused = true)]
    async fn time_runs_out_once() {
        let budget = Budget::new(None, Some(Duration::from_mins(1)));
        assert!(tokio::time::timeout(Duration::from_secs(59), budget.expire()).await.is_err());
        budget.expire().await;
        assert_eq!(budget.spent(), Some("--max-time 60 s"));
        assert!(tokio::time::timeout(Duration::from_hours(9), Budget::default().expire()).await.is_err());
    }
}
