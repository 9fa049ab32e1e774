//! `convoke store`: prints the current database and the reason, or copies everything to another database.

use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit};
use crate::cli::settings::Origin;
use crate::cli::shell::resume_line;
use crate::cli::terminal::signals;
use crate::cli::terminal::text::count;
use crate::exchange::copy::{Copied, Progress};
use crate::lab::{Lab, LabError};
use crate::process::harmless::harmless;
use crate::report::Copying;
use crate::store::StoreUri;
use crate::store::sqlite::OpenMode;
use clap::{Args, Subcommand};
use serde_json::{Value as Json, json};
use std::path::PathBuf;

/// `convoke store`.
#[derive(Debug, Args)]
pub struct StoreArgs {
    /// Command; without one, the database in use and the source that names it are printed
    #[command(subcommand)]
    pub command: Option<StoreCommand>,
}

/// What to do with databases.
#[derive(Debug, Subcommand)]
pub enum StoreCommand {
    /// Copy everything from one database to another: `copy FROM TO`, each as for --store; the same command resumes
    ///
    /// Documents that the second database has already, equal or with more turns, are kept. Conflicts are listed by
    /// name and give exit code 4; everything else is copied. `--json` prints `{from, to, documents, experiments,
    /// runs, conversations, entries, equal, running, conflicts}`.
    Copy {
        /// Database to copy from, written as for --store
        from: String,
        /// Database to copy to; a file that does not exist is created
        to: String,
    },
}

/// Interval between two lines without a terminal, in milliseconds.
const EVERY: i64 = 10_000;

/// Prints the current database, or copies.
pub async fn run(context: &Context, args: &StoreArgs) -> Result<Exit, CliError> {
    match &args.command {
        None => which(context),
        Some(StoreCommand::Copy { from, to }) => {
            let copy = tokio::select! {
                // The signal is polled first, so that none is missed.
                biased;
                exit = signals::first() => return Ok(exit?),
                copy = Copy::begin(context, from, to) => copy?,
            };
            copy.go().await
        }
    }
}

fn which(context: &Context) -> Result<Exit, CliError> {
    let store = &context.settings.store;
    let place = store.uri.to_string();
    let exists = match &store.uri {
        StoreUri::Sqlite { path, .. } => Some(context.world.folder.join(path).exists()),
        StoreUri::Mongo(_) => None,
    };
    if context.printer.json {
        let data = json!({ "store": place, "by": store.name, "origin": store.origin.word(), "exists": exists });
        context.printer.json_ok(&data)?;
        return Ok(Exit::Done);
    }
    let why = match (store.name, store.origin) {
        ("", _) if exists == Some(true) => "the nearest convoke.db, from the working folder upwards".to_owned(),
        ("", _) => "nothing names another, and there is no convoke.db from the working folder upwards".to_owned(),
        (name, Origin::Flag) => format!("named by {name}"),
        (name, origin) => format!("named by {name} ({})", origin.word()),
    };
    let missing = if exists == Some(false) { "; it does not exist yet: `convoke run` makes it" } else { "" };
    context.printer.out(&format!("{place}: {why}{missing}"))?;
    Ok(Exit::Done)
}

/// A copy that can begin.
struct Copy<'a> {
    context: &'a Context,
    from: Lab,
    to: Lab,
}

impl<'a> Copy<'a> {
    async fn begin(context: &'a Context, from: &str, to: &str) -> Result<Self, CliError> {
        if context.global.store.is_some() {
            return Err(CliError::usage("--store says nothing here: FROM and TO are the databases"));
        }
        let (source, target) = (context.with_store(from)?, context.with_store(to)?);
        let (one, other) = (same(&source), same(&target));
        if one == other {
            return Err(CliError::usage("FROM and TO are one database").hint("convoke store copy FROM TO"));
        }
        let from = source.lab(OpenMode::Read).await.map_err(|error| named("FROM", error))?;
        let to = target.lab(OpenMode::Run).await.map_err(|error| named("TO", error))?;
        Ok(Self { context, from, to })
    }

    async fn go(self) -> Result<Exit, CliError> {
        let mut copied = Copied::default();
        let ended = {
            let mut telling = Telling::new(self.context);
            let mut told = |progress: Progress<'_>| telling.at(progress);
            tokio::select! {
                biased;
                exit = signals::first() => Err(exit?),
                done = self.from.copy_to(&self.to, &mut told, &mut copied) => Ok(done),
            }
        };
        match ended {
            Ok(Ok(())) => self.tell(&copied),
            Ok(Err(error)) => Err(stopped(error, &copied)),
            Err(exit) => self.interrupted(exit, &copied),
        }
    }

