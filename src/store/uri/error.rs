//! Errors in the address of a database.

/// An error in the address of a database. No message repeats the address, which may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UriError {
    /// The address begins neither with `sqlite:` nor with `mongodb…`.
    #[error("a store is written `sqlite:PATH` or `mongodb://HOST/DATABASE`")]
    Scheme,
    /// The path is missing.
    #[error("`sqlite:` needs the path of a file, such as sqlite:convoke.db")]
    NoPath,
    /// The address of a MongoDB cannot be read.
    #[error("the address of the MongoDB cannot be read: {cause}")]
    Mongo {
        /// Place and reason, without the address.
        cause: String,
    },
    /// The text cannot be the name of a database.
    #[error("a MongoDB database cannot be called `{name}`")]
    Database {
        /// The name.
        name: String,
    },
    /// The key is unknown.
    #[error("`sqlite:PATH?{key}=…`: the only setting is max-mb")]
    Key {
        /// The key.
        key: String,
    },
    /// `max-mb` is not a size.
    #[error("`max-mb` is a whole number of mebibytes from 1, such as sqlite:convoke.db?max-mb=500")]
    MaxMb,
}
