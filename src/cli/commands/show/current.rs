//! A conversation as it stands now, read again and again.

use crate::cli::commands::follow::pause;
use crate::cli::error::CliError;
use crate::process::Flag;
use crate::process::log::Entry;
use crate::store::{Filter, News, Status, Store};
use std::time::{Duration, Instant};

/// How often `--follow` looks.
pub const LOOK: Duration = Duration::from_millis(300);

/// A conversation as it stands now, and its log from an entry on. The status is the older of the two: what is stored
/// after it was read is met the next time.
pub async fn current(store: &dyn Store, id: &str, from: u32) -> Result<News, CliError> {
    let found = store.news(&[(id.to_owned(), from)]).await?.pop();
    found.ok_or_else(|| CliError::not_found(format!("conversation {id} is not there any more")))
}

/// The flags in a log.
pub fn flags(log: &[Entry]) -> Vec<Flag> {
    let mut flags: Vec<_> = log.iter().flat_map(|e| &e.flags).copied().collect();
    flags.sort_unstable();
    flags.dedup();
    flags
}

/// Whether nothing more will come by itself.
pub fn is_at_its_end(status: Status) -> bool {
    !matches!(status, Status::Pending | Status::Running)
}

/// Waits for a conversation's end.
pub async fn ended(store: &dyn Store, id: &str) -> Result<(), CliError> {
    let mut told = 0;
    loop {
        let began = Instant::now();
        let (now, log) = current(store, id, told).await?;
        if is_at_its_end(now.status) {
            return Ok(());
        }
        told += log.len() as u32;
        pause(LOOK, began.elapsed()).await;
    }
}

/// The conversations of an experiment's current revision.
pub fn of_current(record: &crate::store::ExperimentRecord) -> Filter {
    Filter { experiment: Some(record.id.clone()), revision: Some(record.revision.clone()) }
}
