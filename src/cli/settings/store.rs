//! The choice of the database, and of the creator's name.
//!
//! The first source wins: `--store` · `CONVOKE_STORE` · `DB_CLUSTER_URL` · configuration file · the nearest
//! `convoke.db`. `DB_NAME` completes an address without a database, and `DB_PASSWORD` an address without a password. An
//! address from a folder's `.env` gets only a password from the same `.env`, so that no user's password is sent to a
//! foreign address. If the address is `DB_CLUSTER_URL`, convoke signs in as `DB_USER`; otherwise `DB_USER` is only the
//! creator's name.

use super::sources::{Config, Variables};
use super::world::{Origin, Shown, World};
use crate::cli::error::CliError;
use crate::store::{MongoUri, Parts, StoreUri};
use secrecy::{ExposeSecret, SecretString};

/// The chosen database and its origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreChoice {
    /// The address of the database.
    pub uri: StoreUri,
    /// The origin of the address.
    pub origin: Origin,
    /// Name of the source: `--store`, a variable, or `store` in the configuration file; empty for the default.
    pub name: &'static str,
}

/// The name under which this process acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Creator {
    pub name: String,
    /// True if a server will verify the name.
    pub signs_in: bool,
}

/// MongoDB settings from variables. Flags and answers complete them.
#[derive(Debug, Clone, Default)]
pub struct MongoVariables {
    /// The address, its origin, and the name of the setting for messages.
    pub address: Option<(String, Origin, &'static str)>,
    /// `DB_USER`.
    pub user: Option<String>,
    /// `DB_PASSWORD`, if it may be sent to that address.
    pub password: Option<SecretString>,
    /// `DB_PASSWORD` from any origin.
    pub any_password: Option<SecretString>,
    /// `DB_NAME`.
    pub database: Option<String>,
}

/// Resolves the database and the creator's name.
pub struct StoreResolver<'a> {
    pub world: &'a World,
    pub flag: Option<&'a str>,
    pub variables: &'a Variables<'a>,
    pub config: &'a Config,
    pub warnings: &'a mut Vec<String>,
    pub shown: &'a mut Vec<Shown>,
}

