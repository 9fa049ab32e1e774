//! A world: agents act in steps, in places, under a clock. It is a process like a conversation, over the same log.
//!
//! | file | come here to … |
//! |---|---|
//! | `scene` | see a world in one conversation: who starts where, who hears whom, who acts when |
//! | `links` | draw links between agents, or read them from a file |
//! | `ears` | find out from the log alone who perceives an entry |
//! | `lines` | write an entry as agents of a world read it |
//! | `window` | choose the part of a memory that a prompt shows |
//! | `machine` | find the next step of a world |
//! | `prompts` | write the prompt of a turn |
//! | `answer` | turn a reply into an entry |
//! | `notes` | derive the notes that follow a turn |

mod answer;
pub mod ears;
pub mod lines;
pub mod links;
mod machine;
mod notes;
mod prompts;
pub mod scene;
#[cfg(test)]
mod tests;
pub mod window;

pub use ears::{Ears, find_perceivers};
pub use lines::Lines;
pub use machine::World;
pub use scene::Scene;
