//! The only busy place: claims conversations, asks the models, stores each finished turn, emits events.
//!
//! It knows no terminal. What a person sees is made by listeners of [`Event`]s (`report`).
//!
//! | file | holds |
//! |---|---|
//! | `event` | what happens, as data |
//! | `prepare` | which conversations are missing: a set difference on keys |
//! | `roster` | the models of a run, looked up (and fetched) before the first call |
//! | `runner` | which conversations are worked on, and what stops them |
//! | `worker` | one conversation from where it stands to its end, by models and by people |
//! | `patience` | waiting for a database that went away or is full |

pub mod event;
pub mod patience;
pub mod prepare;
pub mod roster;
mod runner;
#[cfg(test)]
mod tests;
mod worker;

pub use event::{Event, Summary};
pub use prepare::{Job, Prepared, Superseded};
pub use roster::Roster;
pub use runner::{Options, Work, run};
