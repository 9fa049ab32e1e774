//! Conversations of an experiment that exist before more are run.

use crate::cli::args::{Cli, Command};
use crate::cli::context::Context;
use crate::cli::shell::spelled_out;
use crate::cli::terminal::text::{Column, table};
use crate::lab::{Standings, UnfinishedRun};
use clap::Parser;

/// Maximum number of conditions shown.
const ROWS: usize = 20;

const COLUMNS: &[Column] = &[
    Column::text("condition", 12, 0),
    Column::number("done", 0),
    Column::number("failed", 0),
    Column::number("left", 0),
];

/// Prints the number of conversations in each condition.
pub fn print_counts(standings: &Standings, context: &Context, word: &str) {
    let printer = &context.printer;
    let rows: Vec<Vec<String>> = standings
        .rows
        .iter()
        .take(ROWS)
        .map(|(levels, n)| {
            let levels = if levels.is_empty() { "the only one" } else { levels };
            vec![levels.to_owned(), n.done.to_string(), n.failed.to_string(), n.left.to_string()]
        })
        .collect();
    for line in table(COLUMNS, &rows, printer.width()) {
        printer.say(&line);
    }
    if standings.rows.len() > ROWS {
        printer.say(&format!("… and {} more: {}", standings.rows.len() - ROWS, context.paste_line(&["plan", word])));
    }
}

/// Returns the command that resumes a run, with the guide's name of the experiment and without global options.
pub fn resume_words(run: &UnfinishedRun, word: &str) -> Vec<String> {
    let what = experiment_in(&run.flags);
    let (mut words, mut is_value, mut is_named) = (Vec::new(), false, false);
    for typed in spelled_out(&run.flags, run.replicates) {
        let global = ["--json", "--no-input", "--yes", "-y", "--quiet", "-q", "--verbose", "-v", "--retry-failed"];
        if std::mem::take(&mut is_value) || global.contains(&typed.as_str()) {
            continue;
        }
        is_value = typed == "--store" || typed == "--color";
        if is_value || typed.starts_with("--store=") || typed.starts_with("--color=") {
            continue;
        }
        let is_what = !is_named && Some(&typed) == what.as_ref() && !words.is_empty();
        is_named |= is_what;
        words.push(if is_what { word.to_owned() } else { typed });
    }
    words
}

/// The word of a recorded run that names its experiment.
fn experiment_in(words: &[String]) -> Option<String> {
    let cli = Cli::try_parse_from(["convoke".to_owned()].iter().chain(words)).ok()?;
    if let Some(Command::Run(args)) = cli.command { Some(args.what) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unfinished_run_is_repeated_as_the_guide_calls_it() {
        let of = |flags: &[&str]| {
            let flags = flags.iter().map(|f| (*f).to_owned()).collect();
            let run = UnfinishedRun { flags, replicates: 5, left: 1 };
            resume_words(&run, "id:1").join(" ")
        };
        let ranges = of(&["run", "./x", "--more", "2", "--days", "1..3"]);
        assert_eq!(ranges, "run id:1 --replicates 5 --days 1..3");
        assert_eq!(of(&["--store", "sqlite:x", "run", "x", "--json", "-y"]), "run id:1");
        assert_eq!(of(&["run", "x", "--store=sqlite:x", "--color", "never"]), "run id:1");
        assert_eq!(of(&["run", "run"]), "run id:1");
    }
}
