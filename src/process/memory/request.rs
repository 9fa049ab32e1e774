//! Requests of the faculties: the schema of each answer, and the lines that a request quotes.

use crate::process::turn::json::{Found, find_object, kind_of};
use crate::process::turn::schema::{Dialect, nullable, object, text};
use serde_json::{Map, Value as Json, json};

/// Maximum number of characters of a question, an insight, or a part of a plan, in the full dialect.
const LONGEST: u32 = 300;

/// Maximum number of questions of a reflection.
pub const QUESTIONS: usize = 3;
/// Maximum number of insights of a question.
pub const INSIGHTS: usize = 5;

/// Maximum number of lines that an insight follows from, in the full dialect.
const REASONS: usize = 10;

/// Form of the answer of a faculty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The importance of events, by their numbers from 1.
    Appraisal {
        /// Number of events.
        events: u32,
    },
    /// Questions that a reflection starts from.
    Questions,
    /// Conclusions from what was recalled.
    Insights,
    /// An agent's next plans.
    Plans {
        /// Maximum number of plans.
        number: u32,
        /// Unit of their duration.
        unit: Unit,
    },
}

/// Unit of a plan's duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Minutes of the world's clock.
    Minutes,
    /// Steps of a world without a clock, or own turns in a conversation.
    Steps,
}

impl Unit {
    /// Returns the word, which is the key of a plan's duration.
    pub fn word(self) -> &'static str {
        match self {
            Self::Minutes => "minutes",
            Self::Steps => "steps",
        }
    }
}

impl Form {
    /// Returns the schema. The same form and dialect give the same bytes.
    pub fn schema(self, dialect: Dialect) -> Json {
        let longest = match dialect {
            Dialect::Strict => None,
            Dialect::Full { .. } => Some(LONGEST),
        };
        let list = |key: &str, item: Json, most: usize| {
            let mut list = Map::from_iter([("type".to_owned(), json!("array")), ("items".to_owned(), item)]);
            list.extend(longest.map(|_| ("maxItems".to_owned(), json!(most))));
            object(&Map::from_iter([(key.to_owned(), Json::Object(list))]))
        };
        // With bounds a small model rates within them; `OpenAI` refused bounds for long.
        let rating = || match longest {
            None => json!({ "type": "integer" }),
            Some(_) => json!({ "type": "integer", "minimum": 1, "maximum": 10 }),
        };
        match self {
            Self::Appraisal { events } => object(&(1..=events).map(|n| (n.to_string(), rating())).collect()),
            Self::Questions => list("questions", text(longest), QUESTIONS),
            Self::Insights => {
                let mut because = json!({ "type": "array", "items": { "type": "integer" } });
                if longest.is_some() {
                    because["maxItems"] = json!(REASONS);
                }
                let insight = [("insight", text(longest)), ("because", because), ("importance", rating())];
                list("insights", object(&named(insight)), INSIGHTS)
            }
            Self::Plans { number, unit } => list("plans", plan_schema(unit, longest), number as usize),
        }
    }
}

/// Returns the schema of one plan.
pub(super) fn plan_schema(unit: Unit, longest: Option<u32>) -> Json {
    let whole = json!({ "type": "integer" });
    let place = nullable(&text(longest));
    object(&named([("what", text(longest)), ("place", place), (unit.word(), whole), ("until", text(longest))]))
}

fn named<const N: usize>(properties: [(&str, Json); N]) -> Map<String, Json> {
    properties.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect()
}

/// Returns lines, each with its number from 1.
pub(super) fn numbered<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    // On one line each, so that no text looks like another event.
    let line = |(at, text): (usize, &str)| format!("{}. {}", at + 1, on_one_line(text));
    lines.enumerate().map(line).collect::<Vec<_>>().join("\n")
}

/// Returns a text on one line, without white space at its ends.
pub(super) fn on_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// An answer as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer<T> {
    /// Its contents.
    pub value: T,
    /// True if the reply had to be repaired.
    pub is_repaired: bool,
}

/// Reads the object of an answer. What is missing in it counts as nothing.
///
/// # Errors
/// A description of the mistake: there is no object.
pub(super) fn read_object<T>(
    reply: &str,
    was_cut: bool,
    read: impl FnOnce(&Map<String, Json>, &mut bool) -> T,
) -> Result<Answer<T>, String> {
    let Found { fields, mut is_repaired } = find_object(reply, was_cut)?;
    let value = read(&fields, &mut is_repaired);
    Ok(Answer { value, is_repaired })
}

/// Returns the objects of a list.
pub(super) fn objects<'a>(fields: &'a Map<String, Json>, key: &str) -> impl Iterator<Item = &'a Map<String, Json>> {
    list(fields, key).filter_map(Json::as_object)
}

/// Returns the values of a list; none if it is something else.
pub(super) fn list<'a>(fields: &'a Map<String, Json>, key: &str) -> impl Iterator<Item = &'a Json> {
    fields.get(key).and_then(Json::as_array).into_iter().flatten()
}

/// Returns a text on one line; `None` if it is empty or something else.
pub(super) fn read_line(fields: &Map<String, Json>, key: &str) -> Option<String> {
    let line = on_one_line(fields.get(key)?.as_str()?);
    (!line.is_empty()).then_some(line)
}

/// Reads a whole number within bounds, also one that is written as text: that is a repair.
pub(super) fn read_whole(value: &Json, from: i64, to: i64, is_repaired: &mut bool) -> Option<i64> {
    let written: Json;
    let (number, was_text) = match value {
        Json::String(text) => {
            written = serde_json::from_str(text.trim()).ok()?;
            (&written, true)
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Array(_) | Json::Object(_) => (value, false),
    };
    let whole = number.as_i64().or_else(|| {
        let number = number.as_f64().filter(|n| n.fract() == 0.0 && n.abs() < 1e15)?;
        Some(number as i64)
    })?;
    let found = (from..=to).contains(&whole).then_some(whole)?;
    *is_repaired |= was_text;
    Some(found)
}

/// Describes a value of the wrong type.
pub(super) fn wrong_kind(key: &str, value: Option<&Json>, right: &str) -> String {
    value.map_or_else(|| format!("\"{key}\" is missing"), |v| format!("\"{key}\" is {}, not {right}", kind_of(v)))
}
