//! The one writer: a thread that commits in groups.
//!
//! Jobs arrive over a channel. The thread runs all waiting jobs in one transaction, each in a savepoint, so that the
//! failure of one job does not undo another. One commit makes all jobs durable, and only then does each caller get its
//! answer (contract R2). The next group gathers during the commit, so that busy conversations share the cost of
//! durability.

use super::fail::{Fail, Place};
use crate::store::StoreError;
use rusqlite::Connection;
use std::thread::JoinHandle;
use tokio::sync::{mpsc, oneshot};

/// Maximum number of jobs in one transaction: limits the work that a failed commit repeats.
const GROUP: usize = 256;
/// Maximum number of waiting jobs. If it is reached, callers wait.
const QUEUE: usize = 4 * GROUP;

/// Handle to the writer's thread. Dropping it finishes the waiting jobs and closes the connection.
pub(super) struct Writer {
    jobs: Option<mpsc::Sender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
}

/// A change that may be run again after a rollback. It must keep nothing of the first attempt.
trait Job: Send {
    fn run_change(&mut self, conn: &Connection) -> Result<(), Fail>;
    fn send_answer(self: Box<Self>, failed: Option<StoreError>);
}

struct Typed<T, F> {
    change: F,
    result: Option<T>,
    asker: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Job for Typed<T, F>
where
    T: Send,
    F: Fn(&Connection) -> Result<T, Fail> + Send,
{
    fn run_change(&mut self, conn: &Connection) -> Result<(), Fail> {
        self.result = Some((self.change)(conn)?);
        Ok(())
    }

    fn send_answer(self: Box<Self>, failed: Option<StoreError>) {
        let Self { result, asker, .. } = *self;
        if let Some(answer) = failed.map(Err).or(result.map(Ok)) {
            // The caller may have stopped waiting. The write is kept all the same.
            drop(asker.send(answer));
        }
    }
}

impl Writer {
    /// Starts the thread, which owns the connection.
    pub(super) fn start_thread(conn: Connection, place: Place) -> std::io::Result<Self> {
        let (jobs, inbox) = mpsc::channel(QUEUE);
        let thread =
            std::thread::Builder::new().name("store".to_owned()).spawn(move || serve_jobs(&conn, &place, inbox))?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    /// Makes a change and waits until it is durable. Dropping the future does not undo the change.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        place: &Place,
        change: impl Fn(&Connection) -> Result<T, Fail> + Send + 'static,
    ) -> Result<T, StoreError> {
        let gone = || StoreError::Other { place: place.name.clone(), cause: "its writer has stopped".to_owned() };
        let (asker, answer) = oneshot::channel();
        let jobs = self.jobs.as_ref().ok_or_else(gone)?;
        jobs.send(Box::new(Typed { change, result: None, asker })).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the thread is ignored here, since the thread has reported it.
            drop(thread.join());
        }
    }
}

fn serve_jobs(conn: &Connection, place: &Place, mut inbox: mpsc::Receiver<Box<dyn Job>>) {
    while let Some(first) = inbox.blocking_recv() {
        let mut group = vec![first];
        while group.len() < GROUP
            && let Ok(next) = inbox.try_recv()
        {
            group.push(next);
        }
        if commit_group(conn, place, group) {
            // Frees the disk space of undone writes. If this fails, the next commit frees it.
            conn.execute_batch("pragma wal_checkpoint(truncate)").ok();
        }
    }
}

/// Commits a group and answers each job. Returns true if the disk or the quota was full.
fn commit_group(conn: &Connection, place: &Place, mut group: Vec<Box<dyn Job>>) -> bool {
    if !conn.is_autocommit() {
        // An earlier rollback may have failed, for instance because the disk was missing.
        conn.execute_batch("rollback").ok();
    }
    if let Err(error) = conn.execute_batch("begin immediate") {
        let error = place.store_error(error.into());
        for job in group {
            job.send_answer(Some(error.clone()));
        }
        return false;
    }
    match attempt_group(conn, &mut group) {
        Ok(outcomes) => answer_jobs(place, group.into_iter().zip(outcomes)),
        Err(fail) if group.len() == 1 => answer_jobs(place, group.into_iter().zip([Some(fail)])),
        // The failure of one job undid the whole group. Each job runs again alone, so that only the faulty job fails.
        Err(_) => group.into_iter().map(|job| commit_group(conn, place, vec![job])).filter(|full| *full).count() > 0,
    }
}

fn answer_jobs(place: &Place, jobs: impl Iterator<Item = (Box<dyn Job>, Option<Fail>)>) -> bool {
    let mut full = false;
    for (job, failed) in jobs {
        let error = failed.map(|f| place.store_error(f));
        full |= matches!(error, Some(StoreError::Full { .. }));
        job.send_answer(error);
    }
    full
}

/// Runs every job and commits. After `Err`, nothing of the group is stored.
fn attempt_group(conn: &Connection, group: &mut [Box<dyn Job>]) -> Result<Vec<Option<Fail>>, Fail> {
    let outcomes = group.iter_mut().map(|job| run_job(conn, job.as_mut())).collect::<Result<Vec<_>, Fail>>();
    let committed = outcomes.and_then(|all| {
        conn.prepare_cached("commit")?.execute([])?;
        Ok(all)
    });
    if committed.is_err() && !conn.is_autocommit() {
        conn.execute_batch("rollback").ok();
    }
    committed
}

/// Runs one job. `Ok(Some)`: the job failed, and its changes are undone. `Err`: `SQLite` undid the whole transaction.
fn run_job(conn: &Connection, job: &mut dyn Job) -> Result<Option<Fail>, Fail> {
    conn.prepare_cached("savepoint job")?.execute([])?;
    let failed = job.run_change(conn).err();
    if conn.is_autocommit() {
        return Err(failed.unwrap_or_else(|| Fail::Damaged("the transaction ended by itself".to_owned())));
    }
    if failed.is_some() {
        conn.prepare_cached("rollback to job")?.execute([])?;
    }
    conn.prepare_cached("release job")?.execute([])?;
    Ok(failed)
}
