//! A whole run against a bare loop (contract P1): the same number of calls on the same slots, at a server of fixed
//! latency, in one sitting. It prints both times, and the time of the run over that of the loop:
//!
//! ```text
//! CONVOKE_BENCH_CONVERSATIONS=200 CONVOKE_BENCH_MESSAGES=20 CONVOKE_BENCH_SLOTS=50 CONVOKE_BENCH_LATENCY=500 cargo bench --bench slots
//! ```
//!
//! Without variables it is small.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a bench that cannot go on has nothing to measure"
)]

#[path = "../tests/faults/place.rs"]
#[expect(dead_code, reason = "made for the tests of faults; a bench needs few of them")]
mod place;
#[path = "../tests/faults/server.rs"]
#[expect(dead_code, reason = "made for the tests of faults; a bench needs few of them")]
mod server;

use futures_util::future::join_all;
use place::{Place, SMALL};
use server::Server;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().map_or(usual, |n| n.parse().unwrap())
}

fn main() {
    // `cargo test --benches` runs every bench once: this one has nothing to say then.
    if std::env::args().any(|a| a == "--test") {
        return;
    }
    let (conversations, messages) = (number("CONVOKE_BENCH_CONVERSATIONS", 20), number("CONVOKE_BENCH_MESSAGES", 10));
    let (slots, latency) = (number("CONVOKE_BENCH_SLOTS", 5), number("CONVOKE_BENCH_LATENCY", 100));
    let server = Server::start(Duration::from_millis(latency));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    println!(
        "{conversations} conversations, {} calls on {slots} slots at {latency} ms",
        conversations * (messages - 1)
    );
    for _ in 0..number("CONVOKE_BENCH_RUNS", 1) {
        let bare = runtime.block_on(call_bare(server.port, (conversations, messages - 1), slots as usize));
        let run = run_convoke(&server, conversations, messages, slots);
        println!("bare loop {bare:.2?}, convoke {run:.2?}: {:.3}", run.as_secs_f64() / bare.as_secs_f64());
    }
}

/// Makes the calls of each conversation one after the other, each in a slot.
async fn call_bare(port: u16, (conversations, calls): (u64, u64), slots: usize) -> Duration {
    let (client, slots) = (reqwest::Client::new(), Arc::new(Semaphore::new(slots)));
    let url = format!("http://127.0.0.1:{port}/v1/chat/completions");
    let body = r#"{"model":"a","messages":[{"role":"user","content":"Say something."}]}"#;
    let began = Instant::now();
    let chain = async |_| {
        for _ in 0..calls {
            let _slot = slots.acquire().await.unwrap();
            let sent = client.post(&url).header("content-type", "application/json").body(body).send();
            sent.await.unwrap().text().await.unwrap();
        }
    };
    join_all((0..conversations).map(chain)).await;
    began.elapsed()
}

/// Runs the program from its start to its end.
fn run_convoke(server: &Server, conversations: u64, messages: u64, slots: u64) -> Duration {
    let mut place = Place::new(server, SMALL);
    place.longest = Duration::from_hours(1);
    place.edit("e/experiment.toml", "messages = 4\n", &format!("messages = {messages}\n"));
    let began = Instant::now();
    let replicates = conversations.div_ceil(2);
    place.run(&format!("run e --jobs {slots} --replicates {replicates} --limit {conversations}")).exits(0);
    began.elapsed()
}
