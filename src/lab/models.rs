//! The models that servers offer.

use super::question::{About, Confirmation, Progress};
use super::setup::Servers;
use crate::design::check::server_of;
use crate::model::catalog::{Offered, add_default_tag, is_same_model};
use crate::model::{Connection, ModelError, Server, ServerKind};
use crate::run::roster::name_of;
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

/// Asks before a model is fetched that only a flag names, and that is within two edits of one that its server has.
pub async fn confirm_pulls(servers: &Servers, ids: &[String], yes: &[String]) -> Progress<()> {
    for id in ids {
        let (server, name) = (server_of(id), name_of(id));
        let Some(server) = servers.get(server).filter(|s| s.kind == ServerKind::Ollama) else { continue };
        // The run reports a server that does not answer.
        let Ok(offered) = list_models(server).await else { continue };
        if offered.iter().any(|o| is_same_model(&o.name, name)) {
            continue;
        }
        let near = offered.iter().map(|o| (count_edits(&o.name, name), &o.name)).filter(|(edits, _)| *edits <= 2).min();
        if let Some((_, near)) = near {
            let near = format!("{}/{near}", server.name);
            let confirmation = Confirmation::new(About::PullNear { model: id.clone(), near });
            if !confirmation.is_given(yes) {
                return Progress::Needs(confirmation);
            }
        }
    }
    Progress::Done(())
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

/// Counts the edits between two names, with or without the tag `latest`. Ollama ignores upper and lower case.
fn count_edits(known: &str, name: &str) -> usize {
    let (known, name) = (add_default_tag(known).to_ascii_lowercase(), add_default_tag(name).to_ascii_lowercase());
    let edits = strsim::damerau_levenshtein;
    edits(&known, &name).min(edits(untagged(&known), untagged(&name)))
}

fn untagged(name: &str) -> &str {
    name.strip_suffix(":latest").unwrap_or(name)
}
