//! The command of a person at the end of a run (`--notify`).

use crate::cli::context::Context;
use secrecy::ExposeSecret;
use serde_json::Value as Json;
use std::io::Write;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Time that the command has.
const LIMIT: Duration = Duration::from_secs(30);
/// Ends of the parts of a variable's name that announce a secret.
const SECRETS: [&str; 10] =
    ["KEY", "PASSWORD", "PASSWD", "PASS", "PWD", "SECRET", "TOKEN", "CREDENTIAL", "CREDENTIALS", "PASSPHRASE"];
/// Shortest value that is searched for in other variables.
const LONG: usize = 8;

/// Runs the command with the last line of `run --json` as its input, and reports its failure.
pub fn notify(context: &Context, command: &str, line: &Json) {
    let failed = match start(context, command, line) {
        Err(error) => Some(error.to_string()),
        Ok(child) => match wait(child) {
            Ok(Some(status)) if status.success() => None,
            Ok(Some(status)) => Some(format!("it ended with {status}")),
            Ok(None) => Some(format!("it did not end within {} s", LIMIT.as_secs())),
            Err(error) => Some(error.to_string()),
        },
    };
    if let Some(failed) = failed {
        context.printer.say(&format!("--notify {command}: {failed}"));
    }
}

fn start(context: &Context, command: &str, line: &Json) -> std::io::Result<Child> {
    let mut shell = if cfg!(windows) { Command::new("cmd") } else { Command::new("sh") };
    shell.args([if cfg!(windows) { "/C" } else { "-c" }, command]).current_dir(&context.world.folder);
    // A variable that is not Unicode is unknown, and not passed on.
    shell.env_clear().envs(harmless_variables(context));
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut shell, 0);
    // Standard output is data of the run, so the command writes to standard error.
    let mut child = shell.stdin(Stdio::piped()).stdout(std::io::stderr()).spawn()?;
    if let Some(mut input) = child.stdin.take() {
        // A command may end without reading its input.
        let _ = writeln!(input, "{line}");
    }
    Ok(child)
}

/// Returns the variables without those that may hold a key, a password, or an address with one, under any name.
fn harmless_variables(context: &Context) -> impl Iterator<Item = (&String, &String)> {
    let (servers, env) = (&context.settings.servers.usable, &context.world.env);
    let is_named = |name: &str| servers.iter().any(|server| server.key_variable == name) || announces_secret(name);
    let keys = servers.iter().filter_map(|server| server.key.as_ref()).map(|key| key.expose_secret().trim());
    let named = env.iter().filter(|(name, _)| is_named(name)).map(|(_, value)| value.trim());
    let secrets: Vec<&str> = keys.chain(named).filter(|secret| secret.len() >= LONG).collect();
    let holds_one = move |value: &str| holds_password(value) || secrets.iter().any(|secret| value.contains(secret));
    env.iter().filter(move |(name, value)| !is_named(name) && !holds_one(value))
}

fn announces_secret(name: &str) -> bool {
    let upper = name.to_uppercase();
    let is_one = |part: &str| SECRETS.iter().any(|secret| part.ends_with(secret));
    upper.split('_').any(is_one) && !["PWD", "OLDPWD"].contains(&upper.as_str())
}

/// True for an address with a user, and perhaps a password.
fn holds_password(value: &str) -> bool {
    value.split_once('@').is_some_and(|(before, _)| before.contains(':'))
}

/// Waits for the end of the command; `None` if it took too long and was killed with all that it started.
fn wait(mut child: Child) -> std::io::Result<Option<ExitStatus>> {
    let began = Instant::now();
    while began.elapsed() < LIMIT {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    if cfg!(unix) {
        // Without it the kill below ends the shell alone.
        let _ = Command::new("kill").args(["-s", "KILL", "--", &format!("-{}", child.id())]).status();
    }
    child.kill()?;
    child.wait()?;
    Ok(None)
}
