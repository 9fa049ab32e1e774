//! Revision, condition and conversation hashes of the experiments that ship and of 200 folders, plain and under flags.
//!
//! Only `experiment`, `keys` and `overrides` call the library.

use crate::kept;
use convoke::design::check::{KnownServer, check};
use convoke::design::folder::Files;
use convoke::design::{Experiment, Expression, Named, Overrides, Plan, Value, key};
use serde::Deserialize;
use serde_json::{Value as Json, json};
use std::path::Path;

/// Hashes of an experiment under overrides.
#[derive(Debug, PartialEq, Eq)]
struct Keys {
    revision: String,
    /// Keys in the order of the plan.
    conditions: Vec<String>,
    /// Keys in the order of the plan: the first replicate of every condition first.
    conversations: Vec<String>,
}

/// Reads a folder, which has no mistake.
fn experiment(files: &Files) -> Experiment {
    let servers = ["ollama", "openai", "scripted"];
    let servers = servers.map(|name| KnownServer { name: name.to_owned(), lacks: &[], refused: None });
    let checked = check(files, &servers);
    assert!(!checked.has_errors(), "{:?}", checked.problems);
    checked.experiment.unwrap()
}

/// Plans an experiment and takes the keys.
fn keys(experiment: &Experiment, overrides: &Overrides) -> Keys {
    let plan = Plan::new(experiment, overrides).unwrap();
    let cells = plan.selected(experiment, overrides).unwrap();
    Keys {
        revision: key::hash_revision(experiment),
        conditions: plan.conditions.iter().map(|c| c.key.clone()).collect(),
        conversations: cells.into_iter().map(|c| c.key).collect(),
    }
}

/// Reads flags that are kept as data.
fn overrides(json: &Json) -> Overrides {
    #[derive(Deserialize)]
    struct Kept {
        models: Vec<String>,
        set: Vec<Named<Vec<Value>>>,
        stop_phrases: Option<Vec<String>>,
        replicates: Option<u32>,
        seed: Option<u64>,
        only: Vec<Expression>,
        limit: Option<usize>,
        offline: bool,
    }
    let Kept { models, set, stop_phrases, replicates, seed, only, limit, offline } =
        serde_json::from_value(json.clone()).unwrap();
    Overrides { models, set, stop_phrases, replicates, seed, only, limit, offline }
}

/// Files of a line. An experiment that ships is read from its own folder.
fn files(line: &Json) -> Files {
    if line["files"].is_null() {
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments");
        return kept::files(&shipped.join(line["name"].as_str().unwrap()));
    }
    let texts = line["files"].as_object().unwrap().iter();
    texts.map(|(path, text)| (path.clone(), text.as_str().unwrap().as_bytes().to_vec())).collect()
}

#[test]
fn every_hash_is_the_same() {
    let (mut folders, mut under_flags) = (0, 0);
    for line in kept::lines("hashes.jsonl") {
        let (name, experiment) = (&line["name"], experiment(&files(&line)));
        let found = keys(&experiment, &Overrides::default());
        assert_eq!(line["revision"], found.revision, "the revision of {name}");
        assert_eq!(line["conditions"], json!(found.conditions), "the conditions of {name}");
        assert_eq!(line["conversations"], json!(found.conversations), "the conversations of {name}");
        folders += 1;
        for narrowed in line["narrowed"].as_array().unwrap() {
            let (found, flags) = (keys(&experiment, &overrides(&narrowed["overrides"])), &narrowed["flags"]);
            assert_eq!(line["revision"], found.revision, "the revision of {name} under {flags}");
            assert_eq!(narrowed["conversations"], json!(found.conversations), "conversations of {name} under {flags}");
            under_flags += 1;
        }
    }
    assert_eq!((folders, under_flags), (203, 422));
}
