//! What can be typed. A command's doc comment is its help.
//!
//! What a command works on may be left out: the argument is empty then, and `pick` asks for it before the command sees it.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

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
    /// What holds everywhere.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Options that hold everywhere.
#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct Global {
    /// The database: sqlite:PATH, sqlite:PATH?max-mb=N for a quota, or `mongodb://HOST/DATABASE`
    #[arg(long, global = true, value_name = "URI", help_heading = "Everywhere")]
    pub store: Option<String>,
    /// Print one JSON document (run: JSON lines) on standard output
    #[arg(long, global = true, help_heading = "Everywhere")]
    pub json: bool,
    /// Never ask; fail naming the flag that answers
    #[arg(long, global = true, help_heading = "Everywhere")]
    pub no_input: bool,
    /// Answer every question with yes
    #[arg(long, short = 'y', global = true, help_heading = "Everywhere")]
    pub yes: bool,
    /// When to use colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", help_heading = "Everywhere")]
    pub color: Color,
    /// Say more
    #[arg(long, short, global = true, action = clap::ArgAction::Count, help_heading = "Everywhere")]
    pub verbose: u8,
    /// Say less
    #[arg(long, short, global = true, help_heading = "Everywhere")]
    pub quiet: bool,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What to do.
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

/// `convoke new`.
#[derive(Debug, Args)]
pub struct New {
    /// Name of the experiment and of its folder
    pub name: String,
    /// Start from an experiment that ships: prison, debate or negotiation; or from `empty`, in which there is nothing
    #[arg(long, value_name = "EXAMPLE")]
    pub from: Option<String>,
    /// Folder in which to make it
    #[arg(long = "in", value_name = "DIR", default_value = ".")]
    pub into: PathBuf,
    /// Store it in the database instead of writing a folder
    #[arg(long, conflicts_with = "into")]
    pub stored: bool,
    /// What is otherwise than where it starts from.
    #[command(flatten)]
    pub changes: Changes,
}

/// `convoke check`.
#[derive(Debug, Args)]
pub struct Check {
    /// An experiment's folder, name or id
    #[arg(default_value = "", hide_default_value = true)]
    pub what: String,
    /// Print each prompt of each condition as it will be sent
    #[arg(long)]
    pub preview: bool,
    /// With --preview: only conditions that hold, as in 'goal=escape risks=true'; repeated, any of them
    #[arg(long, value_name = "EXPR", requires = "preview")]
    pub only: Vec<String>,
    /// With --preview: only this role
    #[arg(long, value_name = "NAME", requires = "preview")]
    pub role: Option<String>,
    /// Write guessed plurals and pronouns into experiment.toml
    #[arg(long, conflicts_with = "preview")]
    pub fix: bool,
}

/// Flags of `plan` and `run` that narrow or override.
#[derive(Debug, Clone, Args)]
pub struct Narrow {
    /// Model to use, by its name in the experiment or SERVER/NAME, or human; repeated, each is a level
    #[arg(long, value_name = "ID")]
    pub model: Vec<String>,
    /// Days, or a range A..B of which each is a level
    #[arg(long, value_name = "N|A..B")]
    pub days: Option<String>,
    /// Agents of a role, or a range; repeated for several roles
    #[arg(long, value_name = "ROLE=N|A..B")]
    pub agents: Vec<String>,
    /// Openings and speeches together
    #[arg(long, value_name = "N")]
    pub messages: Option<u32>,
    /// Who speaks next: round-robin, random, auto or manual
    #[arg(long, value_name = "S")]
    pub speakers: Option<String>,
    /// Conversations per condition
    #[arg(long, value_name = "N")]
    pub replicates: Option<u32>,
    /// Seed of everything random
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Any factor or protocol key; the value is read as TOML, else as text; repeated for several
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Only conditions that hold, as in 'goal=escape risks=true'; repeated, any of them
    #[arg(long, value_name = "EXPR")]
    pub only: Vec<String>,
    /// So many conversations, replicate 1 of every condition first
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// Replace every model by `scripted`, which is none and costs nothing
    #[arg(long)]
    pub offline: bool,
}

