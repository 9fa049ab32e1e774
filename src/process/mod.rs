//! A conversation: a pure state machine over an append-only log.
//!
//! No input or output, no clock; randomness only from the conversation's own key. Resume, replay and test are
//! the same call: hand it a log.

pub mod harmless;
pub mod log;
pub mod prompt;
pub mod random;
pub mod reply;
pub mod selector;
pub mod setting;
pub mod state;

pub use log::{CallRef, Entry, Flag, Kind, PromptSize, Purpose};
pub use prompt::{Author, Ending, Message, View};
pub use setting::{Agent, Helper, Setting};
pub use state::{Ask, Conversation, Next, Reply};
