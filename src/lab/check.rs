//! Checking an experiment in a folder or in the database.

use super::error::LabError;
use super::files;
use super::setup::{Lab, Servers};
use super::target::Target;
use crate::design::check::{Checked, check};
use crate::design::{Experiment, Problem, write};
use std::path::{Path, PathBuf};

/// A checked experiment and its folder.
#[derive(Debug)]
pub struct Examined {
    /// The experiment and its mistakes.
    pub checked: Checked,
    /// `None` for an experiment in the database.
    pub folder: Option<PathBuf>,
}

/// Reads and checks an experiment's folder.
pub fn of_folder(folder: &Path, servers: &Servers) -> Result<Checked, LabError> {
    Ok(check(&files::read_folder(folder)?, &servers.known_servers()))
}

/// Checks the document of an experiment.
pub fn of_document(experiment: &Experiment, servers: &Servers) -> Checked {
    check(&write::write_files(experiment), &servers.known_servers())
}

/// Rewrites the paths of problems relative to the working folder `from`.
pub fn place_problems(from: &Path, folder: &Path, problems: &[Problem]) -> Vec<Problem> {
    let folder = folder.strip_prefix(from).unwrap_or(folder);
    let folder = folder.strip_prefix(".").unwrap_or(folder);
    let path = |problem: &Problem| folder.join(Path::new(&problem.path)).display().to_string();
    problems.iter().map(|problem| Problem { path: path(problem), ..problem.clone() }).collect()
}

impl Lab {
    /// Checks a stored experiment. For a conversation, checks its experiment.
    pub async fn check_stored(&self, what: &str) -> Result<Checked, LabError> {
        let record = match self.find_target(what).await? {
            Target::Experiment(record) => *record,
            Target::Conversation(conversation) => self.experiment_of(&conversation).await?,
        };
        Ok(of_document(&self.load_document(&record).await?, &self.servers))
    }
}
