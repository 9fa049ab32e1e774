//! Generation of people: the program draws values, a model writes the rest.
//!
//! Generation is an ordinary experiment, `people-NAME`: one role that writes, one that only reads, and a label `person` with one level for each
//! person. So a conversation is one person with a key of its own, and limits, retries, resume and exports are those of any
//! run. A person whose reply cannot be used has a further level, whose facts list the reason.

use super::error::LabError;
use super::planned::{Planned, build_planned};
use super::setup::{Lab, Servers};
use crate::design::check::check;
use crate::design::folder::Files;
use crate::design::{Experiment, Overrides, key};
use crate::people::fact::{Fact, Facts, find_fact, to_json};
use crate::people::json::read_json;
use crate::people::name::fold_name;
use crate::people::population::Population;
use crate::people::random::Draws;
use crate::people::sample::{Row, draw_people};
use crate::people::{Fault, Person};
use crate::process::Kind;
use crate::process::turn::read_object;
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Role that writes.
pub const WRITER: &str = "writer";
/// Label with one level for each person.
const LABEL: &str = "person";
/// Title of the section with a person's values.
const FACTS: &str = "Facts";
/// Requests for one person.
const MOST_ATTEMPTS: u32 = 4;
/// Letters with which many names begin.
const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPRSTVW";
/// Start of the comment that names the population.
const MARK: &str = "<!-- population ";

/// A request to generate people.
#[derive(Debug, Clone)]
pub struct Generation {
    /// Name of the population.
    pub name: String,
    /// The population; one that was described has no dimensions.
    pub population: Population,
    /// Texts that the writer reads, with their paths.
    pub context: Vec<(String, String)>,
    /// Model that writes.
    pub writer: String,
}

/// A request for one person, as its section has it.
#[derive(Debug, Clone, PartialEq)]
struct Level {
    /// Place of the person, from 1.
    index: usize,
    /// Number of the request, from 1.
    attempt: u32,
    /// Text of the section.
    text: String,
}

impl Level {
    fn word(&self) -> String {
        let again = if self.attempt > 1 { format!("-{}", self.attempt) } else { String::new() };
        format!("p{:03}{again}", self.index)
    }
}

/// A generation with all its requests so far.
#[derive(Debug, Clone)]
pub struct Requests {
    generation: Generation,
    levels: Vec<Level>,
    rows: Vec<Row>,
}

/// A written person.
#[derive(Debug, Clone)]
pub struct Born {
    /// Place, from 1.
    pub index: usize,
    /// The person.
    pub person: Person,
    /// Drawn values.
    pub values: Row,
    /// Id of the conversation in which the writer wrote it.
    pub conversation: String,
}

/// The written people, and those whose reply could not be used.
#[derive(Debug, Default)]
pub struct Births {
    /// People in order.
    pub born: Vec<Born>,
    /// Places with the reason, after the last request.
    pub failed: Vec<(usize, String)>,
    /// Number of people who are requested again.
    pub again: usize,
}

impl Generation {
    /// Name of the experiment that holds the requests.
    pub fn experiment(&self) -> String {
        format!("people-{}", self.name)
    }

    /// Hash of all that shapes a person but the number.
    pub fn hash(&self) -> String {
        let Population { number: _, seed, context: _, writer: _, brief, quota, dimensions } = &self.population;
        let text = format!("{seed}\n{quota}\n{brief:?}\n{:?}\n{dimensions:?}", self.context);
        key::sha256(text)[..16].to_owned()
    }

    fn level(&self, index: usize, row: &Row, again: Option<(u32, &str)>) -> Level {
        let mut draws = Draws::new(format!("{}\ninitials\n{index}", self.population.seed));
        let mut initial = || char::from(LETTERS[draws.draw_below(LETTERS.len() as u64) as usize]);
        let (first, second) = (initial(), initial());
        let facts: Facts = row.clone();
        let mut text = format!("Number: {index}\nInitials: {first}. {second}.\n\n{}", fence(&to_json(&facts)));
        if let Some((_, why)) = again {
            let _ = write!(text, "\n\nAn earlier reply could not be used: {why}");
        }
        Level { index, attempt: again.map_or(1, |(attempt, _)| attempt), text }
    }

