//! Conditions of an experiment: values and obstacles of one combination of levels.

use super::casting::Cast;
use super::effect::{Effect, place_of};
use super::experiment::{Experiment, ModelSpec, Protocol, When};
use super::keys::kind::KeyValue;
use super::mind::Mind;
use super::problem::Obstacle;
use super::protocol::LATER;
use super::value::{Named, Value, named};
use super::world::World;
use std::sync::Arc;

/// One combination of levels with its resolved values.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// The level of each axis. `model` is always one of the axes.
    pub levels: Vec<Named<Value>>,
    /// The condition key: SHA-256 in hex.
    pub key: String,
    /// The protocol in force.
    pub protocol: Protocol,
    /// The starting message before substitution.
    pub starting_message: String,
    /// Agents per role.
    pub agents: Vec<u32>,
    /// Models per role, one for each agent.
    pub models: Vec<Vec<ModelSpec>>,
    /// People per role; empty if no role has any.
    pub casts: Vec<Arc<Cast>>,
    /// The selector's model, if a model or a person chooses the speakers.
    pub selector: Option<ModelSpec>,
    /// The summariser's model, if days are summarised.
    pub summarizer: Option<ModelSpec>,
    /// Mind per role, with the keys of `[mind]` that it does not override.
    pub minds: Vec<Mind>,
    /// The world in force; `None` for a conversation.
    pub world: Option<World>,
}

impl Condition {
    /// Returns the levels as text: `model=gpt goal=escape`.
    pub fn name(&self) -> String {
        let levels: Vec<String> = self.levels.iter().map(|l| format!("{}={}", l.name, l.value)).collect();
        levels.join(" ")
    }

    /// Returns the condition's level on an axis.
    pub fn value_of(&self, axis: &str) -> Option<&Value> {
        named(&self.levels, axis)
    }

    /// Returns the value that a heading or an expression reads by this name: a level, or the value of a setting.
    pub fn value(&self, experiment: &Experiment, name: &str) -> Option<Value> {
        if let Some(level) = self.value_of(name) {
            return Some(level.clone());
        }
        let place = |role| place_of(role, &experiment.roles);
        match Effect::of(name)? {
            Effect::Protocol(key) => (key.get)(&self.protocol)?.into_scalar(),
            Effect::World(key) => (key.get)(self.world.as_ref()?)?.into_scalar(),
            Effect::Agents(role) => self.agents.get(place(role)?).map(|n| Value::Int(i64::from(*n))),
            Effect::RoleModel(role) => self.models.get(place(role)?)?.first().map(|m| Value::Text(m.name().to_owned())),
            Effect::RolePeople(role, key) => {
                let place = place(role)?;
                let role = self.casts.get(place).map_or(&experiment.roles[place], |cast| &cast.role);
                let value = (key.get)(role).or_else(|| key.default_value());
                Some(value.and_then(KeyValue::into_scalar).unwrap_or(Value::Text(String::new())))
            }
            Effect::Model
            | Effect::StartingMessage
            | Effect::Style
            | Effect::Parameter(_)
            | Effect::Mind(_)
            | Effect::RoleMind(..) => None,
        }
    }

    /// Returns true if the condition's values fulfil every one of the given conditions.
    pub fn satisfies(&self, experiment: &Experiment, all: &[When]) -> bool {
        all.iter().all(|when| {
            self.value(experiment, &when.factor).is_some_and(|value| when.any.iter().any(|word| value.is_written(word)))
        })
    }

    /// Returns the models of all agents, of the selector and of the summariser.
    pub fn participants(&self) -> impl Iterator<Item = &ModelSpec> {
        self.models.iter().flatten().chain(&self.selector).chain(&self.summarizer)
    }

    /// Returns true if the agents of role `index` answer with JSON: their mind or an action of theirs needs it.
    pub fn has_turns(&self, experiment: &Experiment, index: usize) -> bool {
        let (Some(role), Some(mind)) = (experiment.roles.get(index), self.minds.get(index)) else { return false };
        self.agents.get(index).is_some_and(|n| *n > 0)
            && mind.needs_turns(&experiment.actions, &role.name, self.world.as_ref())
    }

    /// Returns the people of a role; `None` if its agents are nobody in particular.
    pub fn cast(&self, role: usize) -> Option<&Cast> {
        self.casts.get(role).map(Arc::as_ref).filter(|cast| !cast.pool.is_empty())
    }

    /// Returns true if a person takes part.
    pub fn has_people(&self) -> bool {
        self.participants().any(ModelSpec::is_human)
    }

    /// Returns the reasons why the condition cannot be run.
    pub fn find_obstacles(&self, experiment: &Experiment) -> Vec<Obstacle> {
        let mut found = Vec::new();
        let total: u32 = self.agents.iter().sum();
        let p = &self.protocol;
        let at = |key: &str| {
            let table = if experiment.factors.iter().any(|f| f.name == key) { "factors" } else { "protocol" };
            format!("{table}.{key}")
        };
        let least = if self.world.is_some() { 1 } else { 2 };
        if total < least {
            let agents = if total == 1 { "agent" } else { "agents" };
            let needs = if least == 1 { "a world needs one" } else { "a conversation needs two" };
            let message = format!("{total} {agents} in all ({}): {needs}", self.name());
            let hint = "raise `agents`, or exclude the combination".to_owned();
            found.push(Obstacle::new("too-few-agents", "protocol.agents", message, hint));
        }
        if self.world.is_some() && self.has_people() {
            let message = format!("a person who types cannot take part in a world: {LATER}");
            found.push(Obstacle::new("people", "world", message, "let a model play the role".to_owned()));
        }
        if self.world.is_none() && p.messages < p.days.saturating_mul(2) {
            let message = format!("{} messages for {} days: each day needs two", p.messages, p.days);
            let hint = format!("`messages` counts each day's opening: at least {}", p.days.saturating_mul(2));
            found.push(Obstacle::new("too-few-messages", at("messages"), message, hint));
        }
        if self.summarizer.is_some() && experiment.summarizer.is_none() {
            let (why, key) = if p.days > 1 {
                (format!("{} days need", p.days), "days")
            } else {
                ("`final_summary` needs".to_owned(), "final_summary")
            };
            let message = format!("{why} a summariser: there is no `summarizer.md`");
            let hint = "write `summarizer.md`: what to keep of a day".to_owned();
            found.push(Obstacle::new("missing-summarizer", at(key), message, hint));
        }
        found
    }
}
