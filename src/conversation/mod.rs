//! A conversation: a pure state machine over an append-only log.
//!
//! No input or output, no clock; randomness only from the conversation's own key. Resume, replay and test are
//! the same call: hand it a log.

pub mod log;
pub mod prompt;
pub mod reply;

pub use log::{CallRef, Entry, Flag, Kind, PromptSize, Purpose};
pub use prompt::{Author, Message};
