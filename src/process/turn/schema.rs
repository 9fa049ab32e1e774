//! JSON schema of a form. It uses the words that all servers understand: no `const`, `oneOf`, `$ref`, `format`,
//! `pattern`, `default`, and no list of types. A value that may lack is `anyOf` with `null`.

use super::TurnForm;
use super::builtin::{Slot, slots};
use crate::design::mind::Builtin;
use crate::design::{Action, FieldKind};
use serde_json::{Map, Value as Json, json};

/// Maximum length of a thought in characters, in the full dialect.
const THOUGHT: u32 = 400;
/// Maximum length of a text of the state.
const STATE: u32 = 200;
/// Maximum length of what is said.
const TEXT: u32 = 2_000;
/// Characters of a token of JSON, at least.
const CHARACTERS_OF_A_TOKEN: u32 = 2;

/// The dialect of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Strict: without bounds of length, which `OpenAI` refuses.
    Strict,
    /// Full: with bounds of length, which keep a small model from writing on without an end.
    Full {
        /// The model's `max_tokens`.
        max_tokens: Option<u32>,
    },
}

/// Bounds of length in characters; `None` in the strict dialect.
#[derive(Clone, Copy)]
struct Bounds {
    thought: u32,
    state: u32,
    text: u32,
}

impl TurnForm {
    /// Returns the schema. The same form and dialect give the same bytes.
    pub fn schema(&self, dialect: Dialect) -> Json {
        let bounds = match dialect {
            Dialect::Strict => None,
            Dialect::Full { max_tokens } => Some(self.bounds(max_tokens)),
        };
        let mut properties = Map::new();
        if self.thought {
            properties.insert("thought".to_owned(), text(bounds.map(|b| b.thought)));
        }
        if self.builtins.is_none() {
            properties.insert("text".to_owned(), text(bounds.map(|b| b.text)));
        }
        if self.has_actions() {
            let builtins = self.builtins().iter().map(|action| builtin_schema(*action, bounds));
            let own = self.actions.iter().map(|action| action_schema(action, bounds));
            let kinds: Vec<Json> = builtins.chain(own).collect();
            let mut actions = Map::from_iter([("type".to_owned(), json!("array"))]);
            actions.insert("items".to_owned(), json!({ "anyOf": kinds }));
            if bounds.is_some() {
                actions.insert("maxItems".to_owned(), json!(self.max_actions));
            }
            properties.insert("actions".to_owned(), Json::Object(actions));
        }
        if !self.state.is_empty() {
            let kept = self.state.iter().map(|title| (title.clone(), text(bounds.map(|b| b.state)))).collect();
            properties.insert("state".to_owned(), nullable(&object(&kept)));
        }
        object(&properties)
    }

    /// Returns the bounds of length. They shrink together if the model's longest reply cannot hold them.
    fn bounds(&self, max_tokens: Option<u32>) -> Bounds {
        let (thoughts, kept) = (u32::from(self.thought), self.state.len() as u32);
        let whole = TEXT + thoughts * THOUGHT + kept * STATE;
        let room = max_tokens.map_or(whole, |tokens| tokens.saturating_mul(CHARACTERS_OF_A_TOKEN)).min(whole);
        let share = |bound: u32| (u64::from(bound) * u64::from(room) / u64::from(whole)).max(1) as u32;
        Bounds { thought: share(THOUGHT), state: share(STATE), text: share(TEXT) }
    }
}

fn builtin_schema(action: Builtin, bounds: Option<Bounds>) -> Json {
    let name = ("do".to_owned(), json!({ "type": "string", "enum": [action.word()] }));
    let slot = |slot: Slot| match slot {
        Slot::Words => text(bounds.map(|b| b.text)),
        Slot::Name => text(bounds.map(|b| b.state)),
        Slot::MaybeName => nullable(&text(bounds.map(|b| b.state))),
        Slot::Page => json!({ "type": "integer" }),
    };
    let fields = slots(action).iter().map(|(name, kind)| ((*name).to_owned(), slot(*kind)));
    object(&std::iter::once(name).chain(fields).collect())
}

fn action_schema(action: &Action, bounds: Option<Bounds>) -> Json {
    let name = ("do".to_owned(), json!({ "type": "string", "enum": [action.name] }));
    let fields = action.fields.iter().map(|field| (field.name.clone(), field_schema(&field.value, bounds)));
    object(&std::iter::once(name).chain(fields).collect())
}

fn field_schema(field: &FieldKind, bounds: Option<Bounds>) -> Json {
    match field {
        FieldKind::Number => json!({ "type": "number" }),
        FieldKind::Range { .. } if !field.is_whole() => json!({ "type": "number" }),
        FieldKind::Integer | FieldKind::Range { .. } => json!({ "type": "integer" }),
        FieldKind::Boolean => json!({ "type": "boolean" }),
        FieldKind::Text => text(bounds.map(|b| b.thought)),
        FieldKind::Choice(words) => json!({ "type": "string", "enum": words }),
    }
}

pub(in crate::process) fn text(most: Option<u32>) -> Json {
    match most {
        None => json!({ "type": "string" }),
        Some(most) => json!({ "type": "string", "maxLength": most }),
    }
}

pub(in crate::process) fn nullable(schema: &Json) -> Json {
    json!({ "anyOf": [schema, { "type": "null" }] })
}

/// Returns the schema of an object with exactly these properties.
pub(in crate::process) fn object(properties: &Map<String, Json>) -> Json {
    let required: Vec<&String> = properties.keys().collect();
    json!({ "type": "object", "additionalProperties": false, "required": required, "properties": properties })
}
