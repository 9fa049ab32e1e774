//! Work of a run: a set difference on keys, independent of positions and times.

use super::job::{Job, Replay};
use crate::design::{Cell, Condition, Experiment, ModelSpec, Plan, estimate, key};
use crate::process::setting::Draw;
use crate::process::{Entry, Process, Setting, replay};
use crate::store::{ConversationRecord, Participant, ProcessKind, RunRecord, Standing, Status, UsedModel};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Key in `runs` of a yes to leaving conversations behind, with the revision left.
pub const LEFT: &str = "leave-revision";

/// An unfinished conversation of a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Missing {
    /// Its id.
    pub id: String,
    /// Index of its condition in the plan.
    pub condition: usize,
    /// Its replicate, from 1.
    pub replicate: u32,
    /// True if it failed and is retried.
    pub retry: bool,
    /// True if one of its calls was answered before.
    pub has_begun: bool,
    /// Expected number of calls that are left.
    pub left: u32,
}

/// Work to do in a run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Prepared {
    /// Conversations to work on, in the plan's order: replicate 1 of each condition first.
    pub missing: Vec<Missing>,
    /// Conversations to insert as pending.
    pub new: Vec<(Cell, String)>,
    /// Keys of the whole plan under the same overrides.
    pub keys: Vec<String>,
    /// Number of requested conversations.
    pub asked: usize,
    /// Number of them that are done.
    pub done: usize,
    /// Number of them that failed and are not retried.
    pub failed: usize,
    /// Calls and replies of the requested conversations that may have been charged and lost.
    pub possible_spend: u32,
}

/// Conversations that began under older revisions and are absent from the new plan.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Superseded {
    /// Number of conversations by revision.
    pub revisions: BTreeMap<String, usize>,
}

/// Finds the missing ones among `cells`, given the states of the experiment's conversations.
pub fn prepare(
    experiment: &Experiment,
    plan: &Plan,
    cells: Vec<Cell>,
    standing: &[Standing],
    id: &str,
    retry_failed: bool,
) -> Prepared {
    let by_key: BTreeMap<&str, &Standing> = standing.iter().map(|s| (s.key.as_str(), s)).collect();
    let expected: Vec<u64> = plan.conditions.iter().map(|c| estimate::count_calls(experiment, c).expected).collect();
    let keys = plan.cells().into_iter().map(|c| c.key).collect();
    let mut prepared = Prepared { keys, asked: cells.len(), ..Prepared::default() };
    for cell in cells {
        let stands = by_key.get(cell.key.as_str());
        let status = stands.map_or(Status::Pending, |s| s.status);
        let answered = stands.map_or(0, |s| s.answered);
        prepared.possible_spend += stands.map_or(0, |s| s.possible_spend);
        match status {
            Status::Done => prepared.done += 1,
            Status::Failed if !retry_failed => prepared.failed += 1,
            Status::Pending | Status::Running | Status::Interrupted | Status::Incomplete | Status::Failed => {
                prepared.missing.push(Missing {
                    id: key::conversation_id(id, &cell.key),
                    condition: cell.condition,
                    replicate: cell.replicate,
                    retry: status == Status::Failed,
                    has_begun: answered > 0,
                    left: (expected[cell.condition] as u32).saturating_sub(answered),
                });
            }
        }
        if stands.is_none() {
            let conversation = key::conversation_id(id, &cell.key);
            prepared.new.push((cell, conversation));
        }
    }
    prepared
}

impl Prepared {
    /// Turns the order of work within each replicate, so that simultaneous runs on one server claim in different orders.
    pub fn spread_claims(&mut self, number: u64) {
        let is_one_each = self.missing.windows(2).all(|pair| pair[0].replicate != pair[1].replicate);
        for part in self.missing.chunk_by_mut(|a, b| is_one_each || a.replicate == b.replicate) {
            part.rotate_left((number % part.len() as u64) as usize);
        }
    }
}

