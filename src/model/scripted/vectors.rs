//! Vectors of texts without a model: each word adds to one of the places, which its hash chooses. Texts that share words
//! are near to each other, so recall by vectors can be tried offline.

use super::Scripted;
use crate::model::{EmbedRequest, Embedded, Embedder, ModelError};
use async_trait::async_trait;
use sha2::{Digest, Sha256};

/// Number of places of a vector.
const PLACES: usize = 64;

#[async_trait]
impl Embedder for Scripted {
    async fn embed(&self, request: &EmbedRequest) -> Result<Embedded, ModelError> {
        let words: usize = request.texts.iter().map(|text| text.split_whitespace().count()).sum();
        let vectors = request.texts.iter().map(|text| embed_text(text)).collect();
        Ok(Embedded { vectors, tokens: Some(words as u32) })
    }
}

fn embed_text(text: &str) -> Vec<f32> {
    let mut vector = vec![0_f32; PLACES];
    let text = text.to_lowercase();
    for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        let hash = Sha256::digest(word.as_bytes());
        let place = hash.first().map_or(0, |byte| usize::from(*byte) % PLACES);
        if let Some(number) = vector.get_mut(place) {
            *number += 1.0;
        }
    }
    let length = vector.iter().map(|n| n * n).sum::<f32>().sqrt();
    if length > 0.0 {
        for number in &mut vector {
            *number /= length;
        }
    }
    vector
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_share_words_are_near() {
        let [birthday, again, rain] =
            ["The birthday cake is here.", "Is the cake for a birthday?", "It rains in the valley"].map(embed_text);
        let near = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        assert!((near(&birthday, &birthday) - 1.0).abs() < 1e-6);
        assert!(near(&birthday, &again) > near(&birthday, &rain));
        assert_eq!(embed_text("…"), vec![0.0; PLACES]);
    }
}
