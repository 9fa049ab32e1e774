//! Maker of `hashes.jsonl`, kept for reading; no part of the build.
//!
//! At commit 1718bdf it was `src/cli/make_hashes.rs`, a test module of `cli`, with `written.rs` as `make_written.rs` beside
//! it. It needs the generator of the property tests (`design::arbitrary`) and the reader of flags (`cli::narrow`).
//!
//! `GOLDEN_OUT=hashes.jsonl cargo test --lib make_hashes`

use super::args::{Cli, Command};
use super::narrow;
use crate::design::arbitrary;
use crate::design::check::{KnownServer, check, is_set, server_of};
use crate::design::folder::Files;
use crate::design::plan::HUMAN;
use crate::design::*;
use clap::Parser;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value as Json, json};
use std::fs;
use std::path::Path;

#[path = "make_written.rs"]
mod written;

/// Folders beside the three that ship.
const GENERATED: usize = 200;
/// Most conditions of a design: the file stays small.
const MOST_CONDITIONS: usize = 24;
/// Lists of flags for one folder.
const MOST_NARROWED: usize = 2;

/// Servers that the program knows without a configuration.
fn servers() -> Vec<KnownServer> {
    let server = |name: &str, lacks| KnownServer { name: name.to_owned(), lacks, refused: None };
    let openai: &[&str] = &["top_k", "num_ctx", "keep_alive"];
    vec![server("ollama", &[]), server("openai", openai), server("scripted", &[])]
}

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % most as u64) as usize
    }

    fn of<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }

    fn is(&mut self, one_in: usize) -> bool {
        self.below(one_in) == 0
    }
}

fn text(words: &str) -> Value {
    Value::Text(words.to_owned())
}

fn texts(words: &[&str]) -> Vec<Value> {
    words.iter().map(|w| text(w)).collect()
}

fn whole(numbers: &[i64]) -> Vec<Value> {
    numbers.iter().map(|n| Value::Int(*n)).collect()
}

fn points(numbers: &[f64]) -> Vec<Value> {
    numbers.iter().map(|n| Value::Float(*n)).collect()
}

/// Adds a factor that sets something, by turns. Returns its name.
fn add_setting(experiment: &mut Experiment, which: usize, dice: &mut Dice) -> String {
    let role = dice.of(&experiment.roles).name.clone();
    let models: Vec<Value> = experiment.models.iter().map(|m| text(m.name())).collect();
    let (name, levels): (String, Vec<Value>) = match which % 15 {
        0 => ("model".into(), models),
        1 => ("messages".into(), whole(&[8, 11])),
        2 => {
            experiment.protocol.messages = experiment.protocol.messages.max(6);
            ("days".into(), whole(&[1, 2, 3]))
        }
        3 => ("speakers".into(), texts(&["round-robin", "random", "auto"])),
        4 => ("labels".into(), texts(&["auto", "always", "never"])),
        5 => ("merge".into(), vec![Value::Bool(true), Value::Bool(false)]),
        6 => ("final_summary".into(), vec![Value::Bool(false), Value::Bool(true)]),
        7 => ("starting_message".into(), texts(&["Begin.", "There are <AGENTS_NUM>; the <GUARD_NOUN> \\<b>\n"])),
        8 => (format!("agents.{role}"), whole(&[1, 2, 3])),
        9 => (format!("roles.{role}.model"), vec![models[0].clone(), text(HUMAN)]),
        10 => ("temperature".into(), points(&[0.0, 0.7, 2.0])),
        11 => ("top_p".into(), points(&[0.1, 1.0])),
        12 => ("top_k".into(), whole(&[1, 40])),
        13 => ("max_tokens".into(), whole(&[10, 2000])),
        _ => (format!("agents.{role}"), whole(&[0, 2])),
    };
    let is_there = experiment.factors.iter().any(|f| f.name == name);
    if !is_there {
        let at = dice.below(experiment.factors.len() + 1);
        experiment.factors.insert(at, Factor { name: name.clone(), levels, was: None });
    }
    name
}

