//! Bad input gets one clear error that names the place and the remedy, and no file is half-written (S5).

use crate::assert_screen;
use crate::support::database::{FRIENDLY, Fate, SMALL};
use crate::support::{Outcome, Place};
use std::fs;

/// The small experiment with its `experiment.toml` changed.
fn changed(from: &str, to: &str) -> Place {
    let place = Place::new();
    place.folder("small", SMALL);
    assert!(SMALL[0].1.contains(from), "{from}");
    place.write("small/experiment.toml", &SMALL[0].1.replace(from, to));
    place.write("small/summarizer.md", "Sum up.\n");
    place
}

fn small() -> Place {
    changed("Two talk", "Two talk")
}

/// One error, its remedy, and no database.
#[track_caller]
fn one_error(place: &Place, outcome: &Outcome, words: &str) {
    let screen = outcome.screen();
    assert!(screen.contains(words), "`{words}` is not in\n{screen}");
    assert!(!outcome.err.contains("panicked"), "{screen}");
    nothing_made(place, &screen);
}

#[track_caller]
fn nothing_made(place: &Place, screen: &str) {
    let made: Vec<String> =
        place.files(".").into_iter().filter(|f| f.contains("convoke.db") || f.starts_with("logs")).collect();
    assert!(made.is_empty(), "{made:?} after\n{screen}");
}

/// `check` and `run` both refuse with exit code 3 and the same words.
#[track_caller]
fn is_wrong(place: &Place, words: &str) {
    let checked = place.run("check small").exits(3);
    one_error(place, &checked, words);
    let ran = place.run("run small").exits(3);
    one_error(place, &ran, words);
    assert_eq!(ran.err.matches("cannot be run").count(), 1, "{}", ran.screen());
    assert!(ran.out.is_empty());
    let json = place.run("check small --json").exits(3).json();
    assert_eq!((&json["status"], &json["error"]["code"]), (&"error".into(), &"experiment-invalid".into()));
    let lines = place.run("run small --json").exits(3);
    let last: serde_json::Value = serde_json::from_str(lines.out.lines().last().unwrap()).unwrap();
    assert_eq!((&last["event"], &last["status"]), (&"end".into(), &"error".into()), "{}", lines.screen());
    assert_eq!(last["error"]["code"], "experiment-invalid");
    nothing_made(place, &lines.screen());
}

#[test]
fn a_folder_that_is_no_experiment() {
    let place = Place::new();
    place.write("empty/note.txt", "x");
    for line in ["check empty", "run empty", "plan ./empty"] {
        let outcome = place.run(line).exits(3);
        one_error(&place, &outcome, "experiment.toml");
    }
    for line in ["check ./nowhere", "run ./nowhere", "plan ./nowhere"] {
        let outcome = place.run(line).exits(6);
        one_error(&place, &outcome, "there is no folder ./nowhere");
    }
    assert_screen!(place.run("run empty").exits(3));
}

#[test]
fn broken_toml() {
    let place = changed("[protocol]", "[protocol");
    is_wrong(&place, "experiment.toml:5");
    assert_screen!(place.run("run small"));
}

#[test]
fn mistakes_in_the_protocol() {
    is_wrong(&changed("messages = 5", "mesages = 5\nmessages = 5"), "mesages");
    is_wrong(&changed("messages = 5", "messages = 3\ndays = 2"), "messages");
    is_wrong(&changed("prisoner = 1 }", "prisoner = 1, nurse = 1 }"), "roles/nurse.md");
    is_wrong(&changed("guard = 1, prisoner = 1", "guard = 2, prisoner = 0"), "prisoner");
    is_wrong(&changed("guard = 1, prisoner = 1", "guard = 0, prisoner = 0"), "agent");
    is_wrong(&changed("messages = 5", "messages = 5\nstyle = \"lis\""), "lis");
    is_wrong(&changed("messages = 5", "messages = 5\nspeakers = \"manuel\""), "manuel");
    is_wrong(&changed("[roles.guard]", "[roles.guard]\nmodel = \"humans\""), "humans");
    assert_screen!(changed("messages = 5", "messages = 3\ndays = 2").run("run small"));
}

