//! `convoke verify`: reads the whole database, or one conversation, and prints its faults.

use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit};
use crate::cli::terminal::printer::{Look, Piece};
use crate::cli::terminal::text::count;
use crate::lab::LabError;
use crate::lab::verify::Verified;
use crate::store::Fault;
use clap::Args;

/// `convoke verify`.
#[derive(Debug, Args)]
pub struct Verify {
    /// Conversation's id [default: the whole database]
    pub id: Option<String>,
}

/// Runs `convoke verify`.
pub async fn run(context: &Context, args: &Verify) -> Result<Exit, CliError> {
    let lab = match &args.id {
        Some(id) => context.reader_for(id).await?,
        None => context.reader().await?,
    };
    let verified = lab.verify_store(args.id.as_deref()).await.map_err(explained)?;
    let Verified { faults, conversations, questions, entries } = verified;
    if context.printer.json {
        return json(context, &faults);
    }
    for fault in &faults {
        let place = if fault.conversation.is_empty() { "the database" } else { fault.conversation.as_str() };
        context.printer.pieces(&[
            Piece("fault: ", Look::Red),
            Piece(place, Look::Bold),
            Piece(": ", Look::Plain),
            Piece(&fault.what, Look::Plain),
        ])?;
    }
    if faults.is_empty() {
        let entries = format!("{entries} {}", if entries == 1 { "entry" } else { "entries" });
        let counts = match (conversations, questions) {
            (conversations, 0) => count(conversations, "conversation"),
            (0, questions) => count(questions, "question"),
            _ => format!("{}, {}", count(conversations, "conversation"), count(questions, "question")),
        };
        context.printer.out(&format!("{counts}, {entries}: whole and in order"))?;
        return Ok(Exit::Done);
    }
    context.printer.say(&format!("{}: keep a copy of it before anything else", count(faults.len(), "fault")));
    Ok(Exit::Store)
}

fn explained(error: LabError) -> CliError {
    let hint = matches!(error, LabError::IsExperiment { .. })
        .then(|| "`convoke verify` reads everything; or give a conversation".to_owned());
    CliError::from(error).maybe_hint(hint)
}

fn json(context: &Context, faults: &[Fault]) -> Result<Exit, CliError> {
    let data = serde_json::to_value(faults).unwrap_or_default();
    if faults.is_empty() {
        context.printer.json_ok(&data)?;
        return Ok(Exit::Done);
    }
    let message = format!("{} in the database", count(faults.len(), "fault"));
    let error = CliError::new(Exit::Store, "store-damaged", message).hint("keep a copy of it before anything else");
    context.printer.json_error(&error.json(), Some(&data))?;
    Ok(Exit::Store)
}
