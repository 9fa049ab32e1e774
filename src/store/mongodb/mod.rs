//! A server of the `MongoDB` protocol. BSON stays in here.

pub mod connect;

use super::MongoUri;
use super::StoreError;
use super::sqlite::OpenMode;
use ::mongodb::Database;

/// A database on a server.
pub struct Mongo {
    pub place: String,
    database: Database,
}

impl Mongo {
    /// Connects, and makes ready what `mode` needs.
    pub async fn open(uri: &MongoUri, mode: OpenMode) -> Result<Self, StoreError> {
        let _ = mode;
        let database = connect::connect(uri).await?;
        Ok(Self { place: uri.to_string(), database })
    }
}
