//! More replicates: N beyond those that have begun, stored as the experiment's number.

use super::error::LabError;
use super::launch::{REPLICATES, SEED};
use super::planned::Planned;
use super::recorded::read_run;
use super::setup::Lab;
use crate::design::{Experiment, Obstacle, Overrides, Plan, RunDefaults, key, named};
use crate::run::patience::Patience;
use crate::store::{ExperimentRecord, ProcessKind, RunRecord, Standing, Status, StoreError};
use std::collections::{BTreeMap, BTreeSet};

/// Compare-and-set attempts while other people change the experiment.
const ATTEMPTS: u32 = 20;

/// The size of an extended plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extended {
    /// New number of replicates for each condition.
    pub replicates: u32,
    /// True if this finishes an earlier extension and adds none.
    pub continues: bool,
}

impl Lab {
    /// Plans `more` replicates beyond the highest that has begun. While an earlier extension of the same plan is
    /// unfinished, plans that one again.
    pub async fn extend_plan(&self, planned: &mut Planned, more: u32) -> Result<Extended, LabError> {
        let (standing, runs) = match self.record_of(planned).await? {
            Some(record) => {
                (self.store.standing(&record.id, ProcessKind::Conversation).await?, self.store.runs(&record.id).await?)
            }
            None => (Vec::new(), Vec::new()),
        };
        let highest = highest_begun(&planned.plan, planned.overrides.offline, &standing);
        if let Some(replicates) = earlier_extension(&runs, planned) {
            planned.set_replicates(replicates)?;
            if is_unfinished(planned, &standing) {
                return Ok(Extended { replicates, continues: true });
            }
        }
        let replicates = highest.saturating_add(more);
        planned.set_replicates(replicates)?;
        Ok(Extended { replicates, continues: false })
    }

    /// Saves the number of replicates if the experiment is the person's own. A colleague's experiment stays unchanged.
    pub(super) async fn keep_replicates(
        &self,
        mut record: ExperimentRecord,
        experiment: &Experiment,
        patience: &Patience,
    ) -> Result<ExperimentRecord, LabError> {
        let (name, creator, replicates) = (record.name.clone(), record.creator.clone(), experiment.run.replicates);
        if creator != self.who.creator {
            return Ok(record);
        }
        for _ in 0..ATTEMPTS {
            if record.run.replicates == replicates {
                return Ok(record);
            }
            let document = Experiment { run: RunDefaults { replicates, ..record.run }, ..experiment.clone() };
            let (id, version, revision) = (record.id.clone(), record.version, record.revision.clone());
            let revise = || self.store.revise(&id, &creator, version, document.clone(), revision.clone());
            match patience.with(revise).await {
                Ok(revised) => return Ok(revised),
                Err(error @ StoreError::Changed { .. }) => {
                    // Only a new document is a conflict; a new note, star or number of replicates is not.
                    let now = self.find_record(&id).await?;
                    record = now.filter(|now| now.revision == revision && now.name == name).ok_or(error)?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        let message = format!("`{name}` is changed too often to keep its replicates");
        Err(Obstacle::usage(message, "repeat the command".to_owned()).into())
    }
}

impl Planned {
    /// Sets the number of replicates in the plan and in the experiment.
    fn set_replicates(&mut self, replicates: u32) -> Result<(), LabError> {
        self.overrides.replicates = Some(replicates);
        self.plan_again()?;
        self.experiment.run.replicates = replicates;
        Ok(())
    }
}

/// Highest replicate of the plan's conditions, at its seed, that has begun.
fn highest_begun(plan: &Plan, offline: bool, standing: &[Standing]) -> u32 {
    let begun = || standing.iter().filter(|s| s.begun && s.offline == offline && s.seed == plan.seed);
    // Only existing replicates need keys.
    let mut keys: BTreeMap<u32, BTreeSet<String>> = BTreeMap::new();
    for replicate in begun().map(|s| s.replicate) {
        let of = |key: &str| key::hash_conversation(key, plan.seed, replicate);
        keys.entry(replicate).or_insert_with(|| plan.conditions.iter().map(|c| of(&c.key)).collect());
    }
    begun().filter(|s| keys[&s.replicate].contains(&s.key)).map(|s| s.replicate).max().unwrap_or(0)
}

/// Number of replicates that the last extension of the same plan was to reach.
fn earlier_extension(runs: &[RunRecord], planned: &Planned) -> Option<u32> {
    let same = |run: &&RunRecord| {
        run.revision == planned.revision
            && named(&run.counts, SEED) == Some(&planned.plan.seed)
            && read_run(run).is_some_and(|r| r.had_more && is_same_plan(r.overrides, &planned.overrides))
    };
    let last = runs.iter().rev().find(same)?;
    named(&last.counts, REPLICATES).and_then(|n| u32::try_from(*n).ok())
}

/// True if two sets of overrides plan the same conditions, whatever the number of conversations.
fn is_same_plan(one: Overrides, other: &Overrides) -> bool {
    let conditions = |o: Overrides| Overrides { replicates: None, seed: None, only: Vec::new(), limit: None, ..o };
    conditions(one) == conditions(other.clone())
}

/// True if a requested conversation is still to be run. A failed one waits for `retry_failed`.
fn is_unfinished(planned: &Planned, standing: &[Standing]) -> bool {
    let ended = |s: &&Standing| matches!(s.status, Status::Done | Status::Failed);
    let ended: BTreeSet<&str> = standing.iter().filter(ended).map(|s| s.key.as_str()).collect();
    planned.cells.iter().any(|c| !ended.contains(c.key.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::old_flags;

    #[test]
    fn flags_of_earlier_runs_are_compared() {
        let of = |words: &[&str]| old_flags::parse_flags(&words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>());
        assert!(of(&["list"]).is_none() && of(&["run", "--no-such-flag"]).is_none());
        assert!(!of(&["run", "e"]).unwrap().had_more);
        let plain = of(&["run", "e", "--more", "2"]).unwrap().overrides;
        let narrowed = of(&["--json", "run", "e", "--more=3", "--only", "a=b", "--limit", "1"]).unwrap();
        assert!(narrowed.had_more && is_same_plan(narrowed.overrides, &plain));
        let another = of(&["run", "e", "--more", "2", "--model", "b"]).unwrap();
        assert!(!is_same_plan(another.overrides, &plain));
        assert!(!is_same_plan(of(&["run", "e", "--more", "2", "--offline"]).unwrap().overrides, &plain));
    }
}
