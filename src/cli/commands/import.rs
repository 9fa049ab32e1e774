//! `convoke import`: an experiment folder, stored and not run.

use crate::cli::commands::colleagues::{self, left_behind, refuse_wrong};
use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit};
use crate::cli::problems::{placed, say_problems};
use crate::cli::terminal::text::short;
use crate::design::check::Checked;
use crate::design::{Experiment, diff, key};
use crate::store::sqlite::OpenMode;
use crate::store::{ExperimentRecord, NewExperiment};
use clap::Args;
use serde_json::json;

/// `convoke import`.
#[derive(Debug, Args)]
pub struct Import {
    /// An experiment's folder
    #[arg(value_hint = clap::ValueHint::DirPath)]
    pub source: String,
}

/// What there was of the experiment before.
struct Before {
    record: ExperimentRecord,
    document: Experiment,
}

/// Imports.
pub async fn run(context: &Context, args: &Import) -> Result<Exit, CliError> {
    let mut checked = folder(context, &args.source)?;
    let Some(experiment) = checked.experiment.take().filter(|_| !checked.has_errors()) else {
        return Err(refuse_wrong(context, &format!("the experiment in {} is wrong", args.source), &checked));
    };
    say_problems(context, &checked.problems);
    let store = context.open(OpenMode::Run).await?;
    let creator = context.creator();
    let before = match store.experiment(creator, &experiment.name).await? {
        Some(record) => {
            let document = context.document(&*store, &record).await?;
            Some(Before { record, document })
        }
        None => None,
    };
    let behind = match &before {
        Some(before) => left_behind(&*store, &before.record, &experiment).await?,
        None => 0,
    };
    let new = NewExperiment {
        id: format!("{:016x}", (context.world.random)()),
        creator: creator.to_owned(),
        now: (context.world.clock)(),
        revision: key::revision(&experiment),
        document: experiment.clone(),
        parent: None,
    };
    let record = store.save(new).await?;
    tell(context, &record, before.as_ref(), &experiment, behind)
}

/// The folder, checked. Whatever else there is to import from is told apart.
fn folder(context: &Context, source: &str) -> Result<Checked, CliError> {
    let other = || {
        CliError::usage(format!("{source} is no experiment's folder, and nothing else can be imported yet"))
            .hint("a folder holds experiment.toml; `convoke new NAME` writes one")
    };
    if source.contains("://") || context.world.folder.join(source).is_file() && !source.ends_with("experiment.toml") {
        return Err(other());
    }
    let Some(folder) = context.folder(source)? else {
        return Err(CliError::not_found(format!("there is no folder {source}")).hint("`convoke new NAME` writes one"));
    };
    let mut checked = context.check_folder(&folder)?;
    checked.problems = placed(context, &folder, &checked.problems);
    Ok(checked)
}

fn tell(
    context: &Context,
    record: &ExperimentRecord,
    before: Option<&Before>,
    experiment: &Experiment,
    behind: usize,
) -> Result<Exit, CliError> {
    let differing = before.map(|b| diff::lines(&b.document, experiment)).unwrap_or_default();
    let changed = before.is_none_or(|b| b.record.version != record.version);
    if context.printer.json {
        context.printer.json_ok(&json!({
            "id": record.id, "name": record.name, "version": record.version, "revision": record.revision,
            "new": before.is_none(), "changed": changed,
        }))?;
        return Ok(Exit::Done);
    }
    let (name, id, revision) = (&record.name, &record.id, short(&record.revision));
    context.printer.out(&match before {
        None => format!("stored `{name}` (id {id})"),
        Some(_) if !changed => format!("`{name}` (id {id}) is stored so already"),
        Some(_) => format!("stored revision {revision} of your experiment `{name}` (id {id}):"),
    })?;
    colleagues::show(context, &differing)?;
    colleagues::say_left_behind(context, name, behind);
    colleagues::next(context, "run", name);
    Ok(Exit::Done)
}
