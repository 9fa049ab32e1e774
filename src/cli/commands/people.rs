//! `convoke people`: lists persons, prints one as a prompt has it, and compares sets of them.

use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit};
use crate::cli::problems::say_problems;
use crate::cli::terminal::printer::{Look, Piece};
use crate::cli::terminal::text::{Column, count, table, wrap};
use crate::lab::LabError;
use crate::lab::people::{PeopleSet, find_people, read_person};
use crate::people::compare::{Comparison, Distribution, common_keys, compare_people, value_at};
use crate::people::fact::to_json;
use crate::people::render::render_person;
use clap::{Args, Subcommand};
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeSet;
use std::io;

/// `convoke people`.
#[derive(Debug, Args)]
pub struct PeopleArgs {
    /// Command
    #[command(subcommand)]
    pub command: PeopleCommand,
}

/// Commands about people.
#[derive(Debug, Subcommand)]
pub enum PeopleCommand {
    /// List persons with their names and the facts that most of them share
    ///
    /// `--json` prints an array of `{name, hash, path, facts: {key: value}}`.
    List {
        /// Persons: a file, a folder, a quoted pattern such as 'people/*.json', or an experiment; by default the current
        /// folder
        #[arg(default_value = ".", hide_default_value = true)]
        what: String,
    },
    /// Print a person as an agent's prompt has it
    ///
    /// `--json` prints `{name, hash, path, persona, text}`.
    Show {
        /// File of a person
        path: String,
    },
    /// Print how facts are distributed over persons, of one set or of two side by side
    ///
    /// Numbers have quartiles, and words have counts. The distance between two sets is the total variation distance:
    /// 0 if the shares are equal, 1 if the sets have nothing in common. More than 12 different numbers are compared in
    /// ten intervals. `--json` prints an array of `{key, a, b, distance}`.
    Compare {
        /// First set of persons, named as for `list`
        a: String,
        /// Second set
        b: Option<String>,
    },
}

/// Maximum number of keys that a list shows.
const MOST_KEYS: usize = 5;
/// Maximum number of words of one key that a comparison shows.
const MOST_WORDS: usize = 12;
/// Maximum number of characters of a word; longer texts are only counted.
const LONGEST: usize = 40;
/// Columns of a list: the name, then the keys.
const COLUMNS: [Column; 1 + MOST_KEYS] = [
    Column::text("", 16, 0),
    Column::text("", 12, 1),
    Column::text("", 12, 2),
    Column::text("", 12, 3),
    Column::text("", 12, 4),
    Column::text("", 12, 5),
];
const COUNTS: [Column; 3] = [Column::text("", 24, 0), Column::number("A", 0), Column::number("B", 1)];

/// Runs `convoke people`.
pub async fn run(context: &Context, args: &PeopleArgs) -> Result<Exit, CliError> {
    match &args.command {
        PeopleCommand::List { what } => list(context, what).await,
        PeopleCommand::Show { path } => show(context, path),
        PeopleCommand::Compare { a, b } => compare(context, a, b.as_deref()).await,
    }
}

/// Finds a set, and reports the files that are left out.
async fn find(context: &Context, what: &str) -> Result<PeopleSet, CliError> {
    let set = match find_people(&context.world.folder, what).map_err(|error| tell_wrong(context, error))? {
        Some(set) => set,
        None => match context.reader().await {
            Ok(lab) => lab.find_stored_people(what).await?,
            // Without a database, no experiment has that name.
            Err(error) if error.exit == Exit::NotFound => {
                return Err(LabError::NoSuchPeople { what: what.to_owned() }.into());
            }
            Err(error) => return Err(error),
        },
    };
    for (path, why) in &set.left_out {
        context.printer.warn(&format!("{path} is left out: {why}"));
    }
    Ok(set)
}

/// Reports the mistakes of a file before the error.
fn tell_wrong(context: &Context, error: LabError) -> CliError {
    if let LabError::Wrong { problems, .. } = &error {
        say_problems(context, problems);
    }
    error.into()
}

async fn list(context: &Context, what: &str) -> Result<Exit, CliError> {
    let set = find(context, what).await?;
    let keys = common_keys(&set.persons(), MOST_KEYS);
    if context.printer.json {
        let object = |(path, person): &(String, crate::people::Person)| {
            let facts = keys.iter().map(|key| (key.clone(), value_at(person, key).into()));
            let facts: Map<String, Json> = facts.collect();
            json!({ "name": person.name, "hash": person.hash, "path": path, "facts": facts })
        };
        context.printer.json_ok(&Json::Array(set.people.iter().map(object).collect()))?;
        return Ok(Exit::Done);
    }
    let row = |(_, person): &(String, crate::people::Person)| {
        let values = keys.iter().map(|key| value_at(person, key).unwrap_or_else(|| "–".to_owned()));
        let mut row: Vec<String> = std::iter::once(person.name.clone()).chain(values).collect();
        row.resize(COLUMNS.len(), String::new());
        row
    };
    let mut heads: Vec<String> = std::iter::once("NAME".to_owned()).chain(keys.iter().map(|k| head(k))).collect();
    heads.resize(COLUMNS.len(), String::new());
    let rows: Vec<Vec<String>> = std::iter::once(heads).chain(set.people.iter().map(row)).collect();
    for line in table(&COLUMNS, &rows, context.printer.width()).iter().skip(1) {
        context.printer.out(line)?;
    }
    context.printer.say(&count(set.people.len(), "person"));
    Ok(Exit::Done)
}

