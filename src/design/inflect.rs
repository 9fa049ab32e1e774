//! English word forms for placeholders: plurals, possessives, verbs and pronouns.
//!
//! Guesses come from two libraries with pinned versions, since a changed guess would change prompts; snapshots in the
//! tests show such a change. Words that researchers write are never corrected. This module must not use templates or
//! roles.

use english::{English, Form, Number, Person, Tense};

#[cfg(test)]
mod tests;

/// Pronouns of a role whose pronouns are not written. They fit one agent and several.
pub const GUESSED_PRONOUNS: &str = "they/their";

/// Verbs that have one form only.
const MODALS: [&str; 10] = ["can", "could", "may", "might", "must", "ought", "shall", "should", "will", "would"];

/// Prepositions. The noun that changes is before them, as in `head of state`, `mother-in-law`.
const PREPOSITIONS: [&str; 11] = ["at", "by", "de", "for", "from", "in", "of", "on", "to", "under", "with"];

/// Particles at the end of a compound. The agent noun before them takes the plural: `passer-by`, `runner-up`.
const PARTICLES: [&str; 7] = ["by", "down", "in", "off", "on", "out", "up"];

/// Guesses the plural of a noun, which may have several words.
///
/// Usually the last word changes (`prison guard` → `prison guards`). If other words follow a preposition, the word
/// before the first preposition changes (`head of state` → `heads of state`). The parts of a hyphenated word follow the
/// same rule (`mother-in-law` → `mothers-in-law`), and `passer-by` → `passers-by`. If the changing word has no Latin
/// letter, the noun is unchanged.
pub fn guess_plural(noun: &str) -> String {
    let (before, word, after) = split_head(noun, |c| c.is_whitespace() || c == '_');
    let (prefix, stem, suffix) = hyphenated_head(word);
    if !stem.contains(|c: char| c.is_ascii_alphabetic()) {
        return noun.to_owned();
    }
    format!("{before}{prefix}{}{suffix}{after}", pluralizer::pluralize(stem, 2, false))
}

/// Splits a noun into three parts: the text before the word that takes the plural, this word, and the text after it.
fn split_head(noun: &str, is_joint: fn(char) -> bool) -> (&str, &str, &str) {
    let words = find_words(noun, is_joint);
    let preposition = words.iter().position(|&(from, to)| is_one_of(&noun[from..to], &PREPOSITIONS));
    let chosen = match preposition {
        Some(at) if at > 0 && at + 1 < words.len() => words.get(at - 1),
        _ => words.last(),
    };
    let &(from, to) = chosen.unwrap_or(&(0, noun.len()));
    (&noun[..from], &noun[from..to], &noun[to..])
}

fn hyphenated_head(word: &str) -> (&str, &str, &str) {
    if let Some((agent, particle)) = word.rsplit_once('-')
        && agent.to_lowercase().ends_with("er")
        && is_one_of(particle, &PARTICLES)
    {
        let (before, stem, _) = split_head(agent, |c| c == '-');
        return (before, stem, &word[agent.len()..]);
    }
    split_head(word, |c| c == '-')
}

fn find_words(text: &str, is_joint: fn(char) -> bool) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut from = 0;
    for part in text.split_inclusive(is_joint) {
        let word = part.trim_end_matches(is_joint);
        if !word.is_empty() {
            found.push((from, from + word.len()));
        }
        from += part.len();
    }
    found
}

fn is_one_of(word: &str, list: &[&str]) -> bool {
    list.iter().any(|known| word.eq_ignore_ascii_case(known))
}

/// Returns the third person singular present of a base form: `make` → `makes`, `be` → `is`. Modals have one form.
pub fn third_person(verb: &str) -> String {
    let base = verb.to_lowercase();
    if MODALS.contains(&base.as_str()) {
        return base;
    }
    // The library reads `die_2` as its second verb `die`. Here `die_2` is an ordinary word.
    if base.contains('_') {
        return base + "s";
    }
    English::verb(&base, &Person::Third, &Number::Singular, &Tense::Present, &Form::Finite)
}

/// Returns the form for several agents: the base form, but `are` for `be`.
pub fn base_for_several(verb: &str) -> String {
    let base = verb.to_lowercase();
    if base == "be" { "are".to_owned() } else { base }
}

/// Returns the possessive of one: `guard's`, `boss's`.
pub fn possessive_one(noun: &str) -> String {
    format!("{noun}'s")
}

/// Returns the possessive of a plural: `guards'`, `children's`.
pub fn possessive_several(plural: &str) -> String {
    let ending = if plural.ends_with(['s', 'S']) { "'" } else { "'s" };
    format!("{plural}{ending}")
}

/// Splits `he/his` into pronoun and possessive; `None` unless there are exactly two.
pub fn split_pronouns(written: &str) -> Option<(&str, &str)> {
    let (subject, possessive) = written.split_once('/')?;
    let (subject, possessive) = (subject.trim(), possessive.trim());
    let whole = !subject.is_empty() && !possessive.is_empty() && !possessive.contains('/');
    whole.then_some((subject, possessive))
}
