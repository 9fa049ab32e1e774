//! Work of a run: claims conversations, sends requests to the models, stores each finished turn, emits events.
//!
//! This room knows no terminal: listeners of [`Event`]s (`report`) draw the output for people.
//!
//! | file | come here to … |
//! |---|---|
//! | `budget` | bound the calls and the time of one invocation |
//! | `event` | see every event of a run, and its summary |
//! | `job` | see what the run needs to know of a process |
//! | `prepare` | find which conversations are missing: a set difference on keys |
//! | `question` | make a question from its log and the conversation that it is about |
//! | `roster` | look up (and fetch) the models of a run before the first call |
//! | `shared` | see what all conversations of a run share: work, options, limits, totals |
//! | `leave` | see every reason why a worker leaves a conversation |
//! | `refusals` | decide if a refusal is the fault of a prompt or of the model |
//! | `runner` | decide which conversations are worked on, and when to stop |
//! | `worker` | take one process to its end: the claim, its steps, its end |
//! | `worker/round` | ask the lanes of a round side by side, and store their answers in order |
//! | `worker/call` | make one call: stored as sent, asked, returned with its answer |
//! | `worker/embed` | fetch the vectors that a process wants |
//! | `worker/absence` | wait for a server that went away |
//! | `worker/person` | let a person type a turn |
//! | `patience` | wait for an unreachable or full database |

pub mod budget;
pub mod event;
pub mod job;
mod leave;
pub mod patience;
pub mod prepare;
pub mod question;
mod refusals;
pub mod roster;
mod runner;
mod shared;
#[cfg(test)]
mod tests;
mod worker;

pub use budget::Budget;
pub use event::{Event, Summary};
pub use job::{Job, Replay};
pub use patience::ServerWait;
pub use prepare::{Missing, Prepared, Superseded};
pub use roster::Roster;
pub use runner::run;
pub use shared::{Options, Work};
