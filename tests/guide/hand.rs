//! The command that the guide prints does the same: each line is read off the screen and run by a shell in another
//! folder.

use crate::road::{ROAD, goes, stands};
use crate::support::{made_over, started};
use crate::terminal::{Size, Terminal};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

/// Wide enough that no line of a command is wrapped.
const WIDE: Size = Size(900, 60);

/// The guide in one folder, and another folder in which a shell does the same.
pub struct Beside {
    pub guided: TempDir,
    pub terminal: Terminal,
    by_hand: TempDir,
    /// Lines already run.
    done: Vec<String>,
}

impl Beside {
    /// Both start with the same database.
    pub fn start(guided: TempDir) -> Self {
        let terminal = started(guided.path(), WIDE);
        Self::with(guided, terminal)
    }

    fn with(guided: TempDir, terminal: Terminal) -> Self {
        let by_hand = tempfile::tempdir().unwrap();
        if guided.path().join("convoke.db").exists() {
            fs::copy(guided.path().join("convoke.db"), by_hand.path().join("convoke.db")).unwrap();
        }
        Self { guided, terminal, by_hand, done: Vec::new() }
    }

    /// Runs this many new lines by hand; then both folders are equal. Returns the lines.
    #[track_caller]
    pub fn equal_after(&mut self, lines: usize) -> Vec<String> {
        let until = format!("{lines} more lines after {:?}", self.done);
        let is_new = |said: Vec<String>| said.into_iter().filter(|line| !self.done.contains(line)).collect::<Vec<_>>();
        let screen = self.terminal.until(&until, |screen| is_new(lines_by_hand(screen)).len() >= lines);
        let new = is_new(lines_by_hand(&screen));
        for line in &new {
            let done = self.shell(line);
            assert!(done.status.success(), "{line}: {}", String::from_utf8_lossy(&done.stderr));
        }
        self.done.extend(new.iter().cloned());
        assert_eq!(new.len(), lines, "{new:?}");
        similar(&held(self.guided.path()), &held(self.by_hand.path()), &new);
        new
    }

    fn shell(&self, line: &str) -> Output {
        let program = assert_cmd::cargo::cargo_bin("convoke");
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", line]).current_dir(self.by_hand.path()).env_clear().env("DB_USER", "tester");
        shell.env("PATH", program.parent().unwrap()).env("XDG_CONFIG_HOME", self.by_hand.path().join("configuration"));
        shell.output().unwrap()
    }
}

#[track_caller]
fn similar(guided: &BTreeMap<String, String>, by_hand: &BTreeMap<String, String>, lines: &[String]) {
    let names = |of: &BTreeMap<String, String>| of.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(guided), names(by_hand), "{lines:?}");
    for (name, value) in guided {
        assert_eq!(value, &by_hand[name], "{name} after {lines:?}");
    }
}

/// Commands on the screen, to the end of their last quotation.
fn lines_by_hand(screen: &str) -> Vec<String> {
    let ended = |from: &str| {
        let (mut quoted, mut escaped) = (false, false);
        for (at, c) in from.char_indices() {
            match c {
                '\'' if !escaped => quoted = !quoted,
                '\n' if !quoted => return Some(from[..at].to_owned()),
                _ => {}
            }
            escaped = c == '\\' && !quoted && !escaped;
        }
        None
    };
    screen.split("the same by hand: ").skip(1).filter_map(ended).collect()
}

/// Content of a database and the exports beside it, without ids and times.
fn held(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let listed = json(folder, &["list"]);
    for experiment in listed.as_array().unwrap() {
        let name = experiment["name"].as_str().unwrap();
        found.insert(format!("document of {name}"), json(folder, &["show", name])["document"].to_string());
        let mut conversations = json(folder, &["list", name]);
        if conversations.as_array().is_some_and(|all| !all.is_empty() && all[0].get("key").is_some()) {
            forget(&mut conversations);
            found.insert(format!("conversations of {name}"), format!("{conversations:#}"));
        }
    }
    let mut listed = listed;
    forget(&mut listed);
    found.insert("list".to_owned(), format!("{listed:#}"));
    files(&folder.join("exports"), "exports", &mut found);
    found
}

