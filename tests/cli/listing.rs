//! `convoke list` and `convoke verify`.

use crate::assert_screen;
use crate::support::Place;
use crate::support::database::{FRIENDLY, Fate, SMALL};
use serde_json::{Value, json};

const FATES: &[Fate] = &[Fate::Done, Fate::Interrupted(2), Fate::Failed(1)];

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn experiments_are_listed() {
    let place = Place::new();
    place.database(FATES, FRIENDLY);
    assert_screen!(place.run("list").exits(0));
    let json = place.run("list --json").exits(0).json();
    let fields = ["id", "name", "creator", "created", "roles", "models", "conversations", "starred", "note", "parent"];
    assert_eq!(keys(&json["data"][0]), fields);
    assert_eq!(
        json["data"][0],
        json!({ "id": "0123456789abcdef", "name": "small", "creator": "tester", "created": "2026-11-20T09:08:07.006Z",
            "roles": ["guard", "prisoner"], "models": ["llama"],
            "conversations": { "done": 1, "failed": 1, "left": 4 }, "starred": false, "note": "Two talk", "parent": null })
    );
}

#[test]
fn conversations_are_listed() {
    let place = Place::new();
    place.database(FATES, FRIENDLY);
    let shown = place.run("list small").exits(0);
    assert_screen!(shown);
    let json = place.run("list small --json").exits(0).json();
    let all = json["data"].as_array().unwrap();
    assert_eq!(all.len(), 6);
    assert_eq!(
        keys(&all[0]),
        [
            "id",
            "key",
            "creator",
            "created",
            "condition",
            "replicate",
            "status",
            "models",
            "messages",
            "days",
            "speakers",
            "agents",
            "flags",
            "starred",
            "note",
            "messages_so_far"
        ]
    );
    assert_eq!(all[0]["condition"], json!({ "model": "llama", "goal": "escape" }));
    assert_eq!(keys(&all[0]["condition"]), ["model", "goal"]);
    assert_eq!(all[0]["agents"], json!({ "guard": 1, "prisoner": 1 }));
    let order: Vec<_> =
        all.iter().map(|c| (c["condition"]["goal"].as_str().unwrap(), c["replicate"].as_u64().unwrap())).collect();
    assert_eq!(order[..4], [("escape", 1), ("escape", 2), ("escape", 3), ("yard-time", 1)]);
    let one = place.run(&format!("list {} --json", &all[3]["id"].as_str().unwrap()[..10])).exits(0).json();
    assert_eq!(one["data"], json!([all[3]]));
}

#[test]
fn what_is_not_there_is_exit_6_and_makes_nothing() {
    let place = Place::new();
    assert_screen!(place.run("list").exits(6));
    assert_eq!(place.run("list --json").exits(6).json()["error"]["code"], "not-found");
    for command in ["list x", "show x", "export x --format jsonl", "verify"] {
        place.run(command).exits(6);
    }
    assert!(place.files(".").is_empty());
    place.database(FATES, FRIENDLY);
    assert_screen!(place.run("list smal").exits(6));
    place.run("show id:").exits(6);
}

#[test]
fn other_databases_are_refused() {
    let place = Place::new();
    place.write("other.db", &"x".repeat(200));
    assert_screen!(place.run("list --store sqlite:other.db").exits(4));
    assert_screen!(place.run("list --store postgres:x").exits(2));
    let mongo = place.run("list --store mongodb://u:canary@h/d").exits(4);
    assert!(!mongo.err.contains("canary"), "{}", mongo.err);
}

#[test]
fn a_whole_database_and_a_damaged_one() {
    let place = Place::new();
    place.database(FATES, FRIENDLY);
    assert_screen!(place.run("verify").exits(0));
    assert_eq!(place.run("verify --json").exits(0).json(), json!({ "status": "ok", "data": [] }));
    let conn = rusqlite::Connection::open(place.path().join("convoke.db")).unwrap();
    conn.execute("update messages set content = 'forged' where seq = 2", []).unwrap();
    drop(conn);
    let faults = place.run("verify").exits(4);
    assert!(faults.out.contains("is not the one that was sent"), "{}", faults.screen());
    let json = place.run("verify --json").exits(4).json();
    assert_eq!(json["error"]["code"], "store-damaged");
    let id = json["data"][0]["conversation"].as_str().unwrap().to_owned();
    assert!(place.run(&format!("verify {id}")).exits(4).out.contains(&id));
    let calls = place.run(&format!("show {id} --calls")).exits(4);
    assert!(calls.out.contains("MISMATCH"), "{}", calls.screen());
    place.run("verify small").exits(2);
}

