//! The servers of language models that the user has configured.

use super::sources::{Config, Variables};
use super::world::{Origin, Shown};
use crate::cli::error::CliError;
use crate::design::plan::HUMAN;
use crate::model::server::AddressError;
use crate::model::{Limits, Server, ServerKind};

/// Builds the list of servers.
pub struct Servers<'a> {
    pub variables: &'a Variables<'a>,
    pub config: &'a Config,
    pub limits: Limits,
    pub warnings: &'a mut Vec<String>,
    pub shown: &'a mut Vec<Shown>,
}

impl Servers<'_> {
    /// Returns the servers, the built-in ones first.
    pub fn resolve_all(&mut self) -> Result<Vec<Server>, CliError> {
        let openai = ["OPENAI_BASE_URL", "OPENAI_API_BASE"];
        let (openai_at, ollama_at) = (crate::model::server::OPENAI, crate::model::server::OLLAMA);
        let mut servers = vec![
            self.built_in("openai", ServerKind::OpenAi, &openai, openai_at, "OPENAI_API_KEY")?,
            self.built_in("ollama", ServerKind::Ollama, &["OLLAMA_HOST"], ollama_at, "OLLAMA_API_KEY")?,
            self.resolve_server("scripted", ServerKind::Scripted, ("http://127.0.0.1", Origin::Default, ""), "")?,
        ];
        let endpoint = "AZURE_OPENAI_ENDPOINT";
        if self.variables.get(endpoint).is_some() {
            let keys = ["AZURE_OPENAI_API_KEY", "AZURE_OPENAI_KEY"];
            let key = keys.into_iter().find(|key| self.variables.get(key).is_some()).unwrap_or(keys[0]);
            servers.push(self.built_in("azure", ServerKind::Azure, &[endpoint], "", key)?);
        }
        let is_known = |name: &str| servers.iter().any(|s| s.name == name);
        let own: Vec<_> = self.config.servers.iter().filter(|(name, _)| !is_known(name)).collect();
        for (name, written) in own {
            let wrong = |what: &str| CliError::usage(format!("[servers.{name}] in the configuration file: {what}"));
            let kinds = "\"openai\", \"azure\" or \"ollama\"";
            let kind = match written.kind.as_deref() {
                Some("openai") => ServerKind::OpenAi,
                Some("azure") => ServerKind::Azure,
                Some("ollama") => ServerKind::Ollama,
                Some(other) => return Err(wrong(&format!("kind cannot be `{other}`")).hint(kinds)),
                None => return Err(wrong("`kind` is missing").hint(kinds)),
            };
            if name == "scripted" || name == HUMAN || name.contains('/') {
                return Err(wrong("a server cannot have that name"));
            }
            let Some(url) = &written.base_url else { return Err(wrong("`base_url` is missing")) };
            let key = written.api_key_env.clone().unwrap_or_default();
            servers.push(self.resolve_server(name, kind, (url, Origin::Config, ""), &key)?);
        }
        Ok(servers)
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
        let variable = addresses.iter().find_map(|a| Some((self.variables.get(a)?, *a)));
        let ((address, origin), variable) = match (variable, written.and_then(|s| s.base_url.clone())) {
            (Some(variable), _) => variable,
            (None, Some(url)) => ((url, Origin::Config), ""),
            (None, None) => ((default.to_owned(), Origin::Default), ""),
        };
        let key = written.and_then(|s| s.api_key_env.clone()).unwrap_or_else(|| key.to_owned());
        self.resolve_server(name, kind, (&address, origin, variable), &key)
    }

    /// Resolves a server. A malformed address in an environment variable makes only this server unusable, and the
    /// command continues.
    fn resolve_server(
        &mut self,
        name: &str,
        kind: ServerKind,
        (address, origin, address_variable): (&str, Origin, &str),
        variable: &str,
    ) -> Result<Server, CliError> {
        let (mut server, fault) = match Server::new(name, kind, address) {
            Ok(server) => (server, None),
            // One that may hold a secret is refused at once.
            Err(e @ (AddressError::Malformed(_) | AddressError::Scheme)) if !address_variable.is_empty() => {
                let unused = Server::new(name, kind, "http://127.0.0.1").map_err(|e| CliError::usage(e.to_string()))?;
                (unused, Some(format!("{address_variable} {e}")))
            }
            Err(e) => {
                let wrong = format!("the address of server `{name}` ({}) {e}", origin.word());
                return Err(CliError::usage(wrong).hint("for example http://127.0.0.1:11434"));
            }
        };
        if kind != ServerKind::Scripted {
            let value = fault.clone().unwrap_or_else(|| server.base_url.to_string());
            self.shown.push(Shown { name: format!("{name}.address"), value, origin });
        }
        let key = self.variables.key_for(variable, origin, self.warnings);
        if !variable.is_empty() && (key.is_some() || matches!(kind, ServerKind::OpenAi | ServerKind::Azure)) {
            let origin = self.variables.get(variable).map_or(Origin::Default, |v| v.1);
            let value = format!("{variable} is {}", if key.is_some() { "set" } else { "not set" });
            self.shown.push(Shown { name: format!("{name}.key"), value, origin });
        }
        let written = self.config.servers.get(name);
        let version = self.variables.get("AZURE_OPENAI_API_VERSION").filter(|_| name == "azure").map(|v| v.0);
        server.fault = fault.or_else(|| self.proxy_fault(&server));
        server.limits = self.limits;
        server.max_tokens_as = written.and_then(|s| s.max_tokens_as);
        server.schema = written.and_then(|s| s.schema);
        server.api_version = version.or_else(|| written.and_then(|s| s.api_version.clone()));
        Ok(server.with_key(key, variable))
    }

    /// Finds the mistake of the proxy variable that holds for a server. Otherwise its requests would leave without the
    /// proxy. Plain `http` uses no proxy.
    fn proxy_fault(&self, server: &Server) -> Option<String> {
        if !server.base_url.is_https() {
            return None;
        }
        let set =
            |name: &&str| self.variables.env.get(*name).filter(|v| !v.trim().is_empty()).map(|v| (name.to_string(), v));
        let (name, value) = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"].iter().find_map(set)?;
        let full = if value.contains("://") { value.clone() } else { format!("http://{value}") };
        let is_proxy = url::Url::parse(&full)
            .is_ok_and(|u| matches!(u.scheme(), "http" | "https") && u.host_str().is_some_and(|host| !host.is_empty()));
        (!is_proxy).then(|| format!("{name} is not the address of an HTTP proxy, such as http://HOST:PORT"))
    }
}
