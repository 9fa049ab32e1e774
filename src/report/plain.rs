//! Plain lines for files, pipes and screen readers.

use super::reporter::{Lines, Reporter};
use super::tally::{Tally, count, format_bytes};
use super::trouble::Trouble;
use crate::run::Event;
use std::time::Duration;

/// Minimum times between two lines of progress: at first, and after some minutes.
const OFTEN: Duration = Duration::from_secs(10);
const SELDOM: Duration = Duration::from_mins(1);

/// Writes plain lines.
pub struct Plain {
    lines: Lines,
    /// False to report trouble only.
    counts: bool,
    tally: Tally,
    printed_at: Duration,
    trouble: Trouble,
    /// The layer reported last, with its size.
    fetching: Option<(String, u64)>,
}

impl Plain {
    /// Creates a reporter that passes its lines to `lines`.
    pub fn new(lines: Lines) -> Self {
        Self {
            lines,
            counts: true,
            tally: Tally::default(),
            printed_at: Duration::ZERO,
            trouble: Trouble::default(),
            fetching: None,
        }
    }

    /// Creates a reporter that omits progress and reports trouble only.
    #[must_use]
    pub fn of_trouble(lines: Lines) -> Self {
        Self { counts: false, ..Self::new(lines) }
    }

    fn print_progress(&mut self, elapsed: Duration) {
        let t = &self.tally;
        let mut line = format!(
            "{} of {} {}s done, {} failed · {} of {} turns · {} tokens",
            t.done,
            t.asked,
            t.kind.word(),
            t.failed,
            count(t.all_calls()),
            count(t.all_expected()),
            count(t.all_tokens())
        );
        for more in [t.describe_pace(elapsed), t.waiting.clone().unwrap_or_default()].iter().filter(|m| !m.is_empty()) {
            line += " · ";
            line += more;
        }
        (self.lines)(&line);
        self.printed_at = elapsed;
    }
}

impl Reporter for Plain {
    fn on_event(&mut self, event: &Event, elapsed: Duration) {
        self.tally.count_event(event);
        if let Some(line) = self.trouble.line_of(event) {
            (self.lines)(&line);
        }
        if let Event::Pull { model, total: Some(total), .. } = event
            && self.fetching.as_ref() != Some(&(model.clone(), *total))
        {
            (self.lines)(&format!("fetching {model}: a layer of {}", format_bytes(*total)));
            self.fetching = Some((model.clone(), *total));
        }
        self.tick(elapsed);
    }

    fn tick(&mut self, elapsed: Duration) {
        if self.counts && elapsed >= self.printed_at + (elapsed / 4).clamp(OFTEN, SELDOM) {
            self.print_progress(elapsed);
        }
    }

    fn end(&mut self) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[test]
    fn progress_begins_after_ten_seconds_and_backs_off_to_a_line_a_minute() {
        let printed = Arc::new(Mutex::new(0));
        let lines = Arc::clone(&printed);
        let mut plain = Plain::new(Box::new(move |_| *lines.lock().unwrap() += 1));
        let (mut times, mut before) = (Vec::new(), 0);
        for second in 0..3_600 {
            plain.tick(Duration::from_secs(second));
            let now = *printed.lock().unwrap();
            if now > before {
                times.push(second);
            }
            before = now;
        }
        let gaps: Vec<u64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert_eq!(times[0], 10);
        assert!(gaps.iter().all(|gap| (10..=60).contains(gap)) && gaps.is_sorted(), "{gaps:?}");
        assert!(times.iter().zip(&gaps).all(|(at, gap)| *at < 240 || *gap == 60), "{times:?}");
        assert!(times.len() < 75, "an hour of a night is about sixty lines: {}", times.len());
    }
}
