//! Relevance by words: BM25 with k₁ = 1.2 and b = 0.75.

use super::numbers::logarithm;
use super::words::words_of;
use std::collections::{BTreeMap, BTreeSet, HashMap};

const K1: f64 = 1.2;
const B: f64 = 0.75;

/// The words of a text, counted once: every agent that perceived the text can share them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WordCounts {
    counts: HashMap<String, u32>,
    /// Number of all its words.
    length: u32,
}

impl WordCounts {
    /// Counts the words of a text.
    pub fn new(text: &str) -> Self {
        let (mut counts, mut length) = (HashMap::new(), 0);
        for word in words_of(text) {
            *counts.entry(word).or_insert(0) += 1;
            length += 1;
        }
        Self { counts, length }
    }

    fn score(&self, rarities: &BTreeMap<String, f64>, mean: f64) -> f64 {
        let share = if mean > 0.0 { f64::from(self.length) / mean } else { 0.0 };
        let of_word = |(word, rarity): (&String, &f64)| {
            let count = f64::from(*self.counts.get(word)?);
            Some(rarity * count * (K1 + 1.0) / (count + K1 * (1.0 - B + B * share)))
        };
        // The words of the query are sorted, so that the sum is the same on every machine.
        rarities.iter().filter_map(of_word).fold(0.0, |sum, score| sum + score)
    }
}

/// Returns the score of each text for a query. Each different word of the query counts once.
pub fn score_texts(query: &str, texts: &[&WordCounts]) -> Vec<f64> {
    let number = texts.len() as f64;
    let mean = texts.iter().map(|text| f64::from(text.length)).fold(0.0, |sum, length| sum + length) / number.max(1.0);
    let rarity = |word: String| {
        let with = texts.iter().filter(|text| text.counts.contains_key(&word)).count() as f64;
        (word, logarithm(1.0 + (number - with + 0.5) / (with + 0.5)))
    };
    let rarities: BTreeMap<String, f64> =
        words_of(query).into_iter().collect::<BTreeSet<_>>().into_iter().map(rarity).collect();
    texts.iter().map(|text| text.score(&rarities, mean)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::memory::numbers::round;

    fn scores(query: &str, texts: &[&str]) -> Vec<f64> {
        let counted: Vec<WordCounts> = texts.iter().map(|text| WordCounts::new(text)).collect();
        score_texts(query, &counted.iter().collect::<Vec<_>>()).into_iter().map(round).collect()
    }

    /// Computed by hand. Four texts of 4, 5, 2 and 1 words: a mean of 3. "cake" is in two: ln(1 + 2.5/2.5) = 0.693147;
    /// "party" in one: ln(1 + 3.5/1.5) = 1.203973. The factor of a word that a text of length L has f times is
    /// 2.2 f / (f + 0.3 + 0.9 L / 3).
    #[test]
    fn a_golden_vector() {
        let texts = ["The cake is ready.", "A cake, cake for the", "party tonight", "rain"];
        let scores = scores("Cake for a party? Cake!", &texts);
        // 0.693147 · 2.2 / (1 + 0.3 + 0.3 · 4) = 0.609970.
        // 0.693147 · 4.4 / (2 + 0.3 + 0.3 · 5) = 0.802591, and "a" and "for", each in one: 2 · 1.203973 · 2.2 / 2.8.
        // 1.203973 · 2.2 / (1 + 0.3 + 0.3 · 2) = 1.394074.
        assert_eq!(scores, [0.609_970, 2.694_549, 1.394_074, 0.0]);
    }

    #[test]
    fn a_query_without_words_scores_nothing() {
        assert_eq!(scores("…", &["a", ""]), [0.0, 0.0]);
        assert_eq!(scores("a", &["", ""]), [0.0, 0.0]);
        assert_eq!(scores("a", &[]), [0.0; 0]);
    }
}
