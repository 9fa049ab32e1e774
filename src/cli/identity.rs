//! The person who signed in to a database.

use crate::store::MongoUri;

/// An identity on a server.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The server, the database and the login. Signing in with them succeeded.
    pub uri: MongoUri,
    /// The creator's name. It is verified if a user signed in.
    pub creator: String,
}
