//! The command line: the only room that sees clap, the terminal and the environment.
//!
//! Arguments become settings, settings become plain values, and a command is a function of those.
//!
//! | place | come here to change |
//! |---|---|
//! | `args` | the list of commands; the text of `--help` is written at each command |
//! | `global` | options of all commands |
//! | `commands/` | a command: its arguments, and its work |
//! | `narrow`, `changes`, `selecting` | flags that narrow a plan, change an experiment, or select conversations |
//! | `dispatch` | how commands are started, and how they handle Ctrl-C |
//! | `complete` | completions in a shell |
//! | `planning` | planning an experiment by its name |
//! | `pick` | the choice of an omitted argument |
//! | `context`, `opening` | the values that every command receives; opening the database |
//! | `sign_in`, `identity` | signing in to a MongoDB, and the person who did |
//! | `problems` | how mistakes of an experiment are printed |
//! | `questions` | confirmations |
//! | `selected` | texts about the conversations that a selection has and leaves out |
//! | `stored` | lines that several commands print about an experiment that was changed |
//! | `error` | exit codes, and the texts of errors |
//! | `shell` | quoting for a shell |
//! | `help` | groups, examples, exit codes and variables in `--help` |
//! | `lines` | lines that can be pasted into a shell |
//! | `logs` | the program's own log |
//! | `settings/` | flags, environment, `.env` and the configuration file |
//! | `terminal/` | output, questions, signals, a person's turn |
//! | `guide/` | `convoke` alone on a terminal |

pub mod args;
mod changes;
pub mod commands;
mod complete;
pub mod context;
mod dispatch;
pub mod error;
pub mod global;
pub mod guide;
mod help;
mod identity;
mod lines;
mod logs;
mod narrow;
mod opening;
mod pick;
mod planning;
mod problems;
mod questions;
mod selected;
mod selecting;
pub mod settings;
mod shell;
mod sign_in;
mod stored;
pub mod terminal;

use args::{Cli, Command};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, FromArgMatches};
use commands::{completions, run};
use context::Context;
use dispatch::{is_busy, run_busy, run_command, run_reading};
use error::{CliError, Exit};
use global::Global;
use settings::World;
use std::ffi::OsString;
use std::io::Write;
use terminal::printer::Printer;

/// Runs the command and returns the exit code. `world` is called only after the arguments are parsed.
pub fn start(arguments: impl IntoIterator<Item = OsString>, world: fn() -> World) -> u8 {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    // A completion request of a shell is not a command line, so it is not parsed as one.
    if let Some(shell) = std::env::var_os(completions::VARIABLE).filter(|shell| !shell.is_empty()) {
        return complete::print_completions(&shell, &arguments, world()) as u8;
    }
    let cli = match parse(&arguments) {
        Ok(cli) => cli,
        Err(error) => return report_parse_error(&error, &arguments),
    };
    let world = world();
    let printer = context::create_printer(&world, &cli.global);
    let resume =
        matches!(cli.command, Some(Command::Run(_) | Command::Talk(_))).then(|| shell::resume_line(&world.arguments));
    let is_guide = cli.command.is_none() && world.terminals[2];
    let code = match run_parsed(world, cli.global, cli.command.as_ref()) {
        Ok(exit) => exit as u8,
        Err(error) => report_error(&printer, &error, resume.as_deref()),
    };
    if is_guide && code == Exit::Interrupt as u8 {
        // If a person left a question, its thread may have hidden the cursor again.
        let _ = console::Term::stderr().show_cursor();
    }
    code
}

/// Parses a command line. The help that is printed is whole.
fn parse(arguments: &[OsString]) -> Result<Cli, clap::Error> {
    let mut command = help::with_pages(Cli::command());
    let parsed = command.try_get_matches_from_mut(arguments).and_then(|matches| Cli::from_arg_matches(&matches));
    parsed.map_err(|error| with_tip(error.format(&mut command), arguments))
}

