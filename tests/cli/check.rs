//! `convoke check`.

use crate::assert_screen;
use crate::support::Place;
use crate::support::database::SMALL;
use serde_json::json;

const WRONG: &[(&str, &str)] = &[
    (
        "experiment.toml",
        "name = \"wrong\"\nmodels = [\"ollama/llama3.1\"]\n\n[protocol]\nmesages = 5\nmessages = 5\nagents = { guard = 1, prisoner = 1 }\n",
    ),
    ("roles/guard.md", "You are <AGENT_NAME>.\n\n## Goal {gaol=escape}\nMind <PRISONR_NOUN>.\n"),
    ("roles/prisoner.md", "You are <AGENT_NAME>.\n"),
];

#[test]
fn every_mistake_is_told_with_its_place() {
    let place = Place::new();
    place.folder("studies/wrong", WRONG);
    assert_screen!(place.run("check studies/wrong").exits(3));
    let json = place.run("check ./studies/wrong --json").exits(3).json();
    assert_eq!(json["status"], "error");
    assert_eq!(json["error"]["code"], "experiment-invalid");
    let first = json["data"][0].as_object().unwrap();
    let keys: Vec<&str> = first.keys().map(String::as_str).collect();
    assert_eq!(keys, ["severity", "code", "path", "line", "column", "message", "hint"]);
    assert_eq!(first["path"], "studies/wrong/experiment.toml");
    assert!(json["data"].as_array().unwrap().iter().any(|p| p["path"] == "studies/wrong/roles/guard.md"));
    place.run("check studies/wrong --preview").exits(3);
    assert_eq!(place.files(".").len(), 3, "nothing is made");
}

#[test]
fn what_is_no_experiment_says_so() {
    let place = Place::new();
    place.write("empty/roles/a.md", "");
    place.write("file", "");
    assert_screen!(place.run("check empty").exits(3));
    assert_screen!(place.run("check file").exits(3));
    assert_screen!(place.run("check ./nowhere").exits(6));
    assert_screen!(place.run("check nowhere").exits(6));
    assert_eq!(place.files("."), ["empty/roles/a.md", "file"], "reading makes no database");
}

#[test]
fn prompts_are_shown_as_they_will_be_sent() {
    let place = Place::new();
    place.folder("small", SMALL);
    assert_screen!(place.run("check small --preview").exits(0));
    assert_screen!(place.run("check small --preview --only goal=yard-time --role prisoner").exits(0));
    let json = place.run("check small --preview --json").exits(0).json();
    let first = json["data"][0].as_object().unwrap();
    let keys: Vec<&str> = first.keys().map(String::as_str).collect();
    assert_eq!(keys, ["condition", "agents", "starting_message", "selector", "summarizer"]);
    assert_eq!(first["condition"], json!({ "model": "llama", "goal": "escape" }));
    let prompt = first["agents"][1]["prompt"].as_str().unwrap();
    let name = first["agents"][1]["name"].as_str().unwrap();
    assert_eq!(prompt, format!("A prison with 2 people.\n\nYou are {name}.\n\n## Goal\nGet out."));
}

#[test]
fn helpers_prompts_are_shown_too() {
    let place = Place::new();
    place.run("new debate --from debate").exits(0);
    let shown = place.run("check debate --preview --only topic=city-cars").exits(0).out;
    assert!(shown.contains("-- the selector reads") && shown.contains("-- the summarizer reads"), "{shown}");
    let names = place.run("check debate --preview --json").exits(0).json();
    assert!(names["data"][0]["selector"].as_str().unwrap().contains("Moderator_"));
}

#[test]
fn a_filter_that_names_what_is_not_there() {
    let place = Place::new();
    place.folder("small", SMALL);
    assert_screen!(place.run("check small --preview --only goal=escpe").exits(2));
    assert_screen!(place.run("check small --preview --only gaol=escape").exits(2));
    assert_screen!(place.run("check small --preview --role gard").exits(2));
    place.run("check small --preview --only {").exits(2);
}

#[test]
fn guesses_are_written_down() {
    let place = Place::new();
    place.folder("guess", WRONG);
    place.write(
        "guess/experiment.toml",
        "# mine\nname = \"guess\" # a name\nmodels = [\"ollama/llama3.1\"]\n\n[protocol]\nmessages = 5\nagents = { guard = 1, prisoner = 1 }\n",
    );
    place.write("guess/roles/guard.md", "You are <AGENT_NAME>.\n");
    place.run("check guess").exits(0);
    assert_screen!(place.run("check guess --fix").exits(0));
    insta::assert_snapshot!(place.read("guess/experiment.toml"));
    let before = place.read("guess/experiment.toml");
    assert_screen!(place.run("check guess --fix").exits(0));
    assert_eq!(place.read("guess/experiment.toml"), before);
    assert_eq!(place.files("guess").len(), 3, "nothing is left behind");
}

#[test]
fn a_stored_experiment_is_checked_and_not_written() {
    let place = Place::new();
    place.database(&[], &[]);
    assert_screen!(place.run("check small").exits(0));
    place.run("check 0123 --preview").exits(0);
    assert_screen!(place.run("check small --fix").exits(2));
}
