//! Lists of commands, and the texts that they print and write.

use crate::kept;
use crate::place::{Line, Place};
use convoke::design::key::sha256;
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// Texts by the name of the file that keeps them.
pub type Texts = BTreeMap<String, String>;

/// Gives each command `{words, as, exit, out, large}` in order. Their output goes to the file `out`, one after the other;
/// of `large` ones only its hash is kept. Files that they write to the folder `made` are taken as they are.
pub fn gather(place: &Place, commands: &[Json]) -> Texts {
    let mut texts = Texts::new();
    for command in commands {
        let line = Line::read(command);
        let outcome = place.run(&as_of_old(place, line));
        if let Some(file) = command["out"].as_str() {
            let text = if command["large"] == true { format!("{}\n", sha256(&outcome.out)) } else { outcome.out };
            texts.entry(file.to_owned()).or_default().push_str(&text);
        }
    }
    let made = place.path().join("made");
    let made = if made.is_dir() { kept::files(&made) } else { BTreeMap::new() };
    texts.extend(made.into_iter().map(|(path, bytes)| (format!("made/{path}"), String::from_utf8(bytes).unwrap())));
    texts
}

/// Fails where the commands of `FOLDER.jsonl` print or write other texts than `FOLDER` holds.
#[track_caller]
pub fn holds(place: &Place, folder: &str) {
    let found = gather(place, &kept::lines(&format!("{folder}.jsonl")));
    let kept = kept::files(&kept::folder().join(folder));
    let names = |all: Vec<&String>| all.into_iter().cloned().collect::<Vec<_>>().join("\n");
    kept::equal(&format!("the files of {folder}"), &names(found.keys().collect()), &names(kept.keys().collect()));
    for (path, text) in &found {
        let kept = String::from_utf8_lossy(&kept[path]);
        let (text, kept) =
            if path == "list.json" { of_old_counts(text, &kept) } else { (text.clone(), kept.into_owned()) };
        kept::equal(&format!("{folder}/{path}"), &text, &kept);
    }
}

/// Selects what 0.1.0 selected: conversations of the current revision, offline ones and every status included.
fn as_of_old(place: &Place, mut line: Line) -> Line {
    let is_all = line.words.iter().any(|word| word == "--all");
    let selects = matches!(line.words[0].as_str(), "list" | "export") && !line.words[1].starts_with('-');
    if selects && !is_all {
        let shown = place.run(&Line { words: vec!["show".to_owned(), line.words[1].clone()], ..line.clone() }).out;
        let revision = shown.lines().find_map(|line| line.trim().strip_prefix("revision")).unwrap().trim();
        line.words.extend(["--all", "--revision", revision].map(str::to_owned));
    }
    line
}

/// Returns lists of experiments in which offline conversations count like all others, as in 0.1.0: where `found` counts
/// some apart, both have the sum alone.
fn of_old_counts(found: &str, kept: &str) -> (String, String) {
    let [mut found, mut kept]: [Json; 2] = [found, kept].map(|text| serde_json::from_str(text).unwrap());
    for (now, then) in found["data"].as_array_mut().unwrap().iter_mut().zip(kept["data"].as_array_mut().unwrap()) {
        let counts = now["conversations"].as_object_mut().unwrap();
        counts.remove("older");
        if counts.contains_key("offline") {
            for experiment in [now, then] {
                let counts = experiment["conversations"].as_object().unwrap();
                experiment["conversations"] = counts.values().map(|n| n.as_u64().unwrap()).sum::<u64>().into();
            }
        }
    }
    (found.to_string(), kept.to_string())
}

/// Gives the commands of a file.
pub fn continued(place: &Place, file: &str) {
    for command in kept::lines(file) {
        place.run(&Line::read(&command));
    }
}
