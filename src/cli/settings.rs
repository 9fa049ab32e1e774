//! Arguments, environment, `.env` and the user's configuration, resolved once into plain values with their origin.
//!
//! First wins: flag · environment · `.env` in the working folder · configuration file · default. An empty variable
//! counts as unset.

use super::error::{CliError, Exit};
use crate::design::check::KnownServer;
use crate::model::server::Address;
use crate::model::{Limits, Server, ServerKind};
use crate::store::{StoreUri, without_password};
use secrecy::SecretString;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

mod store;

use store::{Choosing, Creator};
pub use store::{Given, SAFER, StoreChoice};

/// What the program finds around it: read once, in `main`, and handed down.
#[derive(Debug, Clone)]
pub struct World {
    /// Arguments as typed, without the program's name.
    pub arguments: Vec<String>,
    /// Environment variables.
    pub env: BTreeMap<String, String>,
    /// Working folder.
    pub folder: PathBuf,
    /// Login name of the uid.
    pub user: String,
    /// Host name.
    pub host: String,
    /// Whether standard input, output, error are terminals.
    pub terminals: [bool; 3],
    /// Milliseconds since 1970.
    pub clock: fn() -> i64,
    /// 64 random bits, for ids.
    pub random: fn() -> u64,
}

/// Where a value came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// Nothing was said.
    Default,
    /// The user's configuration file.
    Config,
    /// `.env` in the working folder.
    DotEnv,
    /// The environment.
    Environment,
    /// A flag.
    Flag,
}

impl Origin {
    /// In words.
    pub fn word(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Config => "configuration file",
            Self::DotEnv => ".env",
            Self::Environment => "environment",
            Self::Flag => "flag",
        }
    }
}

/// A setting as `doctor --config` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Its name.
    pub name: String,
    /// Its value; a secret is only said to be set.
    pub value: String,
    /// Where it came from.
    pub origin: Origin,
}

/// Everything resolved.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The database.
    pub store: StoreChoice,
    /// What `login` begins with.
    pub given: Given,
    /// Servers, the built-in ones first.
    pub servers: Vec<Server>,
    /// Servers that cannot be used in this version, and why.
    pub refused: Vec<(String, String)>,
    /// Written concurrency of servers.
    pub concurrency: BTreeMap<String, u32>,
    /// Who acts, as far as it is known before signing in.
    pub creator: String,
    /// Whether a server is to vouch for the creator.
    pub signs_in: bool,
    /// Where the program keeps what is of no use elsewhere, if there is such a folder.
    pub state: Option<PathBuf>,
    /// File of fixed replies for `scripted`.
    pub script: Option<PathBuf>,
    /// Warnings to be said.
    pub warnings: Vec<String>,
    /// Every setting with its origin.
    pub shown: Vec<Shown>,
}

/// The user's configuration file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Config {
    store: Option<String>,
    script: Option<String>,
    servers: BTreeMap<String, ServerConfig>,
    limits: LimitsConfig,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ServerConfig {
    kind: Option<String>,
    base_url: Option<String>,
    api_key_env: Option<String>,
    concurrency: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct LimitsConfig {
    connect: Option<f64>,
    first_byte: Option<f64>,
    idle: Option<f64>,
    attempt: Option<f64>,
    reply_mib: Option<f64>,
}

/// Variables that hold secrets: never shown, and a reason to warn of a `.env` that others can read.
fn is_secret(name: &str) -> bool {
    name.ends_with("_KEY") || name.ends_with("_PASSWORD") || name.ends_with("_TOKEN") || name.ends_with("_SECRET")
}

/// Whether a variable holds what no process that we start may see.
pub(super) fn holds_secret(name: &str, value: &str) -> bool {
    let is_address = name == "CONVOKE_STORE" || name == "DB_CLUSTER_URL";
    !value.is_empty() && (is_secret(name) || (is_address && without_password(value) != value))
}

/// Reads variables with their origin.
struct Variables<'a> {
    env: &'a BTreeMap<String, String>,
    dotenv: BTreeMap<String, String>,
}

