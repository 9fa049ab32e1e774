//! `convoke completions` and `convoke man`.

use crate::support::database::{FRIENDLY, Fate, SMALL};
use crate::support::{Outcome, Place};
use std::io::Write;
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const SHELLS: &[&str] = &["bash", "zsh", "fish", "powershell", "elvish"];

fn made() -> Place {
    let place = Place::new();
    place.database(&[Fate::Done], FRIENDLY);
    place
}

/// Completions that bash receives for the last of these words.
fn complete(place: &Place, words: &[&str], variables: &[(&str, &str)]) -> Outcome {
    complete_in(place, "bash", words, variables)
}

/// Completions that a shell receives for the last of these words.
fn complete_in(place: &Place, shell: &str, words: &[&str], variables: &[(&str, &str)]) -> Outcome {
    let index = words.len().to_string();
    let asked = [("CONVOKE_COMPLETE", shell), ("_CLAP_COMPLETE_INDEX", &index), ("_CLAP_IFS", "\n")];
    place.words(&[&["--", "convoke"], words].concat(), &[&asked[..], variables].concat())
}

fn completed(place: &Place, words: &[&str]) -> Vec<String> {
    let outcome = complete(place, words, &[]).exits(0);
    assert_eq!(outcome.err, "", "nothing is told in the middle of a line");
    outcome.out.lines().map(str::to_owned).collect()
}

/// A busy machine may be slower than the shell's limit: then nothing is offered, and the test retries.
#[track_caller]
fn offers(place: &Place, words: &[&str], expected: &[&str]) {
    offers_in(place, "bash", words, expected);
}

#[track_caller]
fn offers_in(place: &Place, shell: &str, words: &[&str], expected: &[&str]) {
    for _ in 0..20 {
        let outcome = complete_in(place, shell, words, &[]).exits(0);
        assert_eq!(outcome.err, "", "nothing is told in the middle of a line");
        let found: Vec<String> = outcome.out.lines().map(|line| line.split('\t').next().unwrap().to_owned()).collect();
        if expected.iter().all(|e| found.iter().any(|f| f == e)) {
            assert_eq!(found.len(), expected.len(), "{words:?}: {found:?}");
            return;
        }
    }
    panic!("{words:?} is not completed to {expected:?}");
}

/// Runs a script in the shell itself; `None` if it is not installed.
fn shell(program: &str, arguments: &[&str], script: &str) -> Option<bool> {
    let mut child =
        Command::new(program).args(arguments).stdin(Stdio::piped()).stderr(Stdio::inherit()).spawn().ok()?;
    child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    Some(child.wait().unwrap().success())
}

#[test]
fn each_shell_has_a_script() {
    let place = Place::new();
    for name in SHELLS {
        let script = place.run(&format!("completions {name}")).exits(0).out;
        assert!(script.contains("convoke") && script.contains("CONVOKE_COMPLETE"), "{script}");
        let json = place.run(&format!("completions {name} --json")).exits(0).json();
        assert_eq!(json["data"]["script"].as_str().unwrap().trim(), script.trim());
        if ["bash", "zsh", "fish"].contains(name) {
            let accepted = shell(name, if *name == "fish" { &["--no-execute"] } else { &["-n"] }, &script);
            assert_ne!(accepted, Some(false), "{script}");
            assert!(accepted.is_some() || *name != "bash", "there is no bash to try it");
        }
    }
    place.run("completions tcsh").exits(2);
    assert!(place.files(".").is_empty(), "nothing was made");
}

#[test]
fn commands_flags_names_and_ids_are_completed() {
    let place = made();
    offers(&place, &["dup"], &["duplicate"]);
    assert!(completed(&place, &["run", "--mor"]).contains(&"--more".to_owned()));
    offers(&place, &["export", "small", "--format", "j"], &["jsonl"]);
    place.run("duplicate small --name smaller").exits(0);
    offers(&place, &["show", "sma"], &["small", "smaller"]);
    offers(&place, &["run", "smalle"], &["smaller"]);
    offers(&place, &["diff", "small", "smalle"], &["smaller"]);
    offers(&place, &["show", "0123456789"], &["0123456789abcdef"]);
    offers(&place, &["show", "id:0123456789"], &["id:0123456789abcdef"]);
    let data = place.run("list small --json").json();
    for conversation in data["data"].as_array().unwrap() {
        let id = conversation["id"].as_str().unwrap();
        offers(&place, &["show", &id[..6]], &[id]);
        offers(&place, &["verify", &id[..6]], &[id]);
        offers(&place, &["run", &id[..6]], &[id]);
        assert!(completed(&place, &["plan", &id[..6]]).is_empty(), "a conversation is not planned");
    }
    place.folder("smallish", SMALL);
    offers(&place, &["run", "sma"], &["small", "smaller", "smallish/"]);
}

