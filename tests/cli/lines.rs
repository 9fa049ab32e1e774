//! Suggested lines: each can be pasted into the same shell and does what it says.

use crate::support::Place;
use crate::support::database::{FRIENDLY, Fate, SMALL};

/// Lines of `next:` in an output, the second and later ones indented.
fn next_lines(err: &str) -> Vec<String> {
    let lines = err.lines().skip_while(|line| !line.starts_with("next:  "));
    let lines = lines.map(|line| line.strip_prefix("next:  ").or_else(|| line.strip_prefix("       ")));
    lines.map_while(|line| line.map(str::to_owned)).collect()
}

/// Runs a command with this tail in a shell, and then each line that it suggests.
#[track_caller]
fn pastes(place: &Place, line: &str, expected: &[&str]) {
    let output = place.shell(line).output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{line}: {err}");
    let lines = next_lines(&err);
    assert_eq!(lines, expected, "{line}: {err}");
    for pasted in lines {
        let offline = if pasted.contains(" --offline") { "" } else { " --offline" };
        let pasted = if pasted.contains(" run ") { format!("{pasted}{offline} --limit 1 --yes") } else { pasted };
        let output = place.shell(&pasted).output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{pasted}: {err}");
    }
}

#[test]
fn what_is_suggested_goes_to_the_same_database() {
    let place = Place::new();
    place.folder("kept/small", SMALL);
    let store = "--store 'sqlite:my data.db'";
    pastes(&place, &format!("convoke import kept/small {store}"), &[&format!("convoke run small {store}")]);
    pastes(
        &place,
        &format!("convoke duplicate small --name 'small two' {store}"),
        &[&format!("convoke run 'small two' {store}")],
    );
    pastes(
        &place,
        &format!("convoke edit small --set messages=7 {store}"),
        &[&format!("convoke check --preview small {store}")],
    );
    pastes(
        &place,
        &format!("convoke new pilot --from debate --stored {store}"),
        &[&format!("convoke run pilot {store}")],
    );
    pastes(
        &place,
        &format!("convoke new walk --from debate {store}"),
        &[&format!("convoke check walk --preview {store}"), &format!("convoke run walk --offline {store}")],
    );
    assert!(!place.path().join("convoke.db").exists() && place.path().join("my data.db").exists());
}

/// Errors and other lines that name a command are lines of this shell, too.
#[test]
fn remedies_go_to_the_same_database() {
    let place = Place::new();
    place.folder("kept/small", SMALL);
    let store = ["--store", "sqlite:my data.db"];
    let run = |words: &[&str]| place.words(&[words, &store].concat(), &[]);
    run(&["run", "kept/small", "--offline"]).exits(0);
    let hint = run(&["show", "small", "--raw"]).exits(2).err;
    assert!(hint.contains("`convoke list small --store 'sqlite:my data.db'` lists its conversations"), "{hint}");
    let hint = run(&["check", "small", "--fix"]).exits(2).err;
    assert!(hint.contains("`convoke export small --format folder --store 'sqlite:my data.db'` writes one"), "{hint}");
    let id = run(&["list", "small", "--json"]).exits(0).json()["data"][0]["id"].as_str().unwrap().to_owned();
    let hint = run(&["list", &id, "--follow"]).exits(2).err;
    assert!(hint.contains(&format!("convoke show {id} --follow --store 'sqlite:my data.db'")), "{hint}");
    let limited = run(&["run", "kept/small", "--offline", "--set", "messages=6", "--max-calls", "2", "--yes"]).exits(8);
    let resume = limited.err.lines().skip_while(|line| *line != "to continue:").nth(1).unwrap().to_owned();
    let again = place.shell(&resume).output().unwrap();
    assert_eq!(again.status.code(), Some(8), "{resume}");
}

/// A password is not printed; the variable that the line reads has it.
#[test]
fn an_address_with_a_password_is_a_line_without_it() {
    let place = Place::new();
    let address = "mongodb://ann:canary@127.0.0.1:9/d?authSource=admin&serverSelectionTimeoutMS=200";
    let outcome = place.words(&["run", "x", "--store", address], &[]).exits(4);
    assert!(!outcome.err.contains("canary"), "{}", outcome.err);
    let outcome = place.words(&["new", "it's", "--from", "debate", "--store", address], &[]).exits(0);
    assert!(!outcome.err.contains("canary"), "{}", outcome.err.replace(address, ""));
    let lines = next_lines(&outcome.err);
    let shown = "mongodb://ann@127.0.0.1:9/d?authSource=admin&serverSelectionTimeoutMS=200";
    let begin = r#"DB_PASSWORD="$DB_PASSWORD" convoke run 'it'\''s' --offline --store '"#;
    assert_eq!(lines[1], format!("{begin}{shown}'"));
    let mut shell = place.shell(&lines[1]);
    let pasted = shell.env("DB_PASSWORD", "canary").output().unwrap();
    let err = String::from_utf8(pasted.stderr).unwrap();
    assert!(pasted.status.code() == Some(4) && err.contains(shown.split('?').next().unwrap()), "{err}");
}

#[test]
fn names_with_blanks_and_quotes_are_quoted() {
    let place = Place::new();
    place.database(&[Fate::Done], FRIENDLY);
    pastes(&place, "convoke duplicate small --name \"it's two words\"", &[r"convoke run 'it'\''s two words'"]);
    pastes(
        &place,
        "convoke edit \"it's two words\" --set messages=7",
        &[r"convoke check --preview 'it'\''s two words'"],
    );
    pastes(
        &place,
        "convoke new 'a b' --from prison",
        &["convoke check 'a b' --preview", "convoke run 'a b' --offline"],
    );
}
