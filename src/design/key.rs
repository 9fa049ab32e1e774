//! Keys that are derived from content: SHA-256 over canonical JSON (RFC 8785) without defaults.
//!
//! Keys of experiments that can be written today must never change, since a key names conversations that were paid for.
//! So a new feature adds a field, and the JSON omits this field at its default.

use super::action::Action;
use super::compose;
use super::condition::Condition;
use super::effect::is_setting;
use super::experiment::{Deal, Experiment, Flag, ModelSpec, Role, RunDefaults};
use super::keys::kind::KeyValue;
use super::keys::{Key, MODEL, PROTOCOL, ROLE, WORLD};
use super::mind::{ACTIONS_OF_A_TURN, Memory, TURNS};
use super::world::{QUIET, WORDS_OF_WORLDS, World};
use crate::people::render;
use serde_json::{Map, Value as Json, json};
use sha2::{Digest, Sha256};

/// The format number in every key. It stays 1 until the meaning of an existing key changes, whatever number the file
/// has.
const FORMAT: u32 = 1;

/// Returns the SHA-256 of bytes in hex.
pub fn sha256(bytes: impl AsRef<[u8]>) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// Hashes the canonical JSON of a value: SHA-256 in hex.
pub fn hash(mut value: Json) -> String {
    write_exact(&mut value);
    // Strings, finite numbers and booleans always have a canonical form.
    sha256(serde_json_canonicalizer::to_vec(&value).unwrap_or_default())
}

/// Writes a whole number as text if a double cannot hold it exactly. Canonical JSON would round such numbers, and two
/// different numbers would have the same hash.
fn write_exact(value: &mut Json) {
    /// The limit below which a double holds every whole number exactly.
    const LARGEST: u64 = 1 << 53;
    match value {
        Json::Number(number) => {
            let large = number.as_i64().map(i64::unsigned_abs).or(number.as_u64()).is_some_and(|n| n > LARGEST);
            if large {
                *value = Json::String(number.to_string());
            }
        }
        Json::Array(items) => items.iter_mut().for_each(write_exact),
        Json::Object(fields) => fields.values_mut().for_each(write_exact),
        _ => {}
    }
}

/// Hashes a revision: the document without note and `[run]`.
pub fn hash_revision(experiment: &Experiment) -> String {
    let bare = Experiment { note: None, run: RunDefaults::default(), ..experiment.without_texts() };
    let mut document = serde_json::to_value(bare).unwrap_or_default();
    if let Some(map) = document.as_object_mut() {
        map.remove("run");
    }
    hash(document)
}

/// Returns the key of a conversation.
pub fn hash_conversation(condition: &str, seed: u64, replicate: u32) -> String {
    hash(json!({ "condition": condition, "seed": seed, "replicate": replicate }))
}

/// Returns the id of a conversation: 16 hex digits of the hash of (experiment's id, key).
pub fn conversation_id(experiment: &str, key: &str) -> String {
    sha256(format!("{experiment}\n{key}"))[..16].to_owned()
}

/// Returns the condition key: a hash of everything that shapes the condition's conversations. It does not matter in
/// which file or flag a value is written.
pub fn hash_condition(experiment: &Experiment, condition: &Condition) -> String {
    hash(made_from(experiment, condition))
}

fn made_from(experiment: &Experiment, condition: &Condition) -> Json {
    let mut made = Map::new();
    made.insert("format".into(), json!(FORMAT));
    made.insert("starting_message".into(), json!(condition.starting_message));
    made.insert("protocol".into(), count_keys(PROTOCOL, |key| key.changed_value(&condition.protocol)).collect());
    made.insert(
        "roles".into(),
        experiment.roles.iter().enumerate().map(|(i, r)| role_value(experiment, condition, i, r)).collect(),
    );
    if let Some(world) = &condition.world {
        made.insert("world".into(), world_value(experiment, world));
    }
    let labels = count_labels(experiment, condition);
    if !labels.is_empty() {
        made.insert("labels".into(), Json::Object(labels));
    }
    let health = count_policies(experiment, condition);
    if !health.is_empty() {
        made.insert("health".into(), Json::Object(health));
    }
    if let Some(model) = &condition.selector {
        let shared = compose::selector_prompt(experiment, condition);
        made.insert(
            "selector".into(),
            json!({ "model": describe_model(model), "shared": shared, "words": compose::PROGRAM_WORDS }),
        );
    }
    if let Some(model) = &condition.summarizer {
        let prompt = compose::summarizer_prompt(experiment, condition);
        made.insert("summarizer".into(), json!({ "model": describe_model(model), "prompt": prompt }));
    }
    Json::Object(made)
}

/// Returns the policies of `[health]`. Those for flags of JSON have no effect where no turn is JSON.
fn count_policies(experiment: &Experiment, condition: &Condition) -> Map<String, Json> {
    let mut roles = experiment.roles.iter().zip(&condition.minds);
    let has_turns =
        roles.any(|(role, mind)| mind.needs_turns(&experiment.actions, &role.name, condition.world.as_ref()));
    let of_turns = [Flag::Malformed, Flag::Repaired, Flag::ActionsCut].map(Flag::word);
    let counted = experiment.health.iter().filter(|p| has_turns || !of_turns.contains(&p.name.as_str()));
    counted.map(|p| (p.name.clone(), json!(p.value))).collect()
}

