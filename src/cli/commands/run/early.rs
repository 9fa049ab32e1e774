//! A run before its start: signals, errors, and waits for the database. The person's command for the end (`--notify`)
//! gets these ends too.

use super::notify::notify;
use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit};
use crate::cli::terminal::printer::Printer;
use crate::report::Trouble;
use crate::run::Event;
use serde_json::{Value as Json, json};
use std::pin::pin;
use tokio::sync::mpsc::UnboundedReceiver;

/// Ways to report an early end.
#[derive(Clone, Copy)]
pub struct Early<'a> {
    /// The line that continues the run.
    pub resume: &'a str,
    /// Command of the person for the end.
    pub notify: Option<&'a str>,
    /// True for one document at the end (`--json`) instead of a line for each event.
    pub is_document: bool,
}

/// Reports an error before the first request.
pub fn failed(context: &Context, error: CliError, early: Early<'_>) -> Result<Exit, CliError> {
    let Early { resume, notify: command, is_document } = early;
    let printer = &context.printer;
    match (printer.json, command) {
        (true, _) if !is_document => printer.json_line(&end_of(&error, resume))?,
        (_, None) => return Err(error),
        (true, Some(_)) => printer.json_error(&error.json(), None)?,
        (false, Some(_)) => printer.error(&error.message, &error.causes, error.hint.as_deref()),
    }
    if let Some(command) = command {
        notify(context, command, &end_of(&error, resume));
    }
    Ok(error.exit)
}

/// Ends after a signal before the start. The same command continues with the stored part of the plan.
pub fn left(context: &Context, exit: Exit, early: Early<'_>) -> Result<Exit, CliError> {
    let Early { resume, notify: command, is_document } = early;
    if context.world.terminals[2] {
        // A question may have hidden the cursor.
        let _ = console::Term::stderr().show_cursor();
    }
    let interrupted = CliError::new(exit, "interrupted", "interrupted before anything was asked");
    let mut end = end_of(&interrupted, resume);
    end["status"] = json!("interrupted");
    if context.printer.json && is_document {
        context.printer.json_error(&interrupted.json(), None)?;
    } else if context.printer.json {
        context.printer.json_line(&end)?;
    } else {
        context.printer.error(&interrupted.message, &[], None);
        context.printer.say("to continue:");
        context.printer.say(resume);
    }
    if let Some(command) = command {
        notify(context, command, &end);
    }
    Ok(exit)
}

/// Returns the last line of `run --json` for an error before the start.
pub fn end_of(error: &CliError, resume: &str) -> Json {
    json!({
        "event": "end", "status": "error", "done": 0, "failed": 0, "left": 0, "possible_spend": 0,
        "resume": resume, "error": error.json(),
    })
}

/// Launches a run, and reports each wait for the database.
pub async fn listening<T>(
    (printer, is_json): (&Printer, bool),
    received: &mut UnboundedReceiver<Event>,
    launching: impl Future<Output = Result<T, CliError>>,
) -> Result<T, CliError> {
    let mut launching = pin!(launching);
    loop {
        tokio::select! {
            biased;
            Some(event) = received.recv() => report(printer, is_json, &event),
            launched = &mut launching => return launched,
        }
    }
}

fn report(printer: &Printer, is_json: bool, event: &Event) {
    if is_json {
        // Events of text and numbers always serialise, and a closed output needs none.
        let _ = printer.json_line(&serde_json::to_value(event).unwrap_or_default());
        return;
    }
    let is_of_store = matches!(event, Event::StoreAway { .. } | Event::StoreBack);
    if let Some(line) = Trouble::default().line_of(event).filter(|_| is_of_store) {
        printer.say(&line);
    }
}
