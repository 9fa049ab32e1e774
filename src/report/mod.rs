//! Listeners of a run's events: bars on a terminal, plain lines elsewhere, JSON lines for programs.
//!
//! They are given where to write and how to make text harmless; they decide nothing.

mod bars;
mod copying;
mod json;
mod plain;
pub mod tally;

pub use bars::Bars;
pub use copying::Copying;
pub use json::JsonLines;
pub use plain::Plain;

use crate::run::Event;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;

/// Hears what happens.
pub trait Reporter: Send {
    /// Something happened. `elapsed` is the time since the run began.
    fn on(&mut self, event: &Event, elapsed: Duration);
    /// Time has passed.
    fn tick(&mut self, elapsed: Duration);
    /// Nothing more will happen.
    fn end(&mut self);
}

/// Where a reporter writes a line.
pub type Lines = Box<dyn FnMut(&str) + Send>;

/// Passes events on until the last sender is gone.
pub async fn listen(mut events: UnboundedReceiver<Event>, mut reporter: Box<dyn Reporter>) {
    let began = tokio::time::Instant::now();
    let mut ticks = tokio::time::interval(Duration::from_millis(250));
    loop {
        tokio::select! {
            biased;
            event = events.recv() => match event {
                Some(event) => reporter.on(&event, began.elapsed()),
                None => break,
            },
            _ = ticks.tick() => reporter.tick(began.elapsed()),
        }
    }
    reporter.end();
}
