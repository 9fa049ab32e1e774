//! The plan: factors × levels × replicates, expanded and frozen.
//!
//! Conversations are named by what they are ([`super::key`]), never by their place here, so that resuming is a set
//! difference. The order is as written, the first axis slowest; replicate 1 of every condition comes first.

use super::axis::{self, Axis};
use super::experiment::*;
use super::key;
use super::protocol::{PARAMETERS, labels_of, role_of, speakers_of};
use super::value::{Named, Value, named};
use std::collections::BTreeMap;

/// The model that replaces every other with `--offline`.
pub const SCRIPTED: &str = "scripted";

/// What flags narrow or override.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Overrides {
    /// `--model`: names or ids, in place of the levels of that axis.
    pub models: Vec<String>,
    /// `--days`, `--agents`, `--messages`, `--speakers`, `--set`: what is set, and to which levels.
    pub set: Vec<Named<Vec<Value>>>,
    /// `--set stop_phrases=[…]`.
    pub stop_phrases: Option<Vec<String>>,
    /// `--replicates`.
    pub replicates: Option<u32>,
    /// `--seed`.
    pub seed: Option<u64>,
    /// `--only`: a condition stays if any of these holds.
    pub only: Vec<Expression>,
    /// `--limit`: so many conversations.
    pub limit: Option<usize>,
    /// `--offline`.
    pub offline: bool,
}

/// A plan: every condition, and how often each is repeated.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Conditions in order, excluded ones left out.
    pub conditions: Vec<Condition>,
    /// Conversations per condition.
    pub replicates: u32,
    /// The seed of everything random.
    pub seed: u64,
}

/// One combination of levels, and what it comes to.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// The level of each axis; `model` always among them.
    pub levels: Vec<Named<Value>>,
    /// SHA-256 of what it is made from, in hex.
    pub key: String,
    /// The protocol in force.
    pub protocol: Protocol,
    /// The starting message before substitution.
    pub starting_message: String,
    /// Agents per role.
    pub agents: Vec<u32>,
    /// Models per role, one for each agent.
    pub models: Vec<Vec<ModelSpec>>,
    /// The selector's model, where speakers are chosen by one.
    pub selector: Option<ModelSpec>,
    /// The summariser's model, where days are summarised.
    pub summarizer: Option<ModelSpec>,
}

/// One conversation of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// Which condition, by its place in the plan.
    pub condition: usize,
    /// From 1.
    pub replicate: u32,
    /// SHA-256 of condition key, seed and replicate, in hex.
    pub key: String,
}

/// Something that keeps an experiment from being planned: where in `experiment.toml` by dotted path, what, and the
/// remedy. `usage` = a flag is at fault, not the experiment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    /// A stable word.
    pub code: &'static str,
    /// Dotted path.
    pub at: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
    /// Whether a flag is at fault.
    pub usage: bool,
}

impl Obstacle {
    /// An obstacle in the experiment.
    pub fn new(code: &'static str, at: impl Into<String>, message: String, hint: impl Into<Option<String>>) -> Self {
        Self { code, at: at.into(), message, hint: hint.into(), usage: false }
    }

    /// An obstacle in a flag.
    pub fn usage(message: String, hint: impl Into<Option<String>>) -> Self {
        Self { code: "usage", at: String::new(), message, hint: hint.into(), usage: true }
    }
}

impl Plan {
    /// Expands an experiment under overrides. Everything that stands in the way is told at once.
    pub fn new(experiment: &Experiment, overrides: &Overrides) -> Result<Self, Vec<Obstacle>> {
        let axes = axis::axes(experiment, overrides)?;
        let mut obstacles = Vec::new();
        let mut conditions = Vec::new();
        for levels in axis::combinations(&axes) {
            let levels = in_order(experiment, &axes, levels);
            let mut condition = match resolve(experiment, overrides, levels) {
                Ok(condition) => condition,
                Err(found) => {
                    obstacles.extend(found);
                    continue;
                }
            };
            if experiment.design.exclude.iter().any(|e| condition.holds(experiment, e)) {
                continue;
            }
            obstacles.extend(condition.obstacles(experiment));
            condition.key = key::condition(experiment, &condition);
            conditions.push(condition);
        }
        obstacles.extend(same_keys(&conditions));
        obstacles.dedup();
        if conditions.is_empty() && obstacles.is_empty() {
            let message = "no condition is left: `exclude` leaves out every one".to_owned();
            obstacles.push(Obstacle::new("no-condition", "design.exclude", message, None));
        }
        if !obstacles.is_empty() {
            return Err(obstacles);
        }
        let replicates = overrides.replicates.unwrap_or(experiment.run.replicates);
        Ok(Self { conditions, replicates, seed: overrides.seed.unwrap_or(experiment.run.seed) })
    }

