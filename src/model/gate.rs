//! Gates: one conversation's answer from a server holds back every other conversation, and so does a server that went
//! away.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;
use tokio::time::Instant;

/// One gate for each model of each server. A `Retry-After` closes it for all conversations.
#[derive(Debug, Default)]
pub struct Gates {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    closed_until: BTreeMap<(String, String), Instant>,
    /// Time of the first attempt at each server.
    tried: BTreeMap<String, Instant>,
    /// Servers to which a connection was made.
    reached: BTreeSet<String>,
    answered: BTreeMap<String, i64>,
    /// Servers that are away. Removing one wakes every call that waits for it.
    away: BTreeMap<String, watch::Sender<()>>,
}

/// The right of one call to find out when a server is back. Dropping it lets all others send again.
#[derive(Debug)]
pub struct Watch<'a> {
    gates: &'a Gates,
    server: String,
    /// Time since which the server is away.
    pub since: Instant,
    /// Number of times that the server listed its models.
    pub returns: u32,
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        self.gates.lock().away.remove(&self.server);
    }
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

    /// Marks a server as away. Returns `None` if another call watches it already.
    pub fn watch(&self, server: &str) -> Option<Watch<'_>> {
        let mut state = self.lock();
        if state.away.contains_key(server) {
            return None;
        }
        state.away.insert(server.to_owned(), watch::Sender::new(()));
        Some(Watch { gates: self, server: server.to_owned(), since: Instant::now(), returns: 0 })
    }

    /// True if a server is away.
    pub fn is_away(&self, server: &str) -> bool {
        self.lock().away.contains_key(server)
    }

    /// Waits while a server is away.
    pub async fn until_back(&self, server: &str) {
        loop {
            let Some(mut away) = self.lock().away.get(server).map(watch::Sender::subscribe) else { return };
            // An error says that the server is no longer marked as away.
            let _ = away.changed().await;
        }
    }

    /// Returns the time of the first attempt at a server, which is now if there was none.
    pub fn first_attempt(&self, server: &str) -> Instant {
        *self.lock().tried.entry(server.to_owned()).or_insert_with(Instant::now)
    }

    /// Records that a connection to the server was made.
    pub fn record_contact(&self, server: &str) {
        self.lock().reached.insert(server.to_owned());
    }

    /// True if a connection to the server was made.
    pub fn has_reached(&self, server: &str) -> bool {
        self.lock().reached.contains(server)
    }

    /// Records that the server answered a conversation.
    pub fn record_answer(&self, server: &str, now: i64) {
        let mut state = self.lock();
        let last = state.answered.entry(server.to_owned()).or_insert(now);
        *last = (*last).max(now);
        state.reached.insert(server.to_owned());
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::time::timeout;

    #[tokio::test(start_paused = true)]
    async fn one_call_watches_and_all_others_wait() {
        let gates = Gates::default();
        let second = Duration::from_secs(1);
        assert!(timeout(second, gates.until_back("s")).await.is_ok());
        let watch = gates.watch("s");
        assert!(watch.is_some() && gates.watch("s").is_none() && gates.is_away("s") && !gates.is_away("t"));
        assert!(timeout(second, gates.until_back("s")).await.is_err());
        let (waited, ()) = tokio::join!(timeout(second * 9, gates.until_back("s")), async {
            tokio::time::sleep(second).await;
            drop(watch);
        });
        assert!(waited.is_ok() && gates.watch("s").is_some());
    }
}
