//! Making an experiment with the guide: the whole road, and everything that may happen on it.

use crate::terminal::{SMALL, Size, Terminal, USUAL};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

/// What is on the screen when a question stands there, and the keys that answer it.
pub type Asked = (&'static [&'static str], &'static str);

/// Enter.
const OK: &str = "\r";
/// The second and the third of a list.
const SECOND: &str = "\u{1b}[B\r";
const THIRD: &str = "\u{1b}[B\u{1b}[B\r";

/// The road: of each step, its questions.
pub const ROAD: &[&[Asked]] = &[
    &[(&["name of the experiment"], "prison\r")],
    &[(&["starting message"], OK)],
    &[
        (&["? ollama cannot be asked ›"], SECOND),
        (&["? model (typing narrows) ›"], OK),
        (&["as in llama3.1 or"], "gpt-4.1\r"),
        (&["? parameters of openai/gpt-4.1"], OK),
        (&["? models ›"], SECOND),
        (&["? model (typing narrows) ›"], "scripted\r"),
        (&["? models ›"], OK),
    ],
    &[(&["section titles"], OK)],
    // The third one is ticked.
    &[(&["? which are shared?"], "\u{1b}[B\u{1b}[B \r")],
    &[(&["in which order"], OK)],
    &[(&["roles in speaking"], OK)],
    &[(&["several of guard"], OK)],
    // `they/their` becomes `he/his`.
    &[(&["pronouns of one guard"], "\u{15}he/his\r")],
    &[(&["several of prisoner"], OK)],
    &[(&["pronouns of one prisoner"], OK)],
    &[(&["? model of guard ›"], SECOND)],
    &[(&["? model of prisoner ›"], OK)],
    &[(&["a summariser?"], SECOND)],
    &[(&["the summariser's section"], OK)],
    &[
        (&["? all: before the sections ›"], OK),
        (&["✔ all: before the sections"], "In a prison are <GUARD_NUM> <GUARD_NOUN>.\rIt is 漢字 e\u{301}.\r.\r"),
    ],
    &[(&["? all: Communication rules"], OK), (&["✔ all: Communication rules"], "Speak in the first person.\r.\r")],
    &[
        (&["? guard: before the sections"], OK),
        (&["✔ guard: before the sections"], "@You are <AGENT_NAME>, it's \"so\" & $HOME = `x`.\r\r- a list\r.\r"),
    ],
    &[
        (&["? guard: Goal"], OK),
        (&["✔ guard: Goal"], "Keep the <PRISONR_NOUN> in.\r.\r"),
        // The line stands there again: eleven to the left, and what is missing is put in.
        (&["unknown tag `<PRISONR_NOUN>`", "^^^^", "line 1: Keep"], LEFT_11),
    ],
    &[(&["? guard: Personality"], THIRD)],
    &[(&["? prisoner: before the"], THIRD)],
    &[(&["? prisoner: Goal"], OK), (&["✔ prisoner: Goal"], "Get out.\r.\r")],
    &[(&["? prisoner: Personality"], OK), (&["✔ prisoner: Personality"], "Kind.\r.\r")],
    &[(&["? summarizer: Goal"], OK), (&["✔ summarizer: Goal"], "Say it short.\r.\r")],
    &[(&["a star, so"], SECOND)],
    &[(&["note (may be empty)"], "of mine\r")],
];
const LEFT_11: &str = "\u{1b}[D\u{1b}[D\u{1b}[D\u{1b}[D\u{1b}[D\u{1b}[D\u{1b}[D\u{1b}[D\u{1b}[D\u{1b}[D\u{1b}[DE\r";

/// The guide at its first question.
fn guide(dir: &TempDir, size: Size) -> Terminal {
    let terminal = Terminal::start(dir.path(), &[], size, &[]);
    stands(&terminal, &["? what next?"]);
    terminal
}

/// The guide at the first question of a new experiment.
fn creating(dir: &TempDir, size: Size) -> Terminal {
    let mut terminal = guide(dir, size);
    terminal.types(OK);
    stands(&terminal, ROAD[0][0].0);
    terminal
}

