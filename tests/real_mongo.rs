//! Many processes on one database of a real server of the MongoDB protocol, killed, stopped and hindered. Nothing is
//! lost or doubled, and the transcripts equal those of one process on the embedded database. If no variable names a
//! server, the test says loudly that it is skipped (`CONVOKE_TEST_REQUIRE_SERVERS=1` makes that a failure).

#![cfg(unix)]
#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "helpers of tests fail as tests do")]

#[path = "real_mongo/base.rs"]
mod base;
#[path = "real_mongo/copying.rs"]
mod copying;
#[path = "real_mongo/deleting.rs"]
mod deleting;
#[path = "real_mongo/editors.rs"]
mod editors;
#[path = "real_mongo/first.rs"]
mod first;
#[path = "faults/follow.rs"]
mod follow;
#[path = "real_mongo/leases.rs"]
mod leases;
#[path = "real_mongo/many.rs"]
mod many;
#[path = "real_mongo/outage.rs"]
mod outage;
#[expect(dead_code, reason = "shared with other tests")]
#[path = "faults/place.rs"]
mod place;
#[expect(dead_code, reason = "shared with other tests")]
#[path = "faults/server.rs"]
mod server;
#[expect(dead_code, reason = "shared with other tests")]
#[path = "guide/terminal.rs"]
mod terminal;
#[path = "real_mongo/users.rs"]
mod users;
#[path = "real_mongo/watching.rs"]
mod watching;
