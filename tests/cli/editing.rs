//! `convoke edit` and `convoke duplicate`.

use crate::assert_screen;
use crate::support::database::{FRIENDLY, Fate, SMALL};
use crate::support::{Outcome, Place};
use serde_json::Value as Json;

/// The small experiment with two finished conversations.
fn made() -> Place {
    let place = Place::new();
    place.database(&[Fate::Done, Fate::Done], FRIENDLY);
    place
}

fn document(place: &Place, name: &str) -> Json {
    place.run(&format!("show {name} --json")).exits(0).json()["data"].clone()
}

/// Dumps the whole database, as `sqlite3` would print it.
pub fn dump(place: &Place) -> String {
    let conn = rusqlite::Connection::open(place.path().join("convoke.db")).unwrap();
    let mut all = String::new();
    for table in ["experiments", "revisions", "conversations", "messages", "calls", "runs"] {
        let mut statement = conn.prepare(&format!("select * from {table} order by 1, 2")).unwrap();
        let columns = statement.column_count();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let cells = (0..columns).map(|i| format!("{:?}", row.get_ref(i).unwrap()));
            all.extend([table, ": ", &cells.collect::<Vec<_>>().join("|"), "\n"]);
        }
    }
    all
}

fn without_ids(outcome: &Outcome) -> String {
    let screen = outcome.screen();
    let mut kept = String::new();
    let mut rest = screen.as_str();
    while let Some(at) = rest.find("(id ") {
        kept.push_str(&rest[..at + 4]);
        kept.push_str("[ID]");
        rest = &rest[at + 4 + 16..];
    }
    kept + rest
}

/// `run NAME` would read the folder, and undo the change.
#[test]
fn the_next_command_names_the_stored_experiment_and_not_a_folder_beside() {
    let place = made();
    place.folder("small", SMALL);
    let changed = place.run("edit small --set messages=8").exits(0);
    let id = place.run("list --json").json()["data"][0]["id"].as_str().unwrap().to_owned();
    assert!(changed.err.contains(&format!("`convoke run id:{id}` asks before it goes on")), "{}", changed.screen());
    assert!(changed.err.contains(&format!("next:  convoke check --preview id:{id}")), "{}", changed.screen());
    let asked = place.run(&format!("run id:{id} --no-input")).exits(2);
    assert!(asked.err.contains("has changed since 2 of its conversations were begun"), "{}", asked.screen());
}

#[test]
fn an_experiment_is_changed_by_flags() {
    let place = made();
    place.write("goal.txt", "Be kind.\n\nAlways.\n");
    let words = [
        "edit",
        "small",
        "--starting-message",
        "Begin",
        "--section",
        "guard/Goal=@goal.txt",
        "--section",
        "Weather=It rains.",
        "--section",
        "prisoner/Goal {goal=escape}=Run",
        "--roles",
        "prisoner=2,guard",
        "--set",
        "messages=7",
        "--set",
        "replicates=2",
        "--note",
        "Now with rain",
    ];
    assert_screen!(place.words(&words, &[]).exits(0));
    let shown = document(&place, "small");
    assert_eq!(shown["note"], "Now with rain");
    let document = &shown["document"];
    assert_eq!(document["starting_message"], "Begin");
    assert_eq!(document["roles"][0]["name"], "prisoner");
    assert_eq!(document["roles"][1]["prompt"]["sections"][0]["text"], "Be kind.\n\nAlways.\n");
    assert_eq!(document["shared"]["sections"][0]["title"], "Weather");
    assert_eq!((&document["protocol"]["messages"], &document["run"]["replicates"]), (&7.into(), &2.into()));
    assert_screen!(place.words(&words, &[]).exits(0));
    // Earlier conversations remain but differ from the new plan, so the run reports this and asks.
    let asked = place.run("run small").exits(2);
    assert!(asked.err.contains("2 of its conversations were begun") && asked.err.contains("--yes"), "{}", asked.err);
}

#[test]
fn what_edit_gives_as_json() {
    let place = made();
    let first = place.run("edit small --starting-message Begin --json").exits(0).json();
    let keys: Vec<&String> = first["data"].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["id", "name", "version", "revision", "changed", "changes", "left_behind"]);
    assert_eq!((&first["data"]["version"], &first["data"]["left_behind"]), (&2.into(), &2.into()));
    let again = place.run("edit small --starting-message Begin --json").exits(0).json();
    assert_eq!((&again["data"]["changed"], &again["data"]["version"]), (&false.into(), &2.into()));
    let wrong = place.run("edit small --set messages=0 --set speakers=loud --json").exits(3).json();
    assert_eq!(wrong["error"]["code"], "experiment-invalid");
    let message = wrong["error"]["message"].as_str().unwrap();
    assert!(message.contains("messages") && message.contains("loud"), "every mistake: {message}");
}