impl Variables<'_> {
    fn get(&self, name: &str) -> Option<(String, Origin)> {
        let of = |map: &BTreeMap<String, String>| map.get(name).filter(|v| !v.trim().is_empty()).cloned();
        of(self.env).map(|v| (v, Origin::Environment)).or_else(|| of(&self.dotenv).map(|v| (v, Origin::DotEnv)))
    }

    /// The key in a variable, where it may go to an address of that origin: an address from a `.env` gets a key from
    /// the same `.env` or none.
    fn key_for(&self, variable: &str, address: Origin, warnings: &mut Vec<String>) -> Option<SecretString> {
        let (key, origin) = self.get(variable)?;
        if address == Origin::DotEnv && origin != Origin::DotEnv {
            warnings.push(format!(
                "the address beside {variable} comes from .env and the key does not: the key is not sent there"
            ));
            return None;
        }
        Some(SecretString::from(key))
    }
}

impl Settings {
    /// Resolves everything. `store` is the flag.
    pub fn resolve(world: &World, store: Option<&str>) -> Result<Self, CliError> {
        let mut warnings = Vec::new();
        let dotenv = read_dotenv(&world.folder, &mut warnings)?;
        let variables = Variables { env: &world.env, dotenv };
        let config = read_config(&variables)?;
        let mut shown = Vec::new();
        let mut choosing = Choosing {
            world,
            flag: store,
            variables: &variables,
            config: &config,
            warnings: &mut warnings,
            shown: &mut shown,
        };
        let store = choosing.store()?;
        let creator = choosing.creator(&store);
        let given = choosing.for_login();
        let limits = limits(&variables, &config.limits, &mut shown)?;
        let mut servers =
            Servers { variables: &variables, config: &config, limits, warnings: &mut warnings, shown: &mut shown };
        let (servers, refused) = servers.all()?;
        let script = variables.get("CONVOKE_SCRIPT").or_else(|| config.script.clone().map(|s| (s, Origin::Config)));
        if let Some((path, origin)) = &script {
            shown.push(Shown { name: "script".into(), value: path.clone(), origin: *origin });
        }
        let script = script.map(|(path, _)| world.folder.join(path));
        let state = state_folder(world);
        let concurrency = config.servers.iter().filter_map(|(n, s)| s.concurrency.map(|c| (n.clone(), c))).collect();
        let Creator { name: creator, signs_in } = creator;
        Ok(Self { store, given, servers, refused, concurrency, creator, signs_in, state, script, warnings, shown })
    }

    /// Servers as `check` must know them.
    pub fn known_servers(&self) -> Vec<KnownServer> {
        let usable =
            self.servers.iter().map(|s| KnownServer { name: s.name.clone(), lacks: lacks(s.kind), refused: None });
        let refused = self.refused.iter().map(|(name, why)| KnownServer {
            name: name.clone(),
            lacks: &[],
            refused: Some(why.clone()),
        });
        usable.chain(refused).collect()
    }

    /// The server of that name.
    pub fn server(&self, name: &str) -> Option<&Server> {
        self.servers.iter().find(|s| s.name == name)
    }

    /// Every secret in force, to be kept out of logs.
    pub fn secrets(&self) -> Vec<SecretString> {
        let keys = self.servers.iter().filter_map(|s| s.key.clone()).chain(self.given.any_password.clone());
        let StoreUri::Mongo(uri) = &self.store.uri else { return keys.collect() };
        keys.chain(uri.secrets()).collect()
    }
}

/// Parameters that a protocol lacks.
fn lacks(kind: ServerKind) -> &'static [&'static str] {
    match kind {
        ServerKind::OpenAi => &["top_k", "num_ctx", "keep_alive"],
        ServerKind::Ollama | ServerKind::Scripted => &[],
    }
}

fn read_dotenv(folder: &Path, warnings: &mut Vec<String>) -> Result<BTreeMap<String, String>, CliError> {
    let path = folder.join(".env");
    if !path.is_file() {
        return Ok(BTreeMap::new());
    }
    let wrong = |e: &dyn std::fmt::Display| {
        CliError::usage(format!("cannot read {}", path.display()))
            .cause(e)
            .hint("one NAME=VALUE a line; see .env_template")
    };
    // dotenvy's errors quote the line, which may hold a secret: only its kind is told.
    let items = dotenvy::from_path_iter(&path).map_err(|_| wrong(&"it cannot be opened"))?;
    let map: BTreeMap<String, String> =
        items.collect::<Result<_, _>>().map_err(|e| wrong(&format!("{} is not NAME=VALUE", line_of(&path, &e))))?;
    if map.iter().any(|(name, value)| holds_secret(name, value)) && others_can_read(&path) {
        warnings.push(format!("others can read {}, which holds a secret: chmod 600 it", path.display()));
    }
    Ok(map)
}

