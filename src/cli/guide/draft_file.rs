//! Drafts of experiments on disk, one file each. A file is replaced whole at every answer, so that it survives a crash.
//! A lock file marks a draft as in use.

use crate::cli::settings::dotenv::replace_file;
use crate::cli::terminal::drafts::create_private;
use crate::lab::draft::Draft;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// A draft's file. Clones share the lock.
#[derive(Debug, Clone)]
pub struct DraftFile {
    path: PathBuf,
    _lock: std::sync::Arc<File>,
}

impl DraftFile {
    /// Creates the file of a new draft, in the program's state folder.
    pub fn new(state: &Path, id: u64) -> io::Result<Self> {
        let folder = state.join("drafts");
        create_private(&folder)?;
        let path = folder.join(format!("experiment-{id:016x}.json"));
        let lock = try_lock_draft(&path)?.ok_or_else(|| io::Error::other("somebody else is at it"))?;
        Ok(Self { path, _lock: std::sync::Arc::new(lock) })
    }

    /// Lists the drafts that are not in use, newest first, and the files that this version cannot read.
    pub fn list_free(state: &Path) -> (Vec<(Self, Draft)>, Vec<PathBuf>) {
        let folder = fs::read_dir(state.join("drafts")).into_iter().flatten().flatten();
        let (mut found, mut unread) = (Vec::new(), Vec::new());
        for path in folder.map(|entry| entry.path()).filter(|path| is_draft(path)) {
            let changed = path.metadata().and_then(|m| m.modified()).ok();
            let Ok(Some(lock)) = try_lock_draft(&path) else { continue };
            let draft = fs::read(&path).ok().and_then(|bytes| serde_json::from_slice::<Draft>(&bytes).ok());
            let Some(draft) = draft else {
                unread.push(path);
                continue;
            };
            let kept = Self { path, _lock: std::sync::Arc::new(lock) };
            // Drafts without an answer are removed.
            if draft.is_untouched() && !kept.unfinished_file().exists() {
                kept.remove_files();
            } else {
                found.push((changed, kept, draft));
            }
        }
        found.sort_by_key(|(changed, ..)| std::cmp::Reverse(*changed));
        unread.sort();
        (found.into_iter().map(|(_, kept, draft)| (kept, draft)).collect(), unread)
    }

    /// Saves the draft.
    pub fn save_draft(&self, draft: &Draft) -> io::Result<()> {
        replace_file(&self.path, serde_json::to_string(draft)?.as_bytes())
    }

    /// Returns the file for the unfinished line.
    pub fn unfinished_file(&self) -> PathBuf {
        self.path.with_extension("half")
    }

    /// Removes the draft.
    pub fn remove_files(self) {
        // A file that remains is merely offered again.
        let _ = fs::remove_file(&self.path);
        for beside in ["half", "lock"] {
            let _ = fs::remove_file(self.path.with_extension(beside));
        }
    }
}

fn is_draft(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let is_ours = name.starts_with("experiment-") || name.starts_with("create-");
    is_ours && path.extension().is_some_and(|end| end == "json")
}

/// Locks a draft; `None` if another process holds the lock. The lock ends with the process.
fn try_lock_draft(path: &Path) -> io::Result<Option<File>> {
    let file = File::options().write(true).create(true).truncate(false).open(path.with_extension("lock"))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(fs::TryLockError::WouldBlock) => Ok(None),
        Err(fs::TryLockError::Error(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::draft::Step;

    #[test]
    fn one_in_which_nothing_was_said_is_none() {
        let dir = tempfile::tempdir().unwrap();
        DraftFile::new(dir.path(), 7).unwrap().save_draft(&Draft::create()).unwrap();
        assert!(DraftFile::list_free(dir.path()).0.is_empty());
        assert_eq!(fs::read_dir(dir.path().join("drafts")).unwrap().count(), 0);
    }

    #[test]
    fn a_draft_is_there_until_it_is_removed_and_for_one_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let kept = DraftFile::new(dir.path(), 7).unwrap();
        kept.save_draft(&Draft::create()).unwrap();
        fs::write(kept.unfinished_file(), "half").unwrap();
        drop(kept);
        let (kept, mut draft) = DraftFile::list_free(dir.path()).0.remove(0);
        "漢字".clone_into(&mut draft.new.name);
        draft.mark_answered(&Step::Name);
        kept.save_draft(&draft).unwrap();
        fs::remove_file(kept.unfinished_file()).unwrap();
        assert!(DraftFile::list_free(dir.path()).0.is_empty(), "somebody is at it");
        drop(kept);
        fs::write(dir.path().join("drafts/experiment-1.json.77.new"), "cut off").unwrap();
        // Drafts of 0.1 are kept, and named.
        fs::write(dir.path().join("drafts/create-2.json"), "{\"step\": \"name\", \"name\": \"x\"}").unwrap();
        let (mut all, unread) = DraftFile::list_free(dir.path());
        assert_eq!((all.len(), unread), (1, vec![dir.path().join("drafts/create-2.json")]));
        let (kept, found) = all.remove(0);
        assert_eq!(found, draft);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(kept.path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
        kept.remove_files();
        assert!(DraftFile::list_free(dir.path()).0.is_empty());
    }
}
