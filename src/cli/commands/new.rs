//! `convoke new`: writes an experiment folder, whole or not at all; or stores the experiment.

use crate::cli::changes;
use crate::cli::changes::ChangeFlags;
use crate::cli::commands::colleagues::{self, refuse_wrong};
use crate::cli::context::{Context, write_folder};
use crate::cli::error::{CliError, Exit};
use crate::cli::problems::say_problems;
use crate::cli::terminal::printer::{Look, Piece};
use crate::design::check::{Checked, check};
use crate::design::edit::Changes;
use crate::design::folder::{Files, bad_name};
use crate::design::problem::did_you_mean;
use crate::design::{Experiment, Problem, key};
use crate::store::sqlite::OpenMode;
use crate::store::{NewExperiment, StoreError};
use clap::Args;
use serde_json::json;
use std::path::Path;
use std::path::PathBuf;

/// `convoke new`.
#[derive(Debug, Args)]
pub struct New {
    /// Name of the experiment and of its folder
    pub name: String,
    /// Start from an experiment that ships: prison, debate or negotiation; or from `empty`, in which there is nothing
    #[arg(long, value_name = "EXAMPLE")]
    pub from: Option<String>,
    /// Folder in which to make it
    #[arg(long = "in", value_name = "DIR", default_value = ".")]
    pub into: PathBuf,
    /// Store it in the database instead of writing a folder
    #[arg(long, conflicts_with = "into")]
    pub stored: bool,
    /// What is otherwise than where it starts from.
    #[command(flatten)]
    pub changes: ChangeFlags,
}

/// A file of an experiment that is compiled in: path and text.
type Shipped = (&'static str, &'static str);

/// A start with nothing in it.
const EMPTY: &str = "empty";

const STARTER: &[Shipped] = &[
    ("experiment.toml", include_str!("../../../prompts/starter/experiment.toml")),
    ("shared.md", include_str!("../../../prompts/starter/shared.md")),
    ("roles/interviewer.md", include_str!("../../../prompts/starter/roles/interviewer.md")),
    ("roles/applicant.md", include_str!("../../../prompts/starter/roles/applicant.md")),
];

const EXAMPLES: &[(&str, &[Shipped])] = &[
    (
        "prison",
        &[
            ("experiment.toml", include_str!("../../../experiments/prison/experiment.toml")),
            ("shared.md", include_str!("../../../experiments/prison/shared.md")),
            ("roles/guard.md", include_str!("../../../experiments/prison/roles/guard.md")),
            ("roles/prisoner.md", include_str!("../../../experiments/prison/roles/prisoner.md")),
        ],
    ),
    (
        "debate",
        &[
            ("experiment.toml", include_str!("../../../experiments/debate/experiment.toml")),
            ("shared.md", include_str!("../../../experiments/debate/shared.md")),
            ("summarizer.md", include_str!("../../../experiments/debate/summarizer.md")),
            ("roles/moderator.md", include_str!("../../../experiments/debate/roles/moderator.md")),
            ("roles/advocate.md", include_str!("../../../experiments/debate/roles/advocate.md")),
            ("roles/opponent.md", include_str!("../../../experiments/debate/roles/opponent.md")),
        ],
    ),
    (
        "negotiation",
        &[
            ("experiment.toml", include_str!("../../../experiments/negotiation/experiment.toml")),
            ("shared.md", include_str!("../../../experiments/negotiation/shared.md")),
            ("roles/seller.md", include_str!("../../../experiments/negotiation/roles/seller.md")),
            ("roles/buyer.md", include_str!("../../../experiments/negotiation/roles/buyer.md")),
        ],
    ),
];

/// Writes the folder, or stores the experiment.
pub async fn run(context: &Context, args: &New) -> Result<Exit, CliError> {
    if let Some(why) = bad_name(&args.name) {
        let message = format!("`{}` cannot be an experiment's name: {why}", args.name);
        return Err(CliError::usage(message).hint("--in DIR says where; NAME is a name, not a path"));
    }
    let changes = changes::read(context, &args.changes)?;
    let note = args.changes.note.as_ref();
    if !args.stored && args.from.as_deref() != Some(EMPTY) && changes.is_empty() && note.is_none() {
        return written(context, args, &files(&args.name, shipped(args.from.as_deref())?));
    }
    let mut start = start(context, args)?;
    if let Some(note) = note {
        start.note = Some(note.clone());
    }
    let (files, checked) = changed(context, &start, &changes)?;
    if !args.stored {
        say_problems(context, &checked.problems);
        return written(context, args, &files);
    }
    match checked.experiment {
        Some(document) => stored(context, document, &checked.problems).await,
        None => Err(CliError::usage("nothing is there to be stored")),
    }
}

/// What is changed.
fn start(context: &Context, args: &New) -> Result<Experiment, CliError> {
    if args.from.as_deref() == Some(EMPTY) {
        return Ok(Experiment::empty(&args.name));
    }
    let checked = check(&files(&args.name, shipped(args.from.as_deref())?), &context.settings.known_servers());
    let wrong = format!("`{}` would be wrong", args.name);
    match checked.experiment.as_ref().filter(|_| !checked.has_errors()) {
        Some(experiment) => Ok(experiment.clone()),
        None => Err(refuse_wrong(context, &wrong, &checked)),
    }
}

