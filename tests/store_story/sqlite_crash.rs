//! Death without notice: this test binary starts itself as a child, which writes until it is killed.

use crate::fixtures::*;
use crate::sqlite::{folder, open};
use convoke::store::sqlite::{OpenMode, Sqlite};
use convoke::store::{Store, StoreError};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Set in the child only: where its database is.
const CHILD: &str = "CONVOKE_TEST_CHILD_STORE";
const TURNS: usize = 12;

/// Not a test in the parent; in the child, a run that never ends by itself.
#[test]
fn child() {
    let Ok(path) = std::env::var(CHILD) else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
    runtime.block_on(async {
        let store = open(Path::new(&path), OpenMode::Run);
        let id = &store.find_conversations("").await.unwrap()[0].id;
        let epoch = claimed(&store, id).await;
        let mut log = store.history(id).await.unwrap().log;
        if log.is_empty() {
            log.push(opening());
            store.append(id, epoch, log.clone(), None).await.unwrap();
        }
        loop {
            let words = "word ".repeat(log.len());
            turn(&store, id, epoch, &mut log, &words).await;
            // Shown means stored: only now is it told.
            println!("stored {}", log.len());
        }
    });
}

fn start(path: &Path) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "sqlite_crash::child", "--nocapture"]).env(CHILD, path);
    command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

/// Lets the child store some turns, kills it, and says how many it told of.
fn kill_after(mut child: Child, path: &Path, turns: usize) -> usize {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut told = lines.filter_map(|line| line.strip_prefix("stored ").and_then(|n| n.parse::<usize>().ok()));
    let last = told.nth(turns - 1).unwrap();
    let locked = Sqlite::open(path, OpenMode::Run, None).map(drop);
    let holder = format!("convoke (pid {})", child.id());
    assert!(matches!(locked, Err(StoreError::Locked { holder: h, .. }) if h == holder));
    child.kill().unwrap();
    child.wait().unwrap();
    told.last().unwrap_or(last)
}

#[test]
fn a_kill_leaves_a_prefix_with_all_that_was_shown() {
    let (_folder, path) = folder();
    let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
    let id = runtime.block_on(async { planned(&open(&path, OpenMode::Write), "prison", 1).await.remove(0) });
    let mut before = 0;
    for _ in 0..3 {
        let told = kill_after(start(&path), &path, TURNS);
        let store = open(&path, OpenMode::Read);
        let history = runtime.block_on(store.history(&id)).unwrap();
        let length = history.log.len();
        assert!(length >= told && told > before, "shown means stored: {length} of {told}");
        assert!(length <= told + 1 && history.open.len() <= 1, "at most one turn was in flight");
        assert!(history.log.iter().enumerate().all(|(at, entry)| entry.seq as usize == at));
        assert_eq!(runtime.block_on(store.verify(None)).unwrap(), []);
        before = length;
    }
}
