//! Bars on a terminal: one for each model and one for all.

use super::plain::{held, stopping};
use super::reporter::Reporter;
use super::tally::{Tally, count};
use crate::run::Event;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// More models than this share the bar of all.
const MOST_BARS: usize = 8;

/// Draws bars.
pub struct Bars {
    multi: MultiProgress,
    models: BTreeMap<String, ProgressBar>,
    all: ProgressBar,
    /// The model that is being fetched, if one is.
    fetched: Option<ProgressBar>,
    tally: Tally,
    waits: Option<String>,
    holders: BTreeSet<String>,
    harmless: fn(&str) -> String,
}

impl Bars {
    /// Bars on standard error. `harmless` is applied to every text that came from outside.
    pub fn new(harmless: fn(&str) -> String) -> Self {
        let multi = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(8));
        let all = multi.add(bar());
        Self {
            multi,
            models: BTreeMap::new(),
            all,
            fetched: None,
            tally: Tally::default(),
            waits: None,
            holders: BTreeSet::new(),
            harmless,
        }
    }

    fn line(&self, text: &str) {
        // A terminal that is gone needs no lines.
        let _ = self.multi.println((self.harmless)(text));
    }

    fn begin(&mut self) {
        for (model, expected) in self.tally.expected.iter().take(MOST_BARS) {
            if self.tally.expected.len() > 1 {
                let model_bar = self.multi.insert_before(&self.all, bar());
                model_bar.set_length(*expected);
                model_bar.set_prefix((self.harmless)(model));
                self.models.insert(model.clone(), model_bar);
            }
        }
        self.all.set_prefix("all");
    }

    fn fetch(&mut self, model: &str, doing: &str, completed: Option<u64>, total: Option<u64>) {
        let fetched = self.fetched.get_or_insert_with(|| self.multi.insert_before(&self.all, bytes_bar()));
        fetched.set_prefix(format!("fetching {}", (self.harmless)(model)));
        fetched.set_message((self.harmless)(doing));
        fetched.set_length(total.unwrap_or(0));
        fetched.set_position(completed.unwrap_or(0));
    }

    fn draw(&mut self, elapsed: Duration) {
        for (model, model_bar) in &self.models {
            let calls = self.tally.calls_of(model);
            model_bar.set_length(self.tally.expected.get(model).copied().unwrap_or(0).max(calls));
            model_bar.set_position(calls);
            let tokens = self.tally.tokens.get(model).copied().unwrap_or_default();
            model_bar.set_message(format!("{} tokens", count(tokens.prompt + tokens.completion)));
        }
        let t = &self.tally;
        self.all.set_length(t.all_expected());
        self.all.set_position(t.all_calls());
        let failed = if t.failed > 0 { format!(", {} failed", t.failed) } else { String::new() };
        let mut message = format!("{}/{} done{failed}", t.done, t.asked);
        // What is waited for comes in place of tokens and pace: 80 columns have no room for all.
        let tokens = || [t.pace(elapsed), format!("{} tokens", count(t.all_tokens()))];
        let more = t.waiting.clone().map_or_else(tokens, |waiting| [waiting, String::new()]);
        for more in more.iter().filter(|m| !m.is_empty()) {
            message += " · ";
            message += &(self.harmless)(more);
        }
        self.all.set_message(message);
    }
}

fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix:<14!} {bar:10} {pos}/{len} turns · {wide_msg}");
    let bar = ProgressBar::new(0);
    // The template is fixed; where it were wrong, the default style would do.
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("━╸─"));
    bar
}

fn bytes_bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix} {bar:18} {bytes}/{total_bytes} · {bytes_per_sec} · {wide_msg}");
    let bar = ProgressBar::new(0);
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("━╸─"));
    bar
}

impl Reporter for Bars {
    fn on(&mut self, event: &Event, elapsed: Duration) {
        self.tally.on(event);
        match event {
            Event::Begin { .. } => self.begin(),
            Event::Stopped { reason, .. } => self.line(&format!("no further requests: {reason}")),
            Event::StoreAway { reason } => self.line(&format!("paused: {reason}")),
            Event::StoreBack => self.line("the database is back; going on"),
            Event::Stopping { grace } => self.line(&stopping(*grace)),
            Event::Waiting { server, reason, .. } if self.waits.as_ref() != Some(reason) => {
                self.line(&format!("waiting for {server}: {reason}"));
                self.waits = Some(reason.clone());
            }
            Event::Held { holder, .. } if self.holders.insert(holder.clone()) => {
                self.line(&held(holder));
            }
            Event::Ended { status: crate::store::Status::Failed, reason: Some(reason), conversation, .. } => {
                self.line(&format!("{} {conversation} failed: {reason}", self.tally.kind.word()));
            }
            _ => {}
        }
        match event {
            Event::Pull { model, doing, completed, total } => self.fetch(model, doing, *completed, *total),
            Event::Entry { .. } | Event::Answered { .. } => return,
            _ => {
                if let Some(fetched) = self.fetched.take() {
                    fetched.finish_and_clear();
                }
            }
        }
        self.draw(elapsed);
    }

    fn tick(&mut self, elapsed: Duration) {
        self.draw(elapsed);
    }

    fn end(&mut self) {
        self.models.values().for_each(ProgressBar::finish_and_clear);
        if let Some(fetched) = &self.fetched {
            fetched.finish_and_clear();
        }
        self.all.finish_and_clear();
    }
}
