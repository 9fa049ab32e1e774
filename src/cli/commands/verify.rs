//! `convoke verify`: reads the whole database, or one conversation, and says what is wrong with it.

use crate::cli::context::{Context, What};
use crate::cli::error::{CliError, Exit};
use crate::cli::terminal::printer::{Look, Piece};
use crate::cli::terminal::text::count;
use crate::exchange::{Of, Pages};
use crate::store::{Fault, Filter, Store};
use clap::Args;

/// `convoke verify`.
#[derive(Debug, Args)]
pub struct Verify {
    /// A conversation's id; without it, everything
    pub id: Option<String>,
}

/// Verifies.
pub async fn run(context: &Context, args: &Verify) -> Result<Exit, CliError> {
    let store = context.reader().await?;
    let one = match &args.id {
        None => None,
        Some(id) => Some(conversation(context, &*store, id).await?),
    };
    let faults = store.verify(one.as_deref()).await?;
    if context.printer.json {
        return json(context, &faults);
    }
    for fault in &faults {
        let place = if fault.conversation.is_empty() { "the database" } else { fault.conversation.as_str() };
        context.printer.pieces(&[
            Piece("fault: ", Look::Red),
            Piece(place, Look::Bold),
            Piece(": ", Look::Plain),
            Piece(&fault.what, Look::Plain),
        ])?;
    }
    if faults.is_empty() {
        context.printer.out(&whole(&*store, one.as_deref()).await?)?;
        return Ok(Exit::Done);
    }
    context.printer.say(&format!("{}: keep a copy of it before anything else", count(faults.len(), "fault")));
    Ok(Exit::Store)
}

async fn conversation(context: &Context, store: &dyn Store, id: &str) -> Result<String, CliError> {
    if let What::Conversation(conversation) = context.find_stored(id, store).await? {
        return Ok(conversation.id);
    }
    let message = format!("`{id}` is an experiment");
    Err(CliError::usage(message).hint("`convoke verify` reads everything; or give a conversation"))
}

fn json(context: &Context, faults: &[Fault]) -> Result<Exit, CliError> {
    let data = serde_json::to_value(faults).unwrap_or_default();
    if faults.is_empty() {
        context.printer.json_ok(&data)?;
        return Ok(Exit::Done);
    }
    let message = format!("{} in the database", count(faults.len(), "fault"));
    let error = CliError::new(Exit::Store, "store-damaged", message).hint("keep a copy of it before anything else");
    context.printer.json_error(&error.json(), Some(&data))?;
    Ok(Exit::Store)
}

async fn whole(store: &dyn Store, one: Option<&str>) -> Result<String, CliError> {
    let (mut conversations, mut entries) = (0, 0);
    if let Some(id) = one {
        (conversations, entries) = (1, store.history(id).await?.log.len());
    } else {
        for experiment in store.records().await? {
            let of = Of::All(Filter { experiment: Some(experiment.id), revision: None });
            let mut pages = Pages::new(store, &of);
            loop {
                let page = pages.next_logs().await?;
                if page.is_empty() {
                    break;
                }
                conversations += page.len();
                entries += page.iter().map(|(_, log)| log.len()).sum::<usize>();
            }
        }
    }
    let entries = format!("{entries} {}", if entries == 1 { "entry" } else { "entries" });
    Ok(format!("{}, {entries}: whole and in order", count(conversations, "conversation")))
}
