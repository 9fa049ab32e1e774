//! Files of people in an experiment's folder: found by listing `people/`, never by a name in a file.

use super::error::LabError;
use crate::design::folder::Files;
use crate::design::person_file::{LARGEST, LARGEST_SUM, MOST_FILES};
use crate::people::Source;
use crate::people::source::FOLDER;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

/// Adds the files that the sources mean. A file is read up to the first byte above its limit, and no more files are read
/// once there are too many, so that the reader of the folder reports either.
pub(super) fn add_people(files: &mut Files, folder: &Path, sources: &[Source]) -> Result<(), LabError> {
    let mut listing = Listing { folder, inside: None, seen: BTreeSet::new(), found: Vec::new(), odd: Vec::new() };
    listing.list_folder(FOLDER.trim_end_matches('/'))?;
    if let Some(odd) = listing.odd.iter().find(|path| sources.iter().any(|source| source.matches(path))) {
        let source = io::Error::other("it is no file: a pipe, a socket or a device; move it out of the folder");
        return Err(LabError::Read { path: folder.join(odd), source });
    }
    listing.found.sort();
    let (mut number, mut sum) = (0, 0);
    for path in listing.found.iter().filter(|path| sources.iter().any(|source| source.matches(path))) {
        let bytes = read_start(&folder.join(path))?;
        (number, sum) = (number + 1, sum + bytes.len());
        files.insert(path.clone(), bytes);
        if number > MOST_FILES || sum > LARGEST_SUM {
            break;
        }
    }
    Ok(())
}

/// Adds one named file, unless it is missing. A link out of the folder is refused.
pub(super) fn add_inside(files: &mut Files, folder: &Path, name: &str) -> Result<(), LabError> {
    let mut listing = Listing { folder, inside: None, seen: BTreeSet::new(), found: Vec::new(), odd: Vec::new() };
    if folder.join(name).exists() {
        listing.follow_link(name)?;
    }
    for name in listing.found {
        files.insert(name.clone(), read_start(&folder.join(&name))?);
    }
    Ok(())
}

/// Reads a file up to the first byte above the limit of a person.
pub(super) fn read_start(path: &Path) -> Result<Vec<u8>, LabError> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(LARGEST as u64 + 1).read_to_end(&mut bytes));
    read.map_err(|source| LabError::Read { path: path.to_owned(), source })?;
    Ok(bytes)
}

/// A walk through the folder of people.
struct Listing<'a> {
    folder: &'a Path,
    /// The experiment's folder without links, once a link was met.
    inside: Option<PathBuf>,
    /// Folders behind links, without links.
    seen: BTreeSet<PathBuf>,
    found: Vec<String>,
    /// Things that are neither a file nor a folder: reading one may never end.
    odd: Vec<String>,
}

impl Listing<'_> {
    fn list_folder(&mut self, name: &str) -> Result<(), LabError> {
        let path = self.folder.join(name);
        let failed = |source| LabError::Read { path: path.clone(), source };
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(failed(error)),
        };
        for entry in entries {
            let entry = entry.map_err(failed)?;
            let Some(file) = entry.file_name().to_str().map(str::to_owned) else {
                return Err(failed(io::Error::other("a name in it is not UTF-8")));
            };
            let inner = format!("{name}/{file}");
            let kind = entry.file_type().map_err(failed)?;
            if kind.is_symlink() {
                self.follow_link(&inner)?;
            } else if kind.is_dir() {
                self.list_folder(&inner)?;
            } else if kind.is_file() {
                self.found.push(inner);
            } else {
                self.odd.push(inner);
            }
        }
        Ok(())
    }

    /// Follows a link that stays in the experiment's folder.
    fn follow_link(&mut self, name: &str) -> Result<(), LabError> {
        let path = self.folder.join(name);
        let failed = |source| LabError::Read { path: path.clone(), source };
        let target = path.canonicalize().map_err(failed)?;
        let inside = match &self.inside {
            Some(inside) => inside.clone(),
            None => self.folder.canonicalize().map_err(failed)?,
        };
        if !target.starts_with(&inside) {
            return Err(LabError::LinkOut { path });
        }
        self.inside = Some(inside);
        if target.is_file() {
            self.found.push(name.to_owned());
        } else if target.is_dir() {
            if self.seen.insert(target) {
                self.list_folder(name)?;
            }
        } else {
            self.odd.push(name.to_owned());
        }
        Ok(())
    }
}
