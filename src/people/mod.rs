//! People: persons as researchers write them, fragments that change them, and dealing of people to conversations.
//!
//! This room is pure: no input or output, no clock, no randomness but what is drawn from a text. It uses no other room.
//!
//! | file | come here to … |
//! |---|---|
//! | `fact` | see the free-form values of a persona |
//! | `fault` | report a mistake in a file of a person |
//! | `json` | read JSON with order and numbers as written |
//! | `toml` | read the same values from TOML |
//! | `name` | decide what may be a person's name, and compare names |
//! | `person` | read a person or a fragment in any of its shapes, and hash a persona |
//! | `merge` | merge a fragment into a person |
//! | `render` | write the section of a prompt |
//! | `source` | see which files a path, a pattern or a population means |
//! | `random` | draw numbers and orders |
//! | `deal` | deal the persons of a pool to conversations |
//! | `compare` | compare distributions over people |
//! | `population` | read the numbers and shares of a population |
//! | `sample` | draw the values of a population's people |

pub mod compare;
pub mod deal;
pub mod fact;
pub mod fault;
pub mod json;
pub mod merge;
pub mod name;
pub mod person;
pub mod population;
pub mod random;
pub mod render;
pub mod sample;
pub mod source;
pub mod toml;

#[cfg(test)]
mod tests;

pub use deal::{Deck, Order};
pub use fault::Fault;
pub use person::{Person, Shape, Written};
pub use source::Source;