/// `convoke plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// An experiment's folder, name or id
    #[arg(default_value = "", hide_default_value = true)]
    pub what: String,
    /// What to narrow or override.
    #[command(flatten)]
    pub narrow: Narrow,
}

/// `convoke run`.
#[derive(Debug, Args)]
pub struct Run {
    /// An experiment's folder, name or id; or a conversation's id, which alone goes on then, as it was planned
    #[arg(default_value = "", hide_default_value = true)]
    pub what: String,
    /// What to narrow or override.
    #[command(flatten)]
    pub narrow: Narrow,
    /// So many replicates further than the highest that was begun; they become the experiment's
    ///
    /// The same as --replicates M, M = the highest begun + N. M is kept with the experiment in the database where that is
    /// yours. Of a folder, `[run]` of its file stays as it is, and the next run of the folder without --more goes by it
    /// again: conversations are never taken away, write M there to keep it. While an earlier --more is not finished, this
    /// finishes it and adds none, so that the same command continues after anything.
    #[arg(long, value_name = "N", conflicts_with = "replicates")]
    pub more: Option<u32>,
    /// Requests in flight over all servers
    #[arg(long, value_name = "N")]
    pub jobs: Option<u32>,
    /// Further attempts of a call that failed
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub max_retries: u32,
    /// Give failed conversations another chance
    #[arg(long)]
    pub retry_failed: bool,
    /// Refuse to fetch models that a server lacks
    #[arg(long)]
    pub no_pull: bool,
    /// How long turns in flight may take after Ctrl-C
    #[arg(long, value_name = "TIME", default_value = "30s")]
    pub grace: String,
    /// How long to wait for a database that went away or is full
    #[arg(long, value_name = "TIME", default_value = "10m")]
    pub store_wait: String,
}

/// `convoke talk`.
#[derive(Debug, Args)]
#[command(
    mut_arg("more", |a| a.hide(true)),
    mut_arg("replicates", |a| a.hide(true)),
    mut_arg("limit", |a| a.hide(true)),
    mut_arg("offline", |a| a.hide(true)),
)]
pub struct Talk {
    /// The role that you play; needed unless the experiment has a person in it
    #[arg(long = "as", value_name = "ROLE")]
    pub role: Option<String>,
    /// As `run` has it.
    #[command(flatten)]
    pub run: Run,
}

/// `convoke list`.
#[derive(Debug, Args)]
pub struct List {
    /// An experiment's folder, name or id: lists its conversations
    pub what: Option<String>,
    /// Conversations of older revisions too
    #[arg(long)]
    pub all: bool,
    /// Experiments only: copies under what they were copied from
    #[arg(long, conflicts_with_all = ["what", "all"])]
    pub tree: bool,
    /// Each turn of every conversation of an experiment as it is stored, until nothing of it runs or waits
    ///
    /// Works while another process, here or elsewhere, runs the experiment; what was said before is not told. With
    /// --json, lines: `{"event": "begin", experiment, store, done, failed, interrupted, incomplete, running, pending}`,
    /// `{"event": "started", conversation, condition, replicate}`, `{"event": "entry", conversation, …}` with the fields
    /// of an entry of `show --json`, `{"event": "ended", conversation, status, reason}`, `{"event": "deleted",
    /// conversation}`, and last `{"event": "end", …}` with the counts again.
    #[arg(long, requires = "what", conflicts_with = "all")]
    pub follow: bool,
}

