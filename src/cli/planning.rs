//! The plan of an experiment that a person named: of a folder, for which no database is needed, or of the database.

use super::context::Context;
use super::error::{CliError, Exit};
use super::problems::say_problems;
use super::shell::quoted;
use crate::lab::{LabError, Narrowing, Planned, files, planned};
use crate::store::Standing;

impl Context {
    /// Plans an experiment. Its mistakes are shown before the error is returned, its warnings in any case.
    pub async fn planned(&self, what: &str, narrowing: &Narrowing) -> Result<Planned, CliError> {
        let overrides = narrowing.overrides()?;
        let (from, servers) = (&self.world.folder, &self.settings.servers);
        let planned = match files::folder_named(from, what)? {
            Some(folder) => planned::of_folder(what, &folder, overrides, (from, servers, self.creator())),
            None => self.reader().await?.planned(what, overrides).await,
        };
        let planned = planned.map_err(|error| self.not_planned(what, error))?;
        say_problems(self, &planned.warnings);
        Ok(planned)
    }

    fn not_planned(&self, what: &str, error: LabError) -> CliError {
        match error {
            LabError::Wrong { ref problems, .. } => {
                say_problems(self, problems);
                let first = problems.first().map(|p| {
                    let place = if p.line > 0 { format!("{}:{}:{}", p.path, p.line, p.column) } else { p.path.clone() };
                    format!("{place}: {}", p.message)
                });
                let error =
                    CliError::invalid(error.to_string()).hint(format!("`convoke check {what}` reports every mistake"));
                // A person has just read it; a program reads the error alone.
                first.filter(|_| self.printer.json).into_iter().fold(error, CliError::cause)
            }
            LabError::IsConversation { ref experiment, .. } => {
                let hint = format!("name the experiment: convoke plan {}", quoted(experiment));
                CliError::from(error).hint(hint)
            }
            error => error.into(),
        }
    }

    /// The state of an experiment's conversations, with its id; both are empty where it is not stored, or where the
    /// database does not exist yet.
    pub async fn standing(&self, planned: &Planned) -> Result<(String, Vec<Standing>), CliError> {
        match self.reader().await {
            Ok(lab) => Ok(lab.standing(planned).await?),
            Err(error) if error.exit == Exit::NotFound => Ok((String::new(), Vec::new())),
            Err(error) => Err(error),
        }
    }
}
