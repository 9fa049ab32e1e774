//! `convoke run`: does what is missing; the same command continues.

use crate::cli::commands::designed::Designed;
use crate::cli::commands::more;
use crate::cli::commands::summary;
use crate::cli::commands::talk;
use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit};
use crate::cli::logs;
use crate::cli::narrow::Narrow;
use crate::cli::shell::{resume_line, spelled_out, without_passwords};
use crate::cli::terminal::person::AtTerminal;
use crate::cli::terminal::prompt::confirm;
use crate::cli::terminal::signals::{self, Signals};
use crate::cli::terminal::text::count;
use crate::design::{Experiment, diff};
use crate::model::person::Person;
use crate::model::scripted::parse_script;
use crate::model::{Bounds, Retry};
use crate::process::harmless::harmless;
use crate::report::{Bars, JsonLines, Plain, Reporter, listen};
use crate::run::patience::Patience;
use crate::run::prepare::{self, LEFT, Origin, Prepared, prepare, superseded};
use crate::run::roster::LookUp;
use crate::run::{Event, Options, Roster, Summary, Superseded, Work};
use crate::store::sqlite::OpenMode;
use crate::store::{ExperimentRecord, Lease, NewExperiment, RunRecord, Store, StoreUri};
use clap::Args;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio_util::sync::CancellationToken;
use tracing::info;

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

/// What is to be run.
#[derive(Clone, Copy)]
pub struct Go<'a> {
    /// How.
    pub run: &'a Run,
    /// One conversation, with whom.
    pub talk: Option<&'a crate::cli::commands::talk::Talk>,
}

/// Runs; whatever happens, the last JSON line says how it ended.
pub async fn run(context: &Context, args: &Run) -> Result<Exit, CliError> {
    go(context, Go { run: args, talk: None }).await
}

/// Runs all, or the one conversation of a talk.
pub async fn go(context: &Context, go: Go<'_>) -> Result<Exit, CliError> {
    let resume = resume_line(&context.world.arguments);
    let begun = tokio::select! {
        // Polled first, so that a signal is heard from now on.
        biased;
        exit = signals::first() => return left_early(context, exit?, &resume),
        begun = Invocation::begin(context, go) => begun,
    };
    match begun {
        Ok(invocation) => {
            let resume =
                invocation.more.map_or(resume, |more| resume_line(&spelled_out(&context.world.arguments, more)));
            invocation.go(&resume).await
        }
        Err(error) if context.printer.json => {
            context.printer.json_line(&end_of(&error, &resume))?;
            Ok(error.exit)
        }
        Err(error) => Err(error),
    }
}

/// A signal came before anything ran: what was stored of the plan is there for the same command.
fn left_early(context: &Context, exit: Exit, resume: &str) -> Result<Exit, CliError> {
    // A question may have hidden it.
    let _ = console::Term::stderr().show_cursor();
    let interrupted = CliError::new(exit, "interrupted", "interrupted before anything was asked");
    if context.printer.json {
        let mut end = end_of(&interrupted, resume);
        end["status"] = json!("interrupted");
        context.printer.json_line(&end)?;
    } else {
        context.printer.error(&interrupted.message, &[], None);
        context.printer.say("to continue:");
        context.printer.say(resume);
    }
    Ok(exit)
}

/// The last line of `run --json` where an error came before anything was begun.
pub fn end_of(error: &CliError, resume: &str) -> Json {
    json!({
        "event": "end", "status": "error", "done": 0, "failed": 0, "left": 0, "possible_spend": 0,
        "resume": resume, "error": error.json(),
    })
}

/// A run that is ready to go.
struct Invocation<'a> {
    context: &'a Context,
    args: &'a Run,
    designed: Designed,
    /// M of `--more`.
    more: Option<u32>,
    store: Arc<dyn Store>,
    record: ExperimentRecord,
    prepared: Prepared,
    run: String,
    grace: Duration,
    store_wait: Duration,
    script: Option<Vec<String>>,
    /// Who types, where a conversation that is to be done needs somebody.
    person: Option<Arc<AtTerminal>>,
    // Dropped last, so that everything said is written.
    _log: Option<tracing_appender::non_blocking::WorkerGuard>,
}

