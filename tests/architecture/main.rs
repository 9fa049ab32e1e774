//! The doors of `src/lib.rs`: the imports that each room may have. And no panics or prints outside of tests.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod glossary;
mod imports;
mod matches;
mod references;
mod source;
mod words;

use imports::{Crate, circles};
use source::{Source, is_test, sources, src};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// Imports that each room may have besides itself, as in the table of `src/lib.rs`.
const DOORS: &[(&str, &[&str])] = &[
    ("people", &[]),
    ("design", &["people"]),
    ("process", &["people", "design"]),
    ("model", &["design", "process"]),
    ("store", &["design", "process", "model"]),
    ("run", &["people", "design", "process", "model", "store"]),
    ("report", &["process", "model", "store", "run"]),
    ("exchange", &["people", "design", "process", "model", "store"]),
    ("lab", &["people", "design", "process", "model", "store", "run", "exchange"]),
    ("cli", &["people", "design", "process", "model", "store", "run", "report", "exchange", "lab"]),
];

const FORBIDDEN: &[&str] =
    &[".unwrap()", ".expect(", "println!", "print!(", "eprintln!", "todo!", "unimplemented!", "dbg!"];

/// Words of a front end, which use cases must not contain.
const FRONT_END: &[&str] =
    &["clap", "console", "rustyline", "indicatif", "stdin", "stdout", "stderr", "print", "println", "Exit"];

/// Maximum lines of a function.
const LONGEST: usize = 55;
/// Maximum lines of nine functions in ten.
const USUAL: usize = 22;
/// Maximum share of the command line in the code, in percent.
const MOST_CLI: usize = 31;

/// Pairs of files of one module that import each other, with the reason.
const PAIRS: &[(&str, &str, &str)] = &[];

fn imports() -> BTreeMap<String, BTreeSet<String>> {
    Crate::new(&sources()).imports()
}

fn room(file: &str) -> &str {
    file.split('/').next().unwrap_or_default().trim_end_matches(".rs")
}

