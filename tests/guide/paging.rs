//! Long output goes through a pager, and short output does not.

use crate::support::{made, made_over};
use crate::terminal::{Size, Terminal, USUAL};
use std::fs;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// A conversation whose replies would steer a terminal, in a window that is too small for it.
fn long() -> (TempDir, String) {
    let text = format!("## Setting\n{}\n", "A yard.\n".repeat(60));
    let dir = made_over("tester", &[("shared.md", &text)]);
    let run = |words: &[&str]| {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin("convoke"));
        command.current_dir(dir.path()).args(words).env_clear().env("DB_USER", "tester");
        command.env("XDG_CONFIG_HOME", dir.path().join("configuration")).output().unwrap()
    };
    assert!(run(&["run", "talk", "--limit", "1", "--messages", "30"]).status.success());
    let db = rusqlite::Connection::open(dir.path().join("convoke.db")).unwrap();
    db.execute("update messages set content = content || char(27) || '[2J' where kind = 'speech'", []).unwrap();
    let id = db.query_row("select id from conversations", [], |row| row.get(0)).unwrap();
    (dir, id)
}

fn show(dir: &Path, what: &str, size: Size, variables: &[(&str, &str)]) -> Terminal {
    Terminal::start(dir, &["show", what], size, &[&[("PAGER", "")], variables].concat())
}

#[test]
fn the_persons_pager_gets_long_output_and_it_is_harmless() {
    let (dir, id) = long();
    let pager = "sh -c 'cat > paged; echo the pager ended'";
    let t = show(dir.path(), &id, USUAL, &[("PAGER", pager)]);
    let (screen, code) = t.ends();
    assert!(code == 0 && screen.contains("the pager ended"), "{screen}");
    assert!(!screen.contains("Researcher"), "nothing is printed beside the pager: {screen}");
    let text = fs::read_to_string(dir.path().join("paged")).unwrap();
    let bare = console::strip_ansi_codes(&text);
    assert!(bare.contains("Researcher") && bare.lines().count() > 30, "{bare}");
    assert!(text.contains("␛[2J") && !text.contains("\u{1b}[2J"), "{text:?}");
    // The variable of this program wins, and `cat` switches the pager off.
    let t = show(dir.path(), &id, USUAL, &[("PAGER", pager), ("CONVOKE_PAGER", "cat")]);
    let (screen, code) = t.ends();
    assert!(code == 0 && screen.contains("Prisoner_") && !screen.contains("the pager"), "{screen}");
}

#[test]
fn short_output_and_output_that_is_not_read_at_a_terminal_are_not_paged() {
    let (dir, id) = long();
    let pager = ("PAGER", "sh -c 'cat > paged'");
    let t = show(dir.path(), &id, Size(80, 500), &[pager]);
    let (screen, code) = t.ends();
    assert!(code == 0 && screen.contains("Researcher"), "{screen}");
    let t = Terminal::start(dir.path(), &["show", &id, "--no-input"], USUAL, &[pager]);
    assert_eq!(t.ends().1, 0);
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("convoke"));
    command.current_dir(dir.path()).args(["show", &id]).env_clear().env("DB_USER", "tester").env(pager.0, pager.1);
    let output = command.env("TERM", "xterm").output().unwrap();
    assert!(output.status.success() && String::from_utf8_lossy(&output.stdout).contains("Researcher"));
    assert!(!dir.path().join("paged").exists());
}

#[test]
fn a_pager_that_cannot_be_started_loses_nothing() {
    let (dir, id) = long();
    let t = show(dir.path(), &id, USUAL, &[("PAGER", "no-such-pager --x")]);
    let (screen, code) = t.ends();
    assert_eq!(code, 0, "{screen}");
    let t = show(dir.path(), &id, Size(80, 400), &[("PAGER", "no-such-pager")]);
    assert!(t.ends().0.contains("Researcher"));
}

#[test]
fn without_less_it_is_shown_page_by_page() {
    let (dir, id) = long();
    let mut t = show(dir.path(), &id, USUAL, &[("PATH", "/nowhere"), ("NO_COLOR", "1")]);
    let first = t.shows("Space shows more, b goes back, q leaves");
    assert!(first.contains("conversation ") && first.contains("1-2"), "{first}");
    t.types(" ");
    t.until_whole("the second page", |s| s.contains("leaves") && !s.contains("1-2"));
    t.types("b");
    t.until_whole("the first page", |s| s.contains("replicate") && s.contains("1-2"));
    t.types("q");
    let (screen, code) = t.ends();
    assert!(code == 0 && !screen.contains("Space shows") && screen.contains("replicate"), "{screen}");
    // Ctrl-C leaves, too.
    let mut t = show(dir.path(), &id, USUAL, &[("PATH", "/nowhere")]);
    t.shows("Space shows more").pop();
    t.interrupt();
    assert_eq!(t.ends().1, 130);
}

#[test]
fn the_guide_goes_on_after_a_pager_also_after_ctrl_c_in_it() {
    let dir = made("tester");
    let pager = "sh -c 'trap : INT; cat > /dev/null; echo in the pager; read x < /dev/tty; echo out of it'";
    let mut t = Terminal::start(dir.path(), &[], Size(80, 30), &[("PAGER", pager), ("NO_COLOR", "1")]);
    t.at("what next?").takes("select").at("experiment").enter();
    t.shows("in the pager").pop();
    // The trap of the pager ends its reading.
    t.interrupt();
    t.shows("out of it").pop();
    t.until("the menu", |s| s.contains("> run conv"));
    t.takes("back").at("experiment").escape();
    t.at("what next?").takes("exit");
    assert_eq!(t.ends().1, 0);
}

/// `less` itself, where there is one.
#[test]
fn less_shows_its_keys() {
    let has_less = std::env::split_paths(&std::env::var("PATH").unwrap_or_default()).any(|p| p.join("less").is_file());
    if !has_less {
        eprintln!("SKIPPED: less is not on PATH");
        return;
    }
    let (dir, id) = long();
    let mut t = show(dir.path(), &id, USUAL, &[]);
    let screen = t.shows("q leaves");
    assert!(screen.contains("replicate"), "{screen}");
    t.types("q");
    assert_eq!(t.ends().1, 0);
}
