//! Cleaning: removes everything from a reply except the speaker's turn.

use super::label::{Labels, Whose};
use super::reasoning::{
    REASONING, TOKENS, cut_before_object, cut_reasoning, has_piped_reasoning, looks_like_reasoning,
};
use super::scene::Scene;
use crate::process::log::Flag;
use std::collections::BTreeSet;

type Flags = BTreeSet<Flag>;

/// Maximum length of a `<|…|>` token's name, in characters.
const LONGEST_TOKEN: usize = 40;

/// A cleaned reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cleaned {
    /// The text, which may be empty.
    pub text: String,
    /// Flags for the removed parts, sorted and unique.
    pub flags: Vec<Flag>,
}

/// Cleans a speech: removes reasoning, template tokens, the speaker's own label, and another agent's turn with
/// everything after it.
///
/// A reply that begins with another agent's label stays whole; [`health`](super::health()) flags it. Cleaning is
/// idempotent.
pub fn clean_speech(raw: &str, scene: &Scene<'_>) -> Cleaned {
    let mut flags = BTreeSet::new();
    let bare = without_markup(raw, Turns::Cut, &mut flags);
    let text = own_turn(&bare, &Labels::of(scene), &mut flags);
    Cleaned::new(text, flags)
}

/// Cleans a summary or a selection: removes reasoning, template tokens, and white space at both ends.
pub fn clean_plain(raw: &str) -> Cleaned {
    let mut flags = BTreeSet::new();
    let bare = without_markup(raw, Turns::Keep, &mut flags);
    let text = without_stray_system(without_reasoning(&bare, &mut flags), &mut flags);
    Cleaned::new(text, flags)
}

/// Takes reasoning out before the object of a turn as JSON. The strings of the object are cleaned one by one.
pub fn clean_before_object(raw: &str) -> Cleaned {
    let (mut text, mut flags) = (raw, Vec::new());
    while let Some(rest) = cut_before_object(text) {
        text = rest;
        flags = vec![Flag::ThinkingCut];
    }
    Cleaned { text: text.trim().to_owned(), flags }
}

impl Cleaned {
    fn new(text: &str, mut flags: Flags) -> Self {
        if looks_like_reasoning(text) {
            flags.insert(Flag::ThinkingLeft);
        }
        Self { text: text.to_owned(), flags: flags.into_iter().collect() }
    }
}

/// Removes reasoning and template tokens.
fn without_markup(raw: &str, turns: Turns, flags: &mut Flags) -> String {
    let text = without_reasoning(raw, flags);
    if has_piped_reasoning(text) {
        flags.insert(Flag::ThinkingLeft);
    }
    without_tags(text, turns, flags)
}

/// Removes reasoning in the markup of further model families from the start of a text.
fn without_reasoning<'a>(text: &'a str, flags: &mut Flags) -> &'a str {
    let mut text = text;
    while let Some(cut) = cut_reasoning(text) {
        flags.insert(if cut.is_reasoning { Flag::ThinkingCut } else { Flag::TemplateToken });
        text = cut.rest;
    }
    text
}

/// Effect of a template token that opens the user's turn after some text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turns {
    /// Removes the rest, which is another agent's turn.
    Cut,
    /// Removes only the token.
    Keep,
}

/// A tag at the end of the text read so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tag {
    /// `<think>`
    Reasoning,
    /// `</think>`
    ReasoningEnd,
    /// Any template token.
    Token,
    /// A template token before a speaker's kind (`<|im_start|>`).
    Header,
    /// A template token that opens the user's turn by itself (`<|user|>`).
    User,
}

/// Removes reasoning and template tokens in one pass. Each added character that can end a tag triggers the search for a
/// tag at the end. So the result has no tag, even if a removal joins the parts of one.
fn without_tags(raw: &str, turns: Turns, flags: &mut Flags) -> String {
    let mut left = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find(['>', ']']) {
        left.push_str(&rest[..=at]);
        rest = &rest[at + 1..];
        let Some((start, tag)) = last_tag(&left) else { continue };
        left.truncate(start);
        rest = behind(tag, &mut left, rest, turns, flags);
    }
    left.push_str(rest);
    left
}

/// Returns the rest of the text after a removed tag.
fn behind<'a>(tag: Tag, left: &mut String, rest: &'a str, turns: Turns, flags: &mut Flags) -> &'a str {
    let reasoning = matches!(tag, Tag::Reasoning | Tag::ReasoningEnd);
    flags.insert(if reasoning { Flag::ThinkingCut } else { Flag::TemplateToken });
    let (kind, rest) = match tag {
        Tag::Reasoning => return behind_reasoning(rest),
        Tag::ReasoningEnd => {
            left.clear();
            return rest;
        }
        Tag::Token => return rest,
        Tag::Header => speaker_kind(rest),
        Tag::User => ("user", rest),
    };
    if kind == "user" && turns == Turns::Cut && !left.trim().is_empty() {
        flags.insert(Flag::OverrunCut);
        return "";
    }
    rest
}

