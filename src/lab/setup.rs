//! Values that every use case needs.

use crate::design::check::KnownServer;
use crate::model::Server;
use crate::model::parameters::lacking_parameters;
use crate::store::Store;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// A researcher with a database and servers.
#[derive(Clone)]
pub struct Lab {
    /// The database.
    pub store: Arc<dyn Store>,
    /// The person who acts.
    pub who: Who,
    /// Servers of language models.
    pub servers: Servers,
    /// Folder that relative paths of experiments start from.
    pub folder: PathBuf,
    /// Returns milliseconds since 1970.
    pub clock: fn() -> i64,
    /// Returns 64 random bits, for ids.
    pub random: fn() -> u64,
}

/// The person who acts, and their operating-system process.
#[derive(Debug, Clone, Default)]
pub struct Who {
    /// Creator of new experiments and conversations.
    pub creator: String,
    /// Host name.
    pub host: String,
    /// Id of the machine's boot.
    pub boot: String,
    /// Process id.
    pub pid: u32,
}

/// Model servers of a person.
#[derive(Debug, Clone, Default)]
pub struct Servers {
    /// Usable servers, the built-in ones first.
    pub usable: Vec<Server>,
    /// Requests in flight for each server, if the person limits them.
    pub concurrency: BTreeMap<String, u32>,
    /// File with fixed replies of `scripted`.
    pub script: Option<PathBuf>,
}

impl Servers {
    /// Servers in the form that `check` needs.
    pub fn known_servers(&self) -> Vec<KnownServer> {
        let known = |server: &Server| KnownServer {
            name: server.name.clone(),
            lacks: lacking_parameters(server.kind),
            refused: server.fault.clone(),
        };
        self.usable.iter().map(known).collect()
    }

    /// The server of that name.
    pub fn get(&self, name: &str) -> Option<&Server> {
        self.usable.iter().find(|s| s.name == name)
    }
}
