//! On a pseudo-terminal: bars, Ctrl-C, questions; the terminal is restored (R6).

#![cfg(unix)]
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

#[path = "cli/support/server.rs"]
mod server;

use rexpect::session::{PtySession, spawn_command};
use server::{Fake, completion, respond};
use std::fs;
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

const TOML: &str = "name = \"small\"\nmodels = [\"fake/m\"]\n\n[protocol]\nmessages = 4\nagents = { guard = 1, prisoner = 1 }\n\n[roles.guard]\nplural = \"guards\"\n\n[roles.prisoner]\nplural = \"prisoners\"\n\n[run]\nreplicates = 2\n";

/// A folder with an experiment, and a server `fake` at this address.
fn place(address: &str) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("small/experiment.toml", TOML);
    write("small/roles/guard.md", "You are <AGENT_NAME>.\n");
    write("small/roles/prisoner.md", "You are <AGENT_NAME>.\n");
    let server = format!("[servers.fake]\nkind = \"openai\"\nbase_url = \"http://{address}/v1\"\n");
    write("configuration/convoke/config.toml", &server);
    dir
}

fn start(dir: &TempDir, line: &str) -> PtySession {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("convoke"));
    command.current_dir(dir.path()).args(line.split(' ')).env_clear();
    command.env("XDG_CONFIG_HOME", dir.path().join("configuration")).env("TERM", "xterm-256color").env("DB_USER", "t");
    spawn_command(command, Some(20_000)).unwrap()
}

/// The final screen, and the exit code.
fn end(mut session: PtySession) -> (String, i32) {
    let screen = session.exp_eof().unwrap();
    // The type of the status is not public; it shows as `Exited(Pid(12), 0)`.
    let status = format!("{:?}", session.process().wait().unwrap());
    let code = status.strip_prefix("Exited(").and_then(|s| s.rsplit_once(", ")?.1.trim_end_matches(')').parse().ok());
    (screen, code.unwrap_or_else(|| panic!("{status}")))
}

/// Checks that the last cursor command shows it.
#[track_caller]
fn cursor_is_shown(screen: &str) {
    let (hidden, shown) = (screen.rfind("\u{1b}[?25l"), screen.rfind("\u{1b}[?25h"));
    assert!(hidden.is_none() || shown > hidden, "the cursor stays hidden: {screen:?}");
}

/// A line without terminal control sequences.
fn plain(line: &str) -> String {
    console::strip_ansi_codes(line).trim().to_owned()
}

fn slow() -> Fake {
    Fake::start(|seen, stream| {
        if seen.is_chat() {
            std::thread::sleep(Duration::from_secs(5));
        }
        respond(stream, 200, "", completion("Slowly.").as_bytes());
    })
}

#[test]
fn bars_are_drawn_and_cleared() {
    let dir = place("127.0.0.1:9");
    let (screen, code) = end(start(&dir, "run small --offline --replicates 40"));
    assert_eq!(code, 0, "{screen:?}");
    assert!(screen.contains('━') || screen.contains("\u{e2}\u{94}\u{81}"), "{screen:?}");
    assert!(plain(&screen).contains("40 done, 0 failed, 0 left"), "{screen:?}");
    cursor_is_shown(&screen);
}

#[test]
fn no_bars_where_they_are_not_wanted() {
    let dir = place("127.0.0.1:9");
    let (screen, code) = end(start(&dir, "run small --offline --quiet"));
    assert_eq!(code, 0, "{screen:?}");
    assert_eq!(screen.trim().lines().count(), 1, "{screen:?}");
    assert!(plain(&screen).starts_with("2 done"), "{screen:?}");
}

#[test]
fn ctrl_c_stops_and_the_last_line_continues() {
    let server = slow();
    let dir = place(&server.address);
    let mut session = start(&dir, "run small --grace 1s");
    while !server.seen().iter().any(server::Seen::is_chat) {
        std::thread::sleep(Duration::from_millis(20));
    }
    session.send_control('c').unwrap();
    let (screen, code) = end(session);
    assert_eq!(code, 130, "{screen:?}");
    let last = plain(screen.trim_end().lines().last().unwrap());
    assert!(last.ends_with("convoke run small --grace 1s"), "{screen:?}");
    cursor_is_shown(&screen);
}

#[test]
fn a_second_ctrl_c_leaves_at_once() {
    let server = slow();
    let dir = place(&server.address);
    let mut session = start(&dir, "run small");
    while !server.seen().iter().any(server::Seen::is_chat) {
        std::thread::sleep(Duration::from_millis(20));
    }
    session.send_control('c').unwrap();
    session.exp_string("stopping").unwrap();
    let asked = std::time::Instant::now();
    session.send_control('c').unwrap();
    let (screen, code) = end(session);
    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
    assert_eq!(code, 130, "{screen:?}");
    assert!(plain(screen.trim_end().lines().last().unwrap()).ends_with("convoke run small"), "{screen:?}");
    cursor_is_shown(&screen);
}

/// A changed experiment with earlier conversations; the question is on the screen.
fn asked() -> (TempDir, PtySession) {
    let dir = place("127.0.0.1:9");
    let (screen, code) = end(start(&dir, "run small --offline"));
    assert_eq!(code, 0, "{screen:?}");
    fs::write(dir.path().join("small/roles/guard.md"), "You are <AGENT_NAME>, and kind.\n").unwrap();
    let mut session = start(&dir, "run small --offline");
    session.exp_string("go on with the changed experiment?").unwrap();
    (dir, session)
}

fn conversations(dir: &TempDir) -> String {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("convoke"));
    command.current_dir(dir.path()).args(["list", "small", "--all", "--json"]).env("DB_USER", "t");
    let output = command.output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
fn answer(keys: &str, expected: i32, number: usize) {
    let (dir, mut session) = asked();
    match keys {
        "Ctrl-C" => session.send_control('c').unwrap(),
        keys => {
            session.send(keys).unwrap();
            session.flush().unwrap();
        }
    }
    let (screen, code) = end(session);
    assert_eq!(code, expected, "{keys:?}: {screen:?}");
    assert_eq!(conversations(&dir).matches("\"replicate\":").count(), number, "{keys:?}");
    cursor_is_shown(&screen);
}

#[test]
fn no_runs_nothing() {
    answer("n", 2, 2);
}

#[test]
fn enter_takes_the_answer_that_is_shown() {
    let (_dir, mut session) = asked();
    session.exp_string("Enter: no]").unwrap();
    drop(session);
    answer("\r", 2, 2);
}

#[test]
fn yes_goes_on() {
    answer("y", 0, 4);
}

#[test]
fn escape_runs_nothing() {
    answer("\u{1b}", 2, 2);
}

#[test]
fn ctrl_c_at_a_question() {
    answer("Ctrl-C", 130, 2);
}