impl<'a> Invocation<'a> {
    /// Everything that can be wrong is found before anything is written; then the plan is stored.
    async fn begin(context: &'a Context, go: Go<'a>) -> Result<Self, CliError> {
        let args = go.run;
        let grace = duration("--grace", &args.grace)?;
        let store_wait = duration("--store-wait", &args.store_wait)?;
        if args.jobs == Some(0) || args.more == Some(0) {
            return Err(CliError::usage("--jobs and --more are at least 1"));
        }
        let script = script(context)?;
        let mut designed = talk::designed(context, go).await?;
        let store = context.open(OpenMode::Run).await?;
        let known = match &designed.record {
            Some(record) => Some(record.clone()),
            None => store.experiment(&designed.creator, &designed.experiment.name).await?,
        };
        let more = reach(context, &*store, known.as_ref(), &mut designed, go).await?;
        let answers = match &known {
            Some(record) if !designed.alone => leave_behind(context, &*store, record, &designed, args).await?,
            _ => Vec::new(),
        };
        let log = logs::of(context, "run");
        let patience = patience(context, store_wait);
        let mut record = save(context, &*store, &designed, &patience).await?;
        if more.is_some() {
            record = more::keep(context, &*store, record, &designed.experiment, &patience).await?;
        }
        let standing = store.standing(&record.id).await?;
        let Designed { experiment, plan, cells, .. } = &designed;
        let mut prepared = prepare(experiment, plan, cells.clone(), &standing, &record.id, args.retry_failed);
        let number = (context.world.random)();
        let run = format!("{number:016x}");
        // Several runs on one server begin at different places, so as not to claim the same in the same order.
        let jobs = prepared.jobs.len() as u64;
        if matches!(context.settings.store.uri, StoreUri::Mongo(_)) && jobs > 0 {
            prepared.jobs.rotate_left((number % jobs) as usize);
        }
        let has_people = |job: &crate::run::Job| designed.plan.conditions[job.condition].has_people();
        let person = prepared.jobs.iter().any(has_people).then(|| Arc::new(AtTerminal::new(context)));
        let invocation = Self {
            context,
            args,
            designed,
            more,
            store,
            record,
            prepared,
            run,
            grace,
            store_wait,
            script,
            person,
            _log: log,
        };
        invocation.write_down(answers, &patience).await?;
        Ok(invocation)
    }

    /// Stores the plan: conversations as pending, and that this run began.
    async fn write_down(
        &self,
        answers: Vec<crate::design::Named<String>>,
        patience: &Patience,
    ) -> Result<(), CliError> {
        let Designed { experiment, plan, revision, overrides, .. } = &self.designed;
        let origin = Origin {
            experiment: &self.record.id,
            revision,
            creator: self.context.creator(),
            now: (self.context.world.clock)(),
            offline: overrides.offline,
        };
        let new = self.prepared.new.iter().map(|(cell, id)| prepare::record(origin, experiment, plan, cell, id));
        let (id, keys, new) = (&self.record.id, &self.prepared.keys, new.collect::<Vec<_>>());
        if !self.designed.alone {
            patience.with(|| self.store.plan(id, revision, keys, new.clone())).await?;
        }
        info!(experiment = %id, revision = %revision, keys = keys.len(), new = new.len(), "planned");
        let number = |name: &str, n: usize| crate::design::Named::new(name, n as u64);
        let run = RunRecord {
            id: self.run.clone(),
            experiment: self.record.id.clone(),
            revision: revision.clone(),
            started: origin.now,
            creator: origin.creator.to_owned(),
            flags: without_passwords(&self.context.world.arguments),
            counts: vec![
                number("conversations", self.prepared.asked),
                number("done", self.prepared.done),
                number("failed", self.prepared.failed),
                number("left", self.prepared.jobs.len()),
                number(more::REPLICATES, plan.replicates as usize),
                crate::design::Named::new(more::SEED, plan.seed),
            ],
            answers,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ended: None,
        };
        patience.with(|| self.store.begin_run(run.clone())).await?;
        info!(run = %self.run, experiment = %experiment.name, revision = %revision, left = self.prepared.jobs.len(), "run");
        Ok(())
    }

    /// Does what is missing and says how it ended.
    async fn go(self, resume: &str) -> Result<Exit, CliError> {
        self.first_line();
        let (events, received) = unbounded_channel();
        let reporter = tokio::spawn(listen(received, self.reporter()));
        let signals = Signals::listen(self.grace, &events)?;
        let _ = events.send(self.begin_event());
        let (summary, left_at_once) = tokio::select! {
            summary = self.work(&signals, events) => (summary, false),
            () = signals.now.cancelled() => (Summary::default(), true),
        };
        // The reporter ends when the last sender is gone; what it could not print is no reason to fail. Either way it
        // is waited for: bars that are cleared later would take the last lines with them.
        let patience = if left_at_once {
            reporter.abort();
            Duration::from_millis(200)
        } else {
            Duration::from_secs(1)
        };
        let _ = tokio::time::timeout(patience, reporter).await;
        let outcome =
            summary::Outcome::of(&self.store, &self.record.id, &self.cells(), summary, signals.exit(), left_at_once)
                .await;
        if !left_at_once {
            // How a run ended is told below either way; a database that is gone cannot keep it.
            let _ = self.store.end_run(&self.run, outcome.word()).await;
        }
        info!(run = %self.run, ended = outcome.word(), done = outcome.done, failed = outcome.failed, left = outcome.left, "end");
        outcome.tell(self.context, resume)
    }

