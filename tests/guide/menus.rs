//! The menus of stored objects: each is used, each can be left.

use crate::support::{Base, TALK, ends_with, is_list, made, made_with, selected, started};
use crate::terminal::{SMALL, Size, Terminal, USUAL};
use std::path::Path;
use std::process::Command;

/// The screen since the last command, without values that change from run to run.
fn seen(screen: &str) -> String {
    let lines: Vec<&str> = screen.lines().collect();
    let from = lines.iter().rposition(|l| l.starts_with("the same by hand")).unwrap_or(0);
    lines[from..].join("\n")
}

macro_rules! assert_seen {
    ($name:expr, $size:expr, $screen:expr) => {
        insta::with_settings!({
            filters => vec![(r"\d{4}-\d\d-\d\d \d\d:\d\d", "[INSTANT]"), (r"\d{4}-\d\d-\d\d", "[DATE]"), (r"\(id \w{16}\)", "(id [ID])")],
            omit_expression => true,
        }, { insta::assert_snapshot!(format!("{}_{}x{}", $name, $size.0, $size.1), seen($screen)); });
    };
}

fn road(size: Size) {
    let dir = made("tester");
    let copy = tempfile::tempdir().unwrap();
    std::fs::copy(dir.path().join("convoke.db"), copy.path().join("convoke.db")).unwrap();
    let mut t = started(dir.path(), size);
    assert_seen!("start", size, &t.ends_in("exit"));
    t.takes("select");
    assert_seen!("list", size, &t.ends_in("> talk"));
    t.types("\r");
    assert_seen!("shown", size, &t.until("the menu", |s| s.contains("talk:") && is_list(s)));
    batch(&mut t, size);
    conversations(&mut t, size);
    duplicate(&mut t, size);
    // The copy is listed first; it is deleted, and the original saved.
    t.shows("talk-2 ");
    t.types("\r");
    t.shows("run conversations");
    t.takes("delete it").shows("delete experiment");
    t.types("y");
    t.shows("deleted experiment");
    assert_seen!("deleted", size, &t.ends_in("> talk ·"));
    t.types("\r");
    t.shows("run conversations");
    t.takes("save to files").shows("save what?");
    t.takes("data, a line").asks("save to");
    assert_seen!("save", size, &t.ends_in("exports/talk.jsonl"));
    t.types("\r");
    t.shows("convoke export talk");
    t.takes("back").shows("done,");
    t.escape();
    t.asks("what next?");
    t.takes("exit");
    let (_, code) = t.ends();
    assert_eq!(code, 0);
    same_by_hand(copy.path(), dir.path());
}

/// Two more of one model, with five messages.
fn batch(t: &mut Terminal, size: Size) {
    t.takes("run conv");
    assert_seen!("more", size, &t.ends_in("> 1"));
    t.writes("2").shows("space ticks");
    t.arrow('B');
    t.types(" ");
    t.types("\r");
    t.shows("messages of");
    t.ends_in("> 4");
    t.writes("5").shows("days:");
    t.types("\r");
    t.shows("agents of guard");
    t.types("\r");
    t.shows("agents of prisoner");
    t.types("\r");
    t.shows("who speaks next?");
    t.types("\r");
    assert_seen!("planned", size, &t.ends_in("run it?"));
    t.types("y");
    let ran = t.until("the menu", |s| s.contains("> old conv") && is_list(s));
    assert_seen!("ran", size, &ran);
}

fn conversations(t: &mut Terminal, size: Size) {
    t.until("the cursor", |s| s.lines().any(|l| l.starts_with("> old conv")));
    t.types("\r");
    assert_seen!("conversations", size, &t.ends_in("nr 2"));
    t.types("\r");
    t.shows("view");
    t.takes("view").shows("convoke show 4");
    assert_seen!("viewed", size, &t.until("the menu", |s| s.contains("convoke show 4") && is_list(s)));
    t.takes("star it").shows("starred conversation");
    t.shows("take its star");
    t.takes("note").shows("note (may be");
    t.enters("-worth a look");
    t.shows("noted on");
    t.until("the menu", is_list);
    t.takes("back");
    t.shows("★");
    assert_seen!("marked", size, &t.ends_in("nr 2"));
    t.escape();
    t.shows("duplicate and");
}

fn duplicate(t: &mut Terminal, size: Size) {
    t.until("the menu", is_list);
    t.takes("duplicate").shows("talk-2");
    t.types("\r");
    t.shows("what now?");
    assert_seen!("otherwise", size, &t.ends_in("leave (the draft is kept)"));
    t.changes("starting message").at("starting message");
    t.takes("correct").asks("line 1");
    t.writes("Begin now, <GUARD_NOUNS>.").shows("did you mean");
    t.until("the line again", |s| s.trim_end().lines().last().is_some_and(|l| l.starts_with("line 1")));
    t.writes("Begin now.").at("what now?").shows("differs in");
    assert_seen!("differs", size, &t.ends_in("leave (the draft is kept)"));
    t.takes("save");
    assert_seen!("copied", size, &t.ends_in("  talk ·"));
}

