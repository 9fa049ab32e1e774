//! How the conversations of an experiment stand, before more are run.

use super::select::Selected;
use crate::cli::args::{Cli, Command};
use crate::cli::commands::more;
use crate::cli::error::CliError;
use crate::cli::narrow;
use crate::cli::terminal::printer::Printer;
use crate::cli::terminal::text::{Column, table};
use crate::design::{Condition, Experiment, Overrides, Plan, key};
use crate::store::{RunRecord, Standing, Status, Store};
use clap::Parser;
use std::collections::BTreeMap;

/// So many conditions are shown.
const ROWS: usize = 20;
/// So many runs are looked at for one that is not finished.
const RUNS: usize = 8;

const COLUMNS: &[Column] = &[
    Column::text("condition", 12, 0),
    Column::number("done", 0),
    Column::number("failed", 0),
    Column::number("left", 0),
];

/// How conversations stand.
pub(super) struct Begun {
    /// A condition and how many of its conversations are done, failed, left.
    rows: Vec<(String, [usize; 3])>,
    /// What was begun and is not at its end.
    pub unfinished: Option<Unfinished>,
    /// How many failed.
    pub failed: usize,
}

/// A batch that was begun.
pub(super) struct Unfinished {
    /// The words of the command that finishes it.
    pub words: Vec<String>,
    /// How many conversations of it are left.
    pub left: usize,
}

impl Begun {
    /// Reads it.
    pub async fn of(store: &dyn Store, selected: &Selected) -> Result<Self, CliError> {
        let (standing, mut runs) = (store.standing(&selected.record.id).await?, store.runs(&selected.record.id).await?);
        runs.retain(|run| run.revision == selected.record.revision);
        let plan = Plan::new(&selected.document, &Overrides::default());
        let rows = plan.as_ref().map(|plan| rows(plan, &standing)).unwrap_or_default();
        let by_key: BTreeMap<&str, Status> = standing.iter().map(|s| (s.key.as_str(), s.status)).collect();
        let cells = plan.map(|plan| plan.cells()).unwrap_or_default();
        let failed = cells.iter().filter(|c| by_key.get(c.key.as_str()) == Some(&Status::Failed)).count();
        let unfinished = runs.iter().rev().take(RUNS).find_map(|run| unfinished(run, selected, &by_key));
        Ok(Self { rows, unfinished, failed })
    }

    /// Whether any conversation was ever planned.
    pub fn is_any(&self) -> bool {
        self.rows.iter().any(|(_, counts)| counts.iter().sum::<usize>() > 0)
    }

    /// Shows how many each condition has.
    pub fn say(&self, printer: &Printer, word: &str) {
        let cell = |(name, counts): &(String, [usize; 3])| {
            std::iter::once(name.clone()).chain(counts.iter().map(usize::to_string)).collect()
        };
        let rows: Vec<Vec<String>> = self.rows.iter().take(ROWS).map(cell).collect();
        for line in table(COLUMNS, &rows, printer.width()) {
            printer.say(&line);
        }
        if self.rows.len() > ROWS {
            let word = crate::cli::shell::quoted(word);
            printer.say(&format!("… and {} more: convoke plan {word}", self.rows.len() - ROWS));
        }
    }
}

/// How many conversations each condition has, at the plan's seed.
fn rows(plan: &Plan, standing: &[Standing]) -> Vec<(String, [usize; 3])> {
    let by_key: BTreeMap<&str, &Standing> = standing.iter().map(|s| (s.key.as_str(), s)).collect();
    let highest = standing.iter().map(|s| s.replicate).max().unwrap_or(0);
    let axes: Vec<&str> = varying(&plan.conditions);
    let row = |condition: &Condition| {
        let mut counts = [0; 3];
        for replicate in 1..=highest {
            let key = key::conversation(&condition.key, plan.seed, replicate);
            match by_key.get(key.as_str()).map(|s| s.status) {
                Some(Status::Done) => counts[0] += 1,
                Some(Status::Failed) => counts[1] += 1,
                Some(_) => counts[2] += 1,
                None => {}
            }
        }
        let levels = condition.levels.iter().filter(|l| axes.contains(&l.name.as_str()));
        let levels: Vec<String> = levels.map(|l| format!("{}={}", l.name, l.value)).collect();
        (if levels.is_empty() { "the only one".to_owned() } else { levels.join(" ") }, counts)
    };
    plan.conditions.iter().map(row).collect()
}

