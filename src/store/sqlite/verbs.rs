//! The verbs of a database. Each verb uses a connection that reads or the connection that writes.

use super::database::Sqlite;
use super::{colleagues, copy, experiments, marks, read, rows, turns, vectors, verify, watch};
use crate::design::Experiment;
use crate::process::log::Entry;
use crate::process::{Flag, TextVector};
use crate::store::{
    CallRecord, ConversationRecord, ConversationUpdate, Counts, End, ExperimentRecord, Fault, Filter, History, Item,
    Lease, Mark, MarkRecord, Millis, NewExperiment, ProcessKind, RunRecord, Standing, Store, StoreError, TransferItem,
    Unfinished,
};
use async_trait::async_trait;
use rusqlite::Connection;
use std::path::Path;

#[async_trait]
impl Store for Sqlite {
    fn place(&self) -> String {
        self.place.name.clone()
    }

    fn file(&self) -> Option<&Path> {
        Some(self.readers.path())
    }

    fn is_shared(&self) -> bool {
        false
    }

    async fn save(&self, new: NewExperiment) -> Result<ExperimentRecord, StoreError> {
        self.run_write(move |conn| experiments::save_experiment(conn, &new)).await
    }

    async fn experiment(&self, creator: &str, name: &str) -> Result<Option<ExperimentRecord>, StoreError> {
        let (creator, name) = (creator.to_owned(), name.to_owned());
        self.run_read(move |conn| experiments::find_experiment(conn, &creator, &name)).await
    }

    async fn records(&self) -> Result<Vec<ExperimentRecord>, StoreError> {
        self.run_read(read::list_records).await
    }

    async fn experiments(&self) -> Result<Vec<(ExperimentRecord, Counts)>, StoreError> {
        self.run_read(read::list_experiments).await
    }

    async fn document(&self, revision: &str) -> Result<Option<Experiment>, StoreError> {
        let revision = revision.to_owned();
        self.run_read(move |conn| read::find_document(conn, &revision)).await
    }

    async fn plan(
        &self,
        experiment: &str,
        revision: &str,
        keys: &[String],
        new: Vec<ConversationRecord>,
    ) -> Result<(), StoreError> {
        let (experiment, revision, keys) = (experiment.to_owned(), revision.to_owned(), keys.to_vec());
        self.run_write(move |conn| experiments::plan_conversations(conn, &experiment, &revision, &keys, &new)).await
    }

    async fn standing(&self, experiment: &str, kind: ProcessKind) -> Result<Vec<Standing>, StoreError> {
        let experiment = experiment.to_owned();
        let read = move |conn: &Connection| {
            Ok((read::read_standing(conn, &experiment, kind)?, rows::read_leases(conn, &experiment)?))
        };
        let ((mut standing, leases), seen) = self.run_seen(read).await?;
        for s in &mut standing {
            s.status = seen.status_of(s.status, leases.get(&s.id));
        }
        Ok(standing)
    }

    async fn claim(&self, conversation: &str, lease: Lease, retry: bool) -> Result<ConversationRecord, StoreError> {
        let id = conversation.to_owned();
        self.run_write(move |conn| turns::take_claim(conn, &id, &lease, retry)).await
    }

    async fn renew(&self, owner: &str, until: Millis) -> Result<(), StoreError> {
        let owner = owner.to_owned();
        self.run_write(move |conn| turns::renew_leases(conn, &owner, until)).await
    }

    async fn history(&self, conversation: &str) -> Result<History, StoreError> {
        let id = conversation.to_owned();
        self.run_read(move |conn| read::read_history(conn, &id)).await
    }

    async fn sent(&self, conversation: &str, epoch: u64, call: CallRecord) -> Result<(), StoreError> {
        let (id, call) = (conversation.to_owned(), self.prepare_call(call)?);
        self.run_write(move |conn| turns::store_sent(conn, &id, epoch, &call)).await
    }

    async fn settle(&self, conversation: &str, epoch: u64, call: CallRecord) -> Result<(), StoreError> {
        let (id, call) = (conversation.to_owned(), self.prepare_call(call)?);
        self.run_write(move |conn| turns::store_settled(conn, &id, epoch, &call)).await
    }

    async fn append(
        &self,
        conversation: &str,
        epoch: u64,
        entries: Vec<Entry>,
        call: Option<CallRecord>,
    ) -> Result<Vec<Entry>, StoreError> {
        let (id, call) = (conversation.to_owned(), call.map(|c| self.prepare_call(c)).transpose()?);
        self.run_write(move |conn| turns::append_entries(conn, &id, epoch, &entries, call.as_ref())).await
    }

    async fn finish(&self, conversation: &str, epoch: u64, end: End) -> Result<(), StoreError> {
        let id = conversation.to_owned();
        self.run_write(move |conn| turns::end_claim(conn, &id, epoch, &end)).await
    }

    async fn vectors(&self, hashes: &[String]) -> Result<Vec<TextVector>, StoreError> {
        let hashes = hashes.to_vec();
        self.run_read(move |conn| vectors::read_vectors(conn, &hashes)).await
    }

    async fn keep_vectors(&self, given: Vec<TextVector>) -> Result<(), StoreError> {
        self.run_write(move |conn| vectors::keep_vectors(conn, &given)).await
    }

