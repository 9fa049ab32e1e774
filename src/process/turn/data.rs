//! Contents of a turn, as its entry keeps them, and the notes that follow from it: a thought, the speech, an action
//! each, the state. Notes are a pure function of the entry and the form, so a killed conversation makes the same again.

use super::TurnForm;
use super::read::{Act, ReadTurn};
use crate::design::Ends;
use crate::process::log::{Entry, Flag, Kind};
use serde_json::{Map, Value as Json, json};

/// Key of an entry's further fields that holds what was read.
const DATA: &str = "data";
/// Key that names an action.
const DO: &str = "do";
/// Key of the reason why an action failed.
const FAILED: &str = "failed";
/// Key of what came back of an action of the program's own.
const RESULT: &str = "result";
/// Key of the flags of what was said.
const FLAGS: &str = "flags";

/// Returns the further fields of a turn's entry. `said` is the cleaned text, and `flags` are its flags.
pub fn of_turn(turn: &ReadTurn, form: &TurnForm, said: &str, flags: &[Flag]) -> Map<String, Json> {
    let mut data = Map::new();
    if form.thought {
        data.insert("thought".to_owned(), json!(turn.thought));
    }
    data.insert("text".to_owned(), json!(said));
    if !form.actions.is_empty() {
        data.insert("actions".to_owned(), turn.actions.iter().map(act_json).collect());
    }
    if !turn.state.is_empty() {
        let state: Map<String, Json> = turn.state.iter().map(|s| (s.name.clone(), json!(s.value))).collect();
        data.insert("state".to_owned(), Json::Object(state));
    }
    if !flags.is_empty() {
        data.insert(FLAGS.to_owned(), json!(flags));
    }
    wrap(Json::Object(data))
}

/// Returns the further fields of a kept reply that could not be read: the agent says and does nothing.
pub fn of_malformed(form: &TurnForm, why: &str) -> Map<String, Json> {
    let mut data = Map::from_iter([("malformed".to_owned(), json!(why)), ("text".to_owned(), json!(""))]);
    if !form.actions.is_empty() {
        data.insert("actions".to_owned(), json!([{ DO: "wait" }]));
    }
    data.insert(FLAGS.to_owned(), json!([Flag::Empty]));
    wrap(Json::Object(data))
}

/// Maximum number of characters of a reply that its agent reads again.
const MOST_ECHOED: usize = 2_000;

/// Returns the beginning of a reply that its agent reads again.
pub fn shorten(text: &str) -> String {
    shorten_to(text, MOST_ECHOED)
}

/// Returns at most this number of characters of a text.
pub fn shorten_to(text: &str, most: usize) -> String {
    let short: String = text.chars().take(most).collect();
    if short.len() < text.len() { format!("{short}…") } else { text.to_owned() }
}

/// Returns the flags of the words of an action.
pub fn flags_of(action: &Map<String, Json>) -> Vec<Flag> {
    action.get(FLAGS).and_then(|flags| serde_json::from_value(flags.clone()).ok()).unwrap_or_default()
}

/// Returns an action as its agent reads it; `None` if it failed.
pub fn as_done(action: &Entry) -> Option<Json> {
    let data = data(action).filter(|data| !data.contains_key(FAILED))?;
    Some(Json::Object(data.iter().filter(|(key, _)| *key != RESULT).map(|(k, v)| (k.clone(), v.clone())).collect()))
}

/// Returns the further fields of an entry with these contents.
pub(in crate::process) fn wrap(data: Json) -> Map<String, Json> {
    Map::from_iter([(DATA.to_owned(), data)])
}

fn act_json(act: &Act) -> Json {
    match act {
        Act::Done { name, values } => {
            let name = std::iter::once((DO.to_owned(), json!(name)));
            Json::Object(name.chain(values.clone()).collect())
        }
        Act::Failed { name, why } => json!({ DO: name, FAILED: why }),
    }
}

/// Returns what was read of an entry.
pub fn data(entry: &Entry) -> Option<&Map<String, Json>> {
    entry.more.as_ref()?.get(DATA)?.as_object()
}

/// Returns the reason why a reply could not be read.
pub fn malformed(entry: &Entry) -> Option<&str> {
    data(entry)?.get("malformed")?.as_str()
}

/// Returns the agent's own past turn as it reads it: the object of the form, compact, without failed actions.
pub fn as_said(entry: &Entry) -> Option<String> {
    let data = data(entry).filter(|data| !data.contains_key("malformed"))?;
    let mut said = Map::new();
    for key in ["thought", "text"] {
        said.extend(data.get(key).map(|value| (key.to_owned(), value.clone())));
    }
    if let Some(Json::Array(actions)) = data.get("actions") {
        let done = actions.iter().filter(|action| action.get(FAILED).is_none());
        said.insert("actions".to_owned(), done.cloned().collect());
    }
    Some(Json::Object(said).to_string())
}

