//! Effects of factors and flags: what each name sets, and to what.

use super::experiment::{ModelSpec, Protocol, Role};
use super::keys::kind::KeyKind;
use super::keys::{Key, MIND, MODEL, PROTOCOL, ROLE, WORLD, find_key};
use super::mind::Mind;
use super::problem::did_you_mean;
use super::protocol::{LATER, MOST_AGENTS};
use super::value::Value;
use super::world::World;

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
    /// A key of `[mind]`.
    Mind(&'static Key<Mind>),
    /// A key of this role's mind.
    RoleMind(&'a str, &'static Key<Mind>),
    /// A key of `[world]`.
    World(&'static Key<World>),
    /// A key of this role's people.
    RolePeople(&'a str, &'static Key<Role>),
}

impl<'a> Effect<'a> {
    /// Finds the effect of a name; `None` if it is a label.
    pub fn of(name: &'a str) -> Option<Self> {
        let role_key = || {
            let (role, key) = name.strip_prefix("roles.")?.rsplit_once('.')?;
            if let Some(role) = role.strip_suffix(".mind") {
                return find_key(MIND, key).map(|key| Self::RoleMind(role, key));
            }
            let key = find_key(ROLE, key).filter(|key| key.factor)?;
            Some(if key.name == "model" { Self::RoleModel(role) } else { Self::RolePeople(role, key) })
        };
        let mind = || find_key(MIND, name.strip_prefix("mind.")?).map(Self::Mind);
        let world = || find_key(WORLD, name.strip_prefix("world.")?).map(Self::World);
        match name {
            "model" => Some(Self::Model),
            "starting_message" => Some(Self::StartingMessage),
            "style" => Some(Self::Style),
            _ => find_key(PROTOCOL, name)
                .map(Self::Protocol)
                .or_else(|| find_key(MODEL, name).filter(|key| key.factor).map(Self::Parameter))
                .or_else(|| name.strip_prefix("agents.").map(Self::Agents))
                .or_else(role_key)
                .or_else(mind)
                .or_else(world),
        }
    }

    /// Checks if this level can be set. If not, returns a description of the levels that can be set.
    fn refuse_level(&self, level: &Value) -> Option<String> {
        let kind = match self {
            Self::Protocol(key) => key.kind,
            Self::Parameter(key) => key.kind,
            Self::Mind(key) | Self::RoleMind(_, key) => key.kind,
            Self::World(key) => key.kind,
            Self::RolePeople(_, key) => key.kind,
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
        Some(
            Effect::Agents(role) | Effect::RoleModel(role) | Effect::RolePeople(role, _) | Effect::RoleMind(role, _),
        ) => place_of(role, roles).is_some(),
        Some(
            Effect::Model
            | Effect::StartingMessage
            | Effect::Style
            | Effect::Protocol(_)
            | Effect::Parameter(_)
            | Effect::Mind(_)
            | Effect::World(_),
        ) => true,
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

/// Returns the settings that a person may vary, besides models and texts, each with a line for people.
pub fn list_settings(roles: &[Role]) -> Vec<(String, String)> {
    let protocol = PROTOCOL.iter().filter(|key| key.factor).map(|key| (key.name, key.help));
    let parameters = MODEL.iter().filter(|key| key.factor).map(|key| (key.name, key.help));
    let minds = MIND.iter().filter(|key| key.factor).map(|key| (format!("mind.{}", key.name), key.help.to_owned()));
    let worlds = WORLD.iter().filter(|key| key.factor).map(|key| (format!("world.{}", key.name), key.help.to_owned()));
    let keys =
        protocol.chain(parameters).map(|(name, help)| (name.to_owned(), help.to_owned())).chain(minds).chain(worlds);
    let of_role = |role: &Role| {
        let name = &role.name;
        let agents = (format!("agents.{name}"), format!("number of agents of {name}"));
        let keys = ROLE.iter().filter(|key| key.name == "model" || key.factor && !role.people.is_empty()).map(|key| {
            let help = if key.name == "model" { "model" } else { key.name };
            (format!("roles.{name}.{}", key.name), format!("{help} of {name}"))
        });
        std::iter::once(agents).chain(keys).collect::<Vec<_>>()
    };
    keys.chain(roles.iter().flat_map(of_role)).collect()
}

/// Finds the nearest name of something that a factor may set.
pub fn near_settable(name: &str, roles: &[Role]) -> Option<String> {
    let settings = list_settings(roles);
    let others = ["model", "starting_message", "stop_phrases", "style"];
    did_you_mean(name, others.into_iter().chain(settings.iter().map(|(name, _)| name.as_str())))
}