/// The printed commands give the same result in another folder.
fn same_by_hand(copy: &Path, guided: &Path) {
    let bin = assert_cmd::cargo::cargo_bin("convoke");
    let path = format!("{}:{}", bin.parent().unwrap().display(), std::env::var("PATH").unwrap_or_default());
    let first = format!(
        "convoke show talk && convoke edit talk --set messages=5 && {}",
        "convoke run talk --more 2 --model one"
    );
    for line in [first.as_str(), "convoke export talk --format=jsonl --output=exports/talk.jsonl"] {
        let done = Command::new("sh")
            .args(["-c", line])
            .current_dir(copy)
            .env("PATH", &path)
            .env("DB_USER", "tester")
            .output();
        let done = done.unwrap();
        assert!(done.status.success(), "{line}: {}", String::from_utf8_lossy(&done.stderr));
    }
    let read = |folder: &Path| std::fs::read_to_string(folder.join("exports/talk.jsonl")).unwrap();
    assert_eq!(read(copy), read(guided));
    assert_eq!(read(copy).lines().count(), 2 * 5);
}

#[test]
fn the_road_on_a_usual_terminal() {
    road(USUAL);
}

#[test]
fn the_road_on_a_small_terminal() {
    road(SMALL);
}

fn asked_up_to(dir: &Path, question: usize, size: Size) -> Terminal {
    const QUESTIONS: [&str; 8] = [
        "how many more",
        "space ticks",
        "messages of",
        "days:",
        "agents of guard",
        "agents of prisoner",
        "who speaks",
        "run it?",
    ];
    let mut terminal = selected(dir, size);
    terminal.takes("run conv");
    for asked in &QUESTIONS[..question] {
        terminal.shows(asked);
        terminal.types("\r");
    }
    terminal.shows(QUESTIONS[question]);
    terminal
}

#[test]
fn escape_goes_back_one_question_and_ctrl_c_leaves_at_each() {
    let dir = made("tester");
    for question in 0..8 {
        let mut terminal = asked_up_to(dir.path(), question, SMALL);
        terminal.interrupt();
        let (screen, code) = terminal.ends();
        assert_eq!(code, 130, "{screen}");
    }
    let mut terminal = asked_up_to(dir.path(), 7, USUAL);
    let backs = [
        "> round-robin",
        "of prisoner, at most: 1",
        "of guard, at most: 1",
        "days: 1",
        "> 4",
        "> [x] one",
        "> 1",
        "> run conv",
    ];
    for back in backs {
        terminal.escape();
        terminal.until(back, |screen| ends_with(screen, back));
    }
    terminal.escape();
    terminal.until("the list", |screen| screen.lines().last().is_some_and(|l| l.contains("> talk")));
    terminal.escape();
    terminal.until("the start", |screen| screen.lines().last().is_some_and(|l| l.contains("exit")));
    terminal.escape();
    assert_eq!(terminal.ends().1, 0);
}

#[test]
fn an_experiment_of_a_colleague_offers_what_is_allowed() {
    let dir = made("ada");
    let terminal = selected(dir.path(), USUAL);
    let screen = terminal.until("the menu", is_list);
    assert_seen!("colleague", USUAL, &screen);
}

#[test]
fn what_will_not_do_is_told_and_asked_again() {
    let dir = made("tester");
    let mut t = selected(dir.path(), USUAL);
    t.takes("run conv").shows("how many more");
    t.writes("x").shows("whole number");
    t.writes("1").shows("space ticks");
    t.types("\r");
    t.shows("messages of");
    t.types("\r");
    t.shows("days:");
    t.writes("2").at("what now?").takes("keep it").shows("from 1 to 2?");
    t.types("n");
    t.shows("agents of guard");
    t.types("\r");
    t.shows("agents of prisoner");
    t.types("\r");
    t.shows("who speaks next?");
    t.types("\r");
    let screen = t.until("the questions again", |s| s.lines().rev().take(2).any(|l| l == "> 1"));
    assert!(screen.contains("summarizer.md"), "{screen}");
    t.types("\r");
    t.shows("[x] two");
    t.escape();
    t.until("the question before", |s| s.lines().last().is_some_and(|l| l == "> 1"));
    t.escape();
    t.until("the menu", is_list);
}

#[test]
fn a_terminated_guide_leaves_the_terminal_whole() {
    let dir = made("tester");
    let terminal = selected(dir.path(), SMALL);
    terminal.terminates();
    let (screen, code) = terminal.ends();
    assert_eq!(code, 143, "{screen}");
}

