//! `convoke new`: writes an experiment folder, completely or not at all, or stores the experiment.

use crate::cli::changes::{self, ChangeFlags};
use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit};
use crate::cli::problems::say_problems;
use crate::cli::terminal::printer::{Look, Piece};
use crate::design::check::check;
use crate::design::folder::{Files, bad_name};
use crate::design::{Experiment, Problem};
use crate::lab::LabError;
use crate::lab::change::apply_changes;
use crate::lab::examples::{self, EMPTY};
use crate::lab::files::write_folder;
use crate::store::StoreError;
use crate::store::sqlite::OpenMode;
use clap::Args;
use serde_json::json;
use std::path::{Path, PathBuf};

/// `convoke new`.
#[derive(Debug, Args)]
pub struct New {
    /// Name of the experiment and of its folder
    pub name: String,
    /// Example to start from: prison, debate, negotiation, focus-group, interview,
    /// ad-evaluation, market-research, office, rumour, or `empty`, a blank experiment
    #[arg(long, value_name = "EXAMPLE")]
    pub from: Option<String>,
    /// Folder in which to create the experiment's folder
    #[arg(long = "in", value_name = "DIR", default_value = ".")]
    pub into: PathBuf,
    /// Store it in the database instead of writing a folder
    #[arg(long, conflicts_with = "into")]
    pub stored: bool,
    /// What is otherwise than where it starts from.
    #[command(flatten)]
    pub changes: ChangeFlags,
}

/// Writes the folder, or stores the experiment.
pub async fn run(context: &Context, args: &New) -> Result<Exit, CliError> {
    if let Some(why) = bad_name(&args.name) {
        let message = format!("`{}` cannot be an experiment's name: {why}", args.name);
        return Err(CliError::usage(message).hint("--in DIR says where; NAME is a name, not a path"));
    }
    let changes = changes::read(context, &args.changes)?;
    let note = args.changes.note.as_ref();
    if !args.stored && args.from.as_deref() != Some(EMPTY) && changes.is_empty() && note.is_none() {
        return written(context, args, &examples::example_files(&args.name, args.from.as_deref())?);
    }
    let mut start = start(context, args)?;
    if let Some(note) = note {
        start.note = Some(note.clone());
    }
    let (files, checked) =
        apply_changes(&start, &changes, &context.settings.servers).map_err(|error| context.refused(error))?;
    if !args.stored {
        say_problems(context, &checked.problems);
        return written(context, args, &files);
    }
    match checked.experiment {
        Some(document) => stored(context, document, &checked.problems).await,
        None => Err(CliError::usage("nothing is there to be stored")),
    }
}

/// Returns the experiment to start from.
fn start(context: &Context, args: &New) -> Result<Experiment, CliError> {
    if args.from.as_deref() == Some(EMPTY) {
        return Ok(Experiment::empty(&args.name));
    }
    let files = examples::example_files(&args.name, args.from.as_deref())?;
    let checked = check(&files, &context.settings.servers.known_servers());
    let is_right = !checked.has_errors();
    let subject = format!("`{}` would be wrong", args.name);
    let wrong = LabError::Wrong { subject, problems: checked.problems };
    checked.experiment.filter(|_| is_right).ok_or_else(|| context.refused(wrong))
}

async fn stored(context: &Context, document: Experiment, warnings: &[Problem]) -> Result<Exit, CliError> {
    let created = context.lab(OpenMode::Write).await?.create_experiment(document, None).await;
    let record = created.map_err(|error| {
        let is_taken = matches!(error, LabError::Store(StoreError::Exists { .. }));
        let hint = "choose another name; `convoke edit` changes the one that is there";
        CliError::from(error).maybe_hint(is_taken.then(|| hint.to_owned()))
    })?;
    say_problems(context, warnings);
    if context.printer.json {
        context.printer.json_ok(&json!({
            "id": record.id, "name": record.name, "version": record.version, "revision": record.revision,
        }))?;
        return Ok(Exit::Done);
    }
    context.printer.out(&format!("stored `{}` (id {})", record.name, record.id))?;
    context.say_next(&[&["run", &context.command_word(&record)]]);
    Ok(Exit::Done)
}

fn written(context: &Context, args: &New, files: &Files) -> Result<Exit, CliError> {
    let shown = if args.into == Path::new(".") { args.name.clone().into() } else { args.into.join(&args.name) };
    write_folder(&context.world.folder.join(&shown), files)?;
    let paths: Vec<String> = files.keys().map(|f| shown.join(f).display().to_string()).collect();
    if context.printer.json {
        context.printer.json_ok(&json!({ "name": args.name, "path": shown.display().to_string(), "files": paths }))?;
        return Ok(Exit::Done);
    }
    for path in &paths {
        context.printer.pieces(&[Piece("wrote ", Look::Dim), Piece(path, Look::Plain)])?;
    }
    let what = as_argument(&shown);
    context.say_next(&[&["check", &what, "--preview"], &["run", &what, "--offline"]]);
    Ok(Exit::Done)
}

/// Returns a path as an argument: `./` precedes one that would be read as a flag or an id.
fn as_argument(path: &Path) -> String {
    let path = path.display().to_string();
    if path.starts_with('-') || path.starts_with("id:") { format!("./{path}") } else { path }
}
