//! Faults: real processes are killed, interrupted and hindered, against a server that answers the same body always
//! the same way (contract R1–R6, R8). What a run leaves behind is compared with what an undisturbed one does.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod follow;
mod place;
mod server;

mod adding;
mod deleting;
mod kills;
mod quota;
mod signals;
mod trouble;
mod unfinished;
mod watching;
