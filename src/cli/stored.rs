//! Lines that several commands print about an experiment that was stored or changed.

use super::context::Context;
use super::shell::quoted;
use crate::store::ExperimentRecord;

/// Names a stored experiment for a command: its id where a path of its name would be read instead.
pub fn command_word(context: &Context, record: &ExperimentRecord) -> String {
    let is_path = context.world.folder.join(&record.name).exists();
    if is_path { format!("id:{}", record.id) } else { record.name.clone() }
}

/// Warns that conversations of an older revision will not be continued; `word` names the experiment in a command.
pub fn say_left_behind(context: &Context, (name, word): (&str, &str), behind: usize) {
    if behind > 0 {
        let run = quoted(word);
        context.printer.say(&format!("`{name}` has changed since {behind} of its conversations were begun:"));
        context
            .printer
            .say(&format!("they stay as they are and are not continued; `convoke run {run}` asks before it goes on"));
    }
}

/// Suggests the next command.
pub fn say_next(context: &Context, command: &str, word: &str) {
    context.printer.chat(&format!("next:  convoke {command} {}", quoted(word)));
}

/// Prints changes, indented by two spaces.
pub fn print_changes(context: &Context, changes: &[String]) -> std::io::Result<()> {
    let lines = changes.iter().flat_map(|change| change.lines().filter(|line| !line.trim().is_empty()));
    lines.map(|line| format!("  {line}")).try_for_each(|line| context.printer.out(&line))
}
