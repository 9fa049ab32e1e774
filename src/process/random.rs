//! Randomness that depends on its key and purpose alone (contract R5).

use crate::people::random::Draws;
use sha2::{Digest, Sha256};

/// A stream of numbers from SHA-256 in counter mode over `key\nseq\npurpose\nask\ncounter`.
#[derive(Debug, Clone)]
pub struct Stream(Draws);

impl Stream {
    /// Creates the stream of one ask. `key` is the key of the conversation. `ask` counts replies that were rejected,
    /// and never HTTP retries.
    pub fn new(key: &str, seq: u32, purpose: &str, ask: u32) -> Self {
        Self(Draws::new(format!("{key}\n{seq}\n{purpose}\n{ask}")))
    }

    /// Returns the next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0.next_bits()
    }

    /// Returns a number below `n`, each equally likely. `n` = 0 gives 0.
    pub fn below(&mut self, n: u64) -> u64 {
        self.0.draw_below(n)
    }
}

/// Returns the seed for a server's call: 31 bits of SHA-256 over `base key seq purpose ask`.
pub fn server_seed(base: u64, key: &str, seq: u32, purpose: &str, ask: u32) -> u32 {
    let digest = Sha256::digest(format!("{base}\n{key}\n{seq}\n{purpose}\n{ask}"));
    digest[..4].iter().fold(0, |bits, byte| bits << 8 | u32::from(*byte)) >> 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_never_change() {
        let mut stream = Stream::new("key", 3, "speech", 0);
        let drawn: Vec<u64> = (0..4).map(|_| stream.below(1000)).collect();
        insta::assert_debug_snapshot!((drawn, server_seed(7, "key", 3, "speech", 0)));
    }

    #[test]
    fn an_asking_has_its_own_stream() {
        let of = |seq, purpose, ask| Stream::new("key", seq, purpose, ask).bits();
        let all = [of(1, "speech", 0), of(2, "speech", 0), of(1, "speech", 1), of(1, "selection", 0)];
        assert!(all.iter().enumerate().all(|(i, x)| !all[..i].contains(x)));
    }

    #[test]
    fn draws_are_even() {
        let mut stream = Stream::new("even", 0, "speaker", 0);
        let mut counts = [0_u32; 3];
        for _ in 0..9000 {
            counts[stream.below(3) as usize] += 1;
        }
        assert!(counts.iter().all(|n| (2800..3200).contains(n)), "{counts:?}");
        assert_eq!(stream.below(0), 0);
    }
}
