//! Turns stored a second: each is written as sent, then appended with its answer, and durable both times (R2).

#![expect(clippy::unwrap_used, reason = "a bench that cannot go on has nothing to measure")]

#[path = "../tests/store_story/fixtures.rs"]
#[expect(dead_code, reason = "made for the story test; a bench needs few of them")]
mod fixtures;
mod timing;

use convoke::store::sqlite::{OpenMode, Sqlite};
use convoke::store::{CallRecord, Store};
use fixtures::{NOW, answered, call, claimed, opening, planned, speech};
use std::sync::Arc;
use std::time::{Duration, Instant};
use timing::report_runs;
use tokio::runtime::Runtime;

/// Stores `turns` turns of about 500 bytes after the opening of a conversation.
async fn converse(store: Arc<Sqlite>, id: String, turns: u64) {
    let epoch = claimed(store.as_ref(), &id).await;
    store.append(&id, epoch, vec![opening()], None).await.unwrap();
    let first = call(&[opening()], NOW);
    for seq in 1..=turns as u32 {
        let sent = CallRecord { seq, ..first.clone() };
        let answer = answered(&sent, &"five words of a hundred. ".repeat(20));
        let entry = speech(&answer, &[]);
        store.sent(&id, epoch, sent).await.unwrap();
        store.append(&id, epoch, vec![entry], Some(answer)).await.unwrap();
    }
}

async fn measure(concurrent: u32, turns: u64) -> Duration {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(Sqlite::open(&folder.path().join("convoke.db"), OpenMode::Run, None).unwrap().store);
    let ids = planned(store.as_ref(), "bench", concurrent).await;
    let share = turns.div_ceil(u64::from(concurrent));
    let started = Instant::now();
    let tasks: Vec<_> = ids.into_iter().map(|id| tokio::spawn(converse(Arc::clone(&store), id, share))).collect();
    for task in tasks {
        task.await.unwrap();
    }
    started.elapsed().mul_f64(turns as f64 / (share * u64::from(concurrent)) as f64)
}

fn main() {
    const TURNS: u64 = 1000;
    let runtime = Runtime::new().unwrap();
    for concurrent in [1, 50] {
        let name = format!("{TURNS} turns stored, {concurrent} at once");
        report_runs(&name, 5, || runtime.block_on(measure(concurrent, TURNS)));
    }
}
