//! Arguments that 0.1 recorded are read as the command line reads them (contract R4).

use clap::Parser;
use convoke::cli::args::{Cli, Command};
use convoke::design::Overrides;
use convoke::lab::old_flags;
use serde_json::Value as Json;

/// The overrides of a line as the command line reads them.
fn parsed(words: &[String]) -> Option<(Overrides, bool)> {
    let cli = Cli::try_parse_from(["convoke".to_owned()].iter().chain(words)).ok()?;
    let Some(Command::Run(args)) = cli.command else { return None };
    Some((args.narrow.narrowing().read_overrides().ok()?, args.more.is_some()))
}

#[track_caller]
fn is_read_alike(words: &[String]) -> bool {
    let recorded = old_flags::parse_flags(words).map(|run| (run.overrides, run.had_more));
    let parsed = parsed(words);
    assert_eq!(recorded, parsed, "{words:?}");
    parsed.is_some()
}

/// The overrides of a golden line: fields at their default may be written there.
fn kept(json: &Json) -> Overrides {
    let mut json = json.clone();
    json.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    if let Some(seed) = json["seed"].as_u64() {
        json["seed"] = seed.to_string().into();
    }
    json.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    serde_json::from_value(json).unwrap()
}

#[test]
fn flags_of_the_goldens_are_read_as_0_1_read_them() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/hashes.jsonl");
    let mut number = 0;
    for line in std::fs::read_to_string(path).unwrap().lines() {
        let golden: Json = serde_json::from_str(line).unwrap();
        for narrowed in golden["narrowed"].as_array().unwrap() {
            let flags = narrowed["flags"].as_array().unwrap().iter().map(|word| word.as_str().unwrap().to_owned());
            let words: Vec<String> = ["run".to_owned(), "e".to_owned()].into_iter().chain(flags).collect();
            assert!(is_read_alike(&words));
            assert_eq!(old_flags::parse_flags(&words).unwrap().overrides, kept(&narrowed["overrides"]), "{words:?}");
            number += 1;
        }
    }
    assert_eq!(number, 422);
}

/// Numbers that look random and are the same in every run of the test.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % most
    }

    fn one_of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.below(words.len())]
    }
}

const VALUES: &[(&str, &[&str])] = &[
    ("--model", &["a", "ollama/llama3.1:8b", "human", "x y"]),
    ("--days", &["1", "1..3", "2..=4", "3..1", "x", ""]),
    ("--agents", &["guard=2", "guard=1..3", "prison guard=1", "guard", "=1"]),
    ("--messages", &["4", "0", "x", "-1"]),
    ("--speakers", &["auto", "random", "nobody"]),
    ("--replicates", &["1", "3", "0", "x"]),
    ("--seed", &["7", "18446744073709551615", "-1"]),
    ("--set", &["goal=escape", "a=true", "t=0.5", "stop_phrases=[\"END\"]", "replicates=2", "x", "a=[1]"]),
    ("--only", &["goal=escape risks=true", "goal=escape|freedom", "goal", "="]),
    ("--limit", &["1", "10", "x"]),
    ("--more", &["2", "x"]),
    ("--jobs", &["4", "x"]),
    ("--max-retries", &["3"]),
    ("--grace", &["5s"]),
    ("--store-wait", &["1m"]),
    ("--store", &["sqlite:x.db"]),
    ("--color", &["never", "always"]),
];
const SWITCHES: &[&str] =
    &["--offline", "--retry-failed", "--no-pull", "--json", "--no-input", "--yes", "-y", "-v", "-vv", "-q", "-yq"];

/// A line of flags, each at most once unless it may be repeated.
fn line(dice: &mut Dice) -> Vec<String> {
    let mut words = vec!["run".to_owned()];
    let what = dice.one_of(&["e", "./e", "0123abcd", "id:0123"]).to_owned();
    let place = dice.below(4);
    let mut used: Vec<&str> = Vec::new();
    for turn in 0..4 {
        if turn == place {
            words.push(what.clone());
        }
        if dice.below(3) == 0 {
            let switch = dice.one_of(SWITCHES);
            if !used.contains(&switch) && !used.iter().any(|word| word.starts_with('-') && !word.starts_with("--")) {
                used.push(switch);
                words.push(switch.to_owned());
            }
            continue;
        }
        let (flag, values) = VALUES[dice.below(VALUES.len())];
        let is_repeated = ["--model", "--agents", "--set", "--only"].contains(&flag);
        let conflicts = [("--more", "--replicates"), ("--replicates", "--more")];
        let is_refused = conflicts.iter().any(|(one, other)| flag == *one && used.contains(other));
        if is_refused || (used.contains(&flag) && !is_repeated) {
            continue;
        }
        used.push(flag);
        let value = dice.one_of(values);
        if dice.below(2) == 0 || value.starts_with('-') || value.is_empty() {
            words.push(format!("{flag}={value}"));
        } else {
            words.extend([flag.to_owned(), value.to_owned()]);
        }
    }
    words
}

#[test]
fn generated_lines_are_read_alike() {
    let (mut dice, mut read) = (Dice(20_261_130), 0);
    let mut lines = Vec::new();
    while read < 400 {
        let words = line(&mut dice);
        // 0.1 recorded no line that it refused.
        if parsed(&words).is_some() && !lines.contains(&words) {
            assert!(is_read_alike(&words));
            lines.push(words);
            read += 1;
        }
    }
}