    fn tell(&self, copied: &Copied) -> Result<Exit, CliError> {
        let printer = &self.context.printer;
        if printer.json {
            let data = self.data(copied);
            if copied.conflicts.is_empty() {
                printer.json_ok(&data)?;
                return Ok(Exit::Done);
            }
            printer.json_error(&conflict(copied).json(), Some(&data))?;
            return Ok(Exit::Store);
        }
        for what in &copied.conflicts {
            printer.say(&format!("not copied: {what}"));
        }
        if copied.running > 0 {
            let running = count(copied.running as usize, "conversation");
            printer.say(&format!("{running} still running: as far as it is stored, and interrupted in the copy"));
        }
        printer.chat(&format!("{} → {}: {}", self.from.store.place(), self.to.store.place(), line(copied)));
        if copied.conflicts.is_empty() { Ok(Exit::Done) } else { Err(conflict(copied)) }
    }

    fn data(&self, copied: &Copied) -> Json {
        json!({
            "from": self.from.store.place(), "to": self.to.store.place(), "documents": copied.documents,
            "experiments": copied.experiments, "runs": copied.runs, "conversations": copied.conversations,
            "entries": copied.entries, "equal": copied.equal, "running": copied.running,
            "conflicts": copied.conflicts,
        })
    }

    fn interrupted(&self, exit: Exit, copied: &Copied) -> Result<Exit, CliError> {
        let printer = &self.context.printer;
        let error = CliError::new(exit, "interrupted", format!("interrupted: {}", line(copied)));
        let resume = resume_line(&self.context.world.arguments);
        if printer.json {
            printer.json_error(&error.json(), Some(&self.data(copied)))?;
        } else {
            printer.error(&error.message, &[], None);
            printer.say("to continue:");
            printer.say(&resume);
        }
        Ok(exit)
    }
}

/// Returns one canonical form for all spellings of a database's address.
fn same(context: &Context) -> String {
    match &context.settings.store.uri {
        StoreUri::Sqlite { path, .. } => {
            let path: PathBuf = context.world.folder.join(path);
            path.canonicalize().unwrap_or(path).display().to_string()
        }
        StoreUri::Mongo(uri) => uri.to_string(),
    }
}

fn named(which: &str, error: CliError) -> CliError {
    CliError { message: format!("{which}: {}", error.message), ..error }
}

fn stopped(error: LabError, copied: &Copied) -> CliError {
    let error: CliError = error.into();
    CliError { message: format!("{} ({} so far)", error.message, line(copied)), ..error }
        .hint("conversations copied so far are complete; run the same command again to resume")
}

fn conflict(copied: &Copied) -> CliError {
    let number = copied.conflicts.len();
    let message = format!("{number} {} not copied", if number == 1 { "thing was" } else { "things were" });
    CliError::new(Exit::Store, "conflict", message).hint("`convoke show` and `convoke diff` look at both; delete one")
}

fn line(copied: &Copied) -> String {
    let entries = format!("{} {}", copied.entries, if copied.entries == 1 { "entry" } else { "entries" });
    let conversations = count(copied.conversations as usize, "conversation");
    format!("{conversations} copied with {entries}, {} there already", copied.equal)
}

/// Progress of the copy: a bar on a terminal, else occasional lines.
struct Telling<'a> {
    context: &'a Context,
    bar: Option<Copying>,
    told: i64,
}

impl<'a> Telling<'a> {
    fn new(context: &'a Context) -> Self {
        let draws = context.world.terminals[2] && !context.printer.json && !context.printer.quiet;
        Self { context, bar: draws.then(|| Copying::new(harmless)), told: (context.world.clock)() }
    }

    fn at(&mut self, progress: Progress<'_>) {
        let Progress { experiment, done, known } = progress;
        if let Some(bar) = &self.bar {
            return bar.at(experiment, done, known);
        }
        let now = (self.context.world.clock)();
        if !self.context.printer.json && now - self.told >= EVERY {
            self.told = now;
            self.context.printer.chat(&format!("{done} of {known} conversations · {experiment}"));
        }
    }
}
