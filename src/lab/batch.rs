//! A batch of conversations: the answers to the questions about it, and the words of the commands that store and run it.
//! Pure.
//!
//! Levels become levels of a factor, so that later batches hide no conversation. A batch widens a factor and never
//! narrows it: a batch of fewer levels selects them with `--only`.

use crate::design::effect::bad_level;
use crate::design::markdown::write_when;
use crate::design::{Experiment, Factor, ModelSpec, Named, Obstacle, Value, When};

/// Maximum number of levels in a typed range.
const MOST: i64 = 10_000;

/// A question about a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Conversations of each condition.
    More,
    /// Models to run.
    Models,
    /// Messages of a conversation.
    Messages,
    /// Days of a conversation.
    Days,
    /// Each number of days, or the largest only.
    EachDay,
    /// Agents of the role at this index.
    Agents(usize),
    /// Each combination of agents, or the largest only.
    EachCombination,
    /// The way in which speakers are chosen.
    Speakers,
    /// Levels of the factor at this index.
    Levels(usize),
}

/// The answers, which start with the experiment's own values.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// Conversations of each condition.
    pub more: u32,
    /// True for each model that is run.
    pub models: Vec<bool>,
    /// Messages of a conversation.
    pub messages: u32,
    /// Number of days of a conversation; if `each_day` is true, the largest number.
    pub days: u32,
    /// True if the run compares every number of days from 1 to `days`.
    pub each_day: bool,
    /// Number of agents of each role; if `each_combination` is true, the largest number.
    pub agents: Vec<u32>,
    /// True if the run compares every combination of numbers of agents, for each role from 1 to its number in `agents`.
    pub each_combination: bool,
    /// Word of the way in which speakers are chosen.
    pub speakers: String,
    /// Levels of each factor.
    pub levels: Vec<Vec<Value>>,
}

/// Way in which a run gets the wanted levels of a setting: as stored, by an edit, or by a flag.
#[derive(Debug, Clone, PartialEq)]
pub enum Placed {
    /// The experiment has exactly these.
    Same,
    /// The experiment has these and more, so the run selects them.
    Only,
    /// The experiment gets this one value.
    Set,
    /// A factor gets these levels; `only` is true if the run selects the wanted ones.
    Widen {
        /// All levels of the factor, which include those that it had.
        levels: Vec<Value>,
        /// True if the factor has more levels than the batch.
        only: bool,
    },
    /// A flag of the run; nothing is stored. `tied` is true if `[design]` names the factor.
    Flag {
        /// True if a zip or a cell names the factor.
        tied: bool,
    },
}

/// Decides the place of wanted levels. Of an experiment that is not the person's own (`mine`), nothing is stored.
pub fn place_levels(experiment: &Experiment, name: &str, wanted: &[Value], mine: bool) -> Placed {
    let factor = experiment.factors.iter().find(|factor| factor.name == name);
    let has = factor.map(|factor| factor.levels.as_slice()).unwrap_or_default();
    if factor.is_some() && wanted.iter().all(|level| has.contains(level)) {
        return if has.iter().all(|level| wanted.contains(level)) { Placed::Same } else { Placed::Only };
    }
    let design = &experiment.design;
    let celled = design.cells.iter().flat_map(|cell| &cell.levels).any(|level| level.name == name);
    let tied = celled || design.zip.iter().any(|zip| zip.factors.iter().any(|factor| factor == name));
    if tied || !mine {
        return Placed::Flag { tied };
    }
    if factor.is_none() && wanted.len() < 2 {
        return Placed::Set;
    }
    let mut levels = has.to_vec();
    levels.extend(wanted.iter().filter(|level| !has.contains(level)).cloned());
    if levels.iter().all(|level| as_number(level).is_some()) {
        levels.sort_by_key(as_number);
    }
    Placed::Widen { only: levels.len() > wanted.len(), levels }
}