#[test]
fn the_store_of_the_line_or_the_surroundings_is_asked() {
    let place = made();
    std::fs::rename(place.path().join("convoke.db"), place.path().join("other.db")).unwrap();
    let before = place.files(".");
    assert!(completed(&place, &["show", "sma"]).is_empty());
    offers(&place, &["--store", "sqlite:other.db", "show", "sma"], &["small"]);
    offers(&place, &["show", "--store=sqlite:other.db", "sma"], &["small"]);
    let elsewhere = || complete(&place, &["show", "sma"], &[("CONVOKE_STORE", "sqlite:other.db")]).exits(0).out;
    assert!((0..20).any(|_| elsewhere() == "small"));
    for store in ["sqlite:nowhere/x.db", "postgres:x", "mongodb://ann@127.0.0.1:9/d", "mongodb://127.0.0.1:9"] {
        assert_eq!(complete(&place, &["--store", store, "show", "sma"], &[]).exits(0).out, "", "{store}");
    }
    assert_eq!(place.files("."), before, "nothing was made");
}

/// bash inserts a completion as it is, so special characters have a `\`; zsh and fish quote it themselves.
#[test]
fn names_of_several_words_are_quoted_and_control_characters_left_out() {
    let place = made();
    let conn = rusqlite::Connection::open(place.path().join("convoke.db")).unwrap();
    let name = |name: &str| assert_eq!(conn.execute("update experiments set name = ?1", [name]).unwrap(), 1);
    for (text, inserted) in
        [("small$(touch x)", r"small\$\(touch\ x\)"), ("small;ls", r"small\;ls"), ("small two", r"small\ two")]
    {
        name(text);
        offers(&place, &["show", "sm"], &[inserted]);
        offers(&place, &["show", "'sm"], &[text]);
        for shell in ["zsh", "fish"] {
            offers_in(&place, shell, &["show", "sm"], &[text]);
            offers_in(&place, shell, &["show", "'sm"], &[text]);
        }
    }
    name("it's small");
    offers(&place, &["show", r"it\'s"], &[r"it\'s\ small"]);
    offers(&place, &["show", "\"it's sm"], &["it's small"]);
    assert!(completed(&place, &["show", "'it"]).is_empty(), "no completion can follow this quote");
    for text in ["small\u{1b}[31m", "small\nx", "-small"] {
        name(text);
        assert!(completed(&place, &["show", "s"]).is_empty(), "{text:?}");
        assert!(completed(&place, &["show", "-s"]).iter().all(|word| word != "-small"));
        offers(&place, &["show", "0123"], &["0123456789abcdef"]);
    }
}

/// Values are those of the experiment on the line, of a folder or stored.
#[test]
fn values_of_flags_are_completed() {
    let place = made();
    place.folder("my study", SMALL);
    place.words(&["duplicate", "small", "--name", "small two"], &[]).exits(0);
    for name in ["small", "small two", "my study", "./my study/"] {
        let typed = format!("'{name}'");
        let what = typed.as_str();
        offers(&place, &["talk", what, "--as", "p"], &["prisoner"]);
        offers(&place, &["run", what, "--agents", ""], &["guard=", "prisoner="]);
        offers(&place, &["list", what, "--only", "go"], &["goal="]);
        offers(&place, &["export", what, "--only", "goal=y"], &["goal=yard-time"]);
        offers(&place, &["run", what, "--only", "'goal=escape model=l"], &["goal=escape model=llama"]);
        offers(&place, &["run", what, "--set", "mess"], &["messages="]);
        offers(&place, &["plan", what, "--set", "goal=e"], &["goal=escape"]);
        offers(&place, &["edit", what, "--set", "speakers=r"], &["speakers=round-robin", "speakers=random"]);
        offers(&place, &["run", what, "--model", "ll"], &["llama"]);
        offers(&place, &["ask", what, "x", "--role", "g"], &["guard"]);
        offers(&place, &["summary", what, "--by", ""], &["goal", "model"]);
    }
    offers(&place, &["run", "small", "--model", "o"], &["ollama/llama3.1", "openai/", "ollama/"]);
    offers(&place, &["list", "small", "--status", "int"], &["interrupted"]);
    offers(&place, &["list", "--creator", "te"], &["tester"]);
    assert!(completed(&place, &["run", "nothing", "--only", "go"]).is_empty());
}

