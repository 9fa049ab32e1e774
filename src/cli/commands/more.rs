//! `run --more N`: so many replicates further than any that was begun, kept as the experiment's.

use crate::cli::args::{Cli, Command};
use crate::cli::commands::designed::Designed;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::narrow;
use crate::design::{Experiment, Overrides, Plan, key};
use crate::run::patience::Patience;
use crate::store::{ExperimentRecord, RunRecord, Standing, Status, Store, StoreError};
use clap::Parser;
use std::collections::{BTreeMap, BTreeSet};

/// How often somebody else may change an experiment between our look and our write.
const TRIES: u32 = 20;

/// The names in a run's counts under which the plan's replicates and seed are kept.
pub const REPLICATES: &str = "replicates";
/// See [`REPLICATES`].
pub const SEED: &str = "seed";

/// Reads what was begun, and makes the plan reach so much further: returns M of `--replicates M`.
pub async fn extend(
    context: &Context,
    store: &dyn Store,
    known: Option<&ExperimentRecord>,
    designed: &mut Designed,
    what: &str,
    more: u32,
) -> Result<u32, CliError> {
    let written = designed.experiment.run.replicates;
    let (replicates, goes_on) = reach(store, known, designed, what, more).await?;
    if goes_on {
        context.printer.chat("an earlier --more is not finished: this goes on with it and adds none");
    }
    context.printer.chat(&format!("up to replicate {replicates} of each condition, as --replicates {replicates} does"));
    if designed.record.is_none() && written != replicates {
        let folder = format!("{what} says {written} as before, and a run of it without --more goes by that");
        context.printer.chat(&format!("{folder}; write replicates = {replicates} there to keep it"));
    }
    Ok(replicates)
}

/// Makes the plan reach so much further: M, and whether that is an earlier `--more` that is not finished.
pub async fn reach(
    store: &dyn Store,
    known: Option<&ExperimentRecord>,
    designed: &mut Designed,
    what: &str,
    more: u32,
) -> Result<(u32, bool), CliError> {
    let (standing, runs) = match known {
        Some(record) => (store.standing(&record.id).await?, store.runs(&record.id).await?),
        None => (Vec::new(), Vec::new()),
    };
    let highest = highest_begun(&designed.plan, designed.overrides.offline, &standing);
    if let Some(earlier) = earlier(&runs, designed) {
        designed.repeat(what, earlier)?;
        if is_unfinished(designed, &standing) {
            return Ok((earlier, true));
        }
    }
    let replicates = highest.saturating_add(more);
    designed.repeat(what, replicates)?;
    Ok((replicates, false))
}

impl Designed {
    /// Plans so many replicates, and keeps them as the experiment's.
    fn repeat(&mut self, what: &str, replicates: u32) -> Result<(), CliError> {
        self.overrides.replicates = Some(replicates);
        self.plan_again(what)?;
        self.experiment.run.replicates = replicates;
        Ok(())
    }
}

/// The highest replicate of the plan's conditions, at its seed, that was begun.
fn highest_begun(plan: &Plan, offline: bool, standing: &[Standing]) -> u32 {
    let begun = || standing.iter().filter(|s| s.begun && s.offline == offline && s.seed == plan.seed);
    // Keys are made for replicates that there are, however few or many.
    let mut keys: BTreeMap<u32, BTreeSet<String>> = BTreeMap::new();
    for replicate in begun().map(|s| s.replicate) {
        let of = |key: &str| key::conversation(key, plan.seed, replicate);
        keys.entry(replicate).or_insert_with(|| plan.conditions.iter().map(|c| of(&c.key)).collect());
    }
    begun().filter(|s| keys[&s.replicate].contains(&s.key)).map(|s| s.replicate).max().unwrap_or(0)
}