#[test]
fn what_is_wrong_is_told_and_nothing_is_written() {
    let place = made();
    place.folder("broken", &[("experiment.toml", "name = \"broken\"\n")]);
    let before = dump(&place);
    let screens: [(i32, &[&str]); 12] = [
        (2, &["edit", "small"]),
        (3, &["edit", "small", "--set", "messages=many", "--model", "http://x", "--section", "Goal=<GAURD_NUM>"]),
        (3, &["edit", "small", "--roles", "guard=1"]),
        (2, &["edit", "small", "--roles", "guard=x"]),
        (2, &["edit", "small", "--section", "gaurd/Goal=x", "--drop-section", "Gaol", "--set", "mesages=1"]),
        (2, &["edit", "small", "--section", "Goal"]),
        (6, &["edit", "small", "--section", "Goal=@nowhere.txt"]),
        (2, &["edit", "small", "--name", "../out"]),
        (3, &["edit", "small", "--from", "broken"]),
        (6, &["edit", "smal", "--note", "x"]),
        (2, &["duplicate", "small", "--name", "small"]),
        (6, &["duplicate", "nothing"]),
    ];
    for (exit, words) in screens {
        assert_screen!(place.words(words, &[]).exits(exit));
    }
    let id = place.run("list small --json").exits(0).json()["data"][0]["id"].as_str().unwrap().to_owned();
    for command in ["edit", "duplicate"] {
        let refused = place.words(&[command, &id, "--starting-message", "x"], &[]).exits(2);
        assert!(refused.err.contains("is a conversation of `small`"), "{}", refused.err);
    }
    assert_eq!(dump(&place), before);
}

#[test]
fn no_database_is_made_by_a_change() {
    let place = Place::new();
    for line in ["edit x --note y", "duplicate x", "note x y", "star x", "delete x --yes"] {
        place.run(line).exits(6);
    }
    assert_eq!(place.files("."), [""; 0]);
}

#[test]
fn a_folder_can_take_the_place_of_all() {
    let place = made();
    let mut files = SMALL.to_vec();
    files[1].1 = "A camp with <AGENTS_NUM> people.\n";
    place.folder("work", &files);
    assert_screen!(place.run("edit small --from work").exits(0));
    assert_eq!(document(&place, "small")["document"]["shared"]["start"], "A camp with <AGENTS_NUM> people.\n");
    assert_screen!(place.words(&["edit", "work", "--starting-message", "x"], &[]).exits(0));
}

#[test]
fn a_name_is_changed_if_it_is_free() {
    let place = made();
    place.run("duplicate small --name other").exits(0);
    let taken = place.run("edit small --name other").exits(2);
    assert!(taken.err.contains("has an experiment `other` already"), "{}", taken.err);
    assert_screen!(place.run("edit small --name better").exits(0));
    place.run("show small").exits(6);
    assert_eq!(
        place.run("list better --json").exits(0).json()["data"].as_array().unwrap().len(),
        0,
        "another revision"
    );
    assert_eq!(place.run("list better --all --json").exits(0).json()["data"].as_array().unwrap().len(), 6);
}

#[test]
fn a_copy_remembers_what_it_was_copied_from() {
    let place = made();
    place.run("star small").exits(0);
    insta::assert_snapshot!(without_ids(&place.run("duplicate small").exits(0)));
    let words =
        ["duplicate", "small", "--name", "rain", "--section", "Weather=It rains.", "--drop-section", "guard/Goal"];
    insta::assert_snapshot!(without_ids(&place.words(&words, &[]).exits(0)));
    let third = place.run("duplicate small --json").exits(0).json();
    let keys: Vec<&String> = third["data"].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["id", "name", "version", "revision", "parent", "changes"]);
    assert_eq!(third["data"]["name"], "small-3");
    let (original, copy) = (document(&place, "small"), document(&place, "small-2"));
    assert_eq!((&copy["parent"], &copy["note"]), (&original["id"], &original["note"]));
    assert_eq!((&original["starred"], &copy["starred"]), (&true.into(), &false.into()));
    assert_eq!(copy["conversations"]["done"], 0);
    let mut same = original["document"].clone();
    same["name"] = "small-2".into();
    assert_eq!(copy["document"], same);
    let of_work = place.run("duplicate small --set messages=9 --json").exits(0).json();
    assert_eq!(of_work["data"]["changes"], serde_json::json!(["`messages`: 5 → 9"]));
}

