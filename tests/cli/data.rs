//! `convoke export`.

use crate::assert_screen;
use crate::support::Place;
use crate::support::database::{FRIENDLY, Fate, SMALL};
use serde_json::Value;

const FATES: &[Fate] = &[Fate::Done, Fate::Interrupted(2), Fate::Pending, Fate::Done];

fn made() -> Place {
    let place = Place::new();
    place.database(FATES, FRIENDLY);
    place
}

#[test]
fn jsonl_has_one_line_an_entry_in_order() {
    let place = made();
    let out = place.run("export small --all --format jsonl").exits(0).out;
    let lines: Vec<Value> = out.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(lines.len(), 5 + 3 + 5);
    let keys: Vec<&str> = lines[0].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        [
            "conversation",
            "experiment",
            "revision",
            "status",
            "ended_by",
            "condition",
            "replicate",
            "seq",
            "day",
            "position",
            "kind",
            "speaker",
            "role",
            "model",
            "content",
            "raw",
            "reply_flags"
        ]
    );
    let place_of = |l: &Value| (l["conversation"].as_str().unwrap().to_owned(), l["seq"].as_u64().unwrap());
    let mut sorted = lines.clone();
    sorted.sort_by_key(place_of);
    assert_eq!(lines, sorted);
    assert_eq!((&lines[0]["role"], &lines[0]["model"], &lines[0]["raw"]), (&Value::Null, &Value::Null, &Value::Null));
    assert_eq!(lines[0]["speaker"], "Researcher");
    assert_eq!(lines[1]["model"], "ollama/llama3.1");
}

#[test]
fn a_file_has_the_same_bytes_as_standard_output() {
    let place = made();
    let out = place.run("export small --all --format jsonl -o -").exits(0).out;
    place.run("export small --all --format jsonl -o data/deep/same.jsonl").exits(0);
    assert_eq!(place.read("data/deep/same.jsonl"), out, "its folder is made");
    assert_screen!(place.run("export small --all --format jsonl -o small.jsonl --calls").exits(0));
    assert_eq!(place.read("small.jsonl"), out);
    let calls: Vec<Value> = place.read("small.calls.jsonl").lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(calls.len(), 4 + 3 + 4);
    assert_eq!(calls.iter().filter(|c| c["state"] == "sent").count(), 1);
    assert!(calls.iter().all(|c| c["body_matches"] == true && c["conversation"].is_string()));
    assert_eq!(calls[0]["messages"][0]["role"], "system");
    let files: Vec<String> = place.files(".").into_iter().filter(|f| f.contains("small")).collect();
    assert_eq!(files, ["small.calls.jsonl", "small.jsonl"], "nothing is left beside them");
}

#[test]
fn csv_has_the_same_columns() {
    let place = made();
    let out = place.run("export small --all --format csv").exits(0).out;
    let mut reader = csv::Reader::from_reader(out.as_bytes());
    let header: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    assert_eq!(
        header,
        [
            "conversation",
            "experiment",
            "revision",
            "status",
            "ended_by",
            "condition_model",
            "goal",
            "replicate",
            "seq",
            "day",
            "position",
            "kind",
            "speaker",
            "role",
            "model",
            "content",
            "words",
            "raw",
            "reply_flags"
        ]
    );
    let jsonl = place.run("export small --all --format jsonl").exits(0).out;
    let contents: Vec<String> = reader.records().map(|r| r.unwrap()[15].to_owned()).collect();
    let lines =
        jsonl.lines().map(|l| serde_json::from_str::<Value>(l).unwrap()["content"].as_str().unwrap().to_owned());
    assert_eq!(contents, lines.collect::<Vec<_>>());
}

#[test]
fn one_conversation_alone() {
    let place = made();
    let all = place.run("list small --json").exits(0).json();
    let one = &all["data"][0];
    let id = one["id"].as_str().unwrap();
    let out = place.run(&format!("export {id} --format jsonl")).exits(0).out;
    assert!(out.lines().count() == 5 && out.lines().all(|l| l.contains(one["key"].as_str().unwrap())));
    let page = place.run(&format!("export {id} --format md -o -")).exits(0);
    assert_screen!(page);
    place.run(&format!("export {id} --format folder")).exits(2);
}

#[test]
fn pages_for_people() {
    let place = made();
    assert_screen!(place.run("export small --all --format md").exits(0));
    insta::assert_snapshot!(place.files("exports").join("\n"));
    insta::assert_snapshot!(place.read("exports/small/index.md"));
    let prompt = place.files("exports/small/prompts").into_iter().find(|f| f.ends_with("guard.md")).unwrap();
    assert!(place.read(&prompt).contains("Keep order among 1 prisoner."));
    assert_screen!(place.run("export small --all --format md").exits(2));
    place.run("export small --all --format md -o elsewhere").exits(0);
}

#[test]
fn an_experiment_as_files_is_the_same_experiment() {
    let place = made();
    assert_screen!(place.run("export small --format folder").exits(0));
    assert_eq!(place.files("exports/small").len(), SMALL.len());
    place.run("check exports/small").exits(0);
    let revision = |what: &str| place.run(&format!("show {what} --json")).exits(0).json()["data"]["document"].clone();
    assert_eq!(revision("exports/small"), revision("small"));
    place.run("export small --format folder").exits(2);
    place.run("export small --format folder -o -").exits(2);
}

#[test]
fn calls_need_a_file() {
    let place = made();
    assert_screen!(place.run("export small --all --format jsonl --calls").exits(2));
    place.run("export small --all --format md --calls").exits(2);
    place.run("export small --all --format jsonl -o .").exits(2);
}
