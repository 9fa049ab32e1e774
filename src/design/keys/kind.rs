//! Kinds of keys: the values of each kind, their reader, and the levels that a factor may have.

use crate::design::experiment::{Deal, Labels, RoleModel, Seed, Speakers, Structured};
use crate::design::mind::{Builtin, Memory};
use crate::design::shape::{Shape, TreeKind};
use crate::design::tree::{Node, Tree};
use crate::design::value::{Named, Value};
use crate::design::world::{Clock, Hearing, Links, Order, Place};
use crate::people::Source;
use crate::people::source::{read_level, write_level};
use KeyValue::{List, One, Sources};
use serde::Serialize;
use serde_json::{Value as Json, json};

/// A kind of value.
#[derive(Debug, Clone, Copy)]
pub enum KeyKind {
    /// `true` or `false`.
    Bool,
    /// A whole number, both ends included.
    Count {
        /// The smallest.
        from: u32,
        /// The largest.
        to: u32,
    },
    /// A number from `from` to `to`.
    Number {
        /// The smallest.
        from: f64,
        /// The largest.
        to: f64,
        /// True if `from` itself is too small.
        above: bool,
    },
    /// One of these words.
    Word(&'static [&'static str]),
    /// Text.
    Text,
    /// A pronoun and a possessive, as in `he/his`.
    Pronouns,
    /// A text, a number, or `true` or `false`.
    Scalar,
    /// A list of texts that are not blank.
    Phrases,
    /// A text or a list of texts.
    Texts,
    /// A list of titles, each once.
    Titles,
    /// A list of some of these words, each once.
    Words(&'static [&'static str]),
    /// The name of a model, or one for each agent.
    Models,
    /// A number, or `{ fixed = number }`.
    Seed,
    /// Paths, patterns, populations, or `{ from = "NAME", first = number }`; one or a list.
    People,
    /// Paths and patterns; one or a list.
    Fragments,
    /// A table, a list of tables or a list of lists.
    Tree(&'static TreeKind),
}

/// The value of a key.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum KeyValue {
    /// A scalar.
    One(Value),
    /// A list of texts.
    List(Vec<String>),
    /// A seed.
    Seed(Seed),
    /// Sources of people.
    Sources(Vec<Source>),
    /// A table, a list of tables or a list of lists, in the shape of the file.
    Tree(Json),
}

impl KeyValue {
    /// Returns the scalar, if the value is one.
    pub fn into_scalar(self) -> Option<Value> {
        match self {
            Self::One(value) => Some(value),
            Self::Sources(sources) => Some(Value::Text(write_level(&sources))),
            Self::Tree(Json::String(word)) => Some(Value::Text(word)),
            Self::List(_) | Self::Seed(_) | Self::Tree(_) => None,
        }
    }
}

impl KeyKind {
    /// Reads a value at its place in a file, and reports what is wrong with it.
    pub fn read_value(self, tree: &mut Tree<'_>, at: &str, node: &Node<'_>) -> Option<KeyValue> {
        let scalar = match self {
            Self::Bool => tree.read_flag(at, node).map(Value::Bool),
            Self::Count { from, to } => {
                tree.read_whole(at, node, from.into(), to.into()).map(|n| Value::Int(n.cast_signed()))
            }
            Self::Number { from, to, above } => {
                let fits = |x| is_in_range(x, from, to, above);
                tree.read_number(at, node, &range_text(from, to, above), fits).map(Value::Float)
            }
            Self::Word(words) => tree.read_word(at, node, words).map(|word| Value::Text(word.to_owned())),
            Self::Pronouns => read_pronouns(tree, at, node).map(Value::Text),
            Self::Scalar => tree.scalar(at, node),
            Self::Phrases => return Some(KeyValue::List(read_phrases(tree, at, node))),
            Self::Titles => return Some(KeyValue::List(read_titles(tree, at, node))),
            Self::Words(words) => return read_words(tree, at, node, words).map(KeyValue::List),
            Self::Texts | Self::Models if node.get_ref().is_array() => {
                return Some(KeyValue::List(tree.read_texts(at, node)));
            }
            Self::Texts if !node.get_ref().is_str() => return Some(KeyValue::List(tree.read_texts(at, node))),
            Self::Texts => return tree.read_text(at, node).map(|text| KeyValue::List(vec![text])),
            Self::Text | Self::Models => tree.read_text(at, node).map(Value::Text),
            Self::Seed => return read_seed(tree, at, node).map(KeyValue::Seed),
            Self::People => return Some(Sources(read_sources(tree, at, node, refuse_people))),
            Self::Fragments => return Some(Sources(read_sources(tree, at, node, refuse_fragment))),
            Self::Tree(kind) => return (kind.read)(tree, at, node).map(KeyValue::Tree),
        };
        scalar.map(KeyValue::One)
    }