#[test]
fn mistakes_with_models() {
    let models = "{ id = \"ollama/llama3.1\", as = \"llama\", temperature = 0.7 }";
    let twice = "{ id = \"ollama/llama3.1\", as = \"a\" }, { id = \"ollama/llama3.1\", as = \"b\" }";
    let place = changed(models, twice);
    is_wrong(&place, "two cells are the same conversation");
    assert_screen!(place.run("run small"));
    is_wrong(&changed("temperature = 0.7", "base_url = \"http://127.0.0.1:1\""), "base_url");
    is_wrong(&changed("temperature = 0.7", "api_key_env = \"HOME\""), "api_key_env");
    is_wrong(&changed("ollama/llama3.1", "http://127.0.0.1:1/v1"), "http");
}

#[test]
fn mistakes_in_texts() {
    let place = small();
    place.write("small/roles/guard.md", "You are <AGENT_NAME>.\n\nMind <PRISONR_NOUN>.\n");
    is_wrong(&place, "roles/guard.md:3:6");
    let place = small();
    fs::write(place.path().join("small/roles/guard.md"), b"You are \xff\xfe.\n").unwrap();
    is_wrong(&place, "roles/guard.md");
    assert_screen!(place.run("run small"));
}

#[test]
fn flags_that_mean_nothing() {
    let place = small();
    for (flags, words) in [
        ("--only goal=esc", "goal"),
        ("--only gaol=escape", "gaol"),
        ("--only {", "--only"),
        ("--set colour=red", "colour"),
        ("--set goal", "--set"),
        ("--model gpt", "gpt"),
        ("--days 0", "days"),
        ("--days 2..1", "--days"),
        ("--agents guard", "--agents"),
        ("--agents gard=1", "gard"),
        ("--messages 1", "messages"),
        ("--speakers manuel", "manuel"),
        ("--replicates 0", "--replicates"),
        ("--limit 0", "--limit"),
        ("--jobs 0", "--jobs"),
        ("--grace x", "--grace"),
        ("--store-wait x", "--store-wait"),
        ("--max-retries -1", "-1"),
        ("--fast", "--fast"),
    ] {
        let outcome = place.run(&format!("run small {flags}")).exits(2);
        one_error(&place, &outcome, words);
        assert_eq!(outcome.err.matches("error:").count(), 1, "{}", outcome.screen());
        let json = place.run(&format!("run small {flags} --json")).exits(2);
        let last: serde_json::Value = serde_json::from_str(json.out.lines().last().unwrap()).unwrap();
        assert_eq!((&last["event"], &last["status"]), (&"end".into(), &"error".into()), "{}", json.screen());
        assert_eq!(last["error"]["code"], "usage", "{}", json.screen());
    }
    assert_screen!(place.run("run small --only goal=esc"));
    assert_screen!(place.run("run small --days 0"));
}

/// The run, the list and the doctor refuse the database and do not change it.
#[track_caller]
fn is_refused(place: &Place, words: &str) -> Outcome {
    let before = fs::read(place.path().join("convoke.db")).ok();
    for line in ["list", "doctor", "run small --offline --yes --limit 1"] {
        let outcome = place.run(line).exits(4);
        let screen = outcome.screen();
        assert!(screen.contains(words), "`{words}` is not in\n{screen}");
    }
    assert_eq!(fs::read(place.path().join("convoke.db")).ok(), before);
    place.run("run small --offline --limit 1")
}

