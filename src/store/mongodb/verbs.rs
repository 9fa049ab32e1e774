//! The verbs of a database, each run in a task of its own.

use super::database::Mongo;
use super::{claims, colleagues, copy, deletions, experiments, many, marks, read, turns, vectors, verify, watch};
use crate::design::Experiment;
use crate::process::log::Entry;
use crate::process::{Flag, TextVector};
use crate::store::{
    CallRecord, ConversationRecord, ConversationUpdate, Counts, End, ExperimentRecord, Fault, Filter, History, Item,
    Lease, Mark, MarkRecord, Millis, NewExperiment, ProcessKind, RunRecord, Standing, Status, Store, StoreError,
    TransferItem, Unfinished,
};
use async_trait::async_trait;
use std::path::Path;

#[async_trait]
impl Store for Mongo {
    fn place(&self) -> String {
        self.base.place.clone()
    }

    fn file(&self) -> Option<&Path> {
        None
    }

    fn is_shared(&self) -> bool {
        true
    }

    async fn save(&self, new: NewExperiment) -> Result<ExperimentRecord, StoreError> {
        self.run_write(|m| async move { experiments::save_experiment(&m, &new).await }).await
    }

    async fn experiment(&self, creator: &str, name: &str) -> Result<Option<ExperimentRecord>, StoreError> {
        let (creator, name) = (creator.to_owned(), name.to_owned());
        self.run_apart(|m| async move { experiments::find_experiment(&m, &creator, &name).await }).await
    }

    async fn records(&self) -> Result<Vec<ExperimentRecord>, StoreError> {
        self.run_apart(|m| async move { read::list_records(&m).await }).await
    }

    async fn experiments(&self) -> Result<Vec<(ExperimentRecord, Counts)>, StoreError> {
        self.run_apart(|m| async move { read::list_experiments(&m).await }).await
    }

    async fn document(&self, revision: &str) -> Result<Option<Experiment>, StoreError> {
        let revision = revision.to_owned();
        self.run_apart(|m| async move { read::find_document(&m, &revision).await }).await
    }

    async fn plan(
        &self,
        experiment: &str,
        revision: &str,
        keys: &[String],
        new: Vec<ConversationRecord>,
    ) -> Result<(), StoreError> {
        let (experiment, revision, keys) = (experiment.to_owned(), revision.to_owned(), keys.to_vec());
        self.run_write(
            |m| async move { experiments::plan_conversations(&m, &experiment, &revision, &keys, &new).await },
        )
        .await
    }

    async fn standing(&self, experiment: &str, kind: ProcessKind) -> Result<Vec<Standing>, StoreError> {
        let experiment = experiment.to_owned();
        self.run_apart(|m| async move {
            let mut standing = read::read_standing(&m, &experiment, kind).await?;
            let running = standing.iter().filter(|s| s.status == Status::Running).map(|s| s.id.as_str());
            let leases = read::read_leases(&m, running.collect()).await?;
            for s in &mut standing {
                s.status = m.seen().status_of(s.status, leases.get(&s.id));
            }
            Ok(standing)
        })
        .await
    }

    async fn claim(&self, conversation: &str, lease: Lease, retry: bool) -> Result<ConversationRecord, StoreError> {
        let id = conversation.to_owned();
        self.run_write(|m| async move { claims::take_claim(&m, &id, &lease, retry).await }).await
    }

    async fn renew(&self, owner: &str, _until: Millis) -> Result<(), StoreError> {
        let owner = owner.to_owned();
        self.run_write(|m| async move { claims::renew_leases(&m, &owner).await }).await
    }

    async fn history(&self, conversation: &str) -> Result<History, StoreError> {
        let id = conversation.to_owned();
        self.run_apart(|m| async move { read::read_history(&m, &id).await }).await
    }

    async fn sent(&self, conversation: &str, epoch: u64, call: CallRecord) -> Result<(), StoreError> {
        let id = conversation.to_owned();
        self.run_write(|m| async move { turns::store_sent(&m, &id, epoch, &call).await }).await
    }

    async fn settle(&self, conversation: &str, epoch: u64, call: CallRecord) -> Result<(), StoreError> {
        let id = conversation.to_owned();
        self.run_write(|m| async move { turns::store_settled(&m, &id, epoch, &call).await }).await
    }

    async fn append(
        &self,
        conversation: &str,
        epoch: u64,
        entries: Vec<Entry>,
        call: Option<CallRecord>,
    ) -> Result<Vec<Entry>, StoreError> {
        let id = conversation.to_owned();
        self.run_write(|m| async move { turns::append_entries(&m, &id, epoch, &entries, call.as_ref()).await }).await
    }

    async fn finish(&self, conversation: &str, epoch: u64, end: End) -> Result<(), StoreError> {
        let id = conversation.to_owned();
        self.run_write(|m| async move { claims::end_claim(&m, &id, epoch, &end).await }).await
    }

    async fn vectors(&self, hashes: &[String]) -> Result<Vec<TextVector>, StoreError> {
        let hashes = hashes.to_vec();
        self.run_apart(|m| async move { vectors::read_vectors(&m, &hashes).await }).await
    }

    async fn keep_vectors(&self, given: Vec<TextVector>) -> Result<(), StoreError> {
        self.run_write(|m| async move { vectors::keep_vectors(&m, &given).await }).await
    }

