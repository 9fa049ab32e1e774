//! Scalars as researchers write them, and named things in the order of writing.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A TOML scalar: a level of a factor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a point.
    Float(f64),
    /// Text.
    Text(String),
}

impl Value {
    /// Returns the word for the kind of value in messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Bool(_) => "true/false",
            Self::Int(_) => "a whole number",
            Self::Float(_) => "a number with a point",
            Self::Text(_) => "text",
        }
    }

    /// Reads a bare word as a TOML value if it is one, else as text: `true`, `3`, `0.7`, `escape`.
    pub fn read(word: &str) -> Self {
        match word {
            "true" => return Self::Bool(true),
            "false" => return Self::Bool(false),
            _ => {}
        }
        let digits = word.trim_start_matches(['-', '+']);
        if digits.starts_with(|c: char| c.is_ascii_digit()) {
            if let Ok(int) = word.parse() {
                return Self::Int(int);
            }
            if let Ok(float) = word.parse::<f64>()
                && float.is_finite()
            {
                return Self::Float(float);
            }
        }
        Self::Text(word.to_owned())
    }

    /// Returns true if `word`, written in a heading or after `--only`, means this value: compared as TOML text.
    pub fn is_written(&self, word: &str) -> bool {
        match self {
            Self::Text(text) => text == word,
            // Values are compared as text, since 0.0 and -0.0 are equal numbers but two levels.
            _ => Self::read(word).to_string() == self.to_string(),
        }
    }
}

/// The value as text, as headings and file names show it: `true`, `3`, `0.7`, `1.0`, `escape`.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(b) => write!(f, "{b}"),
            Self::Int(i) => write!(f, "{i}"),
            Self::Float(x) => write!(f, "{x:?}"),
            Self::Text(t) => f.write_str(t),
        }
    }
}

/// A pair of a name and a value. Databases store arrays of such pairs, since names that researchers choose make poor
/// field names (docs/format.md, "What is kept").
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Named<T> {
    /// The name.
    pub name: String,
    /// The named value.
    pub value: T,
}

impl<T> Named<T> {
    /// Creates a pair of a name and a value.
    pub fn new(name: impl Into<String>, value: T) -> Self {
        Self { name: name.into(), value }
    }
}

/// Finds the value with this name.
pub fn named<'a, T>(list: &'a [Named<T>], name: &str) -> Option<&'a T> {
    list.iter().find(|n| n.name == name).map(|n| &n.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_word_means_a_level_as_toml_text() {
        let text = |t: &str| Value::Text(t.to_owned());
        for (value, word) in [
            (Value::Int(7), "7"),
            (Value::Int(-7), "-7"),
            (Value::Float(0.7), "0.70"),
            (Value::Float(1.0), "1.0"),
            (Value::Float(1.0), "1e0"),
            (Value::Bool(true), "true"),
            (text("007"), "007"),
            (text("true"), "true"),
        ] {
            assert!(value.is_written(word), "{value} {word}");
        }
        for (value, word) in [
            (Value::Float(1.0), "1"),
            (Value::Int(1), "1.0"),
            (Value::Float(0.0), "-0.0"),
            (Value::Bool(true), "True"),
            (text("7"), "007"),
            (text("a"), "A"),
        ] {
            assert!(!value.is_written(word), "{value} {word}");
        }
    }
}
