//! A database of its own on a server that a variable names, with direct access to it.

use crate::place::Place;
use crate::server::Server;
use mongodb::bson::{Document, doc};
use mongodb::{Client, Database};
use std::future::Future;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;
use tokio::runtime::Runtime;

/// Conversations of three messages, so two calls; `REPLICATES` of each of two conditions.
const DESIGN: &str = r#"name = "faults"
models = [{ id = "fake/a", seed = 1 }]

[protocol]
messages = 3
agents = { guard = 1, prisoner = 1 }

[roles.guard]
plural = "guards"
pronouns = "he/his"

[roles.prisoner]
plural = "prisoners"
pronouns = "she/her"

[factors]
goal = ["escape", "yard-time"]

[run]
replicates = REPLICATES
seed = 7
"#;

/// Calls of each conversation.
pub const CALLS: usize = 2;

/// An experiment of that many conversations (an even number).
pub fn design(conversations: usize) -> String {
    DESIGN.replace("REPLICATES", &(conversations / 2).to_string())
}

/// The value of a variable; `None` if it is unset.
pub fn variable(name: &str) -> Option<String> {
    let value = std::env::var(name).ok().filter(|v| !v.is_empty());
    if value.is_none() {
        assert!(std::env::var_os("CONVOKE_TEST_REQUIRE_SERVERS").is_none(), "{name} is unset");
        eprintln!("SKIPPED: {name} is unset, so nothing was tried on a real server");
    }
    value
}

/// A database of its own, dropped at the end.
pub struct Base {
    runtime: Runtime,
    address: String,
    database: Database,
}

impl Base {
    /// Creates one on the server that the variable names.
    pub fn new(name: &str) -> Option<Self> {
        Some(Self::at(&variable(name)?))
    }

    /// Creates one on the server with this address.
    pub fn at(address: &str) -> Self {
        let runtime = Runtime::new().unwrap();
        let name = format!("convoke_test_{:016x}", RandomState::new().build_hasher().finish());
        let client = runtime.block_on(Client::with_uri_str(address)).unwrap();
        Self { runtime, address: address.to_owned(), database: client.database(&name) }
    }

    /// Its address.
    pub fn uri(&self) -> String {
        self.uri_at(&self.address)
    }

    /// The same database under another address of the server.
    pub fn uri_at(&self, address: &str) -> String {
        let (before, query) = address.split_once('?').unwrap_or((address, ""));
        format!("{}/{}?{query}", before.trim_end_matches('/'), self.database.name())
    }

    /// A folder whose commands use it.
    pub fn place(&self, server: &Server, design: &str) -> Place {
        let mut place = Place::new(server, design);
        (place.store, place.longest) = (self.uri(), Duration::from_mins(10));
        place
    }

    /// Waits for the driver.
    pub fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// The database itself.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Documents of a collection.
    pub fn find(&self, collection: &str, filter: Document) -> Vec<Document> {
        self.wait(async {
            let mut cursor = self.database.collection::<Document>(collection).find(filter).await.unwrap();
            let mut found = Vec::new();
            while cursor.advance().await.unwrap() {
                found.push(cursor.deserialize_current().unwrap());
            }
            found
        })
    }

    /// Changes documents.
    pub fn set(&self, collection: &str, filter: Document, set: Document) {
        let collection = self.database.collection::<Document>(collection);
        self.wait(async { collection.update_many(filter, doc! { "$set": set }).await }).unwrap();
    }

    /// No conversation has a lease, each is done, and the database holds no orphaned documents.
    #[track_caller]
    pub fn is_at_rest(&self) {
        let conversations = self.find("conversations", doc! {});
        for conversation in &conversations {
            assert!(conversation.get("lease").is_none_or(|l| l.as_null().is_some()), "{conversation}");
            assert_eq!(conversation.get_str("status").unwrap(), "done", "{conversation}");
        }
        let names: Vec<&str> = conversations.iter().map(|c| c.get_str("_id").unwrap()).collect();
        for collection in ["messages", "calls", "claims"] {
            for document in self.find(collection, doc! {}) {
                assert!(names.contains(&document.get_str("conversation").unwrap()), "{collection}: {document}");
            }
        }
    }
}

impl Drop for Base {
    fn drop(&mut self) {
        // A server that a test has killed keeps its data.
        let _ = self.runtime.block_on(async { self.database.drop().await });
    }
}

/// Export of one process on the embedded database, and its number of requests.
pub fn on_sqlite(server: &Server, design: &str) -> (String, usize) {
    let (before, place) = (server.count(), Place::new(server, design));
    place.run("run e --jobs 20").exits(0);
    (place.transcripts(), server.count() - before)
}
