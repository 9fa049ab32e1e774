//! Reading of a reply by the form of the answer.

use super::TurnForm;
use super::builtin::{Slot, slots};
use super::json::{Found, find_object, kind_of};
use crate::design::mind::Builtin;
use crate::design::{Action, FieldKind, Named};
use serde_json::{Map, Number, Value as Json, json};

/// A turn as it was read.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ReadTurn {
    /// The private thought; empty for none.
    pub thought: String,
    /// Text that is said.
    pub text: String,
    /// Actions, done and failed.
    pub actions: Vec<Act>,
    /// New texts of the state, by title; empty if nothing changed.
    pub state: Vec<Named<String>>,
    /// True if the reply had to be repaired.
    pub is_repaired: bool,
    /// True if actions beyond the maximum were left out.
    pub is_cut: bool,
}

/// One action of a turn.
#[derive(Debug, Clone, PartialEq)]
pub enum Act {
    /// It was done, with these values.
    Done {
        /// Name of the action.
        name: String,
        /// Values of its fields, in the order of the form.
        values: Map<String, Json>,
    },
    /// It failed.
    Failed {
        /// Name that the agent gave it; empty for none.
        name: String,
        /// The reason, which the agent reads next.
        why: String,
    },
}

/// Reads a reply from which reasoning was taken out. `was_cut` is true if the server cut it at the length limit.
///
/// # Errors
/// A description of the mistake, which the model reads when it is asked again.
pub fn read(text: &str, was_cut: bool, form: &TurnForm) -> Result<ReadTurn, String> {
    let Found { fields, mut is_repaired } = find_object(text, was_cut)?;
    let text = if form.builtins.is_none() { read_text(&fields, "text")? } else { String::new() };
    let thought = if form.thought { read_text(&fields, "thought")? } else { String::new() };
    let given = if form.has_actions() { read_list(&fields, "actions")? } else { &[][..] };
    let most = form.max_actions as usize;
    let actions = given.iter().take(most).map(|one| read_act(one, form, &mut is_repaired)).collect();
    let state = read_state(&fields, form)?;
    Ok(ReadTurn { thought, text, actions, state, is_repaired, is_cut: given.len() > most })
}

fn read_text(fields: &Map<String, Json>, key: &str) -> Result<String, String> {
    match fields.get(key) {
        Some(Json::String(text)) => Ok(text.trim().to_owned()),
        Some(other) => Err(format!("\"{key}\" is {}, not a text", kind_of(other))),
        None => Err(format!("\"{key}\" is missing")),
    }
}

fn read_list<'a>(fields: &'a Map<String, Json>, key: &str) -> Result<&'a [Json], String> {
    match fields.get(key) {
        Some(Json::Array(list)) => Ok(list),
        Some(other) => Err(format!("\"{key}\" is {}, not a list", kind_of(other))),
        None => Err(format!("\"{key}\" is missing")),
    }
}

/// Reads the texts of the state, in the order of the form. A state that lacks or is null is unchanged.
fn read_state(fields: &Map<String, Json>, form: &TurnForm) -> Result<Vec<Named<String>>, String> {
    let kept = match fields.get("state").filter(|_| !form.state.is_empty()) {
        None | Some(Json::Null) => return Ok(Vec::new()),
        Some(Json::Object(kept)) => kept,
        Some(other) => return Err(format!("\"state\" is {}, not an object or null", kind_of(other))),
    };
    let one = |title: &String| match kept.get(title) {
        Some(Json::Null) | None => None,
        Some(Json::String(text)) => Some(Ok(Named::new(title.clone(), text.trim().to_owned()))),
        Some(other) => Some(Err(format!("\"{title}\" of \"state\" is {}, not a text", kind_of(other)))),
    };
    form.state.iter().filter_map(one).collect()
}

/// Reads one action. What is wrong with it fails this action alone.
fn read_act(given: &Json, form: &TurnForm, is_repaired: &mut bool) -> Act {
    let failed = |name: &str, why: String| Act::Failed { name: name.to_owned(), why };
    let Json::Object(given) = given else {
        return failed("", format!("an action is an object with \"do\", not {}", kind_of(given)));
    };
    let Some(name) = given.get("do").and_then(Json::as_str).map(str::trim) else {
        return failed("", "the action has no \"do\"".to_owned());
    };
    if let Some(builtin) = form.builtins().iter().find(|one| one.word() == name) {
        return match read_slots(given, *builtin, is_repaired) {
            Ok(values) => Act::Done { name: name.to_owned(), values },
            Err(why) => failed(name, why),
        };
    }
    let Some(action) = form.action(name) else {
        let builtins = form.builtins().iter().map(|one| one.word());
        let known: Vec<&str> = builtins.chain(form.actions.iter().map(|a| a.name.as_str())).collect();
        return failed(&short_name(name), format!("there is no such action; there are: {}", known.join(", ")));
    };
    match read_values(given, action, is_repaired) {
        Ok(values) => Act::Done { name: name.to_owned(), values },
        Err(why) => failed(name, why),
    }
}

