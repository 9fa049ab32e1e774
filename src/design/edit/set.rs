//! Keys of `experiment.toml` that `--set` sets. The caller checks the result with everything else.

use crate::design::experiment::Experiment;
use crate::design::folder::Files;
use crate::design::keys::{MODEL, PROTOCOL, find_key, key_names};
use crate::design::problem::{Obstacle, did_you_mean};
use crate::design::tree::FILE;
use toml_edit::{DocumentMut, InlineTable, Item, Key, Table, TableLike, Value};

/// Keys at the top of the file that can be set only as a whole.
const TOP: [&str; 5] = ["starting_message", "sections", "models", "mind", "actions"];
/// Tables whose keys can be set by their full path.
const TABLES: [&str; 9] = ["protocol", "roles", "selector", "summarizer", "mind", "factors", "design", "health", "run"];

enum Where {
    /// The key at this path.
    At(Vec<String>),
    /// The key in every model.
    Models,
}

/// Sets keys in the files of an experiment, and returns an obstacle for each unknown one.
pub(super) fn set(files: &mut Files, experiment: &Experiment, set: &[(String, String)]) -> Vec<Obstacle> {
    if set.is_empty() {
        return Vec::new();
    }
    let text = files.get(FILE).map(|bytes| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default();
    let mut document: DocumentMut = match text.parse() {
        Ok(document) => document,
        Err(_) => return vec![usage_error("the experiment has a name that its file cannot hold", "give it another")],
    };
    let mut wrong = Vec::new();
    for (key, value) in set {
        let value = (!value.is_empty()).then(|| value_of(value));
        let done = match find_key_place(experiment, key) {
            Ok(Where::At(path)) => put_value(document.as_table_mut(), key, &path, value),
            Ok(Where::Models) => put_in_models(&mut document, key, value.as_ref()),
            Err(obstacle) => Err(obstacle),
        };
        wrong.extend(done.err());
    }
    files.insert(FILE.to_owned(), document.to_string().into_bytes());
    wrong
}

fn usage_error(message: impl Into<String>, hint: &str) -> Obstacle {
    Obstacle::usage(message.into(), hint.to_owned())
}

/// Reads a value as TOML, else as text.
fn value_of(text: &str) -> Value {
    let parsed: Option<DocumentMut> = format!("x = {text}").parse().ok();
    let value = parsed.filter(|d| d.len() == 1).and_then(|mut d| d.remove("x")).and_then(|i| i.into_value().ok());
    value.map_or_else(
        || Value::from(text),
        |mut v| {
            v.decor_mut().clear();
            v
        },
    )
}

fn find_key_place(experiment: &Experiment, key: &str) -> Result<Where, Obstacle> {
    let at = |path: &[&str]| Ok(Where::At(path.iter().map(|p| (*p).to_owned()).collect()));
    if experiment.factors.iter().any(|f| f.name == key) {
        return at(&["factors", key]);
    }
    match key {
        "name" | "note" => Err(usage_error(format!("--set {key}=…: it has a flag of its own"), &format!("--{key}"))),
        "agents" => Err(usage_error("--set agents=…: one role at a time", "--set agents.ROLE=N, or --roles")),
        "replicates" | "seed" => at(&["run", key]),
        "style" => at(&["protocol", key]),
        _ if find_key(PROTOCOL, key).is_some() => at(&["protocol", key]),
        _ if find_key(MODEL, key).is_some() => Ok(Where::Models),
        _ if TOP.contains(&key) => at(&[key]),
        _ => {
            let path = split_path(key);
            match path.first().map(String::as_str) {
                Some("agents") => Ok(Where::At([vec!["protocol".to_owned()], path].concat())),
                Some(first) if path.len() > 1 && TABLES.contains(&first) => Ok(Where::At(path)),
                _ => Err(unknown_key(experiment, key)),
            }
        }
    }
}

/// Splits a dotted key. Parts that contain points are quoted; parts with spaces need no quotes.
fn split_path(key: &str) -> Vec<String> {
    let parsed = Key::parse(key).map(|keys| keys.iter().map(|k| k.get().to_owned()).collect());
    parsed.unwrap_or_else(|_| key.split('.').map(|part| part.trim().to_owned()).collect())
}

fn unknown_key(experiment: &Experiment, key: &str) -> Obstacle {
    let keys = key_names(PROTOCOL).chain(key_names(MODEL)).chain(TOP);
    let mut known: Vec<&str> = keys.chain(["agents", "style", "replicates"]).collect();
    known.extend(experiment.factors.iter().map(|f| f.name.as_str()));
    let hint = did_you_mean(key, known.iter().copied())
        .unwrap_or_else(|| format!("a new factor is factors.{key}=[…]; other keys by their path, as in health.empty"));
    Obstacle::usage(format!("there is no factor or key `{key}` to set"), hint)
}

fn put_value(table: &mut dyn TableLike, key: &str, path: &[String], value: Option<Value>) -> Result<(), Obstacle> {
    let [first, rest @ ..] = path else { return Ok(()) };
    if rest.is_empty() {
        return match value {
            Some(value) => {
                table.insert(first, Item::Value(value));
                Ok(())
            }
            None => table.remove(first).map(drop).ok_or_else(|| absent_key(key)),
        };
    }
    if table.get(first).is_none() {
        if value.is_none() {
            return Err(absent_key(key));
        }
        table.insert(first, Item::Table(Table::new()));
    }
    match table.get_mut(first).and_then(Item::as_table_like_mut) {
        Some(inner) => put_value(inner, key, rest, value),
        None => Err(usage_error(format!("--set {key}=…: `{first}` is no table"), "set it whole")),
    }
}

fn absent_key(key: &str) -> Obstacle {
    usage_error(format!("--set {key}=: there is no `{key}` to take away"), "`convoke show` shows all there is")
}

fn put_in_models(document: &mut DocumentMut, key: &str, value: Option<&Value>) -> Result<(), Obstacle> {
    let change = |model: &mut dyn TableLike| match value {
        Some(value) => drop(model.insert(key, Item::Value(value.clone()))),
        None => drop(model.remove(key)),
    };
    match document.get_mut("models") {
        Some(Item::ArrayOfTables(models)) => models.iter_mut().for_each(|model| change(model)),
        Some(Item::Value(Value::Array(models))) => {
            for model in models.iter_mut() {
                if let Some(id) = model.as_str() {
                    *model = Value::InlineTable(InlineTable::from_iter([("id", id.to_owned())]));
                }
                if let Some(model) = model.as_inline_table_mut() {
                    change(model);
                }
            }
        }
        _ => return Err(usage_error(format!("--set {key}=…: there is no model"), "--model SERVER/NAME")),
    }
    Ok(())
}
