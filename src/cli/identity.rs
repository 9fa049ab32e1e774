//! The person who signed in to a database.

use crate::store::MongoUri;

/// Who signed in where.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The server, the database and the login, all of which worked.
    pub uri: MongoUri,
    /// Who acts: whom the server let in, else an unverified name.
    pub creator: String,
}