/// Which line an error is about, by its number: its text may hold a secret.
fn line_of(path: &Path, error: &dotenvy::Error) -> String {
    let dotenvy::Error::LineParse(wrong, _) = error else { return "a line".to_owned() };
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let number = text.lines().position(|line| line.trim() == wrong.trim());
    number.map_or_else(|| "a line".to_owned(), |n| format!("line {}", n + 1))
}

#[cfg(unix)]
fn others_can_read(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|m| m.permissions().mode() & 0o044 != 0)
}

#[cfg(not(unix))]
fn others_can_read(_: &Path) -> bool {
    false
}

fn read_config(variables: &Variables<'_>) -> Result<Config, CliError> {
    let Some(path) = config_path(variables) else { return Ok(Config::default()) };
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Config::default()),
        Err(e) => return Err(CliError::usage(format!("cannot read {}", path.display())).cause(e)),
    };
    toml::from_str(&text).map_err(|e| {
        CliError::new(Exit::Usage, "config", format!("{} is not a configuration", path.display()))
            .cause(e.to_string().trim())
            .hint("docs/format.md says what it may hold")
    })
}

/// `$XDG_STATE_HOME/convoke`, else `~/.local/state/convoke`. A `.env` has no say in it.
fn state_folder(world: &World) -> Option<PathBuf> {
    use etcetera::BaseStrategy;
    let written = world.env.get("XDG_STATE_HOME").filter(|folder| Path::new(folder).is_absolute());
    let usual = || {
        let folders = etcetera::choose_base_strategy().ok()?;
        Some(folders.state_dir().unwrap_or_else(|| folders.data_dir()))
    };
    let base = written.map(PathBuf::from).or_else(usual)?;
    Some(base.join("convoke"))
}

/// `$XDG_CONFIG_HOME/convoke/config.toml`, else `~/.config/convoke/config.toml`.
fn config_path(variables: &Variables<'_>) -> Option<PathBuf> {
    use etcetera::BaseStrategy;
    let base = match variables.get("XDG_CONFIG_HOME") {
        Some((folder, _)) => PathBuf::from(folder),
        None => etcetera::choose_base_strategy().ok()?.config_dir(),
    };
    Some(base.join("convoke").join("config.toml"))
}

fn limits(variables: &Variables<'_>, config: &LimitsConfig, shown: &mut Vec<Shown>) -> Result<Limits, CliError> {
    let default = Limits::default();
    let mut number = |name: &str, variable: &str, config: Option<f64>, default: f64| -> Result<f64, CliError> {
        let written = match variables.get(variable) {
            Some((text, origin)) => {
                let number = text.trim().parse::<f64>().ok();
                let wrong = || CliError::usage(format!("{variable} is `{text}`")).hint("write a number above 0");
                (number.filter(|n| *n > 0.0 && *n < 1e7).ok_or_else(wrong)?, origin)
            }
            None => config.map_or((default, Origin::Default), |n| (n, Origin::Config)),
        };
        if !(written.0 > 0.0 && written.0 < 1e7) {
            return Err(CliError::usage(format!("[limits] {name} is {}", written.0)).hint("write a number above 0"));
        }
        shown.push(Shown { name: format!("limits.{name}"), value: written.0.to_string(), origin: written.1 });
        Ok(written.0)
    };
    let seconds = Duration::from_secs_f64;
    Ok(Limits {
        connect: seconds(number("connect", "CONVOKE_CONNECT_TIMEOUT", config.connect, default.connect.as_secs_f64())?),
        first_byte: seconds(number(
            "first_byte",
            "CONVOKE_FIRST_BYTE_TIMEOUT",
            config.first_byte,
            default.first_byte.as_secs_f64(),
        )?),
        idle: seconds(number("idle", "CONVOKE_IDLE_TIMEOUT", config.idle, default.idle.as_secs_f64())?),
        attempt: seconds(number("attempt", "CONVOKE_ATTEMPT_TIMEOUT", config.attempt, default.attempt.as_secs_f64())?),
        reply_bytes: (number(
            "reply_mib",
            "CONVOKE_REPLY_MIB",
            config.reply_mib,
            default.reply_bytes as f64 / 1_048_576.0,
        )? * 1_048_576.0) as u64,
    })
}

