//! Ownership (K3): only the creator changes an experiment; anyone reads, copies and runs it.

use crate::assert_screen;
use crate::editing::dump;
use crate::support::database::{FRIENDLY, Fate, SMALL};
use crate::support::{Outcome, Place};
use serde_json::Value as Json;

const BOB: &[(&str, &str)] = &[("DB_USER", "bob")];

impl Place {
    /// Runs the program as a colleague.
    fn bob(&self, line: &str) -> Outcome {
        self.run_with(line, BOB)
    }
}

fn made() -> Place {
    let place = Place::new();
    place.database(&[Fate::Done, Fate::Interrupted(1)], FRIENDLY);
    place
}

fn conversations(place: &Place, name: &str) -> Vec<Json> {
    place.run(&format!("list {name} --all --json")).exits(0).json()["data"].as_array().unwrap().clone()
}

#[test]
fn a_colleague_changes_nothing_of_yours() {
    let place = made();
    let before = dump(&place);
    let id = conversations(&place, "small")[0]["id"].as_str().unwrap().to_owned();
    for line in
        ["edit small --starting-message x", "edit small --note mine", "edit small --name mine", "delete small --yes"]
    {
        assert_screen!(place.bob(line).exits(7));
        assert_eq!(place.bob(&format!("{line} --json")).exits(7).json()["error"]["code"], "not-yours");
    }
    place.bob(&format!("delete {id} --yes")).exits(7);
    assert_eq!(dump(&place), before);
}

#[test]
fn stars_and_notes_are_each_persons_own() {
    let place = made();
    let id = conversations(&place, "small")[0]["id"].as_str().unwrap().to_owned();
    for what in ["small", &id] {
        let shown = |bob: bool| {
            let outcome = place.words(&["show", what, "--json"], if bob { BOB } else { &[] });
            outcome.exits(0).json()["data"].clone()
        };
        place.words(&["note", what, "of tester"], &[]).exits(0);
        let before = shown(false);
        place.bob(&format!("star {what}")).exits(0);
        place.words(&["note", what, "of \u{1b}[31mbob"], BOB).exits(0);
        let (mine, his) = (shown(false), shown(true));
        assert_eq!((&mine["starred"], &mine["note"]), (&false.into(), &"of tester".into()), "yours stay");
        assert_eq!((&his["starred"], &his["note"]), (&true.into(), &"of \u{1b}[31mbob".into()));
        assert_eq!(mine["notes"], serde_json::json!([{ "by": "bob", "note": "of \u{1b}[31mbob" }]));
        assert_eq!(his["notes"], serde_json::json!([{ "by": "tester", "note": "of tester" }]));
        assert_eq!((&before["notes"], &before["version"]), (&serde_json::Value::Null, &mine["version"]));
        let text = place.run(&format!("show {what}")).exits(0).out;
        assert!(text.contains("of tester") && text.contains("␛[31mbob (bob)"), "{text}");
        assert!(place.bob(&format!("note {what}")).exits(0).out.contains("bob"));
    }
    let starred = |line: &str, bob: bool| {
        let words: Vec<&str> = line.split(' ').collect();
        let outcome = place.words(&words, if bob { BOB } else { &[] });
        outcome.json()["data"].as_array().map_or(0, Vec::len)
    };
    assert_eq!((starred("list --starred --json", true), starred("list --starred --json", false)), (1, 0));
    assert_eq!(starred("list small --starred --json", true), 1);
    assert_eq!(starred("list small --starred --json", false), 0);
    place.run("store copy sqlite:convoke.db sqlite:copy.db").exits(0);
    let copied = place.words(&["show", &id, "--json", "--store", "sqlite:copy.db"], BOB).exits(0).json();
    assert_eq!(copied["data"]["starred"], true);
    place.bob(&format!("star {id} --off")).exits(0);
    place.run("store copy sqlite:convoke.db sqlite:copy.db").exits(0);
    let copied = place.words(&["show", &id, "--json", "--store", "sqlite:copy.db"], BOB).exits(0).json();
    assert_eq!(copied["data"]["starred"], false, "the later mark holds");
    place.run("delete small --yes").exits(0);
    let count = |sql: &str| {
        let conn = rusqlite::Connection::open(place.path().join("convoke.db")).unwrap();
        conn.query_row(sql, [], |row| row.get::<_, u32>(0)).unwrap()
    };
    assert_eq!(count("select count(*) from marks"), 0);
}