    /// Every conversation, replicate 1 of every condition first.
    pub fn cells(&self) -> Vec<Cell> {
        (1..=self.replicates)
            .flat_map(|replicate| (0..self.conditions.len()).map(move |condition| (condition, replicate)))
            .map(|(condition, replicate)| Cell {
                condition,
                replicate,
                key: key::conversation(&self.conditions[condition].key, self.seed, replicate),
            })
            .collect()
    }

    /// The conversations that `--only` and `--limit` leave. An error when they leave none, or name what is not there.
    pub fn selected(&self, experiment: &Experiment, overrides: &Overrides) -> Result<Vec<Cell>, Obstacle> {
        for when in overrides.only.iter().flat_map(|e| &e.all) {
            self.check_only(experiment, when)?;
        }
        let wanted = |c: &Cell| {
            let condition = &self.conditions[c.condition];
            overrides.only.is_empty() || overrides.only.iter().any(|e| condition.holds(experiment, e))
        };
        let cells: Vec<Cell> =
            self.cells().into_iter().filter(wanted).take(overrides.limit.unwrap_or(usize::MAX)).collect();
        if cells.is_empty() {
            let hint = "`convoke plan` lists the conditions".to_owned();
            return Err(Obstacle::usage("`--only` and `--limit` leave no conversation".to_owned(), hint));
        }
        Ok(cells)
    }

    fn check_only(&self, experiment: &Experiment, when: &When) -> Result<(), Obstacle> {
        let values: Vec<Value> = self.conditions.iter().filter_map(|c| c.value(experiment, &when.factor)).collect();
        if values.is_empty() {
            let known = self.conditions.iter().flat_map(|c| &c.levels).map(|l| l.name.as_str());
            let hint = super::problem::did_you_mean(&when.factor, known);
            return Err(Obstacle::usage(format!("`--only {}=…`: there is no such factor", when.factor), hint));
        }
        for word in when.any.iter().filter(|w| !values.iter().any(|v| v.is_written(w))) {
            let texts: Vec<String> = values.iter().map(ToString::to_string).collect();
            let hint = super::problem::did_you_mean(word, texts.iter().map(String::as_str));
            return Err(Obstacle::usage(format!("`--only {}={word}`: no condition has that level", when.factor), hint));
        }
        Ok(())
    }
}

/// Levels in the order of writing: `model` first where it is no factor.
fn in_order(experiment: &Experiment, axes: &[Axis], levels: BTreeMap<String, Value>) -> Vec<Named<Value>> {
    let written = experiment.factors.iter().map(|f| f.name.as_str());
    let added = axes.iter().flat_map(|a| a.factors.iter().map(String::as_str));
    let implicit = (!experiment.factors.iter().any(|f| f.name == "model")).then_some("model");
    let mut names: Vec<&str> = Vec::new();
    for name in implicit.into_iter().chain(written).chain(added) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.into_iter().filter_map(|n| levels.get(n).map(|v| Named::new(n, v.clone()))).collect()
}

/// What a combination of levels comes to.
fn resolve(
    experiment: &Experiment,
    overrides: &Overrides,
    levels: Vec<Named<Value>>,
) -> Result<Condition, Vec<Obstacle>> {
    let fixed = overrides.set.iter().filter(|s| s.value.len() == 1).map(|s| (s.name.as_str(), &s.value[0]));
    let is_axis = |name: &str| levels.iter().any(|l| l.name == name);
    let mut settings: Vec<(&str, &Value)> = fixed.filter(|(name, _)| !is_axis(name)).collect();
    settings.extend(levels.iter().map(|l| (l.name.as_str(), &l.value)));

    let mut protocol = experiment.protocol.clone();
    if let Some(phrases) = &overrides.stop_phrases {
        protocol.stop_phrases.clone_from(phrases);
    }
    let mut starting_message = experiment.starting_message.clone();
    let mut agents: Vec<u32> = experiment.roles.iter().map(|r| r.agents).collect();
    for (name, value) in &settings {
        set_protocol(&mut protocol, name, value);
        if let (&"starting_message", Value::Text(text)) = (name, value) {
            starting_message.clone_from(text);
        }
        if let (Some(role), Value::Int(n)) = (role_of(name, "agents.", "", &experiment.roles), value) {
            agents[role] = *n as u32;
        }
    }
    let choice = Models { experiment, overrides, settings: &settings };
    let (models, mut obstacles) = choice.of_roles(&agents);
    let mut helper = |wanted: bool, name: Option<&String>, at: &str| {
        let found = wanted.then(|| choice.named_or_condition(name, at))?;
        found.map_err(|o| obstacles.push(o)).ok()
    };
    let summaries = protocol.days > 1 || protocol.final_summary;
    let selector = helper(protocol.speakers == Speakers::Auto, experiment.selector_model.as_ref(), "selector.model");
    let summarizer = helper(summaries, experiment.summarizer_model.as_ref(), "summarizer.model");
    if !obstacles.is_empty() {
        return Err(obstacles);
    }
    let key = String::new();
    Ok(Condition { levels, key, protocol, starting_message, agents, models, selector, summarizer })
}

