//! Revisions of an experiment, a text in its conversations, and planned conversations that were never begun.

use crate::support::Place;
use crate::support::database::{FRIENDLY, Fate, SMALL};
use serde_json::{Value as Json, json};

/// Two conversations are done, one is interrupted, three are pending; then the experiment was changed and tried offline.
fn made() -> (Place, String) {
    let place = Place::new();
    place.database(&[Fate::Done, Fate::Interrupted(2), Fate::Done], FRIENDLY);
    let first = data(&place, "list small --revisions")[0]["revision"].as_str().unwrap().to_owned();
    place.run("edit small --starting-message Other").exits(0);
    place.run("run small --offline --limit 1").exits(0);
    (place, first)
}

fn data(place: &Place, line: &str) -> Json {
    place.run(&format!("{line} --json")).exits(0).json()["data"].clone()
}

#[test]
fn revisions_are_listed_shown_compared_copied_and_brought_back() {
    let (place, first) = made();
    let all = data(&place, "list small --revisions");
    let numbers = |r: &Json| (r["current"].clone(), r["conversations"].clone(), r["done"].clone());
    let of = |hash: &str| all.as_array().unwrap().iter().find(|r| r["revision"] == hash).unwrap().clone();
    assert_eq!(all.as_array().unwrap().len(), 2);
    assert_eq!(numbers(&of(&first)), (json!(false), json!(6), json!(2)));
    assert_eq!(of(&first)["first_run"], Json::Null, "no run of it is recorded");
    let current = all.as_array().unwrap().iter().find(|r| r["current"] == true).unwrap();
    assert!(current["first_run"].is_string() && current["conversations"] == 1, "{current}");
    let changes = all[1]["changes"].to_string();
    assert!(changes.contains("starting_message") && all[0]["changes"] == json!([]), "{changes}");
    assert!(place.run("list small --revisions").exits(0).out.contains(&first[..8]));

    let then = format!("small@{}", &first[..7]);
    let message = |what: &str| data(&place, &format!("show {what}"))["document"]["starting_message"].clone();
    let (old, new) = (message(&then), message("small"));
    assert_eq!((old != new, &new), (true, &json!("Other")));
    assert_eq!(data(&place, &format!("show {then}"))["conversations"]["done"], 2);
    assert_eq!(data(&place, &format!("list {then}")).as_array().unwrap().len(), 6);
    let differences = data(&place, &format!("diff {then} small"));
    assert_eq!((differences.as_array().unwrap().len(), &differences[0]["b"]), (1, &json!("Other")));
    assert!(place.run(&format!("diff {then} small")).exits(0).out.contains(&format!("revision {}", &first[..8])));
    let exported = place.run(&format!("export small --revision {} --format jsonl", &first[..7])).exits(0).out;
    assert_eq!(exported.lines().count(), 10, "two that are done");
    assert_eq!(place.run(&format!("export {then} --format jsonl")).exits(0).out, exported);

    place.run(&format!("duplicate {then} --name copy")).exits(0);
    assert_eq!(message("copy"), old);
    // Nothing is changed or deleted through a revision.
    for line in ["edit THEN --note x", "delete THEN --yes", "star THEN", "run THEN --offline", "plan THEN"] {
        let error = place.run(&format!("{} --json", line.replace("THEN", &then))).exits(6);
        let error =
            error.out.lines().last().map(|line| serde_json::from_str::<Json>(line).unwrap()).unwrap()["error"].clone();
        assert_eq!(error["code"], "not-found");
        assert!(error["message"].as_str().unwrap().contains("is a revision of `small`"), "{error}");
        let hint = error["hint"].as_str().unwrap();
        let remedy = format!("`convoke edit small --back-to {}` makes it the current one", &first[..7]);
        assert!(hint.contains(&remedy) && hint.contains(&format!("`convoke duplicate {then}` copies it")), "{hint}");
    }
    place.run(&format!("edit small --back-to {}", &first[..7])).exits(0);
    assert_eq!(message("small"), old);
    let counts = data(&place, "show small")["conversations"].clone();
    assert_eq!((&counts["done"], &counts["older"]), (&json!(2), &json!(1)), "its conversations are current again");
    assert!(place.run(&format!("edit small --back-to {first}")).exits(0).out.contains("nothing changes"));
    for line in ["show small@0", "show small@zz", "edit small --back-to zz", "duplicate small --back-to zz"] {
        place.run(line).exits(6);
    }
    place.run("list small --revisions --status done").exits(2);
    place.run("list --revisions").exits(2);
}

