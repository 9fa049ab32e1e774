//! Drafts of turns that a person typed but has not sent. Each turn has its own file, so that its draft survives a
//! crash.

use crate::cli::settings::dotenv::replace_file;
use std::fs::{self, DirBuilder};
use std::io;
use std::path::{Path, PathBuf};

/// The folder of drafts. Clones share it.
#[derive(Debug, Clone)]
pub struct Drafts {
    folder: Option<PathBuf>,
}

impl Drafts {
    /// Uses the program's state folder. If the program has none, no drafts are saved.
    pub fn of(state: Option<&Path>) -> Self {
        Self { folder: state.map(|state| state.join("drafts")) }
    }

    /// Loads the lines typed for a turn.
    pub fn load_lines(&self, conversation: &str, seq: u32) -> Vec<String> {
        let text = self.draft_path(conversation, seq).and_then(|path| fs::read_to_string(path).ok());
        text.map(|text| text.lines().map(str::to_owned).collect()).unwrap_or_default()
    }

    /// Saves the lines typed so far, readable by their owner only.
    pub fn save_lines(&self, conversation: &str, seq: u32, lines: &[String]) -> io::Result<()> {
        let nowhere = || io::Error::new(io::ErrorKind::NotFound, "there is no folder for it");
        let path = self.draft_path(conversation, seq).ok_or_else(nowhere)?;
        create_private(path.parent().ok_or_else(nowhere)?)?;
        let text: String = lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
        replace_file(&path, text.as_bytes())
    }

    /// Returns the file for the unfinished line of a turn; `None` if it cannot be saved.
    pub fn unfinished_file(&self, conversation: &str, seq: u32) -> Option<PathBuf> {
        let path = self.draft_path(conversation, seq)?;
        create_private(path.parent()?).ok().map(|()| path.with_extension("half"))
    }

    /// Removes the draft of a turn, and drafts that remain from earlier turns.
    pub fn remove_through(&self, conversation: &str, seq: u32) {
        let (Some(folder), true) = (&self.folder, is_id(conversation)) else { return };
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let place = name.strip_prefix(conversation).and_then(|rest| rest.strip_prefix('-'));
            // A name with a dot belongs to an interrupted write.
            let place = place.and_then(|place| place.split('.').next()?.parse::<u32>().ok());
            if place.is_some_and(|n| n <= seq) {
                // A failure is ignored: the turn is finished, so its draft is never read again.
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    /// Builds the path from id and number alone, never from text.
    fn draft_path(&self, conversation: &str, seq: u32) -> Option<PathBuf> {
        let folder = self.folder.as_ref().filter(|_| is_id(conversation))?;
        Some(folder.join(format!("{conversation}-{seq}")))
    }
}

/// Creates the folder of drafts, accessible to its owner only.
pub fn create_private(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)
}

fn is_id(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_typed_is_there_until_its_turn_is_over() {
        let dir = tempfile::tempdir().unwrap();
        let drafts = Drafts::of(Some(dir.path()));
        let lines = ["one".to_owned(), String::new(), "  three é".to_owned()];
        assert!(drafts.load_lines("ab12", 3).is_empty());
        for n in 0..=lines.len() {
            drafts.save_lines("ab12", 3, &lines[..n]).unwrap();
            assert_eq!(drafts.load_lines("ab12", 3), lines[..n]);
        }
        drafts.save_lines("ab12", 5, &lines).unwrap();
        drafts.save_lines("ab12", 1, &lines).unwrap();
        drafts.save_lines("ab123", 1, &lines).unwrap();
        fs::write(dir.path().join("drafts/ab12-2.77.new"), "cut off").unwrap();
        drafts.remove_through("ab12", 3);
        assert!(!dir.path().join("drafts/ab12-2.77.new").exists());
        let left =
            [("ab12", 1), ("ab12", 3), ("ab12", 5), ("ab123", 1)].map(|(id, n)| !drafts.load_lines(id, n).is_empty());
        assert_eq!(left, [false, false, true, true]);
    }

    #[cfg(unix)]
    #[test]
    fn only_their_owner_reads_them() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        Drafts::of(Some(dir.path())).save_lines("ab12", 3, &["x".to_owned()]).unwrap();
        let mode = |path: &str| dir.path().join(path).metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("drafts"), mode("drafts/ab12-3")), (0o700, 0o600));
    }

    #[test]
    fn a_place_is_never_made_of_words() {
        let dir = tempfile::tempdir().unwrap();
        let drafts = Drafts::of(Some(dir.path()));
        for id in ["../x", "", "a/b", "a b"] {
            assert!(drafts.save_lines(id, 1, &["x".to_owned()]).is_err(), "{id}");
            drafts.remove_through(id, 1);
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        assert!(Drafts::of(None).save_lines("ab12", 1, &[]).is_err());
    }
}
