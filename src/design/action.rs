//! Actions of the researcher's own design: written in `[[actions]]`, done by agents in JSON turns.

use super::names::bad_name;
use super::tree::{Node, Tree};
use super::value::Named;
use super::words::words;
use serde::{Deserialize, Serialize};

/// Maximum number of own actions, and of fields of one action.
pub const MOST: usize = 20;
/// Maximum length of a name.
const LONGEST_NAME: usize = 64;
/// Names that the program's own actions and keys have.
const RESERVED: [&str; 12] =
    ["say", "whisper", "go", "wait", "write", "read", "search", "recall", "directory", "ask_person", "do", "failed"];

/// An action that agents may do besides speaking.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Action {
    /// Name: `[a-z][a-z0-9_]*`.
    pub name: String,
    /// Purpose, as the agents read it.
    pub text: String,
    /// Fields in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Named<FieldKind>>,
    /// Roles whose agents may do it; empty for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub who: Vec<String>,
    /// Text that the agent reads next after doing it; empty for none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub result: String,
    /// True if the other agents perceive it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub heard: bool,
    /// Text that others read after the agent's name, with `<FIELD>` for values; empty for its name and values.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub says: String,
    /// Part of the conversation that it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends: Option<Ends>,
}

words! {
    /// The part of a conversation that an action ends.
    pub enum Ends {
        /// The day.
        Day = "day",
        /// The conversation.
        Conversation = "conversation",
    }
}

/// The values that a field of an action takes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FieldKind {
    /// Any number.
    Number,
    /// A whole number.
    Integer,
    /// `true` or `false`.
    Boolean,
    /// Text.
    Text,
    /// One of these words.
    Choice(Vec<String>),
    /// A number from `from` to `to`, both included; a whole one if both are whole.
    Range {
        /// The smallest.
        from: f64,
        /// The largest.
        to: f64,
    },
}

impl FieldKind {
    const WORDS: [&str; 4] = ["number", "integer", "boolean", "text"];

    fn of(word: &str) -> Option<Self> {
        match word {
            "number" => Some(Self::Number),
            "integer" => Some(Self::Integer),
            "boolean" => Some(Self::Boolean),
            "text" => Some(Self::Text),
            _ => None,
        }
    }

    /// Returns true if the value is a whole number.
    pub fn is_whole(&self) -> bool {
        match self {
            Self::Integer => true,
            Self::Range { from, to } => from.fract() == 0.0 && to.fract() == 0.0,
            Self::Number | Self::Boolean | Self::Text | Self::Choice(_) => false,
        }
    }

    /// Describes the values for people and models.
    pub fn describe(&self) -> String {
        match self {
            Self::Number => "a number".to_owned(),
            Self::Integer => "a whole number".to_owned(),
            Self::Boolean => "true or false".to_owned(),
            Self::Text => "a text".to_owned(),
            Self::Choice(words) => {
                let quoted: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
                format!("one of {}", quoted.join(", "))
            }
            Self::Range { from, to } => {
                format!("a {}number from {from} to {to}", if self.is_whole() { "whole " } else { "" })
            }
        }
    }
}

impl Action {
    /// Returns true if agents of this role may do it.
    pub fn is_for(&self, role: &str) -> bool {
        self.who.is_empty() || self.who.iter().any(|who| who == role)
    }
}

const KEYS: [&str; 8] = ["name", "text", "fields", "who", "result", "heard", "says", "ends"];

/// Reads `[[actions]]`.
pub fn read_actions(tree: &mut Tree<'_>, node: &Node<'_>) -> Vec<Action> {
    let items = tree.read_array("actions", node);
    if items.len() > MOST {
        let hint = format!("an experiment can have {MOST}");
        tree.error(node.span(), "too-many", format!("`actions` holds {} actions", items.len()), hint);
    }
    let mut actions: Vec<Action> = Vec::new();
    for (i, item) in items.into_iter().enumerate() {
        let at = format!("actions[{i}]");
        let Some(action) = read_action(tree, &at, item) else { continue };
        if actions.iter().any(|one| one.name == action.name) {
            let hint = "give one of them another name".to_owned();
            tree.error(item.span(), "duplicate", format!("two actions are named `{}`", action.name), hint);
        }
        actions.push(action);
    }
    actions
}

