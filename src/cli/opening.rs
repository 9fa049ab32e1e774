//! Opening the database that the settings name.

use super::context::Context;
use super::error::{CliError, Exit};
use super::sign_in;
use crate::lab::find::nothing_stored;
use crate::lab::{Lab, Who};
use crate::store::sqlite::{OpenMode, Sqlite};
use crate::store::{Store, StoreUri};
use std::sync::Arc;

impl Context {
    /// Opens the database.
    async fn open_store(&self, mode: OpenMode) -> Result<Arc<dyn Store>, CliError> {
        let (path, max_mb) = match &self.settings.store.uri {
            StoreUri::Sqlite { path, max_mb } => (path, *max_mb),
            StoreUri::Mongo(uri) => return sign_in::open_server(self, uri, mode).await,
        };
        let opened = Sqlite::open(&self.world.folder.join(path), mode, max_mb)?;
        if let Some(migrated) = &opened.migrated {
            let (from, to, backup) = (migrated.from, migrated.to, migrated.backup.display());
            self.printer.chat(&format!("brought the database from schema {from} to {to}; as it was: {backup}"));
        }
        Ok(Arc::new(opened.store))
    }

    /// Opens the database for use cases.
    pub async fn lab(&self, mode: OpenMode) -> Result<Lab, CliError> {
        let store = self.open_store(mode).await?;
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let who = Who {
            creator: self.creator().to_owned(),
            host: self.world.host.clone(),
            boot: boot.trim().to_owned(),
            pid: std::process::id(),
        };
        Ok(Lab {
            store,
            who,
            servers: self.settings.servers.clone(),
            folder: self.world.folder.clone(),
            clock: self.world.clock,
            random: self.world.random,
        })
    }

    /// Opens the database for reading.
    pub async fn reader(&self) -> Result<Lab, CliError> {
        self.lab(OpenMode::Read).await
    }

    /// Opens the database for reading the item with this name. Nothing has the name where the database does not exist.
    pub async fn reader_for(&self, what: &str) -> Result<Lab, CliError> {
        self.reader().await.map_err(|error| {
            if error.exit == Exit::NotFound {
                nothing_stored(&self.world.folder, what, &self.settings.store.uri.to_string()).into()
            } else {
                error
            }
        })
    }

    /// Opens a database that exists, for a small change of the item with this name.
    pub async fn changing(&self, what: &str) -> Result<Lab, CliError> {
        self.existing(what, OpenMode::Write).await
    }

    /// Opens a database for the item with this name. Fails if the database does not exist.
    pub async fn existing(&self, what: &str, mode: OpenMode) -> Result<Lab, CliError> {
        if matches!(self.settings.store.uri, StoreUri::Sqlite { .. })
            && let Err(error) = self.reader_for(what).await
            && error.exit == Exit::NotFound
        {
            return Err(error);
        }
        self.lab(mode).await
    }
}