/// Returns a name that the agent made up, on one line and not too long: the agent reads it again.
fn short_name(name: &str) -> String {
    /// Maximum number of characters.
    const LONGEST: usize = 60;
    name.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST).collect()
}

/// Reads the fields of one of the program's own actions. A name that may lack is left out.
fn read_slots(given: &Map<String, Json>, action: Builtin, is_repaired: &mut bool) -> Result<Map<String, Json>, String> {
    let mut values = Map::new();
    for (name, slot) in slots(action) {
        let value = match (slot, given.get(*name)) {
            (Slot::MaybeName, None | Some(Json::Null)) => continue,
            (Slot::MaybeName, Some(Json::String(text))) if text.trim().is_empty() => continue,
            (Slot::Words | Slot::Name | Slot::MaybeName, Some(Json::String(text))) => json!(text.trim()),
            (Slot::Page, None | Some(Json::Null)) => json!(1),
            (Slot::Page, Some(value)) => {
                let (number, was_repaired) = read_value(value, &FieldKind::Integer)
                    .ok_or_else(|| format!("\"{name}\" is {}; it must be a whole number", shown(value)))?;
                *is_repaired |= was_repaired;
                number
            }
            (Slot::Words | Slot::Name, None) => return Err(format!("\"{name}\" is missing")),
            (Slot::Words | Slot::Name | Slot::MaybeName, Some(other)) => {
                return Err(format!("\"{name}\" is {}, not a text", kind_of(other)));
            }
        };
        values.insert((*name).to_owned(), value);
    }
    Ok(values)
}

fn read_values(
    given: &Map<String, Json>,
    action: &Action,
    is_repaired: &mut bool,
) -> Result<Map<String, Json>, String> {
    let mut values = Map::new();
    for Named { name, value: field } in &action.fields {
        let value = given.get(name).ok_or_else(|| format!("\"{name}\" is missing"))?;
        let read = read_value(value, field);
        let wrong = || format!("\"{name}\" is {}; it must be {}", shown(value), field.describe());
        let (value, was_repaired) = read.ok_or_else(wrong)?;
        *is_repaired |= was_repaired;
        values.insert(name.clone(), value);
    }
    Ok(values)
}

/// Reads a value of a field. The flag is true if a number or a boolean was written as text.
fn read_value(value: &Json, field: &FieldKind) -> Option<(Json, bool)> {
    match (field, value) {
        (FieldKind::Text, Json::String(text)) => Some((Json::from(text.trim()), false)),
        (FieldKind::Choice(words), Json::String(text)) => {
            choose(words, text.trim()).map(|word| (Json::from(word), false))
        }
        (FieldKind::Boolean, Json::Bool(_)) => Some((value.clone(), false)),
        (FieldKind::Number | FieldKind::Integer | FieldKind::Range { .. }, Json::Number(number)) => {
            Some((fit_number(number, field)?, false))
        }
        (FieldKind::Boolean | FieldKind::Number | FieldKind::Integer | FieldKind::Range { .. }, Json::String(text)) => {
            let written: Json = serde_json::from_str(text.trim()).ok()?;
            let is_scalar = written.is_number() || written.is_boolean();
            read_value(&written, field).filter(|_| is_scalar).map(|(value, _)| (value, true))
        }
        (
            FieldKind::Text
            | FieldKind::Choice(_)
            | FieldKind::Boolean
            | FieldKind::Number
            | FieldKind::Integer
            | FieldKind::Range { .. },
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::Array(_) | Json::Object(_),
        ) => None,
    }
}

/// Returns the word as it is declared: the same, else the only one that differs in case alone.
fn choose<'a>(words: &'a [String], text: &str) -> Option<&'a str> {
    let mut alike = words.iter().filter(|word| word.to_lowercase() == text.to_lowercase());
    let exact = words.iter().find(|word| *word == text);
    exact.or_else(|| alike.next().filter(|_| alike.next().is_none())).map(String::as_str)
}

/// Returns a number that the field can have. A whole number is kept without a point.
fn fit_number(number: &Number, field: &FieldKind) -> Option<Json> {
    /// The limit below which a double holds every whole number exactly.
    const LARGEST: f64 = 9_007_199_254_740_992.0;
    let value = number.as_f64().filter(|x| x.is_finite())?;
    let is_inside = match field {
        FieldKind::Range { from, to } => (*from..=*to).contains(&value),
        FieldKind::Number | FieldKind::Integer | FieldKind::Boolean | FieldKind::Text | FieldKind::Choice(_) => true,
    };
    if !is_inside || field.is_whole() && value.fract() != 0.0 {
        return None;
    }
    let is_point = number.is_f64() && field.is_whole();
    Some(if is_point && value.abs() < LARGEST { Json::from(value as i64) } else { Json::Number(number.clone()) })
}

/// Shows a value in a message, shortened.
fn shown(value: &Json) -> String {
    /// Maximum number of characters.
    const SHORT: usize = 40;
    let text = value.to_string();
    let short: String = text.chars().take(SHORT).collect();
    if short.len() < text.len() { format!("{short}…") } else { text }
}