/// Waits until a question stands on the screen and nothing moves any more.
#[track_caller]
pub fn stands(terminal: &Terminal, asked: &[&str]) -> String {
    loop {
        let screen = terminal.until(&format!("{asked:?}"), |screen| asked.iter().all(|part| screen.contains(part)));
        std::thread::sleep(std::time::Duration::from_millis(60));
        if terminal.screen() == screen {
            return screen;
        }
    }
}

/// Goes a step of the road; every screen on which something was asked.
pub fn goes(terminal: &mut Terminal, step: &[Asked]) -> Vec<String> {
    let mut screens = Vec::new();
    for (asked, keys) in step {
        screens.push(stands(terminal, asked));
        terminal.types(keys);
    }
    screens
}

fn convoke(folder: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("convoke"));
    command.current_dir(folder).args(words).env_clear().env("DB_USER", "tester");
    command.env("XDG_CONFIG_HOME", folder.join("configuration")).output().unwrap()
}

/// The stored experiment's files, one after the other.
#[track_caller]
fn exported(folder: &Path, name: &str) -> String {
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

fn drafts(dir: &TempDir) -> usize {
    let folder = fs::read_dir(dir.path().join("state/convoke/drafts"));
    let names = folder.into_iter().flatten().map(|entry| entry.unwrap().path());
    names.filter(|path| path.extension().is_some_and(|end| end == "json")).count()
}

/// What changes from run to run, taken out.
fn settled(screens: &[String]) -> String {
    let all = screens.join("\n────────\n");
    let mut out = String::new();
    let mut rest = all.as_str();
    while let Some(at) = rest.find("(id ") {
        let (before, after) = rest.split_at(at);
        out.push_str(before);
        out.push_str("(id …)");
        rest = after.find(')').map_or("", |end| &after[end + 1..]);
    }
    out + rest
}

fn whole_road(size: Size) -> (TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    let mut terminal = creating(&dir, size);
    let mut screens = Vec::new();
    for step in ROAD {
        screens.extend(goes(&mut terminal, step));
    }
    screens.push(stands(&terminal, &["? what now?"]));
    terminal.types(OK);
    screens.push(stands(&terminal, &["? what next?"]));
    assert_eq!(drafts(&dir), 0, "what is stored is no draft");
    terminal.escape();
    assert_eq!(terminal.ends().1, 0);
    (dir, settled(&screens))
}

#[test]
fn the_whole_road() {
    let (dir, screens) = whole_road(USUAL);
    insta::assert_snapshot!("road_80x24", screens);
    insta::assert_snapshot!("road_document", exported(dir.path(), "prison"));
    let list = convoke(dir.path(), &["list", "--json"]);
    assert!(String::from_utf8_lossy(&list.stdout).contains("\"starred\":true"));
}

#[test]
fn the_whole_road_in_a_small_window() {
    let (dir, screens) = whole_road(SMALL);
    insta::assert_snapshot!("road_40x15", screens);
    insta::assert_snapshot!("road_document", exported(dir.path(), "prison"));
}

/// How a program ends in the middle.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Cut {
    Kill,
    Interrupt,
}

