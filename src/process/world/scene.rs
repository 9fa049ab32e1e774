//! A world in one conversation: who starts where, who hears whom, who acts when.

use super::ears::{Beginning, Heard, Start};
use super::links::{draw_links, place_links};
use crate::design::world::{Clock, Hearing, Link, Order, Place, World, read_links};
use crate::design::{Experiment, Named};
use crate::people::name::fold_name;
use crate::process::random::Stream;
use std::fmt::Write as _;

/// Number of agents up to which a prompt names everybody.
const MOST_NAMED: usize = 20;

/// Facts of one agent that the world needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// Its name.
    pub name: String,
    /// Its role.
    pub role: String,
    /// Text that others may know; empty for none.
    pub public: String,
    /// Place that its person names.
    pub place: Option<String>,
}

/// A world in one conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct Scene {
    /// Number of steps of a day.
    pub steps: u32,
    /// The clock.
    pub clock: Option<Clock>,
    /// Number of quiet steps that end a day; `None` for never.
    pub quiet: Option<u32>,
    /// Places in order.
    pub places: Vec<Place>,
    /// Agents in speaking order.
    pub figures: Vec<Figure>,
    order: Order,
    hearing: Hearing,
    start: Vec<Named<String>>,
    /// Hearers of each agent, by links.
    linked: Vec<Vec<usize>>,
    relations: Vec<Link>,
}

/// Returns true if a list of persons and roles holds an agent.
pub fn is_named(who: &[String], name: &str, role: &str) -> bool {
    who.iter().any(|one| fold_name(one) == fold_name(name) || one == role)
}

impl Scene {
    /// Makes a world concrete for the agents of one conversation.
    pub fn new(experiment: &Experiment, world: &World, figures: Vec<Figure>, (seed, replicate): (u64, u32)) -> Self {
        let hearing = world.hearing();
        let names: Vec<&str> = figures.iter().map(|figure| figure.name.as_str()).collect();
        let links = world.links.as_ref().filter(|_| hearing == Hearing::Links);
        let file = links.and_then(|links| links.file.as_ref());
        let text = file.and_then(|path| experiment.files.iter().find(|file| file.path == *path)?.text.as_deref());
        // Mistakes in the file were found by the check.
        let relations = text.and_then(|text| read_links(text).ok()).unwrap_or_default();
        let linked = match (links, file) {
            (Some(_), Some(_)) => place_links(&relations, &names),
            (Some(links), None) => draw_links(links, figures.len(), seed, replicate),
            (None, _) => Vec::new(),
        };
        Self {
            steps: world.steps,
            clock: world.clock.clone(),
            quiet: world.quiet(),
            places: world.places.clone(),
            order: world.order.clone(),
            hearing,
            start: world.start.clone(),
            figures,
            linked,
            relations,
        }
    }

    /// Returns true if an agent may enter a place.
    pub fn may_enter(&self, agent: usize, place: &Place) -> bool {
        let figure = &self.figures[agent];
        place.who.is_empty() || is_named(&place.who, &figure.name, &figure.role)
    }

    /// Returns the place where an agent starts: that of its name in `start`, else its person's own, else that of its role,
    /// else the first that it may enter.
    pub fn start_of(&self, agent: usize) -> Option<&str> {
        let figure = &self.figures[agent];
        let of_name =
            self.start.iter().find(|one| fold_name(&one.name) == fold_name(&figure.name)).map(|one| &one.value);
        let of_role = || self.start.iter().find(|one| one.name == figure.role).map(|one| &one.value);
        let named = of_name.or(figure.place.as_ref()).or_else(of_role);
        let known = |name: &String| self.places.iter().find(|place| fold_name(&place.name) == fold_name(name));
        let first = || self.places.iter().find(|place| self.may_enter(agent, place));
        named.and_then(known).or_else(first).map(|place| place.name.as_str())
    }

    /// Returns the data of the first opening.
    pub fn beginning(&self) -> Beginning {
        let name = |agent: usize| self.figures[agent].name.clone();
        let start = |agent: usize| Start { name: name(agent), place: self.start_of(agent).map(str::to_owned) };
        let of = |(from, to): (usize, &Vec<usize>)| to.iter().map(move |to| (from, *to)).collect::<Vec<_>>();
        let links = self.linked.iter().enumerate().flat_map(of);
        Beginning {
            hearing: self.hearing,
            moves_at_the_end: self.order.moves_at_the_end(),
            agents: (0..self.figures.len()).map(start).collect(),
            links: links.map(|(from, to)| Heard { from: name(from), to: name(to) }).collect(),
        }
    }

