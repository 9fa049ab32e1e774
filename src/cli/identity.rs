//! The person who signed in to a database.

use crate::store::MongoUri;

/// An identity on a server.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The server, the database and the login, all of which worked.
    pub uri: MongoUri,
    /// The creator's name: as verified by the server, else unverified.
    pub creator: String,
}