#[test]
fn imports_go_one_way() {
    let doors: BTreeMap<&str, &[&str]> = DOORS.iter().copied().collect();
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for (file, imported) in imports().iter().filter(|(file, _)| *file != "lib.rs") {
        let Some(may) = doors.get(room(file)) else {
            wrong.push(format!("{file}: the room `{}` has no door", room(file)));
            continue;
        };
        for other in imported {
            seen += 1;
            if room(other) != room(file) && !may.contains(&room(other)) {
                wrong.push(format!("{file}: `{}` imports `{other}`", room(file)));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(seen > 500, "only {seen} imports were seen");
}

#[test]
fn no_file_imports_in_a_circle() {
    let mut imports = imports();
    for (parent, child, _) in PAIRS {
        let is_child = child.starts_with(&format!("{}/", parent.trim_end_matches(".rs").trim_end_matches("/mod")));
        assert!(is_child, "{child} is not below {parent}");
        let both = imports[*parent].contains(*child) && imports.get_mut(*child).unwrap().remove(*parent);
        assert!(both, "{parent} and {child} no longer import each other: take the pair off the list");
    }
    let found: Vec<String> = circles(&imports).iter().map(|circle| described(circle, &imports)).collect();
    assert!(found.is_empty(), "{} circles\n{}", found.len(), found.join("\n"));
}

fn described(circle: &BTreeSet<String>, imports: &BTreeMap<String, BTreeSet<String>>) -> String {
    let arrows = circle.iter().map(|file| {
        let within: Vec<&str> = imports[file].intersection(circle).map(String::as_str).collect();
        format!("  {file} imports {}", within.join(", "))
    });
    arrows.collect::<Vec<_>>().join("\n") + "\n"
}

#[test]
fn nothing_panics_or_prints() {
    let mut wrong = Vec::new();
    for source in sources() {
        for (number, line) in &source.lines {
            for word in FORBIDDEN.iter().filter(|w| line.replace("self.expect(", "").contains(**w)) {
                wrong.push(format!("{}: {word}: {line}", source.place(*number)));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn use_cases_neither_print_nor_ask() {
    let mut wrong = Vec::new();
    for source in sources().iter().filter(|s| s.name.starts_with("lab/")) {
        let words = source.words();
        let of_environment = words.windows(3).any(|w| w == ["std", "::", "env"]);
        wrong.extend(of_environment.then(|| format!("src/{}: std::env", source.name)));
        for word in FRONT_END.iter().filter(|word| words.iter().any(|w| w == *word)) {
            wrong.push(format!("src/{}: {word}", source.name));
        }
        let is_text = |four: &[String]| four == [",", "String", ">", "{"] || four == [",", "String", ">", ">"];
        if words.windows(4).any(is_text) && words.iter().any(|w| w == "Result") {
            wrong.extend(
                source
                    .lines
                    .iter()
                    .filter(|(_, l)| l.contains(", String>"))
                    .map(|(n, l)| format!("{}: an error that is a text: {l}", source.place(*n))),
            );
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn functions_fit_the_eye() {
    let (mut wrong, mut lengths) = (Vec::new(), Vec::new());
    for source in sources() {
        let text = fs::read_to_string(src().join(&source.name)).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        for (number, _) in source.lines.iter().filter(|(_, line)| is_function(line)) {
            let margin: String = lines[number - 1].chars().take_while(|c| *c == ' ').collect();
            let ends = |l: &str| {
                l == format!("{margin}}}")
                    || (l.starts_with(&margin) && l.ends_with(';') && l.trim_start().starts_with(')'))
            };
            let end = lines[number - 1..].iter().position(|l| ends(l)).unwrap_or(0);
            lengths.push(end + 1);
            if end + 1 > LONGEST {
                wrong.push(format!("{}: {} lines", source.place(*number), end + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    lengths.sort_unstable();
    let ninetieth = lengths[lengths.len() * 9 / 10];
    assert!(ninetieth <= USUAL, "one function in ten has more than {ninetieth} lines");
}

#[test]
fn the_command_line_is_less_than_a_third() {
    // Comments count, tests do not.
    let lines = |source: &Source| {
        let text = fs::read_to_string(src().join(&source.name)).unwrap();
        text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().lines().count()
    };
    let files = sources();
    let all: usize = files.iter().map(lines).sum();
    let cli: usize = files.iter().filter(|source| source.name.starts_with("cli/")).map(lines).sum();
    assert!(cli * 100 <= MOST_CLI * all, "{cli} of {all} lines");
}

/// A new variant of an enum of ours breaks every match that must know it.
#[test]
fn no_match_takes_all_else_of_our_enums() {
    let sources = sources();
    let variants = matches::Variants::new(&sources);
    let found = sources.iter().flat_map(|source| {
        let found = matches::catch_alls(source, &variants).into_iter();
        found.map(|patterns| format!("src/{}: {patterns}", source.name))
    });
    let wrong: Vec<String> = found.collect();
    assert!(wrong.is_empty(), "{} matches\n{}", wrong.len(), wrong.join("\n"));
    let (all, of_words) = variants.count();
    assert!(all > 400 && of_words > 40, "only {all} variants were seen, {of_words} with words");
}

/// True if a line begins a function of several lines.
fn is_function(line: &str) -> bool {
    let head: Vec<&str> = line.split('(').next().unwrap_or_default().split_whitespace().collect();
    // A type `fn()` has no name.
    let is_named = head.iter().rposition(|w| *w == "fn").is_some_and(|at| at + 1 < head.len());
    is_named && !head.contains(&"=") && !line.ends_with('}') && !line.ends_with(';')
}

/// The tables for readers agree with these tests.
#[test]
fn every_room_stands_in_the_floor_plan() {
    let lib = fs::read_to_string(src().join("lib.rs")).unwrap();
    let page = fs::read_to_string(src().join("../ARCHITECTURE.md")).unwrap();
    for (room, _) in DOORS {
        assert!(lib.contains(&format!("| [`{room}`] |")) && lib.contains(&format!("pub mod {room};")), "{room}");
        assert!(page.contains(&format!("\n| `src/{room}` |")), "{room} is not in ARCHITECTURE.md");
    }
    assert_eq!(lib.matches("\npub mod ").count(), DOORS.len());
}

#[test]
fn tests_are_told_from_code() {
    let lines = ["#[cfg(test)]", "#[path = \"x.rs\"]", "mod tests;"];
    assert!(is_test(&lines, 2) && !is_test(&["mod x;"], 0));
}