/// Changes an experiment in one of many ways. Returns words for the way.
fn vary(experiment: &mut Experiment, number: usize, dice: &mut Dice) -> String {
    match number % 12 {
        0 => "as it came".to_owned(),
        1..=4 => {
            let one = add_setting(experiment, number / 12 * 4 + number % 12, dice);
            format!("a factor sets {one}")
        }
        5 => {
            let (one, other) = (number / 12, number / 12 + 1 + dice.below(7));
            let (one, other) = (add_setting(experiment, one, dice), add_setting(experiment, other, dice));
            format!("factors set {one} and {other}")
        }
        6 => zipped(experiment, dice),
        7 => cells(experiment),
        8 => helpers(experiment, dice),
        9 => health(experiment, dice),
        10 => every_parameter(experiment, dice),
        _ => older(experiment, dice),
    }
}

fn zipped(experiment: &mut Experiment, dice: &mut Dice) -> String {
    experiment.design.zip.retain(|z| z.factors.is_empty());
    experiment.factors.truncate(1);
    let model = text(experiment.models[0].name());
    experiment.factors.extend([
        Factor { name: "temperature".into(), levels: points(&[0.0, 0.5, 0.5]), was: None },
        Factor { name: "wording".into(), levels: texts(&["plain", "plain", "long"]), was: Some(text("plain")) },
        Factor { name: "model".into(), levels: vec![model.clone(), model.clone(), model], was: None },
    ]);
    let factors = vec!["temperature".to_owned(), "wording".to_owned(), "model".to_owned()];
    experiment.design.zip = vec![Zip { factors }];
    if dice.is(2) {
        let when = |factor: &str, any: &str| When { factor: factor.to_owned(), any: vec![any.to_owned()] };
        experiment.design.exclude = vec![Expression { all: vec![when("temperature", "0.5"), when("wording", "long")] }];
    }
    "a zip of what sets and what labels".to_owned()
}

fn cells(experiment: &mut Experiment) -> String {
    experiment.design = Design::default();
    experiment.factors.truncate(1);
    experiment.factors.extend([
        Factor { name: "messages".into(), levels: whole(&[9, 12]), was: None },
        Factor { name: "place".into(), levels: texts(&["the yard", "cell", "x|y"]), was: None },
    ]);
    let cell = |messages: i64, place: &str| CellSpec {
        levels: vec![Named::new("place", text(place)), Named::new("messages", Value::Int(messages))],
    };
    experiment.design.cells = vec![cell(12, "cell"), cell(9, "the yard"), cell(9, "x|y")];
    experiment.shared.sections.push(Section {
        title: "Place".to_owned(),
        when: vec![When { factor: "place".to_owned(), any: vec!["the yard".to_owned(), "cell".to_owned()] }],
        text: "Here, with <AGENTS_NUM>.\n".to_owned(),
    });
    "cells".to_owned()
}

fn helpers(experiment: &mut Experiment, dice: &mut Dice) -> String {
    let own = ModelSpec {
        alias: Some("helper".to_owned()),
        sampling: Sampling { temperature: Some(0.25), max_tokens: Some(12), ..Sampling::default() },
        ..ModelSpec::bare("ollama/lab/helper:7b")
    };
    experiment.models.push(own);
    experiment.factors.retain(|f| f.name != "model");
    let condition = text(experiment.models[0].name());
    experiment.factors.push(Factor { name: "model".into(), levels: vec![condition], was: None });
    experiment.protocol.speakers = *dice.of(&[Speakers::Auto, Speakers::Manual]);
    experiment.protocol.days = 2;
    experiment.protocol.messages = experiment.protocol.messages.max(5);
    experiment.protocol.final_summary = dice.is(2);
    experiment.selector_model = Some("helper".to_owned());
    experiment.summarizer_model = Some(if dice.is(3) { HUMAN.to_owned() } else { "helper".to_owned() });
    "selector and summariser of their own".to_owned()
}

fn health(experiment: &mut Experiment, dice: &mut Dice) -> String {
    let policy = |n: u32| Policy { ask: n % 3, fail: n % 3 == 0 || n.is_multiple_of(2) };
    let flags = super::super::design::protocol::FLAGS;
    let first = dice.below(flags.len()) as u32;
    experiment.health = (first..).zip(flags).map(|(n, flag)| Named::new(flag, policy(n))).collect();
    "a policy for each flag".to_owned()
}

