//! Numbers of conversations by condition: statuses, ends, turns, words, tokens and flags.

use super::columns::ENDS;
use super::layout::name_factors;
use super::rows::TableSource;
use super::tally::Tally;
use super::{ExportError, Of, Pages, condition, csv, places};
use crate::design::{Experiment, Flag, Named, Value};
use crate::store::{ConversationRecord, Status};
use serde_json::{Map, Value as Json, json};
use std::io::Write;

/// Numbers by condition.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// Factors of the conversations.
    pub factors: Vec<String>,
    /// Roles of the conversations.
    pub roles: Vec<String>,
    /// Factors that make the groups, in order.
    pub by: Vec<String>,
    /// The groups, in the order of the design.
    pub groups: Vec<Group>,
    /// All conversations.
    pub total: Group,
}

/// Numbers of the conversations with the same levels.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Group {
    /// Levels of the factors; a conversation may lack one.
    pub condition: Vec<Named<Value>>,
    /// Number of conversations.
    pub conversations: u64,
    /// Number of conversations with each status, in the order of [`Status::ALL`].
    pub statuses: Vec<u64>,
    /// Number of conversations that are done, by the way in which they ended. The last is unknown.
    pub ends: [u64; ENDS.len() + 1],
    /// Turns, words, tokens and flags.
    pub tally: Tally,
}

impl Group {
    fn new(condition: Vec<Named<Value>>) -> Self {
        let tally = Tally::new([].iter(), [].iter());
        Self { condition, statuses: vec![0; Status::ALL.len()], tally, ..Self::default() }
    }

    fn add_conversation(&mut self, status: Status, ended_by: Option<&str>) {
        self.conversations += 1;
        for (other, number) in Status::ALL.iter().zip(&mut self.statuses) {
            *number += u64::from(*other == status);
        }
        if status == Status::Done {
            let end = ENDS.iter().position(|end| Some(end.word()) == ended_by);
            self.ends[end.unwrap_or(ENDS.len())] += 1;
        }
    }

    /// Returns the number of conversations with a status.
    pub fn count_status(&self, status: Status) -> u64 {
        Status::ALL.iter().zip(&self.statuses).find(|(other, _)| **other == status).map_or(0, |(_, number)| *number)
    }

    /// Returns the ends with their numbers.
    pub fn ends(&self) -> impl Iterator<Item = (&'static str, u64)> {
        ENDS.iter().map(|end| end.word()).chain(["unknown"]).zip(self.ends)
    }

    /// Returns the flags with their numbers.
    pub fn flags(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Flag::ALL.iter().map(|flag| flag.word()).zip(self.tally.flags.iter().copied())
    }

    /// Returns the group as a JSON object.
    pub fn to_json(&self) -> Map<String, Json> {
        let statuses: Map<String, Json> =
            Status::ALL.iter().zip(&self.statuses).map(|(s, n)| (s.to_string(), Json::from(*n))).collect();
        let named = |(word, number): (&str, u64)| (word.to_owned(), Json::from(number));
        super::records::object(json!({
            "condition": condition(&self.condition),
            "conversations": self.conversations,
            "status": statuses,
            "ended_by": self.ends().map(named).collect::<Map<String, Json>>(),
            "turns": self.tally.turns,
            "words": self.tally.words,
            "prompt_tokens": self.tally.prompt_tokens.value(),
            "completion_tokens": self.tally.completion_tokens.value(),
            "flags": self.flags().map(named).collect::<Map<String, Json>>(),
        }))
    }
}

/// Counts conversations page by page. The source holds their rows. `by` names the factors; without one, all make the
/// groups.
pub async fn summarize(
    source: &TableSource<'_>,
    of: &Of,
    document: &Experiment,
    by: &[String],
) -> Result<Summary, ExportError> {
    let (mut pages, mut factors, mut roles) = (Pages::new(source.store, of), Vec::new(), Vec::new());
    let (mut groups, mut total): (Vec<Group>, Group) = (Vec::new(), Group::new(Vec::new()));
    loop {
        let page = pages.next().await?;
        if page.is_empty() {
            break;
        }
        for read in page.chunks(source.page()) {
            for read in source.read(read).await? {
                let (record, ended_by) = (&read.record, source.ended_by(&read));
                super::more_axes(&mut factors, record);
                super::more_roles(&mut roles, record);
                let levels = select_levels(record, by);
                let place = groups.iter().position(|group| group.condition == levels).unwrap_or(groups.len());
                if place == groups.len() {
                    groups.push(Group::new(levels));
                }
                for group in [&mut groups[place], &mut total] {
                    group.add_conversation(record.status, ended_by);
                    group.tally.add(read.log.iter(), read.calls.iter());
                }
            }
        }
    }
    groups.sort_by_cached_key(|group| places(document, &group.condition));
    let by = if by.is_empty() { factors.clone() } else { by.to_vec() };
    Ok(Summary { factors, roles, by, groups, total })
}

fn select_levels(record: &ConversationRecord, by: &[String]) -> Vec<Named<Value>> {
    if by.is_empty() {
        return record.condition.clone();
    }
    by.iter().filter_map(|name| record.condition.iter().find(|level| level.name == *name).cloned()).collect()
}

/// Writes the groups as `csv`, one row for each; the fields of an object are columns of their own. With `guard`, no cell
/// of text starts a formula.
pub fn write_csv(summary: &Summary, guard: bool, out: &mut dyn Write) -> Result<(), ExportError> {
    let empty = Group::new(Vec::new()).to_json();
    let plain: Vec<(String, Option<&str>)> = empty.iter().flat_map(|(name, value)| spread(name, value)).collect();
    let mut factors = summary.factors.clone();
    factors.extend(summary.by.iter().filter(|factor| !summary.factors.contains(factor)).cloned());
    let names = name_factors(&factors, &summary.roles);
    let place = |by: &String| factors.iter().position(|factor| factor == by);
    let header = summary.by.iter().filter_map(|by| names.get(place(by)?).cloned());
    let header = header.chain(plain.iter().map(|(name, key)| join(name, *key))).collect();
    out.write_all(&csv::line(header, guard)?)?;
    for group in &summary.groups {
        let row = group.to_json();
        let level = |factor: &String| row["condition"].get(factor).map(csv::print).unwrap_or_default();
        let cell = |(name, key): &(String, Option<&str>)| match key {
            Some(key) => csv::print(&row[name][*key]),
            None => csv::print(&row[name]),
        };
        let cells = summary.by.iter().map(level).chain(plain.iter().map(cell)).collect();
        out.write_all(&csv::line(cells, guard)?)?;
    }
    Ok(out.flush()?)
}

/// Returns the columns of a field: its name, and the key within an object.
fn spread<'a>(name: &str, value: &'a Json) -> Vec<(String, Option<&'a str>)> {
    match value {
        Json::Object(_) if name == "condition" => Vec::new(),
        Json::Object(fields) => fields.keys().map(|key| (name.to_owned(), Some(key.as_str()))).collect(),
        _ => vec![(name.to_owned(), None)],
    }
}

fn join(name: &str, key: Option<&str>) -> String {
    let family = if name == "flags" { "flag" } else { name };
    key.map_or_else(|| name.to_owned(), |key| format!("{family}_{key}"))
}