#[test]
fn what_was_stored_and_never_run_is_found_by_its_hash() {
    let (place, _) = made();
    place.run("edit small --starting-message Third").exits(0);
    let third = data(&place, "list small --revisions");
    let third = third.as_array().unwrap().iter().find(|r| r["current"] == true).unwrap()["revision"].clone();
    place.run("edit small --starting-message Fourth").exits(0);
    let listed = data(&place, "list small --revisions");
    let listed = listed.as_array().unwrap().iter().find(|r| r["revision"] == third).cloned().unwrap();
    assert_eq!(
        (&listed["current"], &listed["first_run"], &listed["conversations"]),
        (&json!(false), &Json::Null, &json!(0))
    );
    let shown = data(&place, &format!("show small@{}", third.as_str().unwrap()));
    assert_eq!(shown["document"]["starting_message"], "Third");
    place.run(&format!("edit small --back-to {}", third.as_str().unwrap())).exits(0);
}

/// A run of the folder after `edit` makes the folder's version current, which is reported first.
#[test]
fn a_folder_that_replaces_a_stored_version_says_so_before() {
    let place = Place::new();
    place.folder("kept/small", SMALL);
    assert!(!place.run("run kept/small --offline --limit 1").exits(0).err.contains("warning"));
    assert!(!place.run("run kept/small --offline --limit 1").exits(0).err.contains("warning"), "nothing differs");
    place.run("edit small --set messages=7").exits(0);
    let id = data(&place, "list")[0]["id"].as_str().unwrap().to_owned();
    let stored = data(&place, "list small --revisions");
    let stored = stored.as_array().unwrap().iter().find(|r| r["current"] == true).unwrap()["revision"].clone();
    let stored = stored.as_str().unwrap();
    let warned = place.run("run kept/small --offline --limit 1").exits(0).err;
    let (run, back) =
        (format!("`convoke run id:{id}` runs"), format!("`convoke edit id:{id} --back-to {}` brings", &stored[..8]));
    let begin = format!("warning: `small` is stored as revision {}; this run makes revision ", &stored[..8]);
    assert!(warned.contains(&begin) && warned.contains(&run) && warned.contains(&back), "{warned}");
    place.run(&format!("edit id:{id} --back-to {}", &stored[..8])).exits(0);
    assert!(
        !place.run(&format!("run id:{id} --offline --limit 1 --yes")).exits(0).err.contains("is stored as revision")
    );
}

#[test]
fn a_name_with_an_at_wins() {
    let (place, first) = made();
    let name = format!("small@{}", &first[..7]);
    place.run(&format!("duplicate small --name {name}")).exits(0);
    assert_eq!(data(&place, &format!("show {name}"))["name"], name.as_str());
    place.run(&format!("delete {name} --yes")).exits(0);
    assert_eq!(data(&place, &format!("show {name}"))["name"], "small");
}

#[test]
fn the_key_of_several_conversations_names_none() {
    let place = Place::new();
    place.run("new one --from prison").exits(0);
    place.run("run one --offline --limit 1").exits(0);
    place.run("duplicate one --name two").exits(0);
    place.run("run two --offline --limit 1").exits(0);
    let key = data(&place, "list one")[0]["key"].as_str().unwrap().to_owned();
    let error = place.run(&format!("show {key} --json")).exits(6).json()["error"].clone();
    assert_eq!(error["code"], "ambiguous");
    let hint = error["hint"].as_str().unwrap();
    assert!(hint.contains(" of one") && hint.contains(" of two"), "{hint}");
}

