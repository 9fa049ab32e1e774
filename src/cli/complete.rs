//! Shell completion. It asks no questions, creates nothing, and stops waiting for a slow database.
//!
//! | file | come here to change |
//! |---|---|
//! | `typed` | quotes of the typed line, and of what is inserted |
//! | `lookup` | names, ids and documents |
//! | `values` | values of flags |

mod lookup;
mod typed;
mod values;

use crate::cli::args::Cli;
use crate::cli::commands::completions::completer;
use crate::cli::error::Exit;
use crate::cli::settings::World;
use clap::{Command, CommandFactory};
use clap_complete::CompletionCandidate;
use clap_complete::engine::{ArgValueCompleter, PathCompleter, ValueCompleter, complete};
use lookup::{Found, LookUp, Wanted};
use std::ffi::{OsStr, OsString};
use std::io::Write;
use typed::{Typed, for_bash, is_typable, read_word, split_line};
use values::Values;

/// Variable with the line up to the cursor.
pub const LINE: &str = "CONVOKE_COMPLETE_LINE";
/// Variable with the characters at which the shell begins a new word for completion.
pub const BREAKS: &str = "CONVOKE_COMPLETE_BREAKS";

/// Arguments that take a name or an id: command, argument, kind.
const TAKES: &[(&str, &str, Kind)] = &[
    ("check", "what", Kind::Experiment),
    ("plan", "what", Kind::Experiment),
    ("run", "what", Kind::Either),
    ("ask", "what", Kind::Either),
    ("talk", "what", Kind::Experiment),
    ("list", "what", Kind::Either),
    ("show", "id", Kind::Either),
    ("edit", "what", Kind::Experiment),
    ("duplicate", "what", Kind::Experiment),
    ("note", "what", Kind::Either),
    ("star", "what", Kind::Either),
    ("delete", "what", Kind::Either),
    ("diff", "a", Kind::Either),
    ("diff", "b", Kind::Either),
    ("export", "what", Kind::Either),
    ("summary", "what", Kind::Experiment),
    ("verify", "id", Kind::Conversation),
];

/// A kind of object in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Experiment,
    Conversation,
    Either,
}

/// Prints completions for a shell. Errors are not printed, since the user is typing a line.
pub fn print_completions(shell: &OsStr, arguments: &[OsString], world: World) -> Exit {
    let shell = shell.to_string_lossy().into_owned();
    let Ok(completer) = completer(&shell) else { return Exit::Usage };
    let (folder, env) = (world.folder.clone(), world.env.clone());
    let words = arguments.iter().skip_while(|a| *a != "--").skip(1).cloned().collect::<Vec<_>>();
    let variable = |name: &str| env.get(name).map_or("", String::as_str);
    let line = Some(variable(LINE)).filter(|line| !line.is_empty()).map(split_line);
    let words = line.map_or(words, |words| words.into_iter().map(OsString::from).collect());
    if words.is_empty() {
        return Exit::Usage;
    }
    let mut answer = Vec::new();
    let written = if ["bash", "zsh", "fish"].contains(&shell.as_str()) {
        let place = Some(variable("_CLAP_COMPLETE_INDEX")).filter(|_| shell != "fish" && variable(LINE).is_empty());
        let place = place.and_then(|index| index.parse().ok()).unwrap_or(words.len() - 1);
        let line = Line::read(&shell, words, place, variable(BREAKS));
        line.complete(world, &folder).and_then(|found| line.print(found, variable("_CLAP_IFS"), &mut answer))
    } else {
        let mut command = completing_command(&words, words.len() - 1, world, true);
        completer.write_complete(&mut command, words, Some(&folder), &mut answer)
    };
    let written = written.and_then(|()| std::io::stdout().lock().write_all(&answer));
    if written.is_ok() { Exit::Done } else { Exit::Usage }
}

/// A line that is being typed.
struct Line<'a> {
    shell: &'a str,
    /// Its words without quotes.
    words: Vec<OsString>,
    /// Place of the word at the cursor.
    place: usize,
    /// The word at the cursor.
    typed: Typed,
}

impl<'a> Line<'a> {
    /// Takes the quotes off the words. fish has taken them off all words but the last.
    fn read(shell: &'a str, mut words: Vec<OsString>, place: usize, breaks: &str) -> Self {
        words.resize(words.len().max(place + 1), OsString::new());
        let mut typed = Typed::default();
        for (at, word) in words.iter_mut().enumerate() {
            let Some(raw) = word.to_str().filter(|_| shell != "fish" || at == place) else { continue };
            let read = read_word(raw, breaks);
            let text = read.text.clone().into();
            if at == place {
                typed = read;
            }
            *word = text;
        }
        Self { shell, words, place, typed }
    }

    fn complete(&self, world: World, folder: &std::path::Path) -> std::io::Result<Vec<CompletionCandidate>> {
        let mut command = completing_command(&self.words, self.place, world, false);
        complete(&mut command, self.words.clone(), self.place, Some(folder))
    }

