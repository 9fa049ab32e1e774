//! One conversation of an experiment, in which a person may play a role.

use super::error::LabError;
use super::planned::Planned;
use super::setup::Lab;
use crate::design::plan::HUMAN;
use crate::design::problem::did_you_mean;
use crate::design::{Condition, ModelSpec, Named, Obstacle, Value, key};
use crate::run::prepare::prepare;
use crate::store::{Standing, Status};
use std::collections::BTreeMap;

/// Override that makes a person play a role.
pub fn play_role(role: &str) -> Named<Vec<Value>> {
    Named::new(format!("roles.{role}.model"), vec![Value::Text(HUMAN.to_owned())])
}

impl Planned {
    /// Gives a role to the person. Without one, checks that a person takes part in the experiment.
    pub fn cast_role(&mut self, role: Option<&str>) -> Result<(), LabError> {
        let roles: Vec<String> = self.experiment.roles.iter().map(|r| r.name.clone()).collect();
        if let Some(role) = role {
            if !roles.iter().any(|r| r == role) {
                let near = did_you_mean(role, roles.iter().map(String::as_str));
                let message = format!("`{}` has no role `{role}`", self.experiment.name);
                let hint = near.unwrap_or_else(|| format!("its roles: {}", roles.join(", ")));
                return Err(Obstacle::usage(message, hint).into());
            }
            self.overrides.set.push(play_role(role));
            self.plan_again()?;
        }
        let condition = &self.plan.conditions[self.cells[0].condition];
        let plays = |role: usize| condition.models[role].iter().any(ModelSpec::is_human);
        let is_played = match role {
            Some(role) => roles.iter().position(|r| r == role).is_some_and(plays),
            None => (0..roles.len()).any(plays),
        };
        if is_played {
            return Ok(());
        }
        Err(match role {
            Some(role) => Obstacle::usage(
                format!("no agent plays `{role}` in {}", condition.name()),
                format!("--agents {role}=1, or another condition with --only"),
            ),
            None => Obstacle::usage(
                "nobody is played by a person: say who you are".to_owned(),
                format!("--as {}", roles[0]),
            ),
        }
        .into())
    }

    /// First condition in which a person types, among the missing conversations; with `anew`, among all requested ones.
    /// `standing` is the state of the experiment `id`.
    pub fn needs_people(
        &self,
        (id, standing): (&str, &[Standing]),
        retry_failed: bool,
        anew: bool,
    ) -> Option<&Condition> {
        let conditions = &self.plan.conditions;
        if !self.cells.iter().any(|c| conditions[c.condition].has_people()) {
            return None;
        }
        let missing = prepare(&self.experiment, &self.plan, self.cells.clone(), standing, id, retry_failed).missing;
        let missing = missing.iter().map(|job| job.condition);
        let all = self.cells.iter().filter(|_| anew).map(|cell| cell.condition);
        missing.chain(all).map(|condition| &conditions[condition]).find(|c| c.has_people())
    }
}

impl Lab {
    /// Keeps one conversation of the first condition: the first unfinished one that nobody else began, else a new one.
    pub async fn plan_single(&self, planned: &mut Planned, retry_failed: bool) -> Result<(), LabError> {
        let (_, standing) = self.load_standing(planned).await?;
        let condition = planned.cells[0].condition;
        let (key, seed) = (planned.plan.conditions[condition].key.clone(), planned.plan.seed);
        let by_key: BTreeMap<&str, &Standing> = standing.iter().map(|s| (s.key.as_str(), s)).collect();
        let is_free = |replicate: &u32| match by_key.get(key::hash_conversation(&key, seed, *replicate).as_str()) {
            None => true,
            Some(s) => match s.status {
                Status::Done => false,
                Status::Failed => retry_failed,
                Status::Pending | Status::Running | Status::Interrupted | Status::Incomplete => {
                    !s.begun || s.creator == self.who.creator
                }
            },
        };
        // With one replicate more than conversations, at least one is free.
        let replicate = (1..=standing.len() as u32 + 1).find(is_free).unwrap_or(1);
        planned.overrides.replicates = Some(planned.plan.replicates.max(replicate));
        planned.plan_again()?;
        planned.cells.retain(|cell| cell.condition == condition && cell.replicate == replicate);
        Ok(())
    }
}
