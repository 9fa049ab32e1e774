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

/// Script for bash. It passes the whole line, since bash takes words apart at `=` and `:`, and reads each completion
/// unchanged.
const BASH: &str = r#"
_clap_complete_convoke() {
    local reply
    COMPREPLY=()
    compopt +o nospace 2> /dev/null
    while IFS= read -r reply; do
        COMPREPLY+=("$reply")
    done < <(
        CONVOKE_COMPLETE="bash" \
        CONVOKE_COMPLETE_LINE="${COMP_LINE:0:COMP_POINT}" \
        CONVOKE_COMPLETE_BREAKS="$COMP_WORDBREAKS" \
        convoke --
        echo
    )
    if [[ ${#COMPREPLY[@]} -gt 0 && -z "${COMPREPLY[${#COMPREPLY[@]}-1]}" ]]; then
        unset "COMPREPLY[${#COMPREPLY[@]}-1]"
    fi
    if [[ "${COMPREPLY-}" =~ [=/:]$ ]]; then
        compopt -o nospace 2> /dev/null
    fi
}
if [[ "${BASH_VERSINFO[0]}" -eq 4 && "${BASH_VERSINFO[1]}" -ge 4 || "${BASH_VERSINFO[0]}" -gt 4 ]]; then
    complete -o nospace -o bashdefault -o nosort -F _clap_complete_convoke convoke
else
    complete -o nospace -o bashdefault -F _clap_complete_convoke convoke
fi
"#;

/// Runs `convoke completions`.
pub fn script(context: &Context, args: &Completions) -> Result<Exit, CliError> {
    let name = match args.shell {
        Shell::Bash => "bash",
        Shell::Zsh => "zsh",
        Shell::Fish => "fish",
        Shell::Powershell => "powershell",
        Shell::Elvish => "elvish",
    };
    let script = match args.shell {
        Shell::Bash => BASH.to_owned(),
        Shell::Zsh | Shell::Fish | Shell::Powershell | Shell::Elvish => {
            let mut script = Vec::new();
            completer(name)?.write_registration(VARIABLE, "convoke", "convoke", "convoke", &mut script)?;
            String::from_utf8_lossy(&script).into_owned()
        }
    };
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
