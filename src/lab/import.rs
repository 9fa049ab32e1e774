//! Storing an experiment without running it.

use super::error::LabError;
use super::setup::{Lab, Servers};
use crate::design::check::{Checked, check};
use crate::design::{Experiment, diff};
use crate::exchange::foreign;
use crate::store::ExperimentRecord;
use std::fs;
use std::path::Path;

/// A stored experiment.
#[derive(Debug, Clone)]
pub struct Imported {
    /// Its record.
    pub record: ExperimentRecord,
    /// True for a new name.
    pub is_new: bool,
    /// False if the stored experiment already had this content.
    pub is_changed: bool,
    /// One line for each difference from the stored experiment.
    pub changes: Vec<String>,
    /// Number of conversations left behind.
    pub behind: usize,
}

/// A file of another program, converted and checked.
#[derive(Debug)]
pub struct Converted {
    /// Name of that program.
    pub program: &'static str,
    /// The experiment and its mistakes.
    pub checked: Checked,
    /// Keys that are not taken over, each with its place.
    pub left_out: Vec<String>,
}

/// Converts the file of another program, and checks the result.
///
/// # Errors
/// The file cannot be read, or is no experiment of a program that convoke knows.
pub fn convert_file(path: &Path, servers: &Servers) -> Result<Converted, LabError> {
    let text = fs::read_to_string(path).map_err(|source| LabError::Read { path: path.to_owned(), source })?;
    let foreign::Foreign { program, files, left_out } =
        foreign::convert(&text).map_err(|why| LabError::Unfit { path: path.to_owned(), why })?;
    Ok(Converted { program, checked: check(&files, &servers.known_servers()), left_out })
}

impl Lab {
    /// Stores an experiment as the current revision of the person's experiment of that name.
    pub async fn import_experiment(&self, experiment: &Experiment) -> Result<Imported, LabError> {
        let before = self.store.experiment(&self.who.creator, &experiment.name).await?;
        let (changes, behind) = match &before {
            Some(record) => {
                let changes = diff::describe_differences(&self.load_document(record).await?, experiment);
                (changes, self.left_behind(record, experiment).await?)
            }
            None => (Vec::new(), 0),
        };
        self.refuse_other_form(&self.who.creator, &experiment.name).await?;
        let record = self.store.save(self.new_experiment(experiment.clone(), None)).await?;
        let is_changed = before.as_ref().is_none_or(|before| before.version != record.version);
        Ok(Imported { record, is_new: before.is_none(), is_changed, changes, behind })
    }
}