fn read_action(tree: &mut Tree<'_>, at: &str, node: &Node<'_>) -> Option<Action> {
    let table = tree.read_table(at, node)?;
    let fields = tree.read_fields(at, table, &KEYS);
    let get = |key: &str| fields.get(key).copied();
    for key in ["name", "text"].into_iter().filter(|key| get(key).is_none()) {
        let hint = format!("write `{key} = \"…\"`");
        tree.error(node.span(), "missing", format!("`{at}` has no `{key}`"), hint);
    }
    let name = read_name(tree, &format!("{at}.name"), get("name")?)?;
    let mut text = |key: &str| get(key).and_then(|n| tree.read_text(&format!("{at}.{key}"), n)).unwrap_or_default();
    let (purpose, result, says) = (text("text"), text("result"), text("says"));
    let action = Action {
        name,
        text: purpose,
        fields: get("fields").map(|n| read_action_fields(tree, &format!("{at}.fields"), n)).unwrap_or_default(),
        who: get("who").map(|n| read_who(tree, &format!("{at}.who"), n)).unwrap_or_default(),
        result,
        heard: get("heard").and_then(|n| tree.read_flag(&format!("{at}.heard"), n)).unwrap_or_default(),
        says,
        ends: get("ends").and_then(|n| tree.read_word(&format!("{at}.ends"), n, Ends::WORDS)).and_then(Ends::of),
    };
    check_says(tree, at, &action, get("says"));
    Some(action)
}

/// Reads the roles that may do an action. An empty list would be everybody, which is what its absence says.
fn read_who(tree: &mut Tree<'_>, at: &str, node: &Node<'_>) -> Vec<String> {
    if node.get_ref().as_array().is_some_and(|items| items.is_empty()) {
        let hint = "name roles, or leave it out: then every agent may do the action".to_owned();
        tree.error(node.span(), "empty-list", format!("`{at}` names no role"), hint);
    }
    tree.read_texts(at, node)
}

fn read_name(tree: &mut Tree<'_>, at: &str, node: &Node<'_>) -> Option<String> {
    let name = tree.read_text(at, node)?;
    let why = if RESERVED.contains(&name.as_str()) {
        Some("the program uses that name itself")
    } else if is_identifier(&name) {
        None
    } else {
        bad_name(&name).or(Some("it can have small letters, digits and `_`, a letter first"))
    };
    if let Some(why) = why {
        let hint = "write a name such as `offer` or `make_offer`".to_owned();
        tree.error(
            node.span(),
            "bad-name",
            format!("`{name}` cannot be the name of an action or a field: {why}"),
            hint,
        );
        return None;
    }
    Some(name)
}

