//! `convoke edit`: changes an experiment of one's own. Two people who change one at once lose nothing: who comes
//! second is shown what changed meanwhile, and the same flags are applied to that.

use crate::cli::changes;
use crate::cli::changes::ChangeFlags;
use crate::cli::commands::colleagues::{self, Target, left_behind, refuse_wrong};
use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit};
use crate::cli::problems::say_problems;
use crate::cli::terminal::prompt::confirm;
use crate::cli::terminal::text::short;
use crate::design::check::check;
use crate::design::edit::Changes;
use crate::design::{Experiment, Problem, diff, key};
use crate::store::{ExperimentRecord, Item, Mark, Store, StoreError};
use clap::Args;
use serde_json::json;

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
    pub changes: ChangeFlags,
    /// A folder whose experiment replaces all
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    pub from: Option<String>,
}

/// What became of an experiment.
struct Edited {
    record: ExperimentRecord,
    changed: bool,
    changes: Vec<String>,
    behind: usize,
}

/// Edits.
pub async fn run(context: &Context, args: &Edit) -> Result<Exit, CliError> {
    let changes = of_flags(context, args)?;
    if changes.is_empty() && args.changes.note.is_none() {
        return Err(CliError::usage("nothing to change is given").hint("`convoke edit --help` lists the flags"));
    }
    let store = context.changing().await?;
    let target = context.own(&*store, &args.what).await?;
    let record = context.only_experiment(&*store, "edit", &args.what, target).await?;
    let mut edited = edit(context, &*store, record, &changes).await?;
    note(&*store, &mut edited, args.changes.note.as_ref()).await?;
    if context.folder(&args.what)?.is_some() {
        context.printer.warn(&format!("the folder {} stays as it is, and a run of it brings it back", args.what));
    }
    tell(context, &edited)
}

/// Reads the flags of `edit` and `duplicate`, and the files that they name.
pub fn of_flags(context: &Context, args: &Edit) -> Result<Changes, CliError> {
    if let Some(name) = &args.name {
        changes::good_name(name)?;
    }
    let whole = args.from.as_ref().map(|folder| whole(context, folder)).transpose()?.map(Box::new);
    Ok(Changes { whole, name: args.name.clone(), ..changes::read(context, &args.changes)? })
}

fn whole(context: &Context, folder: &str) -> Result<Experiment, CliError> {
    let Some(path) = context.folder(folder)? else {
        return Err(CliError::not_found(format!("there is no folder {folder}")).hint("`convoke new NAME` writes one"));
    };
    let checked = context.check_folder(&path)?;
    match checked.experiment.as_ref().filter(|_| !checked.has_errors()) {
        Some(experiment) => Ok(experiment.clone()),
        None => Err(refuse_wrong(context, &format!("the experiment in {folder} is wrong"), &checked)),
    }
}

/// Applies the changes until they meet the version that they were applied to.
async fn edit(
    context: &Context,
    store: &dyn Store,
    mut record: ExperimentRecord,
    changes: &Changes,
) -> Result<Edited, CliError> {
    let mut old = context.document(store, &record).await?;
    loop {
        let (new, warnings) = changed(context, &old, changes)?;
        let revision = key::revision(&new);
        if revision == record.revision && new.run == record.run {
            return Ok(Edited { record, changed: false, changes: Vec::new(), behind: 0 });
        }
        let behind = left_behind(store, &record, &new).await?;
        match store.revise(&record.id, context.creator(), record.version, new.clone(), revision).await {
            Ok(revised) => {
                say_problems(context, &warnings);
                let mut lines = diff::lines(&old, &new);
                if record.name != revised.name {
                    lines.insert(0, format!("`name`: {} → {}", record.name, revised.name));
                }
                return Ok(Edited { record: revised, changed: true, changes: lines, behind });
            }
            Err(StoreError::Changed { what, expected, found }) => {
                let target = Target::Experiment(Box::new(record));
                let there = by_id(store, &target).await?;
                let now = context.document(store, &there).await?;
                let lost = StoreError::Changed { what, expected, found };
                ask(context, lost, &there, &diff::lines(&old, &now), changes).await?;
                (record, old) = (there, now);
            }
            Err(error) => return Err(Target::Experiment(Box::new(record)).error(error)),
        }
    }
}

