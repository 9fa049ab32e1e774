//! `convoke delete`: an experiment with all its conversations, or one conversation; never without a yes.

use crate::cli::commands::colleagues::{Target, tally};
use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit};
use crate::cli::terminal::prompt::confirm;
use crate::cli::terminal::text::count;
use crate::store::Store;
use clap::Args;
use serde_json::json;

/// `convoke delete`.
#[derive(Debug, Args)]
pub struct Delete {
    /// An experiment's name, id or folder (which stays), or a conversation's id
    #[arg(default_value = "", hide_default_value = true)]
    pub what: String,
}

/// Deletes.
pub async fn run(context: &Context, args: &Delete) -> Result<Exit, CliError> {
    let store = context.changing().await?;
    let target = context.own(&*store, &args.what).await?;
    let with = creators(&*store, &target).await?;
    say(context, &*store, &target, &with).await?;
    if !confirm(&context.terminal, &format!("delete {}?", target.words()), "--yes").await? {
        return Err(CliError::new(Exit::Usage, "declined", "nothing was deleted"));
    }
    store.delete(&target.item(), context.creator()).await.map_err(|error| target.error(error))?;
    tell(context, &target, &with)
}

/// Who ran the conversations that go, and how many: the most first.
async fn creators(store: &dyn Store, target: &Target) -> Result<Vec<(String, usize)>, CliError> {
    let experiment = match target {
        Target::Experiment(record) => record,
        Target::Conversation(record) => return Ok(vec![(record.creator.clone(), 1)]),
    };
    let mut with: Vec<(String, usize)> = Vec::new();
    for standing in store.standing(&experiment.id).await? {
        match with.iter_mut().find(|(who, _)| *who == standing.creator) {
            Some((_, number)) => *number += 1,
            None => with.push((standing.creator, 1)),
        }
    }
    with.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    Ok(with)
}

async fn say(context: &Context, store: &dyn Store, target: &Target, with: &[(String, usize)]) -> Result<(), CliError> {
    match target {
        Target::Experiment(record) => {
            context.printer.say(&format!("with {} {}", target.words(), tally(with)));
            let all = store.records().await?;
            let copies = all.iter().filter(|e| e.parent.as_ref() == Some(&record.id));
            let copies: Vec<String> = copies.map(|e| format!("`{}` of {}", e.name, e.creator)).collect();
            if !copies.is_empty() {
                context.printer.say(&format!("copies of it stay: {}", copies.join(", ")));
            }
        }
        Target::Conversation(record) => {
            let entries = store.history(&record.id).await?.log.len();
            let entries = format!("{entries} {}", if entries == 1 { "entry" } else { "entries" });
            context.printer.say(&format!("{} has {entries}", target.words()));
        }
    }
    Ok(())
}

fn tell(context: &Context, target: &Target, with: &[(String, usize)]) -> Result<Exit, CliError> {
    let (kind, id, name) = match target {
        Target::Experiment(e) => ("experiment", &e.id, Some(&e.name)),
        Target::Conversation(c) => ("conversation", &c.id, None),
    };
    if context.printer.json {
        let with: Vec<_> = with.iter().map(|(who, n)| json!({ "creator": who, "conversations": n })).collect();
        context.printer.json_ok(&json!({ "kind": kind, "id": id, "name": name, "conversations": with }))?;
        return Ok(Exit::Done);
    }
    let number = with.iter().map(|(_, n)| n).sum();
    let with = if kind == "experiment" { format!(" and {}", count(number, "conversation")) } else { String::new() };
    context.printer.out(&format!("deleted {} (id {id}){with}", target.words()))?;
    Ok(Exit::Done)
}
