//! Detection of a reply that holds turns of two participants.

use super::scene::Scene;
use super::words::{Reading, ends_sentence, phrase};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Verbs that introduce speech, present and past (English).
const SAYS: &[&str] = &[
    "says",
    "replies",
    "responds",
    "answers",
    "asks",
    "shouts",
    "yells",
    "whispers",
    "mutters",
    "exclaims",
    "adds",
    "continues",
    "interrupts",
    "pleads",
    "speaks",
];
const SAID: &[&str] = &[
    "said",
    "replied",
    "responded",
    "answered",
    "asked",
    "shouted",
    "yelled",
    "whispered",
    "muttered",
    "exclaimed",
    "added",
    "continued",
    "interrupted",
    "pleaded",
    "spoke",
];
/// Words that turn "the prisoner says" into a case instead of an event.
const SUPPOSITIONS: &[&str] = &["if", "when", "whenever", "unless", "that", "what"];
/// Maximum number of words between the verb and the quotation ("says in a low voice, …").
const MANNER: usize = 4;
/// Maximum length of a label in a script with names of its own, in bytes.
const LONGEST_LABEL: usize = 40;

/// A participant of the conversation.
struct Party<'a> {
    words: Vec<Cow<'a, str>>,
    /// True for the speaker.
    own: bool,
}

/// True if the text holds turns of two participants: labels within it, a script, or another's speech narrated.
pub(super) fn both_speak(text: &str, scene: &Scene<'_>) -> bool {
    let reading = Reading::of(text);
    let parties = parties(scene);
    labelled(&reading, &parties) || narrated(&reading, &parties, scene.others.len() == 1) || script(text)
}

/// Lists longer names first, so that `prison guard` does not match as `guard`.
fn parties<'a>(scene: &Scene<'a>) -> Vec<Party<'a>> {
    let own = [scene.own_name, scene.own_role].map(|name| (phrase(name), true));
    let others = scene.others.iter().flat_map(|(name, role)| [*name, *role]).map(|name| (phrase(name), false));
    let mut parties: Vec<_> = own.into_iter().chain(others).map(|(words, own)| Party { words, own }).collect();
    parties.retain(|party| !party.words.is_empty());
    parties.sort_by_key(|party| std::cmp::Reverse(party.words.len()));
    parties
}

fn party_at<'p, 'a>(reading: &Reading<'_>, index: usize, parties: &'p [Party<'a>]) -> Option<&'p Party<'a>> {
    parties.iter().find(|party| reading.reads(index, &party.words))
}

/// True if turns of others begin with a label. The text before the first label is the speaker's.
fn labelled(reading: &Reading<'_>, parties: &[Party<'_>]) -> bool {
    let mut turns = (0..reading.words.len()).filter_map(|index| label_at(reading, index, parties));
    let Some((first, whose)) = turns.next() else { return false };
    let begins = if first == 0 { whose } else { true };
    begins != whose || turns.any(|(_, whose)| whose != begins)
}

/// Returns the label at a word and whether it is the speaker's: at the start of a line or sentence, before a colon.
fn label_at(reading: &Reading<'_>, index: usize, parties: &[Party<'_>]) -> Option<(usize, bool)> {
    if !begins_turn(reading, index) {
        return None;
    }
    let party = party_at(reading, index, parties)?;
    let numbered = is_numbered(reading, index + party.words.len());
    let end = reading.words.get(index + party.words.len() - 1 + usize::from(numbered))?.at.end;
    colon_follows(&reading.text[end..]).then_some((index, party.own))
}

/// True for a role with an unused number: `Prisoner 123:`.
fn is_numbered(reading: &Reading<'_>, index: usize) -> bool {
    let word = reading.word(index);
    !word.is_empty() && word.chars().all(char::is_numeric) && reading.joined(index)
}

/// True at the start of a line, or for capitals after the end of a sentence, a quotation or a stage direction.
fn begins_turn(reading: &Reading<'_>, index: usize) -> bool {
    let gap = reading.gap(index);
    if index == 0 || gap.contains(['\n', '\r']) {
        return !gap.trim_end_matches(['*', '_', '#', '[', '(', '{', ' ', '\t']).ends_with(['"', '“', '-', '>']);
    }
    let capital = reading.words.get(index).is_some_and(|w| reading.text[w.at.clone()].starts_with(char::is_uppercase));
    capital && ends_sentence(gap) && !gap.ends_with(['"', '“', '\''])
}

/// True if a colon follows, after at most markup and one direction in brackets: ` (softly):**`.
fn colon_follows(text: &str) -> bool {
    let marks = ['*', '_', ']', ')', '}', ' '];
    let text = text.trim_start_matches(marks);
    let direction = text.strip_prefix(['(', '[']).and_then(|inside| {
        let close = inside.char_indices().take(LONGEST_LABEL).find(|(_, c)| matches!(c, ')' | ']' | '\n'))?;
        inside.get(close.0..)?.strip_prefix([')', ']'])
    });
    direction.unwrap_or(text).trim_start_matches(marks).starts_with([':', '：'])
}

/// True for another's speech with a quotation: `The prisoner says, "…"`, `"…," the prisoner replies.` The past tense is
/// a report, unless there is only one other participant, whom the speaker addresses.
fn narrated(reading: &Reading<'_>, parties: &[Party<'_>], alone: bool) -> bool {
    (0..reading.words.len()).any(|index| {
        let Some(party) = party_at(reading, index, parties).filter(|party| !party.own) else { return false };
        let end = index + party.words.len();
        let verb = end + usize::from(reading.word(end).ends_with("ly"));
        let speaks = SAYS.contains(&reading.word(verb)) || (alone && SAID.contains(&reading.word(verb)));
        speaks && (end..=verb).all(|i| reading.joined(i)) && quotes(reading, index, verb)
    })
}

/// True if a quotation follows the verb, or ends directly before its subject.
fn quotes(reading: &Reading<'_>, subject: usize, verb: usize) -> bool {
    let the = subject - usize::from(subject > 0 && reading.word(subject - 1) == "the");
    let supposed = the > 0 && SUPPOSITIONS.contains(&reading.word(the - 1)) && reading.joined(the);
    let before = reading.gap(the);
    let ended = the > 0 && [",\"", ",”", "?\"", "?”", "!\"", "!”"].iter().any(|end| before.contains(end));
    let brought =
        (verb + 1..=verb + 1 + MANNER).map(|i| reading.gap(i)).find(|gap| gap.contains([',', ':', '.', '\n']));
    let begun = brought.is_some_and(|gap| gap.contains([',', ':']) && gap.contains(['"', '“', '«']));
    !supposed && (ended || begun)
}

/// True for a script with names from outside the conversation: two labels at line starts, each at least twice, before
/// whole sentences.
fn script(text: &str) -> bool {
    let mut turns = BTreeMap::<&str, u32>::new();
    for label in text.lines().filter_map(script_label) {
        *turns.entry(label).or_default() += 1;
    }
    turns.values().filter(|count| **count >= 2).count() >= 2
}

fn script_label(line: &str) -> Option<&str> {
    let marks = ['*', '_', '#', '[', ']', '(', ')', ' ', '\t'];
    let (label, speech) = line.trim_start_matches(marks).split_once(':')?;
    let label = label.split('(').next()?.trim_end_matches(marks);
    let named = label.len() <= LONGEST_LABEL && label.starts_with(char::is_uppercase) && label.split(' ').count() <= 3;
    let speech = speech.trim_matches(marks);
    let spoken = speech.ends_with(['.', '!', '?', '…', '"', '”']) && speech.split_whitespace().nth(1).is_some();
    (named && spoken).then_some(label)
}
