//! Dispatch of a parsed command to the function that runs it.

use super::args::{Cli, Command};
use super::commands::{
    ask, check, completions, delete, diff, doctor, duplicate, edit, export, import, list, login, man, mark, models,
    new, people, plan, run, show, store, summary, talk, verify,
};
use super::context::Context;
use super::error::{CliError, Exit};
use super::help::with_pages;
use super::pick;
use super::terminal::signals;
use clap::CommandFactory;
use std::future::Future;
use std::sync::atomic::AtomicBool;

/// Returns true for commands that handle Ctrl-C themselves.
pub(super) fn is_busy(command: &Command) -> bool {
    matches!(command, Command::Run(_) | Command::Talk(_) | Command::Ask(_) | Command::Store(_))
}

/// Runs a command, after asking for omitted arguments.
pub(super) async fn run_command(context: &Context, command: &Command) -> Result<Exit, CliError> {
    match pick::complete_command(context, command).await? {
        Some((context, command)) => call_command(&context, &command).await,
        None => call_command(context, command).await,
    }
}

async fn call_command(context: &Context, command: &Command) -> Result<Exit, CliError> {
    match command {
        Command::New(args) => new::run(context, args).await,
        Command::Check(args) => check::run(context, args).await,
        Command::Plan(args) => plan::run(context, args).await,
        Command::Run(args) => Box::pin(run::run(context, args)).await,
        Command::Talk(args) => Box::pin(talk::run(context, args)).await,
        Command::Ask(args) => Box::pin(ask::run(context, args)).await,
        Command::List(args) => list::run(context, args).await,
        Command::Show(args) => show::run(context, args).await,
        Command::Edit(args) => edit::run(context, args).await,
        Command::Duplicate(args) => duplicate::run(context, args).await,
        Command::Note(args) => mark::note(context, args).await,
        Command::Star(args) => mark::star(context, args).await,
        Command::Delete(args) => delete::run(context, args).await,
        Command::Diff(args) => diff::run(context, args).await,
        Command::Import(args) => import::run(context, args).await,
        Command::Export(args) => export::run(context, args).await,
        Command::Summary(args) => summary::run(context, args).await,
        Command::People(args) => people::run(context, args).await,
        Command::Models(args) => models::run(context, args).await,
        Command::Login(args) => login::run(context, args).await,
        Command::Store(args) => store::run(context, args).await,
        Command::Verify(args) => verify::run(context, args).await,
        Command::Completions(args) => completions::script(context, args),
        Command::Man(args) => man::run(context, args, with_pages(Cli::command())),
        Command::Doctor(args) => doctor::run(context, args).await,
    }
}

/// Runs a command that does not handle signals itself, on one thread. Ctrl-C and SIGTERM end it at once: reads of the
/// database in the background are abandoned, and an unfinished file is removed. While `is_lent` is true, a pager handles
/// them.
pub(super) fn run_reading(
    is_lent: &AtomicBool,
    work: impl Future<Output = Result<Exit, CliError>>,
) -> Result<Exit, CliError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let outcome = runtime.block_on(async {
        signals::outlive_file_limit();
        tokio::select! {
            outcome = work => outcome,
            exit = signals::unheard(is_lent) => Ok(exit?),
        }
    });
    runtime.shutdown_background();
    outcome
}

/// Runs a command that handles Ctrl-C itself.
pub(super) fn run_busy(work: impl Future<Output = Result<Exit, CliError>>) -> Result<Exit, CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(async {
        signals::outlive_file_limit();
        work.await
    });
    // The remaining tasks have received the stop signal. They are awaited only for a short time.
    runtime.shutdown_timeout(std::time::Duration::from_millis(200));
    outcome
}
