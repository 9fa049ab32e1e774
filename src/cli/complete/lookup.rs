//! Names, ids and documents for completions, from folders and the database. A slow database is not waited for.

use crate::cli::settings::{Settings, World};
use crate::design::problem::Problems;
use crate::design::{Experiment, folder};
use crate::lab::files;
use crate::store::mongodb::Mongo;
use crate::store::sqlite::{OpenMode, Sqlite};
use crate::store::{ExperimentRecord, Store, StoreUri};
use std::path::Path;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

/// Maximum wait for the database after a key press.
const PATIENCE: Duration = Duration::from_millis(100);

/// Looks up names, ids and documents.
#[derive(Clone)]
pub struct LookUp {
    /// Address of the database on the line.
    pub store: Option<String>,
    world: World,
    until: Instant,
}

/// Wanted items of the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// Experiments.
    Experiments,
    /// Ids of conversations that begin with a word.
    Conversations(String),
    /// Both.
    Either(String),
    /// Document of the first experiment that one of these words names.
    Document(Vec<String>),
}

/// Results from the database. Each kind is sent as a message of its own.
pub enum Found {
    /// Experiments.
    Experiments(Vec<ExperimentRecord>),
    /// Ids of conversations.
    Conversations(Vec<String>),
    /// The document.
    Document(Box<Experiment>),
}

impl LookUp {
    /// Begins the time that the database has.
    pub fn begin(store: Option<String>, world: World) -> Self {
        Self { store, world, until: Instant::now() + PATIENCE }
    }

    /// Returns the document of the experiment that one of the words names: of its folder, or the stored one.
    pub fn find_document(&self, words: &[String]) -> Option<Experiment> {
        let of_folder = words.iter().find_map(|word| {
            let folder = files::folder_named(&self.world.folder, word).ok()??;
            read_document(&folder)
        });
        of_folder.or_else(|| {
            self.collect_found(Wanted::Document(words.to_vec())).into_iter().find_map(|found| match found {
                Found::Document(document) => Some(*document),
                Found::Experiments(_) | Found::Conversations(_) => None,
            })
        })
    }

    /// Returns the names of usable servers.
    pub fn list_servers(&self) -> Vec<String> {
        let settings = Settings::resolve(&self.world, self.store.as_deref());
        settings.map(|s| s.servers.usable.iter().map(|s| s.name.clone()).collect()).unwrap_or_default()
    }

    /// Collects the results that arrive in time. A slow thread may still run afterwards; the end of the program stops
    /// it.
    pub fn collect_found(&self, wanted: Wanted) -> Vec<Found> {
        let (found, answers) = channel();
        let lookup = self.clone();
        std::thread::spawn(move || lookup.look_up(&wanted, &found));
        let left = || self.until.saturating_duration_since(Instant::now());
        std::iter::from_fn(|| answers.recv_timeout(left()).ok()).collect()
    }

    fn look_up(&self, wanted: &Wanted, found: &Sender<Found>) {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        runtime.block_on(async {
            let Some(store) = self.open_store().await else { return };
            match wanted {
                Wanted::Experiments => send_experiments(&*store, found).await,
                Wanted::Conversations(prefix) => send_conversations(&*store, prefix, found).await,
                Wanted::Either(prefix) => {
                    tokio::join!(send_conversations(&*store, prefix, found), send_experiments(&*store, found));
                }
                Wanted::Document(words) => send_document(&*store, words, found).await,
            }
        });
    }

    /// Opens the database for reading. Returns `None` if opening would need a question.
    async fn open_store(&self) -> Option<Box<dyn Store>> {
        match Settings::resolve(&self.world, self.store.as_deref()).ok()?.store.uri {
            StoreUri::Sqlite { path, max_mb } => {
                let opened = Sqlite::open(&self.world.folder.join(path), OpenMode::Read, max_mb).ok()?;
                Some(Box::new(opened.store))
            }
            StoreUri::Mongo(uri) if !uri.lacks_password() && uri.database.is_some() => {
                Some(Box::new(Mongo::open(&uri, OpenMode::Read).await.ok()?))
            }
            StoreUri::Mongo(_) => None,
        }
    }
}

/// Reads the experiment of a folder, even if some of it is wrong.
fn read_document(folder: &Path) -> Option<Experiment> {
    let files = files::read_folder(folder).ok()?;
    folder::read(&files, &mut Problems::default()).0
}

async fn send_experiments(store: &dyn Store, found: &Sender<Found>) {
    if let Ok(all) = store.records().await {
        // If the receiver has stopped waiting, the result is dropped.
        let _ = found.send(Found::Experiments(all));
    }
}

async fn send_conversations(store: &dyn Store, prefix: &str, found: &Sender<Found>) {
    let is_begun = !prefix.is_empty() && prefix.chars().all(|c| c.is_ascii_hexdigit());
    if is_begun && let Ok(all) = store.find_conversations(prefix).await {
        let _ = found.send(Found::Conversations(all.into_iter().map(|c| c.id).collect()));
    }
}

async fn send_document(store: &dyn Store, words: &[String], found: &Sender<Found>) {
    let Ok(records) = store.records().await else { return };
    let is_it = |word: &&String, e: &ExperimentRecord| match word.strip_prefix("id:") {
        Some(id) => !id.is_empty() && e.id.starts_with(id),
        None => e.name == **word || (word.len() >= 4 && e.id.starts_with(word.as_str())),
    };
    let named = words.iter().find_map(|word| records.iter().find(|e| is_it(&word, e)));
    if let Some(record) = named
        && let Ok(Some(document)) = store.document(&record.revision).await
    {
        let _ = found.send(Found::Document(Box::new(document)));
    }
}
