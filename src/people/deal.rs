//! Dealing: which persons of a pool take part in which conversation.
//!
//! Agent i of replicate r has slot s = (r − 1)·n + i, and slot s is place s mod N of permutation ⌊s / N⌋ of a pool of N.
//! So each person plays equally often, and a draw depends on nothing but the text of the draw, r, n and N.

use super::random::Draws;

/// The order in which persons of a pool take part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// The first ones, in every conversation.
    Fixed,
    /// Permutations that are drawn from this text.
    Drawn(String),
}

/// A pool that is dealt, conversation by conversation.
#[derive(Debug, Clone)]
pub struct Deck {
    order: Order,
    pool: usize,
    hand: usize,
    /// The permutation that was needed last, with its number.
    last: Option<(u64, Vec<usize>)>,
}

impl Deck {
    /// Creates a deck of `pool` persons for conversations with `hand` agents.
    pub fn new(order: Order, pool: usize, hand: usize) -> Self {
        Self { order, pool, hand, last: None }
    }

    /// Deals replicate `replicate` (from 1), as places in the pool. Persons whom `takes` refuses are passed over for the
    /// next ones. Returns fewer than the agents if not enough are left.
    pub fn deal(&mut self, replicate: u32, takes: impl FnMut(usize) -> bool) -> Vec<usize> {
        if self.hand == 0 || self.hand > self.pool {
            return (0..self.pool).filter(takes_each(takes)).take(self.hand).collect();
        }
        let salt = match &self.order {
            Order::Fixed => return (0..self.pool).filter(takes_each(takes)).take(self.hand).collect(),
            Order::Drawn(salt) => salt.clone(),
        };
        let (pool, slot) = (self.pool as u64, u64::from(replicate.saturating_sub(1)) * self.hand as u64);
        let (number, from) = (slot / pool, (slot % pool) as usize);
        let first = self.permutation(&salt, number)[from..].to_vec();
        let mut takes = takes_each(takes);
        let mut dealt: Vec<usize> = first.iter().copied().filter(|who| takes(who)).take(self.hand).collect();
        if dealt.len() < self.hand {
            let lacking = self.hand - dealt.len();
            let next = self.permutation(&salt, number + 1);
            let left = next.iter().copied().filter(|who| !first.contains(who) && takes(who));
            dealt.extend(left.take(lacking));
        }
        dealt
    }

    /// Returns a permutation. Those who are in a conversation that reaches into it move behind, in order.
    fn permutation(&mut self, salt: &str, number: u64) -> &[usize] {
        if self.last.as_ref().is_none_or(|(known, _)| *known != number) {
            let (pool, hand) = (self.pool as u64, self.hand as u64);
            // A permutation with which a conversation begins depends on none before it.
            let period = hand / greatest_divisor(hand, pool);
            let known = self.last.take().filter(|(known, _)| *known < number && number - known < period);
            let start = number - number % period;
            let (mut at, mut order) = match known {
                Some((at, order)) if at >= start => (at, order),
                Some(_) | None => (start, draw(salt, start, self.pool)),
            };
            while at < number {
                at += 1;
                let seated = (at * pool % hand) as usize;
                let mut next = draw(salt, at, self.pool);
                let behind = order.split_off(self.pool - seated);
                next.sort_by_key(|who| behind.contains(who));
                order = next;
            }
            self.last = Some((number, order));
        }
        self.last.as_ref().map_or(&[], |(_, order)| order)
    }
}

fn draw(salt: &str, number: u64, pool: usize) -> Vec<usize> {
    Draws::new(format!("{salt}\n{number}")).permute(pool)
}

fn takes_each(mut takes: impl FnMut(usize) -> bool) -> impl FnMut(&usize) -> bool {
    move |who| takes(*who)
}

fn greatest_divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { greatest_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn drawn() -> Order {
        Order::Drawn("7\ncustomer\ndeal".to_owned())
    }

    #[test]
    fn each_plays_equally_often() {
        for pool in [5, 20] {
            for hand in 2..=4 {
                let mut counts = vec![0; pool];
                let mut deck = Deck::new(drawn(), pool, hand);
                for replicate in 1..=10 {
                    let dealt = deck.deal(replicate, |_| true);
                    assert_eq!(dealt.len(), hand);
                    assert!(dealt.iter().enumerate().all(|(i, who)| !dealt[..i].contains(who)), "{dealt:?}");
                    for who in dealt {
                        counts[who] += 1;
                    }
                }
                let (most, least) = (counts.iter().max().unwrap(), counts.iter().min().unwrap());
                assert!(most - least <= 1, "{pool} {hand}: {counts:?}");
            }
        }
    }

    #[test]
    fn the_deal_never_changes() {
        let mut deck = Deck::new(drawn(), 5, 3);
        let dealt: Vec<Vec<usize>> = (1..=5).map(|replicate| deck.deal(replicate, |_| true)).collect();
        assert_eq!(dealt, [[2, 4, 3], [0, 1, 3], [2, 4, 1], [0, 2, 4], [3, 1, 0]]);
    }

    #[test]
    fn in_order_the_first_take_part_and_one_who_is_there_is_passed_over() {
        let mut deck = Deck::new(Order::Fixed, 4, 2);
        assert_eq!((deck.deal(1, |_| true), deck.deal(9, |_| true)), (vec![0, 1], vec![0, 1]));
        assert_eq!(deck.deal(1, |who| who != 0), [1, 2]);
        assert_eq!(deck.deal(1, |who| who == 3), [3], "too few");
        assert!(Deck::new(drawn(), 0, 2).deal(1, |_| true).is_empty());
    }

    proptest! {
        #[test]
        fn a_deal_depends_on_nothing_before_it(pool in 1..12_usize, hand in 1..12_usize, at in 1..40_u32) {
            prop_assume!(hand <= pool);
            let mut walked = Deck::new(drawn(), pool, hand);
            let last = (1..=at).map(|replicate| walked.deal(replicate, |_| true)).last().unwrap();
            prop_assert_eq!(&last, &Deck::new(drawn(), pool, hand).deal(at, |_| true));
            // Whatever is passed over, all others are found.
            let mut left = Deck::new(drawn(), pool, hand).deal(at, |who| who % 2 == 0);
            left.sort_unstable();
            left.dedup();
            prop_assert_eq!(left.len(), hand.min(pool.div_ceil(2)));
        }
    }
}
