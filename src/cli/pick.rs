//! The choice of an omitted argument from a list of items in the database, which typing narrows.
//!
//! The choice is inserted into the command line, and the line is parsed again. So a command does not distinguish a
//! chosen argument from a typed one, and the line can be repeated.

use crate::cli::args::{Cli, Command};
use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit};
use crate::cli::shell::resume_line;
use crate::cli::terminal::printer::{Look, Piece};
use crate::cli::terminal::prompt;
use crate::cli::terminal::text::{instant, short};
use crate::design::{ModelSpec, Role, named};
use crate::lab::select::differing_axes;
use crate::lab::{Criteria, Lab, Listed, Target};
use crate::store::{ConversationRecord, ExperimentRecord};
use clap::Parser;

/// Global flags that take a value.
const TAKING: [&str; 2] = ["--store", "--color"];

/// A missing argument.
struct Missing {
    command: &'static str,
    question: &'static str,
    /// The full command, which the remedy shows.
    usage: &'static str,
    /// True if a conversation may be chosen too.
    conversations: bool,
    /// True if the argument follows another argument of the same command.
    second: bool,
}

impl Missing {
    /// Returns the missing argument of a command, if any.
    fn find_missing(command: &Command) -> Option<Self> {
        const ONE: &str = "which experiment?";
        let (word, command, question, usage, conversations) = match command {
            Command::Check(args) => (&args.what, "check", ONE, "convoke check NAME", false),
            Command::Plan(args) => (&args.what, "plan", ONE, "convoke plan NAME", false),
            Command::Run(args) => (&args.what, "run", ONE, "convoke run NAME", false),
            Command::Talk(args) => (&args.run.what, "talk", ONE, "convoke talk NAME --as ROLE", false),
            Command::Show(args) => (&args.id, "show", ONE, "convoke show NAME", true),
            Command::Edit(args) => (&args.what, "edit", ONE, "convoke edit NAME", false),
            Command::Duplicate(args) => (&args.what, "duplicate", ONE, "convoke duplicate NAME", false),
            Command::Note(args) => (&args.what, "note", ONE, "convoke note NAME", true),
            Command::Star(args) => (&args.what, "star", ONE, "convoke star NAME", true),
            Command::Delete(args) => (&args.what, "delete", ONE, "convoke delete NAME", true),
            Command::Export(args) => (&args.what, "export", ONE, "convoke export NAME --format FORMAT", true),
            Command::Summary(args) => (&args.what, "summary", ONE, "convoke summary NAME", false),
            Command::Diff(args) if args.a.is_empty() => (&args.a, "diff", ONE, "convoke diff A B", false),
            Command::Diff(args) => (&args.b, "diff", "which other experiment?", "convoke diff A B", false),
            Command::New(_)
            | Command::Ask(_)
            | Command::List(_)
            | Command::Import(_)
            | Command::Models(_)
            | Command::People(_)
            | Command::Doctor(_)
            | Command::Login(_)
            | Command::Store(_)
            | Command::Verify(_)
            | Command::Completions(_)
            | Command::Man(_) => return None,
        };
        word.is_empty().then_some(Self { command, question, usage, conversations, second: question != ONE })
    }
}

/// Asks for the missing arguments of a command. Returns `None` if no argument is missing.
pub async fn complete_command(context: &Context, command: &Command) -> Result<Option<(Context, Command)>, CliError> {
    let mut line = context.world.arguments.clone();
    let Some(mut missing) = Missing::find_missing(command) else { return Ok(None) };
    loop {
        let word = ask_missing(context, &missing).await?;
        let (with_word, cli) = insert_word(&line, &missing, &word)?;
        line = with_word;
        let Some(command) = cli.command else { return Ok(None) };
        if let Some(next) = Missing::find_missing(&command) {
            missing = next;
            continue;
        }
        context.printer.say_pieces(&[Piece(&resume_line(&line), Look::Dim)]);
        return Ok(Some((context.with_line(line, cli.global), command)));
    }
}

/// Inserts a word into the line after the command's name, or at the end for a second argument, and parses the line. An
/// empty word, as a script may leave it, is replaced instead.
fn insert_word(line: &[String], missing: &Missing, word: &str) -> Result<(Vec<String>, Cli), CliError> {
    let is_value = |at: usize| at > 0 && TAKING.contains(&line[at - 1].as_str());
    let command = (0..line.len()).find(|at| line[*at] == missing.command && !is_value(*at));
    let place = command.filter(|_| !missing.second).map_or(line.len(), |at| at + 1);
    let inserted = [&line[..place], &[word.to_owned()], &line[place..]].concat();
    let empty = (0..line.len()).filter(|at| line[*at].is_empty());
    let replaced = empty.map(|at| [&line[..at], &[word.to_owned()], &line[at + 1..]].concat());
    let read = |line: Vec<String>| {
        let cli = Cli::try_parse_from(["convoke".to_owned()].iter().chain(&line)).ok()?;
        Some((line, cli))
    };
    let mut lines = std::iter::once(inserted).chain(replaced);
    lines.find_map(read).ok_or_else(|| CliError::usage("the line is wrong").hint(format!("name it: {}", missing.usage)))
}

