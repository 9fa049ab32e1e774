//! A correct experiment and its plan under overrides.

use super::check::{self, place_problems};
use super::error::LabError;
use super::setup::{Lab, Servers};
use crate::design::check::{Checked, is_set, server_of};
use crate::design::{Cell, Condition, Experiment, ModelSpec, Obstacle, Overrides, Plan, Problem, key};
use crate::store::{ExperimentRecord, ProcessKind, Standing};
use std::path::Path;

/// An experiment and its plan under overrides.
#[derive(Debug, Clone)]
pub struct Planned {
    /// Name, id or folder as a person wrote it.
    pub what: String,
    /// The experiment.
    pub experiment: Experiment,
    /// Hash of the experiment.
    pub revision: String,
    /// Record of a stored experiment.
    pub record: Option<ExperimentRecord>,
    /// Its creator.
    pub creator: String,
    /// The overrides.
    pub overrides: Overrides,
    /// The whole plan, without `only` and `limit`.
    pub plan: Plan,
    /// Conversations that `only` and `limit` select.
    pub cells: Vec<Cell>,
    /// True if one conversation runs alone: the stored experiment and plan stay unchanged.
    pub alone: bool,
    /// Warnings about the experiment.
    pub warnings: Vec<Problem>,
}

/// Plans the experiment of a folder. `from` is the working folder; `creator` becomes the experiment's creator.
pub fn of_folder(
    what: &str,
    folder: &Path,
    overrides: Overrides,
    (from, servers, creator): (&Path, &Servers, &str),
) -> Result<Planned, LabError> {
    let mut checked = check::of_folder(folder, servers)?;
    checked.problems = place_problems(from, folder, &checked.problems);
    build_planned(what, checked, None, overrides, (servers, creator))
}

impl Lab {
    /// Plans a stored experiment.
    pub async fn plan_stored(&self, what: &str, overrides: Overrides) -> Result<Planned, LabError> {
        let record = self.find_experiment(what).await?;
        let checked = check::of_document(&self.load_document(&record).await?, &self.servers);
        let creator = record.creator.clone();
        build_planned(what, checked, Some(record), overrides, (&self.servers, &creator))
    }

    /// Id and state of the experiment's conversations. Both are empty if it is not stored.
    pub async fn load_standing(&self, planned: &Planned) -> Result<(String, Vec<Standing>), LabError> {
        match self.record_of(planned).await? {
            Some(record) => Ok((record.id.clone(), self.store.standing(&record.id, ProcessKind::Conversation).await?)),
            None => Ok((String::new(), Vec::new())),
        }
    }

    /// Record of a planned experiment, if it is stored.
    pub(super) async fn record_of(&self, planned: &Planned) -> Result<Option<ExperimentRecord>, LabError> {
        Ok(match &planned.record {
            Some(record) => Some(record.clone()),
            None => self.store.experiment(&planned.creator, &planned.experiment.name).await?,
        })
    }
}

fn build_planned(
    what: &str,
    checked: Checked,
    record: Option<ExperimentRecord>,
    overrides: Overrides,
    (servers, creator): (&Servers, &str),
) -> Result<Planned, LabError> {
    let is_right = !checked.has_errors();
    let Some(experiment) = checked.experiment.filter(|_| is_right) else {
        let subject = format!("the experiment {what} cannot be run");
        return Err(LabError::Wrong { subject, problems: checked.problems });
    };
    let plan = Plan::new(&experiment, &overrides).map_err(|obstacles| refuse_plan(what, obstacles))?;
    check_models(plan.conditions.iter().flat_map(Condition::participants), servers)?;
    let cells = plan.selected(&experiment, &overrides)?;
    Ok(Planned {
        what: what.to_owned(),
        revision: key::hash_revision(&experiment),
        experiment,
        record,
        creator: creator.to_owned(),
        overrides,
        plan,
        cells,
        alone: false,
        warnings: checked.problems,
    })
}

impl Planned {
    /// Plans again after a change of the overrides.
    pub fn plan_again(&mut self) -> Result<(), LabError> {
        self.plan =
            Plan::new(&self.experiment, &self.overrides).map_err(|obstacles| refuse_plan(&self.what, obstacles))?;
        self.cells = self.plan.selected(&self.experiment, &self.overrides)?;
        Ok(())
    }

    /// Keys of the requested conversations.
    pub fn planned_keys(&self) -> Vec<String> {
        self.cells.iter().map(|cell| cell.key.clone()).collect()
    }
}

/// Refuses models of unknown servers, and parameters that a server's protocol lacks. A flag may have introduced them.
pub fn check_models<'a>(models: impl Iterator<Item = &'a ModelSpec>, servers: &Servers) -> Result<(), LabError> {
    let servers = servers.known_servers();
    for model in models.filter(|m| !m.is_human()) {
        let name = server_of(&model.id);
        let Some(server) = servers.iter().find(|s| s.name == name) else {
            let known: Vec<&str> = servers.iter().map(|s| s.name.as_str()).collect();
            let message = format!("`{}`: there is no server `{name}`", model.id);
            return Err(Obstacle::usage(message, format!("known: {}", known.join(", "))).into());
        };
        if let Some(parameter) = server.lacks.iter().find(|p| is_set(model, p)) {
            return Err(lacking_parameter(model, parameter).into());
        }
    }
    Ok(())
}

fn lacking_parameter(model: &ModelSpec, parameter: &str) -> Obstacle {
    let message = format!("`{}`: its protocol has no `{parameter}`, so it could not be sent", model.id);
    Obstacle::usage(message, "leave it out for this model".to_owned())
}

/// Selects the obstacle that a person can fix soonest: one from a flag, else the first.
fn refuse_plan(what: &str, obstacles: Vec<Obstacle>) -> LabError {
    let place = obstacles.iter().position(|o| o.usage).unwrap_or(0);
    let unknown = || Obstacle::usage(format!("{what} cannot be planned"), None);
    obstacles.into_iter().nth(place).unwrap_or_else(unknown).into()
}
