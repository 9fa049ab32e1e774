//! Databases, runs in them, and what must hold of each conversation.

use crate::fixtures::{conversation, document, new_experiment, sha256};
use crate::panel::{Panels, model};
use crate::server::Gated;
use convoke::model::{Bounds, Retry, Server, ServerKind};
use convoke::process::Entry;
use convoke::run::roster::LookUp;
use convoke::run::{Event, Job, Options, Roster, ServerWait, Summary, Work, run};
use convoke::store::mongodb::Mongo;
use convoke::store::sqlite::Sqlite;
use convoke::store::{
    CallRecord, CallState, Filter, MongoUri, OpenMode, ProcessKind, Standing, Store, StoreError, StoreUri,
};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

/// Slots that no test uses up.
pub const MANY: u32 = 1000;

/// A database that is opened anew by each process.
pub enum Place {
    File(PathBuf),
    Server(MongoUri),
}

impl Place {
    pub async fn open(&self) -> Arc<dyn Store> {
        let path = match self {
            Self::Server(uri) => return Arc::new(Mongo::open(uri, OpenMode::Run).await.unwrap()),
            Self::File(path) => path,
        };
        // A run that was killed keeps the file until its last write has ended.
        for _ in 0..500 {
            match Sqlite::open(path, OpenMode::Run, None) {
                Ok(opened) => return Arc::new(opened.store),
                Err(StoreError::Locked { .. }) => tokio::time::sleep(Duration::from_millis(10)).await,
                Err(error) => panic!("{error}"),
            }
        }
        panic!("the file stays locked")
    }
}

/// Databases of one test.
pub enum Home {
    Folder(TempDir),
    Server { address: String, name: String, made: Mutex<Vec<String>> },
}

impl Home {
    pub fn folder() -> Self {
        Self::Folder(tempfile::tempdir().unwrap())
    }

    /// A home on a server, where a variable names one.
    pub fn server(test: &str) -> Option<Self> {
        const VARIABLE: &str = "CONVOKE_TEST_MONGODB_URI";
        let Some(address) = std::env::var(VARIABLE).ok().filter(|v| !v.is_empty()) else {
            assert!(std::env::var_os("CONVOKE_TEST_REQUIRE_SERVERS").is_none(), "{VARIABLE} is unset");
            eprintln!("SKIPPED: {VARIABLE} is unset");
            return None;
        };
        let name = format!("convoke_test_{test}_{:x}", now());
        Some(Self::Server { address, name, made: Mutex::default() })
    }

    /// A database of that name.
    pub fn place(&self, database: &str) -> Place {
        match self {
            Self::Folder(folder) => Place::File(folder.path().join(format!("{database}.db"))),
            Self::Server { address, name, made } => {
                let StoreUri::Mongo(mut uri) = address.parse().unwrap() else { panic!("{address} is no MongoDB") };
                let database = format!("{name}_{database}");
                uri.database = Some(database.clone());
                made.lock().unwrap().push(database);
                Place::Server(uri)
            }
        }
    }

    /// Drops what was made on the server.
    pub async fn clear(self) {
        let Self::Server { address, made, .. } = self else { return };
        let client = mongodb::Client::with_uri_str(&address).await.unwrap();
        for database in made.into_inner().unwrap() {
            client.database(&database).drop().await.unwrap();
        }
    }
}

pub fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

/// Panels of an experiment.
#[derive(Debug, Clone)]
pub struct Study {
    pub experiment: String,
    pub panels: Panels,
    /// Id and key of each.
    pub all: Vec<(String, String)>,
}

impl Study {
    /// Plans panels, each of a key that its number makes.
    pub async fn plan(store: &dyn Store, name: &str, panels: Panels, numbers: impl Iterator<Item = u32>) -> Self {
        let id = sha256(name)[..16].to_owned();
        let saved = store.save(new_experiment(&id, "ada", document(name, "text", None))).await.unwrap();
        let new: Vec<_> = numbers.map(|number| conversation(&saved.id, &saved.revision, number)).collect();
        let all = new.iter().map(|c| (c.id.clone(), c.key.clone())).collect();
        store.plan(&saved.id, &saved.revision, &[], new).await.unwrap();
        Self { experiment: saved.id, panels, all }
    }

    /// The jobs of its panels; `retry` gives those that failed another chance.
    pub fn jobs(&self, retry: bool) -> Vec<Job> {
        let job = |(order, (id, _)): (usize, &(String, String))| Job {
            id: id.clone(),
            order: order as u32,
            has_begun: false,
            retry,
            left: 5,
            label: "m".to_owned(),
            members: Arc::from([model("lab/m")]),
            replay: Arc::new(self.panels),
        };
        self.all.iter().enumerate().map(job).collect()
    }

