//! The database on a server: opening it, and running each verb in a task of its own.

use super::base::Base;
use super::fail::Fail;
use super::{connect, open};
use crate::store::{MongoUri, OpenMode, StoreError};
use std::future::Future;
use std::sync::Arc;

/// A database on a server.
pub struct Mongo {
    pub(super) base: Arc<Base>,
}

impl Mongo {
    /// Signs in, and prepares the database for `mode`. Writing creates the indexes of a new database. Reading creates
    /// nothing; if the database does not exist, returns [`StoreError::Missing`].
    pub async fn open(uri: &MongoUri, mode: OpenMode) -> Result<Self, StoreError> {
        let (place, database) = (uri.to_string(), connect::connect_database(uri).await?);
        let opened = tokio::spawn(open::open_base(place.clone(), database, mode)).await;
        let opened = opened.map_err(|e| StoreError::Other { place: place.clone(), cause: e.to_string() })?;
        Ok(Self { base: Arc::new(opened.map_err(|f| f.at_place(&place))?) })
    }

    /// Runs `work` in a task of its own, which runs to its end even if the caller stops waiting.
    pub(super) async fn run_apart<T, F>(&self, work: impl FnOnce(Arc<Base>) -> F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Fail>> + Send + 'static,
    {
        let place = self.base.place.clone();
        let done = tokio::spawn(work(Arc::clone(&self.base))).await;
        done.map_err(|e| StoreError::Other { place: place.clone(), cause: e.to_string() })?
            .map_err(|f| f.at_place(&place))
    }

    /// Runs `work` as [`Mongo::run_apart`] does; fails if the database was opened for reading only.
    pub(super) async fn run_write<T, F>(&self, work: impl FnOnce(Arc<Base>) -> F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Fail>> + Send + 'static,
    {
        if self.base.mode == OpenMode::Read {
            return Err(StoreError::Refused { what: format!("{} was opened for reading only", self.base.place) });
        }
        self.run_apart(work).await
    }
}
