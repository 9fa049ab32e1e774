//! People of a role: its pool, with its fragments merged in.

use super::experiment::{Deal, Experiment, Role};
use super::person_file::PersonFile;
use super::problem::Obstacle;
use crate::people::merge::merge_facts;
use crate::people::name::fold_name;
use crate::people::person::hash_persona;
use crate::people::render::render_person;
use crate::people::{Fault, Person, Shape, Source};
use std::collections::{BTreeMap, BTreeSet};
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
    /// Places in the pool, in the order of the hashes that the personas have without fragments.
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
    pub(super) folded: String,
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
        // Hashes of the personas without fragments, so that fragments move nobody.
        let mut bare: Vec<String> = Vec::new();
        let mut places: BTreeMap<String, usize> = BTreeMap::new();
        for file in people {
            match maker.merge_person(file, &fragments) {
                Ok((person, hash)) => {
                    if let Some(place) = places.get(&person.hash) {
                        bare[*place] = hash.min(bare[*place].clone());
                    } else {
                        places.insert(person.hash.clone(), pool.len());
                        pool.push(Arc::new(Member::new(person)));
                        bare.push(hash);
                    }
                }
                Err(obstacle) => wrong.extend(Some(obstacle).filter(|o| !wrong.contains(o))),
            }
        }
        if !wrong.is_empty() {
            pool.clear();
        }
        let mut by_hash: Vec<usize> = (0..pool.len()).collect();
        by_hash.sort_by(|a, b| bare[*a].cmp(&bare[*b]));
        (Self { role: role.without_prompt(), pool, by_hash }, wrong)
    }

    /// Returns the mean size of a person's section, in bytes.
    pub fn mean_bytes(&self) -> u64 {
        let bytes: usize = self.pool.iter().map(|member| member.text.len()).sum();
        (bytes / self.pool.len().max(1)) as u64
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.pool.iter().map(|member| member.folded.as_str())
    }

    /// Returns the member at a place of the order in which the pool is dealt.
    pub(super) fn at(&self, place: usize) -> &Arc<Member> {
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

    /// Returns a person with its fragments, and the hash that it has without them.
    fn merge_person(&self, file: &PersonFile, fragments: &[&PersonFile]) -> Result<(Person, String), Obstacle> {
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
            None => Ok((person, hash_persona(&written.persona))),
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