fn forget(list: &mut Value) {
    for one in list.as_array_mut().unwrap() {
        for key in ["id", "created", "parent"] {
            one.as_object_mut().unwrap().remove(key);
        }
    }
}

fn files(folder: &Path, name: &str, found: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        let name = format!("{name}/{}", path.file_name().unwrap().to_string_lossy());
        if path.is_dir() {
            files(&path, &name, found);
        } else {
            found.insert(name, fs::read_to_string(path).unwrap());
        }
    }
}

pub fn json(folder: &Path, words: &[&str]) -> Value {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("convoke"));
    command.current_dir(folder).args(words).arg("--json").env_clear().env("DB_USER", "tester");
    let output = command.env("XDG_CONFIG_HOME", folder.join("configuration")).output().unwrap();
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice::<Value>(&output.stdout).unwrap()["data"].take()
}

#[test]
fn lines_end_where_their_quotations_do() {
    let screen = "the same by hand: convoke a 'b\nc'\\''d'\nthe same by hand: convoke e\\ f\nx\nthe same by hand: co";
    assert_eq!(lines_by_hand(screen), ["convoke a 'b\nc'\\''d'", "convoke e\\ f"]);
}

/// The experiment with a summariser, so that it may have several days.
pub const SUMMARIZER: &[(&str, &str)] = &[("summarizer.md", "You sum up.\n\n## Goal\nSay it short.\n")];

#[test]
fn what_is_created_is_the_same_by_hand() {
    let guided = tempfile::tempdir().unwrap();
    let terminal = Terminal::start(guided.path(), &[], WIDE, &[]);
    let mut it = Beside::with(guided, terminal);
    stands(&it.terminal, &["? what next?"]);
    it.terminal.enter();
    for step in ROAD {
        goes(&mut it.terminal, step);
    }
    stands(&it.terminal, &["? what now?"]);
    it.terminal.enter();
    stands(&it.terminal, &["? what next?", "the same by hand"]);
    let lines = it.equal_after(2);
    assert!(lines[0].starts_with("convoke new prison --stored") && lines[1] == "convoke star prison", "{lines:?}");
    it.terminal.interrupt();
    it.terminal.ends();
}

#[test]
fn what_the_menus_do_is_the_same_by_hand() {
    let mut it = Beside::start(made_over("tester", SUMMARIZER));
    it.terminal.takes("select").at("experiment").enter().at("talk");
    it.equal_after(1);
    runs(&mut it);
    asks(&mut it);
    marks(&mut it);
    saves(&mut it);
    duplicates(&mut it);
    changes(&mut it);
    it.terminal.takes("delete it").field("delete experiment").types("y");
    it.terminal.at("experiment");
    it.equal_after(1);
    it.terminal.interrupt();
    assert_eq!(it.terminal.ends().1, 130);
}

/// Two more of one model, for one day and for two, with one guard and with two.
fn runs(it: &mut Beside) {
    let t = &mut it.terminal;
    t.takes("run conv").field("how many more").writes("2");
    t.at("models").types("\u{1b}[B \r");
    t.field("messages of").writes("5").field("days").writes("2").field("each number of days").types("y");
    t.field("agents of guard, at most").writes("2").field("agents of prisoner, at most").enter();
    t.field("each combination").types("y");
    t.at("who speaks").arrow('B');
    t.until("the second", |s| s.lines().any(|l| l.starts_with("> random")));
    t.enter().field("run it?").types("y");
    t.at("talk");
    let lines = it.equal_after(3);
    assert!(lines[1].contains("{ from = 1, to = 2 }"), "{lines:?}");
    assert!(lines[2].ends_with("convoke run talk --more 2 --model one"), "{lines:?}");
    let listed = json(it.guided.path(), &["list", "talk"]);
    assert_eq!(listed.as_array().unwrap().len(), 8);
}