/// Returns the levels of labels, except labels at their `was` level. A factor that sets something is left out, since
/// the key includes its effect.
fn count_labels(experiment: &Experiment, condition: &Condition) -> Map<String, Json> {
    condition
        .levels
        .iter()
        .filter(|l| l.name != "model" && !is_setting(&l.name, &experiment.roles))
        .filter(|l| {
            let was = experiment.factors.iter().find(|f| f.name == l.name).and_then(|f| f.was.as_ref());
            was.map(ToString::to_string) != Some(l.value.to_string())
        })
        // Levels are hashed as text, since headings read them as text. Canonical JSON would write 1.0 as 1.
        .map(|l| (l.name.clone(), Json::String(l.value.to_string())))
        .collect()
}

fn count_keys<T>(
    keys: &'static [Key<T>],
    value: impl Fn(&Key<T>) -> Option<KeyValue>,
) -> impl Iterator<Item = (String, Json)> {
    keys.iter().filter(|key| key.counts).filter_map(move |key| Some((key.name.to_owned(), json!(value(key)?))))
}

fn role_value(experiment: &Experiment, condition: &Condition, index: usize, role: &Role) -> Json {
    let number = condition.agents.get(index).copied().unwrap_or_default();
    let mut map = Map::from_iter([("name".to_owned(), json!(role.name)), ("agents".to_owned(), json!(number))]);
    map.extend(count_keys(ROLE, |key| (key.get)(role)));
    if number > 0 {
        map.insert("prompt".to_owned(), json!(compose::agent_prompt(experiment, condition, index)));
        let models = condition.models.get(index).into_iter().flatten();
        map.insert("models".to_owned(), models.map(describe_model).collect());
        map.extend(count_turns(experiment, condition, index, role));
        if let Some(cast) = condition.cast(index) {
            map.insert("people".to_owned(), people_value(cast.role.deal, &condition.counted_people(index)));
        }
    }
    Json::Object(map)
}

/// Returns what shapes turns as JSON: the effects of the mind, the actions of the role, and the version of the program's
/// texts. It is empty if turns are plain text.
fn count_turns(experiment: &Experiment, condition: &Condition, index: usize, role: &Role) -> Map<String, Json> {
    let Some(mind) = condition.minds.get(index) else { return Map::new() };
    let actions: Vec<Json> = experiment.actions.iter().filter(|a| a.is_for(&role.name)).map(describe_action).collect();
    let mut made = Map::new();
    if mind.thinks() {
        made.insert("thoughts".to_owned(), json!(true));
    }
    if !mind.kept().is_empty() {
        made.insert("state".to_owned(), json!(mind.kept()));
    }
    if !actions.is_empty() {
        made.insert("actions".to_owned(), Json::Array(actions));
        if mind.most_actions() != ACTIONS_OF_A_TURN {
            made.insert("max_actions".to_owned(), json!(mind.most_actions()));
        }
    }
    if let Some(world) = &condition.world {
        made.insert("builtins".to_owned(), json!(mind.builtins(world.places.len())));
        if mind.window() != Memory::default() {
            made.insert("memory".to_owned(), json!(mind.window()));
        }
        if mind.most_turns() > 1 {
            made.insert("turns".to_owned(), json!(mind.most_turns()));
        }
        if mind.most_actions() != ACTIONS_OF_A_TURN {
            made.insert("max_actions".to_owned(), json!(mind.most_actions()));
        }
    }
    if made.is_empty() {
        return made;
    }
    made.insert("words".to_owned(), json!(TURNS));
    Map::from_iter([("mind".to_owned(), Json::Object(made))])
}

/// Describes a world by the effects of its keys, the text of its links, and the version of the program's texts.
fn world_value(experiment: &Experiment, world: &World) -> Json {
    let quiet = world.quiet.filter(|quiet| *quiet != QUIET);
    let effective = World { hearing: Some(world.hearing()), quiet, ..world.clone() };
    let mut made: Map<String, Json> = count_keys(WORLD, |key| key.changed_value(&effective)).collect();
    let file = world.links.as_ref().and_then(|links| links.file.as_ref());
    if let Some(file) = file.and_then(|path| experiment.files.iter().find(|file| file.path == *path)) {
        made.insert("links".to_owned(), json!(file.hash));
    }
    made.insert("words".to_owned(), json!(WORDS_OF_WORLDS));
    Json::Object(made)
}

/// Describes an action by what its agents read and what it does. `who` is left out, since the key has it by role.
fn describe_action(action: &Action) -> Json {
    let mut described = serde_json::to_value(action).unwrap_or_default();
    if let Some(fields) = described.as_object_mut() {
        fields.remove("who");
    }
    described
}

/// Describes people by their personas, and by the version of the text that is made of them.
fn people_value(deal: Deal, hashes: &[&str]) -> Json {
    let text = json!(render::VERSION);
    match deal {
        Deal::Matched => json!({ "text": text, "pool": hashes }),
        Deal::Random => json!({ "text": text, "pool": hashes, "deal": deal.word() }),
        Deal::InOrder => json!({ "text": text, "dealt": hashes }),
    }
}

/// Describes a model by everything that shapes its replies. Its name in the experiment and its transport are left out.
pub fn describe_model(model: &ModelSpec) -> Json {
    let id = [("id".to_owned(), json!(model.id))];
    Json::Object(id.into_iter().chain(count_keys(MODEL, |key| key.changed_value(model))).collect())
}
