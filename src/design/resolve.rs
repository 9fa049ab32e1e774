//! Resolved values of a combination of levels: the protocol in force, the agents and their models.

use super::casting::Cast;
use super::condition::Condition;
use super::effect::{Effect, names_models, place_of};
use super::experiment::{Chooser, Experiment, HUMAN, ModelSpec, Protocol, Role, RoleModel, SCRIPTED, find_declared};
use super::keys::kind::KeyValue;
use super::keys::{MODEL, MOST_MESSAGES};
use super::mind::Mind;
use super::overrides::Overrides;
use super::problem::{Obstacle, did_you_mean};
use super::value::{Named, Value};
use super::world::{Hearing, World};
use std::cell::RefCell;
use std::sync::Arc;

/// Resolves combinations of levels into conditions.
pub struct Resolver<'a> {
    /// The experiment.
    pub experiment: &'a Experiment,
    /// Values of flags.
    pub overrides: &'a Overrides,
    /// [`Overrides::list_settings`].
    pub settings: &'a [Named<Vec<Value>>],
    /// People of roles that were found for other combinations, with the obstacles.
    pub casts: Casts,
}

/// People of roles by their keys in force.
pub type Casts = RefCell<Vec<(Arc<Cast>, Vec<Obstacle>)>>;

impl Resolver<'_> {
    /// Resolves a combination of levels into a condition without a key, and returns all obstacles.
    pub fn resolve(&self, levels: Vec<Named<Value>>) -> (Condition, Vec<Obstacle>) {
        let experiment = self.experiment;
        let fixed = self.settings.iter().filter(|s| s.value.len() == 1).map(|s| (s.name.as_str(), &s.value[0]));
        let is_axis = |name: &str| levels.iter().any(|l| l.name == name);
        let mut settings: Vec<(&str, &Value)> = fixed.filter(|(name, _)| !is_axis(name)).collect();
        settings.extend(levels.iter().map(|l| (l.name.as_str(), &l.value)));

        let mut protocol = experiment.protocol.clone();
        if let Some(phrases) = &self.overrides.stop_phrases {
            protocol.stop_phrases.clone_from(phrases);
        }
        let world = self.find_world(&settings);
        let mut starting_message = experiment.starting_message.clone();
        let mut agents: Vec<u32> = experiment.roles.iter().map(|r| r.agents).collect();
        for (name, value) in &settings {
            match (Effect::of(name), value) {
                (Some(Effect::Protocol(key)), value) => (key.set)(&mut protocol, KeyValue::One((*value).clone())),
                (Some(Effect::StartingMessage), Value::Text(text)) => starting_message.clone_from(text),
                (Some(Effect::Agents(role)), Value::Int(n)) => {
                    if let Some(role) = place_of(role, &experiment.roles) {
                        agents[role] = *n as u32;
                    }
                }
                (Some(_) | None, Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Text(_)) => {}
            }
        }
        if let Some(world) = &world {
            protocol.messages = protocol.days.saturating_mul(world.steps).min(MOST_MESSAGES);
        }
        let summarises = self.summarises(&protocol, world.as_ref());
        let mut choice = Models { resolver: self, settings: &settings, obstacles: Vec::new() };
        let models = choice.of_roles(&agents);
        let selector = choice.of_selector(&protocol);
        let summarizer = summarises.then(|| choice.of_helper(experiment.summarizer_model.as_ref(), "summarizer.model"));
        let mut obstacles = choice.obstacles;
        let casts = self
            .find_roles_in_force(&settings)
            .map(|roles| self.find_casts(&roles, &mut obstacles))
            .unwrap_or_default();
        let minds = self.find_minds(&settings);
        let condition = Condition {
            levels,
            key: String::new(),
            protocol,
            starting_message,
            agents,
            models,
            casts,
            selector,
            summarizer,
            minds,
            world,
        };
        (condition, obstacles)
    }

    /// Returns the roles with the keys of people in force; `None` if no role has people.
    fn find_roles_in_force(&self, settings: &[(&str, &Value)]) -> Option<Vec<Role>> {
        let experiment = self.experiment;
        let mut in_force = experiment.has_people().then(|| bare_roles(experiment));
        for (name, value) in settings {
            if let Some(Effect::RolePeople(role, key)) = Effect::of(name)
                && let Some(role) = place_of(role, &experiment.roles)
            {
                let in_force = in_force.get_or_insert_with(|| bare_roles(experiment));
                (key.set)(&mut in_force[role], KeyValue::One((*value).clone()));
            }
        }
        in_force
    }

    /// Returns the world with the keys that settings change.
    fn find_world(&self, settings: &[(&str, &Value)]) -> Option<World> {
        let mut world = self.experiment.world.clone()?;
        for (name, value) in settings {
            if let Some(Effect::World(key)) = Effect::of(name) {
                (key.set)(&mut world, KeyValue::One((*value).clone()));
            }
        }
        Some(world)
    }

    /// Returns true if days are summarised. In a world a summary is no need, since memories last through all days, and it
    /// is written only where everybody hears everything.
    fn summarises(&self, protocol: &Protocol, world: Option<&World>) -> bool {
        let is_summed_up = |world: &World| world.hearing() == Hearing::Everyone && self.experiment.summarizer.is_some();
        (protocol.days > 1 || protocol.final_summary) && world.is_none_or(is_summed_up)
    }

    /// Returns the mind of each role: a role before all, a factor before the file.
    fn find_minds(&self, settings: &[(&str, &Value)]) -> Vec<Mind> {
        let (mut of_all, mut roles) = (self.experiment.mind.clone(), Vec::new());
        roles.extend(self.experiment.roles.iter().map(|role| role.mind.clone()));
        for (name, value) in settings {
            let value = KeyValue::One((*value).clone());
            match Effect::of(name) {
                Some(Effect::Mind(key)) => (key.set)(&mut of_all, value),
                Some(Effect::RoleMind(role, key)) => {
                    if let Some(role) = place_of(role, &self.experiment.roles) {
                        (key.set)(&mut roles[role], value);
                    }
                }
                Some(
                    Effect::Model
                    | Effect::StartingMessage
                    | Effect::Style
                    | Effect::Protocol(_)
                    | Effect::Parameter(_)
                    | Effect::World(_)
                    | Effect::Agents(_)
                    | Effect::RoleModel(_)
                    | Effect::RolePeople(..),
                )
                | None => {}
            }
        }
        roles.iter().map(|role| of_all.overridden_by(role)).collect()
    }

    fn find_casts(&self, roles: &[Role], obstacles: &mut Vec<Obstacle>) -> Vec<Arc<Cast>> {
        let mut known = self.casts.borrow_mut();
        let mut find = |role: &Role| {
            let place = known.iter().position(|(cast, _)| cast.role == *role).unwrap_or_else(|| {
                let (cast, wrong) = Cast::find(self.experiment, role);
                known.push((Arc::new(cast), wrong));
                known.len() - 1
            });
            obstacles.extend(known[place].1.iter().cloned());
            Arc::clone(&known[place].0)
        };
        roles.iter().map(&mut find).collect()
    }
}

