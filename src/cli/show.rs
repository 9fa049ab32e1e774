//! `convoke show`: an experiment, all it consists of; or a conversation's transcript.

mod calls;
mod experiment;
mod transcript;

pub(super) use experiment::{parameters, placeholders};

use super::args;
use super::context::{Context, What};
use super::error::{CliError, Exit};
use super::follow::pause;
use crate::process::Flag;
use crate::process::log::Entry;
use crate::store::{Filter, News, Status, Store};
use std::time::{Duration, Instant};

/// How often `--follow` looks.
const LOOK: Duration = Duration::from_millis(300);

/// Shows.
pub async fn run(context: &Context, args: &args::Show) -> Result<Exit, CliError> {
    let store = context.reader().await?;
    match context.find_stored(&args.id, &*store).await? {
        What::Conversation(conversation) => transcript::run(context, args, &*store, *conversation).await,
        What::Experiment(_) if args.raw || args.calls || args.follow => {
            let message = format!("`{}` is an experiment; --raw, --calls and --follow are for a conversation", args.id);
            Err(CliError::usage(message).hint(format!("`convoke list {}` lists its conversations", args.id)))
        }
        What::Experiment(record) => experiment::run(context, &*store, *record).await,
        What::Folder(folder) => Err(CliError::not_found(format!("{} is not stored", folder.display()))),
    }
}

/// A conversation as it stands now, and its log from an entry on. The status is the older of the two: what is stored
/// after it was read is met the next time.
async fn current(store: &dyn Store, id: &str, from: u32) -> Result<News, CliError> {
    let found = store.news(&[(id.to_owned(), from)]).await?.pop();
    found.ok_or_else(|| CliError::not_found(format!("conversation {id} is not there any more")))
}

/// The flags in a log.
fn flags(log: &[Entry]) -> Vec<Flag> {
    let mut flags: Vec<_> = log.iter().flat_map(|e| &e.flags).copied().collect();
    flags.sort_unstable();
    flags.dedup();
    flags
}

/// Whether nothing more will come by itself.
fn is_at_its_end(status: Status) -> bool {
    !matches!(status, Status::Pending | Status::Running)
}

/// Waits for a conversation's end.
async fn ended(store: &dyn Store, id: &str) -> Result<(), CliError> {
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
fn of_current(record: &crate::store::ExperimentRecord) -> Filter {
    Filter { experiment: Some(record.id.clone()), revision: Some(record.revision.clone()) }
}
