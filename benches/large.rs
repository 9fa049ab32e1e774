//! A large database (contract P4): `list`, planning a resume, exporting in constant memory. Told of any store:
//!
//! ```text
//! CONVOKE_BENCH_STORE=sqlite:large.db CONVOKE_BENCH_CONVERSATIONS=100000 CONVOKE_BENCH_MESSAGES=20 cargo bench --bench large
//! ```
//!
//! Without variables it is small, in a folder of its own. What is in the database already is not written again. With no
//! messages the conversations alone are written, all at once, and nothing is exported: listing and planning read no more.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench that cannot go on has nothing to measure")]

#[path = "../tests/store_story/fixtures.rs"]
#[expect(dead_code, reason = "made for the story test; a bench needs few of them")]
mod fixtures;

use convoke::design::{Cell, Experiment, Overrides, Plan};
use convoke::exchange::{Of, Rows, TableSource, calls, csv, jsonl};
use convoke::run::prepare::prepare;
use convoke::store::mongodb::Mongo;
use convoke::store::sqlite::{OpenMode, Sqlite};
use convoke::store::{CallRecord, ConversationRecord, Filter, ProcessKind, Status, Store, StoreUri, TransferItem};
use fixtures::{NOW, answered, call, conversation, document, new_experiment, opening, run_record, sha256, speech};
use futures_util::future::join_all;
use std::sync::Arc;
use std::time::Instant;

fn number(name: &str, usual: u32) -> u32 {
    std::env::var(name).ok().map_or(usual, |n| n.parse().unwrap())
}

fn main() {
    // `cargo test --benches` runs every bench once: this one has nothing to say then.
    if std::env::args().any(|a| a == "--test") {
        return;
    }
    tokio::runtime::Runtime::new().unwrap().block_on(measured());
}

async fn measured() {
    let (number, messages) = (number("CONVOKE_BENCH_CONVERSATIONS", 200), number("CONVOKE_BENCH_MESSAGES", 20));
    let folder = tempfile::tempdir().unwrap();
    let usual = format!("sqlite:{}", folder.path().join("large.db").display());
    let uri = std::env::var("CONVOKE_BENCH_STORE").unwrap_or(usual);
    let store: Arc<dyn Store> = match uri.parse::<StoreUri>().unwrap() {
        StoreUri::Sqlite { path, max_mb } => Arc::new(Sqlite::open(&path, OpenMode::Run, max_mb).unwrap().store),
        StoreUri::Mongo(uri) => Arc::new(Mongo::open(&uri, OpenMode::Run).await.unwrap()),
    };
    let mut experiment = document("large", "text", None);
    experiment.run.replicates = number.div_ceil(2);
    let plan = Plan::new(&experiment, &Overrides::default()).unwrap();
    timed("written", fill(&*store, &experiment, &plan, messages)).await;
    timed("a run that ends", run(&*store)).await;
    println!("{number} conversations of {messages} messages in {}", store.place());

    let listed = timed("list", async { store.experiments().await.unwrap() }).await;
    let record = &listed.iter().find(|(e, _)| e.name == "large").unwrap().0;
    let standing =
        timed("standing", async { store.standing(&record.id, ProcessKind::Conversation).await.unwrap() }).await;
    let started = Instant::now();
    let prepared = prepare(&experiment, &plan, plan.cells(), &standing, &record.id, false);
    println!("prepare: {:?}, {} to do", started.elapsed(), prepared.missing.len());
    drop((prepared, standing, plan));
    if messages == 0 {
        return;
    }

    let of = Of::All(Filter { experiment: Some(record.id.clone()), revision: None, ..Filter::default() });
    let mut nowhere = std::io::sink();
    let before = peak();
    let table = |rows| TableSource::new(&*store, "large", rows);
    let entries = table(Rows::Entries(&of));
    let written = timed("jsonl", async { jsonl::write(&entries, &mut nowhere).await.unwrap() }).await;
    println!("{written:?}, peak {before} -> {} MiB", peak());
    timed("csv", async { csv::write(&entries, &mut std::io::sink()).await.unwrap() }).await;
    println!("peak {} MiB", peak());
    let conversations = table(Rows::Conversations(&of));
    timed("conversations", async { csv::write(&conversations, &mut std::io::sink()).await.unwrap() }).await;
    println!("peak {} MiB", peak());
    timed("calls", async { calls::write(&*store, &of, &mut std::io::sink()).await.unwrap() }).await;
    println!("peak {} MiB", peak());
}

async fn timed<T>(what: &str, work: impl Future<Output = T>) -> T {
    let started = Instant::now();
    let done = work.await;
    println!("{what}: {:?}", started.elapsed());
    done
}

/// The most memory that the process has held since it was last asked, in MiB; 0 where the system does not tell.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).and_then(|l| l.split_whitespace().next());
    let peak = line.and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) / 1024;
    // From here on the peak is counted anew.
    drop(std::fs::write("/proc/self/clear_refs", "5"));
    peak
}

async fn fill(store: &dyn Store, experiment: &Experiment, plan: &Plan, messages: u32) {
    let new = new_experiment(&sha256("large")[..16], "ada", experiment.clone());
    let record = store.save(new).await.unwrap();
    let there = store.standing(&record.id, ProcessKind::Conversation).await.unwrap().len();
    let made = |cell: &Cell| ConversationRecord {
        id: sha256(&cell.key)[..16].to_owned(),
        key: cell.key.clone(),
        created: NOW,
        replicate: cell.replicate,
        status: Status::Done,
        ..conversation(&record.id, &record.revision, 0)
    };
    let all = plan.cells();
    if messages == 0 {
        let new = all.iter().skip(there).map(made).collect();
        store.plan(&record.id, &record.revision, &[], new).await.unwrap();
        return;
    }
    let (log, calls) = talk(messages);
    for cells in all.chunks(200).skip(there / 200) {
        let sent = cells.iter().map(|cell| {
            let record = Box::new(made(cell));
            store.receive(TransferItem::Conversation { record, log: log.clone(), calls: calls.clone() })
        });
        for received in join_all(sent).await {
            received.unwrap();
        }
    }
}

/// What the end of a run leaves behind is part of what is measured.
async fn run(store: &dyn Store) {
    let record = store.experiment("ada", "large").await.unwrap().unwrap();
    let id = sha256(&NOW.to_string())[..16].to_owned();
    store.begin_run(run_record(&id, &record.id, &record.revision, NOW)).await.unwrap();
    store.end_run(&id, "done").await.unwrap();
}

/// What every conversation says: entries of about 500 bytes, and the calls that brought them.
fn talk(messages: u32) -> (Vec<convoke::process::Entry>, Vec<CallRecord>) {
    let (mut log, mut calls) = (vec![opening()], Vec::new());
    for _ in 1..messages {
        let answer = answered(&call(&log, NOW), &"five words of a hundred. ".repeat(20));
        log.push(speech(&answer, &[]));
        calls.push(answer);
    }
    (log, calls)
}