    fn cells(&self) -> Vec<String> {
        self.designed.cells.iter().map(|c| c.key.clone()).collect()
    }

    fn first_line(&self) {
        let (place, origin) = (self.store.place(), self.context.settings.store.origin.word());
        let p = &self.prepared;
        let failed = if p.failed > 0 { format!(", {} failed", p.failed) } else { String::new() };
        self.context.printer.chat(&format!(
            "{} · {}: {} done{failed}, {} to do · database {place} ({origin})",
            self.designed.experiment.name,
            count(p.asked, "conversation"),
            p.done,
            p.jobs.len()
        ));
    }

    fn reporter(&self) -> Box<dyn Reporter> {
        let printer = self.context.printer.clone();
        if printer.json {
            return Box::new(JsonLines::new(Box::new(move |value| {
                let _ = printer.json_line(value);
            })));
        }
        if let Some(person) = &self.person {
            let types = person.types();
            let unless_they_type = move |line: &str| {
                if !types.load(std::sync::atomic::Ordering::Relaxed) {
                    printer.chat(line);
                }
            };
            return Box::new(Plain::of_trouble(Box::new(unless_they_type)));
        }
        if self.context.world.terminals[2] && !printer.quiet {
            return Box::new(Bars::new(harmless));
        }
        Box::new(Plain::new(Box::new(move |line| printer.chat(line))))
    }

    fn begin_event(&self) -> Event {
        let mut calls: BTreeMap<String, u64> = BTreeMap::new();
        for job in &self.prepared.jobs {
            let levels = &self.designed.plan.conditions[job.condition].levels;
            let model = levels.iter().find(|l| l.name == "model").map_or_else(String::new, |l| l.value.to_string());
            *calls.entry(model).or_insert(0) += u64::from(job.left);
        }
        Event::Begin {
            experiment: self.designed.experiment.name.clone(),
            store: self.store.place(),
            conversations: self.prepared.asked,
            done: self.prepared.done,
            failed: self.prepared.failed,
            left: self.prepared.jobs.len(),
            calls,
        }
    }

    async fn work(&self, signals: &Signals, events: UnboundedSender<Event>) -> Summary {
        if self.prepared.jobs.is_empty() {
            return Summary::default();
        }
        let retry = Retry { max_retries: self.args.max_retries, ..Retry::default() };
        let plan = &self.designed.plan;
        let conditions: std::collections::BTreeSet<usize> = self.prepared.jobs.iter().map(|j| j.condition).collect();
        let look_up = LookUp {
            servers: &self.context.settings.servers,
            script: self.script.clone(),
            pull: !self.args.no_pull,
            retry,
            events: &events,
            stop: &signals.stop,
        };
        let specs = conditions.iter().flat_map(|c| plan.conditions[*c].participants());
        let roster = Roster::look_up(specs, &look_up).await;
        let bounds = self.bounds(&roster);
        let options = Options {
            bounds,
            retry,
            store_wait: self.store_wait,
            clock: self.context.world.clock,
            lease: self.lease(),
            stop: signals.stop.clone(),
            leave: signals.leave.clone(),
            abort: signals.abort.clone(),
        };
        let work = Work {
            store: Arc::clone(&self.store),
            experiment: self.designed.experiment.clone(),
            plan: plan.clone(),
            jobs: self.prepared.jobs.clone(),
            roster,
            person: self.person.clone().map(|person| person as Arc<dyn Person>),
            events,
        };
        crate::run::run(work, options).await
    }

    fn bounds(&self, roster: &Roster) -> Bounds {
        let plan = &self.designed.plan;
        let participants = plan.conditions.iter().flat_map(crate::design::Condition::participants);
        let mut written: Vec<(String, u32)> = participants
            .filter_map(|m| Some((crate::design::check::server_of(&m.id).to_owned(), m.concurrency?)))
            .collect();
        written.extend(self.context.settings.concurrency.iter().map(|(name, n)| (name.clone(), *n)));
        Bounds::of(self.args.jobs, &roster.servers(), &written)
    }

    fn lease(&self) -> Lease {
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        Lease {
            owner: self.run.clone(),
            host: self.context.world.host.clone(),
            boot: boot.trim().to_owned(),
            pid: std::process::id(),
            epoch: 0,
            until: 0,
        }
    }
}

