//! Flags that select conversations, and what `list`, `show`, `export` and `delete` leave out without them.

use crate::support::database::{FRIENDLY, Fate};
use crate::support::{Outcome, Place};
use serde_json::{Value as Json, json};

const BOB: &[(&str, &str)] = &[("DB_USER", "bob")];

/// Two conversations are done, one is interrupted, one failed, two are pending.
fn made() -> Place {
    let place = Place::new();
    place.database(&[Fate::Done, Fate::Interrupted(2), Fate::Failed(1), Fate::Done], FRIENDLY);
    place
}

/// The statuses that `list` shows, in its order.
fn statuses(place: &Place, line: &str) -> Vec<String> {
    let data = place.run(&format!("{line} --json")).exits(0).json()["data"].clone();
    data.as_array().unwrap().iter().map(|c| c["status"].as_str().unwrap().to_owned()).collect()
}

fn counts(place: &Place, line: &str) -> Json {
    let data = place.run(&format!("{line} --json")).exits(0).json()["data"].clone();
    data.get(0).unwrap_or(&data)["conversations"].clone()
}

/// Number of conversations in an export.
fn exported(place: &Place, flags: &str) -> usize {
    let out = place.run(&format!("export small --format jsonl {flags}")).exits(0).out;
    let keys = out.lines().map(|line| serde_json::from_str::<Json>(line).unwrap()["conversation"].to_string());
    keys.collect::<std::collections::BTreeSet<_>>().len()
}

fn error(outcome: Outcome, code: i32) -> (String, String) {
    let json = outcome.exits(code).json();
    let text = |name: &str| json["error"][name].as_str().unwrap().to_owned();
    (text("code"), text("hint"))
}

#[test]
fn an_export_has_what_is_done_and_says_what_it_leaves_out() {
    let place = made();
    assert_eq!(exported(&place, ""), 2);
    let wrote = place.run("export small --format csv -o a.csv").exits(0).err;
    let left_out =
        "left out: 2 pending (--status pending), 1 interrupted (--status interrupted), 1 failed (--status failed)";
    assert!(wrote.contains(&format!("inside: 2 done; {left_out}\n")), "{wrote}");
    let json = place.run("export small --format csv -o b.csv --json").exits(0).json()["data"].clone();
    assert_eq!(json["inside"], json!({ "done": 2, "offline": 0, "older": 0 }));
    assert_eq!(json["left_out"][2], json!({ "why": "failed", "conversations": 1, "flag": "--status failed" }));
    assert_eq!(exported(&place, "--status failed --status interrupted"), 2);
    assert_eq!(exported(&place, "--all"), 4, "pending ones have no entry");
    // A conversation that is named is exported, however it ended.
    let id = place.run("list small --status failed --json").exits(0).json()["data"][0]["id"].clone();
    assert!(!place.run(&format!("export {} --format jsonl", id.as_str().unwrap())).exits(0).out.is_empty());
}

#[test]
fn nothing_selected_is_exit_6_and_writes_no_file() {
    let place = Place::new();
    place.database(&[Fate::Failed(1)], FRIENDLY);
    let files = place.files(".");
    for format in ["csv -o a.csv", "jsonl -o a.jsonl", "md -o pages", "csv"] {
        let (code, hint) = error(place.run(&format!("export small --json --format {format}")), 6);
        assert_eq!(code, "nothing-selected");
        assert!(hint.contains("5 pending (--status pending), 1 failed (--status failed)"), "{hint}");
    }
    assert_eq!(place.files("."), files);
    place.run("export small --format folder -o as-files").exits(0);
    place.run("duplicate small --name empty").exits(0);
    let empty = place.run("export empty --format csv").exits(0);
    assert_eq!(empty.out.lines().count(), 1, "a header: {}", empty.out);
    place.run("export empty --format csv -o empty.csv").exits(0);
}