    /// Prints completions in the form of the shell. bash inserts them as they are; zsh and fish quote them.
    fn print(&self, found: Vec<CompletionCandidate>, separator: &str, out: &mut Vec<u8>) -> std::io::Result<()> {
        let separator = if separator.is_empty() { "\n" } else { separator };
        let mut lines = Vec::new();
        for candidate in found {
            let value = candidate.get_value().to_string_lossy();
            let help = candidate.get_help().map(|help| help.to_string().lines().next().unwrap_or_default().to_owned());
            lines.extend(match self.shell {
                "bash" => for_bash(&value, &self.typed),
                "zsh" => {
                    let help = help.map(|help| format!(":{}", help.replace('\\', "\\\\")));
                    Some(value.replace('\\', "\\\\").replace(':', "\\:") + &help.unwrap_or_default())
                }
                _ => Some(value.into_owned() + &help.map(|help| format!("\t{help}")).unwrap_or_default()),
            });
        }
        write!(out, "{}", lines.join(separator))
    }
}

/// Returns the command line with completers for names, ids and values. With `plain`, words that a shell would have to
/// quote are left out.
fn completing_command(words: &[OsString], place: usize, world: World, plain: bool) -> Command {
    let lookup = LookUp::begin(written_store(words), world);
    let earlier = words.iter().take(place).skip(1).filter_map(|word| word.to_str().map(str::to_owned));
    // `mut_subcommand` and `mut_arg` would move the changed item to another place in the list.
    let command = Cli::command();
    let is_name = |word: &String| !word.starts_with('-') && command.find_subcommand(word).is_none();
    let named: Vec<String> = earlier.filter(is_name).collect();
    command.mut_subcommands(|command| {
        let name = command.get_name().to_owned();
        command.mut_args(|argument| {
            let lookup = lookup.clone();
            let taken = TAKES.iter().find(|(c, a, _)| *c == name && argument.get_id() == a);
            if let Some((_, _, kind)) = taken.copied() {
                let complete = move |current: &OsStr| candidates(&lookup, kind, current, plain);
                return argument.add(ArgValueCompleter::new(complete));
            }
            let values = Values::of(argument.get_id().as_str()).filter(|_| argument.get_long().is_some());
            let Some(values) = values else { return argument };
            let named = named.clone();
            let complete = move |current: &OsStr| {
                let mut found =
                    current.to_str().map(|typed| values.complete(&lookup, &named, typed)).unwrap_or_default();
                found.retain(|candidate| can_be_typed(&candidate.get_value().to_string_lossy(), plain));
                found
            };
            argument.add(ArgValueCompleter::new(complete))
        })
    })
}

fn can_be_typed(word: &str, plain: bool) -> bool {
    is_typable(word) && (!plain || crate::cli::shell::quoted(word) == word)
}

/// Returns the value of `--store` in the typed line.
fn written_store(words: &[OsString]) -> Option<String> {
    let words: Vec<&str> = words.iter().filter_map(|w| w.to_str()).collect();
    let after = words.windows(2).find(|pair| pair[0] == "--store").map(|pair| pair[1]);
    after.or_else(|| words.iter().find_map(|w| w.strip_prefix("--store="))).map(str::to_owned)
}

/// Returns names and ids that begin with what was typed, and folders.
fn candidates(lookup: &LookUp, kind: Kind, current: &OsStr, plain: bool) -> Vec<CompletionCandidate> {
    let folders = if kind == Kind::Conversation { Vec::new() } else { PathCompleter::dir().complete(current) };
    let Some(typed) = current.to_str() else { return folders };
    let (mark, prefix) = typed.strip_prefix("id:").map_or(("", typed), |rest| ("id:", rest));
    let wanted = match kind {
        Kind::Experiment => Wanted::Experiments,
        Kind::Conversation => Wanted::Conversations(prefix.to_owned()),
        Kind::Either => Wanted::Either(prefix.to_owned()),
    };
    let mut words = Vec::new();
    for found in lookup.collect_found(wanted) {
        match found {
            Found::Experiments(experiments) => words.extend(experiments.into_iter().flat_map(|e| {
                // For an empty word, only names are offered. Ids are added once a character is typed.
                let id = (e.id.starts_with(prefix) && (!prefix.is_empty() || !mark.is_empty())).then_some(e.id);
                [Some(e.name).filter(|name| mark.is_empty() && name.starts_with(prefix)), id]
            })),
            Found::Conversations(ids) => words.extend(ids.into_iter().map(Some)),
            Found::Document(_) => {}
        }
    }
    let words = words.into_iter().flatten().filter(|word| can_be_typed(word, plain) && !word.starts_with('-'));
    words.map(|word| CompletionCandidate::new(format!("{mark}{word}"))).chain(folders).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks that completion covers every argument that names an item of the database.
    #[test]
    fn every_argument_is_there_and_none_is_forgotten() {
        let command = Cli::command();
        for (name, argument, _) in TAKES {
            let found = command.find_subcommand(name).unwrap_or_else(|| panic!("{name}"));
            assert!(found.get_arguments().any(|a| a.get_id() == argument), "{name} {argument}");
        }
        for command in command.get_subcommands() {
            for argument in command.get_arguments().filter(|a| ["what", "id", "a", "b"].contains(&a.get_id().as_str()))
            {
                let is_taken = TAKES.iter().any(|(name, a, _)| command.get_name() == *name && argument.get_id() == a);
                assert!(is_taken, "{} {}", command.get_name(), argument.get_id());
            }
        }
    }

    #[test]
    fn the_store_of_the_line_is_used() {
        let of = |line: &str| written_store(&line.split(' ').map(OsString::from).collect::<Vec<_>>());
        assert_eq!(of("convoke --store sqlite:x.db show a").as_deref(), Some("sqlite:x.db"));
        assert_eq!(of("convoke show --store=sqlite:y.db a").as_deref(), Some("sqlite:y.db"));
        assert_eq!(of("convoke show a"), None);
    }
}
