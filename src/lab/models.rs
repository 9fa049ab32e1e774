//! The models that servers offer.

use super::setup::Servers;
use crate::model::catalog::Offered;
use crate::model::{Connection, ModelError, Server, ServerKind};
use futures_util::future::join_all;

/// A server and its models.
pub struct Offer<'a> {
    /// The server.
    pub server: &'a Server,
    /// Models, or the reason why they are unknown.
    pub models: Result<Vec<Offered>, NoOffer>,
}

/// Reason why the models of a server are unknown.
#[derive(Debug, Clone, thiserror::Error)]
pub enum NoOffer {
    /// `OpenAI` requires a key, so convoke sent no request.
    #[error("{server} has no key")]
    NoKey {
        /// The server.
        server: String,
        /// Variable that holds the key.
        variable: String,
    },
    /// The request to the server failed.
    #[error(transparent)]
    Model(#[from] ModelError),
}

/// Requests the models of every real server at the same time.
pub async fn list_offers(servers: &Servers) -> Vec<Offer<'_>> {
    let real = servers.usable.iter().filter(|s| s.kind != ServerKind::Scripted);
    join_all(real.map(|server| async move { Offer { server, models: list_models(server).await } })).await
}

async fn list_models(server: &Server) -> Result<Vec<Offered>, NoOffer> {
    if lacks_key(server) {
        return Err(NoOffer::NoKey { server: server.name.clone(), variable: server.key_variable.clone() });
    }
    Ok(Connection::open(server)?.list_models_with_context().await?)
}

/// True if a server is `OpenAI` itself and its key is missing.
pub fn lacks_key(server: &Server) -> bool {
    server.kind == ServerKind::OpenAi && server.key.is_none() && server.base_url.is_openai()
}