fn is_identifier(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.len() <= LONGEST_NAME
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

fn read_action_fields(tree: &mut Tree<'_>, at: &str, node: &Node<'_>) -> Vec<Named<FieldKind>> {
    let Some(table) = tree.read_table(at, node) else { return Vec::new() };
    let mut fields = Vec::new();
    for (key, value) in table {
        let name = key.get_ref().to_string();
        let place = format!("{at}.{name}");
        tree.places.insert(place.clone(), key.span());
        if RESERVED.contains(&name.as_str()) || !is_identifier(&name) {
            let message = format!("`{place}`: `{name}` cannot be a field's name");
            let hint = "a name has small letters, digits and `_`, a letter first, and is none of the program's own";
            tree.error(key.span(), "bad-name", message, hint.to_owned());
        }
        fields.extend(read_field(tree, &place, value).map(|field| Named::new(name, field)));
    }
    if fields.len() > MOST {
        let hint = format!("an action can have {MOST}");
        tree.error(node.span(), "too-many", format!("`{at}` has {} fields", fields.len()), hint);
    }
    fields
}

fn read_field(tree: &mut Tree<'_>, at: &str, node: &Node<'_>) -> Option<FieldKind> {
    if node.get_ref().is_str() {
        return tree.read_word(at, node, &FieldKind::WORDS).and_then(FieldKind::of);
    }
    if node.get_ref().is_array() {
        let words = tree.read_texts(at, node);
        let is_usable = |i: usize| !words[i].trim().is_empty() && !words[..i].contains(&words[i]);
        if words.is_empty() || !(0..words.len()).all(is_usable) {
            let hint = "write at least one word, each once".to_owned();
            tree.error(node.span(), "bad-field", format!("`{at}` is no list of words to choose from"), hint);
            return None;
        }
        return Some(FieldKind::Choice(words));
    }
    let Some(table) = node.get_ref().as_table() else {
        let hint = "write \"number\", \"integer\", \"boolean\", \"text\", a list of words, or { from = 0, to = 10 }";
        tree.error(node.span(), "bad-field", format!("`{at}` names no kind of value"), hint.to_owned());
        return None;
    };
    let fields = tree.read_fields(at, table, &["from", "to"]);
    let mut end = |key: &str| tree.read_number(&format!("{at}.{key}"), fields.get(key)?, "any number", |_| true);
    match (end("from"), end("to")) {
        (Some(from), Some(to)) if from < to => Some(FieldKind::Range { from, to }),
        _ => {
            let hint = "write { from = 0, to = 10 }, the smaller number first".to_owned();
            tree.error(node.span(), "bad-field", format!("`{at}` is no range"), hint);
            None
        }
    }
}

/// Reports placeholders in `says` that name no field.
fn check_says(tree: &mut Tree<'_>, at: &str, action: &Action, node: Option<&Node<'_>>) {
    let Some(node) = node else { return };
    let unknown = placeholders(&action.says).find(|name| !action.fields.iter().any(|f| f.name == *name));
    if let Some(name) = unknown {
        let known: Vec<&str> = action.fields.iter().map(|f| f.name.as_str()).collect();
        let hint =
            if known.is_empty() { "it has no field".to_owned() } else { format!("its fields: {}", known.join(", ")) };
        tree.error(node.span(), "unknown-tag", format!("`{at}.says` names `<{name}>`, which is no field"), hint);
    }
    if !action.heard {
        let hint = "write `heard = true`, or leave `says` out".to_owned();
        tree.error(node.span(), "unheard", format!("`{at}.says` is read by nobody: the action is not heard"), hint);
    }
}

/// Returns the names between `<` and `>`.
fn placeholders(says: &str) -> impl Iterator<Item = &str> {
    says.split('<')
        .skip(1)
        .filter_map(|part| part.split_once('>').map(|(name, _)| name))
        .filter(|name| is_identifier(name))
}

impl Action {
    /// Returns what others read of the action, given the values of its fields as text; without the agent's name.
    pub fn sentence(&self, value: impl Fn(&str) -> String) -> String {
        if !self.says.is_empty() {
            return self.fill_in(value);
        }
        let values: Vec<String> = self.fields.iter().map(|f| format!("{}: {}", f.name, value(&f.name))).collect();
        if values.is_empty() { self.name.clone() } else { format!("{} ({})", self.name, values.join(", ")) }
    }

    /// Replaces the placeholders of `says` in one pass, so that a value that looks like one is not replaced again.
    fn fill_in(&self, value: impl Fn(&str) -> String) -> String {
        let (mut filled, mut rest) = (String::new(), self.says.as_str());
        while let Some((before, behind)) = rest.split_once('<') {
            filled.push_str(before);
            let known = behind.split_once('>').filter(|(name, _)| self.fields.iter().any(|f| f.name == *name));
            rest = known.map_or(behind, |(_, after)| after);
            filled.push_str(&known.map_or_else(|| "<".to_owned(), |(name, _)| value(name)));
        }
        filled + rest
    }
}
