//! Completion of a path that a person types.

use crate::process::harmless::one_line;
use std::path::{MAIN_SEPARATOR, Path, PathBuf};

/// Folders that paths begin with.
#[derive(Debug, Clone)]
pub struct Paths {
    /// The working folder.
    pub folder: PathBuf,
    /// The home folder, which `~` stands for.
    pub home: Option<String>,
}

impl Paths {
    /// Replaces a leading `~` by the home folder.
    pub fn expand_home(&self, path: &str) -> String {
        match (path.strip_prefix('~').filter(|rest| rest.is_empty() || rest.starts_with('/')), &self.home) {
            (Some(rest), Some(home)) => format!("{home}{rest}"),
            (Some(_) | None, _) => path.to_owned(),
        }
    }

    /// Returns the place where the last name of a path begins, and every name that it may become. A folder's name ends
    /// in a slash.
    pub fn complete_path(&self, typed: &str) -> (usize, Vec<String>) {
        if typed == "~" && self.home.is_some() {
            return (0, vec!["~/".to_owned()]);
        }
        let from = typed.rfind('/').map_or(0, |at| at + 1);
        let (before, begun) = typed.split_at(from);
        let folder = self.folder.join(self.expand_home(before));
        let entries = std::fs::read_dir(&folder).into_iter().flatten().flatten();
        let found = entries.filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.path())));
        let mut names: Vec<String> = found
            .filter(|(name, _)| name.starts_with(begun) && (begun.starts_with('.') || !name.starts_with('.')))
            // A name that could steer the terminal is not shown, and one with odd blanks could not be typed.
            .filter(|(name, _)| one_line(name) == *name)
            .map(|(name, path)| mark_folder(name, &path))
            .collect();
        names.sort();
        (from, names)
    }
}

fn mark_folder(name: String, path: &Path) -> String {
    if path.is_dir() { format!("{name}{MAIN_SEPARATOR}") } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn files_and_folders_are_completed_and_the_home_stays_short() {
        let (here, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for folder in ["prison", "prison two/roles", "漢字"] {
            fs::create_dir_all(here.path().join(folder)).unwrap();
        }
        for file in ["prison.db", ".env", "bad\u{1b}[2J"] {
            fs::write(here.path().join(file), "").unwrap();
        }
        fs::create_dir(home.path().join("studies")).unwrap();
        let paths = Paths { folder: here.path().to_owned(), home: Some(home.path().display().to_string()) };
        let complete = |typed: &str| {
            let (from, names) = paths.complete_path(typed);
            names.into_iter().map(|name| format!("{}{name}", &typed[..from])).collect::<Vec<_>>()
        };
        assert_eq!(complete("pri"), ["prison two/", "prison.db", "prison/"]);
        assert_eq!(complete("./prison two/"), ["./prison two/roles/"]);
        assert_eq!(complete("~"), ["~/"]);
        assert_eq!(complete("~/st"), ["~/studies/"]);
        assert_eq!(complete(".e"), [".env"]);
        assert_eq!(complete("漢"), ["漢字/"]);
        assert_eq!(complete(""), ["prison two/", "prison.db", "prison/", "漢字/"], "no hidden one, and no bad one");
        assert_eq!(complete("nowhere/"), Vec::<String>::new());
        assert_eq!(paths.expand_home("~other/x"), "~other/x");
    }
}
