//! An experiment as the texts of its files, without defaults and comments.

use super::action::{Action, FieldKind};
use super::experiment::{Design, Experiment, Factor, ModelSpec, Policy, Role, RunDefaults, Seed};
use super::folder::{Files, SHARED, SUMMARIZER, role_file};
use super::keys::kind::KeyValue;
use super::keys::{BEFORE_AGENTS, MIND, MODEL, PROTOCOL, ROLE, WORLD};
use super::markdown;
use super::mind::Mind;
use super::person_file::is_people_path;
use super::protocol::OF_WORLDS;
use super::tree::FILE;
use super::value::{Named, Value};
use super::world::is_link_path;
use crate::people::Source;
use serde_json::Value as Json;
use toml::{Table, Value as Toml};

/// Writes the files of an experiment. Reading these files returns the same experiment.
pub fn write_files(experiment: &Experiment) -> Files {
    let mut files = Files::new();
    files.insert(FILE.to_owned(), write_toml(experiment).into_bytes());
    if !experiment.shared.is_empty() {
        files.insert(SHARED.to_owned(), markdown::render(&experiment.shared).into_bytes());
    }
    for role in &experiment.roles {
        files.insert(role_file(&role.name), markdown::render(&role.prompt).into_bytes());
    }
    // A path of a foreign document may lead anywhere.
    for file in experiment.people.iter().filter(|file| is_people_path(&file.path)) {
        if let Some(text) = file.text() {
            files.insert(file.path.clone(), text.as_bytes().to_vec());
        }
    }
    for file in experiment.files.iter().filter(|file| is_link_path(&file.path)) {
        if let Some(text) = &file.text {
            files.insert(file.path.clone(), text.as_bytes().to_vec());
        }
    }
    if let Some(summarizer) = &experiment.summarizer {
        files.insert(SUMMARIZER.to_owned(), markdown::render(summarizer).into_bytes());
    }
    files
}

/// Writes a list of models on one line, as `--set models=…` reads it.
pub fn models_in_line(models: &[ModelSpec]) -> String {
    Toml::Array(models.iter().map(model_value).collect()).to_string()
}

fn write_toml(experiment: &Experiment) -> String {
    let mut top = Table::new();
    put(&mut top, "format", experiment.format);
    put(&mut top, "name", experiment.name.as_str());
    if let Some(note) = &experiment.note {
        put(&mut top, "note", note.as_str());
    }
    put(&mut top, "starting_message", experiment.starting_message.as_str());
    if !experiment.sections.is_empty() {
        put(&mut top, "sections", text_values(&experiment.sections));
    }
    put(&mut top, "models", experiment.models.iter().map(model_value).collect::<Vec<Toml>>());
    put(&mut top, "protocol", protocol_table(experiment));
    let roles: Table = experiment.roles.iter().map(|r| (r.name.clone(), Toml::Table(role_table(r)))).collect();
    put(&mut top, "roles", roles);
    for (key, model) in [("selector", &experiment.selector_model), ("summarizer", &experiment.summarizer_model)] {
        if let Some(model) = model {
            put(&mut top, key, Table::from_iter([("model".to_owned(), Toml::from(model.as_str()))]));
        }
    }
    if !experiment.mind.is_empty() {
        put(&mut top, "mind", mind_table(&experiment.mind));
    }
    if let Some(world) = &experiment.world {
        let mut table = Table::new();
        put_all(&mut table, WORLD.iter().map(|key| (key.name, (key.get)(world))));
        put(&mut top, "world", table);
    }
    let mut rest = Table::new();
    if !experiment.design.is_empty() {
        put(&mut rest, "design", design_table(&experiment.design));
    }
    if !experiment.health.is_empty() {
        let health: Table = experiment.health.iter().map(|p| (p.name.clone(), policy_value(p.value))).collect();
        put(&mut rest, "health", health);
    }
    put(&mut rest, "run", run_table(experiment.run));
    let pretty = |table: &Table| toml::to_string_pretty(table).unwrap_or_default();
    let (actions, factors) = (write_actions(&experiment.actions), write_factors(&experiment.factors));
    format!("{}\n{actions}{factors}{}", pretty(&top), pretty(&rest))
}