fn every_parameter(experiment: &mut Experiment, dice: &mut Dice) -> String {
    let sampling = Sampling {
        temperature: Some(0.1 + 0.2),
        top_p: Some(0.95),
        top_k: Some(7),
        max_tokens: Some(321),
        stop: vec!["END".to_owned(), "\"\\\n\u{e9}".to_owned()],
        num_ctx: Some(8192),
        seed: Some(if dice.is(2) { Seed::Fixed { fixed: 1 << 54 } } else { Seed::Base((1 << 53) + 1) }),
    };
    let model = ModelSpec {
        id: "ollama/everything:70b-q4_K_M".to_owned(),
        alias: Some("all".to_owned()),
        sampling,
        keep_alive: Some(text("10m")),
        stream: Some(true),
        concurrency: Some(3),
    };
    experiment.models.push(model);
    "every parameter of a model".to_owned()
}

fn older(experiment: &mut Experiment, dice: &mut Dice) -> String {
    experiment.design = Design::default();
    experiment.factors.truncate(2);
    experiment.factors.push(Factor {
        name: "added".into(),
        levels: vec![Value::Bool(true), Value::Bool(false)],
        was: Some(Value::Bool(dice.is(2))),
    });
    experiment.factors.push(Factor {
        name: "number".into(),
        levels: points(&[1.0, 1.5]),
        was: Some(Value::Float(1.0)),
    });
    "factors that were added, with `was`".to_owned()
}

/// Writes the same experiment otherwise: ranges, defaults left out, comments, another end of lines.
fn rewritten(files: &Files, number: usize) -> (Files, Vec<&'static str>) {
    let (mut files, mut words) = (files.clone(), Vec::new());
    let name = "experiment.toml".to_owned();
    let mut toml = String::from_utf8(files[&name].clone()).unwrap();
    if number % 2 == 1 && toml.contains(" = [1, 2, 3]\n") {
        toml = toml.replace(" = [1, 2, 3]\n", " = { from = 1, to = 3 }\n");
        words.push("{ from, to }");
    }
    if number.is_multiple_of(3) {
        let defaults = [
            "format = 1",
            "days = 1",
            "merge = true",
            "labels = \"auto\"",
            "speakers = \"round-robin\"",
            "final_summary = false",
            "stop_phrases = []",
        ];
        let kept = |line: &&str| !defaults.contains(line);
        toml = toml.lines().filter(kept).map(|line| format!("{line}\n")).collect();
        words.push("defaults left out");
    }
    if number.is_multiple_of(5) {
        toml = format!("# A comment.\n\n{toml}\n# And one at the end.\n");
        words.push("comments");
    }
    files.insert(name, toml.into_bytes());
    if number.is_multiple_of(7) {
        for bytes in files.values_mut() {
            *bytes = String::from_utf8(bytes.clone()).unwrap().replace('\n', "\r\n").into_bytes();
        }
        words.push("CRLF");
    }
    (files, words)
}

fn as_json(value: &Value) -> Json {
    serde_json::to_value(value).unwrap()
}

fn overrides_json(o: &Overrides) -> Json {
    json!({
        "models": o.models,
        "set": o.set.iter().map(|s| json!({ "name": s.name, "value": s.value.iter().map(as_json).collect::<Vec<_>>() })).collect::<Vec<_>>(),
        "stop_phrases": o.stop_phrases, "replicates": o.replicates, "seed": o.seed,
        "only": o.only, "limit": o.limit, "offline": o.offline,
    })
}

/// Reads flags as the command line does, if it takes them.
fn overrides(flags: &[String]) -> Option<Overrides> {
    let words = ["convoke", "run", "x"].into_iter().map(str::to_owned).chain(flags.iter().cloned());
    match Cli::try_parse_from(words).ok()?.command? {
        Command::Run(run) => narrow::overrides(&run.narrow).ok(),
        _ => None,
    }
}

