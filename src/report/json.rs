//! JSON lines for programs: each event as it happens.

use super::reporter::Reporter;
use crate::run::Event;
use std::time::Duration;

/// Writes each event as one JSON value.
pub struct JsonLines {
    lines: Box<dyn FnMut(&serde_json::Value) + Send>,
}

impl JsonLines {
    /// A reporter that gives its values to `lines`.
    pub fn new(lines: Box<dyn FnMut(&serde_json::Value) + Send>) -> Self {
        Self { lines }
    }
}

impl Reporter for JsonLines {
    fn on(&mut self, event: &Event, _: Duration) {
        // Events are made of text and numbers: they always have a JSON form.
        if let Ok(value) = serde_json::to_value(event) {
            (self.lines)(&value);
        }
    }

    fn tick(&mut self, _: Duration) {}

    fn end(&mut self) {}
}
