//! The sources of settings: the environment, `.env` and the user's configuration file.

use super::world::Origin;
use crate::cli::error::{CliError, Exit};
use crate::model::server::{MaxTokensAs, SchemaDialect};
use crate::store::without_password;
use secrecy::SecretString;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The user's configuration file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    pub store: Option<String>,
    pub script: Option<String>,
    pub servers: BTreeMap<String, ServerConfig>,
    pub limits: LimitsConfig,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServerConfig {
    pub kind: Option<String>,
    pub base_url: Option<String>,
    pub api_key_env: Option<String>,
    pub concurrency: Option<u32>,
    pub max_tokens_as: Option<MaxTokensAs>,
    pub schema: Option<SchemaDialect>,
    pub api_version: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsConfig {
    pub connect: Option<f64>,
    pub first_byte: Option<f64>,
    pub idle: Option<f64>,
    pub attempt: Option<f64>,
    pub reply_mib: Option<f64>,
}

/// Returns true for the name of a secret. A secret is never shown. If other users can read a `.env` with a secret, the
/// user is warned.
fn is_secret(name: &str) -> bool {
    name.ends_with("_KEY") || name.ends_with("_PASSWORD") || name.ends_with("_TOKEN") || name.ends_with("_SECRET")
}

/// Returns true for a variable that no child process may inherit, since its value holds a secret.
pub fn holds_secret(name: &str, value: &str) -> bool {
    let is_address = name == "CONVOKE_STORE" || name == "DB_CLUSTER_URL";
    !value.is_empty() && (is_secret(name) || (is_address && without_password(value) != value))
}

/// The variables of the environment and of `.env`.
pub struct Variables<'a> {
    pub env: &'a BTreeMap<String, String>,
    pub dotenv: BTreeMap<String, String>,
}

impl Variables<'_> {
    pub fn get(&self, name: &str) -> Option<(String, Origin)> {
        let of = |map: &BTreeMap<String, String>| map.get(name).filter(|v| !v.trim().is_empty()).cloned();
        of(self.env).map(|v| (v, Origin::Environment)).or_else(|| of(&self.dotenv).map(|v| (v, Origin::DotEnv)))
    }

    /// Returns a key for an address of that origin. An address from `.env` gets only a key from the same `.env`, so
    /// that no other key is sent to a foreign address.
    pub fn key_for(&self, variable: &str, address: Origin, warnings: &mut Vec<String>) -> Option<SecretString> {
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

pub fn read_dotenv(folder: &Path, warnings: &mut Vec<String>) -> Result<BTreeMap<String, String>, CliError> {
    let path = folder.join(".env");
    if !path.is_file() {
        return Ok(BTreeMap::new());
    }
    let wrong = |e: &dyn std::fmt::Display| {
        CliError::usage(format!("cannot read {}", path.display()))
            .cause(e)
            .hint("one NAME=VALUE a line; see .env_template")
    };
    let bytes = std::fs::read(&path).map_err(|_| wrong(&"it cannot be opened"))?;
    let (readable, unreadable) = split_readable(&decode(&bytes));
    // No message quotes a line, which may hold a secret.
    for (number, name) in unreadable {
        if is_ours(&name) {
            return Err(wrong(&format!("line {number} is not NAME=VALUE")));
        }
        warnings.push(format!("line {number} of {} is not NAME=VALUE and is left out", path.display()));
    }
    let items = dotenvy::from_read_iter(readable.as_bytes());
    let map: BTreeMap<String, String> =
        items.collect::<Result<_, _>>().map_err(|_| wrong(&"a line is not NAME=VALUE"))?;
    if map.iter().any(|(name, value)| holds_secret(name, value)) && others_can_read(&path) {
        warnings.push(format!("others can read {}, which holds a secret: chmod 600 it", path.display()));
    }
    Ok(map)
}

/// Returns true for a variable that this program reads, or may read as a key.
fn is_ours(name: &str) -> bool {
    let ours = ["CONVOKE_", "DB_", "OPENAI_", "OLLAMA_", "AZURE_OPENAI_"];
    ours.iter().any(|prefix| name.starts_with(prefix)) || is_secret(name)
}

/// Decodes a file of an editor that writes a byte-order mark, UTF-16 too.
fn decode(bytes: &[u8]) -> String {
    let units = |read: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes.chunks_exact(2).skip(1).map(|pair| read([pair[0], pair[1]])).collect();
        String::from_utf16_lossy(&units)
    };
    match bytes {
        [0xff, 0xfe, ..] => units(u16::from_le_bytes),
        [0xfe, 0xff, ..] => units(u16::from_be_bytes),
        _ => String::from_utf8_lossy(bytes).trim_start_matches('\u{feff}').to_owned(),
    }
}

/// Splits a text into the lines that can be read, and the numbers and names of the others: files of other programs hold
/// lines of other forms.
fn split_readable(text: &str) -> (String, Vec<(usize, String)>) {
    let is_readable =
        |text: &str| !text.contains('\u{fffd}') && dotenvy::from_read_iter(text.as_bytes()).all(|item| item.is_ok());
    if is_readable(text) {
        return (text.to_owned(), Vec::new());
    }
    let (mut readable, mut unreadable, mut number) = (String::new(), Vec::new(), 1);
    for part in super::dotenv::split_lines(text) {
        // A quote that is never closed makes one part of all lines behind it.
        let lines: Vec<&str> = if is_readable(&part) { vec![&part] } else { part.split_inclusive('\n').collect() };
        for line in lines {
            if is_readable(line) {
                readable.push_str(line);
            } else {
                let name = super::dotenv::assigned_name(line).unwrap_or(line.trim());
                unreadable.push((number, name.to_owned()));
            }
            number += line.matches('\n').count();
        }
    }
    (readable, unreadable)
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

pub fn read_config(variables: &Variables<'_>) -> Result<Config, CliError> {
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

/// Returns `$XDG_CONFIG_HOME/convoke/config.toml`, else `~/.config/convoke/config.toml`.
fn config_path(variables: &Variables<'_>) -> Option<PathBuf> {
    use etcetera::BaseStrategy;
    let base = match variables.get("XDG_CONFIG_HOME") {
        Some((folder, _)) => PathBuf::from(folder),
        None => etcetera::choose_base_strategy().ok()?.config_dir(),
    };
    Some(base.join("convoke").join("config.toml"))
}
