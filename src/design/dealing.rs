//! Dealing of people: the people of each conversation of a condition, and those that its key includes.

use super::casting::Member;
use super::condition::Condition;
use super::experiment::Deal;
use super::problem::Obstacle;
use crate::people::{Deck, Order};
use std::collections::BTreeSet;
use std::sync::Arc;

impl Condition {
    /// Returns the hashes that the condition key includes for a role: those of the pool in the order from which it is
    /// drawn, which paths do not change, or under `in-order` those of the people who may be dealt, in order.
    pub fn counted_people(&self, role: usize) -> Vec<&str> {
        let Some(cast) = self.cast(role) else { return Vec::new() };
        let hash = |place: usize| cast.at(place).person.hash.as_str();
        if cast.role.deal != Deal::InOrder {
            return (0..cast.pool.len()).map(hash).collect();
        }
        // Somebody whom another role may have is dealt in some conversations only; then the next one plays.
        let (sure, maybe) = self.taken_before(role);
        let mut left = self.agents.get(role).copied().unwrap_or_default();
        let mut counted = Vec::new();
        let mut seen = BTreeSet::new();
        for (place, name) in cast.names().enumerate() {
            if left == 0 {
                break;
            }
            if seen.insert(name) && !sure.contains(name) {
                counted.push(hash(place));
                left -= u32::from(!maybe.contains(name));
            }
        }
        counted
    }

    /// Returns the names that earlier roles surely have, and those that they may have.
    fn taken_before(&self, role: usize) -> (BTreeSet<&str>, BTreeSet<&str>) {
        let (mut sure, mut maybe) = (BTreeSet::new(), BTreeSet::new());
        for (index, cast) in (0..role).filter_map(|index| Some((index, self.cast(index)?))) {
            let number = self.agents.get(index).copied().unwrap_or_default() as usize;
            let is_all = number >= cast.pool.len();
            let mut names: Vec<&str> = Vec::new();
            for name in cast.names().filter(|name| number > 0 && !sure.contains(name)) {
                if !names.contains(&name) {
                    names.push(name);
                }
            }
            match cast.role.deal {
                Deal::InOrder if maybe.is_empty() => sure.extend(names.into_iter().take(number)),
                Deal::Matched | Deal::Random if is_all && maybe.is_empty() => sure.extend(names),
                Deal::InOrder | Deal::Matched | Deal::Random => maybe.extend(names),
            }
        }
        (sure, maybe)
    }

    /// Returns true if every conversation has enough people, whatever is drawn.
    fn surely_has_enough(&self) -> bool {
        let mut names = BTreeSet::new();
        (0..self.agents.len()).filter_map(|role| Some((role, self.cast(role)?))).all(|(role, cast)| {
            self.agents[role] as usize <= cast.pool.len() && cast.names().all(|name| names.insert(name))
        })
    }

    /// Finds roles that have too few people in one of the first `replicates` conversations.
    pub fn find_missing_people(&self, seed: u64, replicates: u32) -> Vec<Obstacle> {
        if self.casts.is_empty() || self.surely_has_enough() {
            return Vec::new();
        }
        let mut dealer = Dealer::new(self, seed);
        let mut found: Vec<Obstacle> = Vec::new();
        for replicate in 1..=replicates {
            for (role, dealt) in dealer.deal(replicate).iter().enumerate() {
                let Some(cast) = self.cast(role) else { continue };
                let (agents, pool) = (self.agents[role] as usize, cast.pool.len());
                let name = &cast.role.name;
                let at = format!("roles.{name}.people");
                if dealt.len() < agents && !found.iter().any(|o| o.at == at) {
                    let (number, condition) = (dealt.len(), self.name());
                    let message = if pool < agents {
                        format!("role `{name}` has {agents} agents and {pool} people in {condition}")
                    } else {
                        format!(
                            "role `{name}` has {agents} agents, and {number} of its {pool} people are free in replicate \
                             {replicate} of {condition}: others of the same name take part already"
                        )
                    };
                    let hint = "name more people, or lower the number of agents".to_owned();
                    found.push(Obstacle::new("too-few-people", at, message, hint));
                }
            }
        }
        found
    }
}

/// Deals the people of a condition, conversation by conversation. Replicates in order cost least.
pub struct Dealer<'c> {
    condition: &'c Condition,
    decks: Vec<Option<Deck>>,
}

impl<'c> Dealer<'c> {
    /// Prepares the deal of a condition.
    pub fn new(condition: &'c Condition, seed: u64) -> Self {
        let deck = |role: usize| {
            let cast = condition.cast(role)?;
            let text = format!("{seed}\n{}\ndeal", cast.role.name);
            let order = match cast.role.deal {
                Deal::InOrder => Order::Fixed,
                Deal::Matched => Order::Drawn(text),
                Deal::Random => Order::Drawn(format!("{text}\n{}", condition.key)),
            };
            Some(Deck::new(order, cast.pool.len(), condition.agents[role] as usize))
        };
        Self { condition, decks: (0..condition.agents.len()).map(deck).collect() }
    }

    /// Deals a replicate (from 1): for each role its people in the order of its agents; none for a role without people.
    pub fn deal(&mut self, replicate: u32) -> Vec<Vec<&'c Arc<Member>>> {
        let mut taken: BTreeSet<&str> = BTreeSet::new();
        let mut all = Vec::new();
        for (role, deck) in self.decks.iter_mut().enumerate() {
            let mut dealt = Vec::new();
            if let (Some(deck), Some(cast)) = (deck, self.condition.cast(role)) {
                let places = deck.deal(replicate, |place| taken.insert(cast.at(place).folded.as_str()));
                dealt.extend(places.into_iter().map(|place| cast.at(place)));
            }
            all.push(dealt);
        }
        all
    }
}
