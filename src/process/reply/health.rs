//! Health: faults of a cleaned speech. Each rule is defined by its search pattern, without judgement.

use super::label::{Labels, Whose};
use super::scene::Scene;
use super::words::Reading;
use super::{identity, refusal, sides};
use crate::process::log::Flag;
use std::collections::{HashMap, HashSet};

/// Number of consecutive words of the prompt that no agent repeats by chance.
const RECITED_RUN: usize = 12;
/// Number of words in a recited sentence of the prompt.
const RECITED_SENTENCE: usize = 8;
/// Minimum number of words in a repeated speech (fewer: "Yes, sir.").
const REPEATED_SPEECH: usize = 8;
/// Minimum number of words in a counted sentence, and the number of repetitions that is flagged.
const REPEATED_SENTENCE: (usize, u32) = (5, 3);
/// Number of consecutive words that repeat earlier ones.
const LOOP: usize = 30;
/// Maximum period of a loop, in words.
const LOOP_PERIOD: usize = 12;
/// Number of words in each compared group.
const SHINGLE: usize = 3;

/// Returns the flags of a cleaned speech, sorted: `identity-swap`, `both-sides`, `prompt-recited`, `repetition`,
/// `empty`, `refusal`. The rules prefer precision to recall: a judge can find the rest.
pub fn health(text: &str, scene: &Scene<'_>) -> Vec<Flag> {
    if text.trim().is_empty() {
        return vec![Flag::Empty];
    }
    let reading = Reading::of(text);
    let keys = reading.keys();
    let found = [
        (Flag::IdentitySwap, begins_as_another(text, scene) || identity::claims_another(text, scene)),
        (Flag::BothSides, sides::both_speak(text, scene)),
        (Flag::PromptRecited, recites(&keys, scene.prompt)),
        (Flag::Repetition, loops(&reading, &keys) || repeats_earlier(text, &keys, scene)),
        (Flag::Refusal, refusal::declines(&reading, scene)),
    ];
    found.into_iter().filter(|(_, found)| *found).map(|(flag, _)| flag).collect()
}

fn begins_as_another(text: &str, scene: &Scene<'_>) -> bool {
    Labels::of(scene).at(text.trim_start()).is_some_and(|label| label.whose == Whose::Other)
}

/// True if the reply holds a long run of the prompt's words, or a whole sentence of it.
fn recites(keys: &[u64], prompt: &str) -> bool {
    if keys.len() < RECITED_SENTENCE {
        return false;
    }
    let reading = Reading::of(prompt);
    let prompt = reading.keys();
    let said: HashSet<&[u64]> = keys.windows(RECITED_RUN).collect();
    prompt.windows(RECITED_RUN).any(|run| said.contains(run))
        || reading
            .sentences()
            .into_iter()
            .filter(|sentence| (RECITED_SENTENCE..RECITED_RUN).contains(&sentence.len()))
            .any(|sentence| keys.windows(sentence.len()).any(|run| *run == prompt[sentence.clone()]))
}

/// True if the reply repeats itself: a sentence three times, or a few words in a loop.
fn loops(reading: &Reading<'_>, keys: &[u64]) -> bool {
    let mut counts = HashMap::<&[u64], u32>::new();
    let (least, often) = REPEATED_SENTENCE;
    for sentence in reading.sentences().into_iter().filter(|sentence| sentence.len() >= least) {
        let count = counts.entry(&keys[sentence]).or_default();
        *count += 1;
        if *count >= often {
            return true;
        }
    }
    (1..=LOOP_PERIOD).any(|period| longest_echo(keys, period) >= LOOP)
}

/// Length of the longest run of words that equal those `period` words before.
fn longest_echo(keys: &[u64], period: usize) -> usize {
    let echoes = keys.iter().zip(keys.iter().skip(period)).map(|(before, word)| before == word);
    let (_, longest) = echoes.fold((0, 0), |(run, longest), echo| {
        let run = if echo { run + 1 } else { 0 };
        (run, longest.max(run))
    });
    longest
}

/// True if the reply nearly equals any agent's speech of the day, word for word.
fn repeats_earlier(text: &str, keys: &[u64], scene: &Scene<'_>) -> bool {
    if keys.len() < REPEATED_SPEECH {
        return false;
    }
    let said: HashSet<&[u64]> = keys.windows(SHINGLE).collect();
    scene
        .earlier
        .iter()
        .filter(|speech| of_like_length(text.len(), speech.content.len()))
        .any(|speech| like(&said, &Reading::of(speech.content).keys()))
}

/// True if the lengths differ by at most a quarter. Other comparisons would cost too much time.
fn of_like_length(one: usize, other: usize) -> bool {
    one.max(other) <= one.min(other) / 4 * 5 + 5
}

/// True if at least four fifths of the word triples are shared (Dice coefficient ≥ 0.8).
fn like(said: &HashSet<&[u64]>, before: &[u64]) -> bool {
    let before: HashSet<&[u64]> = before.windows(SHINGLE).collect();
    let shared = said.intersection(&before).count();
    5 * 2 * shared >= 4 * (said.len() + before.len())
}
