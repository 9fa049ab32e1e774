//! Detection of a model that leaves its role to decline (English).
//!
//! An agent may say "I can't let you do that" in its role. So a phrase counts in two cases: it concerns a model or a
//! model's tasks (content, a role-play), or the reply consists of little else.

use super::scene::Scene;
use super::words::Reading;
use std::ops::Range;

/// Number of first sentences in which a model declines.
const HEAD: usize = 3;
/// Number of words read in each of them.
const HEAD_WORDS: usize = 80;
/// Maximum length of a reply that only declines, in words.
const CURT_REPLY: usize = 30;

/// Phrases that a model uses about itself. They do not count if the prompt or the role mentions an AI.
///
/// In these phrases a word stands for itself, `a|b` for either, `a|` for a word that may be missing, `…` for up to
/// three words, `$` for the end of the sentence.
const SELF: &[&str] = &[
    "as a|an large| ai",
    "as a|an large| language model",
    "i am just|only|simply| a|an large| ai",
    "i am just|only|simply| a|an large| language model",
];
/// Phrases that decline a model's task.
const DECLINES: &[&str] = &[
    "i cannot create|generate|write|produce|provide … content",
    "i cannot roleplay",
    "i cannot role play",
    "i cannot continue|engage|participate|proceed|take part| in|with| … roleplay|roleplaying|scenario|simulation",
    "i cannot continue|engage|participate|proceed|take part| in|with| … role play|playing",
    "i cannot continue|engage|participate in|with| this|that|the conversation|dialogue|discussion $",
    "i cannot continue|engage|participate in|with| a|this|that|the conversation|dialogue|discussion that|which",
    "i need|have to|must| to| step|break out| of| character",
];
/// Phrases that decline in general.
const CURT: &[&str] = &[
    "i cannot assist|help with that|this request| $",
    "i cannot fulfill|fulfil|satisfy|complete that|this|your request $",
    "i cannot comply with that|this|your request $",
];

/// True if one of the first sentences declines as a model does.
pub(super) fn declines(reading: &Reading<'_>, scene: &Scene<'_>) -> bool {
    let curt = reading.words.len() <= CURT_REPLY;
    let heads = head(reading);
    let says = |phrases: &[&str]| heads.iter().any(|sentence| phrases.iter().any(|phrase| holds(sentence, phrase)));
    says(DECLINES) || (curt && says(CURT)) || (says(SELF) && !is_model(scene))
}

/// Returns the first sentences, with one form for all variants of "I cannot".
fn head<'r>(reading: &'r Reading<'_>) -> Vec<Vec<&'r str>> {
    let words = |sentence: Range<usize>| sentence.take(HEAD_WORDS).map(|i| reading.word(i)).collect::<Vec<_>>();
    reading.sentences().into_iter().take(HEAD).map(|sentence| plain(&words(sentence))).collect()
}

fn plain<'r>(words: &[&'r str]) -> Vec<&'r str> {
    let mut plain = Vec::with_capacity(words.len());
    let mut rest = words;
    while let [word, ..] = rest {
        let (taken, said): (usize, &[&str]) = match rest {
            ["i", "am", "not", "able", "to", ..] => (5, &["i", "cannot"]),
            ["i", "am", "unable", "to", ..] | ["im", "not", "able", "to", ..] => (4, &["i", "cannot"]),
            ["im", "unable", "to", ..] => (3, &["i", "cannot"]),
            ["can", "not", ..] => (2, &["cannot"]),
            ["cant", ..] => (1, &["cannot"]),
            ["im", ..] => (1, &["i", "am"]),
            _ => (1, std::slice::from_ref(word)),
        };
        plain.extend_from_slice(said);
        rest = &rest[taken..];
    }
    plain
}

fn is_model(scene: &Scene<'_>) -> bool {
    [scene.own_role, scene.prompt].into_iter().any(|text| {
        let reading = Reading::of(text);
        (0..reading.words.len())
            .any(|i| matches!((reading.word(i), reading.word(i + 1)), ("ai", _) | ("language", "model")))
    })
}

/// True if the words contain the phrase, whose first word is literal.
fn holds(words: &[&str], phrase: &str) -> bool {
    let Some((first, rest)) = phrase.split_once(' ') else { return words.contains(&phrase) };
    (0..words.len()).any(|start| words[start] == first && begins(&words[start + 1..], rest))
}

/// True if the words begin with the phrase.
fn begins(words: &[&str], phrase: &str) -> bool {
    let Some((slot, after)) = phrase.split_once(' ').or_else(|| (!phrase.is_empty()).then_some((phrase, ""))) else {
        return true;
    };
    match slot {
        "$" => words.is_empty(),
        "…" => (0..=words.len().min(3)).any(|skip| begins(&words[skip..], after)),
        _ => {
            let here = words.first().is_some_and(|word| slot.split('|').any(|known| known == *word));
            (here && begins(&words[1..], after)) || (slot.ends_with('|') && begins(words, after))
        }
    }
}
