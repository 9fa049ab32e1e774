//! The servers of language models that the user has configured.

use super::sources::{Config, Variables};
use super::world::{Origin, Shown};
use crate::cli::error::CliError;
use crate::design::plan::HUMAN;
use crate::model::server::Address;
use crate::model::{Limits, Server, ServerKind};

/// Builds the list of servers.
pub struct Servers<'a> {
    pub variables: &'a Variables<'a>,
    pub config: &'a Config,
    pub limits: Limits,
    pub warnings: &'a mut Vec<String>,
    pub shown: &'a mut Vec<Shown>,
}

type Refused = Vec<(String, String)>;

impl Servers<'_> {
    /// Returns the usable servers; and the unusable servers, each with the reason.
    pub fn resolve_all(&mut self) -> Result<(Vec<Server>, Refused), CliError> {
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
            self.resolve_server("scripted", ServerKind::Scripted, ("http://127.0.0.1", Origin::Default), "")?,
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
            if name == "scripted" || name == HUMAN || name.contains('/') {
                return Err(wrong("a server cannot have that name"));
            }
            let Some(url) = &written.base_url else { return Err(wrong("`base_url` is missing")) };
            let key = written.api_key_env.clone().unwrap_or_default();
            servers.push(self.resolve_server(name, kind, (url, Origin::Config), &key)?);
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
        self.resolve_server(name, kind, (&address.0, address.1), &key)
    }

    fn resolve_server(
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