#[test]
fn nothing_selected_names_the_flag_that_left_everything_out() {
    let place = made();
    let hint = |flags: &str, variables| {
        let outcome = place.run_with(&format!("export small --json --format csv -o x.csv {flags}"), variables);
        let (code, hint) = error(outcome, 6);
        assert_eq!(code, "nothing-selected");
        hint
    };
    assert_eq!(hint("--starred", &[]), "left out: 6 that do not match --starred");
    assert_eq!(hint("--creator ann", &[]), "left out: 6 that do not match --creator");
    assert_eq!(hint("--mine", BOB), "left out: 6 that do not match --mine");
    assert_eq!(hint("--mine --creator ann", BOB), "left out: 6 that do not match --creator or --mine");
    assert_eq!(hint("--offline", &[]), "left out: 6 that do not match --offline");
    let running = hint("--status running", &[]);
    assert!(running.contains("2 done (--status done)") && running.contains("2 pending"), "{running}");
    place.run("run small --only goal=escape --limit 1 --offline").exits(0);
    let only = hint("--only goal=yard-time --offline", &[]);
    assert!(only.contains("that do not match --only") && only.contains("that do not match --offline"), "{only}");
    assert_eq!(
        hint("--model scripted --mine", BOB),
        "left out: 6 that do not match --model, 1 that do not match --mine"
    );
    place.run("edit small --set models=[\"ollama/other\",\"ollama/llama3.1\"]").exits(0);
    let model = hint("--model ollama/other --all", &[]);
    assert_eq!(model, "left out: 7 that do not match --model");
    assert!(place.files(".").iter().all(|file| file != "x.csv"));
}

#[test]
fn flags_that_mean_nothing_for_an_export_are_refused() {
    let place = made();
    for flags in ["--only goal=escape", "--model llama", "--status done", "--starred", "--creator ann", "--mine"] {
        let refused = place.run(&format!("export small --format folder -o again {flags}")).exits(2).err;
        let flag = flags.split(' ').next().unwrap();
        assert!(
            refused.contains(&format!("{flag} selects conversations")) && refused.contains("--revision"),
            "{refused}"
        );
    }
    let revision = place.run("list small --revisions --json").exits(0).json()["data"][0]["revision"].clone();
    place.run("edit small --starting-message Other").exits(0);
    place.run(&format!("export small --format folder -o then --revision {}", revision.as_str().unwrap())).exits(0);
    assert!(!place.read("then/experiment.toml").contains("Other"));
    for format in ["csv", "jsonl", "md -o -", "csv --codebook"] {
        let (code, hint) = error(place.run(&format!("export small --all --json --format {format}")), 2);
        assert!(code == "usage" && hint.contains("-o PATH"), "{hint}");
    }
}

#[test]
fn each_filter_selects() {
    let place = made();
    let number = |flags: &str| statuses(&place, &format!("list small {flags}")).len();
    assert_eq!(number(""), 6);
    assert_eq!(number("--only goal=escape"), 3);
    assert_eq!(number("--only goal=escape --only goal=yard-time"), 6, "repeated, it widens");
    // Settings that are no factor hold for conversations, too.
    assert_eq!((number("--only days=1"), number("--only agents.guard=1")), (6, 6));
    assert_eq!((number("--model llama"), number("--model ollama/llama3.1")), (6, 6));
    assert_eq!((number("--status done"), number("--status done --status failed")), (2, 3));
    assert_eq!((number("--creator tester"), number("--mine"), number("--creator bob")), (6, 6, 0));
    assert_eq!(number("--only goal=escape --status done"), 1, "all kinds hold together");
    let id = place.run("list small --status done --json").exits(0).json()["data"][1]["id"].clone();
    place.run(&format!("star {}", id.as_str().unwrap())).exits(0);
    assert_eq!(number("--starred"), 1);
    assert_eq!(exported(&place, "--starred"), 1);
    assert_eq!(counts(&place, "show small --status failed"), json!({ "done": 0, "failed": 1, "left": 0 }));

    for (flags, near) in [
        ("--only gaol=escape", "goal"),
        ("--only goal=escap", "escape"),
        ("--model lama", "llama"),
        ("--only goal", "goal=escape"),
    ] {
        for command in ["list small", "export small --format csv", "show small", "delete small --yes"] {
            let (code, hint) = error(place.run(&format!("{command} {flags} --json")), 2);
            assert!(code == "usage" && hint.contains(near), "{command} {flags}: {hint}");
        }
    }
    assert!(place.run("list small --status finished").exits(2).err.contains("possible values"));
    place.run("list small --revision 0").exits(6);
    place.run("list small --revision ffffffffff").exits(6);
}

