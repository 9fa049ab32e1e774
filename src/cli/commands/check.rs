//! `convoke check`: reports every mistake at once, prints each prompt as it will be sent, or writes guesses to the
//! file.

mod preview;

use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit};
use crate::cli::problems::{pieces, say_problems};
use crate::cli::terminal::pager::page_output;
use crate::cli::terminal::printer::{Look, Piece};
use crate::cli::terminal::text::count;
use crate::design::check::Checked;
use crate::design::folder::Guess;
use crate::design::{Condition, Named, Problem, Severity, Value, When, markdown};
use crate::lab::check::{self, Examined, place_problems};
use crate::lab::{files, guesses};
use clap::Args;
use serde_json::Value as Json;
use std::path::Path;

/// `convoke check`.
#[derive(Debug, Args)]
pub struct Check {
    /// Experiment's folder, name or id
    #[arg(default_value = "", hide_default_value = true)]
    pub what: String,
    /// Print each prompt of each condition as it will be sent
    #[arg(long)]
    pub preview: bool,
    /// With --preview: only conditions that match, such as 'goal=escape risks=true'; repeat it to add other conditions
    #[arg(long, value_name = "EXPR", requires = "preview")]
    pub only: Vec<String>,
    /// With --preview: only the prompts of this role
    #[arg(long, value_name = "NAME", requires = "preview")]
    pub role: Option<String>,
    /// Write guessed plurals and pronouns into experiment.toml
    #[arg(long, conflicts_with = "preview")]
    pub fix: bool,
}

/// Runs `convoke check`.
pub async fn run(context: &Context, args: &Check) -> Result<Exit, CliError> {
    let mut examined = examine(context, &args.what).await?;
    if args.fix {
        let Some(folder) = examined.folder.clone() else {
            let message = format!("`{}` is in the database: --fix writes into a folder", args.what);
            let line = context.paste_line(&["export", &args.what, "--format", "folder"]);
            let hint = format!("`{line}` writes one");
            return Err(CliError::usage(message).hint(hint));
        };
        write_guesses(context, &folder, &examined.checked.guessed)?;
        examined.checked = check::of_folder(&folder, &context.settings.servers)?;
    }
    let problems = match &examined.folder {
        Some(folder) => place_problems(&context.world.folder, folder, &examined.checked.problems),
        None => examined.checked.problems.clone(),
    };
    if args.preview && !examined.checked.has_errors() {
        let only = &args.only;
        let preview = async { preview::run(context, args.role.as_deref(), only, &examined.checked, &problems) };
        return page_output(&context.terminal, preview).await;
    }
    report(context, &examined.checked, &problems)
}

/// Prints each prompt of an experiment that is not stored, or those of one condition.
pub async fn preview_of(context: &Context, checked: &Checked, condition: Option<&Condition>) -> Result<(), CliError> {
    if checked.has_errors() {
        say_problems(context, &checked.problems);
        return Ok(());
    }
    let when = |level: &Named<Value>| When { factor: level.name.clone(), any: vec![level.value.to_string()] };
    let only = condition.map(|c| markdown::write_when(&c.levels.iter().map(when).collect::<Vec<_>>()));
    let preview = async { preview::run(context, None, only.as_slice(), checked, &[]) };
    page_output(&context.terminal, preview).await.map(drop)
}

fn write_guesses(context: &Context, folder: &Path, guessed: &[Guess]) -> Result<(), CliError> {
    if guessed.is_empty() {
        context.printer.chat("nothing to write: every plural and pronoun is written down");
        return Ok(());
    }
    guesses::write_guesses(folder, guessed)?;
    for guess in guessed {
        let words: Vec<String> =
            guesses::guessed_words(guess).map(|(key, word)| format!("{key} = \"{word}\"")).collect();
        let (words, role) = (words.join(" and "), &guess.role);
        context.printer.chat(&format!("wrote {words} of role `{role}` into experiment.toml: change what is not right"));
    }
    Ok(())
}

async fn examine(context: &Context, what: &str) -> Result<Examined, CliError> {
    match files::folder_named(&context.world.folder, what)? {
        Some(folder) => {
            Ok(Examined { checked: check::of_folder(&folder, &context.settings.servers)?, folder: Some(folder) })
        }
        None => Ok(Examined { checked: context.reader_for(what).await?.check_stored(what).await?, folder: None }),
    }
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
