//! Effects of factors and flags: what each name sets, and to what.

use super::experiment::{ModelSpec, Protocol, Role};
use super::keys::kind::KeyKind;
use super::keys::{Key, MODEL, PROTOCOL, find_key, key_names};
use super::problem::did_you_mean;
use super::protocol::{LATER, MOST_AGENTS};
use super::value::Value;

/// The setting that a factor or a flag changes.
pub enum Effect<'a> {
    /// The condition's model.
    Model,
    /// The starting message.
    StartingMessage,
    /// The style of the wording; this version has only one.
    Style,
    /// A key of `[protocol]`.
    Protocol(&'static Key<Protocol>),
    /// A parameter of the models.
    Parameter(&'static Key<ModelSpec>),
    /// The number of this role's agents.
    Agents(&'a str),
    /// This role's model.
    RoleModel(&'a str),
}

impl<'a> Effect<'a> {
    /// Finds the effect of a name; `None` if it is a label.
    pub fn of(name: &'a str) -> Option<Self> {
        let role_model = || name.strip_prefix("roles.")?.strip_suffix(".model").map(Self::RoleModel);
        match name {
            "model" => Some(Self::Model),
            "starting_message" => Some(Self::StartingMessage),
            "style" => Some(Self::Style),
            _ => find_key(PROTOCOL, name)
                .map(Self::Protocol)
                .or_else(|| find_key(MODEL, name).filter(|key| key.factor).map(Self::Parameter))
                .or_else(|| name.strip_prefix("agents.").map(Self::Agents))
                .or_else(role_model),
        }
    }

    /// Checks if this level can be set. If not, returns a description of the levels that can be set.
    fn refuse_level(&self, level: &Value) -> Option<String> {
        let kind = match self {
            Self::Protocol(key) => key.kind,
            Self::Parameter(key) => key.kind,
            Self::Agents(_) => KeyKind::Count { from: 0, to: MOST_AGENTS },
            Self::Model | Self::StartingMessage | Self::RoleModel(_) => KeyKind::Text,
            Self::Style => {
                let right = || format!("\"convoke\" (\"lis\": {LATER})");
                return (level != &Value::Text("convoke".to_owned())).then(right);
            }
        };
        kind.refuse_level(level)
    }
}

/// Returns true if a factor of this name sets something. Otherwise the factor is a label.
pub fn is_setting(name: &str, roles: &[Role]) -> bool {
    match Effect::of(name) {
        Some(Effect::Agents(role) | Effect::RoleModel(role)) => place_of(role, roles).is_some(),
        Some(Effect::Model | Effect::StartingMessage | Effect::Style | Effect::Protocol(_) | Effect::Parameter(_)) => {
            true
        }
        None => false,
    }
}

/// Returns the index of a role.
pub fn place_of(role: &str, roles: &[Role]) -> Option<usize> {
    roles.iter().position(|r| r.name == role)
}

/// Returns true if the levels of a factor of this name are models.
pub fn names_models(name: &str) -> bool {
    matches!(Effect::of(name), Some(Effect::Model | Effect::RoleModel(_)))
}

/// Checks if a factor of this name can have this level. If not, returns a description of the levels that it can have.
pub fn bad_level(name: &str, level: &Value) -> Option<String> {
    match Effect::of(name) {
        Some(effect) => effect.refuse_level(level),
        None => KeyKind::Text.refuse_level(level),
    }
}

/// Finds the nearest name of something that a factor may set.
pub fn near_settable(name: &str, roles: &[Role]) -> Option<String> {
    let parameters = MODEL.iter().filter(|key| key.factor).map(|key| key.name);
    let known = ["model", "starting_message"].into_iter().chain(parameters).chain(key_names(PROTOCOL)).chain(["style"]);
    let mut all: Vec<String> = known.map(str::to_owned).collect();
    all.extend(roles.iter().flat_map(|r| [format!("agents.{}", r.name), format!("roles.{}.model", r.name)]));
    did_you_mean(name, all.iter().map(String::as_str))
}
