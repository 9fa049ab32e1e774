//! The questions for a new experiment in order, and the keys that answer them.

use crate::terminal::{Size, Terminal};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

/// Texts on the screen at a question, and the keys that answer it.
pub type Asked = (&'static [&'static str], &'static str);

/// Enter.
pub const OK: &str = "\r";
/// Keys for the second and the third item of a list.
pub const SECOND: &str = "\u{1b}[B\r";
pub const THIRD: &str = "\u{1b}[B\u{1b}[B\r";

/// The steps, each with its questions.
pub const ROAD: &[&[Asked]] = &[
    &[(&["name of the experiment"], "prison\r")],
    &[(&["? starting message ›"], OK)],
    &[
        (&["? ollama cannot be asked ›"], SECOND),
        (&["? model ›"], OK),
        (&["as in llama3.1 or"], "gpt-4.1\r"),
        (&["? parameters of openai/gpt-4.1"], OK),
        (&["? models ›"], SECOND),
        (&["? model ›"], "scripted\r"),
        (&["? models ›"], OK),
    ],
    &[(&["section titles"], OK)],
    // The third one is ticked.
    &[(&["? which are shared?"], "\u{1b}[B\u{1b}[B \r")],
    &[(&["in which order"], OK)],
    &[(&["roles in speaking"], "\u{15}guard, prisoner\r")],
    &[(&["several of guard"], OK)],
    // `they/their` becomes `he/his`.
    &[(&["pronouns of one guard"], "\u{15}he/his\r")],
    &[(&["several of prisoner"], OK)],
    &[(&["pronouns of one prisoner"], OK)],
    &[(&["? model of guard ›"], SECOND)],
    &[(&["? model of prisoner ›"], OK)],
    &[(&["? a summariser? [y/n"], "y")],
    &[(&["the summariser's section"], OK)],
    &[
        (&["? shared: before the sections ›"], OK),
        (&["✔ shared: before the sections"], "In a prison are <GUARD_NUM> <GUARD_NOUN>.\rIt is 漢字 e\u{301}.\r.\r"),
    ],
    &[
        (&["? shared: Communication rules"], OK),
        (&["✔ shared: Communication rules"], "Speak in the first person.\r.\r"),
    ],
    &[
        (&["? guard: before the sections"], OK),
        (&["✔ guard: before the sections"], "@You are <AGENT_NAME>, it's \"so\" & $HOME = `x`.\r\r- a list\r.\r"),
    ],
    &[
        (&["? guard: Goal"], OK),
        (&["✔ guard: Goal"], "Keep the <PRISONR_NOUN> in.\r.\r"),
        // The line is offered again: eleven to the left, and the missing letter is inserted.
        (&["unknown tag `<PRISONR_NOUN>`", "^^^^", "line 1: Keep"], LEFT_11),
    ],
    &[(&["? guard: Personality"], THIRD)],
    &[(&["? prisoner: before the"], THIRD)],
    &[(&["? prisoner: Goal"], OK), (&["✔ prisoner: Goal"], "Get out.\r.\r")],
    &[(&["? prisoner: Personality"], OK), (&["✔ prisoner: Personality"], "Kind.\r.\r")],
    &[(&["? summarizer: Goal"], OK), (&["✔ summarizer: Goal"], "Say it short.\r.\r")],
    &[(&["? what varies? ›"], OK)],
    &[(&["? a star? [y/n"], "y")],
    &[(&["note (may be empty)"], "of mine\r")],
];
pub const LEFT_11: &str = "\u{1b}[D\u{1b}[D\u{1b}[D\u{1b}[D\u{1b}[D\u{1b}[D\u{1b}[D\u{1b}[D\u{1b}[D\u{1b}[D\u{1b}[DE\r";

/// The guide at its first question.
pub fn guide(dir: &TempDir, size: Size) -> Terminal {
    let terminal = Terminal::start(dir.path(), &[], size, &[]);
    stands(&terminal, &["? what next?"]);
    terminal
}

/// The guide at the first question of a new experiment.
pub fn creating(dir: &TempDir, size: Size) -> Terminal {
    let mut terminal = guide(dir, size);
    terminal.types(OK);
    stands(&terminal, ROAD[0][0].0);
    terminal
}

/// Waits until a question is on the screen and nothing changes any more.
#[track_caller]
pub fn stands(terminal: &Terminal, asked: &[&str]) -> String {
    loop {
        let screen = terminal.until(&format!("{asked:?}"), |screen| asked.iter().all(|part| screen.contains(part)));
        std::thread::sleep(std::time::Duration::from_millis(60));
        if terminal.until("anything", |_| true) == screen {
            return screen;
        }
    }
}

/// Answers the questions of a step; returns the screen of each.
pub fn goes(terminal: &mut Terminal, step: &[Asked]) -> Vec<String> {
    let mut screens = Vec::new();
    for (asked, keys) in step {
        screens.push(stands(terminal, asked));
        terminal.types(keys);
    }
    screens
}

pub fn convoke(folder: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("convoke"));
    command.current_dir(folder).args(words).env_clear().env("DB_USER", "tester");
    command.env("XDG_CONFIG_HOME", folder.join("configuration")).output().unwrap()
}

/// The stored experiment's files, one after the other.
#[track_caller]
pub fn exported(folder: &Path, name: &str) -> String {
    let output = convoke(folder, &["export", name, "--format", "folder", "-o", "exported"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut paths = ["experiment.toml", "shared.md", "summarizer.md"].map(str::to_owned).to_vec();
    let mut roles: Vec<String> = fs::read_dir(folder.join("exported/roles"))
        .unwrap()
        .map(|e| format!("roles/{}", e.unwrap().file_name().to_string_lossy()))
        .collect();
    roles.sort();
    paths.extend(roles);
    let read = |path: &String| fs::read_to_string(folder.join("exported").join(path)).unwrap_or_default();
    let all: Vec<String> = paths.iter().map(|path| format!("=== {path}\n{}", read(path))).collect();
    fs::remove_dir_all(folder.join("exported")).unwrap();
    all.concat()
}

pub fn drafts(dir: &TempDir) -> usize {
    let folder = fs::read_dir(dir.path().join("state/convoke/drafts"));
    let names = folder.into_iter().flatten().map(|entry| entry.unwrap().path());
    names.filter(|path| path.extension().is_some_and(|end| end == "json")).count()
}

/// Waits until the draft on disk holds this.
#[track_caller]
pub fn draft_holds(dir: &TempDir, text: &str) {
    let folder = dir.path().join("state/convoke/drafts");
    let end = std::time::Instant::now() + std::time::Duration::from_secs(30);
    loop {
        let mut files = fs::read_dir(&folder).unwrap().filter_map(|e| fs::read_to_string(e.unwrap().path()).ok());
        if files.any(|draft| draft.contains(text)) {
            return;
        }
        assert!(std::time::Instant::now() < end, "{text}");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

/// The experiment of these steps is stored as expected.
#[track_caller]
pub fn is_stored(dir: &TempDir) {
    insta::assert_snapshot!("road_document", exported(dir.path(), "prison"));
}
