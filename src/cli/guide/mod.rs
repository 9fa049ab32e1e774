//! The guide: `convoke` alone on a terminal.
//!
//! It asks, and fills the words of a command with the answers; the command does the job, and is shown afterwards, so
//! that people learn it. Nothing is done here that a command could not do.

mod ask;
mod picker;

use super::args::Cli;
use super::context::Context;
use super::error::{CliError, Exit};
use super::printer::{Look, Piece};
use super::{is_busy, perform, prompt, run};
use clap::Parser;

/// Where nothing may be asked there is no guide, so no flag answers.
const HINT: &str = "`convoke --help` lists the commands that ask nothing";

/// The guide.
struct Guide {
    context: Context,
}

/// Guides until the person leaves.
pub async fn run(context: Context) -> Result<Exit, CliError> {
    let guide = Guide { context };
    loop {
        let items = ["list experiments".to_owned(), "exit".to_owned()];
        match prompt::one_of(&guide.context, "what next?", &items, 0, HINT).await? {
            Some(0) => guide.job(&["list"]).await?,
            _ => return Ok(Exit::Done),
        };
    }
}

impl Guide {
    /// Does what a command does, and says which. Its error is told; then the guide goes on, unless it was Ctrl-C.
    async fn job(&self, words: &[&str]) -> Result<Exit, CliError> {
        let mut line: Vec<String> = words.iter().map(|w| (*w).to_owned()).collect();
        if let Some(store) = &self.context.global.store {
            line.extend(["--store".to_owned(), store.clone()]);
        }
        let cli = Cli::try_parse_from(["convoke".to_owned()].iter().chain(&line))
            .map_err(|error| CliError::usage(error.to_string().lines().next().unwrap_or_default().to_owned()))?;
        let Some(command) = cli.command else { return Ok(Exit::Done) };
        let context = self.context.again(line.clone(), cli.global);
        let done = if is_busy(&command) {
            perform(&context, &command).await
        } else {
            tokio::select! {
                biased;
                _ = tokio::signal::ctrl_c() => Ok(Exit::Interrupt),
                done = perform(&context, &command) => done,
            }
        };
        let exit = match done {
            Err(error) if error.exit != Exit::Interrupt => {
                context.printer.error(&error.message, &error.causes, error.hint.as_deref());
                error.exit
            }
            done => done?,
        };
        if exit == Exit::Interrupt {
            return Err(CliError::new(Exit::Interrupt, "interrupted", "interrupted"));
        }
        self.context
            .printer
            .say_pieces(&[Piece("the same by hand: ", Look::Dim), Piece(&run::resume_line(&line), Look::Plain)]);
        Ok(exit)
    }
}
