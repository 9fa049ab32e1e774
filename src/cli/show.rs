//! `convoke show`: an experiment, all it consists of; or a conversation's transcript.

mod calls;
mod experiment;
mod transcript;

pub(super) use experiment::{parameters, placeholders};

use super::args;
use super::context::{Context, What};
use super::error::{CliError, Exit};
use super::records::Flagged;
use crate::store::{ConversationRecord, Filter, Status, Store};
use std::time::Duration;

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

/// A conversation as it stands now, with the flags in its log.
async fn current(store: &dyn Store, conversation: &ConversationRecord) -> Result<Flagged, CliError> {
    let mut found = store.find_conversations(&conversation.id).await?;
    found.retain(|c| c.id == conversation.id);
    let record = found.pop().unwrap_or_else(|| conversation.clone());
    let log = store.history(&record.id).await?.log;
    let mut flags: Vec<_> = log.iter().flat_map(|e| &e.flags).copied().collect();
    flags.sort_unstable();
    flags.dedup();
    Ok((record, flags))
}

/// Whether nothing more will come by itself.
fn is_at_its_end(status: Status) -> bool {
    !matches!(status, Status::Pending | Status::Running)
}

/// Waits for a conversation's end.
async fn ended(store: &dyn Store, mut conversation: ConversationRecord) -> Result<ConversationRecord, CliError> {
    while !is_at_its_end(conversation.status) {
        tokio::time::sleep(LOOK).await;
        conversation = current(store, &conversation).await?.0;
    }
    Ok(conversation)
}

/// The conversations of an experiment's current revision.
fn of_current(record: &crate::store::ExperimentRecord) -> Filter {
    Filter { experiment: Some(record.id.clone()), revision: Some(record.revision.clone()) }
}
