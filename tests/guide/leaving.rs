//! Leaving: in the middle of a run, and at every prompt that no other test leaves.

use crate::fake::{Fake, completion, respond};
use crate::road::stands;
use crate::support::{Base, made, made_with, started};
use crate::terminal::{SMALL, Size, Terminal, USUAL};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tempfile::TempDir;

/// A server that does not answer until it is released.
fn slow() -> (Fake, Arc<AtomicBool>) {
    let speaks = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&speaks);
    let fake = Fake::start(move |seen, stream| {
        if !seen.is_chat() {
            return respond(stream, 404, "", b"{}");
        }
        while !told.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(10));
        }
        respond(stream, 200, "", completion("All well.").as_bytes());
    });
    (fake, speaks)
}

/// A folder whose experiment uses this server.
fn asking(server: &Fake) -> TempDir {
    let dir = made_with("tester", "fake/m");
    let folder = dir.path().join("configuration/convoke");
    fs::create_dir_all(&folder).unwrap();
    let base_url = format!("http://{}/v1", server.address);
    fs::write(folder.join("config.toml"), format!("[servers.fake]\nkind = \"openai\"\nbase_url = \"{base_url}\"\n"))
        .unwrap();
    dir
}

/// The guide at the menu of the experiment.
fn at_menu(dir: &Path, size: Size) -> Terminal {
    let mut t = started(dir, size);
    t.takes("select").at("experiment").enter().at("talk");
    t
}

/// A run in the middle: the server has received a request and does not answer.
fn running(dir: &Path, server: &Fake, size: Size) -> Terminal {
    let mut t = at_menu(dir, size);
    t.takes("run conv").shows("how many more");
    for asked in
        ["space ticks", "messages of", "days:", "of guard, at most", "of prisoner, at most", "who speaks", "run it?"]
    {
        t.types("\r");
        t.shows(asked);
    }
    t.types("y");
    t.until("a request", |_| server.seen().iter().any(crate::fake::Seen::is_chat));
    t
}

/// Ways to end a run, and the exit code.
const ENDS: [(&str, u32); 3] = [("Ctrl-C", 130), ("Ctrl-C twice", 130), ("SIGTERM", 143)];

#[test]
fn a_run_that_was_left_is_offered_first_and_finished() {
    for (i, (end, expected)) in ENDS.into_iter().enumerate() {
        let (server, speaks) = slow();
        let dir = asking(&server);
        let mut t = running(dir.path(), &server, if i == 1 { SMALL } else { USUAL });
        match end {
            "SIGTERM" => t.terminates(),
            _ => t.interrupt(),
        }
        t.shows("stopping");
        if end == "Ctrl-C twice" {
            t.interrupt();
        } else {
            speaks.store(true, Ordering::Relaxed);
        }
        let (screen, code) = t.ends();
        assert_eq!(code, expected, "{end}: {screen}");
        assert_eq!(screen.lines().last(), Some("convoke run talk --replicates 1"), "{end}: {screen}");
        speaks.store(true, Ordering::Relaxed);
        let mut t = at_menu(dir.path(), USUAL);
        t.takes("run conv").at("which conversations?").takes("finish the 2 that are left");
        t.shows("2 done, 0 failed, 0 left");
        t.at("talk").interrupt();
        assert_eq!(t.ends().1, 130);
    }
}

/// Paths through lists and fields: the item or text at each, and the next one.
const WAYS: &[&[(&str, &str)]] = &[
    &[("talk", "old conv"), ("conversation |", ""), ("conversation ", "note"), ("=note", "")],
    &[("talk", "old conv"), ("conversation |", ""), ("conversation ", "delete"), ("=delete conversation", "")],
    &[("talk", "save to"), ("save what?", "data, a line"), ("=save to", "")],
    &[("talk", "note"), ("=note", "")],
];

/// Goes to the last prompt of a path.
fn at_last(dir: &Path, way: &[(&str, &str)], size: Size) -> Terminal {
    let mut t = at_menu(dir, size);
    for (i, (question, taken)) in way.iter().enumerate() {
        match question.strip_prefix('=') {
            Some(field) => drop(t.shows(field)),
            None => drop(t.at(question)),
        }
        if i + 1 < way.len() {
            t.takes(taken);
        }
    }
    t
}

#[test]
fn each_question_of_the_menus_is_left_by_one_step() {
    let dir = made("tester");
    let run = std::process::Command::new(assert_cmd::cargo::cargo_bin("convoke"))
        .args(["run", "talk", "--limit", "1"])
        .current_dir(dir.path())
        .env_clear()
        .env("DB_USER", "tester")
        .output();
    assert!(run.unwrap().status.success());
    for way in WAYS {
        let mut t = at_last(dir.path(), way, USUAL);
        for (question, _) in way[..way.len() - 1].iter().rev() {
            t.escape();
            t.at(question);
            // Once it is drawn completely, it handles keys.
            stands(&t, &[question]);
        }
        t.escape();
        t.at("experiment").escape();
        t.at("what next?").interrupt();
        assert_eq!(t.ends().1, 130, "{way:?}");
        for place in 1..=way.len() {
            let mut t = at_last(dir.path(), &way[..place], SMALL);
            t.interrupt();
            let (screen, code) = t.ends();
            assert_eq!(code, 130, "{way:?}: {screen}");
        }
    }
}

#[test]
fn another_file_is_opened_and_each_of_its_questions_left() {
    let dir = made("tester");
    let mut t = started(dir.path(), USUAL);
    t.takes("import").field("folder of").types("nowhere");
    t.escape();
    t.at("what next?").takes("sign in").at("where?").takes("a file").field("file of").escape();
    t.at("where?").takes("a file").field("file of").writes("other.db");
    t.at("what next?").until("the file", |s| s.contains("convoke · other.db"));
    t.takes("select").shows("does not exist yet").pop();
    t.at("what next?").takes("sign in").at("where?").takes("a file").field("file of").interrupt();
    assert_eq!(t.ends().1, 130);
    assert!(!dir.path().join("nowhere").exists());
}

#[test]
fn signing_in_goes_back_by_one_question_and_to_the_end() {
    let Some(base) = Base::new() else { return };
    let dir = made("tester");
    let mut t = started(dir.path(), USUAL);
    t.takes("sign in").at("where?").takes("a MongoDB").field("address of").writes(base.address());
    t.field("user").writes("nobody").field("database").enter();
    t.shows("password for").pop();
    t.interrupt();
    assert_eq!(t.ends().1, 130);
    let mut t = started(dir.path(), USUAL);
    t.takes("sign in").at("where?").takes("a MongoDB").field("address of").writes(base.address());
    t.field("user").writes("someone").field("database").escape();
    t.field("user (may be empty): someone").escape();
    t.field(&format!("address of the MongoDB: {}", base.address())).enter();
    t.field("user (may be empty): someone").writes("");
    t.until("the database again", |s| s.matches("database (empty").count() == 2);
    stands(&t, &["database (empty"]);
    t.escape();
    t.field("user").escape();
    t.field("address of").escape();
    t.at("where?").takes("a MongoDB").field("address of").writes(base.address());
    t.field("user").writes("");
    t.until("the database once more", |s| s.matches("database (empty").count() == 3);
    stands(&t, &["database (empty"]);
    t.writes(base.name());
    t.shows("save this to .env").pop();
    t.types("n");
    t.at("what next?").until("the server", |s| s.contains("signed in to mongodb://"));
    t.takes("select").shows("does not exist yet").pop();
    t.at("what next?").interrupt();
    assert_eq!(t.ends().1, 130);
    assert!(!dir.path().join(".env").exists());
}
