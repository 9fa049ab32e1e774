//! What the researcher wrote: parsed once, checked once, every mistake reported at once.
//!
//! Pure: no input or output, no clock, no randomness of its own, and nothing of the other rooms.

pub mod experiment;
pub mod inflect;
pub mod markdown;
pub mod template;
pub mod value;

pub use experiment::*;
pub use value::{Named, Value};