/// Asks for the missing argument.
async fn ask_missing(context: &Context, missing: &Missing) -> Result<String, CliError> {
    let hint = format!("name it: {}", missing.usage);
    if !context.may_ask() {
        return Err(prompt::unanswered_error(missing.question, &hint));
    }
    let nothing = || {
        CliError::not_found(format!("there is nothing to choose: {} holds no experiment", context.settings.store.uri))
            .hint("`convoke new NAME` writes one, `convoke run NAME` stores and runs it")
    };
    let lab = match context.reader().await {
        Err(error) if error.exit == Exit::NotFound => return Err(nothing()),
        opened => opened?,
    };
    let experiments = lab.list_experiments().await?;
    if experiments.is_empty() {
        return Err(nothing());
    }
    let lines = experiments.iter().map(experiment_line).collect::<Vec<_>>();
    let Some(place) = prompt::ask_search(&context.terminal, missing.question, &lines, &hint).await? else {
        return Err(declined_error());
    };
    let experiment = &experiments[place].record;
    let conversation =
        if missing.conversations { ask_conversation(context, &lab, experiment, &hint).await? } else { None };
    match conversation {
        Some(id) => Ok(id),
        None => Ok(shortest_name(&lab, experiment).await),
    }
}

fn declined_error() -> CliError {
    CliError::new(Exit::Usage, "declined", "nothing was chosen")
}

/// Returns the experiment's name if the name is unambiguous, else its id.
async fn shortest_name(lab: &Lab, experiment: &ExperimentRecord) -> String {
    let name = &experiment.name;
    let is_word =
        !name.starts_with('-') && !name.starts_with("id:") && lab.folder_named(name).is_ok_and(|f| f.is_none());
    let is_it =
        is_word && matches!(lab.find_target(name).await, Ok(Target::Experiment(found)) if found.id == experiment.id);
    if is_it { name.clone() } else { format!("id:{}", experiment.id) }
}

/// Asks for one of the experiment's conversations. `None` stands for the experiment itself.
async fn ask_conversation(
    context: &Context,
    lab: &Lab,
    experiment: &ExperimentRecord,
    hint: &str,
) -> Result<Option<String>, CliError> {
    let (_, conversations) = lab.list_conversations(&format!("id:{}", experiment.id), &Criteria::everything()).await?;
    if conversations.is_empty() {
        return Ok(None);
    }
    let records: Vec<ConversationRecord> = conversations.into_iter().map(|(record, _)| record).collect();
    let axes = differing_axes(&records);
    let mut lines = vec![format!("the experiment itself, {}", experiment.name)];
    lines.extend(records.iter().map(|record| {
        let levels = axes.iter().filter_map(|a| Some(format!("{a}={}", named(&record.condition, a)?)));
        let levels: Vec<String> = levels.collect();
        let levels = if levels.is_empty() { String::new() } else { format!("{} · ", levels.join(" ")) };
        let (star, id) = (if record.starred { "★ " } else { "" }, short(&record.id));
        let note = format_note(record.note.as_ref());
        format!("{star}{id} · {levels}replicate {} · {}{note}", record.replicate, record.status.word())
    }));
    let question = "the experiment, or which conversation?";
    match prompt::ask_search(&context.terminal, question, &lines, hint).await? {
        None => Err(declined_error()),
        Some(0) => Ok(None),
        Some(place) => Ok(records.get(place - 1).map(|record| record.id.clone())),
    }
}

/// Formats an experiment as one line.
fn experiment_line(Listed { record, counts, document }: &Listed) -> String {
    let roles: Vec<String> = document.roles.iter().map(Role::players).collect();
    let models: Vec<&str> = document.models.iter().map(ModelSpec::name).collect();
    format!(
        "{}{} · {}/{} done · {} · {} · {} · {}{}",
        if record.starred { "★ " } else { "" },
        record.name,
        counts.done,
        counts.done + counts.failed + counts.left,
        record.creator,
        instant(record.created),
        roles.join(", "),
        models.join(", "),
        format_note(record.note.as_ref()),
    )
}

fn format_note(note: Option<&String>) -> String {
    note.map_or_else(String::new, |note| format!(" · {note}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_choice_stands_where_it_would_be_typed() {
        let of = |words: &str| {
            let line: Vec<String> = words.split(' ').map(str::to_owned).collect();
            let cli = Cli::try_parse_from(["convoke".to_owned()].iter().chain(&line)).unwrap();
            let (line, _) = insert_word(&line, &Missing::find_missing(&cli.command.unwrap()).unwrap(), "E").unwrap();
            line.join(" ")
        };
        assert_eq!(of("run --offline --limit 2"), "run E --offline --limit 2");
        assert_eq!(of("--store run run --jobs 1"), "--store run run E --jobs 1");
        assert_eq!(of("diff"), "diff E");
        assert_eq!(of("--store sqlite:x.db diff A"), "--store sqlite:x.db diff A E");
        assert_eq!(of("show  --raw"), "show E --raw", "an empty word is none");
    }
}