    /// Returns a description of the levels that a factor may have, if this level is not one of them.
    pub fn refuse_level(self, level: &Value) -> Option<String> {
        let (fits, right) = match self {
            Self::Bool => (matches!(level, Value::Bool(_)), "true or false".to_owned()),
            Self::Count { from, to } => {
                let fits = matches!(level, Value::Int(n) if (i64::from(from)..=to.into()).contains(n));
                (fits, format!("a whole number from {from} to {to}"))
            }
            Self::Number { from, to, above } => {
                let number = f64::of(KeyValue::One(level.clone()));
                let right = format!("a number {}{}", if above { "" } else { "from " }, range_text(from, to, above));
                (number.is_some_and(|x| is_in_range(x, from, to, above)), right)
            }
            Self::Word(words) => {
                (matches!(level, Value::Text(word) if words.contains(&word.as_str())), list_words(words))
            }
            Self::Text | Self::Pronouns | Self::Scalar | Self::Models => {
                (matches!(level, Value::Text(_)), "text".to_owned())
            }
            Self::People => return refuse_sources(level, refuse_people),
            Self::Fragments => return refuse_sources(level, refuse_fragment),
            Self::Phrases | Self::Texts | Self::Seed => (false, "a list under [protocol] only, no factor".to_owned()),
            Self::Titles | Self::Words(_) => (false, "a list under [mind] only, no factor".to_owned()),
            Self::Tree(TreeKind { levels: [], .. }) => (false, "a table in the file only, no factor".to_owned()),
            Self::Tree(TreeKind { levels, .. }) => {
                (matches!(level, Value::Text(word) if levels.contains(&word.as_str())), list_words(levels))
            }
        };
        (!fits).then_some(right)
    }
}

fn is_in_range(number: f64, from: f64, to: f64, above: bool) -> bool {
    number <= to && (number > from || !above && number >= from)
}

fn range_text(from: f64, to: f64, above: bool) -> String {
    if above { format!("above {from} and up to {to}") } else { format!("{from} to {to}") }
}

/// Lists words as in a sentence: `"a", "b" or "c"`.
fn list_words(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
    match words.split_last() {
        Some((last, others)) if !others.is_empty() => format!("{} or {last}", others.join(", ")),
        Some(_) | None => words.concat(),
    }
}

fn read_pronouns(tree: &mut Tree<'_>, at: &str, node: &Node<'_>) -> Option<String> {
    let text = tree.read_text(at, node)?;
    let parts: Vec<&str> = text.split('/').collect();
    if parts.len() == 2 && parts.iter().all(|p| !p.trim().is_empty() && p.trim() == *p) {
        return Some(text);
    }
    let hint = "write pronoun and possessive of one, as in \"he/his\"".to_owned();
    tree.error(node.span(), "bad-pronouns", format!("`{at}` cannot be `{text}`"), hint);
    None
}

fn read_phrases(tree: &mut Tree<'_>, at: &str, node: &Node<'_>) -> Vec<String> {
    let phrases = tree.read_texts(at, node);
    for (i, phrase) in phrases.iter().enumerate().filter(|(_, p)| p.trim().is_empty()) {
        let span = tree.places.get(&format!("{at}[{i}]")).cloned().unwrap_or(node.span());
        let message = format!("stop phrase `{phrase}` is empty: it would end every day at once");
        tree.error(span, "empty", message, "write some text, or leave it out".to_owned());
    }
    phrases
}

fn read_titles(tree: &mut Tree<'_>, at: &str, node: &Node<'_>) -> Vec<String> {
    /// Maximum length of a title in characters.
    const LONGEST: usize = 60;
    let titles = tree.read_texts(at, node);
    for (i, title) in titles.iter().enumerate() {
        let is_plain = title.trim() == title && !title.is_empty() && !title.contains(char::is_control);
        if !is_plain || title.chars().count() > LONGEST || titles[..i].contains(title) {
            let span = tree.places.get(&format!("{at}[{i}]")).cloned().unwrap_or(node.span());
            let hint = format!("write up to {LONGEST} letters on one line, each title once");
            tree.error(span, "bad-title", format!("`{at}` cannot hold the title `{}`", title.escape_debug()), hint);
        }
    }
    titles
}

