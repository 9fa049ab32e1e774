//! Rounds: asks that leave together, whatever the order of their answers and wherever the run ends. The tests know the
//! library's public API only; a server on loopback holds each answer until a test releases it.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests fail as tests do, and skip loudly"
)]

#[path = "store_story/fixtures.rs"]
#[allow(dead_code, reason = "each test file uses its own part of this")]
mod fixtures;
#[path = "rounds/kills.rs"]
mod kills;
#[path = "rounds/lanes.rs"]
mod lanes;
#[path = "rounds/panel.rs"]
mod panel;
#[path = "rounds/place.rs"]
mod place;
#[path = "rounds/server.rs"]
mod server;
mod support;
#[path = "rounds/vectors.rs"]
mod vectors;
