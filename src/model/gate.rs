//! Gates: what one server's answers mean for everybody who asks it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::time::Instant;

/// One gate for each model of each server. A `Retry-After` closes it for all conversations.
#[derive(Debug, Default)]
pub struct Gates {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    closed_until: BTreeMap<(String, String), Instant>,
    answered: BTreeMap<String, i64>,
}

impl Gates {
    /// Until when the gate is closed; none = it is open.
    pub fn closed_until(&self, server: &str, model: &str) -> Option<Instant> {
        let until = self.lock().closed_until.get(&(server.to_owned(), model.to_owned())).copied();
        until.filter(|until| *until > Instant::now())
    }

    /// Closes the gate until then, if it is not closed for longer already.
    pub fn close(&self, server: &str, model: &str, until: Instant) {
        let mut state = self.lock();
        let gate = state.closed_until.entry((server.to_owned(), model.to_owned())).or_insert(until);
        *gate = (*gate).max(until);
    }

    /// The server answered somebody.
    pub fn answered(&self, server: &str, now: i64) {
        let mut state = self.lock();
        let last = state.answered.entry(server.to_owned()).or_insert(now);
        *last = (*last).max(now);
    }

    /// When the server last answered anybody, in milliseconds of the caller's clock. After retries are used up it
    /// tells a server that is gone from one that only this conversation has trouble with.
    pub fn last_success(&self, server: &str) -> Option<i64> {
        self.lock().answered.get(server).copied()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
