//! `convoke import`: stores an experiment folder, or a file of another program, without running it.

use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit};
use crate::cli::problems::say_problems;
use crate::cli::stored::{print_changes, say_left_behind};
use crate::cli::terminal::text::short;
use crate::design::check::Checked;
use crate::lab::check::{self, place_problems};

use crate::lab::{Converted, Imported, LabError, convert_file, files};
use crate::store::sqlite::OpenMode;
use clap::Args;
use serde_json::json;

/// `convoke import`.
#[derive(Debug, Args)]
pub struct Import {
    /// Experiment's folder, or a file of another program: an arena of ChatArena
    #[arg(value_hint = clap::ValueHint::AnyPath)]
    pub source: String,
}

/// Runs `convoke import`.
pub async fn run(context: &Context, args: &Import) -> Result<Exit, CliError> {
    let from = &context.world.folder;
    let is_file = from.join(&args.source).is_file() && !args.source.ends_with("experiment.toml");
    let checked = if is_file { converted(context, &args.source)? } else { folder(context, &args.source)? };
    let is_right = !checked.has_errors();
    let Some(experiment) = checked.experiment.filter(|_| is_right) else {
        let subject = format!("the experiment in {} is wrong", args.source);
        return Err(context.refused(LabError::Wrong { subject, problems: checked.problems }));
    };
    say_problems(context, &checked.problems);
    let imported = context.lab(OpenMode::Run).await?.import_experiment(&experiment).await?;
    tell(context, &imported)
}

/// Converts a file of another program, and reports what is not taken over.
fn converted(context: &Context, source: &str) -> Result<Checked, CliError> {
    let path = context.world.folder.join(source);
    let Converted { program, checked, left_out } = convert_file(&path, &context.settings.servers)?;
    for what in &left_out {
        context.printer.warn(&format!("not taken over from {program}: {what}"));
    }
    Ok(checked)
}

/// Checks the folder, and refuses other sources.
fn folder(context: &Context, source: &str) -> Result<Checked, CliError> {
    let from = &context.world.folder;
    if source.contains("://") {
        let message = format!("{source} is no experiment's folder, and nothing else can be imported yet");
        return Err(CliError::usage(message).hint("a folder holds experiment.toml; `convoke new NAME` writes one"));
    }
    let Some(folder) = files::folder_named(from, source)? else {
        return Err(files::no_folder(from, source).into());
    };
    let mut checked = check::of_folder(&folder, &context.settings.servers)?;
    checked.problems = place_problems(from, &folder, &checked.problems);
    Ok(checked)
}

fn tell(context: &Context, imported: &Imported) -> Result<Exit, CliError> {
    let Imported { record, is_new, is_changed, changes, behind } = imported;
    if context.printer.json {
        context.printer.json_ok(&json!({
            "id": record.id, "name": record.name, "version": record.version, "revision": record.revision,
            "new": is_new, "changed": is_changed,
        }))?;
        return Ok(Exit::Done);
    }
    let (name, id, revision) = (&record.name, &record.id, short(&record.revision));
    context.printer.out(&match (is_new, is_changed) {
        (true, _) => format!("stored `{name}` (id {id})"),
        (false, false) => format!("`{name}` (id {id}) is stored so already"),
        (false, true) => format!("stored revision {revision} of your experiment `{name}` (id {id}):"),
    })?;
    print_changes(context, changes)?;
    let word = context.command_word(record);
    say_left_behind(context, (name, &word), *behind);
    context.say_next(&[&["run", &word]]);
    Ok(Exit::Done)
}
