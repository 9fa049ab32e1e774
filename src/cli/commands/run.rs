//! `convoke run`: does what is missing; the same command continues.

mod early;
mod end;
mod people;

use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit};
use crate::cli::logs;
use crate::cli::narrow::Narrow;
use crate::cli::problems::say_problems;
use crate::cli::questions::agreed;
use crate::cli::shell::{quoted, resume_line, spelled_out, without_passwords};
use crate::cli::terminal::person::AtTerminal;
use crate::cli::terminal::signals::{self, Signals};
use crate::cli::terminal::text::count;
use crate::lab::{Counted, Extended, Lab, LabError, Launch, Outcome, Planned, Running, Stop, files};
use crate::model::person::Person;
use crate::process::harmless::harmless;
use crate::report::{Bars, JsonLines, Plain, Reporter, listen};
use crate::run::{Event, Summary};
use crate::store::sqlite::OpenMode;
use clap::Args;
pub use early::end_of;
use end::End;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, WeakUnboundedSender, unbounded_channel};

/// `convoke run`.
#[derive(Debug, Args)]
pub struct Run {
    /// An experiment's folder, name or id; or a conversation's id, which alone goes on then, as it was planned
    #[arg(default_value = "", hide_default_value = true)]
    pub what: String,
    /// What to narrow or override.
    #[command(flatten)]
    pub narrow: Narrow,
    /// So many replicates further than the highest that was begun; they become the experiment's
    ///
    /// The same as --replicates M, M = the highest begun + N. M is kept with the experiment in the database where that is
    /// yours. Of a folder, `[run]` of its file stays as it is, and the next run of the folder without --more goes by it
    /// again: conversations are never taken away, write M there to keep it. While an earlier --more is not finished, this
    /// finishes it and adds none, so that the same command continues after anything.
    #[arg(long, value_name = "N", conflicts_with = "replicates")]
    pub more: Option<u32>,
    /// Requests in flight over all servers
    #[arg(long, value_name = "N")]
    pub jobs: Option<u32>,
    /// Further attempts of a call that failed
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub max_retries: u32,
    /// Give failed conversations another chance
    #[arg(long)]
    pub retry_failed: bool,
    /// Refuse to fetch models that a server lacks
    #[arg(long)]
    pub no_pull: bool,
    /// How long turns in flight may take after Ctrl-C
    #[arg(long, value_name = "TIME", default_value = "30s")]
    pub grace: String,
    /// How long to wait for a database that went away or is full
    #[arg(long, value_name = "TIME", default_value = "10m")]
    pub store_wait: String,
}

/// Runs; whatever happens, the last JSON line says how it ended.
pub async fn run(context: &Context, args: &Run) -> Result<Exit, CliError> {
    go(context, args, None).await
}

/// The place of a person in a conversation of `talk`.
#[derive(Debug, Clone, Copy)]
pub struct Seat<'a> {
    /// The role that they play, if they said so.
    pub role: Option<&'a str>,
}

/// Runs everything that is missing, or with a seat one conversation.
pub async fn go(context: &Context, args: &Run, seat: Option<Seat<'_>>) -> Result<Exit, CliError> {
    let resume = resume_line(&context.world.arguments);
    let begun = tokio::select! {
        // Polled first, so that a signal is heard from now on.
        biased;
        exit = signals::first() => return early::left(context, exit?, &resume),
        begun = Invocation::begin(context, args, seat) => begun,
    };
    match begun {
        Ok(invocation) => {
            let extended = |more| resume_line(&spelled_out(&context.world.arguments, more));
            let resume = invocation.more.map_or(resume, extended);
            invocation.go(&resume).await
        }
        Err(error) if context.printer.json => {
            context.printer.json_line(&end_of(&error, &resume))?;
            Ok(error.exit)
        }
        Err(error) => Err(error),
    }
}

/// A run that is stored and can begin.
struct Invocation<'a> {
    context: &'a Context,
    lab: Lab,
    grace: Duration,
    /// Replicates of a plan that `--more` extended.
    more: Option<u32>,
    running: Running,
    events: WeakUnboundedSender<Event>,
    received: UnboundedReceiver<Event>,
    stop: Stop,
    /// Types, where a conversation that is to be done needs somebody.
    person: Option<Arc<AtTerminal>>,
    // Dropped last, so that everything is written.
    _log: Option<tracing_appender::non_blocking::WorkerGuard>,
}

