//! Whole commands, as a person or a program sees them: output, its stream, and the exit code.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod support;

mod alone;
mod asking;
mod bad_input;
mod bad_servers;
mod canary;
mod check;
mod colleagues;
mod copying;
mod data;
mod deleting;
mod differing;
mod editing;
mod foreign;
mod forms;
mod generating;
mod help;
mod hostile;
mod limits;
mod lines;
mod listing;
mod login;
mod looking;
mod models;
mod new;
mod output;
mod people;
mod persons;
mod picking;
mod planning;
mod readme;
mod recorded;
mod refusals;
mod revising;
mod running;
mod selecting;
mod servers;
mod shell;
mod shipped;
mod tables;
mod turns;
mod worlds;