/// Returns the notes that follow a turn, each with its place in the log.
pub fn notes(turn: &Entry, form: &TurnForm) -> Vec<Entry> {
    let Some(data) = data(turn) else { return Vec::new() };
    let text = |key: &str| data.get(key).and_then(Json::as_str).unwrap_or_default();
    let mut notes = Vec::new();
    if !text("thought").is_empty() {
        notes.push(note(turn, Kind::Thought, text("thought").to_owned(), None));
    }
    let flags = data.get(FLAGS).and_then(|flags| serde_json::from_value(flags.clone()).ok()).unwrap_or_default();
    notes.push(Entry { flags, ..note(turn, Kind::Speech, text("text").to_owned(), None) });
    let actions = data.get("actions").and_then(Json::as_array).into_iter().flatten();
    notes.extend(actions.map(|action| note(turn, Kind::Action, heard(action, form), Some(action.clone()))));
    if let Some(state) = data.get("state").and_then(Json::as_object) {
        let lines: Vec<String> = state.iter().map(|(title, text)| format!("{title}: {}", plain(text))).collect();
        notes.push(note(turn, Kind::State, lines.join("\n"), Some(Json::Object(state.clone()))));
    }
    let mut index = turn.index;
    for (place, note) in notes.iter_mut().enumerate() {
        (note.seq, note.index) = (turn.seq + 1 + place as u32, index);
        index += u32::from(note.kind.is_message());
    }
    notes
}

fn note(turn: &Entry, kind: Kind, content: String, data: Option<Json>) -> Entry {
    Entry {
        kind,
        content,
        raw: None,
        flags: Vec::new(),
        call: None,
        prompt: None,
        more: data.map(|data| Box::new(wrap(data))),
        ..turn.clone()
    }
}

/// Returns what the others perceive of an action; empty for nothing.
pub fn heard(action: &Json, form: &TurnForm) -> String {
    let done = action.get(DO).and_then(Json::as_str).filter(|_| action.get(FAILED).is_none());
    let own = done.and_then(|name| form.action(name)).filter(|own| own.heard);
    // On one line, so that no value looks like another's turn.
    let value = |field: &str| action.get(field).map(plain).unwrap_or_default();
    let words = |field: &str| value(field).split_whitespace().collect::<Vec<_>>().join(" ");
    own.map_or_else(String::new, |own| own.sentence(words))
}

/// Returns a value as text, without quotation marks.
fn plain(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Returns true if an action was done and was more than waiting.
pub fn is_done(action: &Entry) -> bool {
    data(action).is_some_and(|data| !data.contains_key(FAILED) && data.get(DO).and_then(Json::as_str) != Some("wait"))
}

/// Returns the fields of an action of this name, if it was done.
pub fn done<'a>(action: &'a Entry, name: &str) -> Option<&'a Map<String, Json>> {
    let is_it = |data: &Map<String, Json>| data.get(DO).and_then(Json::as_str) == Some(name);
    data(action).filter(|data| !data.contains_key(FAILED) && is_it(data))
}

/// Returns the part of the conversation that an action ended.
pub fn ended_by(action: &Entry, form: &TurnForm) -> Option<Ends> {
    let data = data(action).filter(|data| !data.contains_key(FAILED))?;
    form.action(data.get(DO)?.as_str()?)?.ends
}

/// Returns what an agent reads next of its own action: the result, or the reason why it failed.
pub fn came_back(action: &Entry, form: &TurnForm) -> Option<String> {
    let data = data(action)?;
    let name = data.get(DO).and_then(Json::as_str).unwrap_or_default();
    if let Some(why) = data.get(FAILED).and_then(Json::as_str) {
        let name = if name.is_empty() { "An action".to_owned() } else { format!("\"{name}\"") };
        return Some(format!("{name} failed: {why}"));
    }
    if let Some(result) = data.get(RESULT).and_then(Json::as_str) {
        return Some(format!("\"{name}\": {result}"));
    }
    let result = form.action(name).map(|own| own.result.trim()).filter(|result| !result.is_empty())?;
    Some(format!("\"{name}\": {result}"))
}

/// Returns the text of an entry for people: an action with its values, and the reason if it failed.
pub fn describe(entry: &Entry) -> String {
    let Some(action) = data(entry).filter(|_| entry.kind == Kind::Action) else { return entry.content.clone() };
    let fields = action.iter().filter(|(name, _)| *name != DO && *name != FAILED);
    let fields: Vec<String> = fields.map(|(name, value)| format!("{name}: {}", plain(value))).collect();
    let name = action.get(DO).map(plain).unwrap_or_default();
    let fields = if fields.is_empty() { String::new() } else { format!(" ({})", fields.join(", ")) };
    let failed = action.get(FAILED).map(|why| format!(" failed: {}", plain(why))).unwrap_or_default();
    format!("{name}{fields}{failed}")
}
