//! The program as a person meets it: on a terminal, with questions (`80x24` and `40x15`).

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod changing;
mod create;
mod hand;
mod leaving;
mod menus;
mod people;
mod pick;
#[path = "../cli/support/server.rs"]
mod server;
mod start;
#[allow(dead_code, reason = "each road uses its own part of this")]
mod support;
#[allow(dead_code, reason = "each road uses its own part of this")]
mod terminal;