    async fn conversations(&self, filter: &Filter) -> Result<Vec<(ConversationRecord, Vec<Flag>)>, StoreError> {
        let filter = filter.clone();
        let mut found = self.run_apart(|m| async move { read::list_conversations(&m, &filter).await }).await?;
        self.base.seen().show_all(found.iter_mut().map(|(record, _)| record));
        Ok(found)
    }

    async fn page(
        &self,
        filter: &Filter,
        after: &str,
        limit: u32,
    ) -> Result<Vec<(ConversationRecord, Vec<Flag>)>, StoreError> {
        let (filter, after) = (filter.clone(), after.to_owned());
        let mut found = self.run_apart(|m| async move { read::read_page(&m, &filter, &after, limit).await }).await?;
        self.base.seen().show_all(found.iter_mut().map(|(record, _)| record));
        Ok(found)
    }

    async fn find_conversations(&self, prefix: &str) -> Result<Vec<ConversationRecord>, StoreError> {
        let prefix = prefix.to_owned();
        let mut found = self.run_apart(|m| async move { read::find_by_prefix(&m, &prefix).await }).await?;
        self.base.seen().show_all(&mut found);
        Ok(found)
    }

    async fn calls(&self, conversation: &str) -> Result<Vec<CallRecord>, StoreError> {
        let id = conversation.to_owned();
        self.run_apart(|m| async move { read::read_calls(&m, &id).await }).await
    }

    async fn logs(&self, conversations: &[String]) -> Result<Vec<Vec<Entry>>, StoreError> {
        let ids = conversations.to_vec();
        self.run_apart(|m| async move { many::read_logs(&m, &ids).await }).await
    }

    async fn said(&self, conversations: &[String]) -> Result<Vec<u32>, StoreError> {
        let ids = conversations.to_vec();
        self.run_apart(|m| async move { many::count_said(&m, &ids).await }).await
    }

    async fn unfinished(&self, experiment: &str) -> Result<Unfinished, StoreError> {
        let experiment = experiment.to_owned();
        self.run_apart(|m| async move {
            let mut unfinished = watch::list_unfinished(&m, &experiment).await?;
            let running = unfinished.others.iter().filter(|w| w.status == Status::Running).map(|w| w.id.as_str());
            let leases = read::read_leases(&m, running.collect()).await?;
            for w in &mut unfinished.others {
                w.status = m.seen().status_of(w.status, leases.get(&w.id));
            }
            Ok(unfinished)
        })
        .await
    }

    async fn news(&self, of: &[(String, u32)]) -> Result<Vec<ConversationUpdate>, StoreError> {
        let of = of.to_vec();
        let mut news = self.run_apart(|m| async move { watch::read_updates(&m, &of).await }).await?;
        self.base.seen().show_all(news.iter_mut().map(|(record, _)| record));
        Ok(news)
    }

    async fn calls_of(&self, conversations: &[String]) -> Result<Vec<Vec<CallRecord>>, StoreError> {
        let ids = conversations.to_vec();
        self.run_apart(|m| async move { many::read_calls(&m, &ids).await }).await
    }

    async fn begin_run(&self, run: RunRecord) -> Result<(), StoreError> {
        self.run_write(|m| async move { experiments::begin_run(&m, &run).await }).await
    }

    async fn end_run(&self, id: &str, ended: &str) -> Result<(), StoreError> {
        let (id, ended) = (id.to_owned(), ended.to_owned());
        self.run_write(|m| async move { experiments::end_run(&m, &id, &ended).await }).await
    }

    async fn runs(&self, experiment: &str) -> Result<Vec<RunRecord>, StoreError> {
        let experiment = experiment.to_owned();
        self.run_apart(|m| async move { read::list_runs(&m, &experiment).await }).await
    }

    async fn create(&self, new: NewExperiment) -> Result<ExperimentRecord, StoreError> {
        self.run_write(|m| async move { colleagues::create_experiment(&m, &new).await }).await
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
        self.run_write(|m| async move {
            colleagues::revise_experiment(&m, &id, &creator, version, &document, &revision).await
        })
        .await
    }

    async fn mark(&self, item: &Item, person: &str, mark: Mark) -> Result<(), StoreError> {
        let (item, person) = (item.clone(), person.to_owned());
        self.run_write(|m| async move { marks::mark_item(&m, &item, &person, &mark).await }).await
    }

    async fn marks(&self) -> Result<Vec<MarkRecord>, StoreError> {
        self.run_apart(|m| async move { marks::list_marks(&m).await }).await
    }

    async fn delete(&self, item: &Item, creator: &str) -> Result<(), StoreError> {
        let (item, creator) = (item.clone(), creator.to_owned());
        self.run_write(|m| async move { deletions::delete_item(&m, &item, &creator).await }).await
    }

    async fn revisions(&self) -> Result<Vec<String>, StoreError> {
        self.run_apart(|m| async move { read::list_revisions(&m).await }).await
    }

    async fn receive(&self, item: TransferItem) -> Result<(), StoreError> {
        self.run_write(|m| async move { copy::receive_item(&m, &item).await }).await
    }

    async fn verify(&self, conversation: Option<&str>) -> Result<Vec<Fault>, StoreError> {
        let id = conversation.map(str::to_owned);
        self.run_apart(|m| async move { verify::find_faults(&m, id.as_deref()).await }).await
    }
}
