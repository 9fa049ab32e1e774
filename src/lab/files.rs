//! Files and folders of experiments, and files of replies.

use super::error::LabError;
use super::near::find_near;
use super::output::{Destination, NewFolder, write_files};
use super::people_files;
use crate::design::folder::{Files, SHARED, SUMMARIZER, find_links_file, find_sources};
use crate::model::scripted::parse_script;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Folder that `what` names, if it is a path. An existing folder wins over a name; `./` marks a path, `id:` an id.
pub fn folder_named(from: &Path, what: &str) -> Result<Option<PathBuf>, LabError> {
    if what.starts_with("id:") {
        return Ok(None);
    }
    let path = from.join(what);
    let says_path = what.starts_with("./") || what.starts_with("../") || Path::new(what).is_absolute();
    if path.is_dir() {
        return Ok(Some(path));
    }
    if path.file_name().is_some_and(|n| n == "experiment.toml") && path.is_file() {
        return Ok(path.parent().map(Path::to_path_buf));
    }
    if path.exists() {
        return Err(LabError::NotAFolder { path: what.to_owned() });
    }
    if says_path { Err(no_folder(from, what)) } else { Ok(None) }
}

/// Returns the error for a folder that does not exist.
pub fn no_folder(from: &Path, what: &str) -> LabError {
    LabError::NoFolder { path: what.to_owned(), near: find_near(from, what, std::iter::empty()) }
}

/// Reads the files of an experiment: `experiment.toml`, `shared.md`, `summarizer.md` and `roles/*.md`, and the files in
/// `people/` that `experiment.toml` names. Names in files never become paths: convoke lists `roles/` and `people/`, and
/// looks up nothing in them.
pub fn read_folder(folder: &Path) -> Result<Files, LabError> {
    let mut files = Files::new();
    for name in ["experiment.toml", SHARED, SUMMARIZER] {
        add_file(&mut files, name.to_owned(), &folder.join(name))?;
    }
    if let Ok(roles) = fs::read_dir(folder.join("roles")) {
        for entry in roles.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if Path::new(&name).extension().is_some_and(|e| e == "md") {
                add_file(&mut files, format!("roles/{name}"), &entry.path())?;
            }
        }
    }
    let sources = files.get("experiment.toml").map(|toml| find_sources(toml)).unwrap_or_default();
    if !sources.is_empty() {
        people_files::add_people(&mut files, folder, &sources)?;
    }
    let links = files.get("experiment.toml").and_then(|toml| find_links_file(toml));
    if let Some(path) = links {
        people_files::add_inside(&mut files, folder, &path)?;
    }
    Ok(files)
}

fn add_file(files: &mut Files, name: String, path: &Path) -> Result<(), LabError> {
    match fs::read(path) {
        Ok(bytes) => drop(files.insert(name, bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(source) => return Err(LabError::Read { path: path.to_owned(), source }),
    }
    Ok(())
}

/// Reads the replies of `scripted`, one for each line.
pub fn read_script(path: &Path) -> Result<Vec<String>, LabError> {
    let unusable = |source| LabError::Script { path: path.to_owned(), source };
    let text = fs::read_to_string(path).map_err(unusable)?;
    let wrong = |why: String| unusable(io::Error::other(why));
    let lines = parse_script(&text).map_err(|e| wrong(e.first().map_or_else(String::new, ToString::to_string)))?;
    if lines.is_empty() { Err(wrong("it holds no reply".to_owned())) } else { Ok(lines) }
}

/// Writes an experiment's files into a new folder, completely or not at all.
pub fn write_folder(path: &Path, files: &Files) -> Result<(), LabError> {
    let to = Destination::new(path.to_owned(), false);
    fill_folder(&to, NewFolder::create(&to, |_| Ok(false))?, files)
}

/// Writes files into a new folder, and completes it.
pub(super) fn fill_folder(to: &Destination, folder: NewFolder, files: &Files) -> Result<(), LabError> {
    files.iter().try_for_each(|(name, bytes)| folder.write(name, bytes)).map_err(|e| to.error(e))?;
    folder.finish()
}

/// Replaces a text file by the result of `change`. Its permissions are preserved.
pub fn rewrite_file(path: &Path, change: impl FnOnce(&str) -> io::Result<String>) -> Result<(), LabError> {
    let failed = |source| LabError::Write { path: path.to_owned(), source };
    let changed = fs::read_to_string(path).and_then(|text| change(&text)).map_err(failed)?;
    write_files(&[(Destination::new(path.to_owned(), true), changed.as_bytes())])
}
