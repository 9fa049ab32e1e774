//! Facts about a person: free-form values in the order of their file, with numbers as written.

use std::fmt::Write as _;

/// Maximum number of levels of tables and lists within each other.
pub const DEEPEST: usize = 64;

/// Named facts in the order of writing. No two have the same name.
pub type Facts = Vec<(String, Fact)>;

/// A value in a file of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number as written, such as `1.50`.
    Number(String),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Fact>),
    /// A table.
    Table(Facts),
}

impl Fact {
    /// Returns the words for the kind of value in messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "true or false",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
        }
    }

    /// Returns true if nothing is said: null, or a text, list or table in which nothing is.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Bool(_) | Self::Number(_) => false,
            Self::Text(text) => text.trim().is_empty(),
            Self::List(items) => items.iter().all(Self::is_empty),
            Self::Table(facts) => facts.iter().all(|(_, fact)| fact.is_empty()),
        }
    }

    /// Returns the value as one text: that of a text that is not blank, of a number, of `true` or `false`.
    pub fn scalar(&self) -> Option<String> {
        match self {
            Self::Bool(yes) => Some(yes.to_string()),
            Self::Number(number) => Some(number.clone()),
            Self::Text(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
            Self::Text(_) | Self::Null | Self::List(_) | Self::Table(_) => None,
        }
    }

    fn write_json(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(yes) => {
                let _ = write!(out, "{yes}");
            }
            Self::Number(number) => out.push_str(number),
            Self::Text(text) => write_text(text, out),
            Self::List(items) => {
                out.push('[');
                for (i, item) in items.iter().enumerate() {
                    out.push_str(if i > 0 { "," } else { "" });
                    item.write_json(out);
                }
                out.push(']');
            }
            Self::Table(facts) => write_table(facts, out),
        }
    }
}

/// Returns facts as compact JSON in their order, numbers as written.
pub fn to_json(facts: &Facts) -> String {
    let mut out = String::new();
    write_table(facts, &mut out);
    out
}

fn write_table(facts: &Facts, out: &mut String) {
    out.push('{');
    for (i, (name, fact)) in facts.iter().enumerate() {
        out.push_str(if i > 0 { "," } else { "" });
        write_text(name, out);
        out.push(':');
        fact.write_json(out);
    }
    out.push('}');
}

fn write_text(text: &str, out: &mut String) {
    // A text can always be written.
    out.push_str(&serde_json::to_string(text).unwrap_or_default());
}

/// Finds the fact with a name.
pub fn find_fact<'a>(facts: &'a Facts, name: &str) -> Option<&'a Fact> {
    facts.iter().find(|(known, _)| known == name).map(|(_, fact)| fact)
}

/// Finds the fact at a path of names, such as `occupation.title`.
pub fn follow_path<'a>(facts: &'a Facts, path: &str) -> Option<&'a Fact> {
    match path.split_once('.') {
        None => find_fact(facts, path),
        Some((name, rest)) => match find_fact(facts, name)? {
            Fact::Table(inner) => follow_path(inner, rest),
            Fact::Null | Fact::Bool(_) | Fact::Number(_) | Fact::Text(_) | Fact::List(_) => None,
        },
    }
}
