//! The plan: factors × levels × replicates, expanded.
//!
//! A conversation is identified by its key ([`super::key`]), never by its place in the plan. So a resumed run needs
//! only the keys that are planned but not stored. Conditions are in the order of writing, and the first axis changes
//! slowest. Replicate 1 of every condition comes before replicate 2 of any condition.

use super::axis::{self, Axis};
use super::condition::Condition;
use super::experiment::{Experiment, When};
use super::key;
use super::overrides::Overrides;
use super::problem::{Obstacle, did_you_mean};
use super::resolve::{Casts, Resolver};
use super::value::{Named, Value};
use std::collections::{BTreeMap, BTreeSet};

pub use super::experiment::{HUMAN, SCRIPTED};

/// Maximum number of combinations of levels; a larger design is a mistake.
const MOST_CONDITIONS: usize = 100_000;
/// Maximum number of conversations in a plan.
const MOST_CONVERSATIONS: usize = 2_000_000;

/// A plan: conditions and the number of replicates.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Conditions in order, excluded ones left out.
    pub conditions: Vec<Condition>,
    /// Conversations per condition.
    pub replicates: u32,
    /// The seed of everything random.
    pub seed: u64,
}

/// One conversation of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// Index of its condition in the plan.
    pub condition: usize,
    /// Number of the replicate, from 1.
    pub replicate: u32,
    /// SHA-256 of condition key, seed and replicate, in hex.
    pub key: String,
}

/// Every condition that can be resolved, and all obstacles.
#[derive(Debug, Default)]
pub struct Expansion {
    /// Conditions in order, excluded ones left out.
    pub conditions: Vec<Condition>,
    /// Reasons why the conditions cannot be planned.
    pub obstacles: Vec<Obstacle>,
}

/// Expands an experiment with overrides, as far as possible.
pub fn expand_conditions(experiment: &Experiment, overrides: &Overrides) -> Expansion {
    let mut obstacles = overrides.find_obstacles();
    let axes = match axis::expand_axes(experiment, overrides) {
        Ok(axes) => axes,
        Err(found) => {
            obstacles.extend(found);
            return Expansion { conditions: Vec::new(), obstacles };
        }
    };
    let replicates = overrides.replicates.unwrap_or(experiment.run.replicates);
    let seed = overrides.seed.unwrap_or(experiment.run.seed);
    if let Some(obstacle) = too_many(&axes, replicates) {
        obstacles.push(obstacle);
        return Expansion { conditions: Vec::new(), obstacles };
    }
    let settings = overrides.list_settings();
    let resolver = Resolver { experiment, overrides, settings: &settings, casts: Casts::default() };
    let names = names_in_order(experiment, &axes);
    let mut tally = Tally::default();
    let mut conditions = Vec::new();
    for levels in axis::combine_rows(&axes) {
        let levels = names.iter().filter_map(|n| levels.get(*n).map(|v| Named::new(*n, v.clone()))).collect();
        let (mut condition, found) = resolver.resolve(levels);
        if experiment.design.exclude.iter().any(|e| condition.satisfies(experiment, &e.all)) {
            continue;
        }
        obstacles.extend(found.into_iter().filter(|o| !obstacles.contains(o)).collect::<Vec<_>>());
        for obstacle in condition.find_obstacles(experiment) {
            tally.add_obstacle(obstacle);
        }
        condition.key = key::hash_condition(experiment, &condition);
        for obstacle in condition.find_missing_people(seed, replicates) {
            tally.add_obstacle(obstacle);
        }
        conditions.push(condition);
    }
    // Conditions whose people are not found would seem to be equal.
    if resolver.casts.borrow().iter().all(|(_, wrong)| wrong.is_empty()) {
        for obstacle in same_keys(&conditions) {
            tally.add_obstacle(obstacle);
        }
    }
    obstacles.extend(tally.into_obstacles());
    if conditions.is_empty() && obstacles.is_empty() {
        let message = "no condition is left: `exclude` leaves out every one".to_owned();
        let hint = "remove a line of `exclude`".to_owned();
        obstacles.push(Obstacle::new("no-condition", "design.exclude", message, hint));
    }
    Expansion { conditions, obstacles }
}

/// Obstacles that many conditions may share. The first of each kind is reported, and the others are counted.
#[derive(Default)]
struct Tally {
    found: Vec<(Obstacle, usize)>,
}

impl Tally {
    fn add_obstacle(&mut self, obstacle: Obstacle) {
        match self.found.iter_mut().find(|(o, _)| (o.code, &o.at) == (obstacle.code, &obstacle.at)) {
            Some((_, more)) => *more += 1,
            None => self.found.push((obstacle, 0)),
        }
    }

    fn into_obstacles(self) -> impl Iterator<Item = Obstacle> {
        self.found.into_iter().map(|(obstacle, more)| match more {
            0 => obstacle,
            _ => Obstacle { message: format!("{} (and {more} more like this)", obstacle.message), ..obstacle },
        })
    }
}

fn too_many(axes: &[Axis], replicates: u32) -> Option<Obstacle> {
    let conditions = axes.iter().try_fold(1_usize, |product, axis| product.checked_mul(axis.rows.len()));
    let fits = conditions.is_some_and(|n| {
        n <= MOST_CONDITIONS && n.checked_mul(replicates as usize).is_some_and(|n| n <= MOST_CONVERSATIONS)
    });
    let factors: Vec<String> = axes.iter().map(|a| format!("{} × {}", a.factors.join("+"), a.rows.len())).collect();
    (!fits).then(|| {
        let message = format!("too many conversations: {}, {replicates} replicates", factors.join(", "));
        let hint = format!(
            "at most {MOST_CONDITIONS} combinations and {MOST_CONVERSATIONS} conversations: use fewer levels or `cells`"
        );
        Obstacle::new("too-many", "factors", message, hint)
    })
}