#[test]
fn a_shared_section_becomes_each_roles_own() {
    let place = made();
    place.words(&["edit", "small", "--section", "Rules=Be polite."], &[]).exits(0);
    let words = ["duplicate", "small", "--private", "Rules", "--section", "guard/Rules=Be strict."];
    insta::assert_snapshot!(without_ids(&place.words(&words, &[]).exits(0)));
    let copy = document(&place, "small-2");
    let rules = |role: usize| {
        let sections = copy["document"]["roles"][role]["prompt"]["sections"].as_array().unwrap();
        sections.iter().find(|s| s["title"] == "Rules").unwrap()["text"].as_str().unwrap().trim().to_owned()
    };
    assert_eq!((rules(0).as_str(), rules(1).as_str()), ("Be strict.", "Be polite."));
    assert!(copy["document"]["shared"]["sections"].is_null());
}

/// Number of changes by each of two processes.
const TIMES: usize = 12;

/// The second process is shown the first one's change and must confirm; no change is lost.
#[test]
fn two_processes_change_one_experiment_and_lose_nothing() {
    let place = made();
    std::thread::scope(|scope| {
        for who in ["one", "other"] {
            let place = &place;
            scope.spawn(move || {
                for number in 0..TIMES {
                    let section = format!("{who} {number}=Text of {who}.");
                    place.words(&["edit", "small", "--section", &section, "--yes"], &[]).exits(0);
                }
            });
        }
    });
    let shown = document(&place, "small");
    let sections = shown["document"]["shared"]["sections"].as_array().unwrap();
    for who in ["one", "other"] {
        let titles: Vec<&str> =
            sections.iter().map(|s| s["title"].as_str().unwrap()).filter(|t| t.starts_with(who)).collect();
        assert_eq!(titles, (0..TIMES).map(|n| format!("{who} {n}")).collect::<Vec<_>>());
    }
}

/// The program reads before another process changes the experiment, and writes afterwards. A transaction delays the
/// other change until then.
fn meanwhile(place: &Place, words: &[&str], typed: Option<&str>) -> String {
    for _attempt in 0..5 {
        let other = rusqlite::Connection::open(place.path().join("convoke.db")).unwrap();
        let revisions: u32 = other.query_row("select count(*) from revisions", [], |row| row.get(0)).unwrap();
        let message = format!("Changed by another {revisions}");
        let sql = "begin immediate;
             insert into revisions select 'another ' || ?, json_set(document, '$.starting_message', ?) from revisions
                join experiments on hash = revision;
             update experiments set revision = 'another ' || ?, version = version + 1";
        for (at, sql) in sql.split(';').enumerate() {
            match at {
                0 => other.execute(sql, []),
                1 => other.execute(sql, [&message, &message]),
                _ => other.execute(sql, [&message]),
            }
            .unwrap();
        }
        let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin("convoke"));
        command.current_dir(place.path()).env("DB_USER", "tester").env("TERM", "dumb").args(words);
        let said = match typed {
            None => {
                let child = command
                    .stdin(std::process::Stdio::null())
                    .stdout(std::process::Stdio::piped())
                    .stderr(std::process::Stdio::piped())
                    .spawn()
                    .unwrap();
                std::thread::sleep(std::time::Duration::from_millis(1500));
                other.execute("commit", []).unwrap();
                let output = child.wait_with_output().unwrap();
                let code = output.status.code().unwrap();
                format!("{}exit {code}", String::from_utf8_lossy(&output.stderr))
            }
            Some(answer) => {
                let mut session = rexpect::session::spawn_command(command, Some(20_000)).unwrap();
                std::thread::sleep(std::time::Duration::from_millis(1500));
                other.execute("commit", []).unwrap();
                let before = session.exp_string("on top of that?").unwrap();
                session.send(answer).unwrap();
                session.flush().unwrap();
                format!("{before}{}", session.exp_eof().unwrap())
            }
        };
        if said.contains("was changed meanwhile") {
            return said;
        }
    }
    panic!("nobody met another's change");
}