#[test]
fn each_run_of_one_guide_has_its_log() {
    let dir = made("tester");
    let mut t = asked_up_to(dir.path(), 7, USUAL);
    t.types("y");
    t.shows("2 done");
    t.until("the menu", is_list);
    t.arrow('A');
    t.until("the cursor", |s| s.lines().any(|l| l.starts_with("> run conv")));
    t.types("\r");
    for question in [
        "how many more",
        "models:",
        "messages of",
        "days:",
        "agents of guard",
        "agents of prisoner",
        "auto: a model",
        "run it?",
    ] {
        t.until(question, |s| s.lines().rev().take(3).any(|l| l.contains(question)));
        t.types("\r");
    }
    t.shows("up to replicate 2");
    t.until("the second end", |s| s.lines().any(|l| l.contains("2 done") || l.contains("4 done")));
    let screen = t.until("the menu", is_list);
    assert!(!screen.contains("warning"), "{screen}");
    t.interrupt();
    assert_eq!(t.ends().1, 130);
    let logs: Vec<String> = std::fs::read_dir(dir.path().join("logs"))
        .unwrap()
        .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    assert_eq!(logs.iter().map(|log| log.matches(" end ").count()).sum::<usize>(), 2, "{logs:?}");
}

/// Paths to a prompt: items to take, lists whose first item is taken by Enter, and the final text.
const PROMPTS: &[(&[&str], &str)] = &[
    (&["sign in"], "a MongoDB"),
    (&["sign in", "a MongoDB"], "address of"),
    (&["sign in", "a file"], "file of the"),
    (&["import"], "folder of the"),
    (&["select"], "done,"),
    (&["select", "talk", "old conv"], "no conversation yet"),
    (&["select", "talk", "note"], "note (may be"),
    (&["select", "talk", "change it"], "what now?"),
    (&["select", "talk", "duplicate"], "name of the copy"),
    (&["select", "talk", "save to"], "save what?"),
    (&["select", "talk", "save to", "transcripts"], "save to"),
    (&["select", "talk", "delete it"], "delete experiment"),
];

fn at_prompt(dir: &Path, (ways, prompt): &(&[&str], &str)) -> Terminal {
    let mut terminal = started(dir, SMALL);
    for way in *ways {
        terminal.takes(way);
    }
    terminal.shows(prompt);
    terminal
}

#[test]
fn each_prompt_can_be_left() {
    let dir = made("tester");
    for prompt in PROMPTS {
        let mut terminal = at_prompt(dir.path(), prompt);
        terminal.interrupt();
        let (screen, code) = terminal.ends();
        assert_eq!(code, 130, "{prompt:?}: {screen}");
        let mut terminal = at_prompt(dir.path(), prompt);
        let before = terminal.until("a screen", |_| true);
        terminal.escape();
        // The previous list again, from which Ctrl-C leaves.
        terminal.until("the menu before", |screen| screen != before && screen.lines().any(|l| l.starts_with("> ")));
        terminal.interrupt();
        assert_eq!(terminal.ends().1, 130, "{prompt:?}");
    }
}

#[test]
fn a_server_that_is_not_there_can_be_tried_again() {
    let dir = made_with("tester", "ollama/llama3.1");
    let mut t = asked_up_to(dir.path(), 7, USUAL);
    t.types("y");
    t.shows("127.0.0.1:9");
    t.shows("what now?");
    t.takes("try again");
    // The same line again finishes the earlier batch.
    t.shows("an earlier --more is not finished");
    t.until("the question again", |s| is_list(s) && ends_with(s, "> try again"));
    t.takes("back");
    t.until("the menu", |s| s.contains("> old conv"));
    t.arrow('A');
    t.until("the cursor", |s| s.lines().any(|l| l.starts_with("> run conv")));
    t.types("\r");
    let screen = t.shows("finish the 2 that are left");
    assert!(screen.contains("run more"), "{screen}");
    t.interrupt();
    assert_eq!(t.ends().1, 130);
}

#[test]
fn two_people_are_guided_on_one_server() {
    let Some(base) = Base::new() else { return };
    let dir = tempfile::tempdir().unwrap();
    for (path, text) in TALK {
        let path = dir.path().join("folder").join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let mut ann = Terminal::start(dir.path(), &[], USUAL, &base.variables());
    ann.asks("what next?");
    ann.takes("import").asks("folder of the");
    ann.enters("folder");
    ann.shows("stored `talk`");
    ann.takes("select").shows("> talk");
    ann.types("\r");
    // Another terminal sees it and its progress.
    let bob = [base.variables().as_slice(), &[("DB_USER", "bob")]].concat();
    let mut bob = Terminal::start(dir.path(), &[], USUAL, &bob);
    bob.asks("what next?");
    bob.takes("select").shows("> talk · 0 done");
    ann.takes("run conv").shows("how many more");
    for next in
        ["space ticks", "messages of", "days:", "agents of guard", "agents of prisoner", "who speaks", "run it?"]
    {
        ann.types("\r");
        ann.shows(next);
    }
    ann.types("y");
    ann.shows("run talk --more 1");
    bob.escape();
    bob.until("the start", |s| s.lines().last().is_some_and(|l| l.contains("exit")));
    bob.takes("select").shows("> talk · 2 done");
    bob.types("\r");
    bob.shows("it is tester's");
    bob.takes("old conv").shows(" done · model=one");
    for terminal in [&mut ann, &mut bob] {
        terminal.interrupt();
    }
    assert_eq!((ann.ends().1, bob.ends().1), (130, 130));
}
