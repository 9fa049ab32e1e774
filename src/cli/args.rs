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
use super::commands::people::PeopleArgs;
use super::commands::plan::PlanArgs;
use super::commands::run::Run;
use super::commands::show::Show;
use super::commands::store::StoreArgs;
use super::commands::summary::SummaryArgs;
use super::commands::talk::Talk;
use super::commands::verify::Verify;
use super::global::Global;
use clap::{Parser, Subcommand};

/// Design, run and analyse conversations among language-model agents
///
/// Without a command, `convoke` starts a guide on a terminal.
#[derive(Debug, Parser)]
#[command(name = "convoke", version, arg_required_else_help = false, max_term_width = 100)]
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
    /// Create an experiment, as a folder or in the database
    ///
    /// The flags of `edit` change the example that it starts from, and apply in the same order. With `--json`, a folder
    /// prints `{name, path, files}`, and --stored prints `{id, name, version, revision}`.
    New(Box<New>),
    /// Report every mistake of an experiment, or print each prompt as it will be sent
    ///
    /// Each mistake has its file, line and remedy. The exit code is 3 if there is a mistake, and 0 if there are only
    /// warnings. No request is sent. `--json` prints an array of `{severity, code, path, line, column, message, hint}`.
    Check(Check),
    /// Print the conditions, calls and tokens of a run, without sending a request
    ///
    /// It takes the flags of `run` that choose conversations, and counts what is missing.
    Plan(PlanArgs),
    /// Run the missing conversations of an experiment; run the same command again to resume
    ///
    /// Done conversations are skipped. Others resume after their last stored reply, so no stored reply is requested or
    /// paid for twice. Only a request in flight when the process is killed may be paid for without a reply; it is sent
    /// again, and counted as possible spend.
    ///
    /// Flags override the experiment's values for this run only. To resume it, give the same flags.
    ///
    /// Ctrl-C sends no further request, waits for those in flight (--grace), prints the command that resumes, and exits
    /// with 130. A second Ctrl-C exits at once. If a server refuses the key or stays unreachable (--max-retries,
    /// --server-wait), its conversations become `interrupted`. Conversations of other servers continue, and the exit
    /// code is 5. If the database becomes unreachable or full, the run waits for it (--store-wait) and continues; after
    /// that time, it ends with 4.
    ///
    /// `--json` prints one event a line. The last one is `{"event": "end", status, done, failed, left, possible_spend,
    /// resume}`, with `error` if there is one; `resume` is the command that resumes.
    Run(Run),
    /// Take part in one conversation yourself; run the same command again to resume
    ///
    /// Runs one conversation of the first condition that matches the flags: it resumes the first unfinished one, or
    /// else starts a new one. You type the turns of one role, and see only what that role may see. It needs a terminal.
    Talk(Talk),
    /// Ask the agents of finished conversations a question; run the same command again to resume
    ///
    /// Asks each agent of each conversation that is done, alone: the agent sees everything that its next turn would
    /// have shown it, then the question, and no other answer. The requests leave at the same time, up to --jobs.
    /// Answers are stored apart, and the conversations do not change. Agents played by a person are not asked.
    /// Offline conversations are asked only if no others were begun, or by their id.
    ///
    /// A stored answer is not requested or paid for again: the same command requests only missing answers. `convoke
    /// export WHAT --rows answers --format csv` exports the answers.
    ///
    /// The exit code is 6 if no conversation is done; the others are those of `run`. `--json` prints one document at
    /// the end: an array of the answers as `export --rows answers` writes them, each with the `id` and `status` of its
    /// question.
    Ask(Ask),
    /// List experiments, or the conversations of one
    ///
    /// Conversations are those of the experiment's current revision, with id, condition, status and flags. Offline ones
    /// are listed only if no other was begun, or with --offline. A line on standard error counts those that are not listed.
    List(List),
    /// Print an experiment, or the transcript of a conversation
    ///
    /// NAME@HASH is an experiment as it was in a revision (`list NAME --revisions`). `list EXPERIMENT` prints the ids of
    /// its conversations; the first characters of an id suffice. --calls prints what was sent to the models. Selection
    /// flags are for an experiment only.
    Show(Show),
    /// Change an experiment of yours
    ///
    /// Changes apply in this order, regardless of the order of the flags: --from or --back-to, --name, --starting-message, --model,
    /// --roles, --drop-section, --private, --share, --section, --set. If the result has a mistake, nothing changes and
    /// the exit code is 3. Conversations that were begun are kept unchanged, under the earlier revision. `--json`
    /// prints `{id, name, version, revision, changed, changes, left_behind}`; `left_behind` is the number of
    /// conversations of the earlier revision.
    Edit(Edit),
    /// Copy an experiment, yours or a colleague's, with the changes of the same flags as `edit`
    ///
    /// Copies the note and the texts, but not the star or the conversations. `--json` prints `{id, name, version,
    /// revision, parent, changes}`.
    #[command(
        mut_arg("name", |a| a.help("Name of the copy [default: NAME-2, NAME-3 and so on]")),
        mut_arg("back_to", |a| a.help("Earlier revision to copy, named by the beginning of its hash (`list NAME --revisions`)")),
    )]
    Duplicate(Edit),
    /// Write, print or remove the note of an experiment or conversation
    ///
    /// `--json` prints `{kind, id, name, note, starred}`.
    Note(Note),
    /// Star an experiment or conversation, or remove its star
    ///
    /// `--json` prints `{kind, id, name, note, starred}`.
    Star(Star),
    /// Delete an experiment with its conversations, one conversation, or selected ones
    ///
    /// With selection flags, convoke deletes only conversations that you created, and keeps the experiment. `list` with
    /// the same flags shows them.
    ///
    /// Deleting an experiment also deletes its conversations, questions and answers, even those of other people. Deleting
    /// a conversation also deletes the questions about it and their answers. It cannot be undone. `convoke` first lists
    /// what it will delete, and asks for confirmation; --yes confirms. Copies of the experiment, and the files of its folder,
    /// are kept. `--json` prints `{kind, id, name, conversations: [{creator, conversations}]}`.
    Delete(Delete),
    /// Print the differences between two experiments
    ///
    /// Compares factors, levels, models, protocol, roles, their plurals and pronouns, `[run]`, order and texts. Changed
    /// lines of a text begin with - (in A) or + (in B). Name and note are not compared. The exit code is 0, with or
    /// without differences. `--json` prints an array of `{what, a, b}`; a missing value is null.
    Diff(Diff),
    /// Store an experiment folder without running it
    ///
    /// If you have an experiment of that name, the folder becomes its current revision. `--json` prints `{id, name,
    /// version, revision, new, changed}`.
    Import(Import),
    /// Export transcripts, data, answers or the experiment itself to files
    ///
    /// Exports the done conversations of the current revision, in the order of the design. Offline ones are exported
    /// only if no other was begun. A line on standard error counts the exported conversations. It also counts the others,
    /// and names the flag that includes them. If nothing is selected, no file is written and the exit code is 6.
    ///
    /// `--format jsonl` and csv have one row for each entry; --rows chooses others. docs/data.md and --codebook describe
    /// every column. `--format folder` writes the experiment: it takes --revision, and no other selection flag.
    Export(Export),
    /// Count an experiment's conversations by condition: statuses, ends, turns, words, tokens, flags
    ///
    /// Counts the conversations of the current revision, of any status; offline ones only if no other was begun. Tokens are
    /// empty if a server did not report the tokens of every reply.
    ///
    /// `--json` prints `{by, groups: [{condition, conversations, status: {…}, ended_by: {…}, turns, words, prompt_tokens,
    /// completion_tokens, flags: {…}}], total, inside, left_out}`. `inside` counts the selected conversations, and
    /// `left_out` the others, each with the reason.
    Summary(SummaryArgs),
    /// List persons, print one as a prompt has it, or compare sets of them
    ///
    /// A person is a file: a JSON object or TOML table with a `name`, or a person of `TinyTroupe`. Experiments give persons to
    /// the agents of a role with `people` under `[roles.NAME]`. No model is asked.
    People(PeopleArgs),
    /// List the models of each server, or fetch a model
    ///
    /// An unreachable server is reported and does not change the exit code; if no server can be reached, the exit code
    /// is 5.
    Models(Models),
    /// Sign in to a MongoDB, and save the connection in .env
    ///
    /// Prompts for everything that flags, environment and .env do not give; after a failure, prompts again only for the
    /// wrong values. With a complete .env, every command signs in without a prompt.
    Login(Login),
    /// Print the database in use and the source that names it, or copy one database to another
    Store(StoreArgs),
    /// Read the whole database, or one conversation, and report its faults
    ///
    /// Changes nothing. The exit code is 4 if there is a fault.
    Verify(Verify),
    /// Print a script that completes commands, flags, names and ids in a shell
    ///
    /// bash: `convoke completions bash > ~/.local/share/bash-completion/completions/convoke`; zsh: into a file
    /// `_convoke` of a folder in `fpath`; fish: into `~/.config/fish/completions/convoke.fish`; powershell and elvish:
    /// at the end of the profile. The script calls `convoke`, which must be on the path. It also completes roles,
    /// factors, levels and models of the experiment on the line. If the database does not answer within 100 ms, what it
    /// holds is left out.
    Completions(Completions),
    /// Write the help as pages of `man`
    Man(Manual),
    /// Check the database, keys, servers and models
    ///
    /// The exit code is 4 if the database fails, and 5 if a configured server fails. A server that is not configured is
    /// only noted.
    Doctor(Doctor),
}
