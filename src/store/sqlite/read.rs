//! Reading, on connections other than the writer's. Listings never read messages.

use super::fail::{Fail, Place};
use super::rows::{self, read_all, read_first};
use super::{calls, open, turns};
use crate::design::Experiment;
use crate::process::log::Entry;
use crate::process::{Flag, Kind};
use crate::store::{
    ConversationRecord, Counts, ExperimentRecord, Filter, Group, History, ProcessKind, RunRecord, Standing, Status,
    StoreError,
};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;

/// Maximum number of reading connections: more would only wait for the same disk.
const READERS: usize = 4;
/// Maximum number of conversations that [`find_by_prefix`] returns.
const FOUND: usize = 20;

/// A record, with the flags in its log.
type Flagged = (ConversationRecord, Vec<Flag>);

/// Connections that read, opened when needed.
pub(super) struct Readers {
    path: PathBuf,
    idle: Arc<Mutex<Vec<Connection>>>,
    free: Semaphore,
}

impl Readers {
    /// Creates the readers. If `first` is given, it is the first connection.
    pub(super) fn new(path: PathBuf, first: Option<Connection>) -> Self {
        let idle = Arc::new(Mutex::new(first.into_iter().collect()));
        Self { path, idle, free: Semaphore::new(READERS) }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Runs a query on a thread that may block, in one transaction.
    pub(super) async fn run_query<T: Send + 'static>(
        &self,
        place: &Place,
        question: impl FnOnce(&Connection) -> Result<T, Fail> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.lend_connection(place, |conn| {
            conn.execute_batch("begin")?;
            let answer = question(conn);
            conn.execute_batch("commit")?;
            answer
        })
        .await
    }

    /// Runs `question` as [`Readers::run_query`] does, but without a transaction.
    pub(super) async fn lend_connection<T: Send + 'static>(
        &self,
        place: &Place,
        question: impl FnOnce(&Connection) -> Result<T, Fail> + Send + 'static,
    ) -> Result<T, StoreError> {
        let stopped = |cause: String| StoreError::Other { place: place.name.clone(), cause };
        let _turn = self.free.acquire().await.map_err(|e| stopped(e.to_string()))?;
        let (idle, path) = (Arc::clone(&self.idle), self.path.clone());
        let task = tokio::task::spawn_blocking(move || {
            let waiting = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let conn = waiting.map_or_else(|| open::open_reader(&path), Ok)?;
            let answer = question(&conn);
            // A connection that is still in a transaction is dropped.
            if conn.is_autocommit() {
                idle.lock().unwrap_or_else(PoisonError::into_inner).push(conn);
            }
            answer
        });
        task.await.map_err(|e| stopped(e.to_string()))?.map_err(|fail| place.store_error(fail))
    }
}

pub(super) fn list_records(conn: &Connection) -> Result<Vec<ExperimentRecord>, Fail> {
    let sql = format!("select {} from experiments order by created, id", rows::EXPERIMENT);
    read_all(conn.prepare_cached(&sql)?, [], rows::read_experiment)
}

pub(super) fn list_experiments(conn: &Connection) -> Result<Vec<(ExperimentRecord, Counts)>, Fail> {
    let groups = count_conversations(conn)?;
    let count = |record: ExperimentRecord| {
        let groups = groups.get(&record.id).map(Vec::as_slice).unwrap_or_default();
        let counts = Counts::of_groups(groups, &record.revision);
        (record, counts)
    };
    Ok(list_records(conn)?.into_iter().map(count).collect())
}

/// Counts conversations. The index contains everything that the query needs, so no conversation is read.
pub(super) const COUNTS: &str = "select c.experiment, c.revision, c.offline, c.status, count(*) from experiments e
     join conversations c on c.experiment = e.id and c.kind = 'conversation'
     group by e.id, c.revision, c.status, c.offline";

fn count_conversations(conn: &Connection) -> Result<HashMap<String, Vec<Group>>, Fail> {
    let statement = conn.prepare_cached(COUNTS)?;
    let mut groups: HashMap<String, Vec<Group>> = HashMap::new();
    let rows = read_all(statement, [], |c| {
        let experiment: String = c.next()?;
        let (revision, offline) = (c.next()?, c.next()?);
        Ok((experiment, Group { revision, offline, status: c.next_word(Status::of)?, number: c.next()? }))
    })?;
    for (experiment, group) in rows {
        groups.entry(experiment).or_default().push(group);
    }
    Ok(groups)
}

pub(super) fn find_document(conn: &Connection, revision: &str) -> Result<Option<Experiment>, Fail> {
    let select = conn.prepare_cached("select document from revisions where hash = ?1")?;
    let mut found = read_first(select, [revision], read_document)?;
    if let Some(document) = &mut found {
        document.fill_texts(|hash| calls::find_text(conn, hash))?;
    }
    Ok(found)
}

fn read_document(c: &mut rows::Columns<'_>) -> Result<Experiment, Fail> {
    c.next_json()
}

/// Returns the progress of each process of an experiment, in the order of creation.
pub(super) fn read_standing(conn: &Connection, experiment: &str, kind: ProcessKind) -> Result<Vec<Standing>, Fail> {
    let statement = conn.prepare_cached(
        "select id, key, revision, status, entries > 0, answered, possible_spend, offline, replicate, seed,
                creator, ended_by
         from conversations where experiment = ?1 and kind = ?2 order by created, id",
    )?;
    read_all(statement, [experiment, kind.word()], |c| {
        Ok(Standing {
            id: c.next()?,
            key: c.next()?,
            revision: c.next()?,
            status: c.next_word(Status::of)?,
            begun: c.next()?,
            answered: c.next()?,
            possible_spend: c.next()?,
            offline: c.next()?,
            replicate: c.next()?,
            seed: c.next_word(|text| text.parse().ok())?,
            creator: c.next()?,
            ended_by: c.plain_if_any()?,
        })
    })
}

