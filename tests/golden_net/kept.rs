//! Reading the kept files. A test holds their hashes, and nothing makes them again.

use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};

/// Folder of the goldens.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// Reads a golden.
pub fn text(path: &str) -> String {
    fs::read_to_string(folder().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// Reads a golden of JSON lines.
pub fn lines(path: &str) -> Vec<Json> {
    text(path).lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{path}: {e}"))).collect()
}

/// Reads every file below a folder, by its path within it.
pub fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let (mut found, mut open) = (BTreeMap::new(), vec![folder.to_owned()]);
    while let Some(at) = open.pop() {
        for entry in fs::read_dir(&at).unwrap_or_else(|e| panic!("{}: {e}", at.display())) {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_string_lossy().replace('\\', "/");
                found.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// Puts each item on a line of its own.
pub fn in_lines(items: impl IntoIterator<Item = impl Display>) -> String {
    items.into_iter().fold(String::new(), |text, item| format!("{text}{item}\n"))
}

/// Fails where two texts differ, and shows the first line that differs.
#[track_caller]
pub fn equal(what: &str, found: &str, kept: &str) {
    if found == kept {
        return;
    }
    let (mut found_lines, mut kept_lines) = (found.lines(), kept.lines());
    for number in 1.. {
        match (found_lines.next(), kept_lines.next()) {
            (None, None) => break,
            (found, kept) if found == kept => {}
            (found, kept) => panic!("{what}, line {number}:\n now: {found:?}\nkept: {kept:?}"),
        }
    }
    panic!("{what}: the ends of lines differ");
}
