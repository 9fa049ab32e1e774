//! The program's files as words of code: without comments, texts and tests.

use std::fs;
use std::path::{Path, PathBuf};

/// The folder of the program's code.
pub fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// A file's code, line by line from 1, without comments and tests.
pub struct Source {
    /// Path below `src`, with `/`.
    pub name: String,
    /// Number and text of each line that is code.
    pub lines: Vec<(usize, String)>,
}

impl Source {
    /// Makes a file of some code.
    pub fn of(name: &str, code: &str) -> Self {
        let lines = code.lines().enumerate().map(|(i, line)| (i + 1, line.to_owned())).collect();
        Self { name: name.to_owned(), lines }
    }

    /// Reads a file of `src`; `None` for a file that holds tests only.
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
        let below = path.strip_prefix(src()).unwrap();
        let name = below.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/");
        Some(Self { name, lines })
    }

    /// The module's path from the root of the crate: `["store", "sqlite", "read"]`.
    pub fn module(&self) -> Vec<String> {
        let parts = self.name.trim_end_matches(".rs").split('/').map(str::to_owned);
        parts.filter(|part| !["mod", "lib", "main"].contains(&part.as_str())).collect()
    }

    /// Formats a line's place for a message.
    pub fn place(&self, line: usize) -> String {
        format!("src/{}:{line}", self.name)
    }

    /// Names and signs in order: `::` is one word; texts, characters and lifetimes are omitted.
    pub fn words(&self) -> Vec<String> {
        let code: String = self.lines.iter().flat_map(|(_, line)| [line.as_str(), "\n"]).collect();
        words(&code)
    }
}

/// Splits code into names and signs. Omits comments at the end of lines, texts, characters and lifetimes.
pub fn words(code: &str) -> Vec<String> {
    let chars: Vec<char> = code.chars().collect();
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let (mut at, mut found) = (0, Vec::new());
    while at < chars.len() {
        let rest = &chars[at..];
        at += match rest {
            ['/', '/', ..] => rest.iter().take_while(|c| **c != '\n').count(),
            ['r' | 'b', '"' | '#' | 'r', ..] if raw_text(rest).is_some() => raw_text(rest).unwrap(),
            ['"', ..] => text(rest),
            ['\'', c, ..] if is_name(*c) && rest.get(2) != Some(&'\'') => 1 + name(&rest[1..]).len(),
            ['\'', '\\', _, ..] => 3 + rest[3..].iter().take_while(|c| **c != '\'').count() + 1,
            ['\'', _, '\'', ..] => 3,
            [':', ':', ..] => {
                found.push("::".to_owned());
                2
            }
            [c, ..] if is_name(*c) => {
                found.push(name(rest));
                found[found.len() - 1].chars().count()
            }
            [c, ..] => {
                found.extend((!c.is_whitespace()).then(|| c.to_string()));
                1
            }
            [] => 1,
        };
    }
    found
}

fn name(chars: &[char]) -> String {
    chars.iter().take_while(|c| c.is_alphanumeric() || **c == '_').collect()
}

/// Length of a text in quotes.
fn text(chars: &[char]) -> usize {
    let mut at = 1;
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

/// Length of a raw text, if one begins here.
fn raw_text(chars: &[char]) -> Option<usize> {
    let r = chars.iter().position(|c| *c == 'r').filter(|r| *r < 2)?;
    let hashes = chars[r + 1..].iter().take_while(|c| **c == '#').count();
    let open = r + 1 + hashes;
    (chars.get(open) == Some(&'"')).then_some(())?;
    let end: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
    let length = chars[open + 1..].windows(end.len()).position(|w| w == end)?;
    Some(open + 1 + length + end.len())
}

/// True if an item is below `#[cfg(test)]`, possibly with other attributes between.
pub fn is_test(lines: &[&str], item: usize) -> bool {
    lines[..item].iter().rev().take_while(|l| l.starts_with("#[")).any(|l| *l == "#[cfg(test)]")
}

/// Every `.rs` file below a folder, in order.
pub fn files(folder: &Path) -> Vec<PathBuf> {
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
            let public = line.strip_prefix("pub ").or_else(|| line.strip_prefix("pub(crate) "));
            let name = public.unwrap_or(line).strip_prefix("mod ").and_then(|l| l.strip_suffix(';'));
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

/// All files of the program except those with tests only.
pub fn sources() -> Vec<Source> {
    let all = files(&src());
    let tests = test_files(&all);
    all.iter().filter_map(|path| Source::read(path, &tests)).collect()
}

#[test]
fn code_is_split_into_words() {
    let of = |code: &str| words(code).join(" ");
    assert_eq!(of("use crate::a::{b, c as d};"), "use crate :: a :: { b , c as d } ;");
    assert_eq!(of(r#"f("a::b \" c", 'x', '\'', '\u{1}', b"z") // g"#), "f ( , , , , b )");
    assert_eq!(of(r##"x(r#"a "b" c::d"#, &'static y, r"\")"##), "x ( , & y , )");
}
