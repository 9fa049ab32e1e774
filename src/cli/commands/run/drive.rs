//! Work of a run to its end, with reports and signals.

use super::early;
use super::end::End;
use super::manner::{Manner, Waits};
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::logs;
use crate::cli::shell::recorded_words;
use crate::cli::terminal::person::AtTerminal;
use crate::cli::terminal::signals::Signals;
use crate::cli::terminal::text::count;
use crate::lab::{Counted, Lab, Launch, Outcome, Running, Stop};
use crate::model::person::Person;
use crate::process::harmless::harmless;
use crate::report::{Bars, JsonLines, Plain, Reporter, listen};
use crate::run::{Event, Summary};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, WeakUnboundedSender, unbounded_channel};
use tracing_appender::non_blocking::WorkerGuard;

/// A run before it is stored: its options, and its events so far.
pub struct Start<'a> {
    context: &'a Context,
    /// Options of the run.
    pub how: Launch,
    grace: Duration,
    received: UnboundedReceiver<Event>,
    person: Arc<AtTerminal>,
    log: Option<WorkerGuard>,
    notify: Option<String>,
    /// True for one document at the end (`--json`) instead of a line for each event.
    pub is_document: bool,
}

impl<'a> Start<'a> {
    /// Reads the options from flags; `command` names the run in the program's log.
    pub fn new(
        context: &'a Context,
        command: &str,
        manner: &Manner,
        (waits, script): (Waits, Option<Vec<String>>),
    ) -> Self {
        let person = Arc::new(AtTerminal::new(context));
        let (events, received) = unbounded_channel();
        let how = Launch {
            jobs: manner.jobs,
            max_retries: manner.max_retries,
            retry_failed: manner.retry_failed,
            more: None,
            is_talk: false,
            script,
            pull: !manner.no_pull,
            max_calls: manner.max_calls,
            max_time: waits.all,
            server_wait: waits.server,
            store_wait: waits.store,
            grace: waits.grace,
            flags: recorded_words(&context.world.arguments),
            person: Some(Arc::clone(&person) as Arc<dyn Person>),
            events,
            stop: Stop::default(),
        };
        let log = logs::of(context, command);
        let notify = manner.notify.clone();
        Self { context, how, grace: waits.grace, received, person, log, notify, is_document: false }
    }

    /// Waits until the run is stored, and reports each wait for the database.
    pub async fn listen<T>(&mut self, launching: impl Future<Output = Result<T, CliError>>) -> Result<T, CliError> {
        let is_json = self.context.printer.json && !self.is_document;
        early::listening((&self.context.printer, is_json), &mut self.received, launching).await
    }

    /// Returns the stored run.
    pub fn drive(self, lab: Lab, running: Running) -> Drive<'a> {
        let Self { context, how, grace, received, person, log, notify, is_document } = self;
        let (events, stop) = (how.events.downgrade(), how.stop.clone());
        let person = running.has_people().then_some(person);
        Drive { context, lab, grace, running, events, received, stop, person, notify, is_document, _log: log }
    }
}

/// A stored run that can begin.
pub struct Drive<'a> {
    context: &'a Context,
    lab: Lab,
    grace: Duration,
    running: Running,
    events: WeakUnboundedSender<Event>,
    received: UnboundedReceiver<Event>,
    stop: Stop,
    /// Person who types, if a conversation needs one.
    person: Option<Arc<AtTerminal>>,
    /// Command of the person for the end.
    notify: Option<String>,
    is_document: bool,
    // The log is dropped last, so that every line is written.
    _log: Option<WorkerGuard>,
}

impl Drive<'_> {
    /// Runs the missing processes.
    pub async fn go(self) -> Result<End, CliError> {
        let reporter = reporter(self.context, self.person.as_deref(), self.is_document);
        let Self { grace, running, events, received, stop, notify, .. } = self;
        let reporter = tokio::spawn(listen(received, reporter));
        let signals = Signals::listen(grace, &stop, events)?;
        let (counted, kind) = (running.counted_processes(), running.kind());
        let outcome = tokio::select! {
            outcome = running.work_through() => Some(outcome),
            () = signals.now.cancelled() => None,
        };
        // The reporter ends when the last sender is dropped, and its failed output is no error. The wait is needed:
        // bars cleared later would remove the last lines.
        let patience = if outcome.is_some() {
            Duration::from_secs(1)
        } else {
            reporter.abort();
            Duration::from_millis(200)
        };
        let _ = tokio::time::timeout(patience, reporter).await;
        let at_once = outcome.is_none();
        let outcome = match outcome {
            Some(outcome) => outcome,
            None => count_at_once(&counted).await,
        };
        Ok(End { outcome, kind, signal: signals.exit(), at_once, notify })
    }

    /// Prints the first line, with the processes and the database.
    pub fn say_first_line(&self) {
        let (place, origin) = (self.lab.store.place(), self.context.settings.store.origin.word());
        let before = self.running.state_before();
        let failed = if before.failed > 0 { format!(", {} failed", before.failed) } else { String::new() };
        self.context.printer.chat(&format!(
            "{} · {}: {} done{failed}, {} to do · database {place} ({origin})",
            self.running.record().name,
            count(before.all, self.running.kind().word()),
            before.done,
            self.running.count_left()
        ));
    }
}

/// Counts the conversations of a run that must exit at once. If this takes more than 150 ms, the outcome is uncounted.
async fn count_at_once(counted: &Counted) -> Outcome {
    let counting = Outcome::count_outcome(counted, Summary::default(), true);
    let outcome = tokio::time::timeout(Duration::from_millis(150), counting).await;
    outcome.unwrap_or_else(|_| Outcome::uncounted(counted.len(), Summary::default(), true))
}

/// Creates the listener of events.
fn reporter(context: &Context, person: Option<&AtTerminal>, is_document: bool) -> Box<dyn Reporter> {
    let printer = context.printer.clone();
    if printer.json && !is_document {
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
