//! Connecting and signing in.

use crate::store::{MongoUri, StoreError};
use ::mongodb::options::ClientOptions;
use ::mongodb::{Client, Database};

/// Connects to the server and names the database. Nothing is asked of the server yet.
pub(super) async fn connect(uri: &MongoUri) -> Result<Database, StoreError> {
    let unreachable =
        |e: ::mongodb::error::Error| StoreError::Unreachable { place: uri.to_string(), cause: e.to_string() };
    let options = ClientOptions::parse(uri.secret()).await.map_err(unreachable)?;
    let client = Client::with_options(options).map_err(unreachable)?;
    Ok(client.database(uri.database.as_deref().unwrap_or("convoke")))
}
