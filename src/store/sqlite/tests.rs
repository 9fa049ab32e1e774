//! Tests of migrations, with lists of schemas that are older or newer than this program's.

use super::migrate::MIGRATIONS;
use super::{OpenMode, Opened, Sqlite, open};
use crate::store::{Filter, ProcessKind, Store, StoreError};
use rusqlite::Connection;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const NEXT: &str = "alter table experiments add column colour text; update experiments set colour = 'red'";
/// The schema of this program.
const KNOWN: u32 = MIGRATIONS.len() as u32;
const BROKEN: &str = "alter table experiments add column colour text; alter table nothing add column x text";

fn make_folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("convoke.db");
    Sqlite::open(&path, OpenMode::Write, None).unwrap();
    Connection::open(&path)
        .unwrap()
        .execute_batch(
            "insert into revisions values ('r', '{}');
         insert into experiments (id, name, creator, created, version, revision, run)
         values ('e', 'prison', 'ada', '2026-11-20T09:08:07.006Z', 1, 'r', '{\"replicates\":1,\"seed\":0}')",
        )
        .unwrap();
    (folder, path)
}

fn open_as(path: &Path, mode: OpenMode, later: &[&str]) -> Result<Opened, StoreError> {
    Sqlite::open_with(path, mode, None, &[MIGRATIONS, later].concat())
}

fn file_names(folder: &TempDir) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|f| f.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn an_older_schema_is_brought_up_to_date_after_a_backup() {
    let (folder, path) = make_folder();
    let migrated = open_as(&path, OpenMode::Write, &[NEXT]).unwrap().migrated.unwrap();
    assert_eq!((migrated.from, migrated.to), (KNOWN, KNOWN + 1));
    assert_eq!(migrated.backup, path.canonicalize().unwrap().with_file_name("convoke.db.schema-2.bak"));
    let colour = |p: &Path| Connection::open(p).unwrap().query_row("select colour from experiments", [], |r| r.get(0));
    assert_eq!(colour(&path), Ok("red".to_owned()));
    assert!(colour(&migrated.backup).is_err());
    let backup = Sqlite::open(&migrated.backup, OpenMode::Read, None).unwrap().store;
    assert_eq!(backup.experiments().await.unwrap()[0].0.name, "prison");
    assert!(open_as(&path, OpenMode::Run, &[NEXT]).unwrap().migrated.is_none(), "once");
    let old = Sqlite::open(&path, OpenMode::Read, None).map(|_| ()).unwrap_err();
    assert!(matches!(old, StoreError::Newer { found: 3, known: KNOWN, .. }), "the older program refuses");
    assert_eq!(file_names(&folder), ["convoke.db", "convoke.db.lock", "convoke.db.schema-2.bak"]);
}

#[test]
fn a_backup_never_overwrites_another() {
    let (folder, path) = make_folder();
    fs::write(folder.path().join("convoke.db.schema-2.bak"), "precious").unwrap();
    let migrated = open_as(&path, OpenMode::Run, &[NEXT]).unwrap().migrated.unwrap();
    assert!(migrated.backup.ends_with("convoke.db.schema-2.bak.2"));
    assert_eq!(fs::read(folder.path().join("convoke.db.schema-2.bak")).unwrap(), b"precious");
}

#[tokio::test]
async fn reading_migrates_nothing() {
    let (folder, path) = make_folder();
    let before = fs::read(&path).unwrap();
    let opened = open_as(&path, OpenMode::Read, &[NEXT]).unwrap();
    assert!(opened.migrated.is_none());
    assert_eq!(opened.store.experiments().await.unwrap()[0].0.name, "prison");
    drop(opened);
    assert!(fs::read(&path).unwrap() == before);
    assert_eq!(file_names(&folder), ["convoke.db"]);
}

/// Makes a file of schema 1 with one conversation of two entries and a run.
fn of_schema_1() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("convoke.db");
    Sqlite::open_with(&path, OpenMode::Write, None, &MIGRATIONS[..1]).unwrap();
    Connection::open(&path).unwrap().execute_batch(ROWS).unwrap();
    (folder, path)
}

const ROWS: &str = r#"
    insert into revisions values ('r', '{}');
    insert into experiments (id, name, creator, created, version, revision, run)
        values ('e', 'prison', 'ada', '2026-11-20T09:08:07.006Z', 1, 'r', '{"replicates":1,"seed":0}');
    insert into conversations (id, experiment, revision, key, creator, created, condition, replicate, seed, status,
            models, agents, participants, messages, days, speakers, starting_message, offline, starred, retries, entries)
        values ('c', 'e', 'r', 'k', 'ada', '2026-11-20T09:08:07.006Z', '[]', 1, '7', 'done', '[]', '[]', '[]', 2, 1,
            'round-robin', 'Go', 0, 0, 0, 2),
            ('d', 'e', 'r', 'l', 'ada', '2026-11-20T09:08:07.006Z', '[]', 2, '7', 'pending', '[]', '[]', '[]', 2, 1,
            'round-robin', 'Go', 0, 0, 0, 0);
    insert into messages (conversation, seq, day, idx, kind, speaker, content, flags)
        values ('c', 0, 1, 0, 'opening', 'Researcher', 'Go', '[]'), ('c', 1, 1, 1, 'opening', 'Researcher', 'Go', '[]');
    insert into runs values ('x', 'e', 'r', '2026-11-20T09:08:07.006Z', 'ada', '[]', '[]', '[]', '0.1.0', null);
