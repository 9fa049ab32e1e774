//! `convoke diff`: prints the differences between two experiments.

use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit};
use crate::cli::problems::say_problems;
use crate::cli::shell::quoted;
use crate::cli::terminal::printer::{Look, Piece};
use crate::cli::terminal::text::short;
use crate::design::diff::{Difference, Line, diff};
use crate::design::{Experiment, key};
use crate::lab::check::{self, place_problems};
use crate::lab::{Lab, files};
use clap::Args;
use serde_json::{Value as Json, json};
use std::path::Path;

/// `convoke diff`.
#[derive(Debug, Args)]
pub struct Diff {
    /// First experiment: its folder, name or id; a conversation's id means its experiment as it was run
    #[arg(default_value = "", hide_default_value = true)]
    pub a: String,
    /// Second experiment, named in the same ways
    #[arg(default_value = "", hide_default_value = true)]
    pub b: String,
}

/// One of the compared experiments.
struct Side {
    /// Name to print.
    name: String,
    document: Experiment,
}

/// Runs `convoke diff`.
pub async fn run(context: &Context, args: &Diff) -> Result<Exit, CliError> {
    // Two folders need no database.
    let named = |what| files::folder_named(&context.world.folder, what);
    let folders = [named(&args.a)?, named(&args.b)?];
    let stored = [&args.a, &args.b].into_iter().zip(&folders).find(|(_, folder)| folder.is_none());
    let lab = match stored {
        Some((what, _)) => Some(context.reader_for(what).await?),
        None => None,
    };
    let mut sides = Vec::new();
    for (what, folder) in [&args.a, &args.b].into_iter().zip(folders) {
        sides.push(match (folder, &lab) {
            (Some(folder), _) => of_folder(context, what, &folder)?,
            (None, Some(lab)) => of_store(lab, what).await?,
            (None, None) => return Err(CliError::not_found(format!("there is no experiment `{what}`"))),
        });
    }
    let [a, b] = &sides[..] else { return Ok(Exit::Done) };
    let found = diff(&a.document, &b.document);
    if context.printer.json {
        let one = |d: &Difference| json!({ "what": d.what, "a": d.a, "b": d.b });
        context.printer.json_ok(&Json::Array(found.iter().map(one).collect()))?;
        return Ok(Exit::Done);
    }
    if found.is_empty() {
        context.printer.out(&format!("no difference between {} and {}", a.name, b.name))?;
        return Ok(Exit::Done);
    }
    context.printer.pieces(&[Piece("- ", Look::Red), Piece(&a.name, Look::Bold)])?;
    context.printer.pieces(&[Piece("+ ", Look::Green), Piece(&b.name, Look::Bold)])?;
    found.iter().try_for_each(|difference| show(context, difference))?;
    Ok(Exit::Done)
}

fn show(context: &Context, difference: &Difference) -> std::io::Result<()> {
    let lines = difference.lines();
    let end = if lines.is_empty() { "" } else { ":" };
    context.printer.out(&format!("{}{end}", difference.line()))?;
    lines.iter().try_for_each(|line| {
        let (sign, text, look) = match line {
            Line::Gone(text) => ("  - ", text, Look::Red),
            Line::New(text) => ("  + ", text, Look::Green),
        };
        context.printer.pieces(&[Piece(sign, look), Piece(text, look)])
    })
}

fn of_folder(context: &Context, what: &str, folder: &Path) -> Result<Side, CliError> {
    let mut checked = check::of_folder(folder, &context.settings.servers)?;
    checked.problems = place_problems(&context.world.folder, folder, &checked.problems);
    let right = !checked.has_errors();
    let Some(document) = checked.experiment.filter(|_| right) else {
        say_problems(context, &checked.problems);
        return Err(CliError::invalid(format!("the experiment in {what} is wrong"))
            .hint(format!("`convoke check {}` reports every mistake", quoted(what))));
    };
    Ok(Side { name: format!("`{}` in {what}", document.name), document })
}

/// Loads a stored experiment. For a conversation, loads the revision that planned it last.
async fn of_store(lab: &Lab, what: &str) -> Result<Side, CliError> {
    let (record, document) = lab.find_compared(what).await?;
    let whose = if record.creator == lab.who.creator { String::new() } else { format!(" of {}", record.creator) };
    let revision = if what.contains('@') {
        format!(", revision {}", short(&key::hash_revision(&document)))
    } else {
        String::new()
    };
    Ok(Side { name: format!("`{}`{whose} (id {}{revision})", record.name, record.id), document })
}
