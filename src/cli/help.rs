//! The help beyond the arguments: groups of commands, examples, exit codes and variables. `--help` and the pages of
//! `man` have the same text.
//!
//! | file | come here to change |
//! |---|---|
//! | `pages` | the texts |

mod pages;

use super::error::Exit;
use super::terminal::text::wrap;
use clap::Command;
use clap::builder::Styles;
use pages::{EXITS, GROUPS, PAGES, Page};
use std::fmt::Write;

/// Width of a page where no terminal has one, and the largest.
const WIDTH: usize = 100;
/// Width of the names of commands.
const NAMES: usize = 12;

/// Start of the end of `convoke --help`. An indented line is a line of its own on a page of `man`, too.
const AFTER: &str = "\
Examples:
  convoke new study --from prison           create an experiment, as a folder
  convoke run study --offline               try it: no server, no key, no cost
  convoke run study --only goal=escape      run some conditions; run it again to resume
  convoke list study                        list its conversations, each with its id and status
  convoke export study --format csv -o study.csv
  convoke help run                          the help of a command

Database, the first that is set:
  --store, CONVOKE_STORE, DB_CLUSTER_URL (with DB_USER, DB_PASSWORD and DB_NAME), `store` in
  ~/.config/convoke/config.toml, the nearest convoke.db in the working folder or above it,
  else a new convoke.db there. Variables come from the environment or from .env in the working folder.
  `convoke store` prints the database in use; `convoke login` signs in to a MongoDB.

Logs:
  logs/ beside the database file, or in the working folder with a MongoDB
";

/// Adds the groups to the help of `convoke`, and examples, exit codes and variables to the help of each command.
pub fn with_pages(command: Command) -> Command {
    let width = console::Term::stdout().size_checked().map_or(WIDTH, |(_, columns)| WIDTH.min(columns.into()));
    let template = format!(
        "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{}{}\n{{options}}{{after-help}}",
        list_groups(&command, width),
        heading("Options"),
    );
    let command = command.help_template(template).after_help(after());
    command.mut_subcommands(|command| {
        let name = command.get_name().to_owned();
        let command = command.mut_subcommands(|inner| {
            let name = format!("{name} {}", inner.get_name());
            with_page(inner, &name)
        });
        with_page(command, &name)
    })
}

/// Returns the groups with their commands, each with its name and its line of help.
pub fn groups(command: &Command) -> Vec<(&'static str, Vec<(&'static str, String)>)> {
    let about = |name: &str| {
        let found = command.find_subcommand(name).and_then(Command::get_about).map(ToString::to_string);
        found.unwrap_or_else(|| "Print the help of a command, such as `convoke help run`".to_owned())
    };
    let listed = |names: &'static [&'static str]| names.iter().map(|name| (*name, about(name))).collect();
    GROUPS.iter().map(|group| (group.purpose, listed(group.commands))).collect()
}

fn heading(text: &str) -> String {
    let styles = Styles::styled();
    let style = styles.get_header();
    format!("{style}{text}:{style:#}")
}

fn list_groups(command: &Command, width: usize) -> String {
    let styles = Styles::styled();
    let (literal, mut list) = (styles.get_literal(), String::new());
    for (purpose, commands) in groups(command) {
        let _ = writeln!(list, "{}", heading(purpose));
        for (name, about) in commands {
            let lines = wrap(&about, Some(width.saturating_sub(NAMES + 2)));
            for (i, line) in lines.iter().enumerate() {
                let name = if i == 0 { name } else { "" };
                let _ = writeln!(list, "  {literal}{name:<NAMES$}{literal:#}{line}");
            }
        }
        list.push('\n');
    }
    list
}

/// Returns the end of `convoke --help`.
fn after() -> String {
    let mut text = format!("{AFTER}\nExit codes:\n");
    add_exits(&mut text, |_| true);
    text.push_str("If more than one applies: 130 or 143 before 4, 4 before 5, 5 before 8, 8 before 1.");
    text
}

fn with_page(command: Command, name: &str) -> Command {
    match PAGES.iter().find(|page| page.command == name) {
        Some(page) => command.after_long_help(page_text(page)),
        None => command,
    }
}

fn page_text(page: &Page) -> String {
    let mut text = "Examples:\n".to_owned();
    for (line, remark) in page.examples {
        let _ = writeln!(text, "  {line}\n      {remark}");
    }
    text.push_str("\nExit codes:\n");
    let everywhere = [Exit::Done, Exit::Usage, Exit::Interrupt, Exit::Terminate];
    add_exits(&mut text, |exit| everywhere.contains(&exit) || page.exits.contains(&exit));
    let variables: Vec<_> = page.variables.iter().copied().flatten().collect();
    if !variables.is_empty() {
        text.push_str("\nEnvironment, or .env in the working folder:\n");
        for (name, meaning) in variables {
            let _ = writeln!(text, "  {name}\n      {meaning}");
        }
    }
    text.trim_end().to_owned()
}

fn add_exits(text: &mut String, wanted: impl Fn(Exit) -> bool) {
    for (exit, meaning) in EXITS.iter().filter(|(exit, _)| wanted(*exit)) {
        let _ = writeln!(text, "  {:<4} {meaning}", *exit as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::Cli;
    use clap::CommandFactory;
    use std::collections::BTreeSet;

    #[test]
    fn each_command_is_in_one_group_and_has_a_page() {
        let command = Cli::command();
        let grouped: Vec<&str> = GROUPS.iter().flat_map(|group| group.commands).copied().collect();
        let named: BTreeSet<&str> = command.get_subcommands().map(Command::get_name).chain(["help"]).collect();
        assert_eq!(grouped.len(), named.len(), "no command is in two groups");
        assert_eq!(grouped.into_iter().collect::<BTreeSet<_>>(), named);
        for command in command.get_subcommands() {
            let name = command.get_name();
            let inner = command.get_subcommands().map(|inner| format!("{name} {}", inner.get_name()));
            for name in inner.chain([name.to_owned()]) {
                assert!(PAGES.iter().any(|page| page.command == name), "{name}");
            }
        }
    }

    #[test]
    fn each_variable_stands_in_the_template() {
        let template = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/.env_template")).unwrap();
        for (names, _) in PAGES.iter().flat_map(|page| page.variables).copied().flatten() {
            for name in names.split(", ") {
                assert!(template.contains(&format!("# {name}=")), "{name}");
            }
        }
    }

    #[test]
    fn exit_codes_have_one_meaning_each() {
        let codes: Vec<u8> = EXITS.iter().map(|(exit, _)| *exit as u8).collect();
        assert_eq!(codes, [0, 1, 2, 3, 4, 5, 6, 7, 8, 130, 143]);
    }
}
