//! Programs of the person that the terminal is given to: an editor, and a pager.

use crate::cli::settings::holds_secret;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

/// Exit codes of a shell that could not start a command.
const NOT_STARTED: [i32; 2] = [126, 127];

/// Builds the command of a line that a variable names, without the secrets of the environment. `argument` follows the
/// words of the line.
fn build_command(line: &str, env: &BTreeMap<String, String>, argument: Option<&Path>) -> Command {
    let mut command = if cfg!(unix) {
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(if argument.is_some() { format!("{line} \"$1\"") } else { line.to_owned() }).arg("sh");
        shell
    } else {
        let mut words = line.split_whitespace();
        let mut command = Command::new(words.next().unwrap_or_default());
        command.args(words);
        command
    };
    command.args(argument);
    for (name, _) in env.iter().filter(|(name, value)| holds_secret(name, value)) {
        command.env_remove(name);
    }
    command
}

fn start_error(line: &str, status: ExitStatus) -> Option<io::Error> {
    let is_missing = status.code().is_some_and(|code| NOT_STARTED.contains(&code));
    is_missing.then(|| io::Error::new(io::ErrorKind::NotFound, format!("`{line}` cannot be started")))
}

/// Edits a text in the person's editor; `None` if the editor was left without saving.
pub fn edit_text(env: &BTreeMap<String, String>, text: &str) -> io::Result<Option<String>> {
    let named = ["VISUAL", "EDITOR"].iter().find_map(|name| env.get(*name).filter(|v| !v.trim().is_empty()));
    let editor = named.map_or("vi", String::as_str);
    let mut file = tempfile::Builder::new().prefix("edit-").suffix(".md").tempfile()?;
    file.write_all(text.as_bytes())?;
    file.flush()?;
    let written = file.path().metadata()?.modified()?;
    let status = build_command(editor, env, Some(file.path())).status()?;
    if let Some(error) = start_error(editor, status) {
        return Err(error);
    }
    // An editor may replace the file, so it is opened again.
    let edited = std::fs::read_to_string(file.path())?;
    let is_saved = status.success() && (edited != text || file.path().metadata()?.modified()? > written);
    Ok(is_saved.then(|| edited.trim_end_matches(['\n', '\r']).to_owned()))
}

/// Gives lines to a pager and waits for its end. A person may leave it before it has read everything.
pub fn page_lines(env: &BTreeMap<String, String>, line: &str, lines: &[String]) -> io::Result<()> {
    let mut pager = build_command(line, env, None).stdin(Stdio::piped()).spawn()?;
    if let Some(mut input) = pager.stdin.take() {
        let written = lines.iter().try_for_each(|line| writeln!(input, "{line}"));
        match written {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    let status = pager.wait()?;
    start_error(line, status).map_or(Ok(()), Err)
}
