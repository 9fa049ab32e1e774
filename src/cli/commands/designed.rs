//! What `plan` and `run` begin with: an experiment that is right, and the plan of it under the flags.

use crate::cli::context::{Context, What};
use crate::cli::error::{CliError, Exit};
use crate::cli::narrow;
use crate::cli::narrow::Narrow;
use crate::cli::problems::{placed, say_problems};
use crate::design::check::{Checked, is_set, server_of};
use crate::design::{Cell, Experiment, ModelSpec, Obstacle, Overrides, Plan, key};
use crate::store::ExperimentRecord;

/// An experiment and its plan under the flags.
pub struct Designed {
    /// The experiment.
    pub experiment: Experiment,
    /// Its hash.
    pub revision: String,
    /// Its record, where it came from the database.
    pub record: Option<ExperimentRecord>,
    /// Who made it.
    pub creator: String,
    /// What the flags said.
    pub overrides: Overrides,
    /// The whole plan, without `--only` and `--limit`.
    pub plan: Plan,
    /// The conversations that those leave.
    pub cells: Vec<Cell>,
    /// Whether it is a conversation alone: what is stored of experiment and plan stays as it is.
    pub alone: bool,
}

impl Context {
    /// Reads, checks and plans an experiment. A wrong one has all its mistakes told before the error comes back.
    pub async fn designed(&self, what: &str, narrow: &Narrow) -> Result<Designed, CliError> {
        let overrides = narrow::overrides(narrow)?;
        let (checked, record) = self.experiment_to_run(what).await?;
        let Some(experiment) = checked.experiment.as_ref().filter(|_| !checked.has_errors()) else {
            return Err(self.wrong_experiment(what, &checked));
        };
        let experiment = experiment.clone();
        say_problems(self, &checked.problems);
        let plan = Plan::new(&experiment, &overrides).map_err(|obstacles| refused(what, &obstacles))?;
        self.check_models(&plan)?;
        let cells = plan.selected(&experiment, &overrides)?;
        let creator = record.as_ref().map_or_else(|| self.creator().to_owned(), |r| r.creator.clone());
        let revision = key::revision(&experiment);
        Ok(Designed { experiment, revision, record, creator, overrides, plan, cells, alone: false })
    }

    async fn experiment_to_run(&self, what: &str) -> Result<(Checked, Option<ExperimentRecord>), CliError> {
        if let Some(folder) = self.folder(what)? {
            let mut checked = self.check_folder(&folder)?;
            checked.problems = placed(self, &folder, &checked.problems);
            return Ok((checked, None));
        }
        let store = self.reader().await?;
        match self.find_stored(what, &*store).await? {
            What::Experiment(record) => {
                let document = self.document(&*store, &record).await?;
                Ok((self.check_stored(&document), Some(*record)))
            }
            What::Conversation(conversation) => {
                let record = self.experiment_of(&*store, &conversation).await?;
                Err(CliError::usage(format!("`{what}` is a conversation of `{}`", record.name))
                    .hint(format!("name the experiment: convoke plan {}", crate::cli::shell::quoted(&record.name))))
            }
            What::Folder(_) => Err(CliError::not_found(format!("there is no experiment `{what}`"))),
        }
    }

    fn wrong_experiment(&self, what: &str, checked: &Checked) -> CliError {
        say_problems(self, &checked.problems);
        let first = checked.problems.first().map(|p| {
            let place = if p.line > 0 { format!("{}:{}:{}", p.path, p.line, p.column) } else { p.path.clone() };
            format!("{place}: {}", p.message)
        });
        let error =
            CliError::new(Exit::Experiment, "experiment-invalid", format!("the experiment {what} cannot be run"))
                .hint(format!("`convoke check {what}` reports every mistake"));
        // A person has just read it; a program reads the error alone.
        first.filter(|_| self.printer.json).into_iter().fold(error, CliError::cause)
    }

    /// Models that a flag brought in must be of servers that there are, and take what is set.
    pub fn check_models(&self, plan: &Plan) -> Result<(), CliError> {
        let servers = self.settings.known_servers();
        for model in plan.conditions.iter().flat_map(crate::design::Condition::participants).filter(|m| !m.is_human()) {
            let name = server_of(&model.id);
            let Some(server) = servers.iter().find(|s| s.name == name) else {
                let known: Vec<&str> = servers.iter().map(|s| s.name.as_str()).collect();
                return Err(CliError::usage(format!("`{}`: there is no server `{name}`", model.id))
                    .hint(format!("known: {}", known.join(", "))));
            };
            if let Some(why) = &server.refused {
                return Err(CliError::usage(format!("server `{name}`: {why}")));
            }
            if let Some(parameter) = server.lacks.iter().find(|p| is_set(model, p)) {
                return Err(lacking(model, parameter));
            }
        }
        Ok(())
    }
}

impl Designed {
    /// Makes the plan anew after the overrides were changed.
    pub fn plan_again(&mut self, what: &str) -> Result<(), CliError> {
        self.plan = Plan::new(&self.experiment, &self.overrides).map_err(|obstacles| refused(what, &obstacles))?;
        self.cells = self.plan.selected(&self.experiment, &self.overrides)?;
        Ok(())
    }
}

fn lacking(model: &ModelSpec, parameter: &str) -> CliError {
    CliError::usage(format!("`{}`: its protocol has no `{parameter}`, so it could not be sent", model.id))
        .hint("leave it out for this model")
}

fn refused(what: &str, obstacles: &[Obstacle]) -> CliError {
    let usage = obstacles.iter().find(|o| o.usage);
    let Some(first) = usage.or_else(|| obstacles.first()) else {
        return CliError::usage(format!("{what} cannot be planned"));
    };
    first.clone().into()
}
