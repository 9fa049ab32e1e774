//! People in files, folders and experiments, as sets to list and to compare. No model is asked.

use super::error::LabError;
use super::files;
use super::people_files::read_start;
use super::setup::Lab;
use crate::design::person_file::{LARGEST, MOST_FILES, PersonFile};
use crate::design::problem::{Problems, Severity};
use crate::design::{Experiment, folder};
use crate::people::source::matches_path;
use crate::people::{Fault, Person, Shape};
use std::fs;
use std::io;
use std::path::Path;

/// People of a set.
#[derive(Debug, Default)]
pub struct PeopleSet {
    /// Path and person, in the order of the paths.
    pub people: Vec<(String, Person)>,
    /// Files that are no persons, each with the reason.
    pub left_out: Vec<(String, String)>,
}

impl PeopleSet {
    /// Returns the persons.
    pub fn persons(&self) -> Vec<&Person> {
        self.people.iter().map(|(_, person)| person).collect()
    }

    fn add_file(&mut self, file: &PersonFile) {
        match read_person_file(file) {
            Ok(person) => self.people.push((file.path.clone(), person)),
            Err(fault) => self.left_out.push((file.path.clone(), fault.message)),
        }
    }

    fn of_experiment(experiment: &Experiment) -> Self {
        let mut set = Self::default();
        let is_fragment = |file: &&PersonFile| file.read().is_ok_and(|w| matches!(w.shape, Shape::Fragment { .. }));
        experiment.people.iter().filter(|file| !is_fragment(file)).for_each(|file| set.add_file(file));
        set
    }
}

fn read_person_file(file: &PersonFile) -> Result<Person, Fault> {
    let written = file.read()?;
    match written.shape {
        Shape::Person => Person::new(written.persona.clone()),
        Shape::Fragment { .. } => {
            let hint = "name it under `fragments` of a role";
            Err(Fault::of_file("it is a fragment, part of a person", hint))
        }
    }
}

/// Reads the person in a file.
///
/// # Errors
/// The file does not exist, or is no person.
pub fn read_person(from: &Path, path: &str) -> Result<Person, LabError> {
    let file = read_named(from, path)?;
    read_person_file(&file).map_err(|Fault { span, message, hint }| {
        let mut problems = Problems::default();
        if span.is_empty() {
            problems.of_file(Severity::Error, "bad-person", path, message, hint);
        } else {
            problems.at(Severity::Error, "bad-person", (path, file.text().unwrap_or_default(), span), message, hint);
        }
        LabError::Wrong { subject: format!("{path} is no person"), problems: problems.sorted() }
    })
}

fn read_named(from: &Path, path: &str) -> Result<PersonFile, LabError> {
    let full = from.join(path);
    let failed = |why: String| LabError::Read { path: full.clone(), source: io::Error::other(why) };
    if full.is_dir() {
        return Err(failed("it is a folder; `convoke people list` lists its persons".to_owned()));
    }
    if full.file_name().is_some_and(|name| name == "experiment.toml") {
        return Err(failed("it is an experiment; `convoke people list` lists its persons".to_owned()));
    }
    if !full.is_file() {
        return Err(LabError::NoSuchPeople { what: path.to_owned() });
    }
    let bytes = read_start(&full)?;
    if bytes.len() > LARGEST {
        return Err(failed(format!("it is larger than {} MiB", LARGEST >> 20)));
    }
    let text = String::from_utf8(bytes).map_err(|_| failed("it is not UTF-8".to_owned()))?;
    Ok(PersonFile::new(path, text))
}

/// Finds the people that a path means: a file, a folder of files, a pattern such as `people/*.json`, or an experiment's
/// folder. Returns `None` if `what` is no path.
///
/// # Errors
/// A file or folder that convoke cannot read, or one without a person.
pub fn find_people(from: &Path, what: &str) -> Result<Option<PeopleSet>, LabError> {
    let path = from.join(what);
    let set = if path.is_file() {
        PeopleSet { people: vec![(what.to_owned(), read_person(from, what)?)], left_out: Vec::new() }
    } else if path.join("experiment.toml").is_file() {
        let (experiment, _) = folder::read(&files::read_folder(&path)?, &mut Problems::default());
        experiment.as_ref().map(PeopleSet::of_experiment).unwrap_or_default()
    } else if path.is_dir() {
        read_set(from, &likely_people(list_files(from, what.trim_end_matches('/'))?))
    } else if what.contains(['*', '?']) {
        let fixed = what.split(['*', '?']).next().unwrap_or_default();
        let folder = fixed.rsplit_once('/').map_or(".", |(folder, _)| folder);
        let prefix = if folder == "." && !what.starts_with("./") { "./" } else { "" };
        let is_match = |path: &&String| matches_path(what, path.strip_prefix(prefix).unwrap_or(path));
        let found = list_files(from, folder)?;
        read_set(from, &found.iter().filter(is_match).cloned().collect::<Vec<_>>())
    } else {
        return Ok(None);
    };
    refuse_empty(what, set).map(Some)
}

fn refuse_empty(what: &str, set: PeopleSet) -> Result<PeopleSet, LabError> {
    if set.people.is_empty() { Err(LabError::NoPeople { what: what.to_owned() }) } else { Ok(set) }
}

fn read_set(from: &Path, paths: &[String]) -> PeopleSet {
    let mut set = PeopleSet::default();
    for path in paths {
        match read_named(from, path) {
            Ok(file) => set.add_file(&file),
            Err(error) => set.left_out.push((path.clone(), error.to_string())),
        }
    }
    set
}

/// Leaves out files that are no people by their place: where a folder `people` is among the folders, all that is beside it;
/// else experiments and populations, which have names too.
fn likely_people(mut paths: Vec<String>) -> Vec<String> {
    let folders = |path: &str| -> Vec<String> { path.split('/').rev().skip(1).map(str::to_owned).collect() };
    let is_inside = |path: &str, name: &str| folders(path).iter().any(|folder| folder == name);
    if paths.iter().any(|path| is_inside(path, "people")) {
        paths.retain(|path| is_inside(path, "people"));
    } else {
        paths.retain(|path| !path.ends_with("/experiment.toml") && !is_inside(path, "populations"));
    }
    paths
}

/// Lists the files of people below a folder, ordered by the bytes of their paths. Links are not followed.
fn list_files(from: &Path, folder: &str) -> Result<Vec<String>, LabError> {
    let (mut found, mut open) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(name) = open.pop() {
        let path = from.join(&name);
        let failed = |source| LabError::Read { path: path.clone(), source };
        for entry in fs::read_dir(&path).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let (inner, kind) = (format!("{name}/{}", entry.file_name().to_string_lossy()), entry.file_type());
            let kind = kind.map_err(failed)?;
            let ending = Path::new(&inner).extension().and_then(|ending| ending.to_str()).unwrap_or_default();
            if kind.is_dir() {
                open.push(inner);
            } else if kind.is_file() && ["json", "toml"].contains(&ending.to_lowercase().as_str()) {
                found.push(inner);
            }
        }
        if found.len() > MOST_FILES {
            let source = io::Error::other(format!("it holds more than {MOST_FILES} files"));
            return Err(LabError::Read { path: from.join(folder), source });
        }
    }
    found.sort();
    Ok(found)
}

impl Lab {
    /// Finds the people of a stored experiment; for a conversation, those of its experiment.
    pub async fn find_stored_people(&self, what: &str) -> Result<PeopleSet, LabError> {
        let (_, document) = self.find_compared(what).await?;
        refuse_empty(what, PeopleSet::of_experiment(&document))
    }
}
