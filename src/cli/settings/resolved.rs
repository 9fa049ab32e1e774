//! Settings, each resolved once into a plain value with its origin.

use super::servers::Servers;
use super::sources::{LimitsConfig, Variables, read_config, read_dotenv};
use super::store::{Creator, MongoVariables, StoreChoice, StoreResolver};
use super::world::{Origin, Shown, World};
use crate::cli::error::CliError;
use crate::lab;
use crate::model::Limits;
use crate::store::StoreUri;
use secrecy::SecretString;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// All resolved settings.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The database.
    pub store: StoreChoice,
    /// Values that `login` proposes first.
    pub given: MongoVariables,
    /// Servers of language models.
    pub servers: lab::Servers,
    /// The creator's name as known before signing in.
    pub creator: String,
    /// True if a server will verify the creator's name.
    pub signs_in: bool,
    /// The program's own folder for drafts, if there is one.
    pub state: Option<PathBuf>,
    /// Warnings to print.
    pub warnings: Vec<String>,
    /// Every setting with its origin.
    pub shown: Vec<Shown>,
}

impl Settings {
    /// Resolves all settings. `store` is the value of `--store`.
    pub fn resolve(world: &World, store: Option<&str>) -> Result<Self, CliError> {
        let mut warnings = Vec::new();
        let dotenv = read_dotenv(&world.folder, &mut warnings)?;
        let variables = Variables { env: &world.env, dotenv };
        let config = read_config(&variables)?;
        let mut shown = Vec::new();
        let mut choosing = StoreResolver {
            world,
            flag: store,
            variables: &variables,
            config: &config,
            warnings: &mut warnings,
            shown: &mut shown,
        };
        let store = choosing.choose_store()?;
        let creator = choosing.choose_creator(&store);
        let given = choosing.login_values();
        let limits = resolve_limits(&variables, &config.limits, &mut shown)?;
        let mut servers =
            Servers { variables: &variables, config: &config, limits, warnings: &mut warnings, shown: &mut shown };
        let usable = servers.resolve_all()?;
        let script = variables.get("CONVOKE_SCRIPT").or_else(|| config.script.clone().map(|s| (s, Origin::Config)));
        if let Some((path, origin)) = &script {
            shown.push(Shown { name: "script".into(), value: path.clone(), origin: *origin });
        }
        let script = script.map(|(path, _)| world.folder.join(path));
        let state = state_folder(world);
        let concurrency = config.servers.iter().filter_map(|(n, s)| s.concurrency.map(|c| (n.clone(), c))).collect();
        let servers = lab::Servers { usable, concurrency, script };
        let Creator { name: creator, signs_in } = creator;
        Ok(Self { store, given, servers, creator, signs_in, state, warnings, shown })
    }

    /// Returns every secret in use, so that logs can omit them.
    pub fn secrets(&self) -> Vec<SecretString> {
        let keys = self.servers.usable.iter().filter_map(|s| s.key.clone()).chain(self.given.any_password.clone());
        let StoreUri::Mongo(uri) = &self.store.uri else { return keys.collect() };
        keys.chain(uri.secrets()).collect()
    }
}

/// Finds `$XDG_STATE_HOME/convoke`, else `~/.local/state/convoke`. A `.env` cannot change it.
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

fn resolve_limits(
    variables: &Variables<'_>,
    config: &LimitsConfig,
    shown: &mut Vec<Shown>,
) -> Result<Limits, CliError> {
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
