//! `convoke run`: runs the missing conversations. The same command continues it.

mod drive;
mod early;
mod end;
mod manner;
mod notify;
mod people;

use super::ask;
use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit};
use crate::cli::narrow::Narrow;
use crate::cli::problems::say_problems;
use crate::cli::questions::{agreed, confirm_pulls};
use crate::cli::shell::{resume_line, spelled_out};
use crate::cli::terminal::signals;
use crate::cli::terminal::text::short;
use crate::lab::{Extended, Lab, LabError, Planned, files};
use crate::store::sqlite::OpenMode;
use crate::store::{ExperimentRecord, ProcessKind};
use clap::Args;
pub use drive::{Drive, Start};
pub use early::{Early, end_of, failed, left};
pub use end::End;
pub use manner::Manner;

/// `convoke run`.
#[derive(Debug, Args)]
pub struct Run {
    /// Experiment's folder, name or id; or the id of one conversation or question, to resume only that one as planned
    #[arg(default_value = "", hide_default_value = true)]
    pub what: String,
    /// What to narrow or override.
    #[command(flatten)]
    pub narrow: Narrow,
    /// Add N replicates of each condition to those begun, and store the new total
    ///
    /// The new total M is the highest replicate begun plus N, and the flag equals --replicates M. convoke stores M in an
    /// experiment of yours in the database. It does not change a folder: write M into `[run]` of its experiment.toml, or the next run without --more uses the
    /// old number. Conversations are never removed. While an earlier --more is unfinished, the same command resumes it
    /// and adds no replicates. It cannot be combined with --replicates.
    #[arg(long, value_name = "N", conflicts_with = "replicates")]
    pub more: Option<u32>,
    /// The manner in which it works.
    #[command(flatten)]
    pub manner: Manner,
}

/// Runs `convoke run`. The last JSON line always reports how it ended. The id of a question continues that question
/// alone.
pub async fn run(context: &Context, args: &Run) -> Result<Exit, CliError> {
    match continue_question(context, args).await {
        Ok(None) => Box::pin(go(context, args, None)).await,
        Ok(Some(exit)) => Ok(exit),
        Err(error) => {
            let resume = resume_line(&context.world.arguments);
            failed(context, error, Early { resume: &resume, notify: args.manner.notice(), is_document: false })
        }
    }
}

/// A person's seat in a conversation of `talk`.
#[derive(Debug, Clone, Copy)]
pub struct Seat<'a> {
    /// Role of the person, if given.
    pub role: Option<&'a str>,
}

/// Runs all missing conversations, or one with a seat.
pub async fn go(context: &Context, args: &Run, seat: Option<Seat<'_>>) -> Result<Exit, CliError> {
    let resume = resume_line(&context.world.arguments);
    let early = Early { resume: &resume, notify: args.manner.notice(), is_document: false };
    let begun = tokio::select! {
        // The signal is polled first, so that none is missed.
        biased;
        exit = signals::first() => return left(context, exit?, early),
        begun = begin(context, args, seat) => begun,
    };
    let (drive, replicates) = match begun {
        Ok(begun) => begun,
        Err(error) => return failed(context, error, early),
    };
    let extended = |replicates| resume_line(&spelled_out(&context.world.arguments, replicates));
    let resume = replicates.map_or_else(|| resume.clone(), extended);
    drive.say_first_line();
    match drive.go().await {
        Ok(end) => end.tell(context, &resume),
        Err(error) => failed(context, error, early),
    }
}

/// Finds every mistake before it writes anything, then stores the plan. Also returns the number of replicates if
/// `--more` extended the plan.
async fn begin<'a>(
    context: &'a Context,
    args: &Run,
    seat: Option<Seat<'_>>,
) -> Result<(Drive<'a>, Option<u32>), CliError> {
    let waits = args.manner.waits()?;
    if args.more == Some(0) {
        return Err(CliError::usage("--more is at least 1"));
    }
    let script = context.settings.servers.script.as_deref().map(files::read_script).transpose()?;
    let mut planned = planned(context, args, seat).await?;
    planned.require_servers(&context.settings.servers)?;
    confirm_pulls(context, args.manner.no_pull, &planned.models_of_flags()).await?;
    let lab = context.lab(OpenMode::Run).await?;
    if let Some(stored) = lab.replaced_by(&planned).await? {
        warn_of_replacement(context, &planned, &stored);
    }
    if seat.is_some() {
        lab.plan_single(&mut planned, args.manner.retry_failed).await?;
    }
    let replicates = match args.more {
        Some(more) => Some(extend(context, &lab, &mut planned, more).await?),
        None => None,
    };
    let mut start = Start::new(context, "run", &args.manner, (waits, script));
    start.how.more = args.more;
    start.how.is_talk = seat.is_some();
    let how = start.how.clone();
    let launched = agreed(context, async |yes| lab.launch_run(planned.clone(), how.clone(), yes).await);
    let running = Box::pin(start.listen(launched)).await?;
    Ok((start.drive(lab.clone(), running), replicates))
}

