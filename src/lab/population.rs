//! Files of populations and of the people that are generated from them.

use super::error::LabError;
use super::generate::{Born, Generation};
use super::output::{Destination, write_files};
use crate::design::Obstacle;
use crate::design::problem::{Problems, Severity};
use crate::people::Fault;
use crate::people::population::{Population, read_population};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Most bytes of one text that the writer reads.
const LARGEST: u64 = 1 << 20;
/// Folder of populations in an experiment's folder.
const POPULATIONS: &str = "populations";

/// Reads a population, and the texts that its writer reads.
///
/// # Errors
/// A file cannot be read, or is no population.
pub fn read_file(from: &Path, path: &str) -> Result<(Population, Vec<(String, String)>), LabError> {
    let full = from.join(path);
    let text = read_text(&full)?;
    let population = read_population(&text).map_err(|Fault { span, message, hint }| {
        let mut problems = Problems::default();
        if span.is_empty() {
            problems.of_file(Severity::Error, "bad-population", path, message, hint);
        } else {
            problems.at(Severity::Error, "bad-population", (path, &text, span), message, hint);
        }
        LabError::Wrong { subject: format!("{path} is no population"), problems: problems.sorted() }
    })?;
    let folder = full.parent().unwrap_or(from);
    let read = |name: &String| Ok((name.clone(), read_text(&folder.join(name))?));
    let context = population.context.iter().map(read).collect::<Result<_, LabError>>()?;
    Ok((population, context))
}

fn read_text(path: &Path) -> Result<String, LabError> {
    let failed = |source| LabError::Read { path: path.to_owned(), source };
    let meta = fs::metadata(path).map_err(failed)?;
    if !meta.is_file() {
        return Err(failed(io::Error::other("it is no file")));
    }
    if meta.len() > LARGEST {
        return Err(failed(io::Error::other("it is larger than 1 MiB")));
    }
    let bytes = fs::read(path).map_err(failed)?;
    let text = String::from_utf8(bytes).map_err(|_| failed(io::Error::other("it is not UTF-8")))?;
    Ok(text.trim_start_matches('\u{feff}').replace("\r\n", "\n"))
}

/// Returns the name of a population: that of its file, without the ending.
pub fn name_of(path: &str) -> String {
    Path::new(path).file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned())
}

/// Returns the folder of the people of a population: beside `populations/` or beside the file, `people/NAME`.
pub fn folder_of(path: &str) -> PathBuf {
    let folder = Path::new(path).parent().unwrap_or(Path::new(""));
    let base = if folder.file_name().is_some_and(|name| name == POPULATIONS) {
        folder.parent().unwrap_or(Path::new(""))
    } else {
        folder
    };
    base.join("people").join(name_of(path))
}

/// Writes people into a folder, each whole. A file with the same content stays.
///
/// # Errors
/// A file differs and may not be replaced; then nothing is written.
pub fn write_people(
    from: &Path,
    folder: &Path,
    (generation, born): (&Generation, &[Born]),
    replaces: bool,
) -> Result<Vec<String>, LabError> {
    let (mut paths, mut new) = (Vec::new(), Vec::new());
    for person in born {
        let path = folder.join(format!("{:03}.json", person.index));
        paths.push(path.display().to_string());
        let full = from.join(&path);
        let text = person.file(&generation.hash());
        match fs::read(&full) {
            Ok(bytes) if bytes == text.as_bytes() => {}
            Ok(_) if !replaces => {
                let message = format!("{} holds another person", path.display());
                return Err(Obstacle::usage(
                    message,
                    "--replace replaces it, or -o FOLDER writes elsewhere".to_owned(),
                )
                .into());
            }
            Ok(_) => new.push((full, text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => new.push((full, text)),
            Err(source) => return Err(LabError::Read { path: full, source }),
        }
    }
    let full = from.join(folder);
    fs::create_dir_all(&full).map_err(|source| LabError::Write { path: full, source })?;
    let files: Vec<(Destination, &[u8])> =
        new.iter().map(|(path, text)| (Destination::new(path.clone(), replaces), text.as_bytes())).collect();
    write_files(&files)?;
    Ok(paths)
}
