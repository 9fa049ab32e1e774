//! What the researcher wrote: parsed once, checked once, every mistake reported at once.
//!
//! Pure: no input or output, no clock, no randomness of its own, and nothing of the other rooms.

pub mod axis;
pub mod check;
pub mod compose;
pub mod condition;
pub mod diff;
pub mod edit;
pub mod estimate;
pub mod experiment;
pub mod factor;
pub mod folder;
pub mod inflect;
pub mod key;
pub mod markdown;
pub mod plan;
pub mod problem;
pub mod protocol;
pub mod resolve;
pub mod template;
pub mod tree;
pub mod value;
pub mod write;

#[cfg(test)]
pub(crate) mod arbitrary;
#[cfg(test)]
mod tests;

pub use experiment::*;
pub use plan::{Cell, Condition, Obstacle, Overrides, Plan};
pub use problem::{Problem, Severity};
pub use value::{Named, Value, named};