impl StoreResolver<'_> {
    pub fn choose_store(&mut self) -> Result<StoreChoice, CliError> {
        let Some((text, origin, name)) = self.first_source() else {
            let near = self.world.folder.ancestors().map(|f| f.join("convoke.db")).find(|p| p.is_file());
            let path = near.unwrap_or_else(|| self.world.folder.join("convoke.db"));
            let uri = StoreUri::Sqlite { path, max_mb: None };
            self.record_shown("store", &uri.to_string(), Origin::Default);
            return Ok(StoreChoice { uri, origin: Origin::Default, name: "" });
        };
        let is_cluster = name == "DB_CLUSTER_URL";
        let uri = if is_cluster || text.trim().starts_with("mongodb") {
            let named = |e: CliError| CliError { message: format!("{name} ({}): {}", origin.word(), e.message), ..e };
            StoreUri::Mongo(self.complete_address(&text, origin, name).map_err(named)?)
        } else {
            text.parse()?
        };
        self.record_shown("store", &uri.to_string(), origin);
        Ok(StoreChoice { uri, origin, name })
    }

    /// Returns the first source that names the database.
    fn first_source(&self) -> Option<(String, Origin, &'static str)> {
        let full = |text: &&str| !text.trim().is_empty();
        let flag = self.flag.filter(full).map(|f| (f.to_owned(), Origin::Flag, "--store"));
        let variable = |name: &'static str| self.variables.get(name).map(|(text, origin)| (text, origin, name));
        let config = || self.config.store.as_deref().filter(full).map(|s| (s.to_owned(), Origin::Config, "store"));
        flag.or_else(|| variable("CONVOKE_STORE")).or_else(|| variable("DB_CLUSTER_URL")).or_else(config)
    }

    fn complete_address(&mut self, text: &str, origin: Origin, name: &'static str) -> Result<MongoUri, CliError> {
        let bare = MongoUri::from_parts(text, Parts::default())?;
        if origin == Origin::Flag && bare.password().is_some() {
            self.warnings.push(format!("others on this machine can read the password in {name}: {SAFER}"));
        }
        let given = self.collect_given(Some((text.to_owned(), origin, name)));
        let user = given.user.clone().filter(|_| name == "DB_CLUSTER_URL");
        let has_user = bare.user.is_some() || user.is_some();
        let unused = given.password.as_ref().zip(bare.password());
        if unused.is_some_and(|(one, other)| one.expose_secret() != other.expose_secret()) && name == "DB_CLUSTER_URL" {
            self.warnings.push("DB_PASSWORD is not used: DB_CLUSTER_URL holds a password".to_owned());
        }
        if let Some((_, from)) = self.variables.get("DB_PASSWORD") {
            if given.password.is_none() && has_user && bare.password().is_none() {
                self.warnings
                    .push(format!("{name} comes from .env and DB_PASSWORD does not: the password is not sent there"));
            } else if !has_user && name == "DB_CLUSTER_URL" {
                self.warnings.push("DB_PASSWORD is set and DB_USER is not: nobody signs in".to_owned());
            } else if has_user && bare.password().is_none() {
                self.record_shown("store.password", "DB_PASSWORD is set", from);
            }
        }
        if let Some((database, from)) = self.variables.get("DB_NAME").filter(|_| bare.database.is_none()) {
            self.record_shown("store.database", &database, from);
        }
        let parts = Parts { user, password: given.password, database: given.database };
        Ok(MongoUri::from_parts(text, parts)?)
    }

    /// Collects the variables that complete an address.
    fn collect_given(&self, address: Option<(String, Origin, &'static str)>) -> MongoVariables {
        let of = |name: &str| self.variables.get(name);
        let foreign = address.as_ref().is_some_and(|(_, origin, _)| *origin == Origin::DotEnv);
        let any = of("DB_PASSWORD");
        let password = any.clone().filter(|(_, origin)| !foreign || *origin == Origin::DotEnv);
        MongoVariables {
            address,
            user: of("DB_USER").map(|u| u.0),
            password: password.map(|p| SecretString::from(p.0)),
            any_password: any.map(|p| SecretString::from(p.0)),
            database: of("DB_NAME").map(|d| d.0),
        }
    }

    /// Returns the values that `login` proposes first: the first MongoDB address, even if the database in use is a
    /// file.
    pub fn login_values(&self) -> MongoVariables {
        let mongo =
            |found: &(String, Origin, &str)| found.2 == "DB_CLUSTER_URL" || found.0.trim().starts_with("mongodb");
        let cluster = || self.variables.get("DB_CLUSTER_URL").map(|(text, origin)| (text, origin, "DB_CLUSTER_URL"));
        self.collect_given(self.first_source().filter(mongo).or_else(cluster))
    }

    /// Returns the creator's name: the user who signs in, else `DB_USER`, else the login name.
    pub fn choose_creator(&mut self, store: &StoreChoice) -> Creator {
        let variable = self.variables.get("DB_USER");
        let signed_in = match &store.uri {
            StoreUri::Mongo(uri) => uri.user.clone().filter(|_| uri.signs_in()),
            StoreUri::Sqlite { .. } => None,
        };
        if let Some(name) = signed_in {
            let origin = variable.filter(|v| v.0 == name).map_or(store.origin, |v| v.1);
            self.record_shown("creator", &format!("{name} (signs in)"), origin);
            return Creator { name, signs_in: true };
        }
        let origin = variable.as_ref().map_or(Origin::Default, |v| v.1);
        let name = variable.map_or_else(|| self.world.user.clone(), |v| v.0);
        self.record_shown("creator", &format!("{name} (unverified)"), origin);
        Creator { name, signs_in: false }
    }

    fn record_shown(&mut self, name: &str, value: &str, origin: Origin) {
        self.shown.push(Shown { name: name.to_owned(), value: value.to_owned(), origin });
    }
}

/// Remedy for a password on the command line.
pub const SAFER: &str = "give it as DB_PASSWORD, or use `convoke login`";
