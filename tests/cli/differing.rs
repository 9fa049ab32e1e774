//! `convoke diff`.

use crate::assert_screen;
use crate::support::database::{FRIENDLY, Fate, SMALL};
use crate::support::{Outcome, Place};
use serde_json::{Value as Json, json};

/// The small experiment, stored, and a copy of it that differs in everything.
fn made() -> Place {
    let place = Place::new();
    place.database(&[Fate::Done], FRIENDLY);
    place.write("goal.txt", "Keep order among <PRISONER_NUM> <PRISONER_NOUN>.\nBe \u{1b}[31mkind.\n");
    let words = [
        "duplicate",
        "small",
        "--name",
        "other",
        "--section",
        "guard/Goal=@goal.txt",
        "--section",
        "Weather=It rains.",
        "--drop-section",
        "prisoner/Goal {goal=yard-time}",
        "--model",
        "llama",
        "--model",
        "ollama/mistral",
        "--roles",
        "prisoner=2,guard",
        "--set",
        "messages=7",
        "--set",
        "factors.tone=[\"kind\", \"cold\"]",
        "--set",
        "factors.goal=[\"escape\"]",
        "--set",
        "replicates=2",
    ];
    place.words(&words, &[]).exits(0);
    place
}

/// The screen without ids, which are random.
fn screen(outcome: &Outcome) -> String {
    let screen = outcome.screen();
    let mut parts = screen.split("(id ");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |kept, part| kept + "(id [ID]" + &part[16..])
}

#[test]
fn what_differs_is_told_in_a_researchers_words() {
    let place = made();
    let shown = place.run("diff small other").exits(0);
    insta::assert_snapshot!(screen(&shown));
    let data = place.run("diff small other --json").exits(0).json()["data"].clone();
    let all = data.as_array().unwrap();
    assert!(all.iter().all(|d| d.as_object().unwrap().keys().eq(["what", "a", "b"])));
    assert!(all.contains(&json!({ "what": "`messages`", "a": "5", "b": "7" })), "{data}");
    assert!(all.contains(&json!({ "what": "model `ollama/mistral`", "a": null, "b": "ollama/mistral" })), "{data}");
    let whole: Vec<&Json> = all.iter().filter(|d| d["what"] == "roles/guard.md, section `Goal`").collect();
    assert!(whole[0]["b"].as_str().unwrap().contains("Be \u{1b}[31mkind."), "a program gets the text itself");
}

#[test]
fn folders_names_ids_and_conversations() {
    let place = made();
    let equal = place.run("diff small id:0123456789abcdef").exits(0);
    assert!(equal.out.starts_with("no difference"), "{}", equal.screen());
    assert_eq!(place.run("diff small small --json").exits(0).json()["data"], json!([]));
    place.folder("here", SMALL);
    place.folder("there", SMALL);
    place.write("there/shared.md", "A camp with <AGENTS_NUM> people.\n");
    assert_screen!(place.run("diff here there").exits(0));
    assert!(place.run("diff ./here small").exits(0).out.starts_with("no difference"));
    assert!(place.run_with("diff here other", &[("DB_USER", "bob")]).exits(0).out.contains("`other` of tester"));

    // A conversation's experiment is the revision that it was run with.
    let id = place.run("list small --json").json()["data"][0]["id"].as_str().unwrap().to_owned();
    place.run("edit small --set messages=6").exits(0);
    assert_eq!(place.run(&format!("diff {id} small --json")).json()["data"][0]["what"], "`messages`");
    assert_screen!(place.run("diff small smll").exits(6));
    place.write("there/roles/guard.md", "## Goal {nothing=1}\n");
    assert_screen!(place.run("diff here there").exits(3));

    let empty = Place::new();
    empty.folder("here", SMALL);
    empty.run("diff here here").exits(0);
    empty.run("diff here small").exits(6);
    assert!(!empty.path().join("convoke.db").exists(), "reading makes nothing");
}
