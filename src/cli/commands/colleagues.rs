//! What the commands of colleagues share: finding what is to be changed, whose it is, and what a change means.

use crate::cli::context::{Context, What};
use crate::cli::error::{CliError, Exit};
use crate::cli::problems::say_problems;
use crate::cli::terminal::text::{count, short};
use crate::design::check::Checked;
use crate::design::{Experiment, Overrides, Plan, key};
use crate::run::prepare::superseded;
use crate::store::{ConversationRecord, ExperimentRecord, Item, Store, StoreError};

/// What a person named to be changed.
pub enum Target {
    /// An experiment.
    Experiment(Box<ExperimentRecord>),
    /// A conversation.
    Conversation(Box<ConversationRecord>),
}

impl Target {
    /// As the database's verbs take it.
    pub fn item(&self) -> Item {
        match self {
            Self::Experiment(e) => Item::Experiment(e.id.clone()),
            Self::Conversation(c) => Item::Conversation(c.id.clone()),
        }
    }

    /// As people read it.
    pub fn words(&self) -> String {
        match self {
            Self::Experiment(e) => format!("experiment `{}`", e.name),
            Self::Conversation(c) => format!("conversation {}", short(&c.id)),
        }
    }

    fn creator(&self) -> &str {
        match self {
            Self::Experiment(e) => &e.creator,
            Self::Conversation(c) => &c.creator,
        }
    }

    /// An error of the database about this, with the remedy that fits.
    pub fn error(&self, error: StoreError) -> CliError {
        match (&error, self) {
            (StoreError::Unknown { .. }, _) => CliError::not_found(format!("{} is not there any more", self.words())),
            (StoreError::NotYours { .. }, Self::Conversation(_)) => CliError::from(error)
                .hint("a conversation belongs to who ran it; `convoke duplicate` copies experiments"),
            (StoreError::NotYours { .. }, Self::Experiment(e)) => {
                let name = crate::cli::shell::quoted(&e.name);
                CliError::from(error).hint(format!("`convoke duplicate {name}` makes a copy that is yours"))
            }
            _ => error.into(),
        }
    }
}

impl Context {
    /// Finds what a person named.
    pub async fn target(&self, store: &dyn Store, what: &str) -> Result<Target, CliError> {
        match self.find_stored(what, store).await? {
            What::Experiment(record) => Ok(Target::Experiment(record)),
            What::Conversation(record) => Ok(Target::Conversation(record)),
            What::Folder(folder) => Err(CliError::not_found(format!("{} is not stored", folder.display()))),
        }
    }

    /// The same, if it is this person's. The write looks again.
    pub async fn own(&self, store: &dyn Store, what: &str) -> Result<Target, CliError> {
        let target = self.target(store, what).await?;
        if target.creator() == self.creator() {
            return Ok(target);
        }
        let (what, creator) = (target.words(), target.creator().to_owned());
        Err(target.error(StoreError::NotYours { what, creator }))
    }

    /// An experiment, not a conversation of one.
    pub async fn only_experiment(
        &self,
        store: &dyn Store,
        command: &str,
        what: &str,
        target: Target,
    ) -> Result<ExperimentRecord, CliError> {
        match target {
            Target::Experiment(record) => Ok(*record),
            Target::Conversation(conversation) => {
                let record = self.experiment_of(store, &conversation).await?;
                Err(CliError::usage(format!("`{what}` is a conversation of `{}`", record.name)).hint(format!(
                    "name the experiment: convoke {command} {}",
                    crate::cli::shell::quoted(&record.name)
                )))
            }
        }
    }
}

/// Says every mistake, and what it means.
pub fn refuse_wrong(context: &Context, what: &str, checked: &Checked) -> CliError {
    say_problems(context, &checked.problems);
    let error = CliError::new(Exit::Experiment, "experiment-invalid", format!("{what}; nothing was written"));
    // A person has just read them; a program reads the error alone.
    let all = checked.problems.iter().filter(|_| context.printer.json);
    all.fold(error, |error, p| error.cause(format!("{}:{}:{}: {}", p.path, p.line, p.column, p.message)))
}

/// How many conversations that were begun a new document leaves behind, online and offline ones.
pub async fn left_behind(store: &dyn Store, record: &ExperimentRecord, new: &Experiment) -> Result<usize, CliError> {
    let (standing, runs) = (store.standing(&record.id).await?, store.runs(&record.id).await?);
    let revision = key::revision(new);
    let behind = |offline| {
        let plan = Plan::new(new, &Overrides { offline, ..Overrides::default() });
        let keys: Vec<String> = plan.map(|p| p.cells().into_iter().map(|c| c.key).collect()).unwrap_or_default();
        superseded(&keys, &revision, offline, &standing, &runs).revisions.values().sum::<usize>()
    };
    let begun = |offline| standing.iter().any(|s| s.begun && s.offline == offline);
    Ok([false, true].into_iter().filter(|offline| begun(*offline)).map(behind).sum())
}

/// Says what a change means for conversations that were begun, in the words of `run`.
pub fn say_left_behind(context: &Context, name: &str, behind: usize) {
    if behind > 0 {
        let run = crate::cli::shell::quoted(name);
        context.printer.say(&format!("`{name}` has changed since {behind} of its conversations were begun:"));
        context
            .printer
            .say(&format!("they stay as they are and are not continued; `convoke run {run}` asks before it goes on"));
    }
}

/// What a person may type next.
pub fn next(context: &Context, command: &str, name: &str) {
    context.printer.chat(&format!("next:  convoke {command} {}", crate::cli::shell::quoted(name)));
}

/// A change in a line each, or in as many as it has.
pub fn show(context: &Context, changes: &[String]) -> std::io::Result<()> {
    let lines = changes.iter().flat_map(|change| change.lines().filter(|line| !line.trim().is_empty()));
    lines.map(|line| format!("  {line}")).try_for_each(|line| context.printer.out(&line))
}

/// `go 3 conversations: 2 of ada, 1 of bob`, or how many at all.
pub fn tally(creators: &[(String, usize)]) -> String {
    let all: usize = creators.iter().map(|(_, n)| n).sum();
    let each: Vec<String> = creators.iter().map(|(who, n)| format!("{n} of {who}")).collect();
    match all {
        0 => "goes no conversation".to_owned(),
        1 => format!("goes 1 conversation: {}", each.join(", ")),
        _ => format!("go {}: {}", count(all, "conversation"), each.join(", ")),
    }
}
