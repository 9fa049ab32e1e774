//! `convoke people generate`: draws the values of people, and lets a model write the rest.

use super::comparison::{print_comparison, tell_wrong};
use crate::cli::commands::run::{Drive, Early, Manner, Start, failed, left};
use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit};
use crate::cli::questions::{agreed, confirm_pulls};
use crate::cli::shell::resume_line;
use crate::cli::terminal::signals;
use crate::cli::terminal::text::count;
use crate::design::plan::SCRIPTED;
use crate::lab::generate::{Births, Generation, Requests};
use crate::lab::population::{folder_of, name_of, read_file, write_people};
use crate::lab::{Lab, Planned, files};
use crate::people::Person;
use crate::people::compare::compare_people;
use crate::people::population::{MOST_PEOPLE, Population};
use crate::people::sample::expected_people;
use crate::store::sqlite::OpenMode;
use clap::Args;
use serde_json::{Value as Json, json};
use std::path::PathBuf;

/// `convoke people generate`.
#[derive(Debug, Args)]
pub struct Generate {
    /// File of a population, such as populations/brazil.toml
    #[arg(required_unless_present = "describe")]
    pub population: Option<String>,
    /// Text that describes the people, instead of a file
    #[arg(long, value_name = "TEXT", conflicts_with = "population", requires = "number")]
    pub describe: Option<String>,
    /// Number of people, in place of the file's; those who are written stay
    #[arg(long, value_name = "N")]
    pub number: Option<u32>,
    /// Model that writes, as SERVER/NAME, in place of the file's `writer`
    #[arg(long, value_name = "ID")]
    pub model: Option<String>,
    /// Let the built-in `scripted` write, which contacts no server and costs nothing
    #[arg(long, conflicts_with = "model")]
    pub offline: bool,
    /// Folder of the people [default: people/NAME beside the folder of the population; people for --describe]
    #[arg(short, long, value_name = "FOLDER")]
    pub output: Option<PathBuf>,
    /// Replace files of other people
    #[arg(long)]
    pub replace: bool,
    /// The manner in which it works.
    #[command(flatten)]
    pub manner: Manner,
}

/// Name of a population that was described.
const DESCRIBED: &str = "described";

/// Runs `convoke people generate`. The same command continues it.
pub async fn run(context: &Context, args: &Generate) -> Result<Exit, CliError> {
    let resume = resume_line(&context.world.arguments);
    let early = Early { resume: &resume, notify: args.manner.notice(), is_document: true };
    let (generation, folder) = match read(context, args) {
        Ok(read) => read,
        Err(error) => return failed(context, error, early),
    };
    let mut requests = match first_requests(context, generation.clone()).await {
        Ok(requests) => requests,
        Err(error) => return failed(context, error, early),
    };
    loop {
        let begun = tokio::select! {
            // The signal is polled first, so that none is missed.
            biased;
            exit = signals::first() => return left(context, exit?, early),
            begun = begin(context, args, (&requests.0, &requests.1)) => begun,
        };
        let (drive, planned) = match begun {
            Ok(begun) => begun,
            Err(error) => return failed(context, error, early),
        };
        let end = drive.go().await?;
        let births = requests.0.read_births(&mut requests.1, &planned).await?;
        if end.exit() != Exit::Done {
            write(context, args, (&generation, &folder), &births)?;
            end.print(context);
            end.say_resume(context, &resume);
            end.notify(context, &resume);
            let unknown = || CliError::new(end.exit(), "failed", "not all people were written");
            return match end.error() {
                Some(error) => Err(error),
                None => Err(unknown().hint("the same command continues; --retry-failed requests failed people again")),
            };
        }
        if births.again == 0 {
            let exit = finish(context, args, (&generation, &folder), &births);
            end.notify(context, &resume);
            return exit;
        }
        context
            .printer
            .chat(&format!("{} again: a name was taken, or a reply was no person", count(births.again, "person")));
    }
}

async fn first_requests(context: &Context, generation: Generation) -> Result<(Lab, Requests), CliError> {
    let lab = context.lab(OpenMode::Run).await?;
    let requests = lab.generation_requests(generation).await?;
    Ok((lab, requests))
}