/// Makes lists of flags that may fit, more than are kept.
fn flags(experiment: &Experiment, dice: &mut Dice) -> Vec<Vec<String>> {
    let role = dice.of(&experiment.roles).name.clone();
    let model = dice.of(&experiment.models).name().to_owned();
    let mut single: Vec<Vec<String>> = [
        vec!["--days", "1..2"],
        vec!["--days", "2"],
        vec!["--messages", "14"],
        vec!["--speakers", "random"],
        vec!["--speakers", "auto"],
        vec!["--speakers", "round-robin"],
        vec!["--replicates", "3"],
        vec!["--seed", "99"],
        vec!["--set", "temperature=0.25"],
        vec!["--set", "max_tokens=64"],
        vec!["--set", "top_p=0.5"],
        vec!["--set", "top_k=5"],
        vec!["--set", "labels=never"],
        vec!["--set", "merge=false"],
        vec!["--set", "final_summary=true"],
        vec!["--set", "starting_message=Begin, then."],
        vec!["--set", "stop_phrases=[\"[X]\", \"bye\"]"],
        vec!["--set", "stop_phrases=[]"],
        vec!["--limit", "3"],
        vec!["--offline"],
        vec!["--model", "ollama/another:1b"],
        vec!["--model", "ollama/another:1b", "--model", "ollama/third"],
    ]
    .into_iter()
    .map(|words| words.into_iter().map(str::to_owned).collect())
    .collect();
    let two = |flag: &str, value: String| vec![flag.to_owned(), value];
    single.push(two("--agents", format!("{role}=1..2")));
    single.push(two("--agents", format!("{role}=3")));
    single.push(two("--model", model.clone()));
    single.push(two("--set", format!("roles.{role}.model={model}")));
    if let Some(factor) = experiment.factors.first() {
        let level = dice.of(&factor.levels).clone();
        let toml = match &level {
            Value::Text(t) => toml::Value::String(t.clone()).to_string(),
            other => other.to_string(),
        };
        single.push(two("--set", format!("{}={toml}", factor.name)));
        let when = [When { factor: factor.name.clone(), any: vec![level.to_string()] }];
        single.push(two("--only", markdown::write_when(&when)));
    }
    let mut lists = Vec::new();
    for _ in 0..12 {
        let number = 1 + dice.below(3);
        let mut list: Vec<String> = Vec::new();
        for _ in 0..number {
            list.extend(dice.of(&single).clone());
        }
        lists.push(list);
    }
    lists
}

/// Checks that each model has a server that takes its parameters.
fn takes(plan: &Plan) -> bool {
    let servers = servers();
    plan.conditions.iter().flat_map(Condition::participants).filter(|m| !m.is_human()).all(|model| {
        let server = servers.iter().find(|s| s.name == server_of(&model.id));
        server.is_some_and(|s| !s.lacks.iter().any(|p| is_set(model, p)))
    })
}

fn keys(plan: &Plan) -> Vec<&str> {
    plan.conditions.iter().map(|c| c.key.as_str()).collect()
}

fn narrowed(experiment: &Experiment, flags: &[String]) -> Option<Json> {
    let overrides = overrides(flags)?;
    let plan = Plan::new(experiment, &overrides).ok()?;
    if plan.conditions.len() > MOST_CONDITIONS || !takes(&plan) {
        return None;
    }
    let cells = plan.selected(experiment, &overrides).ok()?;
    if cells.len() > 2 * MOST_CONDITIONS {
        return None;
    }
    let cells: Vec<&str> = cells.iter().map(|c| c.key.as_str()).collect();
    Some(json!({
        "flags": flags, "overrides": overrides_json(&overrides), "conversations": cells,
    }))
}

/// Makes a line, where the folder has no mistake. The caller fills in `narrowed`.
fn line(name: &str, origin: &str, files: &Files) -> Option<(Experiment, Json)> {
    let checked = check(files, &servers());
    if checked.has_errors() {
        return None;
    }
    let (experiment, plan) = (checked.experiment?, checked.plan?);
    let texts: serde_json::Map<String, Json> =
        files.iter().map(|(p, t)| (p.clone(), Json::from(String::from_utf8(t.clone()).unwrap()))).collect();
    let cells: Vec<String> = plan.cells().into_iter().map(|c| c.key).collect();
    let line = json!({
        "name": name, "origin": origin, "files": texts, "revision": key::revision(&experiment),
        "replicates": plan.replicates, "seed": plan.seed, "conditions": keys(&plan), "conversations": cells,
    });
    Some((experiment, line))
}

