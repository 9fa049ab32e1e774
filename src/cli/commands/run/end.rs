//! The end of a run: failures first, then the counts and the line that continues it.

use super::notify::notify;
use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit};
use crate::cli::terminal::printer::{Look, Piece};
use crate::cli::terminal::text::{self, Column, short, table};
use crate::lab::{Ending, Outcome};
use crate::model::ModelError;
use crate::report::tally::count;
use crate::store::{ProcessKind, StoreError};
use serde_json::{Value as Json, json};

/// Maximum number of rows of each kind in the table.
const ROWS: usize = 20;

/// The end of a run.
pub struct End {
    /// Result of the run.
    pub outcome: Outcome,
    /// Kind of its processes.
    pub kind: ProcessKind,
    /// Exit code of the first signal, if any.
    pub signal: Option<Exit>,
    /// True after a second signal, which ends the run at once.
    pub at_once: bool,
    /// Command of the person for the end.
    pub notify: Option<String>,
}

impl End {
    /// The exit code.
    pub fn exit(&self) -> Exit {
        match self.outcome.ending() {
            Ending::Interrupted => self.signal.unwrap_or(Exit::Interrupt),
            Ending::Store => Exit::Store,
            Ending::Model => Exit::Model,
            Ending::Budget => Exit::Budget,
            Ending::Failed => Exit::Failed,
            Ending::Done => Exit::Done,
        }
    }

    /// Returns the error that ended the run.
    pub fn error(&self) -> Option<CliError> {
        let store = self.outcome.summary.store.clone().map(|e: StoreError| CliError::from(e));
        let stopped = || {
            let error = self.outcome.summary.stopped.first().filter(|_| self.exit() == Exit::Model)?;
            let is_away = matches!(error, ModelError::Unreachable { .. } | ModelError::Timeout { .. });
            let hint = "is it running? `convoke doctor` looks at every server; --server-wait 1h waits for it";
            Some(CliError::from(error.clone()).maybe_hint(is_away.then(|| hint.to_owned())))
        };
        store.or_else(stopped).or_else(|| {
            if self.exit() != Exit::Model {
                return None;
            }
            let message = self.outcome.summary.interrupted.first().map(|(_, why)| why).cloned();
            let message = message.unwrap_or_else(|| "not everything could be done".to_owned());
            Some(CliError::new(Exit::Model, "model-unusable", message).hint("`convoke doctor` checks every server"))
        })
    }

    /// Returns the last line of `run --json`.
    pub fn line(&self, resume: &str) -> Json {
        let Outcome { done, failed, left, possible_spend, .. } = &self.outcome;
        let mut end = json!({
            "event": "end", "status": self.outcome.word(), "done": done, "failed": failed, "left": left,
            "possible_spend": possible_spend, "resume": resume,
        });
        if let (Some(error), Some(map)) = (self.error(), end.as_object_mut()) {
            map.insert("error".to_owned(), error.json());
        }
        end
    }

    /// Prints how the run ended.
    pub fn tell(&self, context: &Context, resume: &str) -> Result<Exit, CliError> {
        if context.printer.json {
            context.printer.json_line(&self.line(resume))?;
        } else {
            self.print(context);
            self.say_resume(context, resume);
        }
        self.notify(context, resume);
        Ok(self.exit())
    }

    /// Runs the command that the person wants at the end, unless the run was left at once.
    pub fn notify(&self, context: &Context, resume: &str) {
        if let Some(command) = self.notify.as_ref().filter(|_| !self.at_once) {
            notify(context, command, &self.line(resume));
        }
    }

    /// Prints the line that continues the run, if work is left.
    pub fn say_resume(&self, context: &Context, resume: &str) {
        if self.outcome.left > 0 {
            context.printer.say("to continue:");
            context.printer.say(resume);
        }
    }

    /// Prints failures, counts and the error.
    pub fn print(&self, context: &Context) {
        let printer = &context.printer;
        let short_list = |list: &[(String, String)], word: &str| -> Vec<Vec<String>> {
            list.iter().take(ROWS).map(|(id, why)| vec![word.to_owned(), short(id).to_owned(), why.clone()]).collect()
        };
        let mut rows = short_list(&self.outcome.summary.failed, "failed");
        rows.extend(short_list(&self.outcome.summary.interrupted, "interrupted"));
        if !rows.is_empty() {
            let columns = [Column::text("", 11, 0), Column::text("id", 8, 0), Column::text("why", 30, 0)];
            for line in table(&columns, &rows, printer.width()) {
                printer.say(&line);
            }
        }
        let hidden = self.outcome.summary.failed.len().saturating_sub(ROWS)
            + self.outcome.summary.interrupted.len().saturating_sub(ROWS);
        if hidden > 0 {
            printer.say(&format!("… and {hidden} more: {}", context.paste_line(&["list"])));
        }
        self.print_counts(context);
        if let Some(bound) = self.outcome.summary.budget.as_ref().filter(|_| self.exit() == Exit::Budget) {
            printer.say(&format!("stopped by {bound}"));
        }
        if let Some(error) = self.error() {
            printer.error(&error.message, &error.causes, error.hint.as_deref());
        }
    }

    fn print_counts(&self, context: &Context) {
        let printer = &context.printer;
        if self.at_once {
            return;
        }
        if self.outcome.summary.calls == 0 && self.outcome.left == 0 && self.outcome.failed == 0 {
            printer.chat(&match self.outcome.done {
                1 => format!("nothing is missing: the {} is done", self.kind.word()),
                done => format!("nothing is missing: all {done} {}s are done", self.kind.word()),
            });
            return;
        }
        let look = if self.outcome.left == 0 && self.outcome.failed == 0 { Look::Green } else { Look::Yellow };
        let counts = format!("{} done, {} failed, {} left", self.outcome.done, self.outcome.failed, self.outcome.left);
        let tokens = self.outcome.summary.tokens;
        let spent = format!(
            " · {} {}, {} tokens read, {} written",
            count(self.outcome.summary.calls),
            match (self.kind, self.outcome.summary.calls) {
                (ProcessKind::Conversation, _) => "turns",
                (ProcessKind::Question, 1) => "answer",
                (ProcessKind::Question, _) => "answers",
            },
            count(tokens.prompt),
            count(tokens.completion)
        );
        printer.say_pieces(&[Piece(&counts, look), Piece(&spent, Look::Plain)]);
        if self.outcome.summary.embedded > 0 {
            let texts = text::count(self.outcome.summary.embedded as usize, "text");
            printer.say(&format!("{texts} embedded for recall; their tokens are among those read"));
        }
        let flags: Vec<String> = self.outcome.summary.flags.iter().map(|(flag, n)| format!("{flag} {n}")).collect();
        if !flags.is_empty() {
            printer.say(&format!("flags of replies: {}", flags.join(", ")));
        }
        if self.outcome.possible_spend > 0 {
            printer.say(&format!(
                "possible spend: {} may have been paid for without a reply",
                text::count(self.outcome.possible_spend as usize, "request")
            ));
        }
        if self.outcome.failed > 0 {
            printer.say(&format!("--retry-failed retries failed {}s", self.kind.word()));
        }
    }
}