/// Returns a key as the heading of a column: `occupation.title` becomes `OCCUPATION TITLE`.
fn head(key: &str) -> String {
    key.replace(['_', '.'], " ").to_uppercase()
}

fn show(context: &Context, path: &str) -> Result<Exit, CliError> {
    let person = read_person(&context.world.folder, path).map_err(|error| tell_wrong(context, error))?;
    let text = render_person(&person);
    if context.printer.json {
        let persona: Json = serde_json::from_str(&to_json(&person.persona)).unwrap_or(Json::Null);
        let data = json!({
            "name": person.name, "hash": person.hash, "path": path, "persona": persona, "text": text,
        });
        context.printer.json_ok(&data)?;
        return Ok(Exit::Done);
    }
    for line in text.lines() {
        for line in wrap(line, context.printer.width()) {
            context.printer.out(&line)?;
        }
    }
    Ok(Exit::Done)
}

async fn compare(context: &Context, a: &str, b: Option<&str>) -> Result<Exit, CliError> {
    let first = find(context, a).await?;
    let second = match b {
        Some(b) => Some(find(context, b).await?),
        None => None,
    };
    let other = second.as_ref().map(PeopleSet::persons);
    let found = compare_people(&first.persons(), other.as_deref());
    if context.printer.json {
        context.printer.json_ok(&Json::Array(found.iter().map(comparison_object).collect()))?;
        return Ok(Exit::Done);
    }
    let sets = [("A", Some((a, &first))), ("B", b.zip(second.as_ref()))];
    for (name, (what, set)) in sets.into_iter().filter_map(|(name, set)| Some((name, set?))) {
        context.printer.out(&format!("{name}  {} in {what}", count(set.people.len(), "person")))?;
    }
    found.iter().try_for_each(|comparison| print_comparison(context, comparison))?;
    Ok(Exit::Done)
}

fn comparison_object(comparison: &Comparison) -> Json {
    let Comparison { key, a, b, distance } = comparison;
    json!({ "key": key, "a": distribution_object(a), "b": b.as_ref().map(distribution_object), "distance": distance })
}

fn distribution_object(distribution: &Distribution) -> Json {
    match distribution {
        Distribution::Words { counts, lacking } => {
            let counts: Vec<Json> = counts.iter().map(|(value, n)| json!({ "value": value, "people": n })).collect();
            json!({ "counts": counts, "lacking": lacking })
        }
        Distribution::Numbers { count, lacking, mean, quantiles: [min, low, median, high, max] } => json!({
            "count": count, "lacking": lacking, "mean": mean, "min": min, "q1": low, "median": median, "q3": high,
            "max": max,
        }),
    }
}

fn print_comparison(context: &Context, comparison: &Comparison) -> io::Result<()> {
    let Comparison { key, a, b, distance } = comparison;
    let distance = distance.map_or_else(String::new, |distance| format!("  distance {distance:.2}"));
    context.printer.out("")?;
    context.printer.pieces(&[Piece(key, Look::Bold), Piece(&distance, Look::Dim)])?;
    let width = context.printer.width().map(|width| width.saturating_sub(2));
    for line in table(&COUNTS, &rows(a, b.as_ref()), width).iter().skip(usize::from(b.is_none())) {
        context.printer.out(&format!("  {line}"))?;
    }
    Ok(())
}

/// Returns the rows of one key: each value or quantile, with its figure in either set.
fn rows(a: &Distribution, b: Option<&Distribution>) -> Vec<Vec<String>> {
    let (a, b) = (figures(a), b.map(figures));
    let mut names: Vec<&String> = a.iter().map(|(name, _)| name).collect();
    let known: BTreeSet<&String> = names.iter().copied().collect();
    names.extend(b.iter().flatten().map(|(name, _)| name).filter(|name| !known.contains(name)));
    let figure = |figures: &[(String, String)], name: &String| {
        figures.iter().find(|(known, _)| known == name).map_or_else(String::new, |(_, figure)| figure.clone())
    };
    let row = |name: &&String| {
        vec![(*name).clone(), figure(&a, name), b.as_deref().map_or_else(String::new, |b| figure(b, name))]
    };
    let mut rows: Vec<Vec<String>> = names.iter().take(MOST_WORDS).map(row).collect();
    if names.len() > MOST_WORDS {
        rows.push(vec![format!("… {} more values", names.len() - MOST_WORDS), String::new(), String::new()]);
    }
    rows
}

fn figures(distribution: &Distribution) -> Vec<(String, String)> {
    let lacking = |n: usize| (n > 0).then(|| ("(none)".to_owned(), n.to_string()));
    match distribution {
        Distribution::Words { counts, lacking: n }
            if counts.iter().any(|(value, _)| value.chars().count() > LONGEST) =>
        {
            let number = counts.len().to_string();
            std::iter::once(("different texts".to_owned(), number)).chain(lacking(*n)).collect()
        }
        Distribution::Words { counts, lacking: n } => {
            let counts = counts.iter().map(|(value, n)| (value.clone(), n.to_string()));
            counts.chain(lacking(*n)).collect()
        }
        Distribution::Numbers { count: _, lacking: n, mean, quantiles } => {
            let names = ["min", "first quartile", "median", "third quartile", "max"];
            let quantiles = names.into_iter().zip(quantiles).map(|(name, x)| (name.to_owned(), round(*x)));
            quantiles.chain([("mean".to_owned(), round(*mean))]).chain(lacking(*n)).collect()
        }
    }
}

/// Formats a number with at most two places behind the point.
fn round(number: f64) -> String {
    let text = format!("{number:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
