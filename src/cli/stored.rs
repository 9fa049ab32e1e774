//! Lines that several commands print about an experiment that was stored or changed.

use super::context::Context;

/// Warns that conversations of an older revision will not be continued; `word` names the experiment in a command.
pub fn say_left_behind(context: &Context, (name, word): (&str, &str), behind: usize) {
    if behind > 0 {
        let run = context.paste_line(&["run", word]);
        context.printer.say(&format!("`{name}` has changed since {behind} of its conversations were begun:"));
        context.printer.say(&format!("they stay as they are and are not continued; `{run}` asks before it goes on"));
    }
}

/// Prints changes, indented by two spaces.
pub fn print_changes(context: &Context, changes: &[String]) -> std::io::Result<()> {
    let lines = changes.iter().flat_map(|change| change.lines().filter(|line| !line.trim().is_empty()));
    lines.map(|line| format!("  {line}")).try_for_each(|line| context.printer.out(&line))
}