    /// All that is stored of each, in order.
    pub async fn read(&self, store: &dyn Store) -> Vec<Stored> {
        let ids: Vec<String> = self.all.iter().map(|(id, _)| id.clone()).collect();
        let (logs, calls) = (store.logs(&ids).await.unwrap(), store.calls_of(&ids).await.unwrap());
        let standing = store.standing(&self.experiment, ProcessKind::Conversation).await.unwrap();
        let standing = |id: &String| standing.iter().find(|s| s.id == *id).unwrap().clone();
        let each = ids.iter().zip(logs).zip(calls);
        each.map(|((id, log), calls)| Stored { standing: standing(id), log, calls }).collect()
    }

    /// Recounts what the database counted, and verifies it.
    pub async fn recount(&self, store: &dyn Store) {
        let filter = Filter { experiment: Some(self.experiment.clone()), ..Filter::default() };
        let flagged = store.conversations(&filter).await.unwrap();
        for Stored { standing, log, calls } in self.read(store).await {
            let lost = calls.iter().flat_map(|c| &c.attempts).filter(|a| a.possible_spend).count();
            let spend = lost + calls.iter().filter(|c| c.state == CallState::Sent).count();
            let answered = log.iter().filter(|e| e.call.is_some()).count();
            assert_eq!((standing.answered as usize, standing.possible_spend as usize), (answered, spend));
            let flags: BTreeSet<_> = log.iter().flat_map(|e| e.flags.clone()).collect();
            let (_, told) = flagged.iter().find(|(record, _)| record.id == standing.id).unwrap();
            assert_eq!(*told, flags.into_iter().collect::<Vec<_>>());
        }
        assert_eq!(store.verify(None).await.unwrap(), []);
    }
}

/// All that is stored of a panel.
#[derive(Debug, Clone)]
pub struct Stored {
    pub standing: Standing,
    pub log: Vec<Entry>,
    pub calls: Vec<CallRecord>,
}

impl Stored {
    /// The log as bytes.
    pub fn text(&self) -> String {
        serde_json::to_string(&self.log).unwrap()
    }

    /// What was sent and what was answered, without times and attempts.
    pub fn said(&self) -> Vec<impl PartialEq + std::fmt::Debug + use<>> {
        let said = |c: &CallRecord| (c.seq, c.call, c.state, c.body_sha256.clone(), c.reply.clone());
        self.calls.iter().map(said).collect()
    }

    /// Places of the calls whose answer is stored.
    pub fn answered(&self) -> BTreeSet<u32> {
        self.calls.iter().filter(|c| c.state == CallState::Answered).map(|c| c.seq).collect()
    }
}

/// The tokens of a run, and what it told so far.
pub struct Run {
    pub events: watch::Sender<Vec<Event>>,
    pub stop: CancellationToken,
    pub abort: CancellationToken,
    slots: u32,
}

impl Run {
    pub fn new(slots: u32) -> Self {
        let (events, stop, abort) =
            (watch::Sender::new(Vec::new()), CancellationToken::new(), CancellationToken::new());
        Self { events, stop, abort, slots }
    }

    /// Works on jobs to their end, or to the point where it is stopped or dropped.
    pub async fn work(&self, store: &Arc<dyn Store>, server: &Gated, jobs: Vec<Job>) -> Summary {
        self.work_at(store, server.port, jobs).await
    }

    /// The same with a server at this port.
    pub async fn work_at(&self, store: &Arc<dyn Store>, port: u16, jobs: Vec<Job>) -> Summary {
        let (events, mut received) = mpsc::unbounded_channel();
        let options = Options {
            bounds: Bounds { total: self.slots, ..Bounds::default() },
            retry: Retry { max_retries: 0, ..Retry::default() },
            store_wait: Duration::from_secs(5),
            clock: now,
            lease: crate::fixtures::lease("run"),
            stop: self.stop.clone(),
            leave: CancellationToken::new(),
            abort: self.abort.clone(),
            budget: Arc::default(),
            server_wait: ServerWait::default(),
        };
        let address = format!("http://127.0.0.1:{port}/v1");
        let servers = [Server::new("lab", ServerKind::OpenAi, &address).unwrap(), Server::scripted().unwrap()];
        let (retry, stop) = (options.retry, &self.stop);
        let look_up = LookUp {
            servers: &servers,
            script: None,
            pull: false,
            retry,
            server_wait: ServerWait::default(),
            events: &events,
            stop,
        };
        let roster = Roster::look_up([model("lab/m"), model("lab/v"), model("scripted/v")].iter(), &look_up).await;
        let work = Work { store: Arc::clone(store), jobs, roster, person: None, events };
        let listen = async {
            while let Some(event) = received.recv().await {
                self.events.send_modify(|events| events.push(event));
            }
        };
        let (summary, ()) = tokio::join!(run(work, options), listen);
        summary
    }

    /// Waits until an answer is stored, with or without its entry.
    pub async fn stored(&self, id: &str, place: u32) {
        let is_it = |event: &Event| match event {
            Event::Answered { conversation, seq, .. } | Event::Entry { conversation, seq, .. } => {
                conversation == id && *seq == place
            }
            _ => false,
        };
        self.events.subscribe().wait_for(|events| events.iter().any(is_it)).await.unwrap();
    }
}
