//! Planning of an experiment by its name, which is a folder or an experiment in the database. A folder needs no
//! database.

use super::context::Context;
use super::error::{CliError, Exit};
use super::problems::say_problems;
use crate::lab::{LabError, Narrowing, Planned, files, planned};
use crate::store::Standing;

impl Context {
    /// Plans an experiment. Prints its warnings. If there are mistakes, prints them before it returns the error.
    pub async fn planned(&self, what: &str, narrowing: &Narrowing) -> Result<Planned, CliError> {
        let overrides = narrowing.read_overrides()?;
        let (from, servers) = (&self.world.folder, &self.settings.servers);
        let planned = match files::folder_named(from, what)? {
            Some(folder) => planned::of_folder(what, &folder, overrides, (from, servers, self.creator())),
            None => self.reader_for(what).await?.plan_stored(what, overrides).await,
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
                let line = self.paste_line(&["check", what]);
                let error = CliError::invalid(error.to_string()).hint(format!("`{line}` reports every mistake"));
                // A person has already read the mistakes. A program reads only the error, so the error names the first
                // mistake.
                first.filter(|_| self.printer.json).into_iter().fold(error, CliError::cause)
            }
            LabError::IsConversation { ref experiment, .. } => {
                let hint = format!("name the experiment: {}", self.paste_line(&["plan", experiment]));
                CliError::from(error).hint(hint)
            }
            error => error.into(),
        }
    }

    /// Returns the experiment's id and the state of its conversations. Both are empty if the experiment is not stored
    /// or the database does not exist.
    pub async fn standing(&self, planned: &Planned) -> Result<(String, Vec<Standing>), CliError> {
        match self.reader().await {
            Ok(lab) => Ok(lab.load_standing(planned).await?),
            Err(error) if error.exit == Exit::NotFound => Ok((String::new(), Vec::new())),
            Err(error) => Err(error),
        }
    }
}