    /// Returns the files of the experiment with these requests.
    fn files(&self, levels: &[Level]) -> Files {
        let quoted = |text: &str| Json::from(text).to_string();
        let words: Vec<String> = levels.iter().map(|level| quoted(&level.word())).collect();
        let toml = format!(
            "format = 1\nname = {}\nstarting_message = \"Write this person.\"\n\
             sections = [\"Task\", \"Brief\", \"Context\", \"{FACTS}\"]\nmodels = [{}]\n\n\
             [protocol]\nmessages = 2\ndays = 1\nagents = {{ {WRITER} = 1, reader = 1 }}\n\n\
             [roles.{WRITER}]\nplural = \"writers\"\npronouns = \"they/their\"\n\n\
             [roles.reader]\nplural = \"readers\"\npronouns = \"they/their\"\n\n\
             [factors]\n{LABEL} = [{}]\n\n[run]\nreplicates = 1\nseed = {}\n",
            quoted(&self.experiment()),
            quoted(&self.writer),
            words.join(", "),
            self.population.seed,
        );
        let mut role = format!("{MARK}{} -->\n\n## Task\n\n{TASK}\n", self.hash());
        if !self.population.brief.trim().is_empty() {
            let _ = write!(role, "\n## Brief\n\n{}\n", fence(&self.population.brief));
        }
        if !self.context.is_empty() {
            let texts: Vec<String> =
                self.context.iter().map(|(path, text)| format!("{}\n\n{}", plain(path), fence(text))).collect();
            let _ = write!(role, "\n## Context\n\n{}\n", texts.join("\n\n"));
        }
        for level in levels {
            let _ = write!(role, "\n## {FACTS} {{{LABEL}={}}}\n\n{}\n", level.word(), level.text);
        }
        let mut files = Files::new();
        files.insert("experiment.toml".to_owned(), toml.into_bytes());
        files.insert(format!("roles/{WRITER}.md"), role.into_bytes());
        // A conversation has two agents; this one never speaks.
        files.insert("roles/reader.md".to_owned(), b"You read what is written.\n".to_vec());
        files
    }
}

/// Instruction of the writer.
const TASK: &str = "You write one fictional person for a study. The brief describes all people of the study, and the facts \
are those of this one: they are fixed. Fill in the rest so that it fits them, is specific, and is not a stereotype.

Reply with one JSON object and nothing else. Its keys are \"name\" (first and last name, with the given initials), \
\"education\", \"occupation\" (an object with \"title\", \"organization\" and \"description\"), \"style\" (how the person \
speaks), \"personality\" (an object with \"traits\", a list of sentences), \"preferences\" (an object with \"interests\", \
\"likes\" and \"dislikes\", lists of texts), \"beliefs\", \"skills\", \"behaviors\" (lists of sentences) and \"bio\" (a short \
text). Leave the given facts out: they are added later.";

/// Encloses a text so that no heading, comment or tag is read in it.
fn fence(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let marks = "`".repeat(longest.max(2) + 1);
    format!("{marks}\n{}\n{marks}", plain(text.trim_end()))
}

/// Returns a text in which no tag is read.
fn plain(text: &str) -> String {
    text.replace('<', "\\<")
}

impl Requests {
    /// The files of the experiment, planned.
    ///
    /// # Errors
    /// The model is not known, or the experiment is wrong otherwise.
    pub fn plan(&self, offline: bool, (servers, creator): (&Servers, &str)) -> Result<Planned, LabError> {
        let checked = check(&self.generation.files(&self.levels), &servers.known_servers());
        let overrides = Overrides { offline, ..Overrides::default() };
        build_planned(&self.generation.experiment(), checked, None, overrides, (servers, creator))
    }

    /// Requests a person again, for a reason.
    fn request_again(&mut self, index: usize, attempt: u32, why: &str) {
        let Some(row) = self.rows.get(index - 1) else { return };
        let level = self.generation.level(index, row, Some((attempt, &plain(why))));
        if !self.levels.iter().any(|known| known.word() == level.word()) {
            self.levels.push(level);
        }
    }
}

