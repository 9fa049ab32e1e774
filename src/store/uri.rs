//! Addresses of databases: `sqlite:PATH`, `sqlite:PATH?max-mb=N`, `mongodb://…`, `mongodb+srv://…`. Errors, `Debug` and
//! `Display` never contain a password.
//!
//! | file | come here to … |
//! |---|---|
//! | `mongo` | read the address of a MongoDB, or build one from its parts |
//! | `driver` | see which addresses the driver reads, and what its errors say |
//! | `error` | see every error in an address |

pub(super) mod driver;
mod error;
mod mongo;
#[cfg(test)]
mod mongo_tests;

pub use error::UriError;
pub use mongo::{MongoUri, Parts, without_password};

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// The address of a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreUri {
    /// The embedded database, a file.
    Sqlite {
        /// Path as written, without percent-decoding; the query follows the last `?`.
        path: PathBuf,
        /// Quota of the file in MiB.
        max_mb: Option<u32>,
    },
    /// A server of the `MongoDB` protocol.
    Mongo(MongoUri),
}

impl FromStr for StoreUri {
    type Err = UriError;

    fn from_str(text: &str) -> Result<Self, UriError> {
        let text = mongo::printed_address(text);
        let (scheme, rest) = text.split_once(':').ok_or(UriError::Scheme)?;
        match scheme.to_ascii_lowercase().as_str() {
            "sqlite" => parse_sqlite(rest),
            "mongodb" | "mongodb+srv" => MongoUri::from_parts(text, Parts::default()).map(Self::Mongo),
            _ => Err(UriError::Scheme),
        }
    }
}

fn parse_sqlite(rest: &str) -> Result<StoreUri, UriError> {
    let (path, query) = rest.rsplit_once('?').unwrap_or((rest, ""));
    // People often write `sqlite:///a/b` and `sqlite://a/b`. Both slashes belong to the scheme.
    let path = path.strip_prefix("//").unwrap_or(path);
    // Conversations are kept: a store in memory would lose them.
    if path.is_empty() || path.starts_with(":memory:") {
        return Err(UriError::NoPath);
    }
    let mut max_mb = None;
    for setting in query.split('&').filter(|s| !s.is_empty()) {
        let (key, value) = setting.split_once('=').unwrap_or((setting, ""));
        if key != "max-mb" {
            return Err(UriError::Key { key: key.to_owned() });
        }
        max_mb = Some(value.parse().ok().filter(|n| *n > 0).ok_or(UriError::MaxMb)?);
    }
    Ok(StoreUri::Sqlite { path: PathBuf::from(path), max_mb })
}

impl fmt::Display for StoreUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (path, max_mb) = match self {
            Self::Sqlite { path, max_mb } => (path, max_mb),
            Self::Mongo(uri) => return uri.fmt(f),
        };
        write!(f, "sqlite:{}", path.display())?;
        max_mb.map_or(Ok(()), |n| write!(f, "?max-mb={n}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_uri(text: &str) -> Result<StoreUri, UriError> {
        text.parse()
    }

    #[test]
    fn paths_and_quotas_are_read_and_shown_again() {
        for text in ["sqlite:convoke.db", "sqlite:/a b/ü.db", "sqlite:a.db?max-mb=12", "sqlite:../a?b.db?max-mb=1"] {
            assert_eq!(parse_uri(text).unwrap().to_string(), text);
        }
        assert_eq!(parse_uri("sqlite:///a.db"), Ok(StoreUri::Sqlite { path: "/a.db".into(), max_mb: None }));
        assert_eq!(parse_uri("sqlite://a.db"), Ok(StoreUri::Sqlite { path: "a.db".into(), max_mb: None }));
    }

    #[test]
    fn mistakes_are_named() {
        assert_eq!(parse_uri("convoke.db"), Err(UriError::Scheme));
        assert_eq!(parse_uri("postgres://x"), Err(UriError::Scheme));
        for lost in ["sqlite:", "sqlite::memory:", "sqlite://:memory:", "'sqlite:'"] {
            assert_eq!(parse_uri(lost), Err(UriError::NoPath), "{lost}");
        }
        assert_eq!(parse_uri("sqlite:?max-mb=1"), Err(UriError::NoPath));
        assert_eq!(parse_uri("sqlite:a?mode=ro"), Err(UriError::Key { key: "mode".into() }));
        for size in ["", "0", "-1", "1.5", "x", "99999999999"] {
            assert_eq!(parse_uri(&format!("sqlite:a?max-mb={size}")), Err(UriError::MaxMb), "{size}");
        }
    }

    #[test]
    fn no_error_repeats_a_password() {
        for text in ["redis://u:canary@h", "u:canary@h"] {
            assert!(!parse_uri(text).unwrap_err().to_string().contains("canary"), "{text}");
        }
        let shown = parse_uri("mongodb://u:canary@h/d").unwrap();
        assert!(!format!("{shown} {shown:?}").contains("canary"));
    }
}