#[test]
fn experiments_are_selected_by_star_and_creator() {
    let place = made();
    place.run_with("duplicate small --name bobs", BOB).exits(0);
    let names = |flags: &str| -> Vec<String> {
        let data = place.run(&format!("list {flags} --json")).exits(0).json()["data"].clone();
        data.as_array().unwrap().iter().map(|e| e["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!((names("--mine"), names("--creator bob")), (vec!["small".to_owned()], vec!["bobs".to_owned()]));
    assert_eq!(names("--mine --creator bob").len(), 2);
    place.run("star small").exits(0);
    assert_eq!(names("--starred"), ["small"]);
    assert!(place.run("list --creator nobody").exits(0).err.contains("no experiment matches"));
    for flag in ["--only goal=escape", "--model llama", "--status done", "--offline", "--revision a", "--all"] {
        assert!(place.run(&format!("list {flag}")).exits(2).err.contains("none is named"), "{flag}");
    }
}

#[test]
fn offline_conversations_are_apart_once_others_were_begun() {
    let place = made();
    place.run("run small --offline").exits(0);
    assert_eq!(statuses(&place, "list small").len(), 6);
    assert!(place.run("list small").exits(0).err.contains("not listed: 6 offline (--offline)"));
    assert_eq!(statuses(&place, "list small --offline"), ["done"; 6]);
    assert_eq!(exported(&place, ""), 2);
    assert!(place.run("export small --format csv").exits(0).err.contains("6 offline (--offline)"));
    assert_eq!(exported(&place, "--offline"), 6);
    assert_eq!(exported(&place, "--all"), 10);
    let apart = json!({ "done": 2, "failed": 1, "left": 3, "offline": 6 });
    assert_eq!((counts(&place, "list"), counts(&place, "show small")), (apart.clone(), apart));
    assert!(place.run("list").exits(0).out.contains("6 offline"));
    assert!(place.run("show small").exits(0).out.contains("6 offline (--offline)"));
    // Where nothing else was begun, they are all there is.
    place.run("duplicate small --name tried").exits(0);
    place.run("run tried --offline --limit 2").exits(0);
    assert_eq!(statuses(&place, "list tried").len(), 2);
    assert_eq!(counts(&place, "show tried")["done"], 2);
    assert!(place.run("export tried --format csv").exits(0).err.contains("inside: 2 done, 2 of them offline\n"));
}

#[test]
fn older_revisions_are_counted() {
    let place = made();
    place.run("edit small --starting-message Other").exits(0);
    let only_older = json!({ "done": 0, "failed": 0, "left": 0, "older": 6 });
    assert_eq!((counts(&place, "list"), counts(&place, "show small")), (only_older.clone(), only_older));
    assert!(place.run("list small").exits(0).err.contains("not listed: 6 of other revisions (--all)"));
    let (code, hint) = error(place.run("export small --format csv --json"), 6);
    assert!(code == "nothing-selected" && hint.contains("6 of other revisions (--all)"), "{hint}");
    assert_eq!(exported(&place, "--all"), 4);
}

#[test]
fn selected_conversations_are_deleted_and_nothing_else() {
    let place = made();
    place.run_with("run small --offline --limit 1", BOB).exits(0);
    let all = || statuses(&place, "list small --all").len();
    assert_eq!(all(), 7);
    let asked = place.run("delete small --status failed --status interrupted").exits(2);
    assert!(asked.err.contains("selected of `small`: 2 conversations: 1 failed, 1 interrupted"), "{}", asked.screen());
    assert_eq!(all(), 7);
    let json = place.run("delete small --status failed --status interrupted --yes --json").exits(0).json();
    assert_eq!(json["data"]["conversations"], json!([{ "creator": "tester", "conversations": 2 }]));
    assert_eq!(all(), 5);
    // Other people's stay.
    assert_eq!(error(place.run("delete small --offline --yes --json"), 7).0, "not-yours");
    let asked = place.run("delete small --all").exits(2).err;
    assert!(asked.contains("4 conversations") && asked.contains("other people's stay: 1 of bob"), "{asked}");
    place.run("delete small --only goal=escape --yes").exits(0);
    assert_eq!(all(), 3);
    assert_eq!(error(place.run("delete small --status failed --yes --json"), 6).0, "nothing-selected");
    place.run_with("delete small --offline --yes", BOB).exits(0);
    assert_eq!(statuses(&place, "list small --all"), ["done", "pending"]);
    place.run("show small").exits(0);
    place.run("verify").exits(0);
}
