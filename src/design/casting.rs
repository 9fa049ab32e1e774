//! People of a condition: the pool of each role, with its fragments merged in, and the deal of each conversation.

use super::condition::Condition;
use super::experiment::{Deal, Experiment, Role};
use super::person_file::PersonFile;
use super::problem::Obstacle;
use crate::people::merge::merge_facts;
use crate::people::name::fold_name;
use crate::people::render::render_person;
use crate::people::{Deck, Fault, Order, Person, Shape, Source};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Maximum number of paths in a message.
const MOST_NAMED: usize = 5;

/// The people of one role in one condition.
#[derive(Debug, Clone, PartialEq)]
pub struct Cast {
    /// The role with its keys in force, without its prompt.
    pub role: Role,
    /// The pool in the order of writing; no persona twice.
    pub pool: Vec<Arc<Member>>,
    /// Places in the pool, in the order of the personas' hashes.
    by_hash: Vec<usize>,
}

/// A person of a pool.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// The person, fragments included.
    pub person: Person,
    /// The section of the prompt.
    pub text: String,
    /// The form of the name in which names are compared.
    folded: String,
}

impl Cast {
    /// Builds the pool of a role from its files. `role` has the keys in force. Returns every reason why a source, a file
    /// or a fragment cannot be used; with such a reason the pool is empty.
    pub fn find(experiment: &Experiment, role: &Role) -> (Self, Vec<Obstacle>) {
        let maker = Maker { experiment, role };
        let mut wrong = Vec::new();
        let people = maker.find_files("people", &role.people, &mut wrong);
        let fragments = maker.find_files("fragments", &role.fragments, &mut wrong);
        let mut pool: Vec<Arc<Member>> = Vec::new();
        let mut hashes = BTreeSet::new();
        for file in people {
            match maker.merge_person(file, &fragments) {
                Ok(person) if hashes.insert(person.hash.clone()) => pool.push(Arc::new(Member::new(person))),
                Ok(_) => {}
                Err(obstacle) => wrong.extend(Some(obstacle).filter(|o| !wrong.contains(o))),
            }
        }
        if !wrong.is_empty() {
            pool.clear();
        }
        let mut by_hash: Vec<usize> = (0..pool.len()).collect();
        by_hash.sort_by(|a, b| pool[*a].person.hash.cmp(&pool[*b].person.hash));
        (Self { role: role.without_prompt(), pool, by_hash }, wrong)
    }

    /// Returns the mean size of a person's section, in bytes.
    pub fn mean_bytes(&self) -> u64 {
        let bytes: usize = self.pool.iter().map(|member| member.text.len()).sum();
        (bytes / self.pool.len().max(1)) as u64
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.pool.iter().map(|member| member.folded.as_str())
    }

    fn at(&self, place: usize) -> &Arc<Member> {
        match self.role.deal {
            Deal::InOrder => &self.pool[place],
            Deal::Matched | Deal::Random => &self.pool[self.by_hash[place]],
        }
    }
}

impl Member {
    fn new(person: Person) -> Self {
        Self { text: render_person(&person), folded: person.folded_name(), person }
    }
}

/// Makes the persons of one role.
struct Maker<'a> {
    experiment: &'a Experiment,
    role: &'a Role,
}

impl<'a> Maker<'a> {
    fn obstacle(&self, code: &'static str, key: &str, message: String, hint: &str) -> Obstacle {
        let at = format!("roles.{}.{key}", self.role.name);
        let is_factor = self.experiment.factors.iter().any(|factor| factor.name == at);
        Obstacle::new(code, if is_factor { format!("factors.{at}") } else { at }, message, hint.to_owned())
    }

    fn find_files(&self, key: &str, sources: &[Source], wrong: &mut Vec<Obstacle>) -> Vec<&'a PersonFile> {
        let (mut found, mut known) = (Vec::new(), BTreeSet::new());
        for source in sources {
            let of_source = self.experiment.people.iter().filter(|file| source.matches(&file.path));
            let files: Vec<&PersonFile> = of_source.take(source.first.map_or(usize::MAX, |n| n as usize)).collect();
            if files.is_empty() {
                let from = &source.from;
                let (message, hint) = if !source.is_path() {
                    let message =
                        format!("the population `{from}` has no people: `people/{from}/` holds no file of one");
                    (message, "write the files, or name files as in \"people/*.json\"")
                } else if source.is_pattern() {
                    (format!("`{from}` matches no file"), "`*` is any part of one name; `**` is any folders")
                } else {
                    (format!("there is no file `{from}`"), "paths begin at the experiment's folder")
                };
                wrong.push(self.obstacle("no-people", key, message, hint));
            }
            found.extend(files.into_iter().filter(|file| known.insert(file.path.as_str())));
        }
        found
    }

    fn merge_person(&self, file: &PersonFile, fragments: &[&PersonFile]) -> Result<Person, Obstacle> {
        let path = &file.path;
        let written = file.read().map_err(|fault| self.unusable(path, "people", &fault))?;
        if written.shape != Shape::Person {
            let message = format!("`{path}` is a fragment, not a person");
            return Err(self.obstacle("fragment-in-pool", "people", message, "name it under `fragments`"));
        }
        let mut persona = written.persona.clone();
        for fragment in fragments {
            let other = &fragment.path;
            let written = fragment.read().map_err(|fault| self.unusable(other, "fragments", &fault))?;
            let Shape::Fragment { replaces } = written.shape else {
                let message = format!("`{other}` is a person, not a fragment");
                return Err(self.obstacle("person-in-fragments", "fragments", message, "name it under `people`"));
            };
            let conflicts = merge_facts(&mut persona, &written.persona, replaces);
            if !conflicts.is_empty() {
                let message = format!("`{path}` and `{other}` differ in {}", list_some(&conflicts));
                let hint = "write \"on_conflict\": \"replace\" in the fragment, if its values are to win";
                return Err(self.obstacle("fragment-conflict", "fragments", message, hint));
            }
        }
        let person = Person::new(persona).map_err(|fault| self.unusable(path, "people", &fault))?;
        let folded = person.folded_name();
        match self.experiment.roles.iter().find(|role| fold_name(&role.name) == folded) {
            Some(_) => {
                let message = format!("`{path}`: `{}` is the name of a role", person.name);
                Err(self.obstacle("bad-person", "people", message, "give the person another name"))
            }
            None => Ok(person),
        }
    }

    fn unusable(&self, path: &str, key: &str, fault: &Fault) -> Obstacle {
        let hint = fault.hint.clone().unwrap_or_else(|| "`convoke check` shows the place".to_owned());
        self.obstacle("bad-person", key, format!("`{path}`: {}", fault.message), &hint)
    }
}

/// Lists at most five texts, and how many more there are.
pub(super) fn list_some(texts: &[impl AsRef<str>]) -> String {
    let named: Vec<String> = texts.iter().take(MOST_NAMED).map(|text| format!("`{}`", text.as_ref())).collect();
    let more = texts.len().saturating_sub(MOST_NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", named.join(", "))
}

impl Condition {
    /// Returns the people of a role; `None` if its agents are nobody in particular.
    pub fn cast(&self, role: usize) -> Option<&Cast> {
        self.casts.get(role).map(Arc::as_ref).filter(|cast| !cast.pool.is_empty())
    }

    /// Returns the hashes that the condition key includes for a role: those of the pool as a set, or under `in-order`
    /// those of the people who may be dealt, in order.
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