fn bare_roles(experiment: &Experiment) -> Vec<Role> {
    experiment.roles.iter().map(Role::without_prompt).collect()
}

struct Models<'a> {
    resolver: &'a Resolver<'a>,
    settings: &'a [(&'a str, &'a Value)],
    obstacles: Vec<Obstacle>,
}

impl Models<'_> {
    fn find_setting(&self, name: &str) -> Option<&Value> {
        self.settings.iter().rev().find(|(n, _)| *n == name).map(|(_, v)| *v)
    }

    /// Finds a model by name and sets its parameters from factors. An undeclared model is reported, then used by its
    /// name. A person needs no declaration.
    fn find_model(&mut self, name: &str, at: &str) -> ModelSpec {
        let mut spec = if self.resolver.overrides.offline {
            ModelSpec::bare(SCRIPTED)
        } else if let Some(spec) = find_declared(self.resolver.experiment, name) {
            spec.clone()
        } else {
            if name != HUMAN && !self.is_given_by_flag(name) {
                self.obstacles.push(undeclared_model(self.resolver.experiment, name, at));
            }
            ModelSpec::bare(name)
        };
        if spec.is_human() {
            // A person has no parameters.
            return spec;
        }
        for key in MODEL.iter().filter(|key| key.factor) {
            if let Some(value) = self.find_setting(key.name).cloned() {
                (key.set)(&mut spec, KeyValue::One(value));
            }
        }
        spec
    }

    /// Returns true if a flag names the model. Such a model needs no declaration, unless several declared models have
    /// its id.
    fn is_given_by_flag(&self, name: &str) -> bool {
        let is_id = self.resolver.experiment.models.iter().any(|m| m.id == name);
        let given = self.resolver.settings.iter().filter(|s| names_models(&s.name)).flat_map(|s| &s.value);
        !is_id && given.into_iter().any(|v| *v == Value::Text(name.to_owned()))
    }

    fn of_condition(&mut self) -> ModelSpec {
        if let Some(level) = self.find_setting("model").map(ToString::to_string) {
            self.find_model(&level, "factors.model")
        } else {
            let hint = "write `models = [\"SERVER/NAME\"]`".to_owned();
            self.obstacles.push(Obstacle::new("missing", "models", "no model is declared".to_owned(), hint));
            ModelSpec::default()
        }
    }

    fn of_selector(&mut self, protocol: &Protocol) -> Option<ModelSpec> {
        match protocol.speakers.chooser() {
            Chooser::Model => Some(self.of_helper(self.resolver.experiment.selector_model.as_ref(), "selector.model")),
            Chooser::Person => Some(self.find_model(HUMAN, "protocol.speakers")),
            Chooser::Program => None,
        }
    }

    fn of_helper(&mut self, name: Option<&String>, at: &str) -> ModelSpec {
        match name {
            Some(name) => self.find_model(name, at),
            None => self.of_condition(),
        }
    }

    fn of_roles(&mut self, agents: &[u32]) -> Vec<Vec<ModelSpec>> {
        let roles = &self.resolver.experiment.roles;
        roles.iter().zip(agents).map(|(role, number)| self.of_role(role, *number as usize)).collect()
    }

    fn of_role(&mut self, role: &Role, number: usize) -> Vec<ModelSpec> {
        if number == 0 {
            return Vec::new();
        }
        let at = format!("roles.{}.model", role.name);
        if let Some(Value::Text(name)) = self.find_setting(&at).cloned() {
            return vec![self.find_model(&name, &format!("factors.{at}")); number];
        }
        match &role.model {
            RoleModel::Condition => vec![self.of_condition(); number],
            RoleModel::One(name) => vec![self.find_model(name, &at); number],
            RoleModel::Each(names) => {
                if names.len() < number {
                    let message = format!("`{at}` names {} models for {number} agents", names.len());
                    let hint = "name one for each agent, or one for all".to_owned();
                    self.obstacles.push(Obstacle::new("too-few-models", at.clone(), message, hint));
                }
                names.iter().take(number).map(|name| self.find_model(name, &at)).collect()
            }
        }
    }
}

/// Returns the obstacle of a model that is named but not declared.
pub fn undeclared_model(experiment: &Experiment, name: &str, at: &str) -> Obstacle {
    let known: Vec<&str> = experiment.models.iter().map(ModelSpec::name).collect();
    if experiment.models.iter().any(|m| m.id == name) {
        let same: Vec<&str> = experiment.models.iter().filter(|m| m.id == name).map(ModelSpec::name).collect();
        let message = format!("several models have the id `{name}`");
        return Obstacle::new("unknown-model", at, message, format!("say which: {}", same.join(", ")));
    }
    let hint = did_you_mean(name, known.iter().copied())
        .unwrap_or_else(|| format!("declare it in `models`; declared: {}", known.join(", ")));
    Obstacle::new("unknown-model", at, format!("model `{name}` is not declared in `models`"), hint)
}
