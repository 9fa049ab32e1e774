//! `convoke delete`: deletes an experiment with all its conversations, one conversation or selected ones, after a
//! confirmation.

use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit};
use crate::cli::questions::agreed;
use crate::cli::selecting::Selecting;
use crate::cli::terminal::text::count;
use crate::lab::{Named, Target};
use clap::Args;
use serde_json::{Value as Json, json};

/// `convoke delete`.
#[derive(Debug, Args)]
pub struct Delete {
    /// Experiment's name, id or folder (its files are kept), or a conversation's id
    #[arg(default_value = "", hide_default_value = true)]
    pub what: String,
    /// Delete conversations that were planned and never begun, of every revision; refused while a run is at work
    #[arg(long, conflicts_with_all = ["status", "offline", "revision", "all"])]
    pub pending: bool,
    /// Flags that select conversations of an experiment.
    #[command(flatten)]
    pub selecting: Selecting,
}

/// Runs `convoke delete`.
pub async fn run(context: &Context, args: &Delete) -> Result<Exit, CliError> {
    let lab = context.changing(&args.what).await?;
    if args.pending {
        let filters = args.selecting.filters(context.creator());
        let deleted = agreed(context, async |yes| lab.delete_pending(&args.what, &filters, yes).await).await?;
        return tell_selected(context, &deleted);
    }
    if !args.selecting.is_empty() {
        let criteria = args.selecting.criteria(context.creator());
        let deleted = agreed(context, async |yes| lab.delete_selected(&args.what, &criteria, yes).await).await?;
        return tell_selected(context, &deleted);
    }
    let target = lab.find_own(&args.what).await?;
    let creators = agreed(context, async |yes| lab.delete_target(&target, yes).await).await?;
    tell(context, &target, &creators)
}

fn tell_selected(context: &Context, deleted: &[(String, usize)]) -> Result<Exit, CliError> {
    let number = deleted.iter().map(|(_, n)| n).sum();
    if context.printer.json {
        let with = creators_json(deleted);
        context
            .printer
            .json_ok(&json!({ "kind": "conversations", "id": null, "name": null, "conversations": with }))?;
    } else {
        context.printer.out(&format!("deleted {}", count(number, "conversation")))?;
    }
    Ok(Exit::Done)
}

fn creators_json(creators: &[(String, usize)]) -> Json {
    creators.iter().map(|(who, n)| json!({ "creator": who, "conversations": n })).collect()
}

fn tell(context: &Context, target: &Target, with: &[(String, usize)]) -> Result<Exit, CliError> {
    let (kind, id, name) = match target {
        Target::Experiment(e) => ("experiment", &e.id, Some(&e.name)),
        Target::Conversation(c) => (c.kind.word(), &c.id, None),
    };
    if context.printer.json {
        let with = creators_json(with);
        context.printer.json_ok(&json!({ "kind": kind, "id": id, "name": name, "conversations": with }))?;
        return Ok(Exit::Done);
    }
    let number = with.iter().map(|(_, n)| n).sum();
    let with = if kind == "experiment" { format!(" and {}", count(number, "conversation")) } else { String::new() };
    context.printer.out(&format!("deleted {} (id {id}){with}", Named::from(target)))?;
    Ok(Exit::Done)
}
