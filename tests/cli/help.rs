//! `--help` and `convoke help`: what a newcomer reads, and whether its examples work.

use crate::support::Place;
use std::collections::BTreeMap;

/// Commands whose examples need a terminal, a model server, a MongoDB or a revision: they are parsed only.
const PARSED: &[&str] = &[
    "convoke login",
    "convoke models",
    "convoke talk",
    "convoke doctor",
    "convoke run study --model",
    "convoke run study --max-time",
    "convoke store copy sqlite:convoke.db mongodb:",
];

/// Examples of a page, in order.
fn examples(page: &str) -> Vec<String> {
    let lines = page.lines().skip_while(|line| *line != "Examples:").skip(1).take_while(|line| !line.is_empty());
    lines.filter_map(|line| line.strip_prefix("  convoke ")).map(|line| format!("convoke {line}")).collect()
}

/// Commands in the order of `convoke --help`.
fn commands(place: &Place) -> Vec<String> {
    let help = place.run("--help").exits(0).out;
    let list = help.lines().skip_while(|line| *line != "Design an experiment:").take_while(|line| *line != "Options:");
    let names = list.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help").map(str::to_owned).collect()
}

#[test]
fn commands_are_listed_by_what_one_wants_to_do() {
    let place = Place::new();
    let help = place.run("--help").exits(0).out;
    let headings: Vec<&str> =
        help.lines().filter(|line| line.ends_with(':') && !line.starts_with(' ')).map(|l| &l[..l.len() - 1]).collect();
    assert_eq!(
        headings,
        [
            "Design an experiment",
            "Run it",
            "Look at results",
            "Keep and clean up",
            "Set up",
            "Options",
            "Examples",
            "Database, the first that is set",
            "Logs",
            "Exit codes",
        ]
    );
    assert!(commands(&place).len() >= 24, "{help}");
    assert!(help.lines().all(|line| line.chars().count() <= 100), "{help}");
    assert_eq!(place.run("help").exits(0).out, help);
    assert_eq!(place.run("help run").exits(0).out, place.run("run --help").exits(0).out);
    assert_eq!(place.run("help store copy").exits(0).out, place.run("store copy --help").exits(0).out);
    place.run("help rum").exits(2);
}

#[test]
fn each_page_has_examples_exit_codes_and_variables_and_so_has_man() {
    let place = Place::new();
    place.run("man pages").exits(0);
    let mut pages: BTreeMap<String, String> = BTreeMap::new();
    for command in commands(&place).iter().map(String::as_str).chain(["store copy", "models pull"]) {
        pages.insert(command.to_owned(), place.run(&format!("{command} --help")).exits(0).out);
    }
    for (command, page) in &pages {
        assert!(!examples(page).is_empty(), "{page}");
        assert!(page.contains("\nExit codes:\n  0    everything"), "{page}");
        let is_bare = ["completions", "man"].contains(&command.as_str());
        assert_eq!(page.contains("\nEnvironment, or .env in the working folder:\n"), !is_bare, "{page}");
        let man = place.read(&format!("pages/convoke-{}.1", command.replace(' ', "-")));
        let plain = man.replace("\\-", "-").replace("\\*(Aq", "'").replace("\\(aq", "'").replace("\\'", "'");
        for example in examples(page) {
            assert!(plain.contains(&example), "{example}: {plain}");
        }
    }
    let first = place.read("pages/convoke.1");
    for heading in [".SH COMMANDS", ".SS \"Run it\"", ".SS \"Set up\""] {
        assert!(first.contains(heading), "{first}");
    }
}

/// The examples are run in the order of the list, as a person who pastes them.
#[test]
fn the_examples_can_be_pasted() {
    let place = Place::new();
    place.write("arena.json", include_str!("../chatarena/nlp-classroom-3players.json"));
    let run = |line: &str| {
        let output = place.shell(line).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let (mut id, mut done, mut number) = (String::new(), false, 0);
    for command in commands(&place) {
        let page = place.run(&format!("{command} --help")).exits(0).out;
        for example in examples(&page) {
            number += 1;
            if PARSED.iter().any(|parsed| example.starts_with(parsed)) {
                let parsed = run(&format!("{example} --help"));
                assert_eq!(parsed.0, Some(0), "{example}: {parsed:?}");
                continue;
            }
            let mut line = example.replace("5e133070", &id);
            if command == "run" && !line.contains("--offline") {
                line.push_str(" --offline");
            }
            if command == "ask" && !line.contains("--plan") {
                line.push_str(" --offline");
            }
            if command == "delete" && !line.contains("--yes") {
                line.push_str(" --yes");
            }
            let ended = run(&line);
            assert_eq!(ended.0, Some(0), "{line}: {ended:?}");
            if command == "run" && !done {
                done = true;
                let list = place.run("list study --json").exits(0).json();
                list["data"][0]["id"].as_str().unwrap().clone_into(&mut id);
            }
        }
    }
    assert!(number > 50, "{number} examples");
}