impl Plan {
    /// Expands an experiment with overrides, and reports all obstacles together. An obstacle that exists only because
    /// of the overrides is an error of a flag.
    pub fn new(experiment: &Experiment, overrides: &Overrides) -> Result<Self, Vec<Obstacle>> {
        let Expansion { conditions, mut obstacles } = expand_conditions(experiment, overrides);
        if !obstacles.is_empty() {
            let without = expand_conditions(experiment, &Overrides::default()).obstacles;
            obstacles.iter_mut().filter(|o| !without.contains(o)).for_each(|o| o.usage = true);
            return Err(obstacles);
        }
        let replicates = overrides.replicates.unwrap_or(experiment.run.replicates);
        Ok(Self { conditions, replicates, seed: overrides.seed.unwrap_or(experiment.run.seed) })
    }

    /// Returns every conversation, replicate 1 of every condition first.
    pub fn cells(&self) -> Vec<Cell> {
        (1..=self.replicates)
            .flat_map(|replicate| (0..self.conditions.len()).map(move |condition| (condition, replicate)))
            .map(|(condition, replicate)| Cell {
                condition,
                replicate,
                key: key::hash_conversation(&self.conditions[condition].key, self.seed, replicate),
            })
            .collect()
    }

    /// Returns the conversations that `--only` and `--limit` select. If these flags select no conversation or name
    /// unknown levels, returns an error.
    pub fn selected(&self, experiment: &Experiment, overrides: &Overrides) -> Result<Vec<Cell>, Obstacle> {
        for when in overrides.only.iter().flat_map(|e| &e.all) {
            check_only(experiment, &self.conditions.iter().collect::<Vec<_>>(), when)?;
        }
        let wanted = |c: &Cell| {
            let condition = &self.conditions[c.condition];
            overrides.only.is_empty() || overrides.only.iter().any(|e| condition.satisfies(experiment, &e.all))
        };
        let cells: Vec<Cell> =
            self.cells().into_iter().filter(wanted).take(overrides.limit.unwrap_or(usize::MAX)).collect();
        if cells.is_empty() {
            let hint = "`convoke plan` lists the conditions".to_owned();
            return Err(Obstacle::usage("`--only` and `--limit` leave no conversation".to_owned(), hint));
        }
        Ok(cells)
    }
}

/// Refuses a factor or level of `--only` that no condition has.
pub fn check_only(experiment: &Experiment, conditions: &[&Condition], when: &When) -> Result<(), Obstacle> {
    let values: Vec<Value> = conditions.iter().filter_map(|c| c.value(experiment, &when.factor)).collect();
    if values.is_empty() {
        let mut known: Vec<&str> = conditions.iter().flat_map(|c| &c.levels).map(|l| l.name.as_str()).collect();
        drop_repeats(&mut known);
        let hint = did_you_mean(&when.factor, known.iter().copied())
            .unwrap_or_else(|| format!("factors: {}", known.join(", ")));
        return Err(Obstacle::usage(format!("`--only {}=…`: there is no such factor", when.factor), hint));
    }
    if let Some(word) = when.any.iter().find(|w| !values.iter().any(|v| v.is_written(w))) {
        let texts: Vec<String> = values.iter().map(ToString::to_string).collect();
        let mut texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        drop_repeats(&mut texts);
        let hint =
            did_you_mean(word, texts.iter().copied()).unwrap_or_else(|| format!("its levels: {}", texts.join(", ")));
        return Err(Obstacle::usage(format!("`--only {}={word}`: no condition has that level", when.factor), hint));
    }
    Ok(())
}

fn drop_repeats(words: &mut Vec<&str>) {
    let mut seen = BTreeSet::new();
    words.retain(|w| seen.insert(*w));
}

/// Returns the names of factors in the order of writing. `model` comes first, unless it is a factor.
fn names_in_order<'a>(experiment: &'a Experiment, axes: &'a [Axis]) -> Vec<&'a str> {
    let written = experiment.factors.iter().map(|f| f.name.as_str());
    let added = axes.iter().flat_map(|a| a.factors.iter().map(String::as_str));
    let implicit = (!experiment.factors.iter().any(|f| f.name == "model")).then_some("model");
    let mut names = implicit.into_iter().chain(written).chain(added).collect();
    drop_repeats(&mut names);
    names
}

fn same_keys(conditions: &[Condition]) -> Vec<Obstacle> {
    let mut seen: BTreeMap<&str, &Condition> = BTreeMap::new();
    let mut obstacles = Vec::new();
    for condition in conditions {
        match seen.get(condition.key.as_str()) {
            None => {
                seen.insert(&condition.key, condition);
            }
            Some(first) => {
                let hint = if first.value_of("model") == condition.value_of("model") {
                    "two combinations come to the same: remove one of them, or exclude it".to_owned()
                } else {
                    "no participant uses the condition's model, or both are one model: write `model = [\"…\"]` with one level under [factors]"
                        .to_owned()
                };
                let message = format!("two cells are the same conversation: {} and {}", first.name(), condition.name());
                obstacles.push(Obstacle::new("same-key", "factors", message, hint));
            }
        }
    }
    obstacles
}
