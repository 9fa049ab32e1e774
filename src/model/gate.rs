//! Gates: one conversation's answer from a server holds back every other conversation.

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
    /// Returns the time at which the gate opens; `None` if it is open.
    pub fn closed_until(&self, server: &str, model: &str) -> Option<Instant> {
        let until = self.lock().closed_until.get(&(server.to_owned(), model.to_owned())).copied();
        until.filter(|until| *until > Instant::now())
    }

    /// Closes the gate until then, unless it is already closed for longer.
    pub fn close_until(&self, server: &str, model: &str, until: Instant) {
        let mut state = self.lock();
        let gate = state.closed_until.entry((server.to_owned(), model.to_owned())).or_insert(until);
        *gate = (*gate).max(until);
    }

    /// Records that the server answered a conversation.
    pub fn record_answer(&self, server: &str, now: i64) {
        let mut state = self.lock();
        let last = state.answered.entry(server.to_owned()).or_insert(now);
        *last = (*last).max(now);
    }

    /// Time of the server's last answer to any conversation, in milliseconds of the caller's clock. After all retries
    /// it distinguishes an unreachable server from trouble with one conversation.
    pub fn last_success(&self, server: &str) -> Option<i64> {
        self.lock().answered.get(server).copied()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
