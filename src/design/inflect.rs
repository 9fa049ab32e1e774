//! English word forms: plurals, possessives, verbs and pronouns, as placeholders need them.
//!
//! Guesses come from two libraries whose versions are pinned, since a guess that changed would change what
//! agents read; snapshots in the tests show it if one does. What a researcher wrote is never corrected here,
//! and nothing of templates or roles may enter.

use english::{English, Form, Number, Person, Tense};

#[cfg(test)]
mod tests;

/// What a role is called when its pronouns are not written: right for one and for several.
pub const GUESSED_PRONOUNS: &str = "they/their";

/// Verbs that have one form only.
const MODALS: [&str; 10] = ["can", "could", "may", "might", "must", "ought", "shall", "should", "will", "would"];

/// Words after which the head noun does not stand: `head of state`, `mother-in-law`.
const PREPOSITIONS: [&str; 11] = ["at", "by", "de", "for", "from", "in", "of", "on", "to", "under", "with"];

/// Last parts that leave the plural to an agent noun before them: `passer-by`, `runner-up`.
const PARTICLES: [&str; 7] = ["by", "down", "in", "off", "on", "out", "up"];

/// The guessed plural of a noun, which may have several words.
///
/// The word that changes is the last one (`prison guard` → `prison guards`), or the one before the first
/// preposition if words follow it (`head of state` → `heads of state`); the parts of a hyphenated word are
/// taken the same way (`mother-in-law` → `mothers-in-law`), and `passer-by` → `passers-by`. A noun whose
/// changing word has no Latin letter stays as it is, since English has no plural for it.
pub fn plural(noun: &str) -> String {
    let (before, word, after) = head(noun, |c| c.is_whitespace() || c == '_');
    let (prefix, stem, suffix) = hyphenated_head(word);
    if !stem.contains(|c: char| c.is_ascii_alphabetic()) {
        return noun.to_owned();
    }
    format!("{before}{prefix}{}{suffix}{after}", pluralizer::pluralize(stem, 2, false))
}

/// Cuts a noun around the word that carries the number.
fn head(noun: &str, is_joint: fn(char) -> bool) -> (&str, &str, &str) {
    let words = words(noun, is_joint);
    let preposition = words.iter().position(|&(from, to)| is_one_of(&noun[from..to], &PREPOSITIONS));
    let chosen = match preposition {
        Some(at) if at > 0 && at + 1 < words.len() => words.get(at - 1),
        _ => words.last(),
    };
    let &(from, to) = chosen.unwrap_or(&(0, noun.len()));
    (&noun[..from], &noun[from..to], &noun[to..])
}

/// The same within a hyphenated word.
fn hyphenated_head(word: &str) -> (&str, &str, &str) {
    if let Some((agent, particle)) = word.rsplit_once('-')
        && agent.to_lowercase().ends_with("er")
        && is_one_of(particle, &PARTICLES)
    {
        let (before, stem, _) = head(agent, |c| c == '-');
        return (before, stem, &word[agent.len()..]);
    }
    head(word, |c| c == '-')
}

/// Byte ranges of what stands between the joints.
fn words(text: &str, is_joint: fn(char) -> bool) -> Vec<(usize, usize)> {
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

/// The third person singular present of a verb's base form: `make` → `makes`, `be` → `is`. Modals have one form.
pub fn third_person(verb: &str) -> String {
    let base = verb.to_lowercase();
    if MODALS.contains(&base.as_str()) {
        return base;
    }
    // The library reads `die_2` as its second verb `die`; here it is an odd word like any other.
    if base.contains('_') {
        return base + "s";
    }
    English::verb(&base, &Person::Third, &Number::Singular, &Tense::Present, &Form::Finite)
}

/// What several do: the base form itself, but `are`.
pub fn base_for_several(verb: &str) -> String {
    let base = verb.to_lowercase();
    if base == "be" { "are".to_owned() } else { base }
}

/// The possessive of one: `guard's`, `boss's`.
pub fn possessive_one(noun: &str) -> String {
    format!("{noun}'s")
}

/// The possessive of several, from the plural: `guards'`, `children's`.
pub fn possessive_several(plural: &str) -> String {
    let ending = if plural.ends_with(['s', 'S']) { "'" } else { "'s" };
    format!("{plural}{ending}")
}

/// Pronoun and possessive from `he/his`; `None` unless there are exactly two.
pub fn pronouns(written: &str) -> Option<(&str, &str)> {
    let (subject, possessive) = written.split_once('/')?;
    let (subject, possessive) = (subject.trim(), possessive.trim());
    let whole = !subject.is_empty() && !possessive.is_empty() && !possessive.contains('/');
    whole.then_some((subject, possessive))
}
