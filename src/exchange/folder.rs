//! The experiment as the files of its folder.

use crate::design::folder::Files;
use crate::design::{Experiment, write};

/// The files, by their path within the folder. Reading them gives the experiment again.
pub fn files(experiment: &Experiment) -> Files {
    write::write_files(experiment)
}
