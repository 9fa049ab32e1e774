//! Model text is hostile (S1), and names never become paths (S3): one text through every command that shows it.

use crate::support::Place;
use crate::support::database::{Fate, SMALL};
use serde_json::Value;

const HOSTILE: &[&str] = &[
    "\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31m red \u{202e}txet\u{2066} \u{e0041} \r overwritten",
    "=cmd|' /C calc'!A0\nnext line",
    "<script>alert(1)</script> ![x](http://example.com/track) \u{0} NUL",
    "@SUM(A1) \"quoted\", and a very long line: ",
];

/// True for a character that controls a terminal or the direction of text.
fn steers(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t')
        || ('\u{202a}'..='\u{202e}').contains(&c)
        || ('\u{2066}'..='\u{2069}').contains(&c)
        || ('\u{e0000}'..='\u{e007f}').contains(&c)
}

fn made() -> (Place, Vec<String>, String) {
    let place = Place::new();
    let long = format!("{}{}", HOSTILE[3], "=x".repeat(100_000));
    let replies = [HOSTILE[0], HOSTILE[1], HOSTILE[2], &long];
    place.database(&[Fate::Done, Fate::Failed(3)], &replies);
    let json = place.run("list small --json").exits(0).json();
    let found = json["data"].as_array().unwrap().iter().find(|c| c["status"] == "done").unwrap();
    (place, replies.map(str::to_owned).to_vec(), found["id"].as_str().unwrap().to_owned())
}

#[test]
fn nothing_steers_a_terminal() {
    let (place, replies, id) = made();
    let lines = [
        "list".to_owned(),
        "list small".to_owned(),
        "show small".to_owned(),
        format!("show {id}"),
        format!("show {id} --raw --calls"),
        format!("show {id} --raw --calls --json"),
        "export small --format jsonl".to_owned(),
        "export small --format md -o -".to_owned(),
        "verify".to_owned(),
    ];
    for line in &lines {
        let outcome = place.run(line).exits(0);
        let bad: Vec<char> = outcome.out.chars().chain(outcome.err.chars()).filter(|c| steers(*c)).collect();
        assert!(bad.is_empty(), "{line}: {bad:?}");
    }
    // Data output loses nothing.
    let shown = place.run(&format!("show {id} --json")).json();
    let raw: Vec<&str> =
        shown["data"]["entries"].as_array().unwrap()[1..].iter().map(|e| e["raw"].as_str().unwrap()).collect();
    assert_eq!(raw, replies);
    let out = place.run("export small --format jsonl").out;
    let lines: Vec<Value> = out.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert!(replies.iter().all(|r| lines.iter().any(|l| l["raw"] == **r)));
}

/// A terminal of size zero is a terminal too.
#[test]
fn data_on_a_terminal_are_harmless() {
    let (place, _, id) = made();
    for line in [vec!["export", "small", "--format", "csv"], vec!["show", &id, "--raw", "--color", "never"]] {
        let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin("convoke"));
        command.current_dir(place.path()).args(&line);
        let mut session = rexpect::session::spawn_command(command, Some(20_000)).unwrap();
        // The session returns each byte as a character.
        let bytes: Vec<u8> = session.exp_eof().unwrap().chars().map(|c| u8::try_from(c as u32).unwrap()).collect();
        let screen = String::from_utf8(bytes).unwrap();
        assert!(screen.contains("next line"), "{line:?}");
        let bad: Vec<char> = screen.chars().filter(|c| steers(*c) && *c != '\r').collect();
        assert!(bad.is_empty(), "{line:?}: {bad:?}");
    }
}

#[test]
fn no_cell_starts_a_formula() {
    let (place, ..) = made();
    let plain = place.run("export small --format csv").exits(0).out;
    let out = place.run("export small --format csv --for-spreadsheets").exits(0).out;
    assert_ne!(plain, out);
    let mut reader = csv::Reader::from_reader(out.as_bytes());
    let mut guarded = 0;
    for record in reader.records() {
        for cell in &record.unwrap() {
            assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{cell:.40}");
            guarded += usize::from(cell.starts_with("'=") || cell.starts_with("'@"));
        }
    }
    assert!(guarded >= 3, "{guarded}");
}

#[test]
fn pages_hold_no_html_and_no_picture() {
    let (place, ..) = made();
    place.run("export small --format md").exits(0);
    for file in place.files("exports") {
        let text = place.read(&file);
        assert!(!text.chars().any(steers), "{file}");
        assert!(!text.contains("<script") || text.contains("\\<script"), "{file}");
        assert!(!text.contains(" ![x]"), "{file}");
    }
}

#[test]
fn hostile_levels_and_names_stay_in_their_folder() {
    let place = Place::new();
    let mut files = SMALL.to_vec();
    let toml = SMALL[0].1.replace("\"escape\", \"yard-time\"", "\"../../escape\", \"a/b\\u001b[31m\"");
    files[0].1 = Box::leak(toml.replace("name = \"small\"", "name = \"we ird\"").into_boxed_str());
    let prisoner = SMALL[3]
        .1
        .replace("{goal=escape}", "{goal=\"../../escape\"}")
        .replace("## Goal {goal=yard-time}\nGo for a walk.\n", "");
    files[3].1 = Box::leak(prisoner.into_boxed_str());
    place.database_of(&files, &[Fate::Done, Fate::Done], &["hello", "well", "so", "on"]);
    let before = place.files(".");
    let id = "0123456789abcdef";
    place.run(&format!("export {id} --format md")).exits(0);
    let new: Vec<String> = place.files(".").into_iter().filter(|f| !before.contains(f)).collect();
    assert!(new.iter().all(|f| f.starts_with("exports/we_ird/")), "{new:?}");
    assert!(new.iter().all(|f| !f.contains("..") && !f.chars().any(char::is_control)), "{new:?}");
    assert!(!place.run(&format!("list {id}")).exits(0).out.chars().any(steers));
}
