//! Arenas of ChatArena: players and a moderator become roles of one agent each, who speak in turn.

use super::made::{Foreign, Unfit, other_keys, plain_text, role_name, text_of};
use crate::design::HUMAN;
use crate::design::folder::{Files, SHARED, role_file};
use crate::design::names::bad_name;
use serde_json::{Map, Value as Json};
use toml::{Table, Value as Toml};

/// The model that ChatArena asks where the file names none.
const MODEL: &str = "gpt-3.5-turbo";
/// Rounds of a conversation. ChatArena's files name no number: its user stops.
const ROUNDS: usize = 4;
/// Environments that are conversations and nothing else.
const ENVIRONMENTS: [&str; 2] = ["conversation", "moderated_conversation"];

/// A player or the moderator.
struct Part {
    role: String,
    text: String,
    model: Table,
}

/// Converts an arena.
pub fn convert(arena: &Map<String, Json>) -> Result<Foreign, Unfit> {
    let mut left_out = other_keys("", arena, &["name", "global_prompt", "environment", "players"]);
    let Some(players) = arena.get("players").and_then(Json::as_array).filter(|players| !players.is_empty()) else {
        return Err(Unfit::new("`players` is no list with a player", "write at least one player"));
    };
    let mut parts = Vec::new();
    for (i, player) in players.iter().enumerate() {
        parts.push(read_part(&format!("players[{i}]"), player, None, &mut left_out)?);
    }
    parts.extend(read_environment(arena, &mut left_out)?);
    for (i, part) in parts.iter().enumerate() {
        if parts.iter().take(i).any(|other| other.role == part.role) {
            let what = format!("two players are named alike: `{}`", part.role);
            return Err(Unfit::new(what, "give one of them another name"));
        }
    }
    let mut files = Files::new();
    files.insert("experiment.toml".to_owned(), write_toml(arena, &parts).into_bytes());
    if let Some(Json::String(text)) = arena.get("global_prompt") {
        files.insert(SHARED.to_owned(), plain_text(text).into_bytes());
    }
    files.extend(parts.iter().map(|part| (role_file(&part.role), plain_text(&part.text).into_bytes())));
    Ok(Foreign { program: "ChatArena", files, left_out })
}

/// Reads the environment. Returns its moderator.
fn read_environment(arena: &Map<String, Json>, left_out: &mut Vec<String>) -> Result<Option<Part>, Unfit> {
    let Some(environment) = arena.get("environment").and_then(Json::as_object) else { return Ok(None) };
    let kind = environment.get("env_type").and_then(Json::as_str).unwrap_or("conversation");
    if !ENVIRONMENTS.contains(&kind) {
        let what = format!("its environment `{kind}` has rules that are a program, and no text");
        return Err(Unfit::new(what, format!("environments that can be imported: {}", ENVIRONMENTS.join(", "))));
    }
    let known = ["env_type", "parallel", "moderator", "moderator_visibility", "moderator_period"];
    left_out.extend(other_keys("environment", environment, &known));
    if environment.get("parallel").and_then(Json::as_bool) == Some(true) {
        left_out.push("environment.parallel: players speak in turn, and each reads those before it".to_owned());
    }
    if environment.get("moderator_visibility").is_some_and(|seen| seen != "all") {
        left_out.push("environment.moderator_visibility: everybody reads the moderator".to_owned());
    }
    if environment.get("moderator_period").is_some_and(|period| period != "round") {
        left_out.push("environment.moderator_period: the moderator speaks once a round".to_owned());
    }
    let Some(moderator) = environment.get("moderator").filter(|_| kind == "moderated_conversation") else {
        return Ok(None);
    };
    read_part("environment.moderator", moderator, Some("moderator"), left_out).map(Some)
}

/// Reads a player, or the moderator, whose file gives no name.
fn read_part(at: &str, json: &Json, name: Option<&str>, left_out: &mut Vec<String>) -> Result<Part, Unfit> {
    let Json::Object(part) = json else { return Err(Unfit::new(format!("`{at}` is no table"), "write a table")) };
    let known = ["name", "role_desc", "backend", "terminal_condition"];
    left_out.extend(other_keys(at, part, &known));
    if part.contains_key("terminal_condition") {
        left_out.push(format!("{at}.terminal_condition: the conversation ends after {ROUNDS} rounds"));
    }
    let name = match name {
        Some(name) => name,
        None => text_of(at, part, "name")?,
    };
    let role = role_name(name);
    if bad_name(&role).is_some() {
        return Err(Unfit::new(format!("`{at}.name` cannot name a role: `{name}`"), "write a name with letters"));
    }
    let text = text_of(at, part, "role_desc")?.to_owned();
    let backend = part.get("backend").and_then(Json::as_object).cloned().unwrap_or_default();
    Ok(Part { model: read_backend(&format!("{at}.backend"), &backend, left_out), role, text })
}