/// The changed document, checked as a folder is, and the warnings of it.
pub fn changed(context: &Context, old: &Experiment, changes: &Changes) -> Result<(Experiment, Vec<Problem>), CliError> {
    let files = changes.apply(old).map_err(changes::refused)?;
    let checked = check(&files, &context.settings.known_servers());
    match checked.experiment.as_ref().filter(|_| !checked.has_errors()) {
        Some(experiment) => Ok((experiment.clone(), checked.problems)),
        None => Err(refuse_wrong(context, &format!("`{}` would be wrong", old.name), &checked)),
    }
}

async fn by_id(store: &dyn Store, target: &Target) -> Result<ExperimentRecord, CliError> {
    let found = store.records().await?.into_iter().find(|e| Item::Experiment(e.id.clone()) == target.item());
    found.ok_or_else(|| CliError::not_found(format!("{} is not there any more", target.words())))
}

/// Shows what somebody else changed meanwhile, and asks.
async fn ask(
    context: &Context,
    error: StoreError,
    now: &ExperimentRecord,
    differences: &[String],
    changes: &Changes,
) -> Result<(), CliError> {
    // Only a note or a star: nothing that a change could meet.
    if differences.is_empty() {
        return Ok(());
    }
    context.printer.say(&format!("`{}` was changed meanwhile:", now.name));
    for line in differences {
        context.printer.say(&format!("  {line}"));
    }
    if changes.whole.is_none() {
        return agreed(confirm(&context.terminal, "make your change on top of that?", "--yes").await?);
    }
    // A whole document would undo what the other did: nobody says yes to that beforehand.
    if context.global.yes || !context.may_ask() {
        let hint = format!("`convoke export id:{} --format folder` gives it as it is now", now.id);
        return Err(CliError::from(error).hint(hint));
    }
    agreed(confirm(&context.terminal, "put your folder in place of that?", "--yes").await?)
}

fn agreed(yes: bool) -> Result<(), CliError> {
    if yes { Ok(()) } else { Err(CliError::new(Exit::Usage, "declined", "nothing was changed")) }
}

/// Writes the note, which is in no revision.
async fn note(store: &dyn Store, edited: &mut Edited, note: Option<&String>) -> Result<(), CliError> {
    let Some(note) = note.filter(|n| edited.record.note.as_ref() != Some(n)) else { return Ok(()) };
    let target = Target::Experiment(Box::new(edited.record.clone()));
    let mark = Mark { note: Some(Some(note.clone())), starred: None };
    store.mark(&target.item(), &edited.record.creator, mark).await.map_err(|e| target.error(e))?;
    edited.record = by_id(store, &target).await?;
    edited.changed = true;
    edited.changes.push(format!("`note`: {note}"));
    Ok(())
}

fn tell(context: &Context, edited: &Edited) -> Result<Exit, CliError> {
    let Edited { record, changed, changes, behind } = edited;
    if context.printer.json {
        context.printer.json_ok(&json!({
            "id": record.id, "name": record.name, "version": record.version, "revision": record.revision,
            "changed": changed, "changes": changes, "left_behind": behind,
        }))?;
        return Ok(Exit::Done);
    }
    if !changed {
        context.printer.out(&format!("nothing changes: `{}` is so already", record.name))?;
        return Ok(Exit::Done);
    }
    let (version, revision) = (record.version, short(&record.revision));
    context.printer.out(&format!("changed `{}` (version {version}, revision {revision}):", record.name))?;
    colleagues::show(context, changes)?;
    colleagues::say_left_behind(context, &record.name, *behind);
    colleagues::next(context, "check --preview", &record.name);
    Ok(Exit::Done)
}
