//! What stands in a text field and was not ended: kept at every key where there is a place for it, so that not even half
//! a line is lost, whatever ends the program; and offered when the same is asked again.

use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Where it is kept, and what was left. Clones are of the same.
#[derive(Debug, Clone, Default)]
pub struct Typing(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    place: Option<PathBuf>,
    left: Option<Half>,
}

/// Half a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Half {
    question: String,
    text: String,
}

impl Typing {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on it is kept there, beginning with what was left there; nowhere, if none is given.
    pub fn at(&self, place: Option<PathBuf>) {
        let left = place.as_ref().and_then(|place| serde_json::from_slice(&fs::read(place).ok()?).ok());
        *self.inner() = Inner { place, left };
    }

    /// What was left of the answer to a question.
    pub fn left(&self, question: &str) -> Option<String> {
        self.inner().left.as_ref().filter(|half| half.question == question).map(|half| half.text.clone())
    }

    /// Keeps what stands in the field now; an empty one is not worth it.
    pub fn keep(&self, question: &str, text: &str) {
        if text.is_empty() {
            return self.end();
        }
        let mut inner = self.inner();
        let Some(place) = &inner.place else { return };
        let half = Half { question: question.to_owned(), text: text.to_owned() };
        // Where half a line cannot be kept, the lines before it cannot either, and that is told.
        let _ = serde_json::to_vec(&half).map(|bytes| write(place, &bytes));
        inner.left = Some(half);
    }

    /// The line was ended, or nothing of it is left.
    pub fn end(&self) {
        let mut inner = self.inner();
        inner.left = None;
        if let Some(place) = &inner.place {
            // What cannot be removed is offered for the same question only.
            let _ = fs::remove_file(place);
        }
    }
}

/// Replaces the file. It need not outlive the machine, as an answer does: a key must not wait for the disk.
fn write(place: &Path, bytes: &[u8]) -> std::io::Result<()> {
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
        typing.keep("name", "lost");
        assert_eq!(typing.left("name"), None, "there is no place for it");
        typing.at(Some(place.clone()));
        typing.keep("name", "pri");
        typing.keep("name", "prisön");
        let again = Typing::default();
        again.at(Some(place.clone()));
        assert_eq!((again.left("note"), again.left("name").as_deref()), (None, Some("prisön")));
        again.keep("name", "");
        assert_eq!(again.left("name"), None);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
