//! The guide: `convoke` alone on a terminal.
//!
//! It asks questions and builds a command from the answers. The command does the work and is printed, so that people
//! learn it. Every action here is a command, too. Esc goes back, Ctrl-C leaves.

mod ask;
mod batch;
mod choosing;
mod command;
mod conversations;
mod differences;
mod draft_file;
mod experiment;
mod picker;
mod progress;
mod questions;
mod saving;
mod select;
mod session;
mod start;
mod varying;
mod wizard;

use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit};
use crate::cli::terminal::signals;
use session::{Guide, LEFT};
use std::sync::Arc;

/// Runs the guide until the person leaves.
pub async fn run(context: Context) -> Result<Exit, CliError> {
    let busy = Arc::clone(&context.terminal.is_lent);
    let mut guide = Guide { context, busy: Arc::clone(&busy) };
    let printer = guide.context.printer.clone();
    let left = tokio::select! {
        // Polled first, so that signals are handled from now on.
        biased;
        exit = signals::unheard(&busy) => Ok(exit?),
        left = guide.first_menu() => left,
    };
    let exit = match left {
        Err(error) if error.code == LEFT => return Ok(error.exit),
        Err(error) if error.exit != Exit::Interrupt => return Err(error),
        Err(error) => error.exit,
        Ok(exit) => exit,
    };
    if matches!(exit, Exit::Interrupt | Exit::Terminate) {
        printer.say("left; whatever was done is kept");
    }
    Ok(exit)
}
