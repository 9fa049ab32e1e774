//! An omitted argument is chosen from a list.

use crate::terminal::{SMALL, Size, Terminal, USUAL};
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

fn run(folder: &Path, words: &[&str]) -> String {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("convoke"));
    command.current_dir(folder).args(words).env_clear().env("DB_USER", "tester");
    let output = command.env("XDG_CONFIG_HOME", folder.join("configuration")).output().unwrap();
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A database with `talks`, of which one conversation was run, and `zoo`, which was never run.
fn filled() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for name in ["talks", "zoo"] {
        run(dir.path(), &["new", name, "--from", "debate"]);
    }
    run(dir.path(), &["run", "talks", "--offline", "--limit", "1", "--days", "1", "--messages", "3"]);
    run(dir.path(), &["import", "zoo"]);
    // A folder with an experiment's name takes precedence.
    std::fs::rename(dir.path().join("talks"), dir.path().join("elsewhere")).unwrap();
    dir
}

fn asked(size: Size, words: &[&str]) -> (TempDir, Terminal) {
    let dir = filled();
    let terminal = Terminal::start(dir.path(), words, size, &[]);
    terminal.asks("which experiment?");
    let screen = terminal.shows("zoo");
    assert!(screen.contains("talks · 1/1 done"), "{screen}");
    (dir, terminal)
}

#[test]
fn an_experiment_is_chosen_and_the_line_is_told() {
    for size in [USUAL, SMALL] {
        let (_dir, mut terminal) = asked(size, &["plan", "--days", "1"]);
        terminal.types("talk");
        terminal.until("the list without zoo", |screen| !screen.contains("zoo"));
        terminal.types("\r");
        let (screen, code) = terminal.ends();
        assert_eq!(code, 0, "{screen}");
        assert!(screen.contains("convoke plan talks --days 1"), "{screen}");
    }
}

#[test]
fn one_of_its_conversations_is_chosen() {
    for size in [USUAL, SMALL] {
        let (dir, mut terminal) = asked(size, &["star"]);
        terminal.types("\r");
        terminal.asks("the experiment, or which");
        let screen = terminal.shows("the experiment itself");
        let db = rusqlite::Connection::open(dir.path().join("convoke.db")).unwrap();
        let id: String = db.query_row("select id from conversations", [], |row| row.get(0)).unwrap();
        assert!(screen.contains(&format!("{} · ", &id[..8])), "{screen}");
        terminal.arrow('B');
        terminal.until("the second line marked", |s| s.lines().any(|l| l.contains('❯') && !l.contains("itself")));
        terminal.types("\r");
        let (screen, code) = terminal.ends();
        assert!(code == 0 && screen.contains("starred conversation "), "{screen}");
        assert!(screen.contains(&format!("convoke star {id}")), "{screen}");
    }
}

#[test]
fn a_run_names_what_was_chosen() {
    let (dir, mut terminal) = asked(USUAL, &["run", "--offline", "--limit", "2", "--days", "1", "--messages", "3"]);
    terminal.types("talks\r");
    let (screen, code) = terminal.ends();
    assert!(code == 0 && screen.contains("convoke run talks --offline --limit 2"), "{screen}");
    let db = rusqlite::Connection::open(dir.path().join("convoke.db")).unwrap();
    let flags: String =
        db.query_row("select flags from runs order by started desc limit 1", [], |row| row.get(0)).unwrap();
    assert!(flags.starts_with(r#"["run","talks","--offline""#), "{flags}");
}

#[test]
fn two_are_chosen_one_after_the_other() {
    let (dir, mut terminal) = asked(USUAL, &["diff"]);
    terminal.types("talks\r");
    terminal.asks("which other experiment?");
    terminal.types("zoo\r");
    let (screen, code) = terminal.ends();
    assert_eq!(code, 0, "{screen}");
    // A folder here has that name: the id selects the stored experiment.
    let listed = run(dir.path(), &["list", "--json"]);
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    let id = listed["data"][1]["id"].as_str().unwrap();
    assert!(screen.contains(&format!("convoke diff talks id:{id}")), "{screen}");
}

#[test]
fn escape_chooses_nothing() {
    for size in [USUAL, SMALL] {
        let (_dir, mut terminal) = asked(size, &["show"]);
        terminal.types("\r");
        terminal.asks("the experiment, or which");
        terminal.escape();
        let (screen, code) = terminal.ends();
        assert!(code == 2 && screen.contains("nothing was chosen"), "{screen}");
    }
}

#[test]
fn ctrl_c_leaves_with_the_cursor_shown() {
    for (size, words) in [(USUAL, ["show"]), (SMALL, ["run"])] {
        let (_dir, mut terminal) = asked(size, &words);
        terminal.interrupt();
        let (screen, code) = terminal.ends();
        assert_eq!(code, 130, "{screen}");
    }
}

#[test]
fn an_empty_database_says_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let terminal = Terminal::start(dir.path(), &["show"], USUAL, &[]);
    let (screen, code) = terminal.ends();
    assert!(code == 6 && screen.contains("nothing to choose") && screen.contains("convoke new"), "{screen}");
    assert!(!dir.path().join("convoke.db").exists());
}