fn set_protocol(protocol: &mut Protocol, name: &str, value: &Value) {
    match (name, value) {
        ("messages", Value::Int(n)) => protocol.messages = *n as u32,
        ("days", Value::Int(n)) => protocol.days = *n as u32,
        ("merge", Value::Bool(b)) => protocol.merge = *b,
        ("final_summary", Value::Bool(b)) => protocol.final_summary = *b,
        ("speakers", Value::Text(word)) => protocol.speakers = speakers_of(word).unwrap_or(protocol.speakers),
        ("labels", Value::Text(word)) => protocol.labels = labels_of(word).unwrap_or(protocol.labels),
        _ => {}
    }
}

/// Finds the models of a condition's participants.
struct Models<'a> {
    experiment: &'a Experiment,
    overrides: &'a Overrides,
    settings: &'a [(&'a str, &'a Value)],
}

impl Models<'_> {
    fn setting(&self, name: &str) -> Option<&Value> {
        self.settings.iter().rev().find(|(n, _)| *n == name).map(|(_, v)| *v)
    }

    /// The declared model of that name (or, for a flag's id, a bare one), with the factors' parameters.
    fn model(&self, name: &str, at: &str) -> Result<ModelSpec, Obstacle> {
        let mut spec = if self.overrides.offline {
            ModelSpec::bare(SCRIPTED)
        } else {
            let declared = self.experiment.models.iter().find(|m| m.name() == name);
            let by_flag = self.overrides.models.iter().any(|m| m == name);
            match declared {
                Some(spec) => spec.clone(),
                None if by_flag => ModelSpec::bare(name),
                None => return Err(undeclared(self.experiment, name, at)),
            }
        };
        for parameter in PARAMETERS {
            match (parameter, self.setting(parameter)) {
                ("temperature", Some(value)) => spec.sampling.temperature = number(value),
                ("top_p", Some(value)) => spec.sampling.top_p = number(value),
                ("top_k", Some(Value::Int(n))) => spec.sampling.top_k = Some(*n as u32),
                ("max_tokens", Some(Value::Int(n))) => spec.sampling.max_tokens = Some(*n as u32),
                _ => {}
            }
        }
        Ok(spec)
    }

    fn named_or_condition(&self, name: Option<&String>, at: &str) -> Result<ModelSpec, Obstacle> {
        match (name, self.setting("model")) {
            (Some(name), _) => self.model(name, at),
            (None, Some(level)) => self.model(&level.to_string(), "factors.model"),
            (None, None) => Err(Obstacle::new("missing", "models", "no model is declared".to_owned(), None)),
        }
    }

    fn of_roles(&self, agents: &[u32]) -> (Vec<Vec<ModelSpec>>, Vec<Obstacle>) {
        let mut obstacles = Vec::new();
        let mut models = Vec::new();
        for (role, number) in self.experiment.roles.iter().zip(agents) {
            let of_role: Result<Vec<ModelSpec>, Obstacle> =
                (0..*number as usize).map(|agent| self.of_agent(role, agent, *number)).collect();
            match of_role {
                Ok(of_role) => models.push(of_role),
                Err(obstacle) => obstacles.push(obstacle),
            }
        }
        (models, obstacles)
    }

    fn of_agent(&self, role: &Role, agent: usize, number: u32) -> Result<ModelSpec, Obstacle> {
        let at = format!("roles.{}.model", role.name);
        if let Some(Value::Text(name)) = self.setting(&at) {
            return self.model(name, &format!("factors.{at}"));
        }
        match &role.model {
            RoleModel::Condition => self.named_or_condition(None, &at),
            RoleModel::One(name) => self.model(name, &at),
            RoleModel::Each(names) => match names.get(agent) {
                Some(name) => self.model(name, &at),
                None => Err(Obstacle::new(
                    "too-few-models",
                    at.clone(),
                    format!("`{at}` names {} models for {number} agents", names.len()),
                    "name one for each agent, or one for all".to_owned(),
                )),
            },
        }
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Int(n) => Some(*n as f64),
        Value::Float(x) => Some(*x),
        _ => None,
    }
}

