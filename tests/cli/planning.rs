//! `convoke plan`: the outcome of a run, in advance.

use crate::assert_screen;
use crate::support::Place;
use crate::support::database::{FRIENDLY, Fate, SMALL};
use serde_json::Value;

/// Copies a shipped experiment.
fn shipped(name: &str) -> Place {
    let place = Place::new();
    place.run(&format!("new {name} --from {name}")).exits(0);
    place
}

fn plan(place: &Place, line: &str) -> Value {
    let json = place.run(&format!("plan {line} --json")).exits(0).json();
    assert_eq!(json["status"], "ok");
    json["data"].clone()
}

/// Compares field by field: conversations, done, left, and the remaining calls.
#[track_caller]
fn counts(data: &Value, conversations: u64, done: u64, left: u64, calls: [u64; 3]) {
    let of = |name: &str| data[name].as_u64().unwrap_or_else(|| panic!("{name}: {data}"));
    assert_eq!([of("conversations"), of("done"), of("left")], [conversations, done, left], "{data}");
    assert_eq!([of("calls_low"), of("calls"), of("calls_high")], calls, "{data}");
    let conditions = data["conditions"].as_array().unwrap();
    assert_eq!(conditions.iter().map(|c| c["conversations"].as_u64().unwrap()).sum::<u64>(), conversations);
    let tokens = |name: &str| data["tokens"][name].as_u64().unwrap();
    assert!(tokens("low") <= tokens("expected") && tokens("expected") <= tokens("high"), "{data}");
    assert!(data["cost"].is_null());
}

#[test]
fn a_prison() {
    let place = shipped("prison");
    assert_screen!(place.run("plan prison").exits(0));
    let data = plan(&place, "prison");
    counts(&data, 40, 0, 40, [760, 760, 760]);
    assert!(data["seconds"].is_null(), "it has made no call yet");
    let first = data["conditions"][0].as_object().unwrap();
    assert_eq!(first.keys().collect::<Vec<_>>(), ["condition", "conversations", "calls"]);
    let names: Vec<&String> = first["condition"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["model", "goal", "manner_guard", "manner_prisoner", "risks", "oversight"]);
    assert_eq!((&first["conversations"], &first["calls"]), (&1.into(), &19.into()));
    let keys: Vec<&String> = data.as_object().unwrap().keys().collect();
    for key in
        ["conditions", "conversations", "done", "left", "calls", "calls_low", "calls_high", "tokens", "cost", "seconds"]
    {
        assert!(keys.iter().any(|k| *k == key), "{key} is not in {keys:?}");
    }
    assert_eq!(place.files(".").len(), 4, "planning writes nothing");
}

#[test]
fn a_debate_asks_a_selector_and_a_summarizer() {
    let place = shipped("debate");
    assert_screen!(place.run("plan debate").exits(0));
    // 14 speeches and 14 choices (each retried at most twice among several candidates), and one summary.
    counts(&plan(&place, "debate"), 2, 0, 2, [58, 58, 114]);
    counts(&plan(&place, "debate --days 1 --only topic=city-cars"), 1, 0, 1, [30, 30, 60]);
    counts(&plan(&place, "debate --speakers round-robin"), 2, 0, 2, [30, 30, 30]);
}

#[test]
fn a_negotiation_may_end_early() {
    let place = shipped("negotiation");
    assert_screen!(place.run("plan negotiation").exits(0));
    counts(&plan(&place, "negotiation"), 6, 0, 6, [6, 144, 288]);
    counts(&plan(&place, "negotiation --agents buyer=2"), 2, 0, 2, [2, 48, 96]);
}

#[test]
fn narrowed_plans() {
    let place = shipped("prison");
    counts(&plan(&place, "prison --only goal=escape --replicates 3"), 60, 0, 60, [1140; 3]);
    counts(&plan(&place, "prison --limit 7 --messages 5"), 7, 0, 7, [28; 3]);
    counts(&plan(&place, "prison --offline --set risks=true --set goal=escape"), 10, 0, 10, [190; 3]);
    counts(&plan(&place, "prison --model ollama/a --model ollama/b --limit 80"), 80, 0, 80, [1520; 3]);
    counts(&plan(&place, "prison --agents guard=1..2"), 80, 0, 80, [1520; 3]);
    // A mistake that only the flag causes is wrong usage.
    assert_screen!(place.run("plan prison --only oversight=true --limit 3 --days 2").exits(2));
    assert_screen!(place.run("plan prison --limit 3 --replicates 2").exits(0));
}

#[test]
fn what_is_done_is_not_planned_again() {
    let place = Place::new();
    place.folder("small", SMALL);
    place.database(&[Fate::Done, Fate::Interrupted(2), Fate::Done], FRIENDLY);
    for what in ["small", "id:0123"] {
        // Six conversations of four calls: two are done, and one has two answers.
        counts(&plan(&place, what), 6, 2, 4, [14; 3]);
    }
    let range = &plan(&place, "small")["seconds"];
    let seconds = ["low", "expected", "high"].map(|name| range[name].as_f64().unwrap());
    assert!(seconds[0] > 0.0, "{range}");
    assert_eq!(range["low"], range["high"]);
    let more = &plan(&place, "small --replicates 4");
    assert!(more["seconds"]["expected"].as_f64().unwrap() >= seconds[1], "{more}");
    assert!(
        plan(&place, "small --offline")["seconds"].is_null()
            && plan(&place, "small --model openai/m")["seconds"].is_null()
    );
    counts(&plan(&place, "small --replicates 4"), 8, 2, 6, [22; 3]);
    counts(&plan(&place, "small --offline"), 6, 0, 6, [24; 3]);
    assert_screen!(place.run("plan small").exits(0));
    let place = Place::new();
    place.folder("small", SMALL);
    place.database(&[Fate::Failed(1), Fate::Done], FRIENDLY);
    let data = plan(&place, "small");
    counts(&data, 6, 1, 4, [16; 3]);
    assert!(data.get("failed").is_none(), "what failed is neither done nor left, and has no field of its own");
}
