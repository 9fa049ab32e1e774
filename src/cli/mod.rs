//! The command line: the only room that sees clap, the terminal and the environment.
//!
//! Arguments become settings, settings become plain values, and a command is a function of those: one file each.

mod alone;
pub mod args;
mod changes;
pub mod check;
mod colleagues;
pub mod complete;
pub mod context;
pub mod delete;
mod designed;
pub mod diff;
pub mod doctor;
mod dotenv;
mod drafts;
pub mod duplicate;
pub mod edit;
pub mod error;
pub mod export;
mod follow;
pub mod guide;
pub mod import;
pub mod list;
pub mod login;
mod logs;
pub mod man;
pub mod mark;
pub mod models;
mod more;
mod narrow;
pub mod new;
mod person;
mod pick;
pub mod plan;
pub mod printer;
pub mod prompt;
mod records;
pub mod run;
pub mod settings;
pub mod show;
mod signals;
pub mod store;
mod summary;
pub mod talk;
mod text;
pub mod typing;
pub mod verify;

use args::{Cli, Command, Global};
use clap::{CommandFactory, Parser};
use context::Context;
use error::{CliError, Exit};
use printer::Printer;
use settings::World;
use std::ffi::OsString;
use std::future::Future;
use std::io::Write;

/// Does what the arguments say and returns the exit code. `world` is asked only once they are understood.
pub fn start(arguments: impl IntoIterator<Item = OsString>, world: fn() -> World) -> u8 {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    // A shell asks for completions: there is no command to be understood yet.
    if let Some(shell) = std::env::var_os(complete::VARIABLE).filter(|shell| !shell.is_empty()) {
        return complete::answer(&shell, &arguments, world()) as u8;
    }
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => return misunderstood(&error, &arguments),
    };
    let world = world();
    let printer = context::printer(&world, &cli.global);
    let resume =
        matches!(cli.command, Some(Command::Run(_) | Command::Talk(_))).then(|| run::resume_line(&world.arguments));
    match finish(world, cli.global, cli.command.as_ref()) {
        Ok(exit) => exit as u8,
        Err(error) => tell(&printer, &error, resume.as_deref()),
    }
}

/// What clap says: help and versions are no errors.
fn misunderstood(error: &clap::Error, arguments: &[OsString]) -> u8 {
    if error.use_stderr() && arguments.iter().any(|a| a == "--json") {
        let text = error.to_string();
        let message = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
        let hint = "`convoke --help` lists what there is";
        let words: Vec<String> = arguments.iter().skip(1).map(|a| a.to_string_lossy().into_owned()).collect();
        let cli = Cli::command();
        let is_run = words.iter().find(|w| cli.find_subcommand(w).is_some()).is_some_and(|w| w == "run" || w == "talk");
        let resume = is_run.then(|| run::resume_line(&words));
        return tell(&Printer::plain(true), &CliError::usage(message).hint(hint), resume.as_deref());
    }
    let _ = error.print();
    if error.use_stderr() { Exit::Usage as u8 } else { Exit::Done as u8 }
}

/// Says an error; with `resume`, as the last line of `run --json`.
fn tell(printer: &Printer, error: &CliError, resume: Option<&str>) -> u8 {
    match resume {
        // Nobody can be told that it could not be written.
        Some(resume) if printer.json => drop(printer.json_line(&run::end_of(error, resume))),
        None if printer.json => drop(printer.json_error(&error.json(), None)),
        _ => printer.error(&error.message, &error.causes, error.hint.as_deref()),
    }
    error.exit as u8
}

fn finish(world: World, global: Global, command: Option<&Command>) -> Result<Exit, CliError> {
    let context = Context::new(world, global)?;
    match command {
        Some(command) if is_busy(command) => busy(perform(&context, command)),
        Some(command) => looking(perform(&context, command)),
        None if context.may_ask() => busy(guide::run(context)),
        None => {
            // Nobody can be told that the help could not be written.
            let _ = write!(std::io::stderr(), "{}", Cli::command().render_help());
            Ok(Exit::Usage)
        }
    }
}

/// Whether a command hears Ctrl-C itself.
fn is_busy(command: &Command) -> bool {
    matches!(command, Command::Run(_) | Command::Talk(_) | Command::Store(_))
}

/// Does what a command says; what was left out of it is asked for first.
async fn perform(context: &Context, command: &Command) -> Result<Exit, CliError> {
    match pick::complete(context, command).await? {
        Some((context, command)) => dispatch(&context, &command).await,
        None => dispatch(context, command).await,
    }
}

async fn dispatch(context: &Context, command: &Command) -> Result<Exit, CliError> {
    match command {
        Command::New(args) => new::run(context, args).await,
        Command::Check(args) => check::run(context, args).await,
        Command::Plan(args) => plan::run(context, args).await,
        Command::Run(args) => run::run(context, args).await,
        Command::Talk(args) => talk::run(context, args).await,
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
        Command::Models(args) => models::run(context, args).await,
        Command::Login(args) => login::run(context, args).await,
        Command::Store(args) => store::run(context, args).await,
        Command::Verify(args) => verify::run(context, args).await,
        Command::Completions(args) => complete::script(context, args),
        Command::Man(args) => man::run(context, args),
        Command::Doctor(args) => doctor::run(context, args).await,
    }
}

/// Commands that look: one thread does, and Ctrl-C ends them at once. What a database reads in the background is
/// left behind, and a file that is being written is taken away.
fn looking(work: impl Future<Output = Result<Exit, CliError>>) -> Result<Exit, CliError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let outcome = runtime.block_on(async {
        tokio::select! {
            outcome = work => outcome,
            _ = tokio::signal::ctrl_c() => Ok(Exit::Interrupt),
        }
    });
    runtime.shutdown_background();
    outcome
}

/// What hears Ctrl-C itself.
fn busy(work: impl Future<Output = Result<Exit, CliError>>) -> Result<Exit, CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(work);
    // What still runs was told to stop; nobody waits for it any longer.
    runtime.shutdown_timeout(std::time::Duration::from_millis(200));
    outcome
}
