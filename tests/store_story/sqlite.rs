//! What only the embedded store promises: one file, one lock, one writer, a quota.

use crate::fixtures::*;
use convoke::process::log::Entry;
use convoke::store::sqlite::{OpenMode, Sqlite};
use convoke::store::{Filter, Item, Status, Store, StoreError};
use proptest::prelude::*;
use rusqlite::Connection;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

pub fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("convoke.db");
    (folder, path)
}

pub fn open(path: &Path, mode: OpenMode) -> Sqlite {
    Sqlite::open(path, mode, None).unwrap().store
}

fn refused(path: &Path, mode: OpenMode) -> StoreError {
    Sqlite::open(path, mode, None).map(|_| ()).unwrap_err()
}

#[test]
fn reading_makes_nothing() {
    let (folder, path) = folder();
    assert!(matches!(refused(&path, OpenMode::Read), StoreError::Missing { .. }));
    assert!(matches!(refused(&folder.path().join("no/such.db"), OpenMode::Read), StoreError::Missing { .. }));
    fs::write(&path, "").unwrap();
    assert!(matches!(refused(&path, OpenMode::Read), StoreError::Missing { .. }), "made and never written");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn no_folder_is_made_silently() {
    let (folder, _) = folder();
    let error = refused(&folder.path().join("no/such.db"), OpenMode::Run);
    assert!(matches!(&error, StoreError::Unreachable { cause, .. } if cause.contains("make it first")), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_closed_database_is_one_file_that_sqlite3_can_read() {
    let (folder, path) = folder();
    {
        let opened = Sqlite::open(&path, OpenMode::Write, None).unwrap();
        assert!(opened.created && opened.migrated.is_none());
        planned(&opened.store, "prison", 2).await;
        assert!(!Sqlite::open(&path, OpenMode::Write, None).unwrap().created);
        assert!(matches!(open(&path, OpenMode::Read).end_run("x", "y").await, Err(StoreError::Refused { .. })));
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no log, no shared memory, no lock");
    let conn = Connection::open(&path).unwrap();
    let sql = "select created || ' ' || json_extract(condition, '$[0].name') from conversations order by created";
    let line: String = conn.query_row(sql, [], |row| row.get(0)).unwrap();
    assert_eq!(line, "2023-11-14T22:13:20.123Z risks");
}

#[tokio::test]
async fn one_run_at_a_time_beside_small_edits() {
    let (_folder, path) = folder();
    let run = open(&path, OpenMode::Run);
    let holder = format!("convoke (pid {})", std::process::id());
    assert!(matches!(refused(&path, OpenMode::Run), StoreError::Locked { holder: h, .. } if h == holder));
    let edit = open(&path, OpenMode::Write);
    let id = &planned(&edit, "prison", 1).await[0];
    claimed(&run, id).await;
    assert_eq!(open(&path, OpenMode::Read).find_conversations(id).await.unwrap().len(), 1);
    drop(run);
    drop(open(&path, OpenMode::Run));
}

/// Each process has its own connections; the file is all that they share.
#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_edits_of_two_processes_lose_nothing() {
    let (_folder, path) = folder();
    let (one, other) = (open(&path, OpenMode::Write), open(&path, OpenMode::Write));
    crate::colleagues::two_editors_lose_nothing(&one, &other, 500).await;
}

/// How many rows each table has.
fn rows(path: &Path) -> Vec<(String, u32)> {
    let conn = Connection::open(path).unwrap();
    let tables = ["experiments", "revisions", "conversations", "messages", "calls", "runs"];
    let count = |t: &str| conn.query_row(&format!("select count(*) from {t}"), [], |row| row.get(0)).unwrap();
    tables.iter().map(|t| ((*t).to_owned(), count(t))).collect()
}

#[tokio::test]
async fn nothing_of_a_deleted_experiment_is_left_in_any_table() {
    let (_folder, path) = folder();
    {
        let store = open(&path, OpenMode::Write);
        let kept = planned(&store, "kept", 1).await;
        grow(&store, &kept[0], 2).await;
    }
    let before = rows(&path);
    let ids = {
        let run = open(&path, OpenMode::Run);
        let ids = planned(&run, "prison", 3).await;
        grow(&run, &ids[0], 4).await;
        let epoch = claimed(&run, &ids[1]).await;
        run.append(&ids[1], epoch, vec![opening()], None).await.unwrap();
        let id = run.find_conversations(&ids[0]).await.unwrap().remove(0).experiment;
        let record = run.experiment("ada", "prison").await.unwrap().unwrap();
        run.begin_run(run_record("killed", &id, &record.revision, NOW)).await.unwrap();
        let edited = document("prison", "another text", None);
        let revised = run.revise(&id, "ada", record.version, edited, sha256("another")).await.unwrap();
        run.revise(&id, "ada", revised.version, document("prison", "a third", None), sha256("third")).await.unwrap();
        ids
    };
    // The lease of the second is still there, as a killed process leaves it; nobody holds the file's lock.
    let edit = open(&path, OpenMode::Write);
    let second = edit.find_conversations(&ids[1]).await.unwrap().remove(0);
    assert!(second.status == Status::Interrupted && second.lease.is_some());
    edit.delete(&Item::Experiment(second.experiment), "ada").await.unwrap();
    assert_eq!(rows(&path), before);
    assert_eq!(edit.verify(None).await.unwrap(), []);
}

/// Between the plan and the first turn nobody holds any conversation, and yet they are about to be spoken.
#[tokio::test]
async fn what_a_run_is_about_to_speak_is_held() {
    let (_folder, path) = folder();
    let run = open(&path, OpenMode::Run);
    let ids = planned(&run, "prison", 1).await;
    let record = run.experiment("ada", "prison").await.unwrap().unwrap();
    run.begin_run(run_record("goes on", &record.id, &record.revision, NOW)).await.unwrap();
    let edit = open(&path, OpenMode::Write);
    for item in [Item::Experiment(record.id.clone()), Item::Conversation(ids[0].clone())] {
        let holder = format!("ada, convoke (pid {})", std::process::id());
        let refused = edit.delete(&item, "ada").await;
        assert!(matches!(&refused, Err(StoreError::Held { holder: h, .. }) if *h == holder), "{refused:?}");
    }
    drop(run);
    edit.delete(&Item::Experiment(record.id), "ada").await.unwrap();
}

#[test]
fn what_is_not_ours_is_left_alone() {
    let (folder, path) = folder();
    let foreign = |path: &Path| matches!(refused(path, OpenMode::Run), StoreError::Foreign { .. });
    assert!(foreign(folder.path()));
    fs::write(&path, "a,b,c\n".repeat(100)).unwrap();
    assert!(foreign(&path));
    fs::write(&path, "short").unwrap();
    assert!(foreign(&path));
    fs::remove_file(&path).unwrap();
    Connection::open(&path).unwrap().execute_batch("create table theirs (x); insert into theirs values (1)").unwrap();
    let before = fs::read(&path).unwrap();
    assert!(foreign(&path));
    assert!(matches!(refused(&path, OpenMode::Read), StoreError::Foreign { .. }));
    assert_eq!(fs::read(&path).unwrap(), before);
    Connection::open(&path).unwrap().pragma_update(None, "application_id", 7).unwrap();
    assert!(foreign(&path));
}

#[test]
fn a_newer_schema_is_refused_with_both_numbers() {
    let (_folder, path) = folder();
    drop(open(&path, OpenMode::Write));
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 9).unwrap();
    for mode in [OpenMode::Read, OpenMode::Write, OpenMode::Run] {
        let error = refused(&path, mode);
        assert!(matches!(error, StoreError::Newer { found: 9, known: 2, .. }), "{error}");
    }
}

/// Root may write anywhere, so that for root the usual way is tested; both must read.
#[tokio::test]
#[cfg(unix)]
async fn a_database_in_a_folder_that_cannot_be_written_is_read() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, path) = folder();
    let ids = planned(&open(&path, OpenMode::Write), "prison", 1).await;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o555)).unwrap();
    let found = open(&path, OpenMode::Read).find_conversations(&ids[0]).await;
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(found.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_conversations_write_at_once_and_are_read_meanwhile() {
    let (_folder, path) = folder();
    let store = Arc::new(open(&path, OpenMode::Run));
    let ids = planned(store.as_ref(), "prison", 200).await;
    let writers: Vec<_> = ids
        .iter()
        .map(|id| {
            let (store, id) = (Arc::clone(&store), id.clone());
            tokio::spawn(async move { grow(store.as_ref(), &id, 4).await })
        })
        .collect();
    let reader = open(&path, OpenMode::Read);
    while writers.iter().any(|w| !w.is_finished()) {
        for id in ids.iter().step_by(40) {
            let log = reader.history(id).await.unwrap().log;
            assert!(log.iter().enumerate().all(|(at, entry)| entry.seq as usize == at), "a prefix at any moment");
        }
    }
    for (id, writer) in ids.iter().zip(writers) {
        assert_eq!(store.history(id).await.unwrap().log, writer.await.unwrap());
    }
    assert_eq!(store.verify(None).await.unwrap(), []);
}

async fn grow(store: &dyn Store, id: &str, turns: u32) -> Vec<Entry> {
    let epoch = claimed(store, id).await;
    let mut log = vec![opening()];
    store.append(id, epoch, log.clone(), None).await.unwrap();
    for number in 0..turns {
        turn(store, id, epoch, &mut log, &format!("{id} says {number}")).await;
    }
    log
}

#[tokio::test(flavor = "multi_thread")]
async fn one_failure_in_a_group_undoes_nobody_elses() {
    let (_folder, path) = folder();
    let store = Arc::new(open(&path, OpenMode::Run));
    let ids = planned(store.as_ref(), "prison", 100).await;
    let tasks: Vec<_> = (0..)
        .zip(&ids)
        .map(|(number, id)| {
            let (store, id, odd) = (Arc::clone(&store), id.clone(), number % 2 == 1);
            tokio::spawn(async move {
                let epoch = claimed(store.as_ref(), &id).await;
                store.append(&id, epoch + u64::from(odd), vec![opening()], None).await.is_ok()
            })
        })
        .collect();
    for (number, (task, id)) in (0..).zip(tasks.into_iter().zip(&ids)) {
        assert_eq!(task.await.unwrap(), number % 2 == 0);
        assert_eq!(store.history(id).await.unwrap().log.len(), 1 - number % 2);
    }
    assert_eq!(store.verify(None).await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_quota_loses_nothing_and_a_larger_one_goes_on() {
    let (folder, path) = folder();
    let store = Sqlite::open(&path, OpenMode::Run, Some(1)).unwrap().store;
    let id = &planned(&store, "prison", 1).await[0];
    let epoch = claimed(&store, id).await;
    let mut log = vec![opening()];
    store.append(id, epoch, log.clone(), None).await.unwrap();
    let error = loop {
        let answer = answered(&call(&log, NOW), &format!("{} {}", log.len(), "x".repeat(5000)));
        let entry = speech(&answer, &[]);
        match store.append(id, epoch, vec![entry.clone()], Some(answer)).await {
            Ok(_) => log.push(entry),
            Err(error) => break error,
        }
    };
    assert!(matches!(&error, StoreError::Full { cause, .. } if cause.contains("max-mb=1")), "{error}");
    assert!(log.len() > 20, "most of the quota is of use: {}", log.len());
    let size = |name: &str| fs::metadata(folder.path().join(name)).map_or(0, |m| m.len());
    for _ in 0..50 {
        let answer = answered(&call(&log, NOW), &"y".repeat(100_000));
        let again = store.append(id, epoch, vec![speech(&answer, &[])], Some(answer)).await;
        assert!(matches!(again, Err(StoreError::Full { .. })));
    }
    assert!(size("convoke.db") <= 1024 * 1024 && size("convoke.db-wal") <= 512 * 1024, "{}", size("convoke.db-wal"));
    assert_eq!(store.history(id).await.unwrap().log, log, "what was answered is there, and nothing else");
    assert_eq!(store.verify(None).await.unwrap(), []);
    drop(store);

    let store = Sqlite::open(&path, OpenMode::Run, Some(4)).unwrap().store;
    let epoch = claimed(&store, id).await;
    turn(&store, id, epoch, &mut log, "there is room again").await;
    assert_eq!(store.history(id).await.unwrap().log, log);
    assert_eq!(store.verify(None).await.unwrap(), []);
}

#[tokio::test]
async fn verify_finds_what_was_changed_behind_our_back() {
    let damages = [
        ("update messages set content = 'flipped' where seq = 1", "the request built again is not"),
        ("update messages set seq = 9 where seq = 3", "stands where entry 3 should"),
        ("update messages set day = 0 where seq = 2", "is of day 0 after day 1"),
        ("update messages set idx = 7 where seq = 2", "has index 7"),
        ("update messages set flags = 'x' where seq = 2", "cannot be read"),
        ("update messages set kind = 'shout' where seq = 2", "cannot be read"),
        ("delete from calls where seq = 2", "the call of entry 2 is missing"),
        ("update calls set state = 'sent' where seq = 2", "a call without an answer"),
        (
            "update calls set seq = 8 where seq = 2; update conversations set status = 'done'",
            "beyond the end of the log",
        ),
        ("update calls set ask = 1 where seq = 2", "is in no entry"),
        ("update calls set parameters = '{}' where seq = 2", "the request built again is not"),
        ("update calls set reply = null where seq = 2", "disagree"),
        ("update texts set text = text || ' ' where rowid = 1", "is not what was stored"),
        ("delete from texts where rowid = 1", "is missing"),
        ("update conversations set answered = 1", "its counters are not"),
        ("update conversations set flags = '[\"empty\"]'", "its counters are not"),
        ("update conversations set possible_spend = 1", "its counters are not"),
        ("update revisions set document = '{}'", "the document of revision"),
        ("pragma foreign_keys = off; delete from revisions", "that is missing"),
    ];
    for (sql, told) in damages {
        let (_folder, path) = folder();
        let store = open(&path, OpenMode::Write);
        let id = &planned(&store, "prison", 1).await[0];
        grow(&store, id, 3).await;
        assert_eq!(store.verify(None).await.unwrap(), []);
        Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        let faults = store.verify(None).await.unwrap();
        assert!(faults.iter().any(|f| f.what.contains(told)), "{sql}: {faults:?}");
        assert!(faults.iter().all(|f| f.conversation.is_empty() || f.conversation == *id));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_cells_are_planned_at_once() {
    let (_folder, path) = folder();
    let store = open(&path, OpenMode::Run);
    let started = std::time::Instant::now();
    let ids = planned(&store, "prison", 5000).await;
    assert!(started.elapsed().as_secs() < 20, "one transaction, not five thousand");
    let listed = store.conversations(&Filter::default()).await.unwrap();
    assert!(listed.iter().map(|(c, _)| &c.id).eq(&ids), "in the order of creation");
    assert_eq!(store.find_conversations("").await.unwrap().len(), 20);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// R1: whatever is appended in whatever order, the log is 0, 1, 2 … and no entry changes once it is there.
    #[test]
    fn any_appends_leave_a_prefix_that_only_grows(steps in prop::collection::vec((0u32..8, 1u32..4, 0u32..2), 1..24)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (_folder, path) = folder();
            let store = open(&path, OpenMode::Write);
            let id = &planned(&store, "prison", 1).await[0];
            let epoch = claimed(&store, id).await;
            let mut known: Vec<Entry> = Vec::new();
            for (from, length, text) in steps {
                let entries: Vec<_> = (from..from + length).map(|seq| any_entry(seq, text)).collect();
                let fits = from as usize <= known.len();
                let result = store.append(id, epoch, entries.clone(), None).await;
                assert_eq!(result.is_ok(), fits);
                let log = store.history(id).await.unwrap().log;
                assert!(log.starts_with(&known), "no entry changes");
                assert!(log.iter().zip(0..).all(|(entry, seq)| entry.seq == seq), "no hole");
                let other = result.unwrap_or_default();
                assert!(!fits || !other.is_empty() || log[from as usize..].starts_with(&entries));
                assert!(log.ends_with(&other), "what is adopted is the log's end");
                known = log;
            }
        });
    }
}

fn any_entry(seq: u32, text: u32) -> Entry {
    Entry { seq, index: seq, content: format!("{seq} {text}"), ..opening() }
}

#[tokio::test]
async fn readers_of_the_lock_do_not_stop_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("convoke.db");
    let store = open(&path, OpenMode::Run);
    let id = planned(&store, "locks", 1).await.remove(0);
    claimed(&store, &id).await;
    drop(store);
    let status = |store: Sqlite| async move { store.find_conversations("").await.unwrap().remove(0).status };
    assert_eq!(status(open(&path, OpenMode::Read)).await, Status::Interrupted, "nobody holds the lock");

    let lock = fs::File::open(folder.path().join("convoke.db.lock")).unwrap();
    lock.lock_shared().unwrap();
    let reader = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(300));
        drop(lock);
    });
    let run = open(&path, OpenMode::Run);
    reader.join().unwrap();
    assert_eq!(status(open(&path, OpenMode::Read)).await, Status::Running, "a run holds the lock");
    drop(run);
}
