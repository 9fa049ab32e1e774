//! `convoke duplicate`: copies anyone's experiment, with the changes of `edit`'s flags.

use super::edit::{Edit, of_flags, only_experiment};
use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit};
use crate::cli::problems::say_problems;
use crate::cli::stored::print_changes;
use crate::lab::LabError;
use crate::store::{ExperimentRecord, StoreError};
use serde_json::json;

/// Runs `convoke duplicate`.
pub async fn run(context: &Context, args: &Edit) -> Result<Exit, CliError> {
    let mut changes = of_flags(context, args)?;
    let lab = context.changing(&args.what).await?;
    let original = only_experiment(&lab, "duplicate", &args.what, lab.find_version(&args.what).await?).await?;
    if let Some(hash) = &args.back_to {
        changes.whole = Some(Box::new(lab.load_revision(&original, hash).await?));
    }
    let copied = lab.duplicate_experiment(&original, changes, args.changes.note.as_deref()).await;
    let copy = copied.map_err(|error| explained(context, error))?;
    say_problems(context, &copy.warnings);
    tell(context, &original, &copy.record, &copy.changes)
}

fn explained(context: &Context, error: LabError) -> CliError {
    let hint = if matches!(error, LabError::Store(StoreError::Exists { .. })) {
        Some("--name says another; without it, one that is free is found".to_owned())
    } else {
        matches!(error, LabError::TooManyCopies { .. }).then(|| "--name NAME".to_owned())
    };
    context.refused(error).maybe_hint(hint)
}

fn tell(
    context: &Context,
    original: &ExperimentRecord,
    copy: &ExperimentRecord,
    changes: &[String],
) -> Result<Exit, CliError> {
    if context.printer.json {
        context.printer.json_ok(&json!({
            "id": copy.id, "name": copy.name, "version": copy.version, "revision": copy.revision,
            "parent": copy.parent, "changes": changes,
        }))?;
        return Ok(Exit::Done);
    }
    let whose = if original.creator == copy.creator { String::new() } else { format!(" of {}", original.creator) };
    let end = if changes.is_empty() { "" } else { "; what differs:" };
    context.printer.out(&format!("copied `{}`{whose} to `{}` (id {}){end}", original.name, copy.name, copy.id))?;
    print_changes(context, changes)?;
    context.say_next(&[&["run", &context.command_word(copy)]]);
    Ok(Exit::Done)
}
