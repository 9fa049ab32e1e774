//! Starting and leaving the guide.

use crate::terminal::{SMALL, Size, Terminal, USUAL};
use tempfile::TempDir;

fn started(size: Size) -> (TempDir, Terminal) {
    let dir = tempfile::tempdir().unwrap();
    let terminal = Terminal::start(dir.path(), &[], size, &[]);
    terminal.asks("what next?");
    (dir, terminal)
}

#[test]
fn escape_leaves() {
    for size in [USUAL, SMALL] {
        let (_dir, mut terminal) = started(size);
        terminal.escape();
        assert_eq!(terminal.ends().1, 0);
    }
}

#[test]
fn ctrl_c_leaves_with_the_cursor_shown() {
    for size in [USUAL, SMALL] {
        let (_dir, mut terminal) = started(size);
        terminal.interrupt();
        let (screen, code) = terminal.ends();
        assert_eq!(code, 130, "{screen}");
    }
}

/// `~` in a typed path is the home folder, and a wrong path is asked for again as it was typed.
#[test]
fn a_path_may_begin_at_home() {
    let (dir, home) = (crate::support::made("tester"), tempfile::tempdir().unwrap());
    let mut t =
        Terminal::start(dir.path(), &[], USUAL, &[("HOME", &home.path().display().to_string()), ("NO_COLOR", "1")]);
    t.asks("what next?");
    t.takes("select").at("experiment").enter().at("talk").takes("save to").at("save what?").takes("the experiment");
    t.field("save to: exports/").writes("~/saved").at("talk");
    assert!(home.path().join("saved/experiment.toml").exists());
    t.escape();
    t.at("experiment |").escape();
    t.at("what next?").takes("import").field("folder of the experiment").writes("~/svaed").shows("error: ").pop();
    t.field("folder of the experiment: ~/svaed").writes("~/saved").at("what next?");
    t.takes("sign in elsewhere").at("where?").takes("a file");
    t.field("file of the database").writes("~/other.db").at("what next?");
    t.takes("exit");
    let (screen, code) = t.ends();
    assert_eq!(code, 0, "{screen}");
    assert!(screen.contains(&home.path().join("other.db").display().to_string()), "{screen}");
    assert!(!dir.path().join("~").exists(), "{screen}");
}
