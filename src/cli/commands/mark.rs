//! `convoke note` and `convoke star`: notes and stars, which are each person's own.

use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit};
use crate::lab::{Named, Target};
use crate::store::Mark;
use clap::Args;
use serde_json::{Value as Json, json};

/// `convoke note`.
#[derive(Debug, Args)]
pub struct Note {
    /// Experiment's name, id or folder, or a conversation's id
    #[arg(default_value = "", hide_default_value = true)]
    pub what: String,
    /// Note to write [default: print the note]
    #[arg(conflicts_with = "drop")]
    pub text: Option<String>,
    /// Remove the note
    #[arg(long)]
    pub drop: bool,
}

/// `convoke star`.
#[derive(Debug, Args)]
pub struct Star {
    /// Experiment's name, id or folder, or a conversation's id
    #[arg(default_value = "", hide_default_value = true)]
    pub what: String,
    /// Remove the star
    #[arg(long)]
    pub off: bool,
}

/// Writes, prints or removes a note.
pub async fn note(context: &Context, args: &Note) -> Result<Exit, CliError> {
    let note = match &args.text {
        Some(text) if text.trim().is_empty() => {
            return Err(CliError::usage("the note is empty").hint("--drop takes a note away"));
        }
        text => text.clone(),
    };
    if note.is_none() && !args.drop {
        return show(context, &args.what).await;
    }
    mark(context, &args.what, Mark { note: Some(note), ..Mark::default() }).await
}

/// Sets or removes a star.
pub async fn star(context: &Context, args: &Star) -> Result<Exit, CliError> {
    mark(context, &args.what, Mark { starred: Some(!args.off), ..Mark::default() }).await
}

async fn show(context: &Context, what: &str) -> Result<Exit, CliError> {
    let lab = context.reader_for(what).await?;
    let mut target = lab.find_target(what).await?;
    lab.load_marks().await?.own_target(&mut target);
    let note = match &target {
        Target::Experiment(e) => &e.note,
        Target::Conversation(c) => &c.note,
    };
    match note {
        _ if context.printer.json => context.printer.json_ok(&json(&target, &Mark::default()))?,
        Some(note) => context.printer.out(note)?,
        None => context.printer.chat(&format!("{} has no note", Named::from(&target))),
    }
    Ok(Exit::Done)
}

async fn mark(context: &Context, what: &str, mark: Mark) -> Result<Exit, CliError> {
    let lab = context.changing(what).await?;
    let mut target = lab.find_target(what).await?;
    lab.load_marks().await?.own_target(&mut target);
    lab.set_mark(&target, mark.clone()).await?;
    if context.printer.json {
        context.printer.json_ok(&json(&target, &mark))?;
    } else {
        context.printer.out(&said(&Named::from(&target), &mark))?;
    }
    Ok(Exit::Done)
}

fn said(what: &Named, mark: &Mark) -> String {
    match (&mark.note, mark.starred) {
        (Some(Some(note)), _) => format!("noted on {what}: {note}"),
        (Some(None), _) => format!("dropped the note of {what}"),
        (None, Some(false)) => format!("took the star from {what}"),
        (None, _) => format!("starred {what}"),
    }
}

/// Returns the item as JSON after the change.
fn json(target: &Target, mark: &Mark) -> Json {
    let (kind, id, name, note, starred) = match target {
        Target::Experiment(e) => ("experiment", &e.id, Some(&e.name), &e.note, e.starred),
        Target::Conversation(c) => (c.kind.word(), &c.id, None, &c.note, c.starred),
    };
    let (note, starred) = (mark.note.as_ref().unwrap_or(note), mark.starred.unwrap_or(starred));
    json!({ "kind": kind, "id": id, "name": name, "note": note, "starred": starred })
}
