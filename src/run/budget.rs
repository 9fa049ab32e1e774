//! Bounds of one invocation: a number of calls, and a time.
//!
//! No request leaves beyond a bound. Requests in flight finish, and the same command continues. Once the time is over,
//! they have the grace time to do so.

use super::event::Event;
use std::sync::atomic::{AtomicBool, Ordering};
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
    /// Time that requests in flight have once the time is over.
    grace: Duration,
    used: Mutex<u32>,
    /// The bound that was reached first, as a flag, and the time that requests in flight have if it limits that.
    spent: OnceLock<(String, Option<Duration>)>,
    is_announced: AtomicBool,
}

impl Budget {
    /// Creates a budget of calls, as `plan` counts them, and of time. `None` is no bound.
    pub fn new(calls: Option<u32>, time: Option<Duration>, grace: Duration) -> Self {
        Self { calls, time, grace, ..Self::default() }
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
            self.spend(format!("--max-calls {most}"), None);
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
        self.spend(format!("--max-time {} s", self.time.unwrap_or_default().as_secs_f64()), Some(self.grace));
    }

    /// Waits until requests in flight have had their time, after [`Self::expire`].
    pub async fn end_grace(&self) {
        sleep(self.grace).await;
    }

    /// The bound that was reached first, as a flag.
    pub fn spent(&self) -> Option<&str> {
        self.spent.get().map(|(bound, _)| bound.as_str())
    }

    /// Returns the report of the reached bound, once.
    pub fn announce(&self) -> Option<Event> {
        let (bound, grace) = self.spent.get()?;
        let is_first = !self.is_announced.swap(true, Ordering::Relaxed);
        is_first.then(|| Event::Spent { bound: bound.clone(), grace: grace.map(|grace| grace.as_secs()) })
    }

    fn spend(&self, bound: String, grace: Option<Duration>) {
        // A bound that was reached before counts.
        let _ = self.spent.set((bound, grace));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_is_reserved_whole_and_nothing_after_a_refusal() {
        let budget = Budget::new(Some(5), None, Duration::ZERO);
        assert!(budget.reserve(3) && budget.reserve(0) && budget.spent().is_none());
        assert!(!budget.reserve(3) && budget.spent() == Some("--max-calls 5"));
        assert!(!budget.reserve(1) && budget.reserve(0), "a refusal ends the run");
        let budget = Budget::new(Some(5), None, Duration::ZERO);
        assert!(budget.reserve(5) && budget.spent().is_some());
        assert!(Budget::new(None, None, Duration::ZERO).reserve(1_000_000));
    }

    #[test]
    fn conversations_begin_if_they_can_end() {
        let budget = Budget::new(Some(10), None, Duration::ZERO);
        assert!(budget.has_room(0, 99) && budget.has_room(5, 5) && !budget.has_room(5, 6));
        assert!(Budget::default().has_room(u64::MAX / 2, 6));
    }

    #[tokio::test(start_paused = true)]
    async fn time_runs_out_once() {
        let budget = Budget::new(None, Some(Duration::from_mins(1)), Duration::from_secs(30));
        assert_eq!(budget.announce(), None);
        assert!(tokio::time::timeout(Duration::from_secs(59), budget.expire()).await.is_err());
        budget.expire().await;
        assert_eq!(budget.spent(), Some("--max-time 60 s"));
        assert_eq!(budget.announce(), Some(Event::Spent { bound: "--max-time 60 s".to_owned(), grace: Some(30) }));
        assert_eq!(budget.announce(), None, "once");
        assert!(tokio::time::timeout(Duration::from_hours(9), Budget::default().expire()).await.is_err());
    }
}
