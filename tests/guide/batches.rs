//! More conversations: what the guide ran is the experiment, and nothing is changed before the last question.

use crate::hand::json;
use crate::support::{TALK, made, made_over, selected};
use crate::terminal::{Size, Terminal};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// Wide and high enough that no line of a command is wrapped, and all questions of a batch are seen.
const WIDE: Size = Size(200, 60);

fn convoke(folder: &Path, words: &[&str]) -> String {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("convoke"));
    command.current_dir(folder).args(words).env_clear().env("DB_USER", "tester");
    let output = command.env("XDG_CONFIG_HOME", folder.join("configuration")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn keys(folder: &Path) -> BTreeSet<String> {
    let listed = json(folder, &["list", "talk"]);
    let key = |one: &Value| {
        assert_eq!(one["status"], "done", "{one}");
        one["key"].as_str().unwrap().to_owned()
    };
    listed.as_array().unwrap().iter().map(key).collect()
}

fn document(folder: &Path, name: &str) -> Value {
    json(folder, &["show", name])["document"].clone()
}

/// From the menu to the first question of a batch.
fn begins(t: &mut Terminal) -> &mut Terminal {
    t.at("talk");
    for _ in 0..12 {
        if t.screen().lines().any(|line| line.starts_with("> run conv")) {
            break;
        }
        let before = t.until("a screen", |_| true);
        t.arrow('A');
        t.until("the item above", |screen| screen != before);
    }
    t.enter().field("how many more")
}

/// To the question about the days, with these messages.
fn messages(t: &mut Terminal, number: &str) {
    begins(t).enter().at("models").enter().field("messages of").writes(number);
    t.field("days");
}

fn speakers(t: &mut Terminal) {
    t.at("who speaks").enter();
}

/// 1..3, then 1..2, then 1..4 guards.
#[test]
fn batches_in_a_row_hide_no_conversation() {
    let dir = made("tester");
    let folder = dir.path();
    let mut t = selected(folder, WIDE);
    messages(&mut t, "4");
    t.enter().field("agents of guard").writes("3").field("agents of prisoner").enter();
    t.field("each combination").types("y");
    speakers(&mut t);
    t.field("run it?").types("y");
    t.shows("run talk --more 1").pop();
    t.at("talk");
    let first = keys(folder);
    assert_eq!(first.len(), 2 * 3);
    let stored = document(folder, "talk");
    // The same conversations by flags, as before ranges were stored.
    let by_flags = made("tester");
    convoke(by_flags.path(), &["run", "talk", "--more", "1", "--agents", "guard=1..3"]);
    assert_eq!(keys(by_flags.path()), first);

    messages(&mut t, "4");
    t.enter().field("levels of agents.guard").shows("levels of agents.guard: 1..3").pop();
    t.writes("1, 9").shows("will not do").pop();
    t.until("the question again", |s| s.lines().last().is_some_and(|l| l.ends_with(": 1, 9")));
    t.writes("1..2").field("agents of prisoner").enter();
    speakers(&mut t);
    t.field("run it?").types("y");
    t.shows("--more 1 '--only=agents.guard=1|2'").pop();
    t.at("talk");
    let second = keys(folder);
    assert!(second.len() == 2 * 5 && second.is_superset(&first));
    let mut now = document(folder, "talk");
    // The number of replicates grows with each batch, and is no part of a revision.
    now["run"] = stored["run"].clone();
    assert_eq!(now, stored, "a narrower batch changes nothing");

    messages(&mut t, "4");
    t.enter().field("levels of agents.guard").writes("1..4").field("agents of prisoner").enter();
    speakers(&mut t);
    t.field("run it?").types("y");
    t.shows("{ from = 1, to = 4 }").pop();
    t.until("its end", |s| s.contains("run talk --more 1\n"));
    t.at("talk").interrupt();
    let third = keys(folder);
    assert!(third.len() == 2 * 4 * 3 && third.is_superset(&second));
    assert_eq!(json(folder, &["list", "talk"]), json(folder, &["list", "talk", "--status", "done"]));

    convoke(folder, &["export", "talk", "--format", "folder", "-o", "files"]);
    let planned = |what: &str| json(folder, &["plan", what])["conditions"].clone();
    assert_eq!(planned("talk"), planned("./files"));
    assert!(planned("talk").as_array().is_some_and(|all| all.len() == 2 * 4), "{}", planned("talk"));
}

#[test]
fn the_last_question_names_what_would_become_older_and_offers_a_copy() {
    let dir = made("tester");
    let folder = dir.path();
    convoke(folder, &["run", "talk", "--more", "1"]);
    let (first, stored) = (keys(folder), document(folder, "talk"));
    let mut t = selected(folder, WIDE);
    let asked = |t: &mut Terminal| {
        messages(t, "5");
        t.enter().field("agents of guard").enter().field("agents of prisoner").enter();
        speakers(t);
        t.at("where?").shows("2 finished conversations of `talk` would become").pop();
    };
    asked(&mut t);
    t.escape();
    t.at("who speaks").enter().at("where?");
    assert_eq!(document(folder, "talk"), stored, "nothing is changed before the answer");
    t.takes("run it in a copy, `talk-2`").shows("run talk-2 --more 1").pop();
    t.at("talk");
    assert_eq!((document(folder, "talk"), keys(folder)), (stored, first));
    assert_eq!(document(folder, "talk-2")["protocol"]["messages"], 5);
    assert_eq!(json(folder, &["list", "talk-2"]).as_array().unwrap().len(), 2);
    // In the experiment itself, without another question.
    asked(&mut t);
    t.takes("run it in `talk`").shows("run talk --more 1 --yes").pop();
    t.at("talk").interrupt();
    assert_eq!(document(folder, "talk")["protocol"]["messages"], 5);
}

#[test]
fn nothing_is_stored_in_an_experiment_of_somebody_else() {
    let dir = made("ada");
    let folder = dir.path();
    let stored = document(folder, "talk");
    let mut t = selected(folder, WIDE);
    let asked = |t: &mut Terminal| {
        messages(t, "4");
        t.enter().field("agents of guard").writes("2").field("agents of prisoner").enter();
        t.field("each combination").types("y");
        speakers(t);
        t.at("where?").shows("ada's, so nothing is stored").pop();
    };
    asked(&mut t);
    t.takes("run it in `talk`, with flags").shows("run talk --more 1 --agents guard=1..2").pop();
    asked(&mut t);
    t.takes("run it in a copy, `talk-2`").shows("run talk-2 --more 1\n").pop();
    t.at("talk").interrupt();
    assert_eq!(document(folder, "talk"), stored);
    assert_eq!(document(folder, "talk-2")["factors"][0]["name"], "agents.guard");
}

#[test]
fn answers_are_put_on_top_of_a_change_by_somebody_else() {
    let dir = made("tester");
    let folder = dir.path();
    let mut t = selected(folder, WIDE);
    messages(&mut t, "5");
    t.enter().field("agents of guard").enter().field("agents of prisoner").enter();
    speakers(&mut t);
    t.field("run it?");
    convoke(folder, &["edit", "talk", "--set", "agents.guard=2", "--section", "Setting=A hall."]);
    t.types("y");
    t.field("put your answers on top").shows("A hall.").pop();
    t.types("y");
    t.field("how many more").enter().at("models").enter().field("messages of").shows("5").pop();
    t.enter().field("days").enter().field("agents of guard, at most: 2").enter();
    t.field("agents of prisoner").enter().field("each combination").types("n");
    speakers(&mut t);
    t.field("run it?").types("y");
    t.shows("run talk --more 1").pop();
    t.at("talk").interrupt();
    let stored = document(folder, "talk");
    assert_eq!(stored["protocol"]["messages"], 5);
    assert_eq!(stored["roles"][0]["agents"], 2);
    assert!(stored.to_string().contains("A hall."), "{stored}");
}

#[test]
fn a_range_stays_a_flag_where_the_design_combines_its_factor() {
    let (path, talk) = TALK[0];
    let zipped = "\n[factors]\nmessages = [4, 6]\n\"agents.guard\" = [1, 2]\n\n[design]\nzip = [[\"messages\", \"agents.guard\"]]\n";
    let dir = made_over("tester", &[(path, &format!("{talk}{zipped}"))]);
    let stored = document(dir.path(), "talk");
    let mut t = selected(dir.path(), WIDE);
    let asked = |t: &mut Terminal, levels: &str| {
        t.field("how many more").enter().at("models").enter().field("levels of messages: 4, 6").enter();
        t.field("days").enter().field("levels of agents.guard").writes(levels);
        t.field("agents of prisoner").enter();
        speakers(t);
    };
    t.at("talk").takes("run conv");
    asked(&mut t, "1..3");
    t.shows("`[design]` combines the levels of agents.guard").pop();
    t.shows("`3` is no level of `agents.guard`").pop();
    asked(&mut t, "2");
    t.field("run it?").types("y");
    t.shows("run talk --more 1 --only=agents.guard=2").pop();
    t.at("talk").interrupt();
    assert_eq!(document(dir.path(), "talk")["factors"], stored["factors"]);
    assert_eq!(keys(dir.path()).len(), 2);
}