/// Puts the servers together.
struct Servers<'a> {
    variables: &'a Variables<'a>,
    config: &'a Config,
    limits: Limits,
    warnings: &'a mut Vec<String>,
    shown: &'a mut Vec<Shown>,
}

type Refused = Vec<(String, String)>;

impl Servers<'_> {
    fn all(&mut self) -> Result<(Vec<Server>, Refused), CliError> {
        let openai = ["OPENAI_BASE_URL", "OPENAI_API_BASE"];
        let mut servers = vec![
            self.built_in("openai", ServerKind::OpenAi, &openai, crate::model::server::OPENAI, "OPENAI_API_KEY")?,
            self.built_in(
                "ollama",
                ServerKind::Ollama,
                &["OLLAMA_HOST"],
                crate::model::server::OLLAMA,
                "OLLAMA_API_KEY",
            )?,
            self.server("scripted", ServerKind::Scripted, ("http://127.0.0.1", Origin::Default), "")?,
        ];
        let mut refused = Vec::new();
        let own = self.config.servers.iter().filter(|(n, _)| !["openai", "ollama"].contains(&n.as_str()));
        for (name, written) in own {
            let wrong = |what: &str| CliError::usage(format!("[servers.{name}] in the configuration file: {what}"));
            let kind = match written.kind.as_deref() {
                Some("openai") => ServerKind::OpenAi,
                Some("ollama") => ServerKind::Ollama,
                Some("azure") => {
                    refused.push((name.clone(), "kind \"azure\": this version of convoke does not have it".to_owned()));
                    continue;
                }
                Some(other) => return Err(wrong(&format!("kind cannot be `{other}`")).hint("\"openai\" or \"ollama\"")),
                None => return Err(wrong("`kind` is missing").hint("\"openai\" or \"ollama\"")),
            };
            if name == "scripted" || name.contains('/') {
                return Err(wrong("a server cannot have that name"));
            }
            let Some(url) = &written.base_url else { return Err(wrong("`base_url` is missing")) };
            let key = written.api_key_env.clone().unwrap_or_default();
            servers.push(self.server(name, kind, (url, Origin::Config), &key)?);
        }
        Ok((servers, refused))
    }

    fn built_in(
        &mut self,
        name: &str,
        kind: ServerKind,
        addresses: &[&str],
        default: &str,
        key: &str,
    ) -> Result<Server, CliError> {
        let written = self.config.servers.get(name);
        let address = addresses.iter().find_map(|a| self.variables.get(a));
        let address = address
            .or_else(|| written.and_then(|s| s.base_url.clone()).map(|u| (u, Origin::Config)))
            .unwrap_or_else(|| (default.to_owned(), Origin::Default));
        let key = written.and_then(|s| s.api_key_env.clone()).unwrap_or_else(|| key.to_owned());
        self.server(name, kind, (&address.0, address.1), &key)
    }

    fn server(
        &mut self,
        name: &str,
        kind: ServerKind,
        (address, origin): (&str, Origin),
        variable: &str,
    ) -> Result<Server, CliError> {
        let base_url = Address::parse(kind, address).map_err(|e| {
            CliError::usage(format!("the address of server `{name}` ({}) {e}", origin.word()))
                .hint("for example http://127.0.0.1:11434")
        })?;
        if kind != ServerKind::Scripted {
            self.shown.push(Shown { name: format!("{name}.address"), value: base_url.to_string(), origin });
        }
        let key = self.variables.key_for(variable, origin, self.warnings);
        if !variable.is_empty() && (key.is_some() || kind == ServerKind::OpenAi) {
            let origin = self.variables.get(variable).map_or(Origin::Default, |v| v.1);
            let value = format!("{variable} is {}", if key.is_some() { "set" } else { "not set" });
            self.shown.push(Shown { name: format!("{name}.key"), value, origin });
        }
        let key_variable = variable.to_owned();
        Ok(Server { name: name.to_owned(), kind, base_url, key, key_variable, limits: self.limits })
    }
}
