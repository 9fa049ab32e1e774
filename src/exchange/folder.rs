//! The experiment as the files of its folder.

use crate::design::folder::Files;
use crate::design::{Experiment, write};

/// Returns the files, by their path within the folder. They parse to the same experiment.
pub fn files(experiment: &Experiment) -> Files {
    write::write_files(experiment)
}
