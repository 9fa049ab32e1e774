//! Contents of planned conversations, found again from revisions and recorded runs. A conversation's key shows if they
//! are the right ones.

use super::error::LabError;
use super::recorded::read_run;
use super::setup::Lab;
use crate::design::resolve::Resolver;
use crate::design::{Condition, Experiment, Overrides, Plan, Speakers, key, named};
use crate::store::{ConversationRecord, ExperimentRecord, RunRecord};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

/// Contents of a conversation.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The experiment in the conversation's revision.
    pub experiment: Arc<Experiment>,
    /// Overrides of the run that planned it, without those that select conversations.
    pub overrides: Overrides,
    /// Its condition.
    pub condition: Arc<Condition>,
}

/// Conditions that the runs of a revision planned, the newest run first.
pub struct Planning {
    experiment: Arc<Experiment>,
    runs: Vec<(Overrides, Vec<Arc<Condition>>)>,
}

impl Planning {
    /// Plans a revision like each of its runs, equal plans only once.
    pub fn new(experiment: Experiment, revision: &str, runs: &[RunRecord]) -> Self {
        let mut planned: Vec<(Overrides, Vec<Arc<Condition>>)> = Vec::new();
        for run in runs.iter().rev().filter(|run| run.revision == revision).filter_map(read_run) {
            let overrides = Overrides { replicates: None, seed: None, only: Vec::new(), limit: None, ..run.overrides };
            if planned.iter().any(|(other, _)| *other == overrides) {
                continue;
            }
            if let Ok(plan) = Plan::new(&experiment, &overrides) {
                planned.push((overrides, plan.conditions.into_iter().map(Arc::new).collect()));
            }
        }
        Self { experiment: Arc::new(experiment), runs: planned }
    }

    /// Finds the contents that result in a conversation's key.
    pub fn find_origin(&self, conversation: &ConversationRecord) -> Option<Origin> {
        let ConversationRecord { key, seed, replicate, .. } = conversation;
        let gives_key = |c: &&Arc<Condition>| key::hash_conversation(&c.key, *seed, *replicate) == *key;
        self.runs.iter().find_map(|(overrides, conditions)| {
            let condition = conditions.iter().filter(|c| c.levels == conversation.condition).find(gives_key)?;
            Some(Origin {
                experiment: Arc::clone(&self.experiment),
                overrides: overrides.clone(),
                condition: Arc::clone(condition),
            })
        })
    }
}

/// Contents of an experiment's conversations, loaded for each revision when needed.
pub struct Origins {
    record: ExperimentRecord,
    runs: Vec<RunRecord>,
    known: BTreeMap<String, Planning>,
}

impl Lab {
    /// Prepares the lookup of an experiment's conversations.
    pub async fn load_origins(&self, record: &ExperimentRecord) -> Result<Origins, LabError> {
        Ok(Origins { record: record.clone(), runs: self.store.runs(&record.id).await?, known: BTreeMap::new() })
    }
}

impl Origins {
    /// Finds the contents of a conversation. Returns `None` if its revision is no longer valid, or no run results in
    /// its key.
    pub async fn find_origin(
        &mut self,
        lab: &Lab,
        conversation: &ConversationRecord,
    ) -> Result<Option<Origin>, LabError> {
        Ok(self.load_planning(lab, &conversation.revision).await?.find_origin(conversation))
    }

    async fn load_planning(&mut self, lab: &Lab, revision: &str) -> Result<&Planning, LabError> {
        match self.known.entry(revision.to_owned()) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(place) => {
                let then = ExperimentRecord { revision: revision.to_owned(), ..self.record.clone() };
                Ok(place.insert(Planning::new(lab.load_document(&then).await?, revision, &self.runs)))
            }
        }
    }

    /// Returns a conversation's experiment and condition. Where no run results in its key, its levels and the fields of
    /// its record give the condition.
    pub async fn load_condition(
        &mut self,
        lab: &Lab,
        conversation: &ConversationRecord,
    ) -> Result<(Arc<Experiment>, Arc<Condition>), LabError> {
        let planning = self.load_planning(lab, &conversation.revision).await?;
        if let Some(origin) = planning.find_origin(conversation) {
            return Ok((origin.experiment, origin.condition));
        }
        let condition = resolve_record(&planning.experiment, conversation);
        Ok((Arc::clone(&planning.experiment), Arc::new(condition)))
    }
}

/// Resolves the levels of a conversation. Fields of its record win, since flags may have set them.
fn resolve_record(experiment: &Experiment, record: &ConversationRecord) -> Condition {
    let overrides = Overrides { offline: record.offline, ..Overrides::default() };
    let resolver = Resolver { experiment, overrides: &overrides, settings: &[] };
    let (mut condition, _) = resolver.resolve(record.condition.clone());
    let protocol = &mut condition.protocol;
    (protocol.messages, protocol.days) = (record.messages, record.days);
    protocol.speakers = Speakers::of(&record.speakers).unwrap_or(protocol.speakers);
    for (role, number) in experiment.roles.iter().zip(&mut condition.agents) {
        *number = named(&record.agents, &role.name).copied().unwrap_or(*number);
    }
    condition
}