    /// Returns the groups of a step, which act one after another; the agents of a group act at once.
    pub fn groups(&self, key: &str, day: u32, step: u32) -> Vec<Vec<usize>> {
        let drawn = |of: Vec<usize>| draw_order(of, Stream::new(key, day, "order", step));
        let all: Vec<usize> = (0..self.figures.len()).collect();
        match &self.order {
            Order::Together => vec![drawn(all)],
            Order::InTurn => all.into_iter().map(|agent| vec![agent]).collect(),
            Order::Shuffled => drawn(all).into_iter().map(|agent| vec![agent]).collect(),
            Order::Lists(lists) => {
                let plays = |roles: &[String], agent: &usize| roles.contains(&self.figures[*agent].role);
                lists
                    .iter()
                    .map(|list| drawn(all.iter().copied().filter(|a| plays(&list.roles, a)).collect()))
                    .collect()
            }
        }
    }

    /// Returns true if a line has the date or the day: the world lasts longer than one.
    pub fn has_dates(&self, days: u32) -> bool {
        let Some(clock) = &self.clock else { return days > 1 };
        let date = |time: Option<jiff::civil::DateTime>| time.map(jiff::civil::DateTime::date);
        days > 1 || date(clock.time(1, 1)) != date(clock.time(1, self.steps))
    }

    /// Returns what an agent knows of the world from the beginning: places, and who else there is.
    pub fn describe(&self, agent: usize) -> String {
        let mut text = String::new();
        let open = self.places.iter().filter(|place| self.may_enter(agent, place));
        for (i, place) in open.enumerate() {
            text.push_str(if i == 0 { "## Places\n" } else { "\n" });
            let _ = write!(text, "- {}", place.name);
            if !place.text.trim().is_empty() {
                let _ = write!(text, ": {}", one_line(&place.text));
            }
        }
        let others = self.known_to(agent);
        for (i, other) in others.iter().enumerate() {
            if i == 0 {
                text.push_str(if text.is_empty() { "## Others\n" } else { "\n\n## Others\n" });
            } else {
                text.push('\n');
            }
            let figure = &self.figures[*other];
            let _ = write!(text, "- {} ({})", figure.name, figure.role);
            let relation = self.relation(agent, *other);
            let known = [relation, Some(figure.public.as_str()).filter(|text| !text.is_empty())];
            let known: Vec<String> = known.into_iter().flatten().map(one_line).collect();
            if !known.is_empty() {
                let _ = write!(text, ": {}", known.join("; "));
            }
        }
        text
    }

    /// Returns those whom an agent knows of: everybody in a small world, under links those who are linked, else nobody.
    fn known_to(&self, agent: usize) -> Vec<usize> {
        let number = self.figures.len();
        match self.hearing {
            Hearing::Links => {
                let hears = |other: &usize| self.linked[agent].contains(other) || self.linked[*other].contains(&agent);
                (0..number).filter(|other| *other != agent).filter(hears).collect()
            }
            Hearing::Place | Hearing::Everyone if number <= MOST_NAMED => {
                (0..number).filter(|other| *other != agent).collect()
            }
            Hearing::Place | Hearing::Everyone => Vec::new(),
        }
    }

    fn relation(&self, agent: usize, other: usize) -> Option<&str> {
        let same = |name: &str, agent: usize| fold_name(name) == fold_name(&self.figures[agent].name);
        let is_it = |link: &&Link| {
            same(&link.from, agent) && same(&link.to, other)
                || link.both && same(&link.from, other) && same(&link.to, agent)
        };
        self.relations.iter().find(is_it).map(|link| link.relation.as_str()).filter(|text| !text.is_empty())
    }
}

fn draw_order(mut left: Vec<usize>, mut stream: Stream) -> Vec<usize> {
    let mut order = Vec::with_capacity(left.len());
    while !left.is_empty() {
        order.push(left.swap_remove(stream.below(left.len() as u64) as usize));
    }
    order
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
