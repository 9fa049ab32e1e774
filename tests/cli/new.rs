//! `convoke new`, and rules for every command.

use crate::assert_screen;
use crate::support::Place;

#[test]
fn a_folder_is_written_and_is_right() {
    let place = Place::new();
    assert_screen!(place.run("new talk").exits(0));
    assert!(place.read("talk/experiment.toml").contains("name = \"talk\""));
    place.run("check talk").exits(0);
}

#[test]
fn examples_ship_with_the_program() {
    let place = Place::new();
    for example in ["prison", "debate", "negotiation"] {
        place.run(&format!("new mine-{example} --from {example} --in work")).exits(0);
        let checked = place.run(&format!("check work/mine-{example} --json")).exits(0);
        assert_eq!(checked.json(), serde_json::json!({ "status": "ok", "data": [] }), "{example}");
        assert!(
            place.read(&format!("work/mine-{example}/experiment.toml")).contains(&format!("name = \"mine-{example}\""))
        );
    }
}

#[test]
fn nothing_is_overwritten_and_no_name_is_a_path() {
    let place = Place::new();
    place.write("there/note.txt", "mine");
    assert_screen!(place.run("new there").exits(2));
    assert_eq!(place.files("."), ["there/note.txt"]);
    assert_screen!(place.run("new ../out").exits(2));
    assert_screen!(place.run("new talk --from prisn").exits(2));
    assert_eq!(place.files("."), ["there/note.txt"]);
}

#[test]
fn a_new_folder_as_json() {
    let place = Place::new();
    let outcome = place.run("new talk --json").exits(0);
    assert_eq!(outcome.json()["data"]["path"], "talk");
    assert_eq!(outcome.json()["data"]["files"][0], "talk/experiment.toml");
    let again = place.run("new talk --json").exits(2);
    assert_eq!(again.json()["status"], "error");
    assert_eq!(again.json()["error"]["code"], "usage");
    assert_eq!(again.err, "");
}

#[test]
fn a_new_experiment_is_changed_as_edit_changes_one() {
    let place = Place::new();
    let words = ["new", "talk", "--starting-message", "Hello", "--set", "messages=4", "--note", "mine"];
    place.words(&words, &[]).exits(0);
    assert_eq!(
        place.files("."),
        ["talk/experiment.toml", "talk/roles/applicant.md", "talk/roles/interviewer.md", "talk/shared.md"]
    );
    let toml = place.read("talk/experiment.toml");
    for line in ["name = \"talk\"", "note = \"mine\"", "starting_message = \"Hello\"", "messages = 4"] {
        assert!(toml.contains(line), "{line}: {toml}");
    }
    let wrong = place.words(&["new", "other", "--section", "guard/Goal=x"], &[]).exits(2);
    assert!(wrong.err.contains("there is no role `guard`"), "{}", wrong.screen());
    let wrong = place.words(&["new", "other", "--section", "Goal=<GAURD_NOUN>"], &[]).exits(3);
    assert!(wrong.err.contains("unknown tag"), "{}", wrong.screen());
    assert!(!place.path().join("other").exists() && !place.path().join("convoke.db").exists());
}

#[test]
fn one_is_stored_without_a_folder() {
    let place = Place::new();
    let nothing = place.run("new talk --stored --from empty --json").exits(3);
    assert_eq!(nothing.json()["error"]["code"], "experiment-invalid");
    assert_eq!(place.files("."), [""; 0], "a wrong experiment leaves nothing behind");
    assert_screen!(place.run("new talk --from empty --set messages=4").exits(3));
    let words = [
        "new",
        "talk",
        "--stored",
        "--from",
        "empty",
        "--set",
        "models=[\"scripted\"]",
        "--roles",
        "guard=1,prisoner=2",
        "--set",
        "roles.guard.plural=guards",
        "--set",
        "messages=4",
        "--section",
        "Goal=@@ Get <PRISONER_NUM> out.",
    ];
    let stored = place.words(&[&words[..], &["--json"]].concat(), &[]).exits(0).json();
    assert_eq!(stored["data"]["name"], "talk");
    assert_eq!(stored["data"]["version"], 1);
    assert!(!place.path().join("talk").exists());
    let again = place.words(&words, &[]).exits(2);
    assert!(again.err.contains("has an experiment `talk` already"), "{}", again.screen());
    let shown = place.run("show talk --json").exits(0).json();
    assert_eq!(shown["data"]["id"], stored["data"]["id"]);
    assert!(shown.to_string().contains("@ Get <PRISONER_NUM> out."), "{shown}");
    place.run("new shipped --stored --from prison").exits(0);
    place.run("check shipped").exits(0);
    place.run("new both --stored --in x").exits(2);
}

#[test]
fn usage_is_told_on_the_right_stream() {
    let place = Place::new();
    let help = place.run("--help").exits(0);
    assert!(help.out.contains("Usage: convoke") && help.err.is_empty());
    let version = place.run("--version").exits(0);
    assert_eq!(version.out, format!("convoke {}\n", env!("CARGO_PKG_VERSION")));
    let nothing = place.run("").exits(2);
    assert!(nothing.err.contains("Usage: convoke") && nothing.out.is_empty());
    let wrong = place.run("lst").exits(2);
    assert!(wrong.err.contains("'lst'") && wrong.out.is_empty());
    let wrong = place.run("lst --json").exits(2);
    assert_eq!(wrong.json()["error"]["code"], "usage");
}