/// A model that is named and not declared.
pub fn undeclared(experiment: &Experiment, name: &str, at: &str) -> Obstacle {
    let known: Vec<&str> = experiment.models.iter().map(ModelSpec::name).collect();
    let hint = super::problem::did_you_mean(name, known.iter().copied())
        .unwrap_or_else(|| format!("declare it in `models`; declared: {}", known.join(", ")));
    let (code, hint) = match super::protocol::bad_model_id(name) {
        Some((code @ "people", message, _)) => return Obstacle::new(code, at, message, hint),
        _ => ("unknown-model", hint),
    };
    Obstacle::new(code, at, format!("model `{name}` is not declared in `models`"), hint)
}

fn same_keys(conditions: &[Condition]) -> Vec<Obstacle> {
    let mut seen: BTreeMap<&str, &Condition> = BTreeMap::new();
    let mut obstacles = Vec::new();
    for condition in conditions {
        match seen.get(condition.key.as_str()) {
            None => {
                seen.insert(&condition.key, condition);
            }
            Some(first) => {
                let hint = if first.value_of("model") == condition.value_of("model") {
                    "two combinations come to the same: remove one of them, or exclude it".to_owned()
                } else {
                    "no participant uses the condition's model: add `model = [\"…\"]` with one level to [factors]"
                        .to_owned()
                };
                let message = format!("two cells are the same conversation: {} and {}", first.name(), condition.name());
                obstacles.push(Obstacle::new("same-key", "factors", message, hint));
            }
        }
    }
    obstacles
}

impl Condition {
    /// Its levels as people read them: `model=gpt goal=escape`.
    pub fn name(&self) -> String {
        let levels: Vec<String> = self.levels.iter().map(|l| format!("{}={}", l.name, l.value)).collect();
        levels.join(" ")
    }

    fn value_of(&self, axis: &str) -> Option<&Value> {
        named(&self.levels, axis)
    }

    /// What a heading or an expression reads by this name: a level, or what is in force under a settable name.
    pub fn value(&self, experiment: &Experiment, name: &str) -> Option<Value> {
        if let Some(level) = self.value_of(name) {
            return Some(level.clone());
        }
        let p = &self.protocol;
        if let Some(role) = role_of(name, "agents.", "", &experiment.roles) {
            return self.agents.get(role).map(|n| Value::Int(i64::from(*n)));
        }
        if let Some(role) = role_of(name, "roles.", ".model", &experiment.roles) {
            return self.models.get(role)?.first().map(|m| Value::Text(m.name().to_owned()));
        }
        Some(match name {
            "messages" => Value::Int(i64::from(p.messages)),
            "days" => Value::Int(i64::from(p.days)),
            "speakers" => Value::Text(p.speakers.word().to_owned()),
            "labels" => Value::Text(p.labels.word().to_owned()),
            "merge" => Value::Bool(p.merge),
            "final_summary" => Value::Bool(p.final_summary),
            _ => return None,
        })
    }

    /// Whether every part of an expression holds here.
    pub fn holds(&self, experiment: &Experiment, expression: &Expression) -> bool {
        self.meets(experiment, &expression.all)
    }

    /// Whether all of these conditions hold here.
    pub fn meets(&self, experiment: &Experiment, all: &[When]) -> bool {
        all.iter().all(|when| {
            self.value(experiment, &when.factor).is_some_and(|value| when.any.iter().any(|word| value.is_written(word)))
        })
    }

    /// Every model that takes part.
    pub fn participants(&self) -> impl Iterator<Item = &ModelSpec> {
        self.models.iter().flatten().chain(&self.selector).chain(&self.summarizer)
    }

    fn obstacles(&self, experiment: &Experiment) -> Vec<Obstacle> {
        let mut found = Vec::new();
        let total: u32 = self.agents.iter().sum();
        let p = &self.protocol;
        if total < 2 {
            let message = format!("{total} agents in all ({}): a conversation needs two", self.name());
            let hint = "raise `agents`, or exclude the combination".to_owned();
            found.push(Obstacle::new("too-few-agents", "protocol.agents", message, hint));
        }
        if p.messages < p.days.saturating_mul(2) {
            let message = format!("{} messages for {} days: each day needs two", p.messages, p.days);
            let hint = format!("`messages` counts each day's opening: at least {}", p.days.saturating_mul(2));
            found.push(Obstacle::new("too-few-messages", "protocol.messages", message, hint));
        }
        if self.summarizer.is_some() && experiment.summarizer.is_none() {
            let why = if p.days > 1 { format!("{} days", p.days) } else { "final_summary".to_owned() };
            let message = format!("{why} need a summariser: there is no `summarizer.md`");
            let hint = "write `summarizer.md`: what to keep of a day".to_owned();
            found.push(Obstacle::new("missing-summarizer", "protocol.days", message, hint));
        }
        found
    }
}