"#;

/// Returns as text everything that two schemas may store differently.
async fn all_of(store: &Sqlite) -> String {
    use std::fmt::Write;
    let of = Filter { experiment: Some("e".to_owned()), ..Filter::default() };
    let questions = Filter { kind: ProcessKind::Question, ..of.clone() };
    let mut all = format!("{:?}\n", store.experiments().await.unwrap());
    writeln!(all, "{:?}", store.conversations(&of).await.unwrap()).unwrap();
    writeln!(all, "{:?}", store.page(&of, "", 10).await.unwrap()).unwrap();
    writeln!(all, "{:?}", store.standing("e", ProcessKind::Conversation).await.unwrap()).unwrap();
    writeln!(all, "{:?}", store.unfinished("e").await.unwrap()).unwrap();
    writeln!(all, "{:?}", store.news(&[("c".to_owned(), 0)]).await.unwrap()).unwrap();
    writeln!(all, "{:?}", store.find_conversations("c").await.unwrap()).unwrap();
    writeln!(all, "{:?}", store.history("c").await.unwrap()).unwrap();
    writeln!(all, "{:?}", store.runs("e").await.unwrap()).unwrap();
    writeln!(all, "{:?}", store.verify(None).await.unwrap()).unwrap();
    assert_eq!(store.conversations(&questions).await.unwrap(), []);
    assert_eq!(store.standing("e", ProcessKind::Question).await.unwrap(), []);
    all
}

/// A connection can read the file even if another process migrates it after the connection was opened.
#[tokio::test]
async fn an_older_schema_reads_as_the_current_one() {
    let (_folder, path) = of_schema_1();
    let before = fs::read(&path).unwrap();
    let reader = Sqlite::open(&path, OpenMode::Read, None).unwrap().store;
    let read = all_of(&reader).await;
    assert!(read.contains("left: 1") && read.contains("kind: Run") && read.contains("seq: 1"), "{read}");
    assert!(fs::read(&path).unwrap() == before);
    let migrated = Sqlite::open(&path, OpenMode::Write, None).unwrap();
    assert_eq!(migrated.migrated.map(|m| (m.from, m.to)), Some((1, KNOWN)));
    assert_eq!(all_of(&migrated.store).await, read);
    let sql =
        "update conversations set kind = 'question', question = '{\"text\":\"Why?\",\"role\":\"a\",\"agents\":[]}'
         where id = 'd'";
    Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    let of = Filter { experiment: Some("e".to_owned()), kind: ProcessKind::Question, ..Filter::default() };
    let question = reader.conversations(&of).await.unwrap().remove(0).0;
    assert_eq!((question.id.as_str(), question.question.unwrap().text.as_str()), ("d", "Why?"));
    assert_eq!(reader.standing("e", ProcessKind::Conversation).await.unwrap().len(), 1);
}

/// Listing experiments and counting finished conversations read the index alone.
#[test]
fn counting_reads_no_conversation() {
    let (_folder, path) = of_schema_1();
    drop(Sqlite::open(&path, OpenMode::Write, None).unwrap());
    let conn = Connection::open(&path).unwrap();
    for sql in [
        super::read::COUNTS,
        "select revision, count(*) from conversations
         where experiment = 'e' and kind = 'conversation' and status = 'done' group by revision",
    ] {
        let mut statement = conn.prepare(&format!("explain query plan {sql}")).unwrap();
        let plan: Vec<String> = statement.query_map([], |row| row.get(3)).unwrap().map(Result::unwrap).collect();
        let index = "USING COVERING INDEX conversations_by_status";
        assert!(plan.iter().any(|step| step.contains(index)), "{plan:?}");
    }
}

#[test]
fn a_migration_that_fails_changes_nothing() {
    let (_folder, path) = make_folder();
    assert!(open_as(&path, OpenMode::Run, &[BROKEN]).is_err());
    let again = Sqlite::open(&path, OpenMode::Run, None).unwrap();
    assert!(again.migrated.is_none());
    drop(again);
    assert!(open_as(&path, OpenMode::Run, &[NEXT]).unwrap().migrated.is_some());
}

#[test]
fn nothing_is_migrated_under_a_run() {
    let (_folder, path) = make_folder();
    let run = Sqlite::open(&path, OpenMode::Run, None).unwrap();
    assert!(matches!(open_as(&path, OpenMode::Write, &[NEXT]), Err(StoreError::Locked { .. })));
    drop(run);
    assert!(open_as(&path, OpenMode::Write, &[NEXT]).is_ok());
}

/// Root can write to any folder, so this test calls the fallback for read-only folders directly.
#[test]
fn a_file_that_nobody_writes_is_read_as_it_stands() {
    let (folder, path) = make_folder();
    let odd = folder.path().join("a ?#%20 ü.db");
    fs::rename(&path, &odd).unwrap();
    let conn = open::open_immutable(&odd).unwrap();
    let name: String = conn.query_row("select name from experiments", [], |row| row.get(0)).unwrap();
    assert_eq!(name, "prison");
    assert_eq!(file_names(&folder), ["a ?#%20 ü.db"], "nothing is made beside it");
}