/// Ends the program at every question of the road; the draft is offered each time, and goes on there.
fn cut_everywhere(cut: Cut) {
    let dir = tempfile::tempdir().unwrap();
    let mut terminal = creating(&dir, USUAL);
    for (at, step) in ROAD.iter().enumerate() {
        for n in 0..step.len() {
            goes(&mut terminal, &step[..n]);
            stands(&terminal, step[n].0);
            match cut {
                Cut::Kill => terminal.kill(),
                Cut::Interrupt => {
                    terminal.interrupt();
                    let (screen, code) = terminal.ends();
                    assert_eq!(code, 130, "{screen}");
                }
            }
            terminal = guide(&dir, USUAL);
            terminal.types(OK);
            if at == 0 {
                assert_eq!(drafts(&dir), 0, "nothing was said yet");
            } else {
                stands(&terminal, &["? there is a draft", "go on with `prison`, at: "]);
                terminal.types(OK);
            }
            stands(&terminal, if at == 2 { &["? ollama cannot be asked ›"] } else { step[0].0 });
            // What was typed of a text is there: it is typed anew here.
            if step.len() == 3 && n == 2 {
                stands(&terminal, &["go on typing (lines so far: 1)"]);
                terminal.types("\u{1b}[B");
            }
        }
        goes(&mut terminal, step);
    }
    stands(&terminal, &["? what now?"]);
    terminal.types(OK);
    stands(&terminal, &["? what next?", "the same by hand"]);
    terminal.escape();
    terminal.ends();
    insta::assert_snapshot!("road_document", exported(dir.path(), "prison"));
}

#[test]
fn a_draft_survives_a_kill_at_every_question() {
    cut_everywhere(Cut::Kill);
}

#[test]
fn ctrl_c_at_every_question_leaves_the_terminal_whole_and_a_draft() {
    cut_everywhere(Cut::Interrupt);
}

/// From the overview back to the first question, and out; then all is still there.
#[test]
fn escape_goes_back_at_every_question() {
    let dir = tempfile::tempdir().unwrap();
    let mut terminal = creating(&dir, USUAL);
    for step in ROAD {
        goes(&mut terminal, step);
    }
    stands(&terminal, &["? what now?"]);
    for (at, step) in ROAD.iter().enumerate().rev() {
        terminal.escape();
        let first: &[&str] = if at == 2 { &["? models ›"] } else { step[0].0 };
        last_is(&terminal, first);
    }
    terminal.escape();
    stands(&terminal, &["? what next?", "The draft is kept"]);
    terminal.types(OK);
    stands(&terminal, &["? there is a draft"]);
    terminal.types(OK);
    // Every answer stands there to be confirmed.
    for (at, step) in ROAD.iter().enumerate() {
        let first: &[&str] = if at == 2 { &["? models ›"] } else { step[0].0 };
        last_is(&terminal, first);
        terminal.types(OK);
    }
    stands(&terminal, &["? what now?"]);
    terminal.types(OK);
    stands(&terminal, &["? what next?", "the same by hand"]);
    terminal.escape();
    terminal.ends();
    insta::assert_snapshot!("road_document", exported(dir.path(), "prison"));
}

/// Waits until this question is the last thing on the screen: a list, or the line of a field.
#[track_caller]
fn last_is(terminal: &Terminal, asked: &[&str]) {
    let part = asked[0];
    terminal.until(part, |screen| {
        let lines: Vec<&str> = screen.lines().collect();
        let list = lines.iter().rposition(|line| line.starts_with("? "));
        let end = match list {
            Some(at) => lines[at.saturating_sub(1)..].join("\n"),
            None => lines[lines.len().saturating_sub(2)..].join("\n"),
        };
        end.contains(part) && (list.is_some() || part.starts_with("? ") || !end.starts_with("? "))
    });
    stands(terminal, asked);
}

