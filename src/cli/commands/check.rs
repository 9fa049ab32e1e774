//! `convoke check`: every mistake at once; or each prompt as it will be sent; or guesses written down.

mod fix;
mod preview;

use crate::cli::context::{Context, What};
use crate::cli::error::{CliError, Exit};
use crate::cli::problems::{pieces, placed, say_problems};
use crate::cli::terminal::printer::{Look, Piece};
use crate::cli::terminal::text::count;
use crate::design::check::Checked;
use crate::design::{Problem, Severity};
use clap::Args;
use serde_json::Value as Json;
use std::path::PathBuf;

/// `convoke check`.
#[derive(Debug, Args)]
pub struct Check {
    /// An experiment's folder, name or id
    #[arg(default_value = "", hide_default_value = true)]
    pub what: String,
    /// Print each prompt of each condition as it will be sent
    #[arg(long)]
    pub preview: bool,
    /// With --preview: only conditions that hold, as in 'goal=escape risks=true'; repeated, any of them
    #[arg(long, value_name = "EXPR", requires = "preview")]
    pub only: Vec<String>,
    /// With --preview: only this role
    #[arg(long, value_name = "NAME", requires = "preview")]
    pub role: Option<String>,
    /// Write guessed plurals and pronouns into experiment.toml
    #[arg(long, conflicts_with = "preview")]
    pub fix: bool,
}

/// What is checked, and where its files stand as a person wrote it.
struct Target {
    checked: Checked,
    folder: Option<PathBuf>,
}

/// Checks.
pub async fn run(context: &Context, args: &Check) -> Result<Exit, CliError> {
    let mut target = target(context, &args.what).await?;
    if args.fix {
        let Some(folder) = target.folder.clone() else {
            let message = format!("`{}` is in the database: --fix writes into a folder", args.what);
            let hint = format!("`convoke export {} --format folder` writes one", args.what);
            return Err(CliError::usage(message).hint(hint));
        };
        for line in fix::write(&folder, &target.checked.guessed)? {
            context.printer.chat(&line);
        }
        target.checked = context.check_folder(&folder)?;
    }
    let problems = match &target.folder {
        Some(folder) => placed(context, folder, &target.checked.problems),
        None => target.checked.problems.clone(),
    };
    if args.preview && !target.checked.has_errors() {
        return preview::run(context, args.role.as_deref(), &args.only, &target.checked, &problems);
    }
    report(context, &target.checked, &problems)
}

/// Prints each prompt of an experiment that is stored nowhere yet.
pub fn preview_of(context: &Context, checked: &Checked) -> Result<(), CliError> {
    if checked.has_errors() {
        say_problems(context, &checked.problems);
        return Ok(());
    }
    preview::run(context, None, &[], checked, &[]).map(drop)
}

async fn target(context: &Context, what: &str) -> Result<Target, CliError> {
    if let Some(folder) = context.folder(what)? {
        return Ok(Target { checked: context.check_folder(&folder)?, folder: Some(folder) });
    }
    let store = context.reader().await?;
    let record = match context.find_stored(what, &*store).await? {
        What::Experiment(record) => *record,
        What::Conversation(conversation) => context.experiment_of(&*store, &conversation).await?,
        What::Folder(folder) => return Err(CliError::not_found(format!("{} is not stored", folder.display()))),
    };
    let document = context.document(&*store, &record).await?;
    Ok(Target { checked: context.check_stored(&document), folder: None })
}

fn report(context: &Context, checked: &Checked, problems: &[Problem]) -> Result<Exit, CliError> {
    let exit = if checked.has_errors() { Exit::Experiment } else { Exit::Done };
    let closing = closing(checked);
    if context.printer.json {
        let data = serde_json::to_value(problems).unwrap_or(Json::Null);
        if exit == Exit::Done {
            context.printer.json_ok(&data)?;
        } else {
            let error = CliError::new(exit, "experiment-invalid", closing).hint("`data` holds every mistake");
            context.printer.json_error(&error.json(), Some(&data))?;
        }
        return Ok(exit);
    }
    for problem in problems {
        context.printer.pieces(&pieces(problem, &problem.to_string()))?;
        context.printer.out("")?;
    }
    let look = if exit == Exit::Done { Look::Green } else { Look::Bold };
    context.printer.pieces(&[Piece(&closing, look)])?;
    Ok(exit)
}

fn closing(checked: &Checked) -> String {
    let of = |severity| checked.problems.iter().filter(|p| p.severity == severity).count();
    let (errors, warnings) = (of(Severity::Error), of(Severity::Warning));
    let planned = checked.plan.as_ref().map(|plan| {
        let conditions = count(plan.conditions.len(), "condition");
        format!("{conditions}, {} of each", count(plan.replicates as usize, "conversation"))
    });
    match (errors, warnings, planned) {
        (0, 0, Some(planned)) => format!("no problem: {planned}"),
        (0, _, Some(planned)) => format!("{}: {planned}", count(warnings, "warning")),
        (_, 0, _) => count(errors, "error"),
        _ => format!("{}, {}", count(errors, "error"), count(warnings, "warning")),
    }
}
