//! Listeners of a run's events: bars on a terminal, plain lines elsewhere, JSON lines for programs.
//!
//! The caller passes the output and the function that escapes text; listeners decide nothing.
//!
//! | file | come here to … |
//! |---|---|
//! | `reporter` | implement a listener (the trait [`Reporter`]), or feed one with events |
//! | `tally` | count events; format counts, sizes and durations |
//! | `trouble` | report what delays or stops a run |
//! | `plain` | write plain lines for files, pipes and screen readers |
//! | `bars` | draw bars on a terminal |
//! | `json` | write events as JSON lines |
//! | `copying` | draw the bar of a copy between databases |

mod bars;
mod copying;
mod json;
mod plain;
mod reporter;
pub mod tally;
mod trouble;

pub use bars::Bars;
pub use copying::Copying;
pub use json::JsonLines;
pub use plain::Plain;
pub use reporter::{Lines, Reporter, listen};
pub use trouble::Trouble;
