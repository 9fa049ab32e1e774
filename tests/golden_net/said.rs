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
        let outcome = place.run(&Line::read(command));
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
        kept::equal(&format!("{folder}/{path}"), text, &String::from_utf8_lossy(&kept[path]));
    }
}

/// Gives the commands of a file.
pub fn continued(place: &Place, file: &str) {
    for command in kept::lines(file) {
        place.run(&Line::read(&command));
    }
}
