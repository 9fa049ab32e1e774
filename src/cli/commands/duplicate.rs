//! `convoke duplicate`: a copy of an experiment, one's own or a colleague's, changed by the flags of `edit`.

use crate::cli::commands::colleagues;
use crate::cli::commands::edit::{changed, of_flags};
use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit};
use crate::cli::problems::say_problems;
use crate::design::edit::Changes;
use crate::design::{Experiment, diff, key};
use crate::store::{ExperimentRecord, NewExperiment, Store, StoreError};
use serde_json::json;

/// Most copies of one name that are tried.
const COPIES: u32 = 10_000;

/// Copies.
pub async fn run(context: &Context, args: &crate::cli::commands::edit::Edit) -> Result<Exit, CliError> {
    let changes = of_flags(context, args)?;
    let store = context.changing().await?;
    let target = context.target(&*store, &args.what).await?;
    let original = context.only_experiment(&*store, "duplicate", &args.what, target).await?;
    let old = context.document(&*store, &original).await?;
    let (copy, new) = match &args.name {
        Some(_) => create(context, &*store, &original, &old, &changes, args.changes.note.as_ref()).await?,
        None => proposed(context, &*store, &original, &old, changes, args.changes.note.as_ref()).await?,
    };
    tell(context, &original, &copy, &diff::lines(&old, &new))
}

/// Makes the copy under the first name that is free: `NAME-2` and so on; a folder's own name before these.
async fn proposed(
    context: &Context,
    store: &dyn Store,
    original: &ExperimentRecord,
    old: &Experiment,
    mut changes: Changes,
    note: Option<&String>,
) -> Result<(ExperimentRecord, Experiment), CliError> {
    let of_folder = changes.whole.as_ref().map(|e| e.name.clone()).filter(|n| *n != original.name);
    let numbered = (2..COPIES).map(|n| format!("{}-{n}", original.name));
    for name in of_folder.into_iter().chain(numbered) {
        if store.experiment(context.creator(), &name).await?.is_some() {
            continue;
        }
        changes.name = Some(name);
        match create(context, store, original, old, &changes, note).await {
            // Somebody took it between our look and this.
            Err(error) if error.code == "exists" => {}
            done => return done,
        }
    }
    Err(CliError::usage(format!("`{}` has too many copies to find another name", original.name)).hint("--name NAME"))
}

async fn create(
    context: &Context,
    store: &dyn Store,
    original: &ExperimentRecord,
    old: &Experiment,
    changes: &Changes,
    note: Option<&String>,
) -> Result<(ExperimentRecord, Experiment), CliError> {
    let (mut document, warnings) = changed(context, old, changes)?;
    // An empty one is none.
    document.note = note.or(original.note.as_ref()).filter(|note| !note.trim().is_empty()).cloned();
    let new = NewExperiment {
        id: format!("{:016x}", (context.world.random)()),
        creator: context.creator().to_owned(),
        now: (context.world.clock)(),
        revision: key::revision(&document),
        document: document.clone(),
        parent: Some(original.id.clone()),
    };
    let copy = store.create(new).await.map_err(|error| match error {
        StoreError::Exists { .. } => {
            CliError::from(error).hint("--name says another; without it, one that is free is found")
        }
        other => other.into(),
    })?;
    say_problems(context, &warnings);
    Ok((copy, document))
}

fn tell(
    context: &Context,
    original: &ExperimentRecord,
    copy: &ExperimentRecord,
    changes: &[String],
) -> Result<Exit, CliError> {
    if context.printer.json {
        context.printer.json_ok(&json!({
            "id": copy.id, "name": copy.name, "version": copy.version, "revision": copy.revision,
            "parent": copy.parent, "changes": changes,
        }))?;
        return Ok(Exit::Done);
    }
    let whose = if original.creator == copy.creator { String::new() } else { format!(" of {}", original.creator) };
    let end = if changes.is_empty() { "" } else { "; what differs:" };
    context.printer.out(&format!("copied `{}`{whose} to `{}` (id {}){end}", original.name, copy.name, copy.id))?;
    colleagues::show(context, changes)?;
    colleagues::next(context, "run", &copy.name);
    Ok(Exit::Done)
}