fn read_words(tree: &mut Tree<'_>, at: &str, node: &Node<'_>, words: &[&str]) -> Option<Vec<String>> {
    let mut read: Vec<String> = Vec::new();
    for (i, item) in tree.read_array(at, node).into_iter().enumerate() {
        let here = format!("{at}[{i}]");
        let word = tree.read_word(&here, item, words)?;
        if read.iter().any(|one| one == word) {
            tree.error(item.span(), "duplicate", format!("`{at}` names `{word}` twice"), "name it once".to_owned());
        } else {
            read.push(word.to_owned());
        }
    }
    Some(read)
}

fn read_seed(tree: &mut Tree<'_>, at: &str, node: &Node<'_>) -> Option<Seed> {
    let most = i64::MAX as u64;
    if !node.get_ref().is_table() {
        return tree.read_whole(at, node, 0, most).map(Seed::Base);
    }
    let table = tree.read_table(at, node)?;
    let fields = tree.read_fields(at, table, &["fixed"]);
    fields
        .get("fixed")
        .and_then(|n| tree.read_whole(&format!("{at}.fixed"), n, 0, most))
        .map(|fixed| Seed::Fixed { fixed })
}

fn refuse_people(source: &Source) -> Option<String> {
    source.refuse()
}

fn refuse_fragment(source: &Source) -> Option<String> {
    let is_name = || (!source.is_path()).then(|| "a fragment is a file".to_owned());
    source.refuse().or_else(is_name)
}

/// Describes the levels that sources of people may be, if this level is none.
fn refuse_sources(level: &Value, refuse: fn(&Source) -> Option<String>) -> Option<String> {
    const RIGHT: &str = "paths such as \"people/a.json + people/b*.json\", the name of a population, or \"\" for none";
    match level {
        Value::Text(text) => {
            let wrong = read_level(text).into_iter().find_map(|s| Some(format!("`{}`: {}", s.from, refuse(&s)?)));
            wrong.map(|why| format!("{RIGHT}; {why}"))
        }
        Value::Bool(_) | Value::Int(_) | Value::Float(_) => Some(RIGHT.to_owned()),
    }
}

fn read_sources(tree: &mut Tree<'_>, at: &str, node: &Node<'_>, refuse: fn(&Source) -> Option<String>) -> Vec<Source> {
    let items: Vec<(String, &Node<'_>)> = if node.get_ref().is_array() {
        let items = tree.read_array(at, node);
        if items.is_empty() {
            let hint = "name files, such as \"people/*.json\", or leave the key out".to_owned();
            tree.error(node.span(), "empty-list", format!("`{at}` names no file"), hint);
        }
        items.into_iter().enumerate().map(|(i, item)| (format!("{at}[{i}]"), item)).collect()
    } else {
        vec![(at.to_owned(), node)]
    };
    let mut sources = Vec::new();
    for (at, item) in items {
        let Some(source) = read_source(tree, &at, item) else { continue };
        match refuse(&source) {
            None => sources.push(source),
            Some(why) => {
                let hint = "write a path as in \"people/*.json\", or the name of a population".to_owned();
                tree.error(item.span(), "bad-path", format!("`{at}` cannot be `{}`: {why}", source.from), hint);
            }
        }
    }
    sources
}

fn read_source(tree: &mut Tree<'_>, at: &str, node: &Node<'_>) -> Option<Source> {
    if !node.get_ref().is_table() {
        return tree.read_text(at, node).map(|from| Source::all_of(&from));
    }
    let table = tree.read_table(at, node)?;
    let fields = tree.read_fields(at, table, &["from", "first"]);
    let first = fields.get("first");
    let first = first.and_then(|n| tree.read_whole(&format!("{at}.first"), n, 1, u64::from(u32::MAX)));
    let Some(from) = fields.get("from") else {
        let hint = "write { from = \"NAME\", first = number }".to_owned();
        tree.error(node.span(), "missing", format!("`{at}` has no `from`"), hint);
        return None;
    };
    let from = tree.read_text(&format!("{at}.from"), from)?;
    Some(Source { from, first: first.map(|n| n as u32) })
}

/// A type of fields that keys get and set.
pub(super) trait Field: Sized {
    /// Returns the value; `None` if it is not set.
    fn value(&self) -> Option<KeyValue>;
    /// Reads a value; `None` if it has another type.
    fn of(value: KeyValue) -> Option<Self>;
}

