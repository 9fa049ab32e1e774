//! Prompts of an experiment, exactly as replicate 1 will send them.

use super::error::LabError;
use crate::design::problem::did_you_mean;
use crate::design::{Condition, Experiment, Expression, Obstacle, Overrides, Plan, key};
use crate::process::Setting;
use crate::process::setting::Draw;
use std::collections::BTreeSet;

/// Makes the conditions that `only` selects concrete, in the order of the plan. Refuses a `role` that does not exist.
pub fn preview_settings<'a>(
    experiment: &Experiment,
    plan: &'a Plan,
    only: Vec<Expression>,
    role: Option<&str>,
) -> Result<Vec<(&'a Condition, Setting)>, LabError> {
    if let Some(role) = role.filter(|r| !experiment.roles.iter().any(|known| known.name == *r)) {
        let near = did_you_mean(role, experiment.roles.iter().map(|r| r.name.as_str()));
        return Err(Obstacle::usage(format!("there is no role `{role}`"), near).into());
    }
    let once = Plan { replicates: 1, ..plan.clone() };
    let cells = once.selected(experiment, &Overrides { only, ..Overrides::default() })?;
    let wanted: BTreeSet<usize> = cells.iter().map(|c| c.condition).collect();
    let conditions = wanted.into_iter().filter_map(|place| plan.conditions.get(place));
    let concrete = |c: &Condition| {
        let key = key::hash_conversation(&c.key, plan.seed, 1);
        Setting::new(experiment, c, Draw { key: &key, seed: plan.seed, replicate: 1 })
    };
    Ok(conditions.map(|c| (c, concrete(c))).collect())
}
