//! The commands and their arguments. A command's doc comment is its help.
//!
//! The name of an experiment or conversation may be omitted: the argument is empty then, and `pick` asks for it before
//! the command runs.

use super::commands::ask::Ask;
use super::commands::check::Check;
use super::commands::completions::Completions;
use super::commands::delete::Delete;
use super::commands::diff::Diff;
use super::commands::doctor::Doctor;
use super::commands::edit::Edit;
use super::commands::export::Export;
use super::commands::import::Import;
use super::commands::list::List;
use super::commands::login::Login;
use super::commands::man::Manual;
use super::commands::mark::{Note, Star};
use super::commands::models::Models;
use super::commands::new::New;
use super::commands::plan::PlanArgs;
use super::commands::run::Run;
use super::commands::show::Show;
use super::commands::store::StoreArgs;
use super::commands::talk::Talk;
use super::commands::verify::Verify;
use super::global::Global;
use clap::{Parser, Subcommand};

/// Design, run and analyse conversations among language-model agents.
#[derive(Debug, Parser)]
#[command(
    name = "convoke",
    version,
    arg_required_else_help = false,
    disable_help_subcommand = true,
    max_term_width = 100
)]
pub struct Cli {
    /// Global options.
    #[command(flatten)]
    pub global: Global,
    /// The command.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a new experiment: a folder, or stored
    ///
    /// What it starts from is changed by the same flags as with `edit`, in the same order. `--json` of a folder gives
    /// `{name, path, files}`, with --stored `{id, name, version, revision}`.
    New(Box<New>),
    /// Report every mistake of an experiment, or show each prompt as it will be sent
    Check(Check),
    /// Say what a run would do: conditions, calls, tokens; spends nothing
    Plan(PlanArgs),
    /// Do what is missing; the same command continues
    Run(Run),
    /// Take part in one conversation yourself; the same command continues
    ///
    /// A run of one conversation, of the first condition that the flags leave: the first that is not at its end, else a
    /// new one. Needs a terminal.
    Talk(Talk),
    /// Ask agents of finished conversations; the same command continues
    ///
    /// Each agent is asked alone, after everything that its next turn would have shown it; all are asked at once. The
    /// conversations stay as they are. The answers: `convoke export WHAT --rows answers --format csv`. `--json` gives an
    /// array of those rows with the `id` and `status` of each question. Exit code 6 where no conversation is done.
    Ask(Ask),
    /// List experiments, or the conversations of one
    List(List),
    /// Show an experiment, or a conversation's transcript
    Show(Show),
    /// Change an experiment of yours
    ///
    /// Changes are done in this order, whatever the order of flags: --from, --name, --starting-message, --model,
    /// --roles, --drop-section, --private, --share, --section, --set. The result is checked as a folder is; a wrong one
    /// changes nothing (exit code 3). `--json` gives `{id, name, version, revision, changed, changes, left_behind}`.
    Edit(Edit),
    /// Copy an experiment, yours or a colleague's, changed by the same flags as `edit`
    ///
    /// Note and texts are copied, star and conversations are not. `--json` gives `{id, name, version, revision, parent,
    /// changes}`.
    Duplicate(Edit),
    /// Write, show or drop a note of an experiment or conversation
    ///
    /// `--json` gives `{kind, id, name, note, starred}`.
    Note(Note),
    /// Star an experiment or conversation
    ///
    /// `--json` gives `{kind, id, name, note, starred}`.
    Star(Star),
    /// Delete an experiment with its conversations, or one conversation
    ///
    /// Says first whose conversations go with it, and needs a yes. Copies stay. `--json` gives `{kind, id, name,
    /// conversations: [{creator, conversations}]}`.
    Delete(Delete),
    /// Say what differs between two experiments
    ///
    /// Factors, levels, models, protocol, roles, their words, `[run]`, the order of things, and of each text the changed
    /// lines: - is A, + is B. Name and note are not compared. Exit code 0 whether they differ or not. `--json` gives an
    /// array of `{what, a, b}`; what is not there is null.
    Diff(Diff),
    /// Store an experiment folder without running it
    ///
    /// `--json` gives `{id, name, version, revision, new, changed}`.
    Import(Import),
    /// Write transcripts and data to files
    Export(Export),
    /// List what each server offers, or fetch a model
    ///
    /// A server that cannot be asked is told of and fails nothing; where none can be asked, the exit code is 5.
    Models(Models),
    /// Sign in to a MongoDB, and keep how in .env
    ///
    /// What flags, environment and .env do not say is asked for; after a failure only what was wrong is asked again.
    /// Where .env has what is needed, every command signs in by itself.
    Login(Login),
    /// Say which database is used and why, or copy everything from one to another
    Store(StoreArgs),
    /// Read the whole database and say what is wrong with it
    Verify(Verify),
    /// Print what makes a shell complete commands, flags, and the names and ids in the database
    ///
    /// bash: `convoke completions bash > ~/.local/share/bash-completion/completions/convoke`; zsh: into a file `_convoke` of
    /// a folder in `fpath`; fish: into `~/.config/fish/completions/convoke.fish`; powershell and elvish: at the end of the
    /// profile. The shell then asks `convoke`, which must be on its path. A database that does not answer within 100 ms
    /// completes nothing.
    Completions(Completions),
    /// Write the help as pages for `man`
    Man(Manual),
    /// Look at database, keys, servers and models
    ///
    /// Exit code 4 or 5 where the database, or a server that somebody configured, fails. A server that nobody
    /// configured is a note.
    Doctor(Doctor),
}
