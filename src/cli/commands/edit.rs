//! `convoke edit`: changes one's own experiment. Two simultaneous changes lose nothing: the second person sees the
//! first change, and then convoke applies the same flags to the new state.

use crate::cli::changes::{self, ChangeFlags};
use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit};
use crate::cli::problems::say_problems;
use crate::cli::questions::agreed;
use crate::cli::shell::quoted;
use crate::cli::stored::{print_changes, say_left_behind};
use crate::cli::terminal::text::short;
use crate::design::Experiment;
use crate::design::edit::Changes;
use crate::lab::{Edited, Lab, LabError, Target, check, files};
use crate::store::ExperimentRecord;
use clap::Args;
use serde_json::json;

/// `convoke edit` and `convoke duplicate`.
#[derive(Debug, Args)]
pub struct Edit {
    /// Name or id of a stored experiment, or a folder with its name; files of a folder stay unchanged
    #[arg(default_value = "", hide_default_value = true)]
    pub what: String,
    /// New name
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// What to change.
    #[command(flatten)]
    pub changes: ChangeFlags,
    /// Earlier revision to restore, named by the beginning of its hash (`list NAME --revisions`)
    #[arg(long, value_name = "HASH", conflicts_with = "from")]
    pub back_to: Option<String>,
    /// Folder whose experiment replaces the whole experiment
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    pub from: Option<String>,
}

/// Runs `convoke edit`.
pub async fn run(context: &Context, args: &Edit) -> Result<Exit, CliError> {
    let mut changes = of_flags(context, args)?;
    if changes.is_empty() && args.back_to.is_none() && args.changes.note.is_none() {
        return Err(CliError::usage("nothing to change is given").hint("`convoke edit --help` lists the flags"));
    }
    let lab = context.changing(&args.what).await?;
    let record = only_experiment(&lab, "edit", &args.what, lab.find_own(&args.what).await?).await?;
    if let Some(hash) = &args.back_to {
        changes.whole = Some(Box::new(lab.load_revision(&record, hash).await?));
    }
    let note = args.changes.note.as_deref();
    let edited = agreed(context, async |yes| lab.edit_experiment(&record, &changes, note, yes).await).await?;
    say_problems(context, &edited.warnings);
    if lab.folder_named(&args.what)?.is_some() {
        context.printer.warn(&format!("the folder {} stays as it is, and a run of it brings it back", args.what));
    }
    tell(context, &edited)
}

/// Returns the experiment to change, and refuses a conversation.
pub async fn only_experiment(
    lab: &Lab,
    command: &str,
    what: &str,
    target: Target,
) -> Result<ExperimentRecord, CliError> {
    match target {
        Target::Experiment(record) => Ok(*record),
        Target::Conversation(conversation) => {
            let experiment = lab.experiment_of(&conversation).await?.name;
            let hint = format!("name the experiment: convoke {command} {}", quoted(&experiment));
            Err(CliError::from(LabError::IsConversation { name: what.to_owned(), experiment }).hint(hint))
        }
    }
}

/// Reads the flags of `edit` and `duplicate`, and the named files.
pub fn of_flags(context: &Context, args: &Edit) -> Result<Changes, CliError> {
    if let Some(name) = &args.name {
        changes::good_name(name)?;
    }
    let whole = args.from.as_ref().map(|folder| whole(context, folder)).transpose()?.map(Box::new);
    Ok(Changes { whole, name: args.name.clone(), ..changes::read(context, &args.changes)? })
}

fn whole(context: &Context, folder: &str) -> Result<Experiment, CliError> {
    let Some(path) = files::folder_named(&context.world.folder, folder)? else {
        return Err(files::no_folder(&context.world.folder, folder).into());
    };
    let checked = check::of_folder(&path, &context.settings.servers)?;
    let is_right = !checked.has_errors();
    let subject = format!("the experiment in {folder} is wrong");
    let wrong = LabError::Wrong { subject, problems: checked.problems };
    checked.experiment.filter(|_| is_right).ok_or_else(|| context.refused(wrong))
}

fn tell(context: &Context, edited: &Edited) -> Result<Exit, CliError> {
    let Edited { record, is_changed, changes, behind, .. } = edited;
    if context.printer.json {
        context.printer.json_ok(&json!({
            "id": record.id, "name": record.name, "version": record.version, "revision": record.revision,
            "changed": is_changed, "changes": changes, "left_behind": behind,
        }))?;
        return Ok(Exit::Done);
    }
    if !is_changed {
        context.printer.out(&format!("nothing changes: `{}` is so already", record.name))?;
        return Ok(Exit::Done);
    }
    let (version, revision) = (record.version, short(&record.revision));
    context.printer.out(&format!("changed `{}` (version {version}, revision {revision}):", record.name))?;
    print_changes(context, changes)?;
    let word = context.command_word(record);
    say_left_behind(context, (&record.name, &word), *behind);
    context.say_next(&[&["check", "--preview", &word]]);
    Ok(Exit::Done)
}