/// Sets a field; a value of another type changes nothing.
pub(super) fn put_field<F: Field>(field: &mut F, value: KeyValue) {
    if let Some(value) = F::of(value) {
        *field = value;
    }
}

/// Implements [`Field`] for each type: the expression that writes its value, and the patterns from which it is read.
macro_rules! field {
    ($($type:ty { $this:pat => $value:expr; $($pattern:pat => $read:expr),* })*) => {
        $(impl Field for $type {
            fn value(&self) -> Option<KeyValue> {
                let $this = self;
                Some($value)
            }

            fn of(value: KeyValue) -> Option<Self> {
                $(if let $pattern = value {
                    return $read;
                })*
                None
            }
        })*
    };
}

field! {
    bool { yes => One(Value::Bool(*yes)); One(Value::Bool(yes)) => Some(yes) }
    u32 { number => One(Value::Int((*number).into())); One(Value::Int(n)) => Self::try_from(n).ok() }
    f64 { x => One(Value::Float(*x)); One(Value::Int(n)) => Some(n as Self), One(Value::Float(x)) => Some(x) }
    String { text => One(Value::Text(text.clone())); One(Value::Text(text)) => Some(text) }
    Value { value => One(value.clone()); One(value) => Some(value) }
    Vec<String> { texts => List(texts.clone()); List(texts) => Some(texts) }
    Vec<Builtin> {
        list => List(list.iter().map(ToString::to_string).collect());
        List(words) => words.iter().map(|word| Builtin::of(word)).collect()
    }
    Seed { seed => KeyValue::Seed(*seed); KeyValue::Seed(seed) => Some(seed) }
    Speakers { speakers => One(Value::Text(speakers.to_string())); One(Value::Text(word)) => Self::of(&word) }
    Structured { one => One(Value::Text(one.to_string())); One(Value::Text(word)) => Self::of(&word) }
    Deal { deal => One(Value::Text(deal.to_string())); One(Value::Text(word)) => Self::of(&word) }
    Hearing { hearing => One(Value::Text(hearing.to_string())); One(Value::Text(word)) => Self::of(&word) }
    Labels { labels => One(Value::Text(labels.to_string())); One(Value::Text(word)) => Self::of(&word) }
}

impl Field for RoleModel {
    fn value(&self) -> Option<KeyValue> {
        match self {
            Self::Condition => None,
            Self::One(name) => name.value(),
            Self::Each(names) => names.value(),
        }
    }

    fn of(value: KeyValue) -> Option<Self> {
        match value {
            One(name) => String::of(One(name)).map(Self::One),
            List(names) => Some(Self::Each(names)),
            KeyValue::Seed(_) | Sources(_) | KeyValue::Tree(_) => None,
        }
    }
}

/// Sources of people; a level of a factor is one text.
impl Field for Vec<Source> {
    fn value(&self) -> Option<KeyValue> {
        (!self.is_empty()).then(|| Sources(self.clone()))
    }

    fn of(value: KeyValue) -> Option<Self> {
        match value {
            Sources(sources) => Some(sources),
            One(Value::Text(level)) => Some(read_level(&level)),
            One(Value::Bool(_) | Value::Int(_) | Value::Float(_)) | List(_) | KeyValue::Seed(_) | KeyValue::Tree(_) => {
                None
            }
        }
    }
}

/// Implements [`Field`] for types with a shape. A level of a factor is a word.
macro_rules! shaped {
    ($($type:ty),*) => {
        $(impl Field for $type {
            fn value(&self) -> Option<KeyValue> {
                Some(KeyValue::Tree(self.to_shape())).filter(|value| *value != KeyValue::Tree(json!([])))
            }

            fn of(value: KeyValue) -> Option<Self> {
                match value {
                    KeyValue::Tree(shape) => Self::of_shape(&shape),
                    One(level) => Self::of_shape(&json!(level)),
                    List(_) | KeyValue::Seed(_) | Sources(_) => None,
                }
            }
        })*
    };
}

shaped!(Memory, Order, Clock, Links, Vec<Place>, Vec<Named<String>>);

impl<F: Field> Field for Option<F> {
    fn value(&self) -> Option<KeyValue> {
        self.as_ref()?.value()
    }

    fn of(value: KeyValue) -> Option<Self> {
        F::of(value).map(Some)
    }
}