/// Warns that the version of the folder becomes the current one in place of the stored one.
fn warn_of_replacement(context: &Context, planned: &Planned, stored: &ExperimentRecord) {
    let (id, old, new) = (format!("id:{}", stored.id), short(&stored.revision), short(&planned.revision));
    let (run, back) = (context.paste_line(&["run", &id]), context.paste_line(&["edit", &id, "--back-to", old]));
    context.printer.warn(&format!(
        "`{}` is stored as revision {old}; this run makes revision {new} of the folder {} the current one. `{run}` runs \
         the stored one, `{back}` brings it back",
        stored.name, planned.what
    ));
}

/// Plans the run and gives a role to the person. Refuses a plan with a person if nobody can type.
async fn planned(context: &Context, args: &Run, seat: Option<Seat<'_>>) -> Result<Planned, CliError> {
    let alone = if seat.is_none() { alone(context, args).await? } else { None };
    let mut planned = match alone {
        Some(planned) => planned,
        None => context.planned(&args.what, &args.narrow.narrowing()).await?,
    };
    if let Some(seat) = seat {
        planned.cast_role(seat.role)?;
    }
    people::need_a_terminal(context, &planned, (args.manner.retry_failed, args.more.is_some(), seat.is_some())).await?;
    Ok(planned)
}

/// Plans one conversation alone, if the person named one.
async fn alone(context: &Context, args: &Run) -> Result<Option<Planned>, CliError> {
    // A folder needs no database.
    if !may_be_id(&args.what) || files::folder_named(&context.world.folder, &args.what)?.is_some() {
        return Ok(None);
    }
    let lab = context.reader_for(&args.what).await?;
    let Some((conversation, record)) = lab.conversation_named(&args.what).await? else { return Ok(None) };
    if let Some(flag) = given(args) {
        let message =
            format!("{flag} narrows an experiment, and `{}` is a conversation of `{}`", args.what, record.name);
        return Err(CliError::usage(message).hint(format!("without {flag} it resumes as it was planned")));
    }
    let name = record.name.clone();
    lab.resume_plan(&conversation, record).await.map(Some).map_err(|error| match error {
        LabError::Wrong { subject, problems } => {
            say_problems(context, &problems);
            CliError::invalid(subject)
        }
        LabError::NoRun { .. } => {
            let line = context.paste_line(&["run", &name]);
            CliError::from(error).hint(format!("repeat the run with its flags: {line} …"))
        }
        error => error.into(),
    })
}

/// Continues one question alone, if the person named one.
async fn continue_question(context: &Context, args: &Run) -> Result<Option<Exit>, CliError> {
    if !may_be_id(&args.what) || files::folder_named(&context.world.folder, &args.what)?.is_some() {
        return Ok(None);
    }
    let Ok(reader) = context.reader().await else { return Ok(None) };
    let Ok(Some((question, _))) = reader.conversation_named(&args.what).await else { return Ok(None) };
    if question.kind == ProcessKind::Conversation {
        return Ok(None);
    }
    if let Some(flag) = given(args) {
        let message = format!("{flag} narrows an experiment, and `{}` is a question", args.what);
        return Err(CliError::usage(message).hint(format!("without {flag} it resumes as it was planned")));
    }
    let lab = context.lab(OpenMode::Run).await?;
    let record = lab.experiment_of(&question).await?;
    let plan = lab.question_again(&question, record).await?;
    ask::go_on(context, lab, plan, &args.manner).await.map(Some)
}

/// True if a word may be the prefix of an id.
fn may_be_id(what: &str) -> bool {
    let id = what.strip_prefix("id:").unwrap_or(what);
    !id.is_empty() && id.chars().all(|c| c.is_ascii_hexdigit())
}

/// Returns the first flag that selects or changes conversations.
fn given(args: &Run) -> Option<&'static str> {
    let n = &args.narrow;
    let flags = [
        ("--model", !n.model.is_empty()),
        ("--days", n.days.is_some()),
        ("--agents", !n.agents.is_empty()),
        ("--messages", n.messages.is_some()),
        ("--speakers", n.speakers.is_some()),
        ("--replicates", n.replicates.is_some()),
        ("--seed", n.seed.is_some()),
        ("--set", !n.set.is_empty()),
        ("--only", !n.only.is_empty()),
        ("--limit", n.limit.is_some()),
        ("--offline", n.offline),
        ("--more", args.more.is_some()),
    ];
    flags.into_iter().find(|(_, is_given)| *is_given).map(|(flag, _)| flag)
}

/// Extends the plan by `--more`, and prints its new size.
async fn extend(context: &Context, lab: &Lab, planned: &mut Planned, more: u32) -> Result<u32, CliError> {
    let written = planned.experiment.run.replicates;
    let Extended { replicates, continues } = lab.extend_plan(planned, more).await?;
    let printer = &context.printer;
    if continues {
        printer.chat("an earlier --more is not finished: this run resumes it and adds none");
    }
    printer.chat(&format!("up to replicate {replicates} of each condition, as --replicates {replicates} does"));
    match &planned.record {
        None if written != replicates => {
            let folder =
                format!("{} says {written} as before, and a run of it without --more goes by that", planned.what);
            printer.chat(&format!("{folder}; write replicates = {replicates} there to keep it"));
        }
        Some(record) if record.creator != lab.who.creator => {
            let (name, creator) = (&record.name, &record.creator);
            let whose =
                format!("`{name}` is {creator}'s and stays as it is: {replicates} replicates are not kept in it");
            printer.chat(&whose);
        }
        _ => {}
    }
    Ok(replicates)
}
