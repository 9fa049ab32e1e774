//! What differs between two revisions, a line each.

use super::experiment::Experiment;
use super::folder::Files;
use super::markdown;
use super::write::write;
use std::collections::BTreeMap;

/// What differs, in the order of the files: keys of `experiment.toml`, then sections of each prompt file.
pub fn diff(old: &Experiment, new: &Experiment) -> Vec<String> {
    let (old, new) = (parts(&write(old)), parts(&write(new)));
    let mut lines = Vec::new();
    for (name, text) in &new {
        match old.get(name) {
            None => lines.push(format!("{name} is new")),
            Some(before) if before != text => lines.push(changed(name, before, text)),
            Some(_) => {}
        }
    }
    lines.extend(old.keys().filter(|name| !new.contains_key(*name)).map(|name| format!("{name} is gone")));
    lines
}

fn changed(name: &str, before: &str, after: &str) -> String {
    let short = |text: &str| text.lines().count() <= 1 && text.chars().count() <= 60;
    if short(before) && short(after) { format!("{name}: {before} → {after}") } else { format!("{name} has changed") }
}

/// Everything by a name that a researcher would use.
fn parts(files: &Files) -> BTreeMap<String, String> {
    let mut parts = BTreeMap::new();
    for (path, bytes) in files {
        let text = String::from_utf8_lossy(bytes);
        if path == super::tree::FILE {
            if let Ok(table) = text.parse::<toml::Table>() {
                keys(&mut parts, "", &toml::Value::Table(table));
            }
            continue;
        }
        let parsed = markdown::parse(&text).text;
        parts.insert(format!("{path}, starting prompt"), parsed.start);
        for section in parsed.sections {
            let when = if section.when.is_empty() {
                String::new()
            } else {
                format!(" {{{}}}", markdown::write_when(&section.when))
            };
            let name = format!("{path}, section `{}{when}`", section.title);
            *parts.entry(name).or_default() += &section.text;
        }
    }
    parts
}

fn keys(parts: &mut BTreeMap<String, String>, at: &str, value: &toml::Value) {
    match value {
        toml::Value::Table(table) => {
            for (key, value) in
                table.iter().filter(|(key, _)| !at.is_empty() || !["run", "note"].contains(&key.as_str()))
            {
                let at = if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
                keys(parts, &at, value);
            }
        }
        other => {
            parts.insert(format!("`{at}`"), other.to_string());
        }
    }
}