#[test]
fn the_second_is_shown_what_changed_meanwhile() {
    let place = made();
    let words = ["edit", "small", "--section", "Weather=It rains."];
    let said = meanwhile(&place, &words, None);
    assert!(said.contains("→ Changed by another") && said.contains("--yes") && said.ends_with("exit 2"), "{said}");
    let now = || document(&place, "small")["document"].clone();
    assert!(now()["shared"]["sections"].is_null() && now()["starting_message"] != "Start the experiment");

    let said = meanwhile(&place, &words, Some("n"));
    assert!(said.contains("nothing was changed") && now()["shared"]["sections"].is_null(), "{said}");
    let said = meanwhile(&place, &words, Some("y"));
    assert!(said.contains("changed `small`"), "{said}");
    assert_eq!(now()["shared"]["sections"][0]["title"], "Weather");
    assert!(now()["starting_message"].as_str().unwrap().starts_with("Changed by another"), "the other's change too");
    let more = ["edit", "small", "--section", "Wind=It blows.", "--yes"];
    assert!(meanwhile(&place, &more, None).ends_with("exit 0"));
    assert_eq!(now()["shared"]["sections"].as_array().unwrap().len(), 2);
}

/// A whole document would undo the other change, so an early `--yes` is not enough.
#[test]
fn a_folder_never_undoes_what_changed_meanwhile() {
    let place = made();
    let mut files = SMALL.to_vec();
    files[1].1 = "A camp.\n";
    place.folder("work", &files);
    let said = meanwhile(&place, &["edit", "small", "--from", "work", "--yes"], None);
    assert!(said.contains("--format folder") && said.ends_with("exit 2"), "{said}");
    assert!(document(&place, "small")["document"]["starting_message"].as_str().unwrap().starts_with("Changed"));
}

#[test]
fn warnings_are_told_with_what_was_done() {
    let place = made();
    let refused = place.words(&["edit", "small", "--set", "goal=[\"escape\"]"], &[]).exits(3);
    assert!(refused.err.contains("error: `yard-time` is no level of `goal`"), "{}", refused.screen());
    let changed = place.run("edit small --set messages=2").exits(0);
    assert!(changed.err.contains("warning: agents without a turn: 1 of 2"), "{}", changed.screen());
    let copied = place.run("duplicate small").exits(0);
    assert!(copied.err.contains("warning: agents without a turn"), "{}", copied.screen());
}

#[test]
fn a_new_order_is_a_change() {
    let place = made();
    let changed = place.run("edit small --roles prisoner,guard").exits(0);
    assert!(changed.out.contains("roles in speaking order: guard, prisoner → prisoner, guard"), "{}", changed.screen());
    place.run("edit small --roles prisoner,guard").exits(0);
    assert_eq!(document(&place, "small")["document"]["roles"][0]["name"], "prisoner");
}

#[test]
fn hostile_words_are_harmless() {
    let place = made();
    let hostile = "\u{1b}]0;owned\u{7} \u{202e}txet $(rm) '; drop table experiments; --";
    let section = format!("Weather={hostile}");
    let outcome = place.words(&["edit", "small", "--starting-message", hostile, "--section", &section], &[]).exits(0);
    assert!(!outcome.out.chars().any(|c| c == '\u{1b}' || c == '\u{202e}'), "{}", outcome.screen());
    assert_eq!(document(&place, "small")["document"]["starting_message"], hostile);
    for name in ["../../etc/x", "/etc/x", "a\u{1b}[2J", ".hidden", "a\\b", "-rf", " "] {
        let flag = format!("--name={name}");
        for command in ["edit", "duplicate"] {
            let refused = place.words(&[command, "small", &flag], &[]).exits(2);
            assert!(!refused.err.contains('\u{1b}'), "{name:?}");
        }
        let role = format!("--roles=guard=1,{name}=1");
        place.words(&["edit", "small", &role], &[]).exits(2);
    }
    assert_eq!(place.files("."), ["convoke.db", "convoke.db.lock"]);
}

/// A document of another program, with names that are paths, is refused and creates no file.
#[test]
fn names_from_the_database_never_become_paths() {
    let place = made();
    let conn = rusqlite::Connection::open(place.path().join("convoke.db")).unwrap();
    conn.execute("update revisions set document = replace(document, '\"guard\"', '\"../../guard\"')", []).unwrap();
    conn.execute("update experiments set name = '../../small' || char(27)", []).unwrap();
    drop(conn);
    let id = "id:0123456789abcdef";
    for words in
        [vec!["edit", id, "--starting-message", "x"], vec!["duplicate", id], vec!["duplicate", id, "--name", "y"]]
    {
        let refused = place.words(&words, &[]).exits(3);
        assert!(refused.err.contains("it holds a slash") && !refused.err.contains('\u{1b}'), "{}", refused.screen());
    }
    for words in [vec!["note", id, "a note"], vec!["star", id], vec!["delete", id, "--yes"]] {
        assert!(!place.words(&words, &[]).exits(0).out.contains('\u{1b}'));
    }
    assert_eq!(place.files("."), ["convoke.db", "convoke.db.lock"]);
}
