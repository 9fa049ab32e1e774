//! The program as a person sees it: on a terminal, with questions (`80x24` and `40x15`).

#![cfg(unix)]
#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "helpers of tests fail as tests do")]

#[allow(dead_code, reason = "shared with other tests")]
#[path = "../real_mongo/base.rs"]
mod base;
mod batches;
mod changing;
mod create;
mod drafts;
#[path = "../cli/support/server.rs"]
mod fake;
#[allow(dead_code, reason = "shared with other tests")]
#[path = "../faults/follow.rs"]
mod follow;
mod hand;
mod leaving;
mod menus;
mod paging;
mod people;
mod pick;
#[allow(dead_code, reason = "shared with other tests")]
#[path = "../faults/place.rs"]
mod place;
mod questions;
mod road;
#[allow(dead_code, reason = "shared with other tests")]
#[path = "../faults/server.rs"]
mod server;
mod start;
#[allow(dead_code, reason = "each road uses its own part of this")]
mod support;
#[allow(dead_code, reason = "each road uses its own part of this")]
mod terminal;
mod watching;
