//! Fetching a model for an Ollama, through `ollama-rs`, taken up again where the connection is cut: the server keeps
//! what it has.

use super::catalog::{Connection, is_same_model};
use super::{ModelError, ServerKind};
use futures_util::StreamExt;
use ollama_rs::models::pull::{PullModelStatus, PullModelStatusStream};
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// How a model is fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pull {
    /// How often it is taken up again without a byte of progress in between.
    pub retries: u32,
    /// How long the server may say nothing.
    pub stall: Duration,
    /// How long is waited before it is taken up again.
    pub pause: Duration,
    /// Whether the registry may be one without TLS.
    pub insecure: bool,
}

impl Default for Pull {
    fn default() -> Self {
        Self { retries: 5, stall: Duration::from_mins(1), pause: Duration::from_secs(1), insecure: false }
    }
}

/// How far a pull has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The server's word for what it does.
    pub status: String,
    /// The layer being fetched.
    pub digest: Option<String>,
    /// Bytes of the layer.
    pub total: Option<u64>,
    /// Bytes of it that are there.
    pub completed: Option<u64>,
}

impl Connection {
    /// Fetches a model. Dropping the future stops the server, which keeps what it has.
    pub async fn pull(
        &self,
        model: &str,
        pull: Pull,
        on_progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(), ModelError> {
        if self.server().kind != ServerKind::Ollama {
            let message = "it is not an Ollama: models cannot be fetched there".to_owned();
            return Err(ModelError::Refused {
                server: self.server().name.clone(),
                parameter: None,
                status: 0,
                message,
            });
        }
        // Asked first by ourselves, since `ollama-rs` cannot tell a redirect or a bad key from a passing trouble.
        self.version().await?;
        let mut left = pull.retries;
        let mut most = 0;
        loop {
            let before = most;
            let mut seen = |progress: Progress| {
                most = most.max(progress.completed.unwrap_or(0));
                on_progress(progress);
            };
            let error = match self.pull_once(model, pull, &mut seen).await {
                Ok(()) => return self.check_pulled(model).await,
                Err(error) => error,
            };
            left = if most > before { pull.retries } else { left };
            if left == 0 || super::retry::verdict(&error) != super::Verdict::Retry {
                return Err(error);
            }
            left -= 1;
            sleep(pull.pause).await;
        }
    }

    async fn pull_once(
        &self,
        model: &str,
        pull: Pull,
        seen: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(), ModelError> {
        let ollama = self.ollama(None)?;
        let stream = timeout(pull.stall, ollama.pull_model_stream(model.to_owned(), pull.insecure)).await;
        let stream = stream.map_err(|_| self.stalled(pull))?.map_err(|e| self.of_library(&e, model))?;
        self.follow(stream, model, pull, seen).await
    }

    async fn follow(
        &self,
        mut stream: PullModelStatusStream,
        model: &str,
        pull: Pull,
        seen: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(), ModelError> {
        loop {
            let status = timeout(pull.stall, stream.next()).await.map_err(|_| self.stalled(pull))?;
            let Some(status) = status else { return Err(self.http.broken("the download was cut")) };
            // What the library says in its own words of a stream is a connection that was cut, unless it is the
            // server's own error.
            let PullModelStatus { message, digest, total, completed } =
                status.map_err(|e| self.of_library(&e, model))?;
            if message == "success" {
                return Ok(());
            }
            let status = self.http.redactor().words(&message);
            seen(Progress { status, digest, total, completed });
        }
    }

    /// Whether what was fetched is there.
    async fn check_pulled(&self, model: &str) -> Result<(), ModelError> {
        let offered = self.offered().await?;
        if offered.iter().any(|o| is_same_model(&o.name, model)) {
            return Ok(());
        }
        Err(self.http.invalid("it said that the model was fetched, and does not list it"))
    }

    fn stalled(&self, pull: Pull) -> ModelError {
        ModelError::Timeout { server: self.server().name.clone(), what: "next byte", limit: pull.stall }
    }
}
