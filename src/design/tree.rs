//! Reader of `experiment.toml`. It reads a tree with byte ranges, so that every mistake has a place. After a mistake it
//! reads on, so that the other mistakes are reported too.

use super::problem::{Problems, Severity, did_you_mean};
use super::value::Value;
use std::collections::BTreeMap;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The file's name in messages.
pub const FILE: &str = "experiment.toml";

/// Words in the names of keys that would hold an address, a secret or the name of a variable. An experiment holds none
/// of these.
const ADDRESSES: [&str; 9] =
    ["base_url", "url", "host", "address", "endpoint", "api_key", "key", "api_key_env", "servers"];

/// A reader of values, which collects problems and the place of each key.
pub struct Tree<'a> {
    /// The file's text.
    pub text: &'a str,
    /// The problems found.
    pub problems: &'a mut Problems,
    /// Bytes of each key without its value, and of each array item, by dotted path: `protocol.agents.guard`,
    /// `models[1]`.
    pub places: BTreeMap<String, Range<usize>>,
}

/// A value of the tree, with its bytes in the file.
pub type Node<'t> = Spanned<DeValue<'t>>;

impl Tree<'_> {
    /// Adds an error at a place.
    pub fn error(
        &mut self,
        span: Range<usize>,
        code: &'static str,
        message: impl Into<String>,
        hint: impl Into<Option<String>>,
    ) {
        self.problems.at(Severity::Error, code, (FILE, self.text, span), message, hint);
    }

    /// Reads a table with fixed keys; the error for an unknown key names the nearest known key.
    pub fn read_fields<'t>(
        &mut self,
        at: &str,
        table: &'t DeTable<'t>,
        known: &[&str],
    ) -> BTreeMap<&'t str, &'t Node<'t>> {
        let mut fields = BTreeMap::new();
        for (key, value) in table {
            let name: &str = key.get_ref();
            let path = if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") };
            self.places.insert(path.clone(), key.span());
            if known.contains(&name) {
                fields.insert(name, value);
            } else if ADDRESSES.contains(&name) {
                self.error(
                    key.span(),
                    "address-in-experiment",
                    format!("`{path}`: an experiment holds no address, key or variable's name"),
                    "servers and keys belong to the person: environment, .env, or [servers.NAME] in your own config.toml"
                        .to_owned(),
                );
            } else {
                let hint = did_you_mean(name, known.iter().copied())
                    .unwrap_or_else(|| format!("known here: {}", known.join(", ")));
                self.error(key.span(), "unknown-key", format!("unknown key `{path}`"), hint);
            }
        }
        fields
    }

    /// Reads a table, or reports an error.
    pub fn read_table<'t>(&mut self, at: &str, node: &'t Node<'t>) -> Option<&'t DeTable<'t>> {
        self.places.entry(at.to_owned()).or_insert_with(|| node.span());
        self.expect_value(at, node, "a table", node.get_ref().as_table())
    }

    /// Reads an array's items, or reports an error.
    pub fn read_array<'t>(&mut self, at: &str, node: &'t Node<'t>) -> Vec<&'t Node<'t>> {
        let items = self.expect_value(at, node, "an array", node.get_ref().as_array());
        let items: Vec<&Node<'t>> = items.map(|a| a.iter().collect()).unwrap_or_default();
        for (i, item) in items.iter().enumerate() {
            self.places.insert(format!("{at}[{i}]"), item.span());
        }
        items
    }

    /// Reads a text, or reports an error.
    pub fn read_text(&mut self, at: &str, node: &Node<'_>) -> Option<String> {
        self.expect_value(at, node, "text", node.get_ref().as_str().map(str::to_owned))
    }

    /// Reads texts, and reports an error for each other item.
    pub fn read_texts<'t>(&mut self, at: &str, node: &'t Node<'t>) -> Vec<String> {
        self.read_items(at, node, Self::read_text)
    }

    /// Reads the items that `read` accepts. Rejected items do not count in the places of the others.
    pub fn read_items<'t, T>(
        &mut self,
        at: &str,
        node: &'t Node<'t>,
        read: fn(&mut Self, &str, &Node<'_>) -> Option<T>,
    ) -> Vec<T> {
        let mut list = Vec::new();
        for (i, item) in self.read_array(at, node).into_iter().enumerate() {
            if let Some(value) = read(self, &format!("{at}[{i}]"), item) {
                self.places.insert(format!("{at}[{}]", list.len()), item.span());
                list.push(value);
            }
        }
        list
    }

    /// Reads `true` or `false`, or reports an error.
    pub fn read_flag(&mut self, at: &str, node: &Node<'_>) -> Option<bool> {
        self.expect_value(at, node, "true or false", node.get_ref().as_bool())
    }

    /// Reads a whole number from `low` to `high`, or reports an error.
    pub fn read_whole(&mut self, at: &str, node: &Node<'_>, low: u64, high: u64) -> Option<u64> {
        let number = to_integer(node.get_ref());
        let number = self.expect_value(at, node, "a whole number", number)?;
        if let Some(n) = u64::try_from(number).ok().filter(|n| (low..=high).contains(n)) {
            Some(n)
        } else {
            let range =
                if high >= u64::from(u32::MAX) { format!("at least {low}") } else { format!("{low} to {high}") };
            self.error(node.span(), "out-of-range", format!("`{at}` is {number}"), format!("it can be {range}"));
            None
        }
    }

    /// Reads a number that `fits`, or reports an error with `range`.
    pub fn read_number(&mut self, at: &str, node: &Node<'_>, range: &str, fits: impl Fn(f64) -> bool) -> Option<f64> {
        let number = match node.get_ref() {
            DeValue::Float(f) => f.as_str().parse::<f64>().ok(),
            other => to_integer(other).map(|i| i as f64),
        };
        let number = self.expect_value(at, node, "a number", number)?;
        if number.is_finite() && fits(number) {
            return Some(number);
        }
        self.error(node.span(), "out-of-range", format!("`{at}` is {number}"), format!("it can be {range}"));
        None
    }

    /// Reads one of `words`, or reports an error that names the nearest word.
    pub fn read_word<'w>(&mut self, at: &str, node: &Node<'_>, words: &[&'w str]) -> Option<&'w str> {
        let text = self.read_text(at, node)?;
        let found = words.iter().copied().find(|w| *w == text);
        if found.is_none() {
            let hint =
                did_you_mean(&text, words.iter().copied()).unwrap_or_else(|| format!("known: {}", words.join(", ")));
            self.error(node.span(), "unknown-word", format!("`{at}` cannot be `{text}`"), hint);
        }
        found
    }

    /// Reads a scalar, or reports an error.
    pub fn scalar(&mut self, at: &str, node: &Node<'_>) -> Option<Value> {
        let value = scalar(node.get_ref());
        self.expect_value(at, node, "text, a number, true or false", value)
    }

    fn expect_value<T>(&mut self, at: &str, node: &Node<'_>, what: &str, value: Option<T>) -> Option<T> {
        if value.is_none() {
            let found = type_words(node.get_ref());
            self.error(node.span(), "wrong-type", format!("`{at}` is {found}"), format!("write {what}"));
        }
        value
    }
}

/// Returns the words for a type of value in messages.
fn type_words(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) if to_integer(value).is_none() => "a number that 64 bits do not hold",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a point",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}

fn to_integer(value: &DeValue<'_>) -> Option<i64> {
    let integer = value.as_integer()?;
    i64::from_str_radix(integer.as_str(), integer.radix()).ok()
}

/// Converts a scalar of TOML. A date becomes text; a number larger than 64 bits returns `None`.
pub fn scalar(value: &DeValue<'_>) -> Option<Value> {
    match value {
        DeValue::String(s) => Some(Value::Text(s.to_string())),
        DeValue::Boolean(b) => Some(Value::Bool(*b)),
        DeValue::Integer(_) => to_integer(value).map(Value::Int),
        DeValue::Float(f) => f.as_str().parse().ok().filter(|x: &f64| x.is_finite()).map(Value::Float),
        DeValue::Datetime(d) => Some(Value::Text(d.to_string())),
        DeValue::Array(_) | DeValue::Table(_) => None,
    }
}
