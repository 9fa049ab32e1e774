//! The trait that every listener implements, and the loop that feeds it.

use crate::run::Event;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;

/// A listener of a run's events.
pub trait Reporter: Send {
    /// Receives an event; `elapsed` is the time since the run began.
    fn on_event(&mut self, event: &Event, elapsed: Duration);
    /// Called at intervals, so that displayed times stay current.
    fn tick(&mut self, elapsed: Duration);
    /// Called once, after the last event.
    fn end(&mut self);
}

/// A function that a reporter calls with each line.
pub type Lines = Box<dyn FnMut(&str) + Send>;

/// Passes events to a reporter until the last sender is dropped.
pub async fn listen(mut events: UnboundedReceiver<Event>, mut reporter: Box<dyn Reporter>) {
    let began = tokio::time::Instant::now();
    let mut ticks = tokio::time::interval(Duration::from_millis(250));
    loop {
        tokio::select! {
            biased;
            event = events.recv() => match event {
                Some(event) => reporter.on_event(&event, began.elapsed()),
                None => break,
            },
            _ = ticks.tick() => reporter.tick(began.elapsed()),
        }
    }
    reporter.end();
}
