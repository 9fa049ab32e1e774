//! `convoke people`: lists persons, prints one as a prompt has it, compares sets of them, and generates some.

mod comparison;
mod generate;

use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit};
use crate::cli::terminal::text::{Column, count, table, wrap};
use crate::lab::LabError;
use crate::lab::people::{PeopleSet, find_people, read_person};
use crate::people::compare::{Comparison, Distribution, common_keys, compare_people, value_at};
use crate::people::fact::to_json;
use crate::people::render::render_person;
use clap::{Args, Subcommand};
use comparison::{print_comparison, tell_wrong};
use serde_json::{Map, Value as Json, json};

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
    /// Generate people: the program draws their values by the shares of a population, and a model writes the rest
    ///
    /// Each person is one request with a key of its own in the experiment `people-NAME`. The same command continues it,
    /// and with a larger number adds people; those who are written stay. A file that differs is never replaced without
    /// --replace. `--json` prints an array of `{name, hash, path, conversation}`.
    Generate(Box<generate::Generate>),
}

/// Maximum number of keys that a list shows.
const MOST_KEYS: usize = 5;
/// Columns of a list: the name, then the keys.
const COLUMNS: [Column; 1 + MOST_KEYS] = [
    Column::text("", 16, 0),
    Column::text("", 12, 1),
    Column::text("", 12, 2),
    Column::text("", 12, 3),
    Column::text("", 12, 4),
    Column::text("", 12, 5),
];

/// Runs `convoke people`.
pub async fn run(context: &Context, args: &PeopleArgs) -> Result<Exit, CliError> {
    match &args.command {
        PeopleCommand::List { what } => list(context, what).await,
        PeopleCommand::Show { path } => show(context, path),
        PeopleCommand::Compare { a, b } => compare(context, a, b.as_deref()).await,
        PeopleCommand::Generate(args) => Box::pin(generate::run(context, args)).await,
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
