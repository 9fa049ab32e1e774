//! Fetching a model to Ollama through `ollama-rs`. A cut connection is resumed: the server keeps the received part.

use super::catalog::{Connection, is_same_model};
use super::{ModelError, ServerKind};
use futures_util::StreamExt;
use ollama_rs::models::pull::{PullModelStatus, PullModelStatusStream};
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// Options of a pull.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pull {
    /// Maximum retries without progress.
    pub retries: u32,
    /// Maximum time without a message from the server.
    pub stall: Duration,
    /// Delay before a retry.
    pub pause: Duration,
    /// True to accept a registry without TLS.
    pub insecure: bool,
}

impl Default for Pull {
    fn default() -> Self {
        Self { retries: 5, stall: Duration::from_mins(1), pause: Duration::from_secs(1), insecure: false }
    }
}

/// Progress of a pull.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The server's description of its current step.
    pub status: String,
    /// The layer being fetched.
    pub digest: Option<String>,
    /// Size of the layer, in bytes.
    pub total: Option<u64>,
    /// Received bytes of the layer.
    pub completed: Option<u64>,
}

impl Connection {
    /// Fetches a model. Dropping the future stops the server, which keeps the received part.
    pub async fn pull_model(
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
        // Our own request is first, since `ollama-rs` cannot distinguish a redirect or a bad key from a passing
        // failure.
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
            if left == 0 || !super::retry::verdict(&error).is_retried() {
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
        let ollama = self.ollama_client()?;
        let stream = timeout(pull.stall, ollama.pull_model_stream(model.to_owned(), pull.insecure)).await;
        let stream = stream.map_err(|_| self.stall_error(pull))?.map_err(|e| self.of_library(&e, model))?;
        self.follow_stream(stream, model, pull, seen).await
    }

    async fn follow_stream(
        &self,
        mut stream: PullModelStatusStream,
        model: &str,
        pull: Pull,
        seen: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(), ModelError> {
        loop {
            let status = timeout(pull.stall, stream.next()).await.map_err(|_| self.stall_error(pull))?;
            let Some(status) = status else { return Err(self.http.broken_error("the download was cut")) };
            // Any library error other than a server error means that the connection was cut.
            let PullModelStatus { message, digest, total, completed } =
                status.map_err(|e| self.of_library(&e, model))?;
            if message == "success" {
                return Ok(());
            }
            let status = self.http.redactor().redact_error(&message);
            seen(Progress { status, digest, total, completed });
        }
    }

    /// Checks that the server lists the fetched model.
    async fn check_pulled(&self, model: &str) -> Result<(), ModelError> {
        let offered = self.list_models().await?;
        if offered.iter().any(|o| is_same_model(&o.name, model)) {
            return Ok(());
        }
        Err(self.http.invalid_error("it said that the model was fetched, and does not list it", b""))
    }

    fn stall_error(&self, pull: Pull) -> ModelError {
        ModelError::Timeout { server: self.server().name.clone(), what: "next byte", limit: pull.stall }
    }
}
