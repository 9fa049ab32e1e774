//! Migrations, with lists of schemas from before and after this program's.

use super::migrate::MIGRATIONS;
use super::{OpenMode, Opened, Sqlite, open};
use crate::store::{Store, StoreError};
use rusqlite::Connection;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const NEXT: &str = "alter table experiments add column colour text; update experiments set colour = 'red'";
const BROKEN: &str = "alter table experiments add column colour text; alter table nothing add column x text";

fn folder() -> (TempDir, PathBuf) {
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

fn names(folder: &TempDir) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|f| f.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn an_older_schema_is_brought_up_to_date_after_a_backup() {
    let (folder, path) = folder();
    let migrated = open_as(&path, OpenMode::Write, &[NEXT]).unwrap().migrated.unwrap();
    assert_eq!((migrated.from, migrated.to), (1, 2));
    assert_eq!(migrated.backup, path.canonicalize().unwrap().with_file_name("convoke.db.schema-1.bak"));
    let colour = |p: &Path| Connection::open(p).unwrap().query_row("select colour from experiments", [], |r| r.get(0));
    assert_eq!(colour(&path), Ok("red".to_owned()));
    assert!(colour(&migrated.backup).is_err());
    let backup = Sqlite::open(&migrated.backup, OpenMode::Read, None).unwrap().store;
    assert_eq!(backup.experiments().await.unwrap()[0].0.name, "prison");
    assert!(open_as(&path, OpenMode::Run, &[NEXT]).unwrap().migrated.is_none(), "once");
    let old = Sqlite::open(&path, OpenMode::Read, None).map(|_| ()).unwrap_err();
    assert!(matches!(old, StoreError::Newer { found: 2, known: 1, .. }), "the older program refuses");
    assert_eq!(names(&folder), ["convoke.db", "convoke.db.lock", "convoke.db.schema-1.bak"]);
}

#[test]
fn a_backup_never_overwrites_another() {
    let (folder, path) = folder();
    fs::write(folder.path().join("convoke.db.schema-1.bak"), "precious").unwrap();
    let migrated = open_as(&path, OpenMode::Run, &[NEXT]).unwrap().migrated.unwrap();
    assert!(migrated.backup.ends_with("convoke.db.schema-1.bak.2"));
    assert_eq!(fs::read(folder.path().join("convoke.db.schema-1.bak")).unwrap(), b"precious");
}

#[test]
fn reading_migrates_nothing_and_says_what_does() {
    let (folder, path) = folder();
    let error = open_as(&path, OpenMode::Read, &[NEXT]).map(|_| ()).unwrap_err();
    assert!(matches!(error, StoreError::Older { found: 1, known: 2, .. }));
    assert!(error.to_string().contains("`convoke run`"), "{error}");
    assert_eq!(names(&folder), ["convoke.db"]);
}

#[test]
fn a_migration_that_fails_changes_nothing() {
    let (_folder, path) = folder();
    assert!(open_as(&path, OpenMode::Run, &[BROKEN]).is_err());
    let again = Sqlite::open(&path, OpenMode::Run, None).unwrap();
    assert!(again.migrated.is_none());
    drop(again);
    assert!(open_as(&path, OpenMode::Run, &[NEXT]).unwrap().migrated.is_some());
}

#[test]
fn nothing_is_migrated_under_a_run() {
    let (_folder, path) = folder();
    let run = Sqlite::open(&path, OpenMode::Run, None).unwrap();
    assert!(matches!(open_as(&path, OpenMode::Write, &[NEXT]), Err(StoreError::Locked { .. })));
    drop(run);
    assert!(open_as(&path, OpenMode::Write, &[NEXT]).is_ok());
}

/// The way that is taken where a folder cannot be written; root can write any, so it is tested here by itself.
#[test]
fn a_file_that_nobody_writes_is_read_as_it_stands() {
    let (folder, path) = folder();
    let odd = folder.path().join("a ?#%20 ü.db");
    fs::rename(&path, &odd).unwrap();
    let conn = open::frozen(&odd).unwrap();
    let name: String = conn.query_row("select name from experiments", [], |row| row.get(0)).unwrap();
    assert_eq!(name, "prison");
    assert_eq!(names(&folder), ["a ?#%20 ü.db"], "nothing is made beside it");
}