fn read_backend(at: &str, backend: &Map<String, Json>, left_out: &mut Vec<String>) -> Table {
    left_out.extend(other_keys(at, backend, &["backend_type", "model", "temperature", "max_tokens", "stop"]));
    let kind = backend.get("backend_type").and_then(Json::as_str).unwrap_or("openai-chat");
    let named = backend.get("model").and_then(Json::as_str);
    let id = match kind {
        "human" => HUMAN.to_owned(),
        "openai-chat" => format!("openai/{}", named.unwrap_or(MODEL)),
        // A server of that name has to be declared, which `check` says.
        other => format!("{}/{}", role_name(other), named.unwrap_or("default")),
    };
    let mut model = Table::from_iter([("id".to_owned(), Toml::from(id))]);
    if kind != "human" {
        for key in ["temperature", "max_tokens"] {
            let number = backend.get(key).and_then(Json::as_number);
            let whole = number.and_then(serde_json::Number::as_i64).map(Toml::from);
            let value = whole.or_else(|| number.and_then(serde_json::Number::as_f64).map(Toml::from));
            model.extend(value.map(|value| (key.to_owned(), value)));
        }
    }
    model
}

fn write_toml(arena: &Map<String, Json>, parts: &[Part]) -> String {
    let name = arena.get("name").and_then(Json::as_str).unwrap_or("arena").replace(['/', '\\'], "-");
    let name = if bad_name(name.trim()).is_some() { "arena" } else { name.trim() };
    let models = list_models(parts);
    let roles: Table = parts.iter().map(|part| (part.role.clone(), Toml::Table(role_table(part, &models)))).collect();
    let declared = models.iter().map(|(alias, model)| {
        let alias = ("as".to_owned(), Toml::from(*alias));
        Toml::Table(model.iter().map(|(key, value)| (key.clone(), value.clone())).chain([alias]).collect())
    });
    let agents: Table = parts.iter().map(|part| (part.role.clone(), Toml::from(1))).collect();
    let protocol = table([
        ("messages", Toml::from(i64::try_from(1 + ROUNDS * parts.len()).unwrap_or(i64::MAX))),
        ("days", Toml::from(1)),
        ("agents", Toml::Table(agents)),
        ("speakers", Toml::from("round-robin")),
        ("labels", Toml::from("always")),
    ]);
    let mut top = table([
        ("format", Toml::from(1)),
        ("name", Toml::from(name)),
        ("models", Toml::Array(declared.collect())),
        ("protocol", Toml::Table(protocol)),
        ("roles", Toml::Table(roles)),
    ]);
    // The first model is the condition's. Without this factor, each model would be a condition.
    if let [(first, _), _, ..] = models.as_slice() {
        let levels = Toml::Array(vec![Toml::from(*first)]);
        top.insert("factors".to_owned(), Toml::Table(table([("model", levels)])));
    }
    top.to_string()
}

fn table<const N: usize>(keys: [(&str, Toml); N]) -> Table {
    keys.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

fn is_person(part: &Part) -> bool {
    part.model.get("id").and_then(Toml::as_str) == Some(HUMAN)
}

/// Lists the different models, each under the name of the first role that has it.
fn list_models(parts: &[Part]) -> Vec<(&str, &Table)> {
    let mut models: Vec<(&str, &Table)> = Vec::new();
    for part in parts.iter().filter(|part| !is_person(part)) {
        if !models.iter().any(|(_, model)| **model == part.model) {
            models.push((&part.role, &part.model));
        }
    }
    models
}

fn role_table(part: &Part, models: &[(&str, &Table)]) -> Table {
    let mut role = table([
        ("plural", Toml::from(format!("{}s", part.role.replace('_', " ")))),
        ("pronouns", Toml::from("they/their")),
    ]);
    let place = models.iter().position(|(_, model)| **model == part.model);
    let model = if is_person(part) { Some(HUMAN) } else { place.filter(|at| *at > 0).map(|at| models[at].0) };
    role.extend(model.map(|model| ("model".to_owned(), Toml::from(model))));
    role
}
