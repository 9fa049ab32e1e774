//! Conversations with a person: typed, killed in mid-turn, continued.

use crate::terminal::{SMALL, Size, Terminal, USUAL};
use assert_cmd::Command;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const TOML: &str = "name = \"small\"\nmodels = [\"scripted\"]\n\n[protocol]\nmessages = 4\nagents = { guard = 1, prisoner = 1 }\n\n\
    [roles.guard]\nplural = \"guards\"\npronouns = \"he/his\"\n\n[roles.prisoner]\nplural = \"prisoners\"\npronouns = \"he/his\"\n";

/// A folder with an experiment.
fn place() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("small/experiment.toml", TOML);
    write("small/roles/guard.md", "You are <AGENT_NAME>.\n\n## Goal\nOnly guards know it.\n");
    write("small/roles/prisoner.md", "You are <AGENT_NAME>.\n\n## Plan\nOnly prisoners know it.\n");
    dir
}

fn start(dir: &TempDir, line: &str, size: Size) -> Terminal {
    Terminal::start(dir.path(), &line.split(' ').collect::<Vec<_>>(), size, &[])
}

/// Output of a command without a terminal.
fn says(folder: &Path, line: &str) -> String {
    let mut command = Command::cargo_bin("convoke").unwrap();
    command.current_dir(folder).args(line.split(' ')).env_clear().env("DB_USER", "tester");
    command.env("XDG_CONFIG_HOME", folder.join("configuration"));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The conversations of the experiment.
fn conversations(dir: &TempDir) -> Vec<Value> {
    let listed: Value = serde_json::from_str(&says(dir.path(), "list small --json")).unwrap();
    listed["data"].as_array().unwrap().clone()
}

/// Speaker and text of each entry of a kind in the only conversation.
fn entries(dir: &TempDir, kind: &str) -> Vec<(String, String)> {
    let exported = says(dir.path(), "export small --format jsonl --all");
    let entries = exported.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    entries.filter(|e| e["kind"] == kind).map(|e| (text(&e["speaker"]), text(&e["content"]))).collect()
}

/// The draft files.
fn drafts(dir: &TempDir) -> Vec<PathBuf> {
    let found = fs::read_dir(dir.path().join("state/convoke/drafts"));
    found.into_iter().flatten().map(|entry| entry.unwrap().path()).collect()
}

fn is_sound(dir: &TempDir, id: &str, typed: usize) {
    says(dir.path(), "verify");
    let shown = says(dir.path(), &format!("show {id} --calls"));
    assert_eq!(shown.matches("typed by a person").count(), typed, "{shown}");
    assert_eq!(shown.matches("it took ").count(), typed, "{shown}");
    assert!(shown.contains("hash ok") && !shown.contains("MISMATCH"), "{shown}");
    assert!(drafts(dir).is_empty(), "{:?}", drafts(dir));
}

#[test]
fn a_turn_that_was_killed_in_the_middle_is_continued() {
    for size in [USUAL, SMALL] {
        let dir = place();
        let mut first = start(&dir, "talk small --as guard", size);
        first.shows("/help tells more");
        let seen = first.screen();
        assert!(seen.contains("Only guards know it.") && !seen.contains("Only prisoners"), "{seen}");
        first.enters("Good morning.");
        first.enters("This line is typed when the power fails.");
        first.until("the draft", |_| {
            // A file that is being written has another name and does not count yet.
            let kept: Vec<PathBuf> = drafts(&dir).into_iter().filter(|d| d.extension().is_none()).collect();
            kept.first().and_then(|d| fs::read_to_string(d).ok()).is_some_and(|text| text.lines().count() == 2)
        });
        first.types("and of this one h");
        first.until("half a line", |_| {
            let half = drafts(&dir).into_iter().find(|d| d.extension().is_some_and(|end| end == "half"));
            half.and_then(|d| fs::read_to_string(d).ok()).is_some_and(|text| text.contains("and of this one h"))
        });
        first.kill();
        assert_eq!(conversations(&dir)[0]["status"], "interrupted");
        assert_eq!(entries(&dir, "speech"), []);

        let mut second = start(&dir, "talk small --as guard", size);
        second.shows("what you typed before");
        second.shows("Good morning.");
        second.shows("/help tells more");
        second.shows("  and of this one h");
        second.enters("alf.");
        second.enters("Now it is sent.");
        second.enters(".");
        second.shows("message 4 of");
        second.enters("Farewell.");
        second.enters(".");
        let (screen, code) = second.ends();
        assert_eq!(code, 0, "{screen}");
        let [only] = &conversations(&dir)[..] else { panic!("one conversation") };
        assert_eq!(only["status"], "done");
        let speeches = entries(&dir, "speech");
        assert_eq!(
            speeches[0].1,
            "Good morning.\nThis line is typed when the power fails.\nand of this one half.\nNow it is sent."
        );
        assert_eq!(speeches[2].1, "Farewell.");
        let shown = says(dir.path(), &format!("show {}", only["id"].as_str().unwrap()));
        assert!(shown.contains("This line is typed when the power fails."), "{shown}");
        is_sound(&dir, only["id"].as_str().unwrap(), 2);
    }
}

#[test]
fn commands_are_no_text_and_leaving_is_good_order() {
    let dir = place();
    let mut first = start(&dir, "talk small --as guard", USUAL);
    first.shows("/help tells more");
    first.enters("One.");
    first.enters("Twoo.");
    first.enters("/undo");
    first.shows("1 line left");
    first.enters("/nonsense");
    first.shows("there is no command /nonsense");
    first.enters("/help");
    first.shows("leaves; what you typed is kept");
    first.enters("//stop is what I say.");
    first.enters("/stop");
    let (screen, code) = first.ends();
    assert_eq!(code, 130, "{screen}");
    assert_eq!(screen.lines().last().unwrap(), "convoke talk small --as guard", "{screen}");
    assert_eq!(conversations(&dir)[0]["status"], "interrupted");
    let mut second = start(&dir, "talk small --as guard", USUAL);
    second.shows("//stop is what I say.".trim_start_matches('/'));
    second.enters("/show");
    second.enters(".");
    second.shows("message 4 of");
    second.escape();
    assert_eq!(second.ends().1, 130);
    assert_eq!(entries(&dir, "speech")[0].1, "One.\n/stop is what I say.");
    let mut third = start(&dir, "talk small --as guard", USUAL);
    third.shows("message 4 of");
    third.types("half a line");
    third.shows("half a line");
    third.interrupt();
    let (screen, code) = third.ends();
    assert_eq!(code, 130);
    assert!(screen.lines().any(|line| line.trim() == "half a line"), "nothing is written behind it: {screen}");
}

#[test]
fn a_talk_that_is_done_is_followed_by_another() {
    let dir = place();
    for number in 1..=2 {
        let mut terminal = start(&dir, "talk small --as prisoner", USUAL);
        terminal.shows("message 3 of 4");
        terminal.enters(&format!("Talk {number}."));
        terminal.enters(".");
        let (screen, code) = terminal.ends();
        assert_eq!(code, 0, "{screen}");
        assert!(screen.contains("1 done, 0 failed, 0 left"), "{screen}");
    }
    let replicates: Vec<u64> = conversations(&dir).iter().map(|c| c["replicate"].as_u64().unwrap()).collect();
    assert_eq!(replicates, [1, 2]);
    let shown: Value = serde_json::from_str(&says(dir.path(), "show small --json")).unwrap();
    assert!(!shown.to_string().contains("\"human\""), "the experiment is as it was: {shown}");
}

#[test]
fn a_person_chooses_who_speaks_and_is_killed_between() {
    let dir = place();
    let mut first = start(&dir, "run small --speakers manual", USUAL);
    first.shows("who speaks?");
    let screen = first.screen();
    assert!(screen.contains("  1  Guard_") && screen.contains("  2  Prisoner_"), "{screen}");
    assert!(!screen.contains("know it."), "nothing private: {screen}");
    first.enters("7");
    first.shows("is none of them");
    first.enters("2");
    first.shows("message 3 of");
    first.kill();
    assert_eq!(entries(&dir, "selection").len(), 1);
    let mut second = start(&dir, "run small --speakers manual", USUAL);
    second.shows("message 3 of");
    second.asks("who speaks?");
    second.enters("2");
    second.shows("message 4 of");
    second.enters("");
    let (screen, code) = second.ends();
    assert_eq!(code, 0, "{screen}");
    let spoke: Vec<String> = entries(&dir, "speech").into_iter().map(|(who, _)| who).collect();
    let chosen: Vec<String> = entries(&dir, "selection").into_iter().map(|(_, whom)| whom).collect();
    assert_eq!(spoke, chosen);
    assert!(spoke[0] == spoke[1] && spoke[0].starts_with("Prisoner_"), "{spoke:?}");
    assert!(spoke[2].starts_with("Guard_"), "nothing typed is the next in order: {spoke:?}");
    is_sound(&dir, conversations(&dir)[0]["id"].as_str().unwrap(), 3);
}
