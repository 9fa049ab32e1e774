//! The verbs of a database, each passed to the connection that reads or to the one that writes.

use super::database::Sqlite;
use super::{colleagues, copy, experiments, read, turns, verify, watch};
use crate::design::Experiment;
use crate::process::Flag;
use crate::process::log::Entry;
use crate::store::{
    CallRecord, ConversationRecord, ConversationUpdate, Counts, End, ExperimentRecord, Fault, Filter, History, Item,
    Lease, Mark, Millis, NewExperiment, ProcessKind, RunRecord, Standing, Store, StoreError, TransferItem, Unfinished,
};
use async_trait::async_trait;

#[async_trait]
impl Store for Sqlite {
    fn place(&self) -> String {
        self.place.name.clone()
    }

    fn is_shared(&self) -> bool {
        false
    }

    async fn save(&self, new: NewExperiment) -> Result<ExperimentRecord, StoreError> {
        self.write(move |conn| experiments::save(conn, &new)).await
    }

    async fn experiment(&self, creator: &str, name: &str) -> Result<Option<ExperimentRecord>, StoreError> {
        let (creator, name) = (creator.to_owned(), name.to_owned());
        self.read(move |conn| experiments::experiment(conn, &creator, &name)).await
    }

    async fn records(&self) -> Result<Vec<ExperimentRecord>, StoreError> {
        self.read(read::records).await
    }

    async fn experiments(&self) -> Result<Vec<(ExperimentRecord, Counts)>, StoreError> {
        self.read(read::experiments).await
    }

    async fn document(&self, revision: &str) -> Result<Option<Experiment>, StoreError> {
        let revision = revision.to_owned();
        self.read(move |conn| read::document(conn, &revision)).await
    }

    async fn plan(
        &self,
        experiment: &str,
        revision: &str,
        keys: &[String],
        new: Vec<ConversationRecord>,
    ) -> Result<(), StoreError> {
        let (experiment, revision, keys) = (experiment.to_owned(), revision.to_owned(), keys.to_vec());
        self.write(move |conn| experiments::plan(conn, &experiment, &revision, &keys, &new)).await
    }

    async fn standing(&self, experiment: &str, kind: ProcessKind) -> Result<Vec<Standing>, StoreError> {
        let experiment = experiment.to_owned();
        self.read(move |conn| read::standing(conn, &experiment, kind)).await
    }

    async fn claim(&self, conversation: &str, lease: Lease, retry: bool) -> Result<ConversationRecord, StoreError> {
        let id = conversation.to_owned();
        self.write(move |conn| turns::claim(conn, &id, &lease, retry)).await
    }

    async fn renew(&self, owner: &str, until: Millis) -> Result<(), StoreError> {
        let owner = owner.to_owned();
        self.write(move |conn| turns::renew(conn, &owner, until)).await
    }

    async fn history(&self, conversation: &str) -> Result<History, StoreError> {
        let id = conversation.to_owned();
        self.read(move |conn| read::history(conn, &id)).await
    }

    async fn sent(&self, conversation: &str, epoch: u64, call: CallRecord) -> Result<(), StoreError> {
        let (id, call) = (conversation.to_owned(), self.ready(call)?);
        self.write(move |conn| turns::sent(conn, &id, epoch, &call)).await
    }

    async fn settle(&self, conversation: &str, epoch: u64, call: CallRecord) -> Result<(), StoreError> {
        let (id, call) = (conversation.to_owned(), self.ready(call)?);
        self.write(move |conn| turns::settle(conn, &id, epoch, &call)).await
    }

    async fn append(
        &self,
        conversation: &str,
        epoch: u64,
        entries: Vec<Entry>,
        call: Option<CallRecord>,
    ) -> Result<Vec<Entry>, StoreError> {
        let (id, call) = (conversation.to_owned(), call.map(|c| self.ready(c)).transpose()?);
        self.write(move |conn| turns::append(conn, &id, epoch, &entries, call.as_ref())).await
    }

    async fn finish(&self, conversation: &str, epoch: u64, end: End) -> Result<(), StoreError> {
        let id = conversation.to_owned();
        self.write(move |conn| turns::finish(conn, &id, epoch, &end)).await
    }

