//! `convoke completions`: prints the script that a shell loads.

use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit};
use clap::{Args, ValueEnum};
use clap_complete::env::{EnvCompleter, Shells};
use serde_json::json;

/// `convoke completions`.
#[derive(Debug, Args)]
pub struct Completions {
    /// Shell to complete in
    pub shell: Shell,
}

/// A shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// Bash.
    Bash,
    /// Zsh.
    Zsh,
    /// Fish.
    Fish,
    /// `PowerShell`.
    Powershell,
    /// Elvish.
    Elvish,
}

/// Variable in which the script names the shell.
pub const VARIABLE: &str = "CONVOKE_COMPLETE";

/// Runs `convoke completions`.
pub fn script(context: &Context, args: &Completions) -> Result<Exit, CliError> {
    let name = match args.shell {
        Shell::Bash => "bash",
        Shell::Zsh => "zsh",
        Shell::Fish => "fish",
        Shell::Powershell => "powershell",
        Shell::Elvish => "elvish",
    };
    let mut script = Vec::new();
    completer(name)?.write_registration(VARIABLE, "convoke", "convoke", "convoke", &mut script)?;
    let script = String::from_utf8_lossy(&script);
    if context.printer.json {
        context.printer.json_ok(&json!({ "shell": name, "script": script }))?;
    } else {
        script.lines().try_for_each(|line| context.printer.out(line))?;
    }
    Ok(Exit::Done)
}

/// Returns the completer of a shell.
pub fn completer(shell: &str) -> Result<&'static dyn EnvCompleter, CliError> {
    const SHELLS: Shells<'static> = Shells::builtins();
    let found = SHELLS.0.iter().copied().find(|s| s.is(shell));
    found.ok_or_else(|| CliError::usage(format!("{VARIABLE}={shell}: there is no such shell")))
}