/// The questions within a question are gone back from too.
#[test]
fn escape_goes_back_within_a_question() {
    for size in [USUAL, SMALL] {
        let dir = tempfile::tempdir().unwrap();
        let mut terminal = creating(&dir, size);
        goes(&mut terminal, ROAD[0]);
        goes(&mut terminal, ROAD[1]);
        stands(&terminal, &["? ollama cannot be asked ›"]);
        terminal.escape();
        last_is(&terminal, &["starting message"]);
        terminal.types(OK);
        goes(&mut terminal, &ROAD[2][..1]);
        stands(&terminal, &["? model (typing narrows) ›"]);
        terminal.escape();
        last_is(&terminal, &["starting message"]);
        terminal.types(OK);
        goes(&mut terminal, &ROAD[2][..2]);
        stands(&terminal, &["as in llama3.1 or"]);
        terminal.escape();
        stands(&terminal, &["? model (typing narrows) ›"]);
        terminal.types(OK);
        last_is(&terminal, &["as in llama3.1 or"]);
        terminal.types("mine\r");
        stands(&terminal, &["? which server has mine? ›"]);
        terminal.escape();
        terminal.until("the name again", |screen| !screen.contains("? which") && screen.contains("mine"));
        terminal.types("\u{15}gpt-4.1\r");
        stands(&terminal, &["? parameters of openai/gpt-4.1"]);
        terminal.escape();
        stands(&terminal, &["? model (typing narrows) ›"]);
        terminal.types(OK);
        last_is(&terminal, &["as in llama3.1 or"]);
        terminal.types("gpt-4.1\r");
        stands(&terminal, &["? parameters of openai/gpt-4.1"]);
        terminal.types(SECOND);
        stands(&terminal, &["temperature (0 to 2)"]);
        terminal.types("\u{15}0.1\r");
        stands(&terminal, &["top_p (above 0"]);
        terminal.escape();
        terminal.until("temperature again", |screen| screen.matches("temperature (0 to 2)").count() == 2);
        terminal.escape();
        stands(&terminal, &["? parameters of openai/gpt-4.1"]);
        terminal.types(OK);
        stands(&terminal, &["? models ›"]);
        terminal.interrupt();
        assert_eq!(terminal.ends().1, 130);
    }
}

/// From the overview to an answer and back; what a new answer opens is asked, and nothing else.
#[test]
fn an_answer_is_changed_and_no_text_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let mut terminal = creating(&dir, USUAL);
    for step in ROAD {
        goes(&mut terminal, step);
    }
    // Titles: the goals go, and come back.
    for (titles, number) in [("Personality, Communication rules", 5), ("Goal, Personality, Communication rules", 7)] {
        stands(&terminal, &["? what now?"]);
        terminal.types(THIRD);
        stands(&terminal, &["? which one? ›", "section titles: "]);
        terminal.types(&format!("{}\r", "\u{1b}[B".repeat(3)));
        last_is(&terminal, &["section titles"]);
        terminal.types(&format!("\u{15}{titles}\r"));
        stands(&terminal, &["? what now?", &format!("texts: {number}")]);
    }
    // A role more: its own questions are asked.
    terminal.types(THIRD);
    stands(&terminal, &["? which one? ›"]);
    terminal.types(&format!("{}\r", "\u{1b}[B".repeat(6)));
    last_is(&terminal, &["roles in speaking"]);
    terminal.types(", warden=2\r");
    for (asked, keys) in [
        ("several of warden", OK),
        ("pronouns of one warden", OK),
        ("? model of warden ›", OK),
        ("? warden: before the sections ›", THIRD),
        ("? warden: Goal ›", THIRD),
        ("? warden: Personality ›", THIRD),
    ] {
        stands(&terminal, &[asked]);
        terminal.types(keys);
    }
    stands(&terminal, &["? what now?", "roles: 1 guard, 1 prisoner, 2 warden"]);
    terminal.types(SECOND);
    stands(&terminal, &["? what now?", "the summarizer reads"]);
    terminal.types(OK);
    stands(&terminal, &["? what next?", "the same by hand"]);
    terminal.escape();
    terminal.ends();
    let document = exported(dir.path(), "prison");
    for part in ["warden = 2", "Keep the <PRISONER_NOUN> in.", "Get out.", "Say it short."] {
        assert!(document.contains(part), "{part}: {document}");
    }
}

