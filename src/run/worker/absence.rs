//! A server that went away during a run: the run waits for it without a prompt.
//!
//! One call watches: it requests the list of models, first every five seconds, then less often. When the list answers,
//! that call is sent again, alone. All other calls to the server follow its answer.

use super::Worker;
use crate::model::gate::Watch;
use crate::model::retry::verdict;
use crate::model::{Attempt, Connection, ModelError, Server};
use crate::run::event::Event;
use crate::run::patience::next_pause;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

/// Number of returns, each followed by failing prompts, after which the server is stopped.
const RETURNS: u32 = 3;

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
    /// True if the run waits for the server after these attempts: it answered before, and nobody since it failed first.
    /// One broken answer among those of others is trouble of one conversation.
    pub(super) fn is_away(&self, server: &str, error: &ModelError, attempts: &[Attempt]) -> bool {
        let shared = self.shared;
        let (wait, last) = (shared.options.server_wait, shared.gates.last_success(server));
        let was_here = wait.at_start || shared.was_reached(server);
        let is_sure = attempts.len() > 1 || matches!(error, ModelError::Unreachable { .. });
        let since = attempts.first().map_or(0, |first| first.at + if is_sure { first.took.cast_signed() } else { 0 });
        let is_gone = shared.gates.is_away(server) || last.is_none_or(|at| at <= since);
        verdict(error).is_retried() && was_here && is_gone && !wait.time.is_zero()
    }

    /// Marks the server as away, unless another call did so.
    pub(super) fn mark_away<'a>(&'a self, (server, error): (&Server, &ModelError), watch: &mut Option<Watch<'a>>) {
        if watch.is_none() {
            *watch = self.shared.gates.watch(&server.name);
            if watch.is_some() {
                self.shared.tell(Event::ServerAway { server: server.name.clone(), reason: error.to_string() });
            }
        }
    }

    /// Waits until the server is back. `watch` is held by the call that finds this out.
    pub(super) async fn until_back<'a>(
        &'a self,
        (server, error): (&Server, &ModelError),
        watch: &mut Option<Watch<'a>>,
        halt: &CancellationToken,
    ) -> Waited {
        let name = &server.name;
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
                Ok(connection) => {
                    timeout(Duration::from_mins(1), connection.list_models()).await.ok().map(|listed| listed.map(drop))
                }
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
        Err(
            ModelError::Unreachable { .. }
            | ModelError::Timeout { .. }
            | ModelError::Broken { .. }
            | ModelError::Setting { .. },
        ) => false,
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
            | ModelError::NoEmbeddings { .. }
            | ModelError::Nowhere { .. }
            | ModelError::Refused { .. },
        ) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_answer_below_500_is_one() {
        let busy = |status| ModelError::Busy {
            server: "s".into(),
            status,
            message: String::new(),
            retry_after: None,
            is_unclear: false,
        };
        assert!(answers(&Ok(())) && answers(&Err(busy(429))) && !answers(&Err(busy(503))));
        let key = ModelError::Key { server: "s".into(), message: String::new(), variable: String::new() };
        let gone = ModelError::Unreachable { server: "s".into(), cause: String::new() };
        assert!(answers(&Err(key)) && !answers(&Err(gone)));
    }
}