/// Axes that tell conditions apart.
fn varying(conditions: &[Condition]) -> Vec<&str> {
    let Some(first) = conditions.first() else { return Vec::new() };
    let differs = |name: &str| {
        let level = |c: &Condition| crate::design::named(&c.levels, name).cloned();
        conditions.iter().any(|c| level(c) != level(first))
    };
    first.levels.iter().map(|l| l.name.as_str()).filter(|name| differs(name)).collect()
}

/// What of a run's conversations is not at its end, and the words that go on with it.
fn unfinished(run: &RunRecord, selected: &Selected, by_key: &BTreeMap<&str, Status>) -> Option<Unfinished> {
    let (words, overrides) = again(run, &selected.word)?;
    let left = left(&selected.document, &overrides, by_key)?;
    (left > 0).then_some(Unfinished { words, left })
}

fn left(document: &Experiment, overrides: &Overrides, by_key: &BTreeMap<&str, Status>) -> Option<usize> {
    let cells = Plan::new(document, overrides).ok()?.selected(document, overrides).ok()?;
    let ended = |key: &str| matches!(by_key.get(key), Some(Status::Done | Status::Failed));
    Some(cells.iter().filter(|c| !ended(&c.key)).count())
}

/// The words of a run again: with the experiment as it is called here, and without what holds everywhere.
fn again(run: &RunRecord, word: &str) -> Option<(Vec<String>, Overrides)> {
    let replicates =
        run.counts.iter().find(|c| c.name == more::REPLICATES).and_then(|c| u32::try_from(c.value).ok())?;
    let typed = crate::cli::shell::spelled_out(&run.flags, replicates);
    let cli = Cli::try_parse_from(std::iter::once("convoke").chain(typed.iter().map(String::as_str))).ok()?;
    let Some(Command::Run(args)) = cli.command else { return None };
    let overrides = narrow::overrides(&args.narrow).ok()?;
    let (mut words, mut is_value, mut is_named) = (Vec::new(), false, false);
    for typed in typed {
        let everywhere = ["--json", "--no-input", "--yes", "-y", "--quiet", "-q", "--verbose", "-v", "--retry-failed"];
        if std::mem::take(&mut is_value) || everywhere.contains(&typed.as_str()) {
            continue;
        }
        is_value = typed == "--store" || typed == "--color";
        if is_value || typed.starts_with("--store=") || typed.starts_with("--color=") {
            continue;
        }
        let is_what = !is_named && typed == args.what && !words.is_empty();
        is_named |= is_what;
        words.push(if is_what { word.to_owned() } else { typed });
    }
    (words.first().is_some_and(|first| first == "run")).then_some((words, overrides))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::design::Named;

    #[test]
    fn an_unfinished_run_is_repeated_as_the_guide_calls_it() {
        let of = |flags: &[&str]| {
            let run = RunRecord {
                id: "r".into(),
                experiment: "e".into(),
                revision: "v".into(),
                started: 0,
                creator: "me".into(),
                flags: flags.iter().map(|f| (*f).to_owned()).collect(),
                counts: vec![Named::new(more::REPLICATES, 5)],
                answers: Vec::new(),
                version: String::new(),
                ended: None,
            };
            again(&run, "id:1").map(|(words, _)| words.join(" ")).unwrap_or_default()
        };
        assert_eq!(of(&["run", "./x", "--more", "2", "--days", "1..3"]), "run id:1 --replicates 5 --days 1..3");
        assert_eq!(of(&["--store", "sqlite:x", "run", "x", "--json", "-y"]), "run id:1");
        assert_eq!(of(&["run", "x", "--store=sqlite:x", "--color", "never"]), "run id:1");
        assert_eq!(of(&["run", "run"]), "run id:1");
        assert_eq!(of(&["plan", "x"]), "");
    }
}
