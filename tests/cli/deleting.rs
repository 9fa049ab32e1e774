//! `convoke delete`.

use crate::assert_screen;
use crate::editing::dump;
use crate::support::Place;
use crate::support::database::{FRIENDLY, Fate};

fn made() -> Place {
    let place = Place::new();
    place.database(&[Fate::Done, Fate::Interrupted(1), Fate::Failed(2)], FRIENDLY);
    place
}

#[test]
fn what_goes_with_an_experiment_is_said_and_needs_a_yes() {
    let place = made();
    place.run_with("run small --offline --limit 2", &[("DB_USER", "bob")]).exits(0);
    place.run_with("duplicate small --name bobs", &[("DB_USER", "bob")]).exits(0);
    let before = dump(&place);
    assert_screen!(place.run("delete small").exits(2));
    assert_eq!(place.run("delete small --json").exits(2).json()["error"]["code"], "needs-answer");
    assert_eq!(dump(&place), before);
    assert_screen!(place.run("delete small --yes").exits(0));
    assert_screen!(place.run("delete small --yes").exits(6));
    // The copy remains, and its parent has no name.
    let listed = place.run("list --json").exits(0).json();
    assert_eq!(listed["data"][0]["parent"], "0123456789abcdef");
    assert_eq!(listed["data"].as_array().unwrap().len(), 1);
    place.run("list").exits(0);
    place.run("show bobs").exits(0);
    place.run("verify").exits(0);
    place.run_with("run bobs --offline", &[("DB_USER", "bob")]).exits(0);
    place.run_with("delete bobs --yes", &[("DB_USER", "bob")]).exits(0);
    assert_eq!(dump(&place), "", "no row of either is left");
}

#[test]
fn one_conversation_goes_and_the_same_command_makes_it_again() {
    let place = made();
    place.run("run small --offline").exits(0);
    let count = || place.run("list small --all --json").exits(0).json()["data"].as_array().unwrap().len();
    let all = count();
    let json = place.run("list small --offline --json").exits(0).json();
    let offline = json["data"].as_array().unwrap().iter().find(|c| c["models"][0] == "scripted").unwrap();
    let id = offline["id"].as_str().unwrap();
    assert!(place.run(&format!("delete {id}")).exits(2).err.contains("has 5 entries"));
    let deleted = place.run(&format!("delete {} --yes --json", &id[..10])).exits(0).json();
    assert_eq!(deleted["data"]["kind"], "conversation");
    assert_eq!(deleted["data"]["conversations"], serde_json::json!([{ "creator": "tester", "conversations": 1 }]));
    assert_eq!(count(), all - 1);
    place.run("verify").exits(0);
    let again = place.run("run small --offline").exits(0);
    assert!(again.err.contains("1 to do"), "{}", again.screen());
    assert_eq!(count(), all);
}

#[test]
fn a_person_is_asked() {
    let place = made();
    let asked = |answer: &str| {
        let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin("convoke"));
        command.current_dir(place.path()).env("DB_USER", "tester").args(["delete", "small"]);
        let mut session = rexpect::session::spawn_command(command, Some(20_000)).unwrap();
        session.exp_string("6 of tester").unwrap();
        session.exp_string("delete experiment `small`?").unwrap();
        session.send(answer).unwrap();
        session.flush().unwrap();
        session.exp_eof().unwrap()
    };
    assert!(asked("n").contains("nothing was deleted"));
    place.run("show small").exits(0);
    assert!(asked("y").contains("deleted experiment `small`"));
    place.run("show small").exits(6);
}
