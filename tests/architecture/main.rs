//! The doors of `src/lib.rs`: which room may import which. And nothing panics or prints outside of tests.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What each room may import besides itself, as the table in `src/lib.rs` has it.
const DOORS: &[(&str, &[&str])] = &[
    ("design", &[]),
    ("conversation", &["design"]),
    ("model", &["design", "conversation"]),
    ("store", &["design", "conversation", "model"]),
    ("run", &["design", "conversation", "model", "store"]),
    ("report", &["conversation", "model", "store", "run"]),
    ("exchange", &["design", "conversation", "model", "store"]),
    ("cli", &["design", "conversation", "model", "store", "run", "report", "exchange"]),
];

const FORBIDDEN: &[&str] =
    &[".unwrap()", ".expect(", "println!", "print!(", "eprintln!", "todo!", "unimplemented!", "dbg!"];

/// A file's code, line by line from 1, without comments and tests.
struct Source {
    path: PathBuf,
    lines: Vec<(usize, String)>,
}

impl Source {
    /// `None` for a file that is tests only.
    fn read(path: &Path, tests: &[PathBuf]) -> Option<Self> {
        if tests.iter().any(|t| path == t || path.starts_with(t.with_extension(""))) {
            return None;
        }
        let text = fs::read_to_string(path).unwrap();
        let mut lines = Vec::new();
        let mut within_tests = false;
        let all: Vec<&str> = text.lines().collect();
        for (i, line) in all.iter().enumerate() {
            let opens = line.starts_with("mod ") && line.ends_with('{') && is_test(&all, i);
            within_tests = (within_tests || opens) && *line != "}";
            let code = line.trim_start();
            if !within_tests && !code.starts_with("//") {
                lines.push((i + 1, code.to_owned()));
            }
        }
        Some(Self { path: path.to_owned(), lines })
    }

    /// The room, and how many modules lie between it and the file's own items.
    fn room(&self) -> Option<(String, usize)> {
        let below: Vec<String> = self.path.iter().map(|p| p.to_string_lossy().into_owned()).collect();
        let below = &below[below.iter().rposition(|p| p == "src").unwrap() + 1..];
        let first = below[0].trim_end_matches(".rs").to_owned();
        let is_mod = below.last().is_some_and(|f| f == "mod.rs");
        (first != "lib" && first != "main").then(|| (first, below.len() - usize::from(is_mod)))
    }

    fn place(&self, line: usize) -> String {
        format!("{}:{line}", self.path.display())
    }
}

/// Whether an item is behind `#[cfg(test)]`, perhaps with other attributes between.
fn is_test(lines: &[&str], item: usize) -> bool {
    lines[..item].iter().rev().take_while(|l| l.starts_with("#[")).any(|l| *l == "#[cfg(test)]")
}

/// Every `.rs` file below a folder, in order.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Files that `#[cfg(test)] mod x;` names.
fn test_files(all: &[PathBuf]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in all {
        let text = fs::read_to_string(path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        for (i, line) in lines.iter().enumerate() {
            let name = line.strip_prefix("pub ").unwrap_or(line).strip_prefix("mod ").and_then(|l| l.strip_suffix(';'));
            let Some(name) = name.filter(|_| is_test(&lines, i)) else { continue };
            let written = lines[..i]
                .iter()
                .rev()
                .take_while(|l| l.starts_with("#["))
                .find_map(|l| Some(l.strip_prefix("#[path = \"")?.trim_end_matches("\"]").to_owned()));
            let is_mod = path.file_name().is_some_and(|f| f == "mod.rs" || f == "lib.rs");
            let folder = path.parent().unwrap();
            let beside = if is_mod { folder.to_owned() } else { path.with_extension("") };
            found.push(written.map_or_else(|| beside.join(format!("{name}.rs")), |w| folder.join(w)));
        }
    }
    found
}

fn sources() -> Vec<Source> {
    let all = files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    let tests = test_files(&all);
    all.iter().filter_map(|path| Source::read(path, &tests)).collect()
}

/// The rooms that a line names: `crate::x`, `crate::{x, y::z}`, and `super::` chains that leave the room.
fn named(line: &str, depth: usize) -> Vec<String> {
    let mut found = Vec::new();
    let out = "super::".repeat(depth);
    for root in ["crate::".to_owned(), out] {
        for (at, _) in line.match_indices(&root).filter(|_| !root.is_empty()) {
            let rest = &line[at + root.len()..];
            let group = rest.strip_prefix('{').map(|g| g.split('}').next().unwrap_or_default());
            let names = group.map_or_else(|| vec![rest], |g| g.split(',').collect());
            let word = |n: &str| n.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
            found.extend(names.into_iter().map(word).filter(|w| !w.is_empty()));
        }
    }
    found
}

#[test]
fn imports_go_one_way() {
    let doors: BTreeMap<&str, &[&str]> = DOORS.iter().copied().collect();
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for source in sources() {
        let Some((room, depth)) = source.room() else { continue };
        let Some(may) = doors.get(room.as_str()) else {
            wrong.push(format!("{}: the room `{room}` has no door", source.path.display()));
            continue;
        };
        for (number, line) in &source.lines {
            for name in named(line, depth).into_iter().filter(|n| doors.contains_key(n.as_str())) {
                seen += 1;
                if name != room && !may.contains(&name.as_str()) {
                    wrong.push(format!("{}: `{room}` imports `{name}`: {line}", source.place(*number)));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(seen > 100, "only {seen} imports were seen");
}

#[test]
fn nothing_panics_or_prints() {
    let mut wrong = Vec::new();
    for source in sources() {
        for (number, line) in &source.lines {
            for word in FORBIDDEN.iter().filter(|w| line.replace("self.expect(", "").contains(**w)) {
                wrong.push(format!("{}: {word}: {line}", source.place(*number)));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// The table that people read says what is checked here.
#[test]
fn every_room_stands_in_the_floor_plan() {
    let lib = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    for (room, _) in DOORS {
        assert!(lib.contains(&format!("| [`{room}`] |")) && lib.contains(&format!("pub mod {room};")), "{room}");
    }
    assert_eq!(lib.matches("\npub mod ").count(), DOORS.len());
}

#[test]
fn what_is_named_is_seen() {
    assert_eq!(named("use crate::store::Store;", 1), ["store"]);
    assert_eq!(named("use crate::{design, run::Event};", 1), ["design", "run"]);
    assert_eq!(named("use super::super::cli::x;", 2), ["cli"]);
    assert_eq!(named("let x = crate::cli::y() + crate::run::z();", 1), ["cli", "run"]);
    let lines = ["#[cfg(test)]", "#[path = \"x.rs\"]", "mod tests;"];
    assert!(is_test(&lines, 2) && !is_test(&["mod x;"], 0));
}
