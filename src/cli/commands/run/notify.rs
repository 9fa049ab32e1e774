//! The command of a person at the end of a run (`--notify`).

use crate::cli::context::Context;
use serde_json::Value as Json;
use std::io::Write;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Time that the command has.
const LIMIT: Duration = Duration::from_secs(30);
/// Parts of a variable's name that announce a secret.
const SECRETS: [&str; 7] = ["KEY", "PASSWORD", "PASSWD", "PASS", "PWD", "SECRET", "TOKEN"];

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
    for name in context.world.env.keys().filter(|name| is_secret(context, name)) {
        shell.env_remove(name);
    }
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

/// True if a variable may hold a key, a password, or an address with one.
fn is_secret(context: &Context, name: &str) -> bool {
    let upper = name.to_uppercase();
    let is_of_server = context.settings.servers.usable.iter().any(|server| server.key_variable == name);
    let names_one = upper.split('_').any(|part| SECRETS.iter().any(|secret| part.ends_with(secret)));
    let is_address = context.world.env.get(name).is_some_and(|value| value.contains("://") && value.contains('@'));
    is_of_server || (names_one && !["PWD", "OLDPWD"].contains(&upper.as_str())) || is_address
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
