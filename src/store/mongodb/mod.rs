//! A database on a server of the `MongoDB` protocol: `mongod` from 4.4, and others that speak it.
//!
//! BSON stays in here. Only what every such server knows is used: no transaction, change stream, `$lookup`, `$expr`,
//! pipeline update, partial index or pattern. The driver's futures must not be dropped half-way, so each verb is a task
//! of its own, which goes on when its caller stops listening.

mod claims;
mod clock;
mod colleagues;
pub mod connect;
mod copy;
mod documents;
mod experiments;
mod fail;
mod many;
mod open;
mod read;
mod snapshots;
mod track;
mod turns;
mod verify;
mod versions;
mod watch;

use super::sqlite::OpenMode;
use super::{
    CallRecord, ConversationRecord, Counts, ExperimentRecord, Fault, Filter, History, Item, Lease, Mark, Millis,
    MongoUri, NewExperiment, News, Parcel, RunRecord, Standing, Status, Store, StoreError, Unfinished,
};
use crate::design::Experiment;
use crate::process::Flag;
use crate::process::log::Entry;
use ::mongodb::bson::{Document, doc};
use ::mongodb::{Client, Collection, Database};
use async_trait::async_trait;
use clock::Clock;
use fail::{Fail, unless_there};
use std::collections::HashSet;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use track::Tracks;

/// A database on a server.
pub struct Mongo {
    base: Arc<Base>,
}

/// What its verbs work with.
struct Base {
    place: String,
    database: Database,
    mode: OpenMode,
    clock: Clock,
    /// Hashes of texts that are stored: prompts come again with every turn.
    texts: Mutex<HashSet<String>>,
    tracks: Tracks,
    /// Leases are renewed alone: some servers write back a whole document as they read it.
    renewal: tokio::sync::RwLock<()>,
}

/// So many hashes of texts are remembered.
const TEXTS: usize = 100_000;

impl Mongo {
    /// Signs in, and makes ready what `mode` needs: for writing, the indexes of a new database. Reading makes nothing:
    /// where there is no database yet, that is [`StoreError::Missing`].
    pub async fn open(uri: &MongoUri, mode: OpenMode) -> Result<Self, StoreError> {
        let (place, database) = (uri.to_string(), connect::connect(uri).await?);
        let opened = tokio::spawn(open::open(place.clone(), database, mode)).await;
        let opened = opened.map_err(|e| StoreError::Other { place: place.clone(), cause: e.to_string() })?;
        Ok(Self { base: Arc::new(opened.map_err(|f| f.at(&place))?) })
    }