#[test]
fn the_beginning_of_an_id_and_of_another_key_names_none() {
    let (place, _) = made();
    let list = data(&place, "list small --all");
    let id = |n: usize| list[n]["id"].as_str().unwrap().to_owned();
    let begin = id(0)[..9].to_owned();
    let conn = rusqlite::Connection::open(place.path().join("convoke.db")).unwrap();
    let key = format!("{begin}{}", "0".repeat(55));
    conn.execute("update conversations set key = ?1 where id = ?2", [&key, &id(1)]).unwrap();
    drop(conn);
    let error = place.run(&format!("show {begin} --json")).exits(6).json()["error"].clone();
    assert_eq!(error["code"], "ambiguous");
    assert!(error["message"].as_str().unwrap().starts_with("2 ids or keys"), "{error}");
    place.run(&format!("delete {begin} --yes")).exits(6);
    assert_eq!(data(&place, &format!("show {}", id(0)))["id"], id(0), "a whole id names one");
    assert_eq!(data(&place, &format!("show {}", &key[..12]))["id"], id(1));
}

#[test]
fn a_text_is_found_with_its_conversation_and_speaker() {
    let (place, _) = made();
    place.run("edit small --starting-message Again").exits(0);
    let error = place.run("show small --grep talk --json").exits(6).json()["error"].clone();
    assert_eq!(error["code"], "nothing-selected", "all are of other revisions");
    let hits = data(&place, "show small --all --grep talk");
    let hits = hits.as_array().unwrap();
    assert!(hits.len() >= 5, "{hits:?}");
    assert!(hits.iter().all(|hit| hit["line"].as_str().unwrap().contains("talk") && hit["seq"].as_u64().unwrap() > 0));
    assert_eq!(data(&place, &format!("show {}", hits[0]["conversation"].as_str().unwrap()))["id"], hits[0]["id"]);
    let id = hits[0]["id"].as_str().unwrap();
    let one = place.run(&format!("show {id} --grep talk")).exits(0).out;
    assert!(one.lines().all(|line| line.starts_with(&id[..8]) && line.contains(": ")), "{one}");
    // No character is a pattern, and upper and lower case differ.
    place.words(&["show", "small", "--all", "--grep", "t.lk"], &[]).exits(6);
    place.run("show small --all --grep TALK").exits(6);
    place.words(&["show", "small", "--grep", ""], &[]).exits(2);
    assert_eq!(data(&place, "show small --all --status done --grep talk").as_array().unwrap().len(), 4);
}

#[test]
fn pending_conversations_are_dropped_and_no_other() {
    let (place, _) = made();
    let statuses = || {
        let all = data(&place, "list small --all");
        let mut all: Vec<_> =
            all.as_array().unwrap().iter().map(|c| c["status"].as_str().unwrap().to_owned()).collect();
        all.sort();
        all
    };
    let asked = place.run("delete small --pending").exits(2).err;
    assert!(asked.contains("3 conversations: 3 pending"), "{asked}");
    place.run("delete small --pending --only goal=escape --yes").exits(0);
    assert_eq!(statuses().iter().filter(|status| *status == "pending").count(), 2);
    place.run("delete small --pending --yes").exits(0);
    assert_eq!(statuses(), ["done", "done", "done", "interrupted"]);
    let error = place.run("delete small --pending --yes --json").exits(6).json()["error"].clone();
    assert_eq!(error["code"], "nothing-selected");
    place.run_with("delete small --pending --yes", &[("DB_USER", "bob")]).exits(6);
    place.run("delete small --pending --status done").exits(2);
    place.run("verify").exits(0);
    assert!(place.run("list --running").exits(0).err.contains("nothing runs now"));
    assert_eq!(data(&place, "list --running"), json!([]));
}