    async fn conversations(&self, filter: &Filter) -> Result<Vec<(ConversationRecord, Vec<Flag>)>, StoreError> {
        let filter = filter.clone();
        self.read(move |conn| read::conversations(conn, &filter)).await
    }

    async fn page(
        &self,
        filter: &Filter,
        after: &str,
        limit: u32,
    ) -> Result<Vec<(ConversationRecord, Vec<Flag>)>, StoreError> {
        let (filter, after) = (filter.clone(), after.to_owned());
        self.read(move |conn| read::page(conn, &filter, &after, limit)).await
    }

    async fn find_conversations(&self, prefix: &str) -> Result<Vec<ConversationRecord>, StoreError> {
        let prefix = prefix.to_owned();
        self.read(move |conn| read::find(conn, &prefix)).await
    }

    async fn calls(&self, conversation: &str) -> Result<Vec<CallRecord>, StoreError> {
        let id = conversation.to_owned();
        self.read(move |conn| read::calls(conn, &id)).await
    }

    async fn logs(&self, conversations: &[String]) -> Result<Vec<Vec<Entry>>, StoreError> {
        let ids = conversations.to_vec();
        self.read(move |conn| ids.iter().map(|id| read::log(conn, id)).collect()).await
    }

    async fn unfinished(&self, experiment: &str) -> Result<Unfinished, StoreError> {
        let experiment = experiment.to_owned();
        self.read(move |conn| watch::unfinished(conn, &experiment)).await
    }

    async fn news(&self, of: &[(String, u32)]) -> Result<Vec<ConversationUpdate>, StoreError> {
        let of = of.to_vec();
        self.read(move |conn| watch::news(conn, &of)).await
    }

    async fn calls_of(&self, conversations: &[String]) -> Result<Vec<Vec<CallRecord>>, StoreError> {
        let ids = conversations.to_vec();
        self.read(move |conn| ids.iter().map(|id| read::calls(conn, id)).collect()).await
    }

    async fn begin_run(&self, run: RunRecord) -> Result<(), StoreError> {
        self.write(move |conn| experiments::begin_run(conn, &run)).await
    }

    async fn end_run(&self, id: &str, ended: &str) -> Result<(), StoreError> {
        let (id, ended) = (id.to_owned(), ended.to_owned());
        self.write(move |conn| experiments::end_run(conn, &id, &ended)).await
    }

    async fn runs(&self, experiment: &str) -> Result<Vec<RunRecord>, StoreError> {
        let experiment = experiment.to_owned();
        self.read(move |conn| read::runs(conn, &experiment)).await
    }

    async fn create(&self, new: NewExperiment) -> Result<ExperimentRecord, StoreError> {
        self.write(move |conn| colleagues::create(conn, &new)).await
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
        self.write(move |conn| colleagues::revise(conn, &id, &creator, version, &document, &revision)).await
    }

    async fn mark(&self, item: &Item, creator: &str, mark: Mark) -> Result<(), StoreError> {
        let (item, creator) = (item.clone(), creator.to_owned());
        self.write(move |conn| colleagues::mark(conn, &item, &creator, &mark)).await
    }

    async fn delete(&self, item: &Item, creator: &str) -> Result<(), StoreError> {
        let (item, creator, path) = (item.clone(), creator.to_owned(), self.readers.path().to_owned());
        self.write(move |conn| colleagues::delete(conn, &path, &item, &creator)).await
    }

    async fn revisions(&self) -> Result<Vec<String>, StoreError> {
        self.read(copy::revisions).await
    }

    async fn receive(&self, item: TransferItem) -> Result<(), StoreError> {
        let arrived = copy::Arrived::new(item).map_err(|fail| self.place.error(fail))?;
        self.write(move |conn| copy::receive(conn, &arrived)).await
    }

    async fn verify(&self, conversation: Option<&str>) -> Result<Vec<Fault>, StoreError> {
        let id = conversation.map(str::to_owned);
        self.readers.lend(&self.place, move |conn| verify::verify(conn, id.as_deref())).await
    }
}
