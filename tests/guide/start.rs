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