/// `convoke show`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct Show {
    /// An experiment's folder, name or id, or a conversation's id
    #[arg(default_value = "", hide_default_value = true)]
    pub id: String,
    /// Replies as the models gave them
    #[arg(long)]
    pub raw: bool,
    /// Every call: what was sent, received, counted and timed
    #[arg(long)]
    pub calls: bool,
    /// Wait for further turns until the conversation ends; with --json, show it whole then
    #[arg(long)]
    pub follow: bool,
    /// Of an experiment: its prompts are those of the current revision unless --all
    #[arg(long, hide = true)]
    pub all: bool,
}

/// `convoke edit` and `convoke duplicate`.
#[derive(Debug, Args)]
pub struct Edit {
    /// An experiment's name, id or folder (of which the stored experiment is meant)
    #[arg(default_value = "", hide_default_value = true)]
    pub what: String,
    /// Its name; of a copy, NAME-2 and so on without it
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// What to change.
    #[command(flatten)]
    pub changes: Changes,
    /// A folder whose experiment replaces all
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    pub from: Option<String>,
}

/// What `edit`, `duplicate` and `new` change.
#[derive(Debug, Clone, Args)]
pub struct Changes {
    /// A note
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
    /// What opens each day
    #[arg(long, value_name = "TEXT")]
    pub starting_message: Option<String>,
    /// A model of the list, by its name in the experiment (it keeps its parameters) or SERVER/NAME; repeated for each
    #[arg(long, value_name = "ID")]
    pub model: Vec<String>,
    /// All roles in speaking order, as in guard=1,prisoner=2; one that is left out goes with its texts
    #[arg(long, value_name = "ROLE=N,…")]
    pub roles: Option<String>,
    /// A section to replace or add: TITLE is shared, ROLE/TITLE a role's own; @FILE reads the text from a file;
    /// repeated for several
    #[arg(long, value_name = "[ROLE/]TITLE=TEXT")]
    pub section: Vec<String>,
    /// A section to drop; repeated for several
    #[arg(long, value_name = "[ROLE/]TITLE")]
    pub drop_section: Vec<String>,
    /// A shared section of which each role gets the text as its own; repeated for several
    #[arg(long, value_name = "TITLE")]
    pub private: Vec<String>,
    /// A section of the roles that all are to share; repeated for several
    #[arg(long, value_name = "TITLE")]
    pub share: Vec<String>,
    /// Any key of experiment.toml, as in messages=30 or `factors.tone=["kind", "cold"]`; the value is read as TOML, else as
    /// text; an empty one takes the key away; repeated for several
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}

/// `convoke note`.
#[derive(Debug, Args)]
pub struct Note {
    /// An experiment's name, id or folder, or a conversation's id
    #[arg(default_value = "", hide_default_value = true)]
    pub what: String,
    /// The note; without it, the note is shown
    #[arg(conflicts_with = "drop")]
    pub text: Option<String>,
    /// Drop the note
    #[arg(long)]
    pub drop: bool,
}

/// `convoke star`.
#[derive(Debug, Args)]
pub struct Star {
    /// An experiment's name, id or folder, or a conversation's id
    #[arg(default_value = "", hide_default_value = true)]
    pub what: String,
    /// Take the star away
    #[arg(long)]
    pub off: bool,
}

/// `convoke delete`.
#[derive(Debug, Args)]
pub struct Delete {
    /// An experiment's name, id or folder (which stays), or a conversation's id
    #[arg(default_value = "", hide_default_value = true)]
    pub what: String,
}

/// `convoke diff`.
#[derive(Debug, Args)]
pub struct Diff {
    /// An experiment's folder, name or id; of a conversation's id, its experiment as it was run
    #[arg(default_value = "", hide_default_value = true)]
    pub a: String,
    /// The other
    #[arg(default_value = "", hide_default_value = true)]
    pub b: String,
}

/// `convoke import`.
#[derive(Debug, Args)]
pub struct Import {
    /// An experiment's folder
    #[arg(value_hint = clap::ValueHint::DirPath)]
    pub source: String,
}

