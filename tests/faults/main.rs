//! Faults: real processes are killed, interrupted and hindered, with a server whose answer depends on the request only
//! (contract R1–R6, R8). The result of such a run is compared with an undisturbed one.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod follow;
mod place;
mod server;

mod adding;
mod asking;
mod away;
mod budget;
mod deleting;
mod kills;
mod quota;
mod signals;
mod trouble;
mod unfinished;
mod watching;