#[test]
fn a_colleague_reads_copies_and_runs() {
    let place = made();
    place.bob("show small").exits(0);
    place.bob("note small").exits(0);
    let copy = place.bob("duplicate small --set messages=4 --json").exits(0).json();
    assert_eq!((&copy["data"]["name"], &copy["data"]["parent"]), (&"small-2".into(), &"0123456789abcdef".into()));
    place.bob("edit small-2 --starting-message Mine").exits(0);
    place.run("edit small-2 --starting-message Yours").exits(7);

    place.bob("run small --offline --limit 1").exits(0);
    let all = conversations(&place, "small");
    let of = |who: &str| all.iter().find(|c| c["creator"] == who).unwrap()["id"].as_str().unwrap().to_owned();
    let (mine, bobs) = (of("tester"), of("bob"));
    place.bob(&format!("star {bobs}")).exits(0);
    place.words(&["note", &bobs, "worth a look"], BOB).exits(0);
    place.run(&format!("delete --yes {bobs}")).exits(7);
    place.bob(&format!("delete --yes {mine}")).exits(7);
    let shown = place.bob(&format!("show {bobs} --json")).exits(0).json();
    assert_eq!((&shown["data"]["starred"], &shown["data"]["note"]), (&true.into(), &"worth a look".into()));
    place.bob(&format!("delete {bobs} --yes")).exits(0);
    assert!(conversations(&place, "small").iter().all(|c| c["id"] != bobs.as_str()));
}

#[test]
fn notes_and_stars_are_written_shown_and_dropped() {
    let place = made();
    let id = conversations(&place, "small")[0]["id"].as_str().unwrap().to_owned();
    for what in ["small", &id] {
        let run = |words: &[&str]| place.words(&[&[words[0], what], &words[1..]].concat(), &[]);
        run(&["note", "--drop"]).exits(0);
        assert!(run(&["note"]).exits(0).err.contains("has no note"));
        run(&["note", "a \u{1b}[31mred note"]).exits(0);
        assert_eq!(run(&["note"]).exits(0).out, "a ␛[31mred note\n");
        run(&["star"]).exits(0);
        let json = run(&["note", "--json"]).exits(0).json();
        let keys: Vec<&String> = json["data"].as_object().unwrap().keys().collect();
        assert_eq!(keys, ["kind", "id", "name", "note", "starred"]);
        assert_eq!((&json["data"]["note"], &json["data"]["starred"]), (&"a \u{1b}[31mred note".into(), &true.into()));
        let json = run(&["star", "--off", "--json"]).exits(0).json();
        assert_eq!((&json["data"]["starred"], &json["data"]["note"]), (&false.into(), &"a \u{1b}[31mred note".into()));
        run(&["note", ""]).exits(2);
        run(&["note", "x", "--drop"]).exits(2);
    }
    for line in ["star small", "star small --off", "note small seen", "note small --drop"] {
        assert_screen!(place.run(line).exits(0));
    }
    assert_screen!(place.run("star nothing").exits(6));
}

#[test]
fn a_folder_is_stored_and_not_run() {
    let place = Place::new();
    place.folder("small", SMALL);
    let first = place.run("import small --json").exits(0).json();
    let keys: Vec<&String> = first["data"].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["id", "name", "version", "revision", "new", "changed"]);
    assert_eq!((&first["data"]["new"], &first["data"]["changed"]), (&true.into(), &true.into()));
    assert_eq!(conversations(&place, "small").len(), 0);
    let again = place.run("import small --json").exits(0).json();
    assert_eq!((&again["data"]["id"], &again["data"]["changed"]), (&first["data"]["id"], &false.into()));
    place.run("run small --offline --limit 1").exits(0);
    place.write("small/roles/guard.md", "You are <AGENT_NAME>, and calm.\n");
    let revised = place.run("import small").exits(0);
    assert!(revised.out.contains("stored revision") && revised.out.contains("roles/guard.md"), "{}", revised.screen());
    assert!(revised.err.contains("1 of its conversations were begun"), "{}", revised.screen());
    assert_eq!(place.run("list --json").exits(0).json()["data"].as_array().unwrap().len(), 1);
    let of_bob = place.bob("import small --json").exits(0).json();
    assert_eq!(of_bob["data"]["new"], true, "the name is a colleague's: another experiment");
}

#[test]
fn what_cannot_be_imported_is_told_and_nothing_is_made() {
    let place = Place::new();
    place.folder("broken", &[("experiment.toml", "name = \"broken\"\nmodels = []\n")]);
    place.write("empty/readme.txt", "nothing here");
    place.write("dump.json", "{}");
    let before = place.files(".");
    for (line, exit) in [
        ("import broken", 3),
        ("import empty", 3),
        ("import dump.json", 2),
        ("import mongodb://host/db", 2),
        ("import nowhere", 6),
    ] {
        assert_screen!(place.run(line).exits(exit));
    }
    assert_eq!(place.files("."), before);
}
