//! Sources of a role's people: paths, patterns, and names of populations. A source is a text in a file or a level; it
//! never becomes a path that is opened. Paths that exist are compared with it.

use serde::{Deserialize, Serialize};

/// The folder that holds all people of an experiment.
pub const FOLDER: &str = "people/";
/// The text between two sources of one level.
const JOINT: &str = " + ";

/// A source of people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Path or pattern within the experiment's folder, or the name of a population.
    pub from: String,
    /// Number of files to take, in the order of their paths; `None` takes all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<u32>,
}

impl Source {
    /// Creates a source of all files.
    pub fn all_of(from: &str) -> Self {
        Self { from: from.to_owned(), first: None }
    }

    /// Returns true if it is a path or a pattern; otherwise it is the name of a population.
    pub fn is_path(&self) -> bool {
        self.from.contains(['/', '.'])
    }

    /// Returns true if it may mean more than one file.
    pub fn is_pattern(&self) -> bool {
        !self.is_path() || self.from.contains(['*', '?'])
    }

    /// Returns the reason why the text is no source. Returns `None` if it is one.
    pub fn refuse(&self) -> Option<String> {
        let from = &self.from;
        if from.trim().is_empty() {
            return Some("it is empty".to_owned());
        }
        if from.chars().any(char::is_control) {
            return Some("it holds a control character".to_owned());
        }
        if !self.is_path() {
            return (from.trim() != from).then(|| "it begins or ends with a space".to_owned());
        }
        if from.split('/').any(|part| part == "..") {
            return Some("it leads out of the folder".to_owned());
        }
        if !from.starts_with(FOLDER) || from.contains('\\') {
            return Some(format!("people are files in `{FOLDER}` of the experiment's folder"));
        }
        let is_odd = |part: &str| part.is_empty() || part == "." || (part.contains("**") && part != "**");
        from.split('/').any(is_odd).then(|| "it is no path".to_owned())
    }

    /// Returns true if a path within the experiment's folder belongs to the source.
    pub fn matches(&self, path: &str) -> bool {
        if self.is_path() {
            return matches_path(&self.from, path);
        }
        let inside = path.strip_prefix(FOLDER).and_then(|rest| rest.strip_prefix(&self.from)?.strip_prefix('/'));
        inside.is_some_and(|file| !file.contains('/') && (ends_with(file, ".json") || ends_with(file, ".toml")))
    }

    /// Returns the source as a level of a factor has it.
    pub fn write_level(&self) -> String {
        match self.first {
            None => self.from.clone(),
            Some(first) => format!("{} (first {first})", self.from),
        }
    }
}

/// Compares a path with a pattern: `*` is any part of one name, `?` one byte, `**` any folders.
pub fn matches_path(pattern: &str, path: &str) -> bool {
    let (pattern, path): (Vec<&str>, Vec<&str>) = (pattern.split('/').collect(), path.split('/').collect());
    match_folders(&pattern, &path)
}

fn ends_with(file: &str, ending: &str) -> bool {
    let start = file.len().saturating_sub(ending.len());
    file.get(start..).is_some_and(|end| end.eq_ignore_ascii_case(ending))
}

/// Reads a level: sources joined by ` + `, and none for an empty text.
pub fn read_level(level: &str) -> Vec<Source> {
    if level.trim().is_empty() { Vec::new() } else { level.split(JOINT).map(Source::all_of).collect() }
}

/// Writes sources as a level.
pub fn write_level(sources: &[Source]) -> String {
    sources.iter().map(Source::write_level).collect::<Vec<_>>().join(JOINT)
}

fn match_folders(pattern: &[&str], path: &[&str]) -> bool {
    match (pattern.split_first(), path.split_first()) {
        (None, None) => true,
        (Some((&"**", rest)), _) => {
            match_folders(rest, path) || path.split_first().is_some_and(|(_, below)| match_folders(pattern, below))
        }
        (Some((part, rest)), Some((name, below))) => {
            match_name(part.as_bytes(), name.as_bytes()) && match_folders(rest, below)
        }
        (Some(_), None) | (None, Some(_)) => false,
    }
}

/// Compares a name with a pattern: `*` is any number of bytes, `?` is one. Takes time in proportion to both lengths.
fn match_name(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n, mut star) = (0, 0, None);
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(byte) if *byte == b'?' || *byte == name[n] => (p, n) = (p + 1, n + 1),
            Some(_) | None => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    (p, n) = (at + 1, from + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(from: &str, path: &str) -> bool {
        Source::all_of(from).matches(path)
    }

    #[test]
    fn patterns_match_bytes_within_folders() {
        for (from, path) in [
            ("people/a.json", "people/a.json"),
            ("people/*.json", "people/Lisa.agent.json"),
            ("people/*a*.json", "people/ba.json"),
            ("people/**/*.json", "people/a.json"),
            ("people/**/*.json", "people/x/y/a.json"),
            ("people/**", "people/x/a.json"),
            ("people/b?/é*", "people/b1/é.json"),
            ("brazil", "people/brazil/001.json"),
            ("brazil", "people/brazil/a.TOML"),
        ] {
            assert!(matches(from, path), "{from} {path}");
        }
        for (from, path) in [
            ("people/*.json", "people/fragments/a.json"),
            ("people/*.json", "people/a.jsonl"),
            ("people/[a].json", "people/a.json"),
            ("people/b?/a", "people/b/a"),
            ("brazil", "people/brazil/x/001.json"),
            ("brazil", "people/brazil/notes.md"),
            ("brazil", "people/brazilia/001.json"),
        ] {
            assert!(!matches(from, path), "{from} {path}");
        }
        assert!(!matches(&format!("people/{}b", "a*".repeat(40)), &format!("people/{}", "a".repeat(200))));
    }

    #[test]
    fn sources_stay_in_the_folder() {
        for (from, why) in [
            ("", "it is empty"),
            ("people/../secret.json", "it leads out of the folder"),
            ("../people/*.json", "it leads out of the folder"),
            ("/etc/passwd", "people are files in `people/` of the experiment's folder"),
            ("roles/a.json", "people are files in `people/` of the experiment's folder"),
            ("people\\a.json", "people are files in `people/` of the experiment's folder"),
            ("people//a.json", "it is no path"),
            ("people/./a.json", "it is no path"),
            ("people/a**.json", "it is no path"),
            ("people/a\n.json", "it holds a control character"),
            (" brazil", "it begins or ends with a space"),
        ] {
            assert_eq!(Source::all_of(from).refuse().as_deref(), Some(why), "{from:?}");
        }
        for from in ["people/a b.json", "people/**/x/*.json", "brazil", "my people"] {
            assert_eq!(Source::all_of(from).refuse(), None, "{from}");
        }
    }

    #[test]
    fn a_level_joins_sources() {
        let level = "people/a.json + people/x/*.json + brazil";
        assert_eq!(read_level(level).len(), 3);
        assert_eq!(write_level(&read_level(level)), level);
        assert!(read_level("").is_empty());
    }
}