    /// Does it in a task of its own.
    async fn apart<T, F>(&self, work: impl FnOnce(Arc<Base>) -> F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Fail>> + Send + 'static,
    {
        let place = self.base.place.clone();
        let done = tokio::spawn(work(Arc::clone(&self.base))).await;
        done.map_err(|e| StoreError::Other { place: place.clone(), cause: e.to_string() })?.map_err(|f| f.at(&place))
    }

    /// As [`Mongo::apart`], if the database was opened for writing.
    async fn write<T, F>(&self, work: impl FnOnce(Arc<Base>) -> F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Fail>> + Send + 'static,
    {
        if self.base.mode == OpenMode::Read {
            return Err(StoreError::Refused { what: format!("{} was opened for reading only", self.base.place) });
        }
        self.apart(work).await
    }
}

impl Base {
    fn client(&self) -> &Client {
        self.database.client()
    }

    fn collection(&self, name: &str) -> Collection<Document> {
        self.database.collection(name)
    }

    fn experiments(&self) -> Collection<Document> {
        self.collection("experiments")
    }

    fn revisions(&self) -> Collection<Document> {
        self.collection("revisions")
    }

    fn conversations(&self) -> Collection<Document> {
        self.collection("conversations")
    }

    fn claims(&self) -> Collection<Document> {
        self.collection("claims")
    }

    fn versions(&self) -> Collection<Document> {
        self.collection("versions")
    }

    fn snapshots(&self) -> Collection<Document> {
        self.collection("snapshots")
    }

    fn pieces(&self) -> Collection<Document> {
        self.collection("snapshot_pieces")
    }

    fn messages(&self) -> Collection<Document> {
        self.collection("messages")
    }

    fn calls(&self) -> Collection<Document> {
        self.collection("calls")
    }

    fn texts(&self) -> Collection<Document> {
        self.collection("texts")
    }

    fn runs(&self) -> Collection<Document> {
        self.collection("runs")
    }

    /// A conversation's document, if it is there and not being deleted.
    async fn conversation(&self, id: &str) -> Result<Document, Fail> {
        // By its name alone: some servers find nothing else without reading all.
        let found = self.conversations().find_one(doc! { "_id": id }).await?;
        found.filter(|d| !open::is_going(d)).ok_or_else(|| Fail::Unknown(format!("conversation {id}")))
    }

    /// Keeps texts by their hash.
    async fn keep_texts(&self, texts: &[(String, String)]) -> Result<(), Fail> {
        for (hash, text) in texts {
            if self.known().contains(hash) {
                continue;
            }
            unless_there(self.texts().insert_one(doc! { "_id": hash, "text": text }).await)?;
            let mut known = self.known();
            if known.len() >= TEXTS {
                known.clear();
            }
            known.insert(hash.clone());
        }
        Ok(())
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.texts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whose a lease is, for people.
    async fn holder(&self, lease: &Lease) -> String {
        // Who cannot be looked up is told by process alone.
        let run = self.runs().find_one(doc! { "_id": &lease.owner }).await.ok().flatten();
        let who = run.and_then(|r| r.get_str("creator").map(str::to_owned).ok());
        let process = format!("process {} on {}", lease.pid, lease.host);
        who.map_or_else(|| process.clone(), |who| format!("{who} ({process})"))
    }
}

#[async_trait]
impl Store for Mongo {
    fn place(&self) -> String {
        self.base.place.clone()
    }

    fn is_shared(&self) -> bool {
        true
    }

    async fn save(&self, new: NewExperiment) -> Result<ExperimentRecord, StoreError> {
        self.write(|m| async move { experiments::save(&m, &new).await }).await
    }

    async fn experiment(&self, creator: &str, name: &str) -> Result<Option<ExperimentRecord>, StoreError> {
        let (creator, name) = (creator.to_owned(), name.to_owned());
        self.apart(|m| async move { experiments::experiment(&m, &creator, &name).await }).await
    }

    async fn records(&self) -> Result<Vec<ExperimentRecord>, StoreError> {
        self.apart(|m| async move { read::records(&m).await }).await
    }

    async fn experiments(&self) -> Result<Vec<(ExperimentRecord, Counts)>, StoreError> {
        self.apart(|m| async move { read::experiments(&m).await }).await
    }

    async fn document(&self, revision: &str) -> Result<Option<Experiment>, StoreError> {
        let revision = revision.to_owned();
        self.apart(|m| async move { read::document(&m, &revision).await }).await
    }

    async fn plan(
        &self,
        experiment: &str,
        revision: &str,
        keys: &[String],
        new: Vec<ConversationRecord>,
    ) -> Result<(), StoreError> {
        let (experiment, revision, keys) = (experiment.to_owned(), revision.to_owned(), keys.to_vec());
        self.write(|m| async move { experiments::plan(&m, &experiment, &revision, &keys, &new).await }).await
    }

    async fn standing(&self, experiment: &str) -> Result<Vec<Standing>, StoreError> {
        let experiment = experiment.to_owned();
        self.apart(|m| async move { read::standing(&m, &experiment).await }).await
    }

    async fn claim(&self, conversation: &str, lease: Lease, retry: bool) -> Result<ConversationRecord, StoreError> {
        let id = conversation.to_owned();
        self.write(|m| async move { claims::claim(&m, &id, &lease, retry).await }).await
    }

    async fn renew(&self, owner: &str, _until: Millis) -> Result<(), StoreError> {
        let owner = owner.to_owned();
        self.write(|m| async move { claims::renew(&m, &owner).await }).await
    }

    async fn history(&self, conversation: &str) -> Result<History, StoreError> {
        let id = conversation.to_owned();
        self.apart(|m| async move { read::history(&m, &id).await }).await
    }

    async fn sent(&self, conversation: &str, epoch: u64, call: CallRecord) -> Result<(), StoreError> {
        let id = conversation.to_owned();
        self.write(|m| async move { turns::sent(&m, &id, epoch, &call).await }).await
    }

    async fn settle(&self, conversation: &str, epoch: u64, call: CallRecord) -> Result<(), StoreError> {
        let id = conversation.to_owned();
        self.write(|m| async move { turns::settle(&m, &id, epoch, &call).await }).await
    }

    async fn append(
        &self,
        conversation: &str,
        epoch: u64,
        entries: Vec<Entry>,
        call: Option<CallRecord>,
    ) -> Result<Vec<Entry>, StoreError> {
        let id = conversation.to_owned();
        self.write(|m| async move { turns::append(&m, &id, epoch, &entries, call.as_ref()).await }).await
    }

    async fn finish(
        &self,
        conversation: &str,
        epoch: u64,
        status: Status,
        reason: Option<String>,
    ) -> Result<(), StoreError> {
        let id = conversation.to_owned();
        self.write(|m| async move { claims::finish(&m, &id, epoch, status, reason.as_deref()).await }).await
    }

    async fn conversations(&self, filter: &Filter) -> Result<Vec<(ConversationRecord, Vec<Flag>)>, StoreError> {
        let filter = filter.clone();
        self.apart(|m| async move { read::conversations(&m, &filter).await }).await
    }

    async fn page(
        &self,
        filter: &Filter,
        after: &str,
        limit: u32,
    ) -> Result<Vec<(ConversationRecord, Vec<Flag>)>, StoreError> {
        let (filter, after) = (filter.clone(), after.to_owned());
        self.apart(|m| async move { read::page(&m, &filter, &after, limit).await }).await
    }

    async fn find_conversations(&self, prefix: &str) -> Result<Vec<ConversationRecord>, StoreError> {
        let prefix = prefix.to_owned();
        self.apart(|m| async move { read::find(&m, &prefix).await }).await
    }

    async fn calls(&self, conversation: &str) -> Result<Vec<CallRecord>, StoreError> {
        let id = conversation.to_owned();
        self.apart(|m| async move { read::calls(&m, &id).await }).await
    }

    async fn logs(&self, conversations: &[String]) -> Result<Vec<Vec<Entry>>, StoreError> {
        let ids = conversations.to_vec();
        self.apart(|m| async move { many::logs(&m, &ids).await }).await
    }

    async fn unfinished(&self, experiment: &str) -> Result<Unfinished, StoreError> {
        let experiment = experiment.to_owned();
        self.apart(|m| async move { watch::unfinished(&m, &experiment).await }).await
    }

    async fn news(&self, of: &[(String, u32)]) -> Result<Vec<News>, StoreError> {
        let of = of.to_vec();
        self.apart(|m| async move { watch::news(&m, &of).await }).await
    }

    async fn calls_of(&self, conversations: &[String]) -> Result<Vec<Vec<CallRecord>>, StoreError> {
        let ids = conversations.to_vec();
        self.apart(|m| async move { many::calls(&m, &ids).await }).await
    }

    async fn begin_run(&self, run: RunRecord) -> Result<(), StoreError> {
        self.write(|m| async move { experiments::begin_run(&m, &run).await }).await
    }

    async fn end_run(&self, id: &str, ended: &str) -> Result<(), StoreError> {
        let (id, ended) = (id.to_owned(), ended.to_owned());
        self.write(|m| async move { experiments::end_run(&m, &id, &ended).await }).await
    }

    async fn runs(&self, experiment: &str) -> Result<Vec<RunRecord>, StoreError> {
        let experiment = experiment.to_owned();
        self.apart(|m| async move { read::runs(&m, &experiment).await }).await
    }

    async fn create(&self, new: NewExperiment) -> Result<ExperimentRecord, StoreError> {
        self.write(|m| async move { colleagues::create(&m, &new).await }).await
    }

    async fn revise(
        &self,
        id: &str,
        creator: &str,
        version: u64,
        document: Experiment,
        revision: String,
    ) -> Result<ExperimentRecord, StoreError> {
        let (id, creator) = (id.to_owned(), creator.to_owned());
        self.write(|m| async move { colleagues::revise(&m, &id, &creator, version, &document, &revision).await }).await
    }

    async fn mark(&self, item: &Item, creator: &str, mark: Mark) -> Result<(), StoreError> {
        let (item, creator) = (item.clone(), creator.to_owned());
        self.write(|m| async move { colleagues::mark(&m, &item, &creator, &mark).await }).await
    }

    async fn delete(&self, item: &Item, creator: &str) -> Result<(), StoreError> {
        let (item, creator) = (item.clone(), creator.to_owned());
        self.write(|m| async move { colleagues::delete(&m, &item, &creator).await }).await
    }

    async fn revisions(&self) -> Result<Vec<String>, StoreError> {
        self.apart(|m| async move { read::revisions(&m).await }).await
    }

    async fn receive(&self, parcel: Parcel) -> Result<(), StoreError> {
        self.write(|m| async move { copy::receive(&m, &parcel).await }).await
    }

    async fn verify(&self, conversation: Option<&str>) -> Result<Vec<Fault>, StoreError> {
        let id = conversation.map(str::to_owned);
        self.apart(|m| async move { verify::verify(&m, id.as_deref()).await }).await
    }
}
