//! Names that are near to one that means nothing here.

use crate::design::problem::find_nearest;
use std::fs;
use std::path::Path;

/// Folder of experiments below the working folder.
const SHELF: &str = "experiments";

/// A name that is near to one that means nothing here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Near {
    /// Path of an experiment's folder.
    Folder(String),
    /// Name of a stored experiment.
    Stored(String),
}

/// Finds the folder or the stored experiment whose name is nearest to the last part of `what`. Folders are those of the
/// working folder and of `experiments/`.
pub(super) fn find_near<'a>(from: &Path, what: &str, stored: impl Iterator<Item = &'a str>) -> Option<Near> {
    let name = what.trim_end_matches('/').rsplit('/').next().unwrap_or(what);
    let mut known: Vec<(String, Near)> = Vec::new();
    for (folder, path) in [(from.to_owned(), "./".to_owned()), (from.join(SHELF), format!("{SHELF}/"))] {
        known
            .extend(experiments_in(&folder).into_iter().map(|name| (name.clone(), Near::Folder(path.clone() + &name))));
    }
    known.extend(stored.map(|name| (name.to_owned(), Near::Stored(name.to_owned()))));
    let nearest = find_nearest(name, known.iter().map(|(name, _)| name.as_str()))?.to_owned();
    known.into_iter().find(|(name, _)| *name == nearest).map(|(_, near)| near)
}

/// Lists the names of the experiments' folders in a folder, in alphabetical order.
fn experiments_in(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let is_experiment = |path: &Path| path.join("experiment.toml").is_file();
    let mut names: Vec<String> = entries
        .flatten()
        .filter(|entry| is_experiment(&entry.path()))
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort_unstable();
    names
}
