//! A net under the program: experiments, conversations and databases as version 0.1.0 made and read them. No key, hash,
//! prompt, transcript or stored byte may move. `golden/README.md` describes each file.

#![cfg(unix)]
#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "helpers of tests fail as tests do")]

#[path = "golden_net/answers.rs"]
mod answers;
#[path = "golden_net/extended.rs"]
mod extended;
#[path = "golden_net/hashes.rs"]
mod hashes;
#[path = "golden_net/kept.rs"]
mod kept;
#[path = "golden_net/mongo.rs"]
mod mongo;
#[path = "golden_net/place.rs"]
mod place;
#[path = "golden_net/said.rs"]
mod said;
#[path = "golden_net/scenarios.rs"]
mod scenarios;
#[path = "golden_net/server.rs"]
mod server;
#[path = "golden_net/sqlite.rs"]
mod sqlite;
#[path = "golden_net/sums.rs"]
mod sums;