#[test]
fn copies_stand_under_what_they_were_copied_from() {
    let place = Place::new();
    place.database(FATES, FRIENDLY);
    for line in ["duplicate small", "duplicate small", "duplicate small-2 --name deep", "duplicate deep --name deeper"]
    {
        place.run(line).exits(0);
    }
    let names = |line: &str| -> Vec<String> {
        let shown = place.run(line).exits(0).out;
        // Between the id and the counts.
        let of_row = |row: &str| row.chars().skip(10).collect::<String>().split("  ").next().unwrap().trim().to_owned();
        shown.lines().skip(1).map(of_row).collect()
    };
    assert_eq!(names("list --tree"), ["small", "└ small-2", "└── deep", "└──── deeper", "└ small-3"]);
    assert_eq!(place.run("list --tree --json").out, place.run("list --json").out);
    place.run("delete small-2 --yes").exits(0);
    assert_eq!(names("list --tree"), ["small", "└ small-3", "deep", "└ deeper"]);
    // The program never writes such values, but anyone can edit a file.
    let conn = rusqlite::Connection::open(place.path().join("convoke.db")).unwrap();
    conn.execute(
        "update experiments set parent = (select id from experiments where name = 'deeper') where name = 'deep'",
        [],
    )
    .unwrap();
    drop(conn);
    assert_eq!(names("list --tree"), ["small", "└ small-3", "deep", "└ deeper"]);
    place.run("list small --tree").exits(2);
}

#[test]
fn a_name_that_is_nothing_here_gets_the_nearest_folder_or_experiment() {
    let place = Place::new();
    place.folder("jury", SMALL);
    place.folder("experiments/my trial", SMALL);
    std::fs::create_dir(place.path().join("jurry-notes")).unwrap();
    let commands = [
        "check NAME",
        "plan NAME",
        "run NAME --offline",
        "talk NAME --as guard",
        "ask NAME why",
        "list NAME",
        "list NAME --revisions",
        "list NAME --follow",
        "show NAME",
        "show NAME --grep x",
        "edit NAME --note x",
        "duplicate NAME",
        "note NAME",
        "note NAME x",
        "star NAME",
        "delete NAME --yes",
        "diff NAME jury",
        "diff jury NAME",
        "export NAME --format csv",
        "summary NAME",
        "verify NAME",
    ];
    let error = |command: &str, name: &str| {
        let words: Vec<&str> = command.split(' ').map(|word| if word == "NAME" { name } else { word }).collect();
        let outcome = place.words(&[&words[..], &["--json"]].concat(), &[]).exits(6);
        let last = outcome.out.lines().last().unwrap();
        let error = serde_json::from_str::<serde_json::Value>(last).unwrap_or_else(|_| outcome.json())["error"].clone();
        assert_eq!(error["code"], "not-found", "{}", outcome.screen());
        (error["message"].as_str().unwrap().to_owned(), error["hint"].as_str().unwrap().to_owned())
    };
    for is_stored in [false, true] {
        for command in commands {
            let (message, hint) = error(command, "jurry");
            assert!(
                message.starts_with("there is no folder and no stored experiment `jurry` (database: "),
                "{message}"
            );
            assert_eq!(message.ends_with(", which does not exist yet)"), !is_stored, "{message}");
            assert_eq!(hint, "did you mean ./jury?", "{command}");
            let (_, hint) = error(command, "mytrial");
            assert_eq!(hint, "did you mean 'experiments/my trial'?", "{command}");
            let (message, hint) = error(command, "./jurry");
            assert_eq!((message.as_str(), hint.as_str()), ("there is no folder ./jurry", "did you mean ./jury?"));
        }
        if !is_stored {
            place.run("new pilot --from debate --stored").exits(0);
        }
    }
    assert_eq!(error("show NAME", "pilott").1, "did you mean `pilot`?");
    assert!(error("show NAME", "abcd12").0.contains("and no id or key begins with it"));
    let (message, hint) = error("show NAME", "./jury");
    assert!(message.starts_with("the experiment in ./jury is not stored in sqlite:"), "{message}");
    assert_eq!(hint, "`convoke import ./jury` stores it; `convoke run ./jury` runs it as well");
}

#[test]
fn a_value_that_looks_like_a_flag_gets_a_tip() {
    let place = Place::new();
    place.database(&[], FRIENDLY);
    let outcome = place.run("show small --grep -5").exits(2);
    assert!(outcome.err.contains("tip: to give '-5' as the value, write --grep=-5"), "{}", outcome.screen());
    let outcome = place.words(&["edit", "small", "--note", "-n it's"], &[]).exits(2);
    assert!(outcome.err.contains(r"write --note='-n it'\''s'"), "{}", outcome.screen());
    let json = place.run("show small --grep -5 --json").exits(2).json();
    assert_eq!(json["error"]["hint"], "to give '-5' as the value, write --grep=-5");
    assert!(place.run("show small --grep=-5").exits(6).err.contains("-5"));
}

#[test]
fn a_folder_of_results_does_not_hide_the_stored_experiment_of_its_name() {
    let place = Place::new();
    place.run("new panel --stored").exits(0);
    std::fs::create_dir(place.path().join("panel")).unwrap();
    place.run("show panel").exits(0);
    place.run("note panel later").exits(0);
    std::fs::create_dir(place.path().join("jury")).unwrap();
    let refused = place.run("show jury").exits(3);
    assert!(refused.err.contains("names no experiment"), "{}", refused.err);
}
