//! Questions as a person answers them: one kind of yes and no, Esc by one question, paths, long lists, pasted text.

use crate::hand::json;
use crate::support::{Base, made, made_over, selected, started};
use crate::terminal::{SMALL, Size, Terminal, USUAL};
use std::fs;
use std::path::Path;
use std::process::Command;

const WIDE: Size = Size(120, 60);

fn convoke(folder: &Path, words: &[&str]) -> (i32, String) {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("convoke"));
    command.current_dir(folder).args(words).env_clear().env("DB_USER", "tester");
    let output = command.env("XDG_CONFIG_HOME", folder.join("configuration")).output().unwrap();
    (output.status.code().unwrap(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Answers the questions of a batch up to the last one.
fn batch(t: &mut Terminal) {
    t.field("how many more").enter().at("models").enter().field("messages of").enter().field("days").enter();
    t.field("agents of guard").enter().field("agents of prisoner").enter().at("who speaks").enter();
}

#[test]
fn yes_and_no_are_one_key_and_enter_takes_what_is_shown() {
    let dir = made("tester");
    let mut t = selected(dir.path(), WIDE);
    t.takes("run conv");
    batch(&mut t);
    // Another key does nothing; `n` runs nothing, and goes to the menu.
    t.field("run it? [y/n, Enter: yes]").says("x").says("n").at("talk");
    assert_eq!(json(dir.path(), &["list", "talk"]).as_array().unwrap().len(), 0);
    t.takes("run conv");
    batch(&mut t);
    // Esc goes back to the question before, and Enter gives the answer that is shown.
    t.field("run it?").escape();
    t.at("who speaks").enter().field("run it? [y/n, Enter: yes]").enter();
    t.shows("run talk --more 1").pop();
    t.at("talk").takes("delete it").field("delete experiment `talk`? [y/n, Enter: no]").enter();
    t.shows("nothing was deleted").pop();
    t.at("talk").interrupt();
    assert_eq!(json(dir.path(), &["list", "talk"]).as_array().unwrap().len(), 2);
}

#[test]
fn escape_goes_back_within_a_sign_in_and_keeps_what_was_typed() {
    let dir = tempfile::tempdir().unwrap();
    let words = ["login", "--url", "mongodb://ann@db.example.org:27017"];
    let mut t = Terminal::start(dir.path(), &words, WIDE, &[("NO_COLOR", "1"), ("DB_USER", "")]);
    t.shows("password for mongodb://ann@db.example.org:27017").pop();
    t.enter().field("user (may be empty): ann").writes("bob");
    t.shows("password for mongodb://bob@db.example.org:27017").pop();
    t.escape();
    t.field("user (may be empty): bob").escape();
    let (screen, code) = t.ends();
    assert!(code == 2 && screen.contains("left; nothing was changed"), "{screen}");
    assert!(!screen.contains("error: cannot"), "{screen}");
}

/// On a server without users: the database, and back to the address, which stands there again.
#[test]
fn escape_goes_back_from_the_database_to_the_address() {
    let Some(base) = Base::new() else { return };
    let dir = tempfile::tempdir().unwrap();
    let mut t = Terminal::start(dir.path(), &["login"], WIDE, &[("NO_COLOR", "1"), ("DB_USER", "")]);
    t.field("address of the MongoDB").writes(base.address());
    t.until("the database", |s| s.lines().any(|l| l.starts_with("database:")));
    t.escape();
    t.until("the address again", |s| {
        s.lines().last().is_some_and(|l| l.starts_with("address of the MongoDB: mongodb://"))
    });
    t.escape();
    let (screen, code) = t.ends();
    assert!(code == 2 && screen.contains("left; nothing was changed"), "{screen}");
}

#[test]
fn escape_goes_back_within_the_factors() {
    let dir = made("tester");
    let mut t = selected(dir.path(), USUAL);
    t.takes("change it").changes("factors").at("what varies?").takes("vary").at("which setting?").takes("messages");
    t.field("values of messages").escape();
    t.at("which setting?").until("the cursor where it was", |s| s.lines().any(|l| l.starts_with("> messages")));
    t.enter().field("values of messages").writes("4, 6").at("what varies?").takes("change messages").at("messages:");
    t.takes("its values").field("values of messages").escape();
    t.at("messages:").escape();
    t.at("what varies?").escape();
    // The factor stays.
    t.at("what now?").shows("messages (4, 6)").pop();
    t.interrupt();
    t.ends();
}

#[test]
fn escape_goes_back_to_the_question_for_agents_and_to_earlier_work() {
    let dir = made("tester");
    assert_eq!(convoke(dir.path(), &["run", "talk", "--model", "one"]).0, 0);
    let mut t = selected(dir.path(), WIDE);
    t.takes("ask the agents").field("question").enters("Why @home?");
    t.field("ask it? [y/n, Enter: yes]").escape();
    t.field("question: Why @home?").escape();
    t.at("talk").interrupt();
    t.ends();
    assert_eq!(convoke(dir.path(), &["run", "talk", "--more", "2", "--max-calls", "1"]).0, 8);
    let mut t = selected(dir.path(), WIDE);
    t.takes("run conv").at("which conversations?").takes("run more").field("how many more").escape();
    t.at("which conversations?").escape();
    t.at("talk").interrupt();
    t.ends();
}

#[test]
fn models_and_drafts_survive_steps_back() {
    let dir = made("tester");
    let mut t = started(dir.path(), WIDE);
    t.takes("create").field("name of").writes("mine").at("starting message").enter();
    t.at("ollama cannot").takes("go on").at("model ").takes("scripted").at("models").escape();
    t.at("starting message").enter().at("models").until("the model", |s| s.contains("change scripted"));
    t.escape();
    t.at("starting message").escape();
    t.field("name of the experiment: mine").escape();
    t.at("what next?").takes("create").at("there is a draft").takes("go on");
    // The choice among drafts was the question before.
    t.field("name of the experiment: mine").escape();
    t.at("there is a draft").escape();
    t.at("what next?").interrupt();
    t.ends();
}

#[test]
fn a_line_is_chosen_again_after_escape() {
    let dir = made_over("tester", &[("shared.md", "## Setting\nA yard.\nIt rains.\n")]);
    let mut t = selected(dir.path(), USUAL);
    t.takes("change it").changes("contents of shared: Setting").at("shared: Setting").takes("correct");
    t.at("which line?").takes("It rains.").field("line 2: It rains.").escape();
    t.at("which line?").escape();
    t.at("shared: Setting").interrupt();
    t.ends();
}

#[test]
fn tab_completes_a_path_and_a_wrong_one_is_corrected_in_place() {
    let dir = made("tester");
    let (home, folder) = (tempfile::tempdir().unwrap(), dir.path());
    assert_eq!(convoke(folder, &["new", "prison study"]).0, 0);
    fs::create_dir_all(home.path().join("databases")).unwrap();
    let variables = [("HOME", home.path().to_str().unwrap()), ("NO_COLOR", "1")];
    let mut t = Terminal::start(folder, &[], WIDE, &variables);
    t.at("what next?").takes("import").field("folder of the experiment").types("pri\t");
    t.shows("folder of the experiment: prison study/").pop();
    // Two begin alike: the common part is typed, and both are listed.
    fs::create_dir_all(folder.join("prison style")).unwrap();
    t.types("\u{15}pri\t");
    t.until("both", |s| s.contains("prison study/") && s.contains("prison style/"));
    t.shows("experiment: prison st").pop();
    t.types("u\tx\r");
    t.shows("error: ").pop();
    t.until("the path again", |s| s.lines().last().is_some_and(|l| l.ends_with("experiment: prison study/x")));
    t.types("\u{7f}\r");
    t.shows("stored `prison study`").pop();
    t.at("what next?").takes("sign in").at("where?").takes("a file");
    t.field("file of the database").says("\u{15}~/da\t").shows("file of the database: ~/databases/").pop();
    t.enter().shows("is a folder").pop();
    t.until("the path again", |s| s.lines().last().is_some_and(|l| l == "file of the database: ~/databases/"));
    t.types("x/y.db\r");
    t.shows("does not exist").pop();
    t.until("the path again", |s| s.lines().last().is_some_and(|l| l == "file of the database: ~/databases/x/y.db"));
    t.writes("~/databases/y.db").at("what next?");
    t.takes("exit");
    let (screen, code) = t.ends();
    assert_eq!(code, 0, "{screen}");
}

#[test]
fn a_long_list_says_that_there_is_more_and_pages() {
    let dir = made("tester");
    for number in 0..30 {
        assert_eq!(convoke(dir.path(), &["duplicate", "talk", "--name", &format!("copy {number:02}")]).0, 0);
    }
    let mut t = started(dir.path(), USUAL);
    t.takes("select").shows("1-18 of 31 · Enter takes · Esc goes back · PgUp PgDn page").pop();
    t.types("\u{1b}[6~");
    t.shows("2-19 of 31").pop();
    t.until("a page on", |s| s.lines().any(|l| l.starts_with("> copy 11")));
    t.types("\u{1b}[F");
    t.until("the end", |s| s.lines().any(|l| l.starts_with("> talk")));
    t.shows("14-31 of 31").pop();
    t.types("\u{1b}[H");
    t.until("the beginning", |s| s.lines().any(|l| l.starts_with("> copy 29")));
    t.types("copy 2");
    t.shows("experiment copy 2|").pop();
    t.shows("10 of 31").pop();
    // A narrower window, in which lines are wrapped: the list is drawn anew.
    t.resizes(SMALL);
    t.until("the list in the small window", |s| s.lines().last().is_some_and(|l| l.starts_with("  copy 21")));
    t.shows("1-9 of 10 · Enter takes").pop();
    t.escape();
    t.at("what next?").interrupt();
    assert_eq!(t.ends().1, 130);
}

#[test]
fn what_an_answer_makes_wrong_is_told_at_its_question() {
    let dir = made("tester");
    let mut t = selected(dir.path(), WIDE);
    t.takes("run conv").field("how many more").enter().at("models").enter().field("messages of").enter();
    t.field("days").writes("2").shows("summarizer.md").pop();
    t.at("what now?").takes("answer again").field("days: 2").writes("1");
    t.field("agents of guard").interrupt();
    t.ends();
    assert_eq!(json(dir.path(), &["show", "talk"])["document"]["protocol"]["days"], 1);
}

#[test]
fn the_name_of_a_copy_is_taken() {
    let dir = made("tester");
    let mut t = selected(dir.path(), WIDE);
    t.takes("duplicate").field("name of the copy: talk-2").writes("talk").shows("You have an experiment `talk`").pop();
    t.field("name of the copy: talk").writes("other").at("what now?").interrupt();
    t.ends();
}

#[test]
fn an_existing_file_is_replaced_after_a_yes_and_no_flag_is_named() {
    let dir = made("tester");
    assert_eq!(convoke(dir.path(), &["run", "talk"]).0, 0);
    let file = dir.path().join("mine.jsonl");
    fs::write(&file, "mine\n").unwrap();
    let mut t = selected(dir.path(), WIDE);
    t.takes("save to").at("save what?").takes("data, a line").field("save to").writes("mine.jsonl");
    t.field("mine.jsonl exists: replace it? [y/n, Enter: no]").enter();
    t.until("the path again", |s| s.lines().last().is_some_and(|l| l == "save to: mine.jsonl"));
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine\n");
    t.writes("configuration/").shows("error: ").pop();
    t.field("save to: configuration/").writes("mine.jsonl");
    t.field("mine.jsonl exists: replace it?").says("y");
    let screen = t.shows("convoke export talk --format=jsonl --output=mine.jsonl --force");
    let (said, _) = screen.split_once("the same by hand: convoke export").unwrap();
    assert!(!said.contains("--force") && !said.contains("-o "), "{screen}");
    assert_eq!(fs::read_to_string(&file).unwrap().lines().count(), 2 * 4);
    t.interrupt();
    t.ends();
}

#[test]
fn the_menu_has_the_summary() {
    let dir = made("tester");
    assert_eq!(convoke(dir.path(), &["run", "talk"]).0, 0);
    let mut t = selected(dir.path(), WIDE);
    t.takes("summary").shows("the same by hand: convoke summary talk").pop();
    let screen = t.shows("CONVERSATIONS");
    assert!(screen.contains("model=one") && screen.contains("model=two"), "{screen}");
    t.interrupt();
    t.ends();
}

#[test]
fn anybody_stars_and_notes_and_sees_only_their_own() {
    let dir = made("ada");
    let as_ada = |words: &[&str]| {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin("convoke"));
        command.current_dir(dir.path()).args(words).env_clear().env("DB_USER", "ada");
        let output = command.env("XDG_CONFIG_HOME", dir.path().join("configuration")).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    as_ada(&["run", "talk", "--model", "one"]);
    as_ada(&["note", "talk", "hers"]);
    let mut t = selected(dir.path(), WIDE);
    t.takes("star it").shows("starred experiment").pop();
    t.at("talk").until("the star", |s| s.contains("  take its star") || s.contains("> take its star"));
    t.takes("note").field("note (may be empty)").enters("mine");
    t.shows("noted on experiment").pop();
    t.at("talk").takes("old conv").at("conversation |").enter().at("conversation ").takes("star it");
    t.shows("starred conversation").pop();
    t.at("conversation ").takes("note").field("note (may be empty)").enters("odd");
    t.shows("noted on conversation").pop();
    t.at("conversation ").takes("note").field("note (may be empty): odd").escape();
    t.at("conversation ").interrupt();
    t.ends();
    let (mine, hers) = (json(dir.path(), &["list"]), as_ada(&["list", "--json"]));
    assert_eq!((&mine[0]["note"], &mine[0]["starred"]), (&"mine".into(), &true.into()));
    assert!(hers.contains("\"note\":\"hers\"") && hers.contains("\"starred\":false"), "{hers}");
    let conversations = json(dir.path(), &["list", "talk"]);
    assert_eq!((&conversations[0]["note"], &conversations[0]["starred"]), (&"odd".into(), &true.into()));
}

#[test]
fn pasted_lines_are_joined_and_keys_of_a_shell_clear_a_line() {
    let dir = made("tester");
    let mut t = selected(dir.path(), WIDE);
    t.takes("note").field("note (may be empty)").types("\u{15}");
    t.types("\u{1b}[200~one\r\n  two\r\n\r\nthree\u{1b}[201~");
    t.enter().shows("noted on experiment `talk`: one two three").pop();
    // Ctrl-W takes a word back, and Ctrl-U the whole line, from wherever the cursor is.
    t.at("talk").takes("note").field("note (may be empty): one two three").types("\u{17}four\r");
    t.shows("noted on experiment `talk`: one two four").pop();
    t.at("talk").takes("note").field("note (may be empty): one two four").types("\u{1b}[D\u{1b}[D\u{1b}[D\u{15}new\r");
    t.shows("noted on experiment `talk`: new\n").pop();
    t.at("talk").interrupt();
    t.ends();
    assert_eq!(json(dir.path(), &["list"])[0]["note"], "new");
}