/// The words of a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BatchWords {
    /// Flags of `edit` that store the answers.
    pub edit: Vec<String>,
    /// Flags of `run` after they are stored.
    pub run: Vec<String>,
    /// Flags of `plan` before they are stored.
    pub plan: Vec<String>,
    /// Settings with more levels that stay flags since `[design]` names them.
    pub tied: Vec<String>,
}

impl Batch {
    /// Returns the experiment's own values.
    pub fn new(experiment: &Experiment, more: u32) -> Self {
        Self {
            more,
            models: vec![true; experiment.models.len()],
            messages: experiment.protocol.messages,
            days: experiment.protocol.days,
            each_day: false,
            agents: experiment.roles.iter().map(|role| role.agents).collect(),
            each_combination: false,
            speakers: experiment.protocol.speakers.word().to_owned(),
            levels: experiment.factors.iter().map(|factor| factor.levels.clone()).collect(),
        }
    }

    /// Returns these answers for an experiment that was changed since: what was answered anew stays. Where the models,
    /// roles or factors are others, only the number of conversations stays.
    #[must_use]
    pub fn move_onto(&self, old: &Experiment, new: &Experiment) -> Self {
        let (before, mut moved) = (Self::new(old, self.more), Self::new(new, self.more));
        let lists = |of: &Experiment| {
            let names = of.models.iter().map(ModelSpec::name).chain(of.roles.iter().map(|role| role.name.as_str()));
            let all = names.chain(of.factors.iter().map(|factor| factor.name.as_str()));
            all.map(str::to_owned).collect::<Vec<_>>()
        };
        if lists(old) != lists(new) {
            return moved;
        }
        keep(&self.models, &before.models, &mut moved.models);
        keep(&self.messages, &before.messages, &mut moved.messages);
        keep(&self.days, &before.days, &mut moved.days);
        keep(&self.speakers, &before.speakers, &mut moved.speakers);
        (moved.each_day, moved.each_combination) = (self.each_day, self.each_combination);
        for (i, answer) in self.agents.iter().enumerate() {
            keep(answer, &before.agents[i], &mut moved.agents[i]);
        }
        for (i, answer) in self.levels.iter().enumerate() {
            keep(answer, &before.levels[i], &mut moved.levels[i]);
        }
        moved
    }

    /// Returns the questions, in order. Of a factor, its levels are asked.
    pub fn list_steps(&self, experiment: &Experiment) -> Vec<Step> {
        let levels_of = |name: &str| experiment.factors.iter().position(|f| f.name == name).map(Step::Levels);
        let mut steps = vec![Step::More];
        steps.extend(levels_of("model").or((experiment.models.len() > 1).then_some(Step::Models)));
        steps.push(levels_of("messages").unwrap_or(Step::Messages));
        steps.push(levels_of("days").unwrap_or(Step::Days));
        steps.extend((steps.contains(&Step::Days) && self.days > 1).then_some(Step::EachDay));
        let roles = 0..experiment.roles.len();
        steps.extend(roles.map(|i| levels_of(&agents_axis(experiment, i)).unwrap_or(Step::Agents(i))));
        let is_several = |step: &Step| matches!(step, Step::Agents(i) if self.agents[*i] > 1);
        steps.extend(steps.iter().any(is_several).then_some(Step::EachCombination));
        steps.push(levels_of("speakers").unwrap_or(Step::Speakers));
        steps
    }

