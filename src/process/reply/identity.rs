//! Detection of an agent that claims to be another.
//!
//! Roles and names are those of the scene. The listed words are English grammar, independent of experiments.
//! Quotations, questions and suppositions do not count.

use super::scene::Scene;
use super::words::{Reading, ends_sentence, phrase};
use std::borrow::Cow;

type Phrase<'a> = Vec<Cow<'a, str>>;

const DETERMINERS: &[&str] = &["a", "an", "the", "your", "agent", "another"];
const ADVERBS: &[&str] = &["just", "only", "also", "still", "actually", "simply"];
/// Adjectives that negate a role.
const FORMERLY: &[&str] = &["not", "no", "former", "ex", "one", "first", "last", "only"];
/// Words before "I am" that express a supposition or somebody's opinion.
const HEDGES: &[&str] = &[
    "if",
    "unless",
    "whether",
    "think",
    "thinks",
    "thought",
    "like",
    "though",
    "pretend",
    "pretending",
    "imagine",
    "suppose",
    "say",
    "says",
    "said",
    "saying",
    "believe",
    "wish",
    "mean",
    "not",
];
/// Words that may follow a complete "I am a guard".
const FOLLOWERS: &[&str] = &[
    "here", "in", "of", "at", "who", "whose", "and", "but", "or", "that", "too", "now", "on", "with", "from", "for",
    "as", "to", "by", "today", "i", "you", "so", "because", "again", "assigned",
];
const FIRST_PERSON: &[&str] = &["i", "im", "ive", "ill", "id", "my", "we"];

/// Names and roles of others.
struct Others<'a> {
    names: Vec<Phrase<'a>>,
    roles: Vec<Phrase<'a>>,
    own: Phrase<'a>,
}

/// True if the text claims, in the first person, to be another agent or of another role.
pub(super) fn claims_another(text: &str, scene: &Scene<'_>) -> bool {
    let spoken = without_quotations(text);
    let reading = Reading::of(&spoken);
    let others = others(scene);
    let sentences = reading.sentences();
    sentences.into_iter().any(|sentence| {
        let asked = reading.gap(sentence.end).trim_start().starts_with('?');
        !asked && sentence.clone().any(|i| claims_at(&reading, sentence.start, i, &others))
    })
}

fn others<'a>(scene: &Scene<'a>) -> Others<'a> {
    let own = phrase(scene.own_role);
    let own_name = phrase(scene.own_name);
    let names = scene.others.iter().map(|(name, _)| phrase(name)).filter(|name| *name != own_name).collect();
    let roles = scene.others.iter().map(|(_, role)| phrase(role)).filter(|role| *role != own).collect();
    Others { names, roles, own }
}

fn claims_at(reading: &Reading<'_>, start: usize, index: usize, others: &Others<'_>) -> bool {
    if let Some(next) = after_i_am(reading, index) {
        return !hedged(reading, start, index) && is_another(reading, next, others);
    }
    as_another(reading, start, index, others) || we_others(reading, index, others)
}

/// Index of the word after "I am", "I'm" or "my name is" at `index`.
fn after_i_am(reading: &Reading<'_>, index: usize) -> Option<usize> {
    let words = [0, 1, 2].map(|i| reading.word(index + i));
    let next = match words {
        ["im", ..] => index + 1,
        ["i", "am", _] => index + 2,
        ["my", "name", "is"] => index + 3,
        _ => return None,
    };
    let adverb = usize::from(ADVERBS.contains(&reading.word(next)));
    (index + 1..=next + adverb).all(|i| reading.joined(i)).then_some(next + adverb)
}

fn hedged(reading: &Reading<'_>, start: usize, index: usize) -> bool {
    (index.saturating_sub(4).max(start)..index).any(|i| HEDGES.contains(&reading.word(i)))
}

/// True if another's name or role follows at `index` as a description of the speaker.
fn is_another(reading: &Reading<'_>, index: usize, others: &Others<'_>) -> bool {
    let agent = usize::from(reading.word(index) == "agent");
    if others.names.iter().any(|name| !name.is_empty() && reading.reads(index + agent, name)) {
        return true;
    }
    if titled(reading, index, others) {
        return true;
    }
    determined(reading, index, others).is_some_and(|end| complete(reading, end))
}

