//! Progress of an experiment: conversations for each condition, and the last unfinished run.

use super::error::LabError;
use super::launch::REPLICATES;
use super::old_flags::Recorded;
use super::recorded::read_run;
use super::setup::Lab;
use crate::design::{Condition, Experiment, Overrides, Plan, key, named};
use crate::store::{ExperimentRecord, ProcessKind, RunRecord, Standing, Status};
use std::collections::BTreeMap;

/// Number of newest runs among which an unfinished one is searched.
const RUNS: usize = 8;

/// The progress of an experiment.
#[derive(Debug, Clone)]
pub struct Standings {
    /// Each condition, by the levels that distinguish it, and its conversations.
    pub rows: Vec<(String, Numbers)>,
    /// Newest unfinished run.
    pub unfinished: Option<UnfinishedRun>,
    /// Number of failed conversations of the plan.
    pub failed: usize,
}

/// Numbers of conversations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Numbers {
    /// At their end.
    pub done: usize,
    /// Failed.
    pub failed: usize,
    /// All other planned conversations.
    pub left: usize,
}

/// An unfinished run.
#[derive(Debug, Clone)]
pub struct UnfinishedRun {
    /// Arguments of the run.
    pub flags: Vec<String>,
    /// Planned number of replicates.
    pub replicates: u32,
    /// Number of its conversations that are left.
    pub left: usize,
}

impl Lab {
    /// Reads the progress of an experiment's current revision.
    pub async fn load_standings(
        &self,
        record: &ExperimentRecord,
        document: &Experiment,
    ) -> Result<Standings, LabError> {
        let (standing, mut runs) =
            (self.store.standing(&record.id, ProcessKind::Conversation).await?, self.store.runs(&record.id).await?);
        runs.retain(|run| run.revision == record.revision);
        let plan = Plan::new(document, &Overrides::default());
        let rows = plan.as_ref().map(|plan| count_rows(plan, &standing)).unwrap_or_default();
        let by_key: BTreeMap<&str, Status> = standing.iter().map(|s| (s.key.as_str(), s.status)).collect();
        let cells = plan.map(|plan| plan.cells()).unwrap_or_default();
        let failed = cells.iter().filter(|c| by_key.get(c.key.as_str()) == Some(&Status::Failed)).count();
        let unfinished = runs.iter().rev().take(RUNS).find_map(|run| unfinished_run(run, document, &by_key));
        Ok(Standings { rows, unfinished, failed })
    }
}

impl Standings {
    /// True if a conversation was ever planned.
    pub fn is_any(&self) -> bool {
        self.rows.iter().any(|(_, n)| n.done + n.failed + n.left > 0)
    }
}

/// Numbers of each condition, at the plan's seed.
fn count_rows(plan: &Plan, standing: &[Standing]) -> Vec<(String, Numbers)> {
    let by_key: BTreeMap<&str, &Standing> = standing.iter().map(|s| (s.key.as_str(), s)).collect();
    let highest = standing.iter().map(|s| s.replicate).max().unwrap_or(0);
    let axes: Vec<&str> = varying_axes(&plan.conditions);
    let row = |condition: &Condition| {
        let mut numbers = Numbers::default();
        for replicate in 1..=highest {
            let key = key::hash_conversation(&condition.key, plan.seed, replicate);
            match by_key.get(key.as_str()).map(|s| s.status) {
                Some(Status::Done) => numbers.done += 1,
                Some(Status::Failed) => numbers.failed += 1,
                Some(Status::Pending | Status::Running | Status::Interrupted | Status::Incomplete) => numbers.left += 1,
                None => {}
            }
        }
        let levels = condition.levels.iter().filter(|l| axes.contains(&l.name.as_str()));
        let levels: Vec<String> = levels.map(|l| format!("{}={}", l.name, l.value)).collect();
        (levels.join(" "), numbers)
    };
    plan.conditions.iter().map(row).collect()
}

/// Axes that distinguish conditions.
fn varying_axes(conditions: &[Condition]) -> Vec<&str> {
    let Some(first) = conditions.first() else { return Vec::new() };
    let differs = |name: &str| {
        let level = |c: &Condition| named(&c.levels, name).cloned();
        conditions.iter().any(|c| level(c) != level(first))
    };
    first.levels.iter().map(|l| l.name.as_str()).filter(|name| differs(name)).collect()
}

fn unfinished_run(run: &RunRecord, document: &Experiment, by_key: &BTreeMap<&str, Status>) -> Option<UnfinishedRun> {
    let Recorded { overrides, had_more, .. } = read_run(run).filter(|recorded| !recorded.is_talk)?;
    let replicates = named(&run.counts, REPLICATES).and_then(|n| u32::try_from(*n).ok())?;
    let planned = if had_more { Some(replicates) } else { overrides.replicates };
    let overrides = Overrides { replicates: planned, ..overrides };
    let left = count_left(document, &overrides, by_key).filter(|left| *left > 0)?;
    Some(UnfinishedRun { flags: run.flags.clone(), replicates, left })
}

fn count_left(document: &Experiment, overrides: &Overrides, by_key: &BTreeMap<&str, Status>) -> Option<usize> {
    let cells = Plan::new(document, overrides).ok()?.selected(document, overrides).ok()?;
    let ended = |key: &str| matches!(by_key.get(key), Some(Status::Done | Status::Failed));
    Some(cells.iter().filter(|c| !ended(&c.key)).count())
}