/// A text that was being typed is there after a kill, line by line.
#[test]
fn lines_of_a_text_survive_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let mut terminal = creating(&dir, USUAL);
    for step in &ROAD[..15] {
        goes(&mut terminal, step);
    }
    goes(&mut terminal, &ROAD[15][..1]);
    stands(&terminal, ROAD[15][1].0);
    terminal.types("one\rtwo 漢字\r");
    draft_holds(&dir, "two 漢字");
    terminal.types("half of thr");
    stands(&terminal, &["half of thr"]);
    terminal.kill();
    let mut terminal = guide(&dir, USUAL);
    terminal.types(OK);
    stands(&terminal, &["go on with `prison`, at: contents of all: before the sections"]);
    terminal.types(OK);
    stands(&terminal, &["go on typing (lines so far: 2)"]);
    terminal.types(OK);
    stands(&terminal, &["  one\n  two 漢字"]);
    // Esc keeps them as well.
    terminal.escape();
    stands(&terminal, &["? all: before the sections ›", "go on typing (lines so far: 2)"]);
    terminal.types(OK);
    terminal.until("typing", |screen| !screen.contains("? all: before"));
    terminal.types("three\r.\r");
    stands(&terminal, &["? all: Communication rules"]);
    draft_holds(&dir, "one\\ntwo 漢字\\nthree");
    terminal.interrupt();
    terminal.ends();
}

/// A text from the person's editor, in which there is what was there before.
#[test]
fn a_text_comes_from_an_editor() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let editor = dir.path().join("editor");
    fs::write(&editor, "#!/bin/sh\ncp \"$1\" before\nprintf 'Of an editor,\\n\\n漢字.\\n' > \"$1\"\n").unwrap();
    fs::set_permissions(&editor, fs::Permissions::from_mode(0o755)).unwrap();
    let editor = editor.display().to_string();
    let mut terminal = Terminal::start(dir.path(), &[], USUAL, &[("EDITOR", &editor)]);
    stands(&terminal, &["? what next?"]);
    terminal.types(OK);
    for step in &ROAD[..15] {
        goes(&mut terminal, step);
    }
    stands(&terminal, &["? all: before the sections ›"]);
    terminal.types(SECOND);
    stands(&terminal, &["? all: Communication rules"]);
    draft_holds(&dir, "Of an editor,\\n\\n漢字.");
    terminal.escape();
    stands(&terminal, &["? all: before the sections ›", "keep it: Of an editor, 漢字."]);
    terminal.types(&format!("{}\r", "\u{1b}[B".repeat(3)));
    stands(&terminal, &["? all: Communication rules"]);
    assert_eq!(fs::read_to_string(dir.path().join("before")).unwrap(), "Of an editor,\n\n漢字.");
    terminal.interrupt();
    terminal.ends();
}