/// True for a role as a title, without a determiner: "I'm Prisoner 8612".
fn titled(reading: &Reading<'_>, index: usize, others: &Others<'_>) -> bool {
    let Some(word) = reading.words.get(index) else { return false };
    let first = &reading.text[word.at.clone()];
    let title = first.starts_with(char::is_uppercase) && first.chars().any(char::is_lowercase);
    title && role_at(reading, index, others).is_some()
}

/// End of a role that follows at `index` after a determiner and at most one adjective.
fn determined(reading: &Reading<'_>, index: usize, others: &Others<'_>) -> Option<usize> {
    if !DETERMINERS.contains(&reading.word(index)) || !reading.joined(index + 1) {
        return None;
    }
    role_at(reading, index + 1, others).or_else(|| {
        let adjective = !FORMERLY.contains(&reading.word(index + 1)) && reading.joined(index + 2);
        adjective.then(|| role_at(reading, index + 2, others)).flatten()
    })
}

/// End of another's role at `index`, unless the speaker's own role ends there too (a prison guard is no guard of
/// another role).
fn role_at(reading: &Reading<'_>, index: usize, others: &Others<'_>) -> Option<usize> {
    let role = others.roles.iter().find(|role| !role.is_empty() && reading.reads(index, role))?;
    let end = index + role.len();
    let own = end.checked_sub(others.own.len()).is_some_and(|start| reading.reads(start, &others.own));
    (!own).then_some(end)
}

/// True unless the next words change the meaning of the role ("a guard dog").
fn complete(reading: &Reading<'_>, end: usize) -> bool {
    end >= reading.words.len()
        || !reading.joined(end)
        || FOLLOWERS.contains(&reading.word(end))
        || reading.word(end).starts_with(|c: char| c.is_ascii_digit())
}

/// True for "As a prisoner, I …" at the start of a clause.
fn as_another(reading: &Reading<'_>, start: usize, index: usize, others: &Others<'_>) -> bool {
    let begins = index == start || ["and", "but", "so", "because", "that"].contains(&reading.word(index - 1));
    if reading.word(index) != "as" || !begins || !reading.joined(index + 1) {
        return false;
    }
    determined(reading, index + 1, others)
        .is_some_and(|end| FIRST_PERSON.contains(&reading.word(end)) && !ends_sentence(reading.gap(end)))
}

/// True for "We prisoners …" and "us prisoners", but not for "us guards and prisoners".
fn we_others(reading: &Reading<'_>, index: usize, others: &Others<'_>) -> bool {
    if !["we", "us"].contains(&reading.word(index)) || !reading.joined(index + 1) {
        return false;
    }
    others.roles.iter().any(|role| {
        let Some((last, first)) = role.split_last() else { return false };
        let end = index + role.len();
        let paired = ["and", "or"].contains(&reading.word(end + 1)) && reading.joined(end + 1);
        let named = reading.word(end).strip_suffix('s') == Some(last) && reading.joined(end);
        reading.reads(index + 1, first) && named && !paired
    })
}

/// Removes quotations. A text that is one single quotation is speech and stays.
fn without_quotations(text: &str) -> String {
    let whole = text.trim().strip_prefix(['"', '“']).and_then(|t| t.strip_suffix(['"', '”']));
    if let Some(inner) = whole.filter(|inner| !inner.contains(['"', '“', '”'])) {
        return inner.to_owned();
    }
    text.split_inclusive('\n').map(unquoted_line).collect()
}

/// Removes closed quotations from a line.
fn unquoted_line(line: &str) -> String {
    let mut kept = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(open) = rest.find(['"', '“', '«']) {
        let (before, quotation) = rest.split_at(open);
        let mut chars = quotation.chars();
        let mark = chars.next().unwrap_or('"');
        let inside = chars.as_str();
        let closing: &[char] = if mark == '«' { &['»'] } else { &['"', '”'] };
        let Some(close) = inside.find(closing) else { break };
        kept.push_str(before);
        kept.push_str("\"\"");
        rest = inside[close..].trim_start_matches(closing);
    }
    kept.push_str(rest);
    kept
}