#[test]
fn databases_that_are_none_of_ours() {
    let place = small();
    let other = rusqlite::Connection::open(place.path().join("convoke.db")).unwrap();
    other.execute_batch("CREATE TABLE bills (id); INSERT INTO bills VALUES (1);").unwrap();
    drop(other);
    assert_screen!(is_refused(&place, "is not a convoke database"));

    let place = small();
    place.write("convoke.db", &"a letter to a friend\n".repeat(60));
    is_refused(&place, "is not a convoke database");

    let place = small();
    place.database(&[Fate::Done], FRIENDLY);
    let newer = rusqlite::Connection::open(place.path().join("convoke.db")).unwrap();
    newer.pragma_update(None, "user_version", 9000).unwrap();
    drop(newer);
    assert_screen!(is_refused(&place, "9000"));
}

#[test]
fn stores_that_cannot_be() {
    let place = small();
    fs::create_dir(place.path().join("folder")).unwrap();
    for (store, words) in [("sqlite:folder", "folder"), ("sqlite:no/such/convoke.db", "no/such")] {
        let outcome = place.run(&format!("run small --offline --store {store}")).exits(4);
        one_error(&place, &outcome, words);
        let json = place.run(&format!("list --json --store {store}"));
        assert_eq!(json.json()["status"], "error");
    }
    for store in ["mongodb://ann:canary@host/d", "mongodb+srv://ann:canary@host"] {
        for line in [format!("run small --store {store}"), format!("run small --json --store {store}")] {
            let outcome = place.run(&line).exits(4);
            assert!(!outcome.err.contains("canary") && !outcome.out.contains("canary"), "{}", outcome.screen());
        }
        let outcome = place.run_with("run small", &[("CONVOKE_STORE", store)]).exits(4);
        one_error(&place, &outcome, "cannot sign in to mongodb");
    }
    let outcome = place.run_with("run small", &[("DB_CLUSTER_URL", "ann:canary@cluster.invalid")]).exits(4);
    assert!(!outcome.err.contains("canary"));
    one_error(
        &place,
        &outcome,
        "cannot sign in to mongodb+srv://ann@cluster.invalid/: the host name cannot be resolved",
    );
    place.run("list --store postgres://ann:canary@x").exits(2);
}

#[test]
fn surroundings_that_are_broken() {
    let place = small();
    fs::create_dir(place.path().join("script")).unwrap();
    let outcome = place.run_with("run small --offline", &[("CONVOKE_SCRIPT", "script")]).exits(2);
    one_error(&place, &outcome, "CONVOKE_SCRIPT");
    assert_screen!(outcome);
    let outcome = place.run_with("run small --offline", &[("CONVOKE_SCRIPT", "none")]).exits(2);
    one_error(&place, &outcome, "CONVOKE_SCRIPT");
    place.write("lines", "ok\n\"half\n");
    let outcome = place.run_with("run small --offline", &[("CONVOKE_SCRIPT", "lines")]).exits(2);
    one_error(&place, &outcome, "line 2");

    place.write(".env", "DB_USER=ann\nOPENAI_API_KEY sk-canary-123\n");
    let outcome = place.run("run small --offline").exits(2);
    one_error(&place, &outcome, "line 2 is not NAME=VALUE");
    assert!(!outcome.err.contains("canary"), "{}", outcome.screen());
    let json = place.run("run small --offline --json").exits(2);
    let last: serde_json::Value = serde_json::from_str(json.out.lines().last().unwrap()).unwrap();
    assert_eq!((&last["event"], &last["error"]["code"]), (&"end".into(), &"usage".into()), "{}", json.screen());
    assert_screen!(outcome);
    fs::remove_file(place.path().join(".env")).unwrap();

    place.write("configuration/convoke/config.toml", "[servers.x]\nkind = 5\n");
    let outcome = place.run("run small --offline").exits(2);
    one_error(&place, &outcome, "config.toml");
    assert_eq!(place.run("list --json").exits(2).json()["error"]["code"], "config");
    place.write("configuration/convoke/config.toml", "[servers.x]\nkind = \"smoke\"\nbase_url = \"http://x\"\n");
    let outcome = place.run("run small --offline").exits(2);
    one_error(&place, &outcome, "smoke");
}