/// Returns the text after the next closing reasoning tag. Without one, all of it is reasoning.
fn behind_reasoning(text: &str) -> &str {
    let mut rest = text;
    while let Some(at) = rest.find("</") {
        rest = &rest[at + 2..];
        if let Some(after) = REASONING.iter().find_map(|name| strip_ignoring_case(rest, name)?.strip_prefix('>')) {
            return after;
        }
    }
    ""
}

fn strip_ignoring_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let head = text.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then(|| &text[prefix.len()..])
}

/// Returns the word after a header token, and the text after the word.
fn speaker_kind(text: &str) -> (&str, &str) {
    ["assistant", "model", "user", "system", "tool"]
        .into_iter()
        .filter_map(|kind| Some((kind, text.strip_prefix(kind)?)))
        .find(|(_, rest)| rest.is_empty() || rest.starts_with(|c: char| c == '<' || c.is_whitespace()))
        .unwrap_or(("", text))
}

/// Returns the tag at the end of `text`, and its start.
fn last_tag(text: &str) -> Option<(usize, Tag)> {
    if let Some(token) = TOKENS.iter().find(|token| text.ends_with(*token)) {
        return Some((text.len() - token.len(), Tag::Token));
    }
    if let Some(before) = text.strip_suffix("<start_of_turn>") {
        return Some((before.len(), Tag::Header));
    }
    reasoning_tag(text).or_else(|| piped_token(text))
}

fn reasoning_tag(text: &str) -> Option<(usize, Tag)> {
    let inner = text.strip_suffix('>')?;
    let name = REASONING.iter().find(|name| {
        let start = inner.len().checked_sub(name.len());
        start.and_then(|start| inner.get(start..)).is_some_and(|end| end.eq_ignore_ascii_case(name))
    })?;
    let before = &inner[..inner.len() - name.len()];
    if let Some(before) = before.strip_suffix("</") {
        return Some((before.len(), Tag::ReasoningEnd));
    }
    Some((before.strip_suffix('<')?.len(), Tag::Reasoning))
}

/// Finds `<|…|>`, also with the full-width bar of some models.
fn piped_token(text: &str) -> Option<(usize, Tag)> {
    let inner = text.strip_suffix('>')?.strip_suffix(['|', '｜'])?;
    let length: usize = inner.chars().rev().take(LONGEST_TOKEN).take_while(|c| in_token(*c)).map(char::len_utf8).sum();
    let (before, name) = inner.split_at(inner.len() - length);
    let start = before.strip_suffix(['|', '｜'])?.strip_suffix('<')?.len();
    let tag = match name {
        "" => return None,
        "im_start" | "start_header_id" => Tag::Header,
        "user" | "User" => Tag::User,
        _ => Tag::Token,
    };
    Some((start, tag))
}

fn in_token(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | '▁')
}

/// Removes each leaked `system` at the end, and white space at both ends.
fn without_stray_system<'a>(text: &'a str, flags: &mut Flags) -> &'a str {
    let mut text = text.trim();
    while let Some(before) = text.strip_suffix("system").filter(|before| is_stray_after(before)) {
        flags.insert(Flag::TemplateToken);
        text = before.trim_end();
    }
    text
}

/// True if the word is alone on its line, or directly after punctuation that closes a sentence.
fn is_stray_after(before: &str) -> bool {
    let glued = before.ends_with(|c: char| ".?!…。？！\"”’»)]*".contains(c));
    let line = before.trim_end_matches(|c: char| c.is_whitespace() && !matches!(c, '\n' | '\r'));
    glued || line.is_empty() || line.ends_with(['\n', '\r'])
}

/// Returns the speaker's turn within a text without tags: removes the speaker's label at the front, and everything from
/// another agent's label on. A text that begins with another's label stays whole.
fn own_turn<'a>(text: &'a str, labels: &Labels, flags: &mut Flags) -> &'a str {
    let mut text = text;
    loop {
        let before = text.len();
        text = without_stray_system(without_reasoning(text, flags), flags);
        match labels.at(text) {
            Some(label) if label.whose == Whose::Own => {
                flags.insert(Flag::LabelCut);
                text = &text[label.end..];
            }
            Some(_) => {}
            None => text = until_another(text, labels, flags),
        }
        if text.len() == before {
            return text;
        }
    }
}

/// Returns the text before the first later line that begins with another's label.
fn until_another<'a>(text: &'a str, labels: &Labels, flags: &mut Flags) -> &'a str {
    let overrun = text
        .match_indices(['\n', '\r'])
        .map(|(at, _)| at + 1)
        .find(|start| labels.at(&text[*start..]).is_some_and(|label| label.whose == Whose::Other));
    let Some(start) = overrun else { return text };
    flags.insert(Flag::OverrunCut);
    &text[..start]
}