/// How far the last `--more` of the same plan was to go.
fn earlier(runs: &[RunRecord], designed: &Designed) -> Option<u32> {
    let same = |run: &&RunRecord| {
        run.revision == designed.revision
            && count(run, SEED) == Some(designed.plan.seed)
            && asked_more(&run.flags).is_some_and(|o| same_plan(o, &designed.overrides))
    };
    let last = runs.iter().rev().find(same)?;
    count(last, REPLICATES).and_then(|n| u32::try_from(n).ok())
}

fn count(run: &RunRecord, name: &str) -> Option<u64> {
    crate::design::named(&run.counts, name).copied()
}

/// What the flags of a run that had `--more` say.
fn asked_more(flags: &[String]) -> Option<Overrides> {
    let words = std::iter::once("convoke").chain(flags.iter().map(String::as_str));
    match Cli::try_parse_from(words).ok()?.command {
        Some(Command::Run(run)) if run.more.is_some() => narrow::overrides(&run.narrow).ok(),
        _ => None,
    }
}

/// Whether two sets of flags plan the same conditions; how many of them are wanted is another matter.
fn same_plan(one: Overrides, other: &Overrides) -> bool {
    let conditions = |o: Overrides| Overrides { replicates: None, seed: None, only: Vec::new(), limit: None, ..o };
    conditions(one) == conditions(other.clone())
}

/// Whether any conversation that is asked for waits to be done. A failed one waits for `--retry-failed` only.
fn is_unfinished(designed: &Designed, standing: &[Standing]) -> bool {
    let ended = |s: &&Standing| matches!(s.status, Status::Done | Status::Failed);
    let ended: BTreeSet<&str> = standing.iter().filter(ended).map(|s| s.key.as_str()).collect();
    designed.cells.iter().any(|c| !ended.contains(c.key.as_str()))
}

/// Keeps the replicates of an experiment that is in the database and was not read from a folder.
pub async fn keep(
    context: &Context,
    store: &dyn Store,
    mut record: ExperimentRecord,
    experiment: &Experiment,
    patience: &Patience,
) -> Result<ExperimentRecord, CliError> {
    let (name, creator, replicates) = (record.name.clone(), record.creator.clone(), experiment.run.replicates);
    if record.creator != context.creator() {
        let whose = format!("`{name}` is {creator}'s and stays as it is: {replicates} replicates are not kept in it");
        context.printer.chat(&whose);
        return Ok(record);
    }
    for _ in 0..TRIES {
        if record.run.replicates == replicates {
            return Ok(record);
        }
        let run = crate::design::RunDefaults { replicates, ..record.run };
        let document = Experiment { run, ..experiment.clone() };
        let (id, version, revision) = (record.id.clone(), record.version, record.revision.clone());
        let revise = || store.revise(&id, &creator, version, document.clone(), revision.clone());
        match patience.with(revise).await {
            Ok(revised) => return Ok(revised),
            Err(error @ StoreError::Changed { .. }) => {
                let there = store.records().await?.into_iter().find(|e| e.id == id);
                // A note, a star or another `--more` stands in nobody's way; another document does.
                record = there.filter(|there| there.revision == revision && there.name == name).ok_or(error)?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(CliError::usage(format!("`{name}` is changed too often to keep its replicates")).hint("repeat the command"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_of_earlier_runs_are_read_again() {
        let of = |words: &[&str]| asked_more(&words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>());
        assert!(of(&["run", "e"]).is_none() && of(&["list"]).is_none() && of(&["run", "--no-such-flag"]).is_none());
        let plain = of(&["run", "e", "--more", "2"]).unwrap();
        let narrowed = of(&["--json", "run", "e", "--more=3", "--only", "a=b", "--limit", "1"]).unwrap();
        assert!(same_plan(narrowed, &plain));
        let another = of(&["run", "e", "--more", "2", "--model", "b"]).unwrap();
        assert!(!same_plan(another, &plain));
        assert!(!same_plan(of(&["run", "e", "--more", "2", "--offline"]).unwrap(), &plain));
    }
}
