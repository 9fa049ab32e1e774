//! Detection of a model that steps out of its role to decline (English).
//!
//! An agent may well say "I can't let you do that" in its role. So a phrase counts only if it speaks of what a model
//! is or is asked for (content, a role-play), or if the reply is little else.

use super::scene::Scene;
use super::words::Reading;
use std::ops::Range;

/// Sentences from the front in which a model declines.
const HEAD: usize = 3;
/// Words of each that are read; nobody declines later in one breath.
const HEAD_WORDS: usize = 80;
/// Words of a reply that is little else than its refusal.
const CURT_REPLY: usize = 30;

/// What a model says of itself. Not heard where the prompt or the role speaks of an AI.
///
/// In these phrases a word stands for itself, `a|b` for either, `a|` for a word that may be missing, `…` for up to
/// three words, `$` for the end of the sentence.
const SELF: &[&str] = &[
    "as a|an large| ai",
    "as a|an large| language model",
    "i am just|only|simply| a|an large| ai",
    "i am just|only|simply| a|an large| language model",
];
/// Declining what only a model is asked for.
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
/// Declining in general.
const CURT: &[&str] = &[
    "i cannot assist|help with that|this request| $",
    "i cannot fulfill|fulfil|satisfy|complete that|this|your request $",
    "i cannot comply with that|this|your request $",
];

/// Whether one of the first sentences declines as a model does.
pub(super) fn declines(reading: &Reading<'_>, scene: &Scene<'_>) -> bool {
    let curt = reading.words.len() <= CURT_REPLY;
    let heads = head(reading);
    let says = |phrases: &[&str]| heads.iter().any(|sentence| phrases.iter().any(|phrase| holds(sentence, phrase)));
    says(DECLINES) || (curt && says(CURT)) || (says(SELF) && !is_model(scene))
}

/// The first sentences, with the ways of saying "I cannot" made one.
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

/// Whether the phrase, whose first word stands for itself, is among the words.
fn holds(words: &[&str], phrase: &str) -> bool {
    let Some((first, rest)) = phrase.split_once(' ') else { return words.contains(&phrase) };
    (0..words.len()).any(|start| words[start] == first && begins(&words[start + 1..], rest))
}

/// Whether the words begin with the phrase.
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
