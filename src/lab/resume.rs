//! One conversation that resumes alone under its original plan.
//!
//! Its revision's document and the overrides of a run that planned it give its contents. Its key shows if these are the
//! right ones. The current experiment and the other conversations stay unchanged.

use super::check;
use super::error::LabError;
use super::origin::{Origin, Planning};
use super::planned::{Planned, check_models};
use super::setup::Lab;
use super::target::Target;
use crate::design::problem::Severity;
use crate::design::{Cell, Condition, Experiment, Overrides, Plan, Problem};
use crate::store::{ConversationRecord, ExperimentRecord, RunRecord};

impl Lab {
    /// Conversation with this id, and its experiment; `None` if a person named something else.
    pub async fn conversation_named(
        &self,
        what: &str,
    ) -> Result<Option<(ConversationRecord, ExperimentRecord)>, LabError> {
        let id = what.strip_prefix("id:").unwrap_or(what);
        let may_be = !id.is_empty() && id.chars().all(|c| c.is_ascii_hexdigit());
        if !may_be || self.folder_named(what)?.is_some() {
            return Ok(None);
        }
        match self.find_target(what).await? {
            Target::Conversation(conversation) => {
                let record = self.experiment_of(&conversation).await?;
                Ok(Some((*conversation, record)))
            }
            Target::Experiment(_) => Ok(None),
        }
    }

    /// Plans one conversation alone, like the last run that planned it.
    pub async fn resume_plan(
        &self,
        conversation: &ConversationRecord,
        record: ExperimentRecord,
    ) -> Result<Planned, LabError> {
        let then = ExperimentRecord { revision: conversation.revision.clone(), ..record.clone() };
        let checked = check::of_document(&self.load_document(&then).await?, &self.servers);
        // This was a warning of 0.1, which may have begun the conversation.
        let is_wrong = |p: &Problem| p.severity == Severity::Error && p.code != "unknown-level";
        let is_right = !checked.problems.iter().any(is_wrong);
        let Some(experiment) = checked.experiment.filter(|_| is_right) else {
            let subject = format!("the experiment of conversation {} cannot be run", short_id(&conversation.id));
            return Err(LabError::Wrong { subject, problems: checked.problems });
        };
        let runs = self.store.runs(&record.id).await?;
        let planned = as_planned(experiment, record, conversation, &runs, checked.problems)?;
        check_models(planned.plan.conditions.iter().flat_map(Condition::participants), &self.servers)?;
        Ok(planned)
    }
}

fn as_planned(
    experiment: Experiment,
    record: ExperimentRecord,
    conversation: &ConversationRecord,
    runs: &[RunRecord],
    warnings: Vec<Problem>,
) -> Result<Planned, LabError> {
    let planning = Planning::new(experiment.clone(), &conversation.revision, runs);
    let Some(Origin { overrides, condition, .. }) = planning.find_origin(conversation) else {
        return Err(LabError::NoRun { conversation: conversation.id.clone(), experiment: record.name });
    };
    let ConversationRecord { key, seed, replicate, .. } = conversation;
    let (seed, replicate) = (*seed, *replicate);
    Ok(Planned {
        what: conversation.id.clone(),
        experiment,
        revision: conversation.revision.clone(),
        creator: record.creator.clone(),
        record: Some(record),
        // The number of planned conversations changes no conversation.
        overrides: Overrides { replicates: Some(replicate), seed: Some(seed), ..overrides },
        plan: Plan { conditions: vec![(*condition).clone()], replicates: replicate, seed },
        cells: vec![Cell { condition: 0, replicate, key: key.clone() }],
        alone: true,
        warnings,
    })
}

fn short_id(id: &str) -> &str {
    id.get(..8).unwrap_or(id)
}