/// Writes `[[actions]]` with one key on each line. As sub-tables, fields with a range would be written last, and the order
/// of fields matters.
fn write_actions(actions: &[Action]) -> String {
    let line = |(key, value): (String, Toml)| format!("{key} = {value}\n");
    let one = |action: &Action| action_table(action).into_iter().map(line).collect::<String>();
    let tables: Vec<String> = actions.iter().map(|action| format!("[[actions]]\n{}\n", one(action))).collect();
    tables.concat()
}

/// Writes `[factors]` with one factor on each line. As sub-tables, factors with `was` would be written last, and the
/// order of factors matters.
fn write_factors(factors: &[Factor]) -> String {
    if factors.is_empty() {
        return String::new();
    }
    let key = |name: &str| format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""));
    let lines: Vec<String> = factors.iter().map(|f| format!("{} = {}\n", key(&f.name), factor_value(f))).collect();
    format!("[factors]\n{}\n", lines.concat())
}

fn put(table: &mut Table, key: &str, value: impl Into<Toml>) {
    table.insert(key.to_owned(), value.into());
}

fn text_values(texts: &[String]) -> Vec<Toml> {
    texts.iter().map(|t| Toml::from(t.as_str())).collect()
}

fn scalar_value(value: &Value) -> Toml {
    match value {
        Value::Bool(b) => Toml::Boolean(*b),
        Value::Int(i) => Toml::Integer(*i),
        Value::Float(x) => Toml::Float(*x),
        Value::Text(t) => Toml::String(t.clone()),
    }
}

fn model_value(spec: &ModelSpec) -> Toml {
    let mut table = Table::new();
    put(&mut table, "id", spec.id.as_str());
    if let Some(alias) = &spec.alias {
        put(&mut table, "as", alias.as_str());
    }
    put_all(&mut table, MODEL.iter().map(|key| (key.name, key.changed_value(spec))));
    if table.len() == 1 { Toml::from(spec.id.as_str()) } else { Toml::Table(table) }
}

/// Writes every key that has a value, including values that are the default.
fn protocol_table(experiment: &Experiment) -> Table {
    let mut table = Table::new();
    let agents = experiment.roles.iter().map(|r| (r.name.clone(), Toml::from(r.agents)));
    for (at, key) in PROTOCOL.iter().enumerate() {
        if at == BEFORE_AGENTS {
            put(&mut table, "agents", agents.clone().collect::<Table>());
        }
        if experiment.world.is_none() || OF_WORLDS.contains(&key.name) {
            put_all(&mut table, [(key.name, (key.get)(&experiment.protocol))]);
        }
    }
    table
}

fn role_table(role: &Role) -> Table {
    let mut table = Table::new();
    put_all(&mut table, ROLE.iter().map(|key| (key.name, (key.get)(role))));
    if !role.mind.is_empty() {
        put(&mut table, "mind", mind_table(&role.mind));
    }
    table
}

fn mind_table(mind: &Mind) -> Table {
    let mut table = Table::new();
    put_all(&mut table, MIND.iter().map(|key| (key.name, (key.get)(mind))));
    table
}

fn action_table(action: &Action) -> Table {
    let Action { name, text, fields, who, result, heard, says, ends } = action;
    let mut table = Table::new();
    put(&mut table, "name", name.as_str());
    put(&mut table, "text", text.as_str());
    if !fields.is_empty() {
        put(&mut table, "fields", fields.iter().map(|f| (f.name.clone(), field_value(&f.value))).collect::<Table>());
    }
    if !who.is_empty() {
        put(&mut table, "who", text_values(who));
    }
    for (key, text) in [("result", result), ("says", says)].into_iter().filter(|(_, text)| !text.is_empty()) {
        put(&mut table, key, text.as_str());
    }
    if *heard {
        put(&mut table, "heard", true);
    }
    if let Some(ends) = ends {
        put(&mut table, "ends", ends.word());
    }
    table
}

fn field_value(field: &FieldKind) -> Toml {
    match field {
        FieldKind::Number => Toml::from("number"),
        FieldKind::Integer => Toml::from("integer"),
        FieldKind::Boolean => Toml::from("boolean"),
        FieldKind::Text => Toml::from("text"),
        FieldKind::Choice(words) => Toml::Array(text_values(words)),
        FieldKind::Range { from, to } => {
            let ends = [("from".to_owned(), number_value(*from)), ("to".to_owned(), number_value(*to))];
            Toml::Table(Table::from_iter(ends))
        }
    }
}

