//! The unfinished line of a text field. It is saved at every key, so that it survives a crash. When the same question
//! is asked again, the saved line is offered.

use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// File of the unfinished line, and its last content. Clones share both.
#[derive(Debug, Clone, Default)]
pub struct Typing(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    place: Option<PathBuf>,
    left: Option<Half>,
}

/// An unfinished line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Half {
    question: String,
    text: String,
}

impl Typing {
    fn lock_inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Saves unfinished lines in this file from now on, and loads the line that it contains. With `None`, no line is
    /// saved.
    pub fn save_in(&self, place: Option<PathBuf>) {
        let left = place.as_ref().and_then(|place| serde_json::from_slice(&fs::read(place).ok()?).ok());
        *self.lock_inner() = Inner { place, left };
    }

    /// Returns the unfinished answer to a question.
    pub fn saved_line(&self, question: &str) -> Option<String> {
        self.lock_inner().left.as_ref().filter(|half| half.question == question).map(|half| half.text.clone())
    }

    /// Saves the current content of the field; an empty field removes the file.
    pub fn save_line(&self, question: &str, text: &str) {
        if text.is_empty() {
            return self.remove_line();
        }
        let mut inner = self.lock_inner();
        let Some(place) = &inner.place else { return };
        let half = Half { question: question.to_owned(), text: text.to_owned() };
        // A failure is ignored: the earlier lines could not be saved either, and that was reported.
        let _ = serde_json::to_vec(&half).map(|bytes| replace_file(place, &bytes));
        inner.left = Some(half);
    }

    /// Removes the file, because the line is complete or empty.
    pub fn remove_line(&self) {
        let mut inner = self.lock_inner();
        inner.left = None;
        if let Some(place) = &inner.place {
            // A failure is ignored: a file that remains is offered for the same question only.
            let _ = fs::remove_file(place);
        }
    }
}

/// Replaces the file. Unlike an answer, it is not synced to disk, so that no key has to wait for the disk.
fn replace_file(place: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let new = place.with_extension("key");
    let mut options = fs::File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    std::io::Write::write_all(&mut options.open(&new)?, bytes)?;
    fs::rename(&new, place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_line_is_there_for_the_same_question_until_it_is_ended() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("a.half");
        let typing = Typing::default();
        typing.save_line("name", "lost");
        assert_eq!(typing.saved_line("name"), None, "there is no place for it");
        typing.save_in(Some(place.clone()));
        typing.save_line("name", "pri");
        typing.save_line("name", "prisön");
        let again = Typing::default();
        again.save_in(Some(place.clone()));
        assert_eq!((again.saved_line("note"), again.saved_line("name").as_deref()), (None, Some("prisön")));
        again.save_line("name", "");
        assert_eq!(again.saved_line("name"), None);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
