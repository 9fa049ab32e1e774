//! Processes: pure machines over an append-only log. Every sequence of requests is a process: a conversation, or
//! a question about a conversation.
//!
//! This room has no input or output and no clock. Randomness comes only from the process's own key. Resume, replay and
//! test are the same call with different logs.
//!
//! | file | come here to … |
//! |---|---|
//! | `asking` | see what a process is: the trait, its steps and its asks |
//! | `log` | see what an entry of the log holds: kinds, flags, references to calls |
//! | `agent` | see what one agent or helper is in a conversation |
//! | `setting` | make a condition concrete: draw names, render texts |
//! | `random` | draw from a conversation's key |
//! | `prompt` | see what one call shows its reader, as a recipe over the log |
//! | `selector` | write the prompts of the selector and read its choice |
//! | `reply` | clean a reply and flag what is wrong with it |
//! | `judge` | flag a reply by what the server reported, and apply the policies of `[health]` |
//! | `question` | ask the agents of a finished conversation |
//! | `turn` | read a turn as JSON, and see the form that it answers |
//! | `world` | let agents act in steps and places |
//! | `memory` | recall, rate, reflect, note and plan as an agent does: pure functions |
//! | `state` | find the next step of a conversation, and turn a reply into an entry |
//! | `replay` | continue the log of a conversation or a world |
//! | `harmless` | escape text for a terminal |

pub mod agent;
pub mod asking;
pub mod harmless;
mod judge;
pub mod log;
pub mod memory;
pub mod prompt;
pub mod question;
pub mod random;
mod replay;
pub mod reply;
pub mod selector;
pub mod setting;
pub mod state;
pub mod turn;
pub mod world;

pub use agent::{Agent, Helper};
pub use asking::{Ask, EndedBy, Growth, Next, Process, Reply, Sitting, TextVector, Wanted, text_hash};
pub use log::{CallRef, Entry, Flag, Kind, PromptSize, Purpose};
pub use prompt::{Author, Ending, Message, Part, View};
pub use question::Question;
pub use replay::replay;
pub use setting::Setting;
pub use state::Conversation;
pub use turn::TurnForm;
pub use world::World;
