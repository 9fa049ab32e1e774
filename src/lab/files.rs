//! Files and folders: only this file of the room reads and writes them.
//!
//! convoke writes a file beside its place and renames it when it is complete. It removes an unfinished one.

use super::error::LabError;
use crate::design::folder::{Files, SHARED, SUMMARIZER};
use crate::model::scripted::parse_script;
use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind, Write};
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
    if says_path { Err(LabError::NoFolder { path: what.to_owned() }) } else { Ok(None) }
}

/// Reads the files of an experiment: `experiment.toml`, `shared.md`, `summarizer.md` and `roles/*.md` only. Names in
/// files never become paths: convoke lists `roles/` and looks up nothing in it.
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
    let folder = NewFolder::create(path)?;
    let written = files.iter().try_for_each(|(name, bytes)| folder.write(name, bytes));
    written.map_err(|source| LabError::Write { path: path.to_owned(), source })?;
    folder.finish()
}

/// Replaces a text file by the result of `change`. Its permissions are preserved.
pub fn rewrite_file(path: &Path, change: impl FnOnce(&str) -> io::Result<String>) -> Result<(), LabError> {
    let rewritten = || {
        let changed = change(&fs::read_to_string(path)?)?;
        let permissions = fs::metadata(path)?.permissions();
        let unfinished = unfinished_path(path);
        let written = fs::write(&unfinished, changed)
            .and_then(|()| fs::set_permissions(&unfinished, permissions))
            .and_then(|()| fs::rename(&unfinished, path));
        if written.is_err() {
            let _ = fs::remove_file(&unfinished);
        }
        written
    };
    rewritten().map_err(|source| LabError::Write { path: path.to_owned(), source })
}

/// A file that appears when it is complete.
#[derive(Debug)]
pub struct NewFile {
    out: Option<BufWriter<File>>,
    unfinished: PathBuf,
    path: PathBuf,
}

impl NewFile {
    /// Begins a file. An existing file remains until [`Self::finish`].
    pub fn create(path: &Path) -> Result<Self, LabError> {
        if path.is_dir() {
            return Err(LabError::PathIsFolder(path.to_owned()));
        }
        let failed = |source| LabError::Write { path: path.to_owned(), source };
        fs::create_dir_all(path.parent().unwrap_or(Path::new(""))).map_err(failed)?;
        let unfinished = unfinished_path(path);
        let file = File::create(&unfinished).map_err(failed)?;
        Ok(Self { out: Some(BufWriter::new(file)), unfinished, path: path.to_owned() })
    }

    /// Makes the file durable and renames it into place.
    pub fn finish(mut self) -> Result<(), LabError> {
        let done = match self.out.take().map(BufWriter::into_inner) {
            Some(Ok(file)) => file.sync_all().and_then(|()| fs::rename(&self.unfinished, &self.path)),
            Some(Err(error)) => Err(error.into_error()),
            None => Ok(()),
        };
        done.map_err(LabError::Output)
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.as_mut().map_or_else(|| Err(ErrorKind::NotConnected.into()), |out| out.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.as_mut().map_or(Ok(()), Write::flush)
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        // `finish` has already renamed it.
        let _ = fs::remove_file(&self.unfinished);
    }
}

/// A folder that appears when it is complete. Its name must be free, both at the beginning and at the end.
#[derive(Debug)]
pub struct NewFolder {
    unfinished: PathBuf,
    path: PathBuf,
}

impl NewFolder {
    /// Begins a folder.
    pub fn create(path: &Path) -> Result<Self, LabError> {
        if path.symlink_metadata().is_ok() {
            return Err(LabError::PathTaken(path.to_owned()));
        }
        let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::create_dir_all(parent).map_err(|source| LabError::Write { path: parent.to_owned(), source })?;
        let folder = Self { unfinished: unfinished_path(path), path: path.to_owned() };
        fs::create_dir_all(&folder.unfinished).map_err(|e| folder.write_error(e))?;
        Ok(folder)
    }

    fn write_error(&self, source: io::Error) -> LabError {
        LabError::Write { path: self.path.clone(), source }
    }

    /// Writes a file of the folder; `name` is relative to it.
    pub fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.unfinished.join(name);
        fs::create_dir_all(path.parent().unwrap_or(&self.unfinished))?;
        fs::write(path, bytes)
    }

    /// Renames the folder into place.
    pub fn finish(self) -> Result<(), LabError> {
        fs::rename(&self.unfinished, &self.path).map_err(|e| self.write_error(e))
    }
}

impl Drop for NewFolder {
    fn drop(&mut self) {
        // `finish` has already renamed it.
        let _ = fs::remove_dir_all(&self.unfinished);
    }
}

fn unfinished_path(path: &Path) -> PathBuf {
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    path.with_file_name(format!(".{name}.{}", std::process::id()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unfinished_work_leaves_nothing() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("a.jsonl");
        let mut file = NewFile::create(&path).unwrap();
        file.write_all(b"half").unwrap();
        drop(file);
        let folder = NewFolder::create(&place.path().join("exports/x")).unwrap();
        folder.write("prompts/a.md", b"half").unwrap();
        drop(folder);
        assert!(!path.exists());
        assert_eq!(fs::read_dir(place.path().join("exports")).unwrap().count(), 0);
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
    }
}