/// Waits until the draft on the disk holds this.
#[track_caller]
fn draft_holds(dir: &TempDir, text: &str) {
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

/// Letters of all kinds, edited with arrows and Backspace in a narrow window, where they wrap.
#[test]
fn any_letters_are_typed_edited_and_stored() {
    let dir = tempfile::tempdir().unwrap();
    let mut terminal = creating(&dir, SMALL);
    // A letter with its accent, and an emoji of several code points, go with one Backspace.
    terminal.types("Ünïcödé 漢字x e\u{301}e\u{301}👩\u{200d}🚀👩\u{200d}🚀");
    terminal.types("\u{7f}");
    terminal.arrow('D');
    terminal.types("\u{7f}");
    // To the left of `x`, over a letter with its accent and a space, and away with the wide letter before it.
    for _ in 0..3 {
        terminal.arrow('D');
    }
    terminal.types("\u{7f}\r");
    stands(&terminal, &["starting message"]);
    let long = "漢字 und Ünïcödé über mehr als eine Zeile hinweg, e\u{301} am Ende";
    terminal.types("\u{15}");
    terminal.types(long);
    terminal.arrow('D');
    terminal.types("\u{7f}N");
    terminal.types("\r");
    for step in &ROAD[2..] {
        goes(&mut terminal, step);
    }
    let screen = stands(&terminal, &["? what now?"]);
    insta::assert_snapshot!("letters_40x15", screen);
    terminal.types(OK);
    stands(&terminal, &["? what next?"]);
    terminal.escape();
    terminal.ends();
    let name = "Ünïcödé 漢x e\u{301}👩\u{200d}🚀";
    let document = exported(dir.path(), name);
    assert!(document.contains(&format!("name = \"{name}\"")), "{document}");
    assert!(document.contains("e\u{301} am EnNe"), "{document}");
    assert!(document.contains("It is 漢字 e\u{301}."), "{document}");
}

/// A server that does not run is started, and asked again: no answer is lost.
#[test]
fn a_server_is_started_and_asked_again() {
    let dir = tempfile::tempdir().unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = format!("127.0.0.1:{port}");
    let mut terminal = Terminal::start(dir.path(), &[], USUAL, &[("OLLAMA_HOST", &address)]);
    stands(&terminal, &["? what next?"]);
    terminal.types(OK);
    goes(&mut terminal, ROAD[0]);
    goes(&mut terminal, ROAD[1]);
    stands(&terminal, &["? ollama cannot be asked ›"]);
    ollama(&address);
    terminal.types(OK);
    stands(&terminal, &["? model (typing narrows) ›", "ollama/llama3.1 (4.7 GB)"]);
    terminal.types(OK);
    stands(&terminal, &["these: temperature 0.7, top_p 0.9, top_k 40, num_ctx 10000"]);
    // The same once more, with a name and other parameters.
    terminal.types(OK);
    stands(&terminal, &["? models ›"]);
    terminal.types(SECOND);
    stands(&terminal, &["? model (typing narrows) ›"]);
    terminal.types(OK);
    stands(&terminal, &["its name in the experiment: llama3.1-2"]);
    terminal.types(OK);
    stands(&terminal, &["? parameters of llama3.1-2 ›"]);
    terminal.types(SECOND);
    stands(&terminal, &["temperature (0 to 2): 0.7"]);
    terminal.types("\u{15}3\r");
    stands(&terminal, &["temperature cannot be `3`"]);
    terminal.types("\u{15}0\r");
    stands(&terminal, &["top_k (how many candidates): 40"]);
    terminal.types("\u{15}\r");
    stands(&terminal, &["top_p (above 0, up to 1): 0.9"]);
    terminal.types(OK);
    stands(&terminal, &["num_ctx (context in tokens): 10000"]);
    terminal.types("\u{15}4096\r");
    stands(&terminal, &["? models ›", "change llama3.1-2: ollama/llama3.1, temperature 0, top_p 0.9, num_ctx 4096"]);
    // One that is not there is fetched by the run, which is said.
    terminal.types(SECOND);
    stands(&terminal, &["? model (typing narrows) ›"]);
    terminal.types("another\r");
    stands(&terminal, &["as in llama3.1 or"]);
    terminal.types("mistral\r");
    stands(&terminal, &["? which server has mistral? ›"]);
    terminal.types(OK);
    stands(&terminal, &["ollama does not have mistral: a run fetches it"]);
    terminal.interrupt();
    terminal.ends();
    draft_holds(&dir, "\"prison\"");
}

/// An Ollama of one model, as far as looking at it goes.
fn ollama(address: &str) {
    use std::io::{BufRead, BufReader, Read, Write};
    let listener = std::net::TcpListener::bind(address).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let (mut first, mut length) = (String::new(), 0);
            reader.read_line(&mut first).unwrap();
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                if let Some(n) = line.to_lowercase().strip_prefix("content-length:") {
                    length = n.trim().parse().unwrap();
                }
                if line.trim().is_empty() {
                    break;
                }
            }
            reader.take(length).read_to_end(&mut Vec::new()).unwrap();
            let body = match first.split(' ').nth(1).unwrap_or_default() {
                "/api/tags" => {
                    r#"{"models":[{"name":"llama3.1:latest","model":"llama3.1:latest","modified_at":"2026-01-02T03:04:05Z","size":4661224676,"digest":"46e0"}]}"#
                }
                "/api/show" => {
                    r#"{"license":"","modelfile":"","parameters":"","template":"","model_info":{},"capabilities":[]}"#
                }
                _ => "{}",
            };
            let length = body.len();
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
            );
        }
    });
}
