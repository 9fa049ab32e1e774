//! JSON lines for programs: each event as it happens.

use super::reporter::Reporter;
use crate::run::Event;
use std::time::Duration;

/// Writes each event as one JSON value.
pub struct JsonLines {
    lines: Box<dyn FnMut(&serde_json::Value) + Send>,
}

impl JsonLines {
    /// Creates a reporter that passes its values to `lines`.
    pub fn new(lines: Box<dyn FnMut(&serde_json::Value) + Send>) -> Self {
        Self { lines }
    }
}

impl Reporter for JsonLines {
    fn on_event(&mut self, event: &Event, _: Duration) {
        // Events consist of text and numbers, so they always have a JSON form.
        if let Ok(value) = serde_json::to_value(event) {
            (self.lines)(&value);
        }
    }

    fn tick(&mut self, _: Duration) {}

    fn end(&mut self) {}
}