impl<'a> Invocation<'a> {
    /// Everything that can be wrong is found before anything is written; then the plan is stored.
    async fn begin(context: &'a Context, args: &Run, seat: Option<Seat<'_>>) -> Result<Self, CliError> {
        let grace = duration("--grace", &args.grace)?;
        let store_wait = duration("--store-wait", &args.store_wait)?;
        if args.jobs == Some(0) || args.more == Some(0) {
            return Err(CliError::usage("--jobs and --more are at least 1"));
        }
        let script = context.settings.servers.script.as_deref().map(files::script).transpose()?;
        let mut planned = planned(context, args, seat).await?;
        let lab = context.lab(OpenMode::Run).await?;
        if seat.is_some() {
            lab.single(&mut planned, args.retry_failed).await?;
        }
        let more = match args.more {
            Some(more) => Some(extend(context, &lab, &mut planned, more).await?),
            None => None,
        };
        let log = logs::of(context, "run");
        let person = Arc::new(AtTerminal::new(context));
        let (events, mut received) = unbounded_channel();
        let stop = Stop::default();
        let how = Launch {
            jobs: args.jobs,
            max_retries: args.max_retries,
            retry_failed: args.retry_failed,
            keeps_replicates: more.is_some(),
            script,
            pull: !args.no_pull,
            store_wait,
            flags: without_passwords(&context.world.arguments),
            person: Some(Arc::clone(&person) as Arc<dyn Person>),
            events,
            stop: stop.clone(),
        };
        let launched = agreed(context, async |yes| lab.launch(planned.clone(), how.clone(), yes).await);
        let running = early::listening(&context.printer, &mut received, launched).await?;
        let events = how.events.downgrade();
        let person = running.has_people().then_some(person);
        Ok(Self { context, lab, grace, more, running, events, received, stop, person, _log: log })
    }

    /// Does what is missing and says how it ended.
    async fn go(self, resume: &str) -> Result<Exit, CliError> {
        self.first_line();
        let reporter = reporter(self.context, self.person.as_deref());
        let Self { context, grace, running, events, received, stop, .. } = self;
        let reporter = tokio::spawn(listen(received, reporter));
        let signals = Signals::listen(grace, &stop, events)?;
        let counted = running.counted();
        let outcome = tokio::select! {
            outcome = running.work() => Some(outcome),
            () = signals.now.cancelled() => None,
        };
        // The reporter ends when the last sender is gone; what it could not print is no reason to fail. Either way it
        // is waited for: bars that are cleared later would take the last lines with them.
        let patience = if outcome.is_some() {
            Duration::from_secs(1)
        } else {
            reporter.abort();
            Duration::from_millis(200)
        };
        let _ = tokio::time::timeout(patience, reporter).await;
        let end = match outcome {
            Some(outcome) => End { outcome, signal: signals.exit(), at_once: false },
            None => End { outcome: at_once(&counted).await, signal: signals.exit(), at_once: true },
        };
        end.tell(context, resume)
    }

    fn first_line(&self) {
        let (place, origin) = (self.lab.store.place(), self.context.settings.store.origin.word());
        let before = self.running.before();
        let failed = if before.failed > 0 { format!(", {} failed", before.failed) } else { String::new() };
        self.context.printer.chat(&format!(
            "{} · {}: {} done{failed}, {} to do · database {place} ({origin})",
            self.running.record().name,
            count(before.all, "conversation"),
            before.done,
            self.running.left()
        ));
    }
}

/// Counts what can be counted in no time, for whoever wants out at once.
async fn at_once(counted: &Counted) -> Outcome {
    let counting = Outcome::count(counted, Summary::default(), true);
    let outcome = tokio::time::timeout(Duration::from_millis(150), counting).await;
    outcome.unwrap_or_else(|_| Outcome::uncounted(counted.len(), Summary::default(), true))
}

