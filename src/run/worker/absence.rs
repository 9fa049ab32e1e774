//! A server that went away during a run: the run waits for it without a prompt.
//!
//! One call watches: it requests the list of models, first every five seconds, then less often. When the list answers,
//! that call is sent again, alone. All other calls to the server follow its answer.

use super::Worker;
use crate::model::gate::Watch;
use crate::model::retry::{Verdict, verdict};
use crate::model::{Connection, ModelError, Server};
use crate::run::event::Event;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

/// First and longest pause between two requests for the list.
const FIRST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_mins(1);
/// Number of returns, each followed by failing prompts, after which the server is stopped.
const RETURNS: u32 = 3;

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
    pause.map_or(FIRST, |pause| (pause * 3 / 2).min(LONGEST))
}

/// The end of a wait for a server.
pub(super) enum Waited {
    /// The call may be sent again.
    Back,
    /// The server is stopped.
    Gone,
    /// The run makes no further request.
    Halted,
}

impl Worker<'_> {
    /// True if the run waits for the server after this error: it answered before, and nobody since the call began.
    pub(super) fn is_away(&self, server: &str, error: &ModelError, started: i64) -> bool {
        let shared = self.shared;
        let (wait, last) = (shared.options.server_wait, shared.gates.last_success(server));
        let was_here = wait.at_start || last.is_some() || shared.work.roster.has_reached(server);
        verdict(error) == Verdict::Retry && was_here && !wait.time.is_zero() && last.is_none_or(|at| at < started)
    }

    /// Waits until the server is back. `watch` is held by the call that finds this out.
    pub(super) async fn until_back<'a>(
        &'a self,
        (server, error): (&Server, &ModelError),
        watch: &mut Option<Watch<'a>>,
        halt: &CancellationToken,
    ) -> Waited {
        let name = &server.name;
        if watch.is_none() {
            *watch = self.shared.gates.watch(name);
            if watch.is_some() {
                self.shared.tell(Event::ServerAway { server: name.clone(), reason: error.to_string() });
            }
        }
        let waiting = async {
            let Some(watch) = watch else {
                self.shared.gates.until_back(name).await;
                return true;
            };
            watch.returns < RETURNS && self.lists_models(server, watch).await
        };
        let is_back = tokio::select! {
            biased;
            () = halt.cancelled() => return Waited::Halted,
            is_back = waiting => is_back,
        };
        if is_back {
            return Waited::Back;
        }
        // The server is stopped before the others wake.
        self.shared.stop(name, None, error);
        Waited::Gone
    }

    /// Requests the list until it answers; false if the longest wait passes first.
    async fn lists_models(&self, server: &Server, watch: &mut Watch<'_>) -> bool {
        let until = watch.since + self.shared.options.server_wait.time;
        let mut pause = next_pause(None);
        while Instant::now() < until {
            sleep(pause.min(until - Instant::now())).await;
            let listed = match Connection::open(server) {
                Ok(connection) => timeout(LONGEST, connection.list_models()).await.ok().map(|listed| listed.map(drop)),
                Err(error) => Some(Err(error)),
            };
            if listed.is_some_and(|listed| answers(&listed)) {
                watch.returns += 1;
                return true;
            }
            pause = next_pause(Some(pause));
        }
        false
    }
}

/// True if a server answered at all: any HTTP answer below 500 is one.
fn answers(listed: &Result<(), ModelError>) -> bool {
    match listed {
        Err(ModelError::Busy { status, .. } | ModelError::Later { status, .. }) => *status < 500,
        Err(ModelError::Unreachable { .. } | ModelError::Timeout { .. } | ModelError::Broken { .. }) => false,
        Ok(())
        | Err(
            ModelError::Invalid { .. }
            | ModelError::Encoded { .. }
            | ModelError::TooLarge { .. }
            | ModelError::ContextFull { .. }
            | ModelError::Key { .. }
            | ModelError::Quota { .. }
            | ModelError::NoModel { .. }
            | ModelError::NoAccess { .. }
            | ModelError::Nowhere { .. }
            | ModelError::Refused { .. },
        ) => true,
    }
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

    #[test]
    fn any_answer_below_500_is_one() {
        let busy = |status| ModelError::Busy { server: "s".into(), status, message: String::new(), retry_after: None };
        assert!(answers(&Ok(())) && answers(&Err(busy(429))) && !answers(&Err(busy(503))));
        let key = ModelError::Key { server: "s".into(), message: String::new(), variable: String::new() };
        let gone = ModelError::Unreachable { server: "s".into(), cause: String::new() };
        assert!(answers(&Err(key)) && !answers(&Err(gone)));
    }
}
