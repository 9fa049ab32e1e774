//! Numbers that depend on a text alone, and permutations drawn from them.

use sha2::{Digest, Sha256};

/// Numbers from SHA-256 in counter mode over `text\ncounter`.
///
/// The generator of a library may change with its version, and that would change experiments.
#[derive(Debug, Clone)]
pub struct Draws {
    text: String,
    counter: u64,
}

impl Draws {
    /// Creates the numbers of a text.
    pub fn new(text: String) -> Self {
        Self { text, counter: 0 }
    }

    /// Returns the next 64 bits.
    pub fn next_bits(&mut self) -> u64 {
        let digest = Sha256::digest(format!("{}\n{}", self.text, self.counter));
        self.counter += 1;
        digest[..8].iter().fold(0, |bits, byte| bits << 8 | u64::from(*byte))
    }

    /// Returns a number below `n`, each equally likely. `n` = 0 gives 0.
    pub fn draw_below(&mut self, n: u64) -> u64 {
        if n < 2 {
            return 0;
        }
        let fair = u64::MAX - u64::MAX % n;
        loop {
            let bits = self.next_bits();
            if bits < fair {
                return bits % n;
            }
        }
    }

    /// Returns the numbers below `n` in a drawn order, each order equally likely.
    pub fn permute(&mut self, n: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..n).collect();
        for i in 0..n.saturating_sub(1) {
            let other = i + self.draw_below((n - i) as u64) as usize;
            order.swap(i, other);
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_orders_never_change_and_are_even() {
        assert_eq!(Draws::new("7\ncustomer\ndeal\n0".to_owned()).permute(8), [1, 4, 6, 2, 5, 7, 3, 0]);
        let mut counts = [[0_u32; 4]; 4];
        for seed in 0..4000 {
            for (place, who) in Draws::new(format!("{seed}")).permute(4).into_iter().enumerate() {
                counts[place][who] += 1;
            }
        }
        assert!(counts.iter().flatten().all(|n| (880..1120).contains(n)), "{counts:?}");
    }
}
