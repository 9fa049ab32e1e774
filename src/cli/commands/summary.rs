//! How a run ended: the table, failures first, the exit code, the line that continues it.

use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit};
use crate::cli::terminal::printer::{Look, Piece};
use crate::cli::terminal::text::{Column, short, table};
use crate::report::tally::count;
use crate::run::Summary;
use crate::store::{Status, Store, StoreError};
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// How a run ended, with what stands in the database.
pub struct Outcome {
    summary: Summary,
    signal: Option<Exit>,
    /// Conversations asked for that are done.
    pub done: usize,
    /// That are failed.
    pub failed: usize,
    /// That are neither.
    pub left: usize,
    /// Calls and replies that may have been paid for and lost.
    pub possible_spend: u32,
    /// Whether nothing could be counted: a second signal.
    at_once: bool,
}

/// Rows of each kind in the table.
const ROWS: usize = 20;

impl Outcome {
    /// Counts in the database, not in what was told.
    pub async fn of(
        store: &Arc<dyn Store>,
        experiment: &str,
        keys: &[String],
        mut summary: Summary,
        signal: Option<Exit>,
        at_once: bool,
    ) -> Self {
        let mut outcome = Self {
            summary: Summary::default(),
            signal,
            done: 0,
            failed: 0,
            left: keys.len(),
            possible_spend: 0,
            at_once,
        };
        let keys: BTreeSet<&str> = keys.iter().map(String::as_str).collect();
        // Whoever wants out at once gets what can be counted in no time.
        let patience = if at_once { Duration::from_millis(150) } else { Duration::from_hours(1) };
        let standing = tokio::time::timeout(patience, store.standing(experiment)).await.unwrap_or(Ok(Vec::new()));
        match standing {
            Ok(standing) => {
                for stands in standing.iter().filter(|s| keys.contains(s.key.as_str())) {
                    outcome.done += usize::from(stands.status == Status::Done);
                    outcome.failed += usize::from(stands.status == Status::Failed);
                    outcome.possible_spend += stands.possible_spend;
                }
                outcome.left = keys.len() - outcome.done - outcome.failed;
            }
            Err(error) => summary.store = summary.store.or(Some(error)),
        }
        outcome.summary = summary;
        outcome
    }

    /// The exit code: of several kinds 130/143, then 4, 5, 1.
    pub fn exit(&self) -> Exit {
        if let Some(signal) = self.signal.filter(|_| self.left > 0) {
            signal
        } else if self.summary.store.is_some() {
            Exit::Store
        } else if !self.summary.stopped.is_empty() || self.left > 0 {
            Exit::Model
        } else if self.failed > 0 {
            Exit::Failed
        } else {
            Exit::Done
        }
    }

    /// The word of `end`.
    pub fn word(&self) -> &'static str {
        match self.exit() {
            Exit::Done => "done",
            Exit::Failed => "failed",
            Exit::Interrupt | Exit::Terminate => "interrupted",
            _ => "error",
        }
    }

    fn error(&self) -> Option<CliError> {
        let store = self.summary.store.clone().map(|e: StoreError| CliError::from(e));
        let stopped =
            || self.summary.stopped.first().cloned().map(CliError::from).filter(|_| self.exit() == Exit::Model);
        store.or_else(stopped).or_else(|| {
            let message = match self.exit() {
                Exit::Model => self.summary.interrupted.first().map(|(_, why)| why),
                _ => return None,
            };
            let message = message.cloned().unwrap_or_else(|| "not everything could be done".to_owned());
            Some(CliError::new(Exit::Model, "model-unusable", message).hint("`convoke doctor` looks at every server"))
        })
    }

    /// Says it.
    pub fn tell(&self, context: &Context, resume: &str) -> Result<Exit, CliError> {
        if context.printer.json {
            let mut end = json!({
                "event": "end", "status": self.word(), "done": self.done, "failed": self.failed, "left": self.left,
                "possible_spend": self.possible_spend, "resume": resume,
            });
            if let (Some(error), Some(map)) = (self.error(), end.as_object_mut()) {
                map.insert("error".to_owned(), error.json());
            }
            context.printer.json_line(&end)?;
            return Ok(self.exit());
        }
        self.print(context);
        if self.left > 0 {
            context.printer.say("to continue:");
            context.printer.say(resume);
        }
        Ok(self.exit())
    }

    fn print(&self, context: &Context) {
        let printer = &context.printer;
        let short_list = |list: &[(String, String)], word: &str| -> Vec<Vec<String>> {
            list.iter().take(ROWS).map(|(id, why)| vec![word.to_owned(), short(id).to_owned(), why.clone()]).collect()
        };
        let mut rows = short_list(&self.summary.failed, "failed");
        rows.extend(short_list(&self.summary.interrupted, "interrupted"));
        if !rows.is_empty() {
            let columns = [Column::text("", 11, 0), Column::text("id", 8, 0), Column::text("why", 30, 0)];
            for line in table(&columns, &rows, printer.width()) {
                printer.say(&line);
            }
        }
        let hidden =
            self.summary.failed.len().saturating_sub(ROWS) + self.summary.interrupted.len().saturating_sub(ROWS);
        if hidden > 0 {
            printer.say(&format!("… and {hidden} more: convoke list"));
        }
        self.print_counts(context);
        if let Some(error) = self.error() {
            printer.error(&error.message, &error.causes, error.hint.as_deref());
        }
    }

    fn print_counts(&self, context: &Context) {
        let printer = &context.printer;
        if self.at_once {
            return;
        }
        if self.summary.calls == 0 && self.left == 0 && self.failed == 0 {
            printer.chat(&match self.done {
                1 => "nothing is missing: the conversation is done".to_owned(),
                done => format!("nothing is missing: all {done} conversations are done"),
            });
            return;
        }
        let look = if self.left == 0 && self.failed == 0 { Look::Green } else { Look::Yellow };
        let counts = format!("{} done, {} failed, {} left", self.done, self.failed, self.left);
        let tokens = self.summary.tokens;
        let spent = format!(
            " · {} turns, {} tokens read, {} written",
            count(self.summary.calls),
            count(tokens.prompt),
            count(tokens.completion)
        );
        printer.say_pieces(&[Piece(&counts, look), Piece(&spent, Look::Plain)]);
        let flags: Vec<String> = self.summary.flags.iter().map(|(flag, n)| format!("{flag} {n}")).collect();
        if !flags.is_empty() {
            printer.say(&format!("flags of replies: {}", flags.join(", ")));
        }
        if self.possible_spend > 0 {
            printer.say(&format!(
                "possible spend: {} requests may have been paid for without a reply",
                self.possible_spend
            ));
        }
        if self.failed > 0 {
            printer.say("failed conversations get another chance with --retry-failed");
        }
    }
}