impl Lab {
    /// Returns the requests of a generation: those of before, with the values that were drawn then, and the new ones.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn generation_requests(&self, generation: Generation) -> Result<Requests, LabError> {
        let stored = self.store.experiment(&self.who.creator, &generation.experiment()).await?;
        let mut levels = match &stored {
            Some(record) => stored_levels(&self.load_document(record).await?, &generation),
            None => Vec::new(),
        };
        let known: Vec<Row> = (1..)
            .map_while(|index| levels.iter().find(|level| level.index == index))
            .map_while(|level| read_row(&level.text))
            .collect();
        let rows = draw_people(&generation.population, &known);
        for (place, row) in rows.iter().enumerate().skip(known.len()) {
            levels.push(generation.level(place + 1, row, None));
        }
        levels.sort_by_key(|level| (level.index, level.attempt));
        Ok(Requests { generation, levels, rows })
    }

    /// Reads the people that the writer wrote, in their order. A name that somebody before has, and a reply that is no
    /// person, lead to a further request.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn read_births(&self, requests: &mut Requests, planned: &Planned) -> Result<Births, LabError> {
        let Some(record) = self.record_of(planned).await? else { return Ok(Births::default()) };
        let ids: Vec<String> =
            planned.plan.cells().iter().map(|cell| key::conversation_id(&record.id, &cell.key)).collect();
        let mut replies: BTreeMap<String, (String, String)> = BTreeMap::new();
        for ((cell, id), log) in planned.plan.cells().iter().zip(&ids).zip(self.store.logs(&ids).await?) {
            let levels = &planned.plan.conditions[cell.condition].levels;
            let level = levels.iter().find(|level| level.name == LABEL).map(|level| level.value.to_string());
            let raw = log.iter().rev().find(|entry| entry.kind == Kind::Speech).and_then(|entry| entry.raw.clone());
            replies.extend(level.zip(raw).map(|(level, raw)| (level, (id.clone(), raw))));
        }
        let (mut births, mut names) = (Births::default(), Vec::<String>::new());
        for (place, row) in requests.rows.clone().iter().enumerate() {
            let index = place + 1;
            let last = requests.levels.iter().filter(|level| level.index == index).max_by_key(|level| level.attempt);
            let Some(level) = last.cloned() else { continue };
            let Some((conversation, raw)) = replies.get(&level.word()) else { continue };
            match read_reply(raw, row).and_then(|person| refuse_taken(person, &names)) {
                Ok(person) => {
                    names.push(person.name.clone());
                    let (values, conversation) = (row.clone(), conversation.clone());
                    births.born.push(Born { index, person, values, conversation });
                }
                Err(Fault { message, .. }) if level.attempt < MOST_ATTEMPTS => {
                    requests.request_again(index, level.attempt + 1, &message);
                    births.again += 1;
                }
                Err(Fault { message, .. }) => births.failed.push((index, message)),
            }
        }
        requests.levels.sort_by_key(|level| (level.index, level.attempt));
        Ok(births)
    }
}

/// Returns the requests that an experiment of this population holds.
fn stored_levels(document: &Experiment, generation: &Generation) -> Vec<Level> {
    let Some(role) = document.roles.iter().find(|role| role.name == WRITER) else { return Vec::new() };
    if !role.prompt.start.contains(&format!("{MARK}{} -->", generation.hash())) {
        return Vec::new();
    }
    let level = |section: &crate::design::Section| {
        let word = section.when.iter().find(|when| when.factor == LABEL)?.any.first()?;
        let (index, attempt) =
            word.trim_start_matches('p').split_once('-').unwrap_or((word.trim_start_matches('p'), "1"));
        Some(Level { index: index.parse().ok()?, attempt: attempt.parse().ok()?, text: section.text.trim().to_owned() })
    };
    role.prompt.sections.iter().filter(|section| section.title == FACTS).filter_map(level).collect()
}

/// Returns the values in the text of a section.
fn read_row(text: &str) -> Option<Row> {
    let line = text.lines().find(|line| line.starts_with('{'))?;
    read_json(&line.replace("\\<", "<")).ok()
}

/// Reads a person: the name, the drawn values, then what the writer wrote.
fn read_reply(raw: &str, row: &Row) -> Result<Person, Fault> {
    let fault = |message: String| Fault::new(0..0, message);
    let fields = read_object(raw).map_err(fault)?;
    let text = Json::Object(fields).to_string();
    let written = read_json(&text)?;
    let is_drawn = |key: &str| row.iter().any(|(name, _)| fold_name(name) == fold_name(key));
    let name = find_fact(&written, "name").cloned().ok_or_else(|| fault("it has no `name`".to_owned()))?;
    let mut persona: Facts = vec![("name".to_owned(), name)];
    persona.extend(row.iter().cloned());
    persona.extend(written.into_iter().filter(|(key, fact)| key != "name" && !is_drawn(key) && *fact != Fact::Null));
    Person::new(persona)
}

/// Refuses a name that somebody before has, with the names that begin alike.
fn refuse_taken(person: Person, names: &[String]) -> Result<Person, Fault> {
    let folded = person.folded_name();
    if !names.iter().any(|name| fold_name(name) == folded) {
        return Ok(person);
    }
    let first = folded.chars().next();
    let alike = names.iter().filter(|name| fold_name(name).chars().next() == first);
    let list: Vec<&str> = alike.map(String::as_str).collect();
    Err(Fault::new(0..0, format!("the name {} is taken. Taken names: {}", person.name, list.join(", "))))
}

impl Born {
    /// Returns the file of the person.
    pub fn file(&self, population: &str) -> String {
        let read = |facts: &Facts| serde_json::from_str(&to_json(facts)).unwrap_or(Json::Null);
        let Self { index, person, values, conversation } = self;
        let mut file = Map::new();
        file.insert("type".to_owned(), json!("TinyPerson"));
        file.insert("persona".to_owned(), read(&person.persona));
        let from = json!({
            "population": population, "index": index, "values": read(values), "call": conversation,
        });
        file.insert("from".to_owned(), from);
        // Texts and numbers always serialise.
        format!("{}\n", serde_json::to_string_pretty(&Json::Object(file)).unwrap_or_default())
    }
}