/// Makes the plan reach as far as `--more` or a talk wants; the M of `--more`.
async fn reach(
    context: &Context,
    store: &dyn Store,
    known: Option<&ExperimentRecord>,
    designed: &mut Designed,
    go: Go<'_>,
) -> Result<Option<u32>, CliError> {
    if go.talk.is_some() {
        talk::one(context, store, known, designed, go.run).await?;
    }
    let Some(n) = go.run.more else { return Ok(None) };
    more::extend(context, store, known, designed, &go.run.what, n).await.map(Some)
}

/// Says what changed since conversations were begun that the new plan leaves behind, and needs a yes. The yes is kept.
async fn leave_behind(
    context: &Context,
    store: &dyn Store,
    record: &ExperimentRecord,
    designed: &Designed,
    args: &Run,
) -> Result<Vec<crate::design::Named<String>>, CliError> {
    let (standing, runs) = (store.standing(&record.id).await?, store.runs(&record.id).await?);
    let keys: Vec<String> = designed.plan.cells().into_iter().map(|c| c.key).collect();
    let Superseded { revisions } = superseded(&keys, &designed.revision, designed.overrides.offline, &standing, &runs);
    if revisions.is_empty() {
        return Ok(Vec::new());
    }
    let behind: usize = revisions.values().sum();
    let mut changes = Vec::new();
    for revision in revisions.keys() {
        if let Some(old) = store.document(revision).await? {
            // What `[run]` says is in no revision.
            let old = Experiment { run: designed.experiment.run, ..old };
            changes.extend(diff::lines(&old, &designed.experiment));
        }
    }
    changes.sort();
    changes.dedup();
    let Designed { experiment, plan, cells, .. } = designed;
    let prepared = prepare(experiment, plan, cells.clone(), &standing, &record.id, args.retry_failed);
    let calls: u64 = prepared.jobs.iter().map(|j| u64::from(j.left)).sum();
    context.printer.say(&format!("`{}` has changed since {behind} of its conversations were begun:", record.name));
    for change in &changes {
        context.printer.say(&format!("  {change}"));
    }
    context.printer.say(&format!(
        "they stay as they are and are not continued; this run has {} to do, about {}",
        count(prepared.jobs.len(), "conversation"),
        count(calls as usize, "call")
    ));
    if !confirm(&context.terminal, "go on with the changed experiment?", "--yes").await? {
        return Err(CliError::new(Exit::Usage, "declined", "nothing was run")
            .hint("change the experiment back, or give it another name"));
    }
    Ok(revisions.into_keys().map(|revision| crate::design::Named::new(LEFT, revision)).collect())
}

async fn save(
    context: &Context,
    store: &dyn Store,
    designed: &Designed,
    patience: &Patience,
) -> Result<ExperimentRecord, CliError> {
    if let Some(record) = &designed.record {
        return Ok(record.clone());
    }
    let new = NewExperiment {
        id: format!("{:016x}", (context.world.random)()),
        creator: designed.creator.clone(),
        now: (context.world.clock)(),
        document: designed.experiment.clone(),
        revision: designed.revision.clone(),
        parent: None,
    };
    let record = patience.with(|| store.save(new.clone())).await?;
    info!(experiment = %record.id, revision = %record.revision, version = record.version, "saved");
    Ok(record)
}

/// A database that is full or held while a run begins is waited for like one in the middle of it.
fn patience(context: &Context, wait: Duration) -> Patience {
    let printer = context.printer.clone();
    Patience::new(wait, CancellationToken::new(), move |event| match event {
        event if printer.json => {
            // Events are made of text and numbers; a reader that is gone needs none.
            let _ = printer.json_line(&serde_json::to_value(event).unwrap_or_default());
        }
        Event::StoreAway { reason } => printer.say(&format!("paused: {reason}")),
        Event::StoreBack => printer.say("the database is back; going on"),
        _ => {}
    })
}

/// The replies that `scripted` gives, where a file fixes them.
fn script(context: &Context) -> Result<Option<Vec<String>>, CliError> {
    let Some(path) = &context.settings.script else { return Ok(None) };
    let failed = |why: String| {
        CliError::usage(format!("cannot use {} (CONVOKE_SCRIPT)", path.display()))
            .cause(why)
            .hint("one reply a line; see docs/format.md")
    };
    let text = std::fs::read_to_string(path).map_err(|e| failed(e.to_string()))?;
    let lines = parse_script(&text).map_err(|e| failed(e.first().map_or_else(String::new, ToString::to_string)))?;
    if lines.is_empty() { Err(failed("it holds no reply".to_owned())) } else { Ok(Some(lines)) }
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
