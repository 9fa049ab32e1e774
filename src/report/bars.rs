//! Progress bars on a terminal: one for each model and one for all.

use super::reporter::Reporter;
use super::tally::{Tally, count};
use super::trouble::Trouble;
use crate::run::Event;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::collections::BTreeMap;
use std::time::Duration;

/// Maximum number of bars of models. With more models, only the bar for all models is drawn.
const MOST_BARS: usize = 8;

/// Draws progress bars.
pub struct Bars {
    multi: MultiProgress,
    models: BTreeMap<String, ProgressBar>,
    all: ProgressBar,
    /// The bar of the model that is being pulled, if any.
    fetched: Option<ProgressBar>,
    tally: Tally,
    trouble: Trouble,
    escape: fn(&str) -> String,
}

impl Bars {
    /// Creates bars on standard error. `escape` is applied to every text from outside the program.
    pub fn new(escape: fn(&str) -> String) -> Self {
        let multi = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(8));
        let all = multi.add(new_bar());
        Self {
            multi,
            models: BTreeMap::new(),
            all,
            fetched: None,
            tally: Tally::default(),
            trouble: Trouble::default(),
            escape,
        }
    }

    fn print_line(&self, text: &str) {
        // A failed write to a closed terminal is ignored.
        let _ = self.multi.println((self.escape)(text));
    }

    fn add_bars(&mut self) {
        for (model, expected) in self.tally.expected.iter().take(MOST_BARS) {
            if self.tally.expected.len() > 1 {
                let model_bar = self.multi.insert_before(&self.all, new_bar());
                model_bar.set_length(*expected);
                model_bar.set_prefix((self.escape)(model));
                self.models.insert(model.clone(), model_bar);
            }
        }
        self.all.set_prefix("all");
    }

    fn show_pull(&mut self, model: &str, doing: &str, completed: Option<u64>, total: Option<u64>) {
        let fetched = self.fetched.get_or_insert_with(|| self.multi.insert_before(&self.all, bytes_bar()));
        fetched.set_prefix(format!("fetching {}", (self.escape)(model)));
        fetched.set_message((self.escape)(doing));
        fetched.set_length(total.unwrap_or(0));
        fetched.set_position(completed.unwrap_or(0));
    }

    fn draw_bars(&mut self, elapsed: Duration) {
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
        // The reason for waiting replaces tokens and pace, since 80 columns have no room for all three.
        let tokens = || [t.describe_pace(elapsed), format!("{} tokens", count(t.all_tokens()))];
        let more = t.waiting.clone().map_or_else(tokens, |waiting| [waiting, String::new()]);
        for more in more.iter().filter(|m| !m.is_empty()) {
            message += " · ";
            message += &(self.escape)(more);
        }
        self.all.set_message(message);
    }
}

fn new_bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix:<14!} {bar:10} {pos}/{len} turns · {wide_msg}");
    let bar = ProgressBar::new(0);
    // The template is fixed. If it were wrong, the default style would replace it.
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
    fn on_event(&mut self, event: &Event, elapsed: Duration) {
        self.tally.count_event(event);
        if let Some(line) = self.trouble.line_of(event) {
            self.print_line(&line);
        }
        match event {
            Event::Begin { .. } => self.add_bars(),
            Event::Pull { model, doing, completed, total } => self.show_pull(model, doing, *completed, *total),
            Event::Entry { .. } | Event::Answered { .. } | Event::Embedded { .. } => return,
            Event::Started { .. }
            | Event::Waiting { .. }
            | Event::Silent { .. }
            | Event::Stopped { .. }
            | Event::WithoutSchema { .. }
            | Event::Held { .. }
            | Event::LongContext { .. }
            | Event::ServerAway { .. }
            | Event::ServerBack { .. }
            | Event::StoreAway { .. }
            | Event::StoreBack
            | Event::Ended { .. }
            | Event::Spent { .. }
            | Event::Stopping { .. } => {
                if let Some(fetched) = self.fetched.take() {
                    fetched.finish_and_clear();
                }
            }
        }
        self.draw_bars(elapsed);
    }

    fn tick(&mut self, elapsed: Duration) {
        self.draw_bars(elapsed);
    }

    fn end(&mut self) {
        self.models.values().for_each(ProgressBar::finish_and_clear);
        if let Some(fetched) = &self.fetched {
            fetched.finish_and_clear();
        }
        self.all.finish_and_clear();
    }
}