/// A question to the agents of all conversations, after its plan.
fn asks(it: &mut Beside) {
    let t = &mut it.terminal;
    t.takes("ask the agents").field("question").writes("-Why, it's over?").field("ask it?").types("y");
    t.at("talk");
    let lines = it.equal_after(2);
    assert!(lines[0].starts_with("convoke ask talk --plan -- "), "{lines:?}");
    let questions = json(it.guided.path(), &["show", "talk"])["questions"].clone();
    let done: Vec<u64> = questions.as_array().unwrap().iter().filter_map(|of_role| of_role["done"].as_u64()).collect();
    assert_eq!(done, [8, 8], "{questions}");
}

/// Notes and stars, of the experiment and of a conversation.
fn marks(it: &mut Beside) {
    let t = &mut it.terminal;
    t.takes("old conv").at("conversation").enter().at("conversation ").takes("star it");
    t.shows("starred conversation");
    t.at("conversation ").takes("note").field("note").enters("-it's \"odd\" $HOME 漢字");
    t.shows("noted on").pop();
    t.at("conversation ").takes("view").shows("convoke show");
    it.equal_after(3);
    let t = &mut it.terminal;
    t.at("conversation ").takes("back").at("conversation").escape();
    t.at("talk").takes("note").field("note").writes("`x` \\n\\'!").at("talk").takes("star it").shows("take its star");
    it.equal_after(2);
    it.terminal.at("talk").takes("take its").shows("star it");
    it.equal_after(1);
    it.terminal.at("talk").takes("note").field("note").writes("").at("talk");
    it.equal_after(1);
}

/// All formats, in a folder with a space in its name.
fn saves(it: &mut Beside) {
    for kind in ["transcripts", "data, a line", "data as a table", "the experiment itself"] {
        let path = format!("exports/it's {}", kind.split(' ').next_back().unwrap());
        it.terminal.at("talk").takes("save to").at("save what?").takes(kind).field("save to").writes(&path);
        it.terminal.at("talk");
        it.equal_after(1);
    }
    let exported = held(it.guided.path());
    assert!(exported.keys().filter(|name| name.starts_with("exports/")).count() > 12, "{:?}", exported.keys());
}

/// A copy with another goal of the guards, in lines with special characters of a shell.
fn duplicates(it: &mut Beside) {
    let t = &mut it.terminal;
    t.at("talk").takes("duplicate").field("name of the copy").writes("it's 2");
    t.changes("contents of guard: Goal").at("guard: Goal").takes("type it anew").shows("Type the text.");
    t.types("@Keep \"order\", it's $HOME.\r\r- `x` \\ 漢字\r.\r");
    t.at("what now?").takes("save");
    t.at("experiment");
    let lines = it.equal_after(1);
    assert!(lines[0].starts_with("convoke duplicate talk "), "{lines:?}");
    assert!(it.json_document("it's 2").contains("@Keep \\\"order\\\", it's $HOME.\\n\\n- `x` \\\\ 漢字"));
}

impl Beside {
    /// The document of the guided experiment equals the result of these flags.
    #[track_caller]
    pub fn is_by_flags(&self, name: &str, before: &Path, words: &[&str]) {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin("convoke"));
        command.current_dir(before).args(words).env_clear().env("DB_USER", "tester");
        let output = command.env("XDG_CONFIG_HOME", before.join("configuration")).output().unwrap();
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        let document = |folder: &Path| format!("{:#}", json(folder, &["show", name])["document"]);
        assert_eq!(document(self.guided.path()), document(before), "{words:?}");
    }

    /// The document of the guided experiment.
    pub fn json_document(&self, name: &str) -> String {
        json(self.guided.path(), &["show", name])["document"].to_string()
    }
}

/// The copy gets another name, another opening, and models of a higher temperature.
fn changes(it: &mut Beside) {
    let t = &mut it.terminal;
    t.enter().at("it's 2").takes("change it").changes("name").field("name").writes("copy");
    t.changes("starting message").at("starting message").takes("correct").field("line 1").writes("Go, <GUARD_NOUN>!");
    t.at("what now?").takes("save").at("copy");
    it.equal_after(2);
}
