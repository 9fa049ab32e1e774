//! `convoke show`.

use crate::assert_screen;
use crate::support::Place;
use crate::support::database::{FRIENDLY, Fate, SMALL};
use serde_json::Value;
use std::time::Duration;

fn id(place: &Place, status: &str) -> String {
    let json = place.run("list small --json").exits(0).json();
    let found = json["data"].as_array().unwrap().iter().find(|c| c["status"] == status).unwrap();
    found["id"].as_str().unwrap().to_owned()
}

#[test]
fn an_experiment_is_shown_whole() {
    let place = Place::new();
    place.database(&[Fate::Done], FRIENDLY);
    assert_screen!(place.run("show small").exits(0));
    let json = place.run("show small --json").exits(0).json();
    assert_eq!(json["data"]["conversations"]["done"], 1);
    assert_eq!(json["data"]["document"]["protocol"]["messages"], 5);
    assert_eq!(json["data"]["document"]["roles"][0]["plural"], "guards");
    place.run("show small --calls").exits(2);
}

#[test]
fn a_transcript_is_shown() {
    let place = Place::new();
    place.database(&[Fate::Done, Fate::Interrupted(1), Fate::Failed(2)], FRIENDLY);
    let done = id(&place, "done");
    assert_screen!(place.run(&format!("show {}", &done[..8])).exits(0));
    assert_screen!(place.run(&format!("show {done} --calls")).exits(0));
    assert_screen!(place.run(&format!("show {} --calls", id(&place, "interrupted"))).exits(0));
    assert_screen!(place.run(&format!("show {}", id(&place, "failed"))).exits(0));
    assert_screen!(place.run(&format!("show {}", id(&place, "pending"))).exits(0));
}

#[test]
fn a_transcript_as_json() {
    let place = Place::new();
    place.database(&[Fate::Done], FRIENDLY);
    let json = place.run(&format!("show {} --json --calls", id(&place, "done"))).exits(0).json();
    let data = &json["data"];
    let keys: Vec<&str> = data.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        keys[15..],
        ["seed", "experiment", "revision", "starting_message", "participants", "entries", "reason", "calls"]
    );
    assert_eq!(data["experiment"], "small");
    let entry = data["entries"][1].as_object().unwrap();
    let keys: Vec<&str> = entry.keys().map(String::as_str).collect();
    assert_eq!(keys, ["seq", "day", "position", "kind", "speaker", "role", "model", "content", "raw", "reply_flags"]);
    assert_eq!(data["calls"].as_array().unwrap().len(), 4);
    assert!(data["calls"].as_array().unwrap().iter().all(|c| c["body_matches"] == true));
    assert_eq!(data["calls"][1]["attempts"][0]["error"], "busy");
    assert_eq!(data["participants"][0]["model"], "ollama/llama3.1");
}

#[test]
fn raw_replies_are_shown_where_they_differ() {
    let place = Place::new();
    place.database(&[Fate::Done], &["  padded  ", "plain", "well", "yes"]);
    let shown = place.run(&format!("show {} --raw", id(&place, "done"))).exits(0).out;
    assert_eq!(shown.matches("as the model gave it").count(), 1, "{shown}");
    assert!(shown.contains("  |   padded"), "{shown}");
}

#[test]
fn following_ends_with_the_conversation() {
    let place = Place::new();
    place.database(&[Fate::Done, Fate::Interrupted(2)], FRIENDLY);
    let done = place.run(&format!("show {} --follow", id(&place, "done"))).exits(0);
    assert!(done.out.trim_end().ends_with("done"), "{}", done.screen());
    let interrupted = id(&place, "interrupted");
    let set = |status: &str| {
        let conn = rusqlite::Connection::open(place.path().join("convoke.db")).unwrap();
        conn.execute("update conversations set status = ?1 where id = ?2", [status, &interrupted]).unwrap();
    };
    set("running");
    let mut child = std::process::Command::new(assert_cmd::cargo::cargo_bin("convoke"))
        .args(["show", &interrupted, "--follow"])
        .current_dir(place.path())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(900));
    assert!(child.try_wait().unwrap().is_none(), "it waits");
    set("failed");
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("I want to talk.") && text.contains("failed"), "{text}");
}

#[test]
fn a_folder_names_its_experiment() {
    let place = Place::new();
    place.database(&[Fate::Done], FRIENDLY);
    place.folder("anywhere", SMALL);
    let by_folder: Value = place.run("show anywhere --json").exits(0).json();
    assert_eq!(by_folder, place.run("show small --json").exits(0).json());
}