    /// Returns the levels of each setting that the questions ask for, where they differ from the experiment.
    fn list_wanted(&self, experiment: &Experiment) -> Vec<Named<Vec<Value>>> {
        let (protocol, steps) = (&experiment.protocol, self.list_steps(experiment));
        let mut wanted = Vec::new();
        let mut count = |name: String, number: u32, now: u32, each: bool| {
            let is_range = each && number > 1;
            if is_range || number != now {
                let from = if is_range { 1 } else { number };
                wanted.push(Named::new(name, (from..=number).map(|n| Value::Int(n.into())).collect()));
            }
        };
        for step in &steps {
            match *step {
                Step::Messages => count("messages".to_owned(), self.messages, protocol.messages, false),
                Step::Days => count("days".to_owned(), self.days, protocol.days, self.each_day),
                Step::Agents(i) => {
                    let now = experiment.roles[i].agents;
                    count(agents_axis(experiment, i), self.agents[i], now, self.each_combination);
                }
                Step::More
                | Step::Models
                | Step::EachDay
                | Step::EachCombination
                | Step::Speakers
                | Step::Levels(_) => {}
            }
        }
        if steps.contains(&Step::Speakers) && self.speakers != protocol.speakers.word() {
            wanted.push(Named::new("speakers", vec![Value::Text(self.speakers.clone())]));
        }
        let factors = experiment.factors.iter().zip(&self.levels).enumerate();
        let asked = factors.filter(|(i, _)| steps.contains(&Step::Levels(*i)));
        wanted.extend(asked.map(|(_, (factor, levels))| Named::new(factor.name.clone(), levels.clone())));
        wanted
    }

    /// Returns the words of the commands that store and run the answers; `mine` is true if they may be stored.
    pub fn list_words(&self, experiment: &Experiment, mine: bool) -> BatchWords {
        let mut words = BatchWords::default();
        if self.models.contains(&false) {
            let ticked = experiment.models.iter().zip(&self.models).filter(|(_, ticked)| **ticked);
            words.run.extend(ticked.flat_map(|(model, _)| ["--model".to_owned(), ModelSpec::name(model).to_owned()]));
            words.plan.clone_from(&words.run);
        }
        let (mut only, mut only_planned) = (Vec::new(), Vec::new());
        for Named { name, value: wanted } in self.list_wanted(experiment) {
            let any = wanted.iter().map(ToString::to_string).collect();
            let when = When { factor: name.clone(), any };
            let placed = place_levels(experiment, &name, &wanted, mine);
            match &placed {
                Placed::Same => continue,
                Placed::Only => {
                    only.push(when.clone());
                    only_planned.push(when);
                    continue;
                }
                Placed::Set => words.edit.extend(set_flag(&name, &join_toml(&wanted), false)),
                Placed::Widen { levels, only: is_some } => {
                    words.edit.extend(set_flag(&name, &join_toml(levels), true));
                    only.extend(is_some.then_some(when));
                }
                Placed::Flag { tied } => {
                    words.run.extend(narrowing_flags(&name, &wanted));
                    words.tied.extend(tied.then(|| name.clone()));
                }
            }
            words.plan.extend(narrowing_flags(&name, &wanted));
        }
        words.run.extend(only_flag(&only));
        words.plan.extend(only_flag(&only_planned));
        words
    }
}

/// Keeps an answer that differs from the one before.
fn keep<T: PartialEq + Clone>(answer: &T, before: &T, moved: &mut T) {
    if answer != before {
        moved.clone_from(answer);
    }
}

/// Returns the name of the number of a role's agents.
pub fn agents_axis(experiment: &Experiment, role: usize) -> String {
    format!("agents.{}", experiment.roles[role].name)
}

/// Writes levels as a person types them: `1..3`, or with commas in between.
pub fn write_levels(levels: &[Value]) -> String {
    match find_range(levels) {
        Some((from, to)) if from < to => format!("{from}..{to}"),
        Some(_) | None => levels.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    }
}

