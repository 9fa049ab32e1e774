//! Results of every converter, and the rules that they share.

use crate::design::folder::Files;
use serde_json::{Map, Value as Json};

/// A converted experiment.
#[derive(Debug)]
pub struct Foreign {
    /// Name of the program that wrote it.
    pub program: &'static str,
    /// Files of the folder.
    pub files: Files,
    /// Keys that are not taken over: the place of each, and the reason where there is one.
    pub left_out: Vec<String>,
}

/// A file that cannot be converted: the reason and the remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct Unfit {
    /// The reason.
    pub what: String,
    /// The remedy.
    pub hint: String,
}

impl Unfit {
    pub(super) fn new(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { what: what.into(), hint: hint.into() }
    }
}

/// Lists the keys of an object that are not among the known ones, each with its place.
pub(super) fn other_keys(at: &str, object: &Map<String, Json>, known: &[&str]) -> Vec<String> {
    let place = |key: &String| if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
    object.keys().filter(|key| !known.contains(&key.as_str())).map(place).collect()
}

/// Returns the text of a key, or the mistake. An empty text counts as none.
pub(super) fn text_of<'o>(at: &str, object: &'o Map<String, Json>, key: &str) -> Result<&'o str, Unfit> {
    match object.get(key) {
        Some(Json::String(text)) if !text.trim().is_empty() => Ok(text.trim()),
        Some(Json::String(_)) | None => Err(Unfit::new(format!("`{at}` has no `{key}`"), format!("write `{key}`"))),
        Some(_) => Err(Unfit::new(format!("`{at}.{key}` is no text"), "write a text")),
    }
}

/// Writes a text so that no part of it is a tag or a comment of a prompt.
pub(super) fn plain_text(text: &str) -> String {
    text.replace("\r\n", "\n").replace('<', "\\<")
}

/// Returns the name of a role made of somebody's name.
pub(super) fn role_name(name: &str) -> String {
    let usual = |c: char| if c.is_alphanumeric() { c } else { '_' };
    name.trim().to_lowercase().chars().map(usual).collect::<String>().trim_matches('_').to_owned()
}