pub(super) fn read_history(conn: &Connection, conversation: &str) -> Result<History, Fail> {
    check_exists(conn, conversation)?;
    Ok(History { log: turns::log_from(conn, conversation, 0)?, open: calls::open_of(conn, conversation)? })
}

pub(super) fn read_log(conn: &Connection, conversation: &str) -> Result<Vec<Entry>, Fail> {
    check_exists(conn, conversation)?;
    turns::log_from(conn, conversation, 0)
}

/// Returns the number of openings and speeches in a log.
pub(super) fn count_said(conn: &Connection, conversation: &str) -> Result<u32, Fail> {
    let sql = "select count(*) from messages where conversation = ?1 and kind in (?2, ?3)";
    let kinds = (Kind::Opening.word(), Kind::Speech.word());
    let said = read_first(conn.prepare_cached(sql)?, (conversation, kinds.0, kinds.1), rows::read_count)?;
    Ok(said.unwrap_or_default())
}

pub(super) fn read_calls(conn: &Connection, conversation: &str) -> Result<Vec<crate::store::CallRecord>, Fail> {
    check_exists(conn, conversation)?;
    calls::all_of(conn, conversation)
}

/// Returns the record of a process.
pub(super) fn find_record(conn: &Connection, id: &str) -> Result<Option<ConversationRecord>, Fail> {
    let sql = format!("select {} from conversations where id = ?1", rows::CONVERSATION);
    read_first(conn.prepare_cached(&sql)?, [id], rows::read_conversation)
}

/// Fails if a conversation does not exist, since its log would otherwise look empty.
pub(super) fn check_exists(conn: &Connection, conversation: &str) -> Result<(), Fail> {
    let statement = conn.prepare_cached("select 1 from conversations where id = ?1")?;
    let found = read_first(statement, [conversation], |_| Ok(()))?;
    found.ok_or_else(|| Fail::Unknown(format!("conversation {conversation}")))
}

/// Returns conversations in the order of creation, each with the flags in its log.
pub(super) fn list_conversations(conn: &Connection, filter: &Filter) -> Result<Vec<Flagged>, Fail> {
    let (condition, values) = filter_sql(filter);
    let sql = format!("select {}, flags from conversations where {condition} order by created, id", rows::CONVERSATION);
    read_all(conn.prepare_cached(&sql)?, params_from_iter(values), |c| {
        Ok((rows::read_conversation(c)?, c.next_json()?))
    })
}

/// Returns a filter as an SQL condition and its values. The condition contains only the fields that the filter sets, so
/// that an index can be used.
fn filter_sql(filter: &Filter) -> (String, Vec<Value>) {
    let kind = Some(filter.kind.word().to_owned());
    let asked = [("experiment", &filter.experiment), ("kind", &kind), ("revision", &filter.revision)];
    let asked = asked.into_iter().filter_map(|(column, value)| Some((column, value.clone()?)));
    let (clauses, values): (Vec<_>, Vec<_>) =
        asked.map(|(column, value)| (format!("{column} = ?"), Value::Text(value))).unzip();
    (clauses.join(" and "), values)
}

/// Returns conversations in the order of their key, beginning with the first key after `after`.
pub(super) fn read_page(conn: &Connection, filter: &Filter, after: &str, limit: u32) -> Result<Vec<Flagged>, Fail> {
    let (condition, mut values) = filter_sql(filter);
    values.extend([Value::Text(after.to_owned()), Value::Integer(limit.into())]);
    let sql = format!(
        "select {}, flags from conversations where {condition} and key > ? order by key limit ?",
        rows::CONVERSATION
    );
    read_all(conn.prepare_cached(&sql)?, params_from_iter(values), |c| {
        Ok((rows::read_conversation(c)?, c.next_json()?))
    })
}

/// Returns conversations whose id has a prefix, in the order of id; if there is none, those whose key has it. The prefix
/// is compared as text, never as a pattern.
pub(super) fn find_by_prefix(conn: &Connection, prefix: &str) -> Result<Vec<ConversationRecord>, Fail> {
    let end = format!("{prefix}{}", char::MAX);
    let find = |condition: &str| {
        let sql =
            format!("select {} from conversations where {condition} order by id limit {FOUND}", rows::CONVERSATION);
        read_all(conn.prepare_cached(&sql)?, [prefix, &end], rows::read_conversation)
    };
    let mut found = find("id >= ?1 and id < ?2")?;
    if found.first().is_some_and(|first| first.id == prefix) {
        found.truncate(1);
        return Ok(found);
    }
    // The index of keys begins with the experiment.
    let by_key = "experiment in (select id from experiments) and key >= ?1 and key < ?2";
    let named = find(by_key)?.into_iter().filter(|c| !c.id.starts_with(prefix));
    found.extend(named);
    Ok(found)
}

/// Returns the runs of an experiment, oldest first.
pub(super) fn list_runs(conn: &Connection, experiment: &str) -> Result<Vec<RunRecord>, Fail> {
    let sql = format!("select {} from runs where experiment = ?1 order by started, id", rows::RUN);
    read_all(conn.prepare_cached(&sql)?, [experiment], rows::read_run)
}