/// Parses the levels of a factor that a batch runs: some of its levels, one other value, or a range of numbers.
///
/// # Errors
/// The reason why they cannot be run.
pub fn parse_levels(factor: &Factor, line: &str) -> Result<Vec<Value>, Obstacle> {
    let wrong = |right: String| Obstacle::usage(format!("`{line}` will not do"), format!("write {right}"));
    let mut levels: Vec<Value> = Vec::new();
    for word in line.split(',').map(str::trim).filter(|word| !word.is_empty()) {
        let known = factor.levels.iter().find(|level| level.is_written(word)).cloned();
        for level in parse_range(word).unwrap_or_else(|| vec![known.unwrap_or_else(|| Value::read(word))]) {
            if let Some(right) = bad_level(&factor.name, &level) {
                return Err(wrong(right));
            }
            if !levels.contains(&level) {
                levels.push(level);
            }
        }
    }
    let is_known = levels.iter().all(|level| factor.levels.contains(level));
    let has_ranges = factor.name == "days" || factor.name.starts_with("agents.");
    let own = write_levels(&factor.levels);
    match levels.as_slice() {
        [] => Err(wrong(format!("some of {own}"))),
        [_] => Ok(levels),
        _ if is_known || has_ranges && find_range(&levels).is_some() => Ok(levels),
        _ if has_ranges => Err(wrong(format!("some of {own}, one other, or a range as in 1..3"))),
        _ => Err(wrong(format!("some of {own}, or one other"))),
    }
}

/// Parses `A..B`, both ends included.
fn parse_range(word: &str) -> Option<Vec<Value>> {
    let (from, to) = word.split_once("..")?;
    let (from, to) = (from.trim().parse::<i64>().ok()?, to.trim().parse::<i64>().ok()?);
    (0 <= from && from <= to && to - from < MOST).then(|| (from..=to).map(Value::Int).collect())
}

fn as_number(level: &Value) -> Option<i64> {
    if let Value::Int(number) = level { Some(*number) } else { None }
}

/// Returns the ends of levels that are a range of whole numbers in order.
fn find_range(levels: &[Value]) -> Option<(i64, i64)> {
    let numbers = levels.iter().map(as_number).collect::<Option<Vec<i64>>>()?;
    let is_range = numbers.windows(2).all(|pair| pair[1] == pair[0] + 1);
    Some((*numbers.first()?, *numbers.last()?)).filter(|_| is_range)
}

/// Writes levels as TOML: one value, `{ from, to }`, or a list.
fn join_toml(levels: &[Value]) -> String {
    match (find_range(levels), levels) {
        (Some((from, to)), [_, _, ..]) => format!("{{ from = {from}, to = {to} }}"),
        (_, [one]) => one.to_string(),
        _ => {
            let quote = |level: &Value| match level {
                Value::Text(text) => toml::Value::from(text.as_str()).to_string(),
                Value::Bool(_) | Value::Int(_) | Value::Float(_) => level.to_string(),
            };
            format!("[{}]", levels.iter().map(quote).collect::<Vec<_>>().join(", "))
        }
    }
}

/// Returns the flag of `edit` that sets a key, or a factor of this name.
fn set_flag(name: &str, value: &str, is_factor: bool) -> [String; 2] {
    let is_plain = |part: &str| part.chars().all(|c| c.is_ascii_alphanumeric() || "-_ ".contains(c));
    let quote = |part: &str| {
        if is_plain(part) { part.to_owned() } else { toml::Value::from(part).to_string() }
    };
    let key = match name.split_once('.') {
        _ if is_factor => format!("factors.{}", quote(name)),
        Some((table, role)) => format!("{table}.{}", quote(role)),
        None => name.to_owned(),
    };
    ["--set".to_owned(), format!("{key}={value}")]
}

/// Returns the flags of `plan` and `run` that give a setting these levels.
fn narrowing_flags(name: &str, levels: &[Value]) -> Vec<String> {
    match name.strip_prefix("agents.") {
        Some(role) => vec!["--agents".to_owned(), format!("{role}={}", write_levels(levels))],
        None => vec![format!("--{name}"), write_levels(levels)],
    }
}

fn only_flag(only: &[When]) -> Option<String> {
    (!only.is_empty()).then(|| format!("--only={}", write_when(only)))
}

#[cfg(test)]
mod tests;