fn with_flags(experiment: &Experiment, mut line: Json, lists: Vec<Vec<String>>, most: usize) -> Json {
    let mut kept: Vec<Json> = Vec::new();
    for found in lists.iter().filter_map(|flags| narrowed(experiment, flags)) {
        // Lists that come to one plan show nothing new.
        let is_new = found["conversations"] != line["conversations"]
            && kept.iter().all(|k| k["conversations"] != found["conversations"]);
        if is_new && kept.len() < most {
            kept.push(found);
        }
    }
    line["narrowed"] = Json::from(kept);
    line
}

fn folder(path: &Path) -> Files {
    let mut files = Files::new();
    let mut open = vec![path.to_owned()];
    while let Some(at) = open.pop() {
        for entry in fs::read_dir(at).unwrap() {
            let found = entry.unwrap().path();
            if found.is_dir() {
                open.push(found);
            } else {
                let name = found.strip_prefix(path).unwrap().display().to_string();
                files.insert(name, fs::read(&found).unwrap());
            }
        }
    }
    files
}

#[test]
fn make_hashes() {
    let mut lines: Vec<Json> = Vec::new();
    for (name, lists) in written::SHIPPED {
        let files = folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments").join(name));
        let (experiment, mut line) = line(name, "ships with the program", &files).unwrap();
        line["files"] = Json::Null;
        let lists = lists.iter().map(|words| words.iter().map(|w| (*w).to_owned()).collect()).collect();
        lines.push(with_flags(&experiment, line, lists, usize::MAX));
    }
    let mut generated = 0;
    for (name, files, lists) in written::FOLDERS {
        let files: Files = files.iter().map(|(p, t)| ((*p).to_owned(), t.as_bytes().to_vec())).collect();
        let made = line(name, "by hand", &files);
        let (experiment, line) = made.unwrap_or_else(|| {
            let problems = check(&files, &servers()).problems.into_iter();
            panic!("{name}: {:#?}", problems.filter(|p| p.severity == Severity::Error).collect::<Vec<_>>())
        });
        let lists: Vec<Vec<String>> =
            lists.iter().map(|words| words.iter().map(|w| (*w).to_owned()).collect()).collect();
        let wanted = lists.len();
        let line = with_flags(&experiment, line, lists, usize::MAX);
        if line["narrowed"].as_array().unwrap().len() != wanted {
            eprintln!(
                "{name}: {:?}",
                line["narrowed"].as_array().unwrap().iter().map(|n| n["flags"].to_string()).collect::<Vec<_>>()
            );
        }
        lines.push(line);
        generated += 1;
    }
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[10; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let mut dice = Dice(10);
    let mut number = 0;
    while generated < GENERATED {
        let mut experiment = arbitrary::experiment(3).new_tree(&mut runner).unwrap().current();
        number += 1;
        let origin = vary(&mut experiment, number, &mut dice);
        experiment.run.replicates = 1 + experiment.run.replicates % 2;
        if !number.is_multiple_of(4) {
            experiment.name = format!("generated {number}");
        }
        let (files, more) = rewritten(&write::write(&experiment), number);
        let origin = std::iter::once(origin.as_str()).chain(more).collect::<Vec<_>>().join(", ");
        let lists = flags(&experiment, &mut dice);
        let Some((experiment, line)) = line(&format!("generated-{number:03}"), &origin, &files) else { continue };
        if line["conditions"].as_array().unwrap().len() > MOST_CONDITIONS {
            continue;
        }
        lines.push(with_flags(&experiment, line, lists, MOST_NARROWED));
        generated += 1;
    }
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    fs::write(std::env::var("GOLDEN_OUT").unwrap(), text).unwrap();
}
