//! Perception: who perceives an entry follows from the log alone, since the opening says who starts where and who hears
//! whom.

use super::lines::is_whisper;
use crate::design::world::Hearing;
use crate::process::log::{Entry, Kind};
use crate::process::turn::data;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Data of the first opening.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beginning {
    /// Rule by which a speech is heard.
    pub hearing: Hearing,
    /// True if moves take effect when the step ends.
    pub moves_at_the_end: bool,
    /// Agents in speaking order, each with the place where it starts.
    pub agents: Vec<Start>,
    /// Links, under that rule.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<Heard>,
}

/// An agent at the beginning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// Its name.
    pub name: String,
    /// Its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
}

/// A link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heard {
    /// Name of the one who is heard.
    pub from: String,
    /// Name of the one who hears.
    pub to: String,
}

/// Positions and links of agents, as the log tells them.
#[derive(Debug, Clone)]
pub struct Ears {
    hearing: Hearing,
    moves_at_the_end: bool,
    names: Vec<String>,
    places: BTreeMap<String, usize>,
    /// Place of each agent.
    at: Vec<Option<String>>,
    /// Agents in each place.
    inside: BTreeMap<String, BTreeSet<usize>>,
    /// Moves that take effect when the step ends.
    moving: Vec<(usize, String)>,
    /// Hearers of each agent, by links.
    linked: Vec<Vec<usize>>,
    /// Day and step of the last entry.
    step: (u32, u32),
}

impl Ears {
    /// Reads the opening of the first day; `None` in a conversation.
    pub fn of_opening(opening: &Entry) -> Option<Self> {
        let data = data::data(opening)?;
        let beginning: Beginning = serde_json::from_value(data.clone().into()).ok()?;
        let Beginning { hearing, moves_at_the_end, agents, links } = beginning;
        let places: BTreeMap<String, usize> = agents.iter().enumerate().map(|(i, a)| (a.name.clone(), i)).collect();
        let mut linked = vec![Vec::new(); agents.len()];
        for Heard { from, to } in &links {
            if let (Some(from), Some(to)) = (places.get(from), places.get(to)) {
                linked[*from].push(*to);
            }
        }
        let (names, at): (Vec<String>, Vec<Option<String>>) = agents.into_iter().map(|a| (a.name, a.place)).unzip();
        let mut inside: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
        for (agent, place) in at.iter().enumerate() {
            if let Some(place) = place {
                inside.entry(place.clone()).or_default().insert(agent);
            }
        }
        let moving = Vec::new();
        Some(Self { hearing, moves_at_the_end, names, places, at, inside, moving, linked, step: (opening.day, 0) })
    }

    /// Returns the place of an agent.
    pub fn place_of(&self, agent: usize) -> Option<&str> {
        self.at.get(agent)?.as_deref()
    }

    /// Returns the index of an agent.
    pub fn agent(&self, name: &str) -> Option<usize> {
        self.places.get(name).copied()
    }

    /// Returns the number of agents in a place, moves of this step included.
    pub fn count_inside(&self, place: &str) -> usize {
        let now = self.inside.get(place).map_or(0, BTreeSet::len);
        let comes = self.moving.iter().filter(|(_, to)| to == place).count();
        let goes = self.moving.iter().filter(|(agent, _)| self.place_of(*agent) == Some(place)).count();
        (now + comes).saturating_sub(goes)
    }

    /// Returns the agents within hearing of an agent, in agent order.
    pub fn within_hearing(&self, agent: usize) -> Vec<usize> {
        match self.hearing {
            Hearing::Everyone => (0..self.names.len()).filter(|other| *other != agent).collect(),
            Hearing::Links => self.linked.get(agent).cloned().unwrap_or_default(),
            Hearing::Place => self.others_in(self.place_of(agent), agent),
        }
    }

    /// Returns the other agents in the same place, in agent order.
    pub fn others_in(&self, place: Option<&str>, agent: usize) -> Vec<usize> {
        let inside = place.and_then(|place| self.inside.get(place));
        inside.into_iter().flatten().copied().filter(|other| *other != agent).collect()
    }

    /// Takes the next entry, and returns the agents that perceive it, in agent order, without the one whose it is.
    /// Returns `None` for an entry that is private.
    pub fn perceive(&mut self, entry: &Entry) -> Option<Vec<usize>> {
        self.begin_step_of(entry);
        let speaker = self.agent(&entry.speaker);
        match entry.kind {
            Kind::Opening => Some((0..self.names.len()).collect()),
            Kind::Speech if is_whisper(entry) => {
                Some(entry.field("to").and_then(|to| self.agent(to)).into_iter().collect())
            }
            Kind::Action if entry.content.is_empty() => None,
            Kind::Speech | Kind::Action => Some(self.within_hearing(speaker?)),
            Kind::Move => self.go(entry, speaker?),
            Kind::Selection
            | Kind::Summary
            | Kind::Rejected
            | Kind::Question
            | Kind::Answer
            | Kind::Turn
            | Kind::Thought
            | Kind::State => None,
        }
    }

    fn begin_step_of(&mut self, entry: &Entry) {
        if (entry.day, entry.index) != self.step {
            self.settle();
            self.step = (entry.day, entry.index);
        }
    }

    fn go(&mut self, entry: &Entry, agent: usize) -> Option<Vec<usize>> {
        let to = data::data(entry)?.get("place")?.as_str()?.to_owned();
        let seen: BTreeSet<usize> = match self.hearing {
            Hearing::Place => {
                let here = self.others_in(self.place_of(agent), agent);
                here.into_iter().chain(self.others_in(Some(&to), agent)).collect()
            }
            Hearing::Links | Hearing::Everyone => self.within_hearing(agent).into_iter().collect(),
        };
        self.moving.push((agent, to));
        if !self.moves_at_the_end {
            self.settle();
        }
        Some(seen.into_iter().collect())
    }

    /// Lets the moves take effect.
    pub fn settle(&mut self) {
        for (agent, to) in std::mem::take(&mut self.moving) {
            if let Some(from) = self.at.get_mut(agent).and_then(|at| at.replace(to.clone())) {
                self.inside.entry(from).or_default().remove(&agent);
            }
            self.inside.entry(to).or_default().insert(agent);
        }
    }
}

/// Returns the names of those who perceive each entry of a log: `None` for private entries, and for all entries of a
/// conversation.
pub fn find_perceivers(log: &[Entry]) -> Vec<Option<Vec<String>>> {
    let Some(mut ears) = log.first().and_then(Ears::of_opening) else { return vec![None; log.len()] };
    let names = |ears: &Ears, who: Vec<usize>| who.into_iter().map(|agent| ears.names[agent].clone()).collect();
    log.iter()
        .map(|entry| {
            let who = ears.perceive(entry)?;
            Some(names(&ears, who))
        })
        .collect()
}