/// Returns a number as people write it: a whole one without a point.
fn number_value(number: f64) -> Toml {
    /// The limit below which a double holds every whole number exactly.
    const LARGEST: f64 = 9_007_199_254_740_992.0;
    let is_whole = number.fract() == 0.0 && number.abs() < LARGEST;
    if is_whole { Toml::Integer(number as i64) } else { Toml::Float(number) }
}

fn put_all(table: &mut Table, keys: impl IntoIterator<Item = (&'static str, Option<KeyValue>)>) {
    for (key, value) in keys {
        match value {
            Some(KeyValue::One(value)) => put(table, key, scalar_value(&value)),
            Some(KeyValue::List(list)) => put(table, key, text_values(&list)),
            Some(KeyValue::Seed(Seed::Base(base))) => put(table, key, base.cast_signed()),
            Some(KeyValue::Seed(Seed::Fixed { fixed })) => {
                put(table, key, Table::from_iter([("fixed".to_owned(), Toml::from(fixed.cast_signed()))]));
            }
            Some(KeyValue::Sources(sources)) => {
                put(table, key, sources.iter().map(source_value).collect::<Vec<Toml>>());
            }
            Some(KeyValue::Tree(shape)) => put(table, key, shape_value(shape)),
            None => {}
        }
    }
}

/// Writes a value with parts. A local time is a text in a shape, and stays one.
fn shape_value(shape: Json) -> Toml {
    match shape {
        Json::Null => Toml::String(String::new()),
        Json::Bool(yes) => Toml::Boolean(yes),
        Json::Number(number) => match number.as_i64() {
            Some(whole) => Toml::Integer(whole),
            None => Toml::Float(number.as_f64().unwrap_or_default()),
        },
        Json::String(text) => Toml::String(text),
        Json::Array(items) => Toml::Array(items.into_iter().map(shape_value).collect()),
        Json::Object(fields) => Toml::Table(fields.into_iter().map(|(key, value)| (key, shape_value(value))).collect()),
    }
}

fn source_value(source: &Source) -> Toml {
    let from = Toml::from(source.from.as_str());
    match source.first {
        None => from,
        Some(first) => {
            Toml::Table(Table::from_iter([("from".to_owned(), from), ("first".to_owned(), Toml::from(first))]))
        }
    }
}

fn factor_value(factor: &Factor) -> Toml {
    let levels: Vec<Toml> = factor.levels.iter().map(scalar_value).collect();
    match &factor.was {
        None => Toml::Array(levels),
        Some(was) => Toml::Table(Table::from_iter([
            ("levels".to_owned(), Toml::Array(levels)),
            ("was".to_owned(), scalar_value(was)),
        ])),
    }
}

fn design_table(design: &Design) -> Table {
    let mut table = Table::new();
    if !design.zip.is_empty() {
        put(&mut table, "zip", design.zip.iter().map(|z| Toml::Array(text_values(&z.factors))).collect::<Vec<Toml>>());
    }
    if !design.exclude.is_empty() {
        let written = design.exclude.iter().map(|e| Toml::from(markdown::write_when(&e.all)));
        put(&mut table, "exclude", written.collect::<Vec<Toml>>());
    }
    if !design.cells.is_empty() {
        let row = |levels: &[Named<Value>]| {
            levels.iter().map(|l| (l.name.clone(), scalar_value(&l.value))).collect::<Table>()
        };
        put(&mut table, "cells", design.cells.iter().map(|c| Toml::Table(row(&c.levels))).collect::<Vec<Toml>>());
    }
    table
}

fn policy_value(policy: Policy) -> Toml {
    let then = if policy.fail { "fail" } else { "keep" };
    if policy.ask == 0 {
        return Toml::from(then);
    }
    Toml::Table(Table::from_iter([("ask".to_owned(), Toml::from(policy.ask)), ("then".to_owned(), Toml::from(then))]))
}

fn run_table(run: RunDefaults) -> Table {
    Table::from_iter([
        ("replicates".to_owned(), Toml::from(run.replicates)),
        ("seed".to_owned(), Toml::from(run.seed.cast_signed())),
    ])
}
