//! Contents of planned conversations, found again from revisions and recorded runs. A conversation's key shows if they
//! are the right ones.

use super::error::LabError;
use super::recorded::read_run;
use super::setup::Lab;
use crate::design::resolve::{Casts, Resolver};
use crate::design::{Condition, Experiment, Overrides, Plan, Speakers, key, named};
use crate::process::{EndedBy, Entry, Next, Setting, replay};
use crate::store::{ConversationRecord, ExperimentRecord, RunRecord};
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

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

/// Contents of an experiment's conversations, planned for each revision when needed.
pub struct Origins {
    /// Runs of the experiment, oldest first.
    pub runs: Vec<RunRecord>,
    known: BTreeMap<String, (Experiment, OnceLock<Planning>)>,
}

impl Lab {
    /// Loads the documents of every revision of an experiment that was run, and of the current one.
    pub async fn load_origins(&self, record: &ExperimentRecord) -> Result<Origins, LabError> {
        let runs = self.store.runs(&record.id).await?;
        let mut known = BTreeMap::new();
        for revision in runs.iter().map(|run| &run.revision).chain([&record.revision]) {
            if !known.contains_key(revision)
                && let Some(document) = self.store.document(revision).await?
            {
                known.insert(revision.clone(), (document, OnceLock::new()));
            }
        }
        Ok(Origins { runs, known })
    }
}

impl Origins {
    /// Finds the contents of a conversation. Returns `None` if its revision is no longer valid, or no run results in
    /// its key.
    pub fn find_origin(&self, conversation: &ConversationRecord) -> Option<Origin> {
        let (document, planning) = self.known.get(&conversation.revision)?;
        let plan = || Planning::new(document.clone(), &conversation.revision, &self.runs);
        planning.get_or_init(plan).find_origin(conversation)
    }

    /// Returns the setting of a conversation, with its number of retries.
    fn setting_of(&self, conversation: &ConversationRecord) -> Option<Arc<Setting>> {
        let origin = self.find_origin(conversation)?;
        let mut setting = Setting::new(&origin.experiment, &origin.condition, conversation.draw(&conversation.key));
        setting.retries = conversation.retries;
        Some(Arc::new(setting))
    }

    /// Derives each entry without a call again, and returns the first that differs: openings, and the notes of a turn.
    /// An entry behind it may differ as a consequence.
    pub fn find_changed_note(&self, conversation: &ConversationRecord, log: Vec<Entry>) -> Option<Entry> {
        let mut process = replay(self.setting_of(conversation)?, Vec::new()).ok()?;
        for entry in log {
            if entry.call.is_none() && process.next() != Next::Note(entry.clone()) {
                return Some(entry);
            }
            process.push(entry);
        }
        None
    }

    /// Derives how a finished conversation ended, from its log and its plan.
    pub fn derive_end(&self, conversation: &ConversationRecord, log: &[Entry]) -> Option<EndedBy> {
        match replay(self.setting_of(conversation)?, log.to_vec()).ok()?.next() {
            Next::Done(ended_by) => Some(ended_by),
            Next::Note(_) | Next::Ask(_) | Next::Failed(_) => None,
        }
    }

    /// Returns a conversation's experiment and condition. Where no run results in its key, its levels and the fields of
    /// its record give the condition. `otherwise` is the experiment if no run had its revision.
    pub fn find_condition(
        &self,
        conversation: &ConversationRecord,
        otherwise: &Arc<Experiment>,
    ) -> (Arc<Experiment>, Arc<Condition>) {
        if let Some(origin) = self.find_origin(conversation) {
            return (origin.experiment, origin.condition);
        }
        let known = self.known.get(&conversation.revision).and_then(|(_, planning)| planning.get());
        let experiment = known.map_or(otherwise, |planning| &planning.experiment);
        (Arc::clone(experiment), Arc::new(resolve_record(experiment, conversation)))
    }
}

/// Resolves the levels of a conversation. Fields of its record win, since flags may have set them.
fn resolve_record(experiment: &Experiment, record: &ConversationRecord) -> Condition {
    let overrides = Overrides { offline: record.offline, ..Overrides::default() };
    let resolver = Resolver { experiment, overrides: &overrides, settings: &[], casts: Casts::default() };
    let (mut condition, _) = resolver.resolve(record.condition.clone());
    let protocol = &mut condition.protocol;
    (protocol.messages, protocol.days) = (record.messages, record.days);
    protocol.speakers = Speakers::of(&record.speakers).unwrap_or(protocol.speakers);
    for (role, number) in experiment.roles.iter().zip(&mut condition.agents) {
        *number = named(&record.agents, &role.name).copied().unwrap_or(*number);
    }
    condition
}
