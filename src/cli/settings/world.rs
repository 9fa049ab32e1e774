//! The environment of the program, and the origin of each setting.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// The environment of the program. `main` reads it once and passes it down.
#[derive(Debug, Clone)]
pub struct World {
    /// Arguments, without the program's name.
    pub arguments: Vec<String>,
    /// Environment variables.
    pub env: BTreeMap<String, String>,
    /// Working folder.
    pub folder: PathBuf,
    /// Login name of the user who started the program.
    pub user: String,
    /// Host name.
    pub host: String,
    /// True if standard input, output and error, in this order, are terminals.
    pub terminals: [bool; 3],
    /// Milliseconds since 1970.
    pub clock: fn() -> i64,
    /// 64 random bits, for ids.
    pub random: fn() -> u64,
}

/// Origin of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// The built-in default.
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
    /// Describes the origin for people.
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

/// A setting, as `doctor --config` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Name of the setting.
    pub name: String,
    /// Value of the setting. For a secret, only the fact that it is set.
    pub value: String,
    /// Origin of the value.
    pub origin: Origin,
}