    async fn conversations(&self, filter: &Filter) -> Result<Vec<(ConversationRecord, Vec<Flag>)>, StoreError> {
        let filter = filter.clone();
        let (mut found, seen) = self.run_seen(move |conn| read::list_conversations(conn, &filter)).await?;
        seen.show_all(found.iter_mut().map(|(record, _)| record));
        Ok(found)
    }

    async fn page(
        &self,
        filter: &Filter,
        after: &str,
        limit: u32,
    ) -> Result<Vec<(ConversationRecord, Vec<Flag>)>, StoreError> {
        let (filter, after) = (filter.clone(), after.to_owned());
        let (mut found, seen) = self.run_seen(move |conn| read::read_page(conn, &filter, &after, limit)).await?;
        seen.show_all(found.iter_mut().map(|(record, _)| record));
        Ok(found)
    }

    async fn find_conversations(&self, prefix: &str) -> Result<Vec<ConversationRecord>, StoreError> {
        let prefix = prefix.to_owned();
        let (mut found, seen) = self.run_seen(move |conn| read::find_by_prefix(conn, &prefix)).await?;
        seen.show_all(&mut found);
        Ok(found)
    }

    async fn calls(&self, conversation: &str) -> Result<Vec<CallRecord>, StoreError> {
        let id = conversation.to_owned();
        self.run_read(move |conn| read::read_calls(conn, &id)).await
    }

    async fn logs(&self, conversations: &[String]) -> Result<Vec<Vec<Entry>>, StoreError> {
        let ids = conversations.to_vec();
        self.run_read(move |conn| ids.iter().map(|id| read::read_log(conn, id)).collect()).await
    }

    async fn said(&self, conversations: &[String]) -> Result<Vec<u32>, StoreError> {
        let ids = conversations.to_vec();
        self.run_read(move |conn| ids.iter().map(|id| read::count_said(conn, id)).collect()).await
    }

    async fn unfinished(&self, experiment: &str) -> Result<Unfinished, StoreError> {
        let experiment = experiment.to_owned();
        let read = move |conn: &Connection| {
            Ok((watch::list_unfinished(conn, &experiment)?, rows::read_leases(conn, &experiment)?))
        };
        let ((mut unfinished, leases), seen) = self.run_seen(read).await?;
        for w in &mut unfinished.others {
            w.status = seen.status_of(w.status, leases.get(&w.id));
        }
        Ok(unfinished)
    }

    async fn news(&self, of: &[(String, u32)]) -> Result<Vec<ConversationUpdate>, StoreError> {
        let of = of.to_vec();
        let (mut news, seen) = self.run_seen(move |conn| watch::read_updates(conn, &of)).await?;
        seen.show_all(news.iter_mut().map(|(record, _)| record));
        Ok(news)
    }

    async fn calls_of(&self, conversations: &[String]) -> Result<Vec<Vec<CallRecord>>, StoreError> {
        let ids = conversations.to_vec();
        self.run_read(move |conn| ids.iter().map(|id| read::read_calls(conn, id)).collect()).await
    }

    async fn begin_run(&self, run: RunRecord) -> Result<(), StoreError> {
        self.run_write(move |conn| experiments::begin_run(conn, &run)).await
    }

    async fn end_run(&self, id: &str, ended: &str) -> Result<(), StoreError> {
        let (id, ended) = (id.to_owned(), ended.to_owned());
        self.run_write(move |conn| experiments::end_run(conn, &id, &ended)).await
    }

    async fn runs(&self, experiment: &str) -> Result<Vec<RunRecord>, StoreError> {
        let experiment = experiment.to_owned();
        self.run_read(move |conn| read::list_runs(conn, &experiment)).await
    }

    async fn create(&self, new: NewExperiment) -> Result<ExperimentRecord, StoreError> {
        self.run_write(move |conn| colleagues::create_experiment(conn, &new)).await
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
        self.run_write(move |conn| colleagues::revise_experiment(conn, &id, &creator, version, &document, &revision))
            .await
    }

    async fn mark(&self, item: &Item, person: &str, mark: Mark) -> Result<(), StoreError> {
        let (item, person) = (item.clone(), person.to_owned());
        self.run_write(move |conn| marks::mark_item(conn, &item, &person, &mark)).await
    }

    async fn marks(&self) -> Result<Vec<MarkRecord>, StoreError> {
        self.run_read(marks::list_marks).await
    }

    async fn delete(&self, item: &Item, creator: &str) -> Result<(), StoreError> {
        let (item, creator, path) = (item.clone(), creator.to_owned(), self.readers.path().to_owned());
        self.run_write(move |conn| colleagues::delete_item(conn, &path, &item, &creator)).await
    }

    async fn revisions(&self) -> Result<Vec<String>, StoreError> {
        self.run_read(copy::list_revisions).await
    }

    async fn receive(&self, item: TransferItem) -> Result<(), StoreError> {
        let arrived = copy::Arrived::new(item).map_err(|fail| self.place.store_error(fail))?;
        self.run_write(move |conn| copy::receive_item(conn, &arrived)).await
    }

    async fn verify(&self, conversation: Option<&str>) -> Result<Vec<Fault>, StoreError> {
        let id = conversation.map(str::to_owned);
        self.readers.lend_connection(&self.place, move |conn| verify::find_faults(conn, id.as_deref())).await
    }
}