/// Builds the jobs that finish the missing conversations of a plan, in this order.
pub fn jobs(experiment: &Arc<Experiment>, plan: &Plan, missing: &[Missing]) -> Vec<Job> {
    let mut conditions: BTreeMap<usize, (Arc<Conditioned>, Arc<[ModelSpec]>)> = BTreeMap::new();
    let job = |(order, missing): (usize, &Missing)| {
        let (replay, members) = conditions.entry(missing.condition).or_insert_with(|| {
            let condition = plan.conditions[missing.condition].clone();
            let members = condition.participants().cloned().collect();
            (Arc::new(Conditioned { experiment: Arc::clone(experiment), condition }), members)
        });
        Job {
            id: missing.id.clone(),
            order: order as u32,
            has_begun: missing.has_begun,
            retry: missing.retry,
            left: missing.left,
            label: label(&replay.condition),
            members: Arc::clone(members),
            replay: Arc::clone(replay) as Arc<dyn Replay>,
        }
    };
    missing.iter().enumerate().map(job).collect()
}

/// Returns the name under which the calls of a condition are counted: that of its model.
pub fn label(condition: &Condition) -> String {
    let model = condition.levels.iter().find(|level| level.name == "model");
    model.map_or_else(String::new, |level| level.value.to_string())
}

/// A condition that rebuilds its conversations from their logs.
struct Conditioned {
    experiment: Arc<Experiment>,
    condition: Condition,
}

impl Replay for Conditioned {
    fn replay(
        &self,
        record: &ConversationRecord,
        log: Vec<Entry>,
        _subject: Vec<Entry>,
    ) -> Result<Box<dyn Process>, String> {
        let mut setting = Setting::new(&self.experiment, &self.condition, record.draw(&record.key));
        setting.retries = record.retries;
        replay(Arc::new(setting), log)
    }
}

/// Finds conversations that a new revision leaves behind without a person's yes.
pub fn superseded(
    plan_keys: &[String],
    revision: &str,
    offline: bool,
    standing: &[Standing],
    runs: &[RunRecord],
) -> Superseded {
    let planned: BTreeSet<&str> = plan_keys.iter().map(String::as_str).collect();
    let agreed: BTreeSet<&str> = runs
        .iter()
        .filter(|r| r.revision == revision)
        .flat_map(|r| r.answers.iter().filter(|a| a.name == LEFT).map(|a| a.value.as_str()))
        .collect();
    let mut revisions = BTreeMap::new();
    let behind = standing
        .iter()
        .filter(|s| s.begun && s.offline == offline && s.revision != revision && !planned.contains(s.key.as_str()));
    for left in behind.filter(|s| !agreed.contains(s.revision.as_str())) {
        *revisions.entry(left.revision.clone()).or_insert(0) += 1;
    }
    Superseded { revisions }
}

/// Origin of a new conversation's record.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// The experiment's id.
    pub experiment: &'a str,
    /// Revision that plans it.
    pub revision: &'a str,
    /// Person who runs it.
    pub creator: &'a str,
    /// Milliseconds since 1970.
    pub now: i64,
    /// True if `scripted` replaces every model.
    pub offline: bool,
}

/// Returns the record of a new conversation.
pub fn record(origin: Origin<'_>, experiment: &Experiment, plan: &Plan, cell: &Cell, id: &str) -> ConversationRecord {
    let condition = &plan.conditions[cell.condition];
    let draw = Draw { key: &cell.key, seed: plan.seed, replicate: cell.replicate };
    let setting = Setting::new(experiment, condition, draw);
    let participants = setting
        .agents
        .iter()
        .map(|a| Participant {
            name: a.name.clone(),
            role: a.role.clone(),
            model: a.model.id.clone(),
            person: a.person.clone(),
        })
        .collect();
    ConversationRecord {
        id: id.to_owned(),
        experiment: origin.experiment.to_owned(),
        revision: origin.revision.to_owned(),
        key: cell.key.clone(),
        creator: origin.creator.to_owned(),
        created: origin.now,
        condition: condition.levels.clone(),
        replicate: cell.replicate,
        seed: plan.seed,
        status: Status::Pending,
        reason: None,
        models: used_models(condition),
        agents: experiment
            .roles
            .iter()
            .zip(&condition.agents)
            .map(|(role, n)| crate::design::Named::new(role.name.clone(), *n))
            .collect(),
        participants,
        messages: condition.protocol.messages,
        days: condition.protocol.days,
        speakers: match &condition.world {
            Some(world) => world.order.word().to_owned(),
            None => condition.protocol.speakers.word().to_owned(),
        },
        starting_message: setting.starting_message,
        offline: origin.offline,
        starred: false,
        note: None,
        retries: 0,
        lease: None,
        kind: ProcessKind::Conversation,
        subject: None,
        question: None,
        ended_by: None,
    }
}

