//! A correct experiment and its plan under overrides.

use super::check::{self, place_problems};
use super::error::LabError;
use super::setup::{Lab, Servers};
use crate::design::check::{Checked, declare_server, is_set, server_of};
use crate::design::problem::Severity;
use crate::design::{Cell, Condition, Experiment, ModelSpec, Obstacle, Overrides, Plan, Problem, key};
use crate::store::{ExperimentRecord, ProcessKind, Standing};
use std::collections::BTreeSet;
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

    /// Returns the stored experiment whose current revision a folder's plan replaces; `None` if both are equal.
    pub async fn replaced_by(&self, planned: &Planned) -> Result<Option<ExperimentRecord>, LabError> {
        if planned.record.is_some() || planned.alone {
            return Ok(None);
        }
        Ok(self.record_of(planned).await?.filter(|record| record.revision != planned.revision))
    }

    /// Record of a planned experiment, if it is stored.
    pub(super) async fn record_of(&self, planned: &Planned) -> Result<Option<ExperimentRecord>, LabError> {
        Ok(match &planned.record {
            Some(record) => Some(record.clone()),
            None => self.store.experiment(&planned.creator, &planned.experiment.name).await?,
        })
    }
}

pub(super) fn build_planned(
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
    let mut warnings = checked.problems;
    warnings.extend(undeclared_by_flag(&plan, &experiment, servers));
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
        warnings,
    })
}

/// Warns of servers that are not declared and that flags brought in. The check has reported those of the experiment.
fn undeclared_by_flag(plan: &Plan, experiment: &Experiment, servers: &Servers) -> Vec<Problem> {
    let known = servers.known_servers();
    let models = plan.conditions.iter().flat_map(Condition::participants);
    let is_new = |m: &&ModelSpec| !m.is_human() && !experiment.models.iter().any(|declared| declared.id == m.id);
    let ids: BTreeSet<&str> = models.filter(is_new).map(|m| m.id.as_str()).collect();
    let undeclared = ids.into_iter().filter(|id| !known.iter().any(|s| s.name == server_of(id)));
    let problem = |id: &str| Problem {
        severity: Severity::Warning,
        code: "undeclared-server",
        path: "--model".to_owned(),
        line: 0,
        column: 0,
        message: format!("`{id}`: the server `{}` is not declared, so its parameters are not checked", server_of(id)),
        hint: Some(declare_server(server_of(id), &known)),
        excerpt: None,
    };
    undeclared.map(problem).collect()
}

impl Planned {
    /// Refuses models of servers that are not declared, before anything is stored.
    pub fn require_servers(&self, servers: &Servers) -> Result<(), LabError> {
        let used = self.cells.iter().map(|cell| &self.plan.conditions[cell.condition]);
        require_servers(used.flat_map(Condition::participants), servers)
    }

    /// Ids of models that only a flag named.
    pub fn models_of_flags(&self) -> Vec<String> {
        let named: BTreeSet<String> =
            self.overrides.list_settings().iter().flat_map(|s| &s.value).map(ToString::to_string).collect();
        let models = self.plan.conditions.iter().flat_map(Condition::participants);
        let ids: BTreeSet<&String> = models.map(|m| &m.id).filter(|id| named.contains(*id)).collect();
        ids.into_iter().cloned().collect()
    }

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

/// Refuses models of servers that cannot be used, and parameters that a server's protocol lacks. A flag may have
/// introduced them. Of a server that is not declared nothing is known.
pub fn check_models<'a>(models: impl Iterator<Item = &'a ModelSpec>, servers: &Servers) -> Result<(), LabError> {
    let servers = servers.known_servers();
    for model in models.filter(|m| !m.is_human()) {
        let name = server_of(&model.id);
        let Some(server) = servers.iter().find(|s| s.name == name) else { continue };
        if let Some(parameter) = server.lacks.iter().find(|p| is_set(model, p)) {
            return Err(lacking_parameter(model, parameter).into());
        }
    }
    Ok(())
}

/// Refuses models of servers that are not declared.
pub(super) fn require_servers<'a>(
    models: impl Iterator<Item = &'a ModelSpec>,
    servers: &Servers,
) -> Result<(), LabError> {
    let known = servers.known_servers();
    let is_known = |model: &&ModelSpec| model.is_human() || known.iter().any(|s| s.name == server_of(&model.id));
    let mut models = models.skip_while(is_known);
    models.next().map_or(Ok(()), |model| {
        let (model, server) = (model.id.clone(), server_of(&model.id));
        Err(LabError::Undeclared { hint: declare_server(server, &known), server: server.to_owned(), model })
    })
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