/// Reads the population, and returns it with the folder of its people.
fn read(context: &Context, args: &Generate) -> Result<(Generation, PathBuf), CliError> {
    args.manner.waits()?;
    if let Some(number) = args.number.filter(|number| !(1..=MOST_PEOPLE).contains(number)) {
        return Err(CliError::usage(format!("--number {number}: write a number from 1 to {MOST_PEOPLE}")));
    }
    let (name, mut population, texts, folder) = match (&args.population, &args.describe) {
        (Some(path), _) => {
            let (population, texts) =
                read_file(&context.world.folder, path).map_err(|error| tell_wrong(context, error))?;
            (name_of(path), population, texts, folder_of(path))
        }
        (None, Some(brief)) if !brief.trim().is_empty() => {
            let population = Population { brief: brief.trim().to_owned(), ..Population::default() };
            (DESCRIBED.to_owned(), population, Vec::new(), PathBuf::from("people"))
        }
        (None, Some(_) | None) => return Err(CliError::usage("--describe has no text")),
    };
    population.number = args.number.unwrap_or(population.number);
    let given = if args.offline { Some(SCRIPTED.to_owned()) } else { args.model.clone() };
    let Some(writer) = given.or_else(|| population.writer.clone()) else {
        return Err(CliError::usage("no model writes: the population names no `writer`")
            .hint("--model SERVER/NAME, or --offline for a try without a model"));
    };
    let generation = Generation { name, population, context: texts, writer };
    Ok((generation, args.output.clone().unwrap_or(folder)))
}

async fn begin<'a>(
    context: &'a Context,
    args: &Generate,
    (lab, requests): (&Lab, &Requests),
) -> Result<(Drive<'a>, Planned), CliError> {
    let waits = args.manner.waits()?;
    let script = context.settings.servers.script.as_deref().map(files::read_script).transpose()?;
    let planned = requests
        .plan(args.offline, (&context.settings.servers, context.creator()))
        .map_err(|error| tell_wrong(context, error))?;
    planned.require_servers(&context.settings.servers)?;
    confirm_pulls(context, args.manner.no_pull, &args.model.iter().cloned().collect::<Vec<_>>()).await?;
    let mut start = Start::new(context, "generate", &args.manner, (waits, script));
    start.is_document = true;
    let how = start.how.clone();
    let launched = agreed(context, async |yes| lab.launch_run(planned.clone(), how.clone(), yes).await);
    let running = Box::pin(start.listen(launched)).await?;
    Ok((start.drive(lab.clone(), running), planned))
}

fn write(
    context: &Context,
    args: &Generate,
    (generation, folder): (&Generation, &PathBuf),
    births: &Births,
) -> Result<Vec<String>, CliError> {
    Ok(write_people(&context.world.folder, folder, (generation, &births.born), args.replace)?)
}

/// Writes the people, and compares them with the shares of the population.
fn finish(
    context: &Context,
    args: &Generate,
    (generation, folder): (&Generation, &PathBuf),
    births: &Births,
) -> Result<Exit, CliError> {
    let paths = write(context, args, (generation, folder), births)?;
    let printer = &context.printer;
    if let Some((index, why)) = births.failed.first() {
        let message = format!("{} could not be written; number {index}: {why}", count(births.failed.len(), "person"));
        let hint = "another --model, or another `seed` in the population";
        return Err(CliError::new(Exit::Failed, "failed", message).hint(hint));
    }
    if printer.json {
        let object = |(born, path): (&crate::lab::generate::Born, &String)| json!({ "name": born.person.name, "hash": born.person.hash, "path": path, "conversation": born.conversation });
        printer.json_ok(&Json::Array(births.born.iter().zip(&paths).map(object).collect()))?;
        return Ok(Exit::Done);
    }
    printer.out(&format!("{} in {}", count(births.born.len(), "person"), folder.display()))?;
    let persons: Vec<&Person> = births.born.iter().map(|born| &born.person).collect();
    if generation.population.dimensions.is_empty() {
        persons.iter().zip(&paths).try_for_each(|(person, path)| printer.out(&format!("  {}  {path}", person.name)))?;
        return Ok(Exit::Done);
    }
    printer.out("A is these people, B the shares of the population")?;
    let expected = expected_people(&generation.population);
    let expected: Vec<&Person> = expected.iter().collect();
    let compared = compare_people(&persons, Some(&expected)).into_iter();
    let is_drawn = |key: &str| generation.population.dimensions.iter().any(|dimension| dimension.name == key);
    compared.filter(|c| is_drawn(&c.key)).try_for_each(|comparison| print_comparison(context, &comparison))?;
    Ok(Exit::Done)
}
