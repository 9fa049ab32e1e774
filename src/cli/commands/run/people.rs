//! Refusal of runs that need a person without a terminal, before anything is stored.

use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit};
use crate::design::{Condition, Experiment, ModelSpec};
use crate::lab::Planned;

/// Refuses a run that needs a person without a terminal.
pub async fn need_a_terminal(
    context: &Context,
    planned: &Planned,
    (retry_failed, extends, is_talk): (bool, bool, bool),
) -> Result<(), CliError> {
    let has_people = |cell: &crate::design::Cell| planned.plan.conditions[cell.condition].has_people();
    if context.may_ask() || !planned.cells.iter().any(has_people) {
        return Ok(());
    }
    let (id, standing) = context.standing(planned).await?;
    // If nothing is missing, these commands begin a new conversation.
    let anew = is_talk || extends;
    let Some(condition) = planned.needs_people((&id, &standing), retry_failed, anew) else { return Ok(()) };
    let parts = parts(&planned.experiment, condition);
    let message = format!("a person types here: {parts}; and there is no terminal to ask on");
    let instead = if is_talk { "" } else { ", or with --offline, which asks nobody" };
    Err(CliError::new(Exit::Usage, "needs-answer", message)
        .hint(format!("run it on a terminal, without --json and --no-input{instead}")))
}

/// Returns the roles that people play in a condition.
fn parts(experiment: &Experiment, condition: &Condition) -> String {
    let plays = experiment.roles.iter().zip(&condition.models).filter(|(_, m)| m.iter().any(ModelSpec::is_human));
    let mut parts: Vec<String> = plays.map(|(role, _)| format!("role `{}`", role.name)).collect();
    let is_human = |model: &Option<ModelSpec>| model.as_ref().is_some_and(ModelSpec::is_human);
    if is_human(&condition.selector) {
        parts.push(format!("speakers = \"{}\"", condition.protocol.speakers.word()));
    }
    if is_human(&condition.summarizer) {
        parts.push("the summaries".to_owned());
    }
    parts.join(", ")
}