fn used_models(condition: &Condition) -> Vec<UsedModel> {
    let mut used: Vec<UsedModel> = Vec::new();
    for model in condition.participants() {
        let model = UsedModel { name: model.name().to_owned(), id: model.id.clone(), sampling: model.sampling.clone() };
        if !used.contains(&model) {
            used.push(model);
        }
    }
    used
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::design::Named;
    use crate::store::RunKind;

    fn standing(key: &str, revision: &str, begun: bool, offline: bool) -> Standing {
        Standing {
            id: key.into(),
            key: key.into(),
            revision: revision.into(),
            status: Status::Done,
            begun,
            answered: 0,
            possible_spend: 0,
            offline,
            replicate: 1,
            seed: 0,
            creator: "me".into(),
            ended_by: None,
        }
    }

    fn agreed(revision: &str, left: &str) -> RunRecord {
        RunRecord {
            id: "r".into(),
            experiment: "e".into(),
            revision: revision.into(),
            started: 0,
            creator: "me".into(),
            flags: Vec::new(),
            counts: Vec::new(),
            answers: vec![Named::new(LEFT, left.to_owned())],
            version: String::new(),
            ended: None,
            kind: RunKind::Run,
            overrides: None,
            ask: None,
        }
    }

    #[test]
    fn simultaneous_runs_claim_in_other_orders_but_no_later_replicate_first() {
        let order = |replicates: &[u32], number| {
            let missing = replicates.iter().enumerate().map(|(place, replicate)| Missing {
                id: place.to_string(),
                condition: 0,
                replicate: *replicate,
                retry: false,
                has_begun: false,
                left: 1,
            });
            let mut prepared = Prepared { missing: missing.collect(), ..Prepared::default() };
            prepared.spread_claims(number);
            prepared.missing.into_iter().map(|missing| missing.id).collect::<String>()
        };
        assert_eq!(order(&[1, 1, 1, 2, 2], 4), "12034");
        assert_eq!(order(&[1, 1, 1, 2, 2], 5), "20143");
        assert_eq!(order(&[1, 2, 3, 4], 6), "2301", "of one condition all replicates are alike");
        assert_eq!(order(&[], 6), "");
    }

    #[test]
    fn what_is_left_behind_is_asked_about_once() {
        let standing = [
            standing("k1", "old", true, false),
            standing("k2", "old", false, false),
            standing("k3", "old", true, true),
        ];
        let asked = |keys: &[&str], offline, runs: &[RunRecord]| {
            let keys: Vec<String> = keys.iter().map(|k| (*k).to_owned()).collect();
            superseded(&keys, "new", offline, &standing, runs).revisions.values().sum::<usize>()
        };
        assert_eq!(asked(&["k9"], false, &[]), 1, "k2 was never begun, k3 is offline");
        assert_eq!(asked(&["k1"], false, &[]), 0, "it is in the plan");
        assert_eq!(asked(&["k9"], true, &[]), 1);
        assert_eq!(asked(&["k9"], false, &[agreed("new", "old")]), 0);
        assert_eq!(asked(&["k9"], false, &[agreed("other", "old")]), 1);
    }
}