/// Adds a tip to an error about a value that begins with `-`, which was read as a flag.
fn with_tip(mut error: clap::Error, arguments: &[OsString]) -> clap::Error {
    let invalid = match (error.kind(), error.get(ContextKind::InvalidArg)) {
        (ErrorKind::UnknownArgument, Some(ContextValue::String(invalid))) => invalid.clone(),
        _ => return error,
    };
    let words: Vec<String> = arguments.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let is_it = |pair: &&[String]| takes_value(&words, &pair[0]) && pair[1].len() > 1 && pair[1].starts_with(&invalid);
    if let Some([flag, value]) = words.windows(2).find(is_it) {
        let tip = format!("to give '{value}' as the value, write {flag}={}", shell::quoted(value));
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    }
    error
}

/// True for a flag of the command on a line that takes a value.
fn takes_value(words: &[String], flag: &str) -> bool {
    let cli = Cli::command();
    let Some(command) = words.iter().skip(1).find_map(|word| cli.find_subcommand(word)) else { return false };
    let mut flags = command.get_arguments().chain(cli.get_arguments());
    flags.any(|a| {
        a.get_action().takes_values() && a.get_long().is_some_and(|long| flag.strip_prefix("--") == Some(long))
    })
}

/// Reports an error of clap. Help and version are reported in the same way, but are not errors.
fn report_parse_error(error: &clap::Error, arguments: &[OsString]) -> u8 {
    if let Some(unreadable) = arguments.iter().find(|a| a.to_str().is_none())
        && error.kind() == clap::error::ErrorKind::InvalidUtf8
    {
        let error = CliError::usage(format!("the argument `{}` is not UTF-8", unreadable.to_string_lossy()))
            .hint("rename it, or go into that folder and write `.`");
        return report_error(&Printer::plain(arguments.iter().any(|a| a == "--json")), &error, None);
    }
    if error.use_stderr() && arguments.iter().any(|a| a == "--json") {
        let text = error.to_string();
        let message = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
        let tip = text.lines().find_map(|line| line.trim().strip_prefix("tip: "));
        let hint = tip.unwrap_or("`convoke --help` lists the commands and their flags");
        let words: Vec<String> = arguments.iter().skip(1).map(|a| a.to_string_lossy().into_owned()).collect();
        let cli = Cli::command();
        let is_run = words.iter().find(|w| cli.find_subcommand(w).is_some()).is_some_and(|w| w == "run" || w == "talk");
        let resume = is_run.then(|| shell::resume_line(&words));
        return report_error(&Printer::plain(true), &CliError::usage(message).hint(hint), resume.as_deref());
    }
    let _ = error.print();
    if error.use_stderr() { Exit::Usage as u8 } else { Exit::Done as u8 }
}

/// Prints an error. With `--json` and `resume`, prints it as the last line of a run.
fn report_error(printer: &Printer, error: &CliError, resume: Option<&str>) -> u8 {
    match resume {
        // A failure to write this line cannot be reported, so it is ignored.
        Some(resume) if printer.json => drop(printer.json_line(&run::end_of(error, resume))),
        None if printer.json => drop(printer.json_error(&error.json(), None)),
        _ => printer.error(&error.message, &error.causes, error.hint.as_deref()),
    }
    error.exit as u8
}

fn run_parsed(world: World, global: Global, command: Option<&Command>) -> Result<Exit, CliError> {
    let context = Context::new(world, global)?;
    match command {
        Some(command) if is_busy(command) => run_busy(run_command(&context, command)),
        Some(command) => run_reading(&context.terminal.is_lent, run_command(&context, command)),
        None if context.may_ask() => run_busy(guide::run(context)),
        None => {
            // A failure to write the help cannot be reported, so it is ignored.
            let _ = write!(std::io::stderr(), "{}", help::with_pages(Cli::command()).render_help());
            Ok(Exit::Usage)
        }
    }
}
