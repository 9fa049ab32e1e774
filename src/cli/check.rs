//! `convoke check`: every mistake at once; or each prompt as it will be sent; or guesses written down.

mod fix;
mod preview;

use super::args;
use super::context::{Context, What};
use super::error::{CliError, Exit};
use super::printer::{Look, Piece};
use super::text::count;
use crate::design::check::Checked;
use crate::design::{Problem, Severity};
use serde_json::Value as Json;
use std::path::{Path, PathBuf};

/// What is checked, and where its files stand as a person wrote it.
struct Target {
    checked: Checked,
    folder: Option<PathBuf>,
}

/// Checks.
pub async fn run(context: &Context, args: &args::Check) -> Result<Exit, CliError> {
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
        return preview::run(context, args, &target.checked, &problems);
    }
    report(context, &target.checked, &problems)
}

/// Prints each prompt of an experiment that is stored nowhere yet.
pub fn preview_of(context: &Context, checked: &Checked) -> Result<(), CliError> {
    let args = args::Check { what: String::new(), preview: true, only: Vec::new(), role: None, fix: false };
    if checked.has_errors() {
        say_problems(context, &checked.problems);
        return Ok(());
    }
    preview::run(context, &args, checked, &[]).map(drop)
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

/// The problems with their paths as seen from the working folder.
pub(super) fn placed(context: &Context, folder: &Path, problems: &[Problem]) -> Vec<Problem> {
    let folder = folder.strip_prefix(&context.world.folder).unwrap_or(folder);
    let folder = folder.strip_prefix(".").unwrap_or(folder);
    let path = |problem: &Problem| folder.join(Path::new(&problem.path)).display().to_string();
    problems.iter().map(|problem| Problem { path: path(problem), ..problem.clone() }).collect()
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

/// Says problems as talk: errors always, warnings unless `--quiet`.
pub fn say_problems(context: &Context, problems: &[Problem]) {
    for problem in problems.iter().filter(|p| p.severity == Severity::Error || !context.printer.quiet) {
        context.printer.say_pieces(&pieces(problem, &problem.to_string()));
    }
}

/// A problem with its first word in colour.
fn pieces<'a>(problem: &Problem, text: &'a str) -> [Piece<'a>; 2] {
    let (look, length) = if problem.severity == Severity::Error { (Look::Red, 6) } else { (Look::Yellow, 8) };
    let (word, rest) = text.split_at_checked(length).unwrap_or(("", text));
    [Piece(word, look), Piece(rest, Look::Plain)]
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