/// `convoke export`.
#[derive(Debug, Args)]
pub struct Export {
    /// An experiment's folder, name or id, or a conversation's id
    #[arg(default_value = "", hide_default_value = true)]
    pub what: String,
    /// What to write
    #[arg(long, value_name = "FORMAT")]
    pub format: ExportFormat,
    /// Where to: a file (jsonl, csv) or a folder (md, folder); - is standard output
    #[arg(long, short, value_name = "PATH", value_hint = clap::ValueHint::AnyPath)]
    pub output: Option<String>,
    /// Conversations of older revisions too
    #[arg(long)]
    pub all: bool,
    /// jsonl, csv: a second file, PATH with `.calls.jsonl` for its ending, with what was sent, received, counted, timed
    #[arg(long)]
    pub calls: bool,
}

/// What to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// A transcript per conversation, for people, and the prompts as sent
    Md,
    /// One line an entry
    Jsonl,
    /// The same columns as a table, one column a factor (`condition.NAME` where a column has that name already)
    Csv,
    /// The experiment as files
    Folder,
}

/// `convoke models`.
#[derive(Debug, Args)]
pub struct Models {
    /// What to do; without it, list
    #[command(subcommand)]
    pub command: Option<ModelsCommand>,
}

/// What to do with models.
#[derive(Debug, Subcommand)]
pub enum ModelsCommand {
    /// Fetch a model, as in ollama/llama3.1
    Pull {
        /// SERVER/NAME
        name: String,
        /// Allow a registry without TLS
        #[arg(long)]
        insecure: bool,
    },
}

/// `convoke login`.
#[derive(Debug, Args)]
pub struct Login {
    /// Address: a whole URI, or HOST:PORT, or HOST
    #[arg(long, value_name = "U")]
    pub url: Option<String>,
    /// User
    #[arg(long, value_name = "N")]
    pub user: Option<String>,
    /// Database
    #[arg(long, value_name = "D")]
    pub database: Option<String>,
    /// Read the password from the first line of standard input
    #[arg(long)]
    pub password_stdin: bool,
    /// Save what worked to .env, which only you can read then; other lines of it are kept
    #[arg(long)]
    pub save: bool,
}

/// `convoke store`.
#[derive(Debug, Args)]
pub struct StoreArgs {
    /// What to do; without it, say which database is used
    #[command(subcommand)]
    pub command: Option<StoreCommand>,
}

/// What to do with databases.
#[derive(Debug, Subcommand)]
pub enum StoreCommand {
    /// Copy everything from one database to another; the same again continues
    ///
    /// Whatever is there and equal, or further, stays. What cannot be taken in is told by name, the rest goes on, and the
    /// exit code is 4. `--json` gives `{from, to, documents, experiments, runs, conversations, entries, equal, running,
    /// conflicts}`.
    Copy {
        /// The database to copy from, written as for --store
        from: String,
        /// The database to copy to; a file that does not exist yet is made
        to: String,
    },
}

/// `convoke verify`.
#[derive(Debug, Args)]
pub struct Verify {
    /// A conversation's id; without it, everything
    pub id: Option<String>,
}

/// `convoke completions`.
#[derive(Debug, Args)]
pub struct Completions {
    /// For which shell
    pub shell: Shell,
}

/// A shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// Bash.
    Bash,
    /// Zsh.
    Zsh,
    /// Fish.
    Fish,
    /// `PowerShell`.
    Powershell,
    /// Elvish.
    Elvish,
}

/// `convoke man`.
#[derive(Debug, Args)]
pub struct Manual {
    /// Folder for a page of each command; without it, the first page is printed
    #[arg(value_hint = clap::ValueHint::DirPath)]
    pub dir: Option<PathBuf>,
}

/// `convoke doctor`.
#[derive(Debug, Args)]
pub struct Doctor {
    /// Print every setting, its value and where it comes from
    #[arg(long)]
    pub config: bool,
}
