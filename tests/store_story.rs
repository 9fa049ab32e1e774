//! One story for every implementation of the store; and promises of the embedded one only.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests fail as tests do, and skip loudly"
)]

#[path = "store_story/asked.rs"]
mod asked;
#[path = "store_story/colleagues.rs"]
mod colleagues;
#[path = "store_story/copied.rs"]
mod copied;
#[path = "store_story/fixtures.rs"]
mod fixtures;
#[path = "store_story/gone.rs"]
mod gone;
#[path = "store_story/mongodb.rs"]
mod mongo;
#[path = "store_story/rounds.rs"]
mod rounds;
#[path = "store_story/sqlite.rs"]
mod sqlite;
#[path = "store_story/sqlite_crash.rs"]
mod sqlite_crash;
#[path = "store_story/story.rs"]
mod story;
#[path = "store_story/watching.rs"]
mod watching;
