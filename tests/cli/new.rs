//! `convoke new`, and what holds for every command.

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