/// bash takes words apart at `=` and `:`, so its script passes the whole line and gets the end of the word.
#[test]
fn bash_itself_completes_the_line() {
    let place = made();
    place.words(&["duplicate", "small", "--name", "small two"], &[]).exits(0);
    let ask = |line: &str| {
        let script = "source <(convoke completions bash); COMP_LINE=$1; COMP_POINT=${#1}; _clap_complete_convoke; \
                      printf '%s\\n' \"${COMPREPLY[@]}\"";
        let mut shell = place.shell(script);
        let answer = shell.arg("bash").arg(line).output().unwrap();
        assert!(answer.status.success() && answer.stderr.is_empty(), "{}", String::from_utf8_lossy(&answer.stderr));
        String::from_utf8(answer.stdout).unwrap().trim_end().to_owned()
    };
    let becomes = |line: &str, expected: &str| {
        let found = (0..20).map(|_| ask(line)).find(|found| !found.is_empty()).unwrap_or_default();
        assert_eq!(found, expected, "{line}");
    };
    becomes("convoke show small\\ t", "small\\ two");
    becomes("convoke run small --only goal=y", "yard-time");
    becomes("convoke run 'small two' --only 'goal=y", "goal=yard-time");
    becomes("convoke run small --set goal=", "escape\nyard-time");
    becomes("convoke run small --only=goal=e", "escape");
    becomes("convoke show id:0123456789", "0123456789abcdef");
}

#[test]
fn a_server_that_does_not_answer_is_left_alone() {
    let place = Place::new();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let store = format!("mongodb://127.0.0.1:{}/d", silent.local_addr().unwrap().port());
    let best = (0..3).map(|_| {
        let begun = Instant::now();
        assert_eq!(complete(&place, &["--store", &store, "show", "sma"], &[]).exits(0).out, "");
        begun.elapsed()
    });
    let best = best.min().unwrap();
    assert!(best > Duration::from_millis(90), "it was not asked: {best:?}");
    assert!(best < Duration::from_secs(2), "the shell was kept waiting: {best:?}");
}

#[test]
fn each_command_has_a_page() {
    let place = Place::new();
    let first = place.run("man").exits(0).out;
    assert!(first.contains(".TH convoke 1") && first.contains("duplicate"), "{first}");
    assert!(place.files(".").is_empty());
    place.run("man pages/man1").exits(0);
    let pages = place.files("pages/man1");
    let help = place.run("--help").exits(0).out;
    let commands = help.lines().skip_while(|l| *l != "Design an experiment:").take_while(|l| *l != "Options:");
    let is_command = |l: &&str| l.starts_with("  ") && !l.starts_with("   ");
    let commands: Vec<&str> = commands.filter(is_command).filter_map(|l| l.split_whitespace().next()).collect();
    let commands: Vec<&str> = commands.into_iter().filter(|command| *command != "help").collect();
    assert!(commands.len() > 18, "{commands:?}");
    for command in &commands {
        let page = place.read(&format!("pages/man1/convoke-{command}.1"));
        assert!(page.contains(".SH NAME") && page.contains(&format!("convoke {command}")), "{page}");
    }
    let of_two_words = ["models-pull", "people-compare", "people-generate", "people-list", "people-show", "store-copy"];
    for command in of_two_words {
        assert!(pages.contains(&format!("pages/man1/convoke-{command}.1")), "{pages:?}");
    }
    assert_eq!(place.read("pages/man1/convoke.1"), first);
    assert_eq!(pages.len(), 1 + commands.len() + of_two_words.len());
    let json = place.run("man pages/man1 --json").exits(0).json();
    assert_eq!(json["data"]["pages"].as_array().unwrap().len(), pages.len(), "again, over what is there");
    place.write("file", "");
    place.run("man file").exits(2);
}
