//! The values that the program finds around it, and where a setting came from.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// What the program finds around it: read once, in `main`, and handed down.
#[derive(Debug, Clone)]
pub struct World {
    /// Arguments as typed, without the program's name.
    pub arguments: Vec<String>,
    /// Environment variables.
    pub env: BTreeMap<String, String>,
    /// Working folder.
    pub folder: PathBuf,
    /// Login name of the uid.
    pub user: String,
    /// Host name.
    pub host: String,
    /// Whether standard input, output, error are terminals.
    pub terminals: [bool; 3],
    /// Milliseconds since 1970.
    pub clock: fn() -> i64,
    /// 64 random bits, for ids.
    pub random: fn() -> u64,
}

/// Where a value came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// Nothing was said.
    Default,
    /// The user's configuration file.
    Config,
    /// `.env` in the working folder.
    DotEnv,
    /// The environment.
    Environment,
    /// A flag.
    Flag,
}

impl Origin {
    /// In words.
    pub fn word(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Config => "configuration file",
            Self::DotEnv => ".env",
            Self::Environment => "environment",
            Self::Flag => "flag",
        }
    }
}

/// A setting as `doctor --config` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Its name.
    pub name: String,
    /// Its value; a secret is only said to be set.
    pub value: String,
    /// Where it came from.
    pub origin: Origin,
}
