//! Shell completion. It asks no questions, creates nothing, and stops waiting for a slow database.

use crate::cli::args::Cli;
use crate::cli::commands::completions::completer;
use crate::cli::error::Exit;
use crate::cli::narrow::settable_keys;
use crate::cli::settings::{Settings, World};
use crate::store::mongodb::Mongo;
use crate::store::sqlite::{OpenMode, Sqlite};
use crate::store::{ExperimentRecord, Store, StoreUri};
use clap::{Command, CommandFactory};
use clap_complete::CompletionCandidate;
use clap_complete::engine::{ArgValueCompleter, PathCompleter, ValueCompleter};
use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

/// Maximum wait for the database after a key press.
const PATIENCE: Duration = Duration::from_millis(100);

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
    let Ok(completer) = completer(&shell.to_string_lossy()) else { return Exit::Usage };
    let words = arguments.iter().skip_while(|a| *a != "--").skip(1).cloned().collect::<Vec<_>>();
    if words.is_empty() {
        return Exit::Usage;
    }
    let folder = world.folder.clone();
    let mut answer = Vec::new();
    let written = completer.write_complete(&mut completing_command(&words, world), words, Some(&folder), &mut answer);
    let written = written.and_then(|()| std::io::stdout().lock().write_all(&answer));
    if written.is_ok() { Exit::Done } else { Exit::Usage }
}

/// Returns the command line with completers for names and ids.
fn completing_command(words: &[OsString], world: World) -> Command {
    let lookup = LookUp { store: written_store(words), world, until: Instant::now() + PATIENCE };
    // `mut_subcommand` and `mut_arg` would move the changed item to another place in the list.
    Cli::command().mut_subcommands(|command| {
        let name = command.get_name().to_owned();
        command.mut_args(|argument| {
            if argument.get_id() == "set" {
                return argument.add(ArgValueCompleter::new(settable));
            }
            let taken = TAKES.iter().find(|(c, a, _)| *c == name && argument.get_id() == a);
            let Some((_, _, kind)) = taken.copied() else { return argument };
            let lookup = lookup.clone();
            let complete = move |current: &OsStr| lookup.candidates(kind, current);
            argument.add(ArgValueCompleter::new(complete))
        })
    })
}

/// Returns the keys that `--set` takes.
fn settable(current: &OsStr) -> Vec<CompletionCandidate> {
    let typed = current.to_string_lossy();
    let found = settable_keys().filter(|(name, _)| name.starts_with(typed.as_ref()));
    found.map(|(name, help)| CompletionCandidate::new(format!("{name}=")).help(Some(help.into()))).collect()
}

/// Returns the value of `--store` in the typed line.
fn written_store(words: &[OsString]) -> Option<String> {
    let words: Vec<&str> = words.iter().filter_map(|w| w.to_str()).collect();
    let after = words.windows(2).find(|pair| pair[0] == "--store").map(|pair| pair[1]);
    after.or_else(|| words.iter().find_map(|w| w.strip_prefix("--store="))).map(str::to_owned)
}

/// Looks up names and ids in the database.
#[derive(Clone)]
struct LookUp {
    store: Option<String>,
    world: World,
    until: Instant,
}

/// Results from the database. Experiments and conversations are sent as separate messages.
enum Found {
    Experiments(Vec<ExperimentRecord>),
    Conversations(Vec<String>),
}

impl LookUp {
    fn candidates(&self, kind: Kind, current: &OsStr) -> Vec<CompletionCandidate> {
        let folders = if kind == Kind::Conversation { Vec::new() } else { PathCompleter::dir().complete(current) };
        let Some(typed) = current.to_str() else { return folders };
        let (mark, prefix) = typed.strip_prefix("id:").map_or(("", typed), |rest| ("id:", rest));
        let mut words = Vec::new();
        for found in self.collect_found(kind, prefix) {
            match found {
                Found::Experiments(experiments) => words.extend(experiments.into_iter().flat_map(|e| {
                    // For an empty word, only names are offered. Ids are added once a character is typed.
                    let id = (e.id.starts_with(prefix) && (!prefix.is_empty() || !mark.is_empty())).then_some(e.id);
                    [Some(e.name).filter(|name| mark.is_empty() && name.starts_with(prefix)), id]
                })),
                Found::Conversations(ids) => words.extend(ids.into_iter().map(Some)),
            }
        }
        // Words that a shell would treat specially are omitted.
        let words = words.into_iter().flatten().filter(|w| crate::cli::shell::quoted(w) == *w && !w.starts_with('-'));
        words.map(|word| CompletionCandidate::new(format!("{mark}{word}"))).chain(folders).collect()
    }

    /// Collects the results that arrive in time. A slow thread may still run afterwards; the end of the program stops
    /// it.
    fn collect_found(&self, kind: Kind, prefix: &str) -> Vec<Found> {
        let (found, answers) = channel();
        let (lookup, prefix) = (self.clone(), prefix.to_owned());
        std::thread::spawn(move || lookup.look_up(kind, &prefix, &found));
        let left = || self.until.saturating_duration_since(Instant::now());
        std::iter::from_fn(|| answers.recv_timeout(left()).ok()).collect()
    }

    fn look_up(&self, kind: Kind, prefix: &str, found: &Sender<Found>) {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        runtime.block_on(async {
            let Some(store) = self.open_store().await else { return };
            let experiments = async {
                if kind != Kind::Conversation
                    && let Ok(all) = store.records().await
                {
                    // If the receiver has stopped waiting, the result is dropped.
                    let _ = found.send(Found::Experiments(all));
                }
            };
            let is_begun = !prefix.is_empty() && prefix.chars().all(|c| c.is_ascii_hexdigit());
            let conversations = async {
                if kind != Kind::Experiment
                    && is_begun
                    && let Ok(all) = store.find_conversations(prefix).await
                {
                    let _ = found.send(Found::Conversations(all.into_iter().map(|c| c.id).collect()));
                }
            };
            tokio::join!(conversations, experiments);
        });
    }

    /// Opens the database for reading. Returns `None` if opening would need a question.
    async fn open_store(&self) -> Option<Box<dyn Store>> {
        match Settings::resolve(&self.world, self.store.as_deref()).ok()?.store.uri {
            StoreUri::Sqlite { path, max_mb } => {
                let opened = Sqlite::open(&self.world.folder.join(path), OpenMode::Read, max_mb).ok()?;
                Some(Box::new(opened.store))
            }
            StoreUri::Mongo(uri) if !uri.lacks_password() && uri.database.is_some() => {
                Some(Box::new(Mongo::open(&uri, OpenMode::Read).await.ok()?))
            }
            StoreUri::Mongo(_) => None,
        }
    }
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
