//! The values that every use case works with.

use crate::design::check::KnownServer;
use crate::model::{Server, ServerKind};
use crate::store::Store;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// A researcher at a database, with the servers that they have.
#[derive(Clone)]
pub struct Lab {
    /// The database.
    pub store: Arc<dyn Store>,
    /// The person who acts.
    pub who: Who,
    /// Servers of language models.
    pub servers: Servers,
    /// Folder in which relative paths of experiments begin.
    pub folder: PathBuf,
    /// Returns milliseconds since 1970.
    pub clock: fn() -> i64,
    /// Returns 64 random bits, for ids.
    pub random: fn() -> u64,
}

/// The person who acts, and the process in which they do.
#[derive(Debug, Clone, Default)]
pub struct Who {
    /// Creator of what is made.
    pub creator: String,
    /// Host name.
    pub host: String,
    /// Id of the machine's boot.
    pub boot: String,
    /// Process id.
    pub pid: u32,
}

/// Servers of language models that a person has.
#[derive(Debug, Clone, Default)]
pub struct Servers {
    /// Those that can be used, the built-in ones first.
    pub usable: Vec<Server>,
    /// Names of those that this version cannot use, each with the reason.
    pub refused: Vec<(String, String)>,
    /// Requests in flight by server, where the person limits them.
    pub concurrency: BTreeMap<String, u32>,
    /// File of fixed replies for `scripted`.
    pub script: Option<PathBuf>,
}

impl Servers {
    /// Servers as `check` must know them.
    pub fn known(&self) -> Vec<KnownServer> {
        let usable =
            self.usable.iter().map(|s| KnownServer { name: s.name.clone(), lacks: lacks(s.kind), refused: None });
        let refused = self.refused.iter().map(|(name, why)| KnownServer {
            name: name.clone(),
            lacks: &[],
            refused: Some(why.clone()),
        });
        usable.chain(refused).collect()
    }

    /// The server of that name.
    pub fn get(&self, name: &str) -> Option<&Server> {
        self.usable.iter().find(|s| s.name == name)
    }
}

/// Parameters that a protocol lacks.
fn lacks(kind: ServerKind) -> &'static [&'static str] {
    match kind {
        ServerKind::OpenAi => &["top_k", "num_ctx", "keep_alive"],
        ServerKind::Ollama | ServerKind::Scripted => &[],
    }
}