/// The changed files, checked as a folder is.
pub fn changed(context: &Context, start: &Experiment, changes: &Changes) -> Result<(Files, Checked), CliError> {
    let files = changes.apply(start).map_err(changes::refused)?;
    let checked = check(&files, &context.settings.known_servers());
    if checked.has_errors() || checked.experiment.is_none() {
        return Err(refuse_wrong(context, &format!("`{}` would be wrong", start.name), &checked));
    }
    Ok((files, checked))
}

async fn stored(context: &Context, document: Experiment, warnings: &[Problem]) -> Result<Exit, CliError> {
    let store = context.open(OpenMode::Write).await?;
    let new = NewExperiment {
        id: format!("{:016x}", (context.world.random)()),
        creator: context.creator().to_owned(),
        now: (context.world.clock)(),
        revision: key::revision(&document),
        document,
        parent: None,
    };
    let record = store.create(new).await.map_err(|error| match error {
        StoreError::Exists { .. } => {
            CliError::from(error).hint("choose another name; `convoke edit` changes the one that is there")
        }
        other => other.into(),
    })?;
    say_problems(context, warnings);
    if context.printer.json {
        context.printer.json_ok(&json!({
            "id": record.id, "name": record.name, "version": record.version, "revision": record.revision,
        }))?;
        return Ok(Exit::Done);
    }
    context.printer.out(&format!("stored `{}` (id {})", record.name, record.id))?;
    colleagues::next(context, "run", &record.name);
    Ok(Exit::Done)
}

fn written(context: &Context, args: &New, files: &Files) -> Result<Exit, CliError> {
    let shown = if args.into == Path::new(".") { args.name.clone().into() } else { args.into.join(&args.name) };
    write_folder(&context.world.folder.join(&shown), files)?;
    let paths: Vec<String> = files.keys().map(|f| shown.join(f).display().to_string()).collect();
    if context.printer.json {
        context.printer.json_ok(&json!({ "name": args.name, "path": shown.display().to_string(), "files": paths }))?;
        return Ok(Exit::Done);
    }
    for path in &paths {
        context.printer.pieces(&[Piece("wrote ", Look::Dim), Piece(path, Look::Plain)])?;
    }
    let what = as_argument(&shown);
    context.printer.chat(&format!("next:  convoke check {what} --preview\n       convoke run {what} --offline"));
    Ok(Exit::Done)
}

fn shipped(example: Option<&str>) -> Result<&'static [Shipped], CliError> {
    let Some(name) = example else { return Ok(STARTER) };
    let found = EXAMPLES.iter().find(|(known, _)| *known == name);
    found.map(|(_, files)| *files).ok_or_else(|| {
        let hint = did_you_mean(name, EXAMPLES.iter().map(|(known, _)| *known));
        let all: Vec<&str> = EXAMPLES.iter().map(|(known, _)| *known).collect();
        let hint = hint.unwrap_or_else(|| format!("there are: {}, {EMPTY}", all.join(", ")));
        CliError::usage(format!("there is no example `{name}`")).hint(hint)
    })
}

/// The files under their new name; comments and layout stay.
fn files(name: &str, shipped: &[Shipped]) -> Files {
    let written = toml_edit::Value::from(name).to_string();
    let named = |line: &str| {
        if line.starts_with("name = ") { format!("name = {}\n", written.trim()) } else { line.to_owned() }
    };
    let text = |path: &str, text: &str| match path {
        "experiment.toml" => text.split_inclusive('\n').map(named).collect(),
        _ => text.to_owned(),
    };
    shipped.iter().map(|(path, content)| ((*path).to_owned(), text(path, content).into_bytes())).collect()
}

/// A path as a shell takes it.
fn as_argument(path: &Path) -> String {
    let path = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "/._-+,@%".contains(c);
    if path.chars().all(plain) { path } else { format!("'{}'", path.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::design::check::{KnownServer, check};
    use crate::design::plan::Plan;

    #[test]
    fn every_example_is_whole_and_takes_its_new_name() {
        let servers = [KnownServer { name: "ollama".to_owned(), lacks: &[], refused: None }];
        for (example, shipped) in EXAMPLES.iter().chain(&[("starter", STARTER)]) {
            let checked = check(&files("a \"new\" name", shipped), &servers);
            assert!(checked.problems.is_empty(), "{example}: {:?}", checked.problems);
            assert_eq!(checked.experiment.unwrap().name, "a \"new\" name", "{example}");
            assert!(checked.plan.is_some_and(|p: Plan| p.conditions.len() > 1), "{example}");
        }
    }

    #[test]
    fn a_path_is_quoted_for_the_shell_where_it_must_be() {
        assert_eq!(as_argument(Path::new("a/b_c-1")), "a/b_c-1");
        assert_eq!(as_argument(Path::new("it's here")), r"'it'\''s here'");
    }
}
