//! The program: reads its environment and passes it to `cli`.

use convoke::cli::settings::World;
use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

fn main() -> ExitCode {
    ExitCode::from(convoke::cli::start(std::env::args_os(), read_world))
}

/// Reads the environment, after the arguments are parsed: `--help` needs none of it.
fn read_world() -> World {
    let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    World {
        arguments: std::env::args_os().skip(1).map(|a| a.to_string_lossy().into_owned()).collect(),
        env: std::env::vars_os().filter_map(text).collect::<BTreeMap<_, _>>(),
        folder: std::env::current_dir().unwrap_or_else(|_| PathBuf::from(".")),
        // The name of the user id, from the system's user database; anyone can set a variable such as USER.
        user: whoami::username().unwrap_or_else(|_| "unknown".to_owned()),
        host: whoami::hostname().unwrap_or_else(|_| "unknown".to_owned()),
        terminals: [std::io::stdin().is_terminal(), std::io::stdout().is_terminal(), std::io::stderr().is_terminal()],
        clock: || {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
        },
        // The keys of a `RandomState` are random numbers from the system, new each time.
        random: || RandomState::new().build_hasher().finish(),
    }
}