/// The plan of what is to be run, with a role given to the person, and refused where nobody could type.
async fn planned(context: &Context, args: &Run, seat: Option<Seat<'_>>) -> Result<Planned, CliError> {
    let alone = if seat.is_none() { alone(context, args).await? } else { None };
    let mut planned = match alone {
        Some(planned) => planned,
        None => context.planned(&args.what, &args.narrow.narrowing()).await?,
    };
    if let Some(seat) = seat {
        planned.cast(seat.role)?;
    }
    people::need_a_terminal(context, &planned, (args.retry_failed, args.more.is_some(), seat.is_some())).await?;
    Ok(planned)
}

/// The plan of a conversation alone, where one is named.
async fn alone(context: &Context, args: &Run) -> Result<Option<Planned>, CliError> {
    // A folder needs no database.
    let may_be = args.what.strip_prefix("id:").unwrap_or(&args.what).chars().all(|c| c.is_ascii_hexdigit());
    if !may_be || files::folder_named(&context.world.folder, &args.what)?.is_some() {
        return Ok(None);
    }
    let lab = context.reader().await?;
    let Some((conversation, record)) = lab.conversation_named(&args.what).await? else { return Ok(None) };
    if let Some(flag) = given(args) {
        let message =
            format!("{flag} narrows an experiment, and `{}` is a conversation of `{}`", args.what, record.name);
        return Err(CliError::usage(message).hint(format!("without {flag} it goes on as it was planned")));
    }
    let name = record.name.clone();
    lab.resume(&conversation, record).await.map(Some).map_err(|error| match error {
        LabError::Wrong { subject, problems } => {
            say_problems(context, &problems);
            CliError::invalid(subject)
        }
        LabError::NoRun { .. } => {
            CliError::from(error).hint(format!("repeat the run with its flags: convoke run {} …", quoted(&name)))
        }
        error => error.into(),
    })
}

/// The first flag that says which conversations are meant, or what they are.
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

/// Extends the plan by `--more`, and says how far it reaches.
async fn extend(context: &Context, lab: &Lab, planned: &mut Planned, more: u32) -> Result<u32, CliError> {
    let written = planned.experiment.run.replicates;
    let Extended { replicates, continues } = lab.extend(planned, more).await?;
    let printer = &context.printer;
    if continues {
        printer.chat("an earlier --more is not finished: this goes on with it and adds none");
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

/// The listener of what happens.
fn reporter(context: &Context, person: Option<&AtTerminal>) -> Box<dyn Reporter> {
    let printer = context.printer.clone();
    if printer.json {
        return Box::new(JsonLines::new(Box::new(move |value| {
            let _ = printer.json_line(value);
        })));
    }
    if let Some(person) = person {
        let types = person.types();
        let unless_they_type = move |line: &str| {
            if !types.load(Ordering::Relaxed) {
                printer.chat(line);
            }
        };
        return Box::new(Plain::of_trouble(Box::new(unless_they_type)));
    }
    if context.world.terminals[2] && !printer.quiet {
        return Box::new(Bars::new(harmless));
    }
    Box::new(Plain::new(Box::new(move |line| printer.chat(line))))
}

/// `30s`, `10m`, `1h 30m`, or a number of seconds.
fn duration(flag: &str, text: &str) -> Result<Duration, CliError> {
    let seconds =
        text.trim().parse::<f64>().ok().filter(|s| s.is_finite() && *s >= 0.0 && *s < 1e9).map(Duration::from_secs_f64);
    let friendly = || text.trim().parse::<jiff::SignedDuration>().ok().and_then(|d| Duration::try_from(d).ok());
    seconds
        .or_else(friendly)
        .ok_or_else(|| CliError::usage(format!("{flag} {text}: it is no time")).hint("write it as in 30s, 10m or 1h"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read() {
        let of = |text: &str| duration("--grace", text).map(|d| d.as_secs_f64()).map_err(|e| e.exit);
        assert_eq!(of("30s"), Ok(30.0));
        assert_eq!(of("10m"), Ok(600.0));
        assert_eq!(of("1h 30m"), Ok(5400.0));
        assert_eq!(of("500ms"), Ok(0.5));
        assert_eq!(of("2"), Ok(2.0));
        for bad in ["", "x", "-1s", "1 fortnight"] {
            assert_eq!(of(bad), Err(Exit::Usage), "{bad}");
        }
    }
}
