//! The use cases as a viewer would call them: no command line, no terminal, no process of their own. One story, on a
//! file and on a server.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

use convoke::design::edit::Changes;
use convoke::design::{Experiment, Overrides};
use convoke::exchange::{Rows, Table, TableOptions};
use convoke::lab::change::changed_document;
use convoke::lab::export::TableExport;
use convoke::lab::{
    About, Asking, Criteria, Ending, Lab, LabError, Launch, Named, Narrowing, Outcome, Progress, Running, Selection,
    Servers, Stop, Target, Who, examples,
};
use convoke::model::{Server, ServerKind};
use convoke::run::Event;
use convoke::store::mongodb::Mongo;
use convoke::store::sqlite::{OpenMode, Sqlite};
use convoke::store::{MongoUri, ProcessKind, Status, Store, StoreError, StoreUri};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// A database that each process opens.
enum Place {
    File(PathBuf),
    Server(MongoUri),
}

impl Place {
    async fn open(&self, mode: OpenMode) -> Arc<dyn Store> {
        let path = match self {
            Self::Server(uri) => return Arc::new(Mongo::open(uri, mode).await.unwrap()),
            Self::File(path) => path,
        };
        // Work in flight of a killed run keeps the file open a moment longer.
        for _ in 0..50 {
            match Sqlite::open(path, mode, None) {
                Ok(opened) => return Arc::new(opened.store),
                Err(StoreError::Locked { .. }) => tokio::time::sleep(Duration::from_millis(100)).await,
                Err(error) => panic!("{error}"),
            }
        }
        panic!("the file stays locked")
    }

    /// The use cases in a process with this id, which may run.
    async fn lab(&self, pid: u32) -> Lab {
        self.lab_for(OpenMode::Run, pid).await
    }

    async fn lab_for(&self, mode: OpenMode, pid: u32) -> Lab {
        Lab {
            store: self.open(mode).await,
            who: Who { creator: "ada".to_owned(), host: "here".to_owned(), boot: "boot".to_owned(), pid },
            servers: Servers { usable: vec![scripted()], ..Servers::default() },
            folder: PathBuf::from("nowhere"),
            clock: now,
            random: number,
        }
    }
}

fn scripted() -> Server {
    Server::new("scripted", ServerKind::Scripted, "http://127.0.0.1").unwrap()
}

fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

fn number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0x1234_5678_9abc_def0);
    NEXT.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed)
}

/// An id of no process: its leases are taken at once.
const GONE: u32 = 4_000_000;

fn study() -> Experiment {
    let servers = Servers { usable: vec![scripted()], ..Servers::default() };
    let files = examples::example_files("study", Some("debate")).unwrap();
    let mut experiment = convoke::design::check::check(&files, &Servers::default().known_servers()).experiment.unwrap();
    let models = Changes { models: vec!["scripted".to_owned()], ..Changes::default() };
    experiment.run.replicates = 2;
    changed_document(&experiment, &models, &servers).unwrap().0
}

fn launch() -> (Launch, UnboundedReceiver<Event>) {
    let (events, received) = unbounded_channel();
    let how = Launch {
        server_wait: convoke::run::ServerWait::default(),
        max_calls: None,
        max_time: None,
        jobs: Some(2),
        max_retries: 1,
        retry_failed: false,
        more: None,
        is_talk: false,
        script: None,
        pull: false,
        store_wait: Duration::ZERO,
        grace: Duration::ZERO,
        flags: Vec::new(),
        person: None,
        events,
        stop: Stop::default(),
    };
    (how, received)
}

async fn running(lab: &Lab, overrides: Overrides, yes: &[String]) -> Result<Progress<Running>, LabError> {
    lab.launch_run(lab.plan_stored("study", overrides).await?, launch().0, yes).await
}

fn done<T>(progress: Progress<T>) -> T {
    match progress {
        Progress::Done(result) => result,
        Progress::Needs(question) => panic!("asked about {:?}", question.about),
    }
}

fn question<T>(progress: Progress<T>) -> (About, String) {
    match progress {
        Progress::Done(_) => panic!("nothing was asked"),
        Progress::Needs(question) => (question.about, question.seen),
    }
}

/// Runs to the end.
async fn finish(lab: &Lab) -> Outcome {
    done(running(lab, Overrides::default(), &[]).await.unwrap()).work_through().await
}

/// Starts a run and drops it in the middle: nothing is finished, settled or released.
async fn killed_after(lab: &Lab, entries: usize) {
    let (how, mut received) = launch();
    let planned = lab.plan_stored("study", Overrides::default()).await.unwrap();
    let work = done(lab.launch_run(planned, how, &[]).await.unwrap()).work_through();
    let until = async {
        let mut seen = 0;
        while seen < entries {
            seen += usize::from(matches!(received.recv().await, Some(Event::Entry { .. })));
        }
    };
    tokio::select! {
        _ = work => panic!("it ended before it was killed"),
        () = until => {}
    }
}

fn table<'a>(selection: &'a Selection, rows: Rows<'a>) -> TableExport<'a> {
    TableExport { experiment: &selection.record, rows, table: Table::Jsonl, options: TableOptions::default() }
}

async fn exported(lab: &Lab) -> String {
    let selection = lab.select_conversations("study", &Criteria::everything()).await.unwrap();
    let mut out = Vec::new();
    lab.export_table(table(&selection, Rows::Entries(&selection.of)), &mut out).await.unwrap();
    String::from_utf8(out).unwrap()
}

/// Brings one conversation that was killed to its end, and leaves the others alone.
async fn resume_one(lab: &Lab, experiment: &str) {
    let standing = async || lab.store.standing(experiment, ProcessKind::Conversation).await.unwrap();
    let before = standing().await;
    let killed = before.iter().find(|s| s.begun && s.status != Status::Done).unwrap();
    let (conversation, record) = lab.conversation_named(&killed.id).await.unwrap().unwrap();
    let planned = lab.resume_plan(&conversation, record).await.unwrap();
    let outcome = done(lab.launch_run(planned, launch().0, &[]).await.unwrap()).work_through().await;
    assert_eq!((outcome.ending(), outcome.done), (Ending::Done, 1), "{:?}", outcome.summary);
    for (before, after) in before.iter().zip(standing().await) {
        let is_it = before.id == killed.id;
        assert_eq!((before == &after, after.status == Status::Done), (!is_it, is_it || before.status == Status::Done));
    }
}

/// Two sessions of one person change an experiment: an outdated answer is asked again.
async fn change(place: &Place) {
    let (mine, other) = (place.lab_for(OpenMode::Write, 2).await, place.lab_for(OpenMode::Write, 3).await);
    let Target::Experiment(seen) = mine.find_target("study").await.unwrap() else { panic!("a conversation") };
    let section =
        |title: &str, text: &str| Changes { sections: vec![(title.to_owned(), text.to_owned())], ..Changes::default() };
    done(other.edit_experiment(&seen, &section("Rules", "Theirs."), None, &[]).await.unwrap());
    let my_change = section("moderator/Style", "Mine.");
    let (about, first) = question(mine.edit_experiment(&seen, &my_change, None, &[]).await.unwrap());
    assert!(matches!(about, About::ChangedMeanwhile { found: 2, replaces: false, .. }), "{about:?}");
    let Target::Experiment(now) = other.find_target("study").await.unwrap() else { panic!("a conversation") };
    done(other.edit_experiment(&now, &section("Rules", "Theirs again."), None, &[]).await.unwrap());
    let answers = [first.clone()];
    let (about, second) = question(mine.edit_experiment(&seen, &my_change, None, &answers).await.unwrap());
    assert_ne!(first, second);
    assert!(matches!(about, About::ChangedMeanwhile { found: 3, .. }), "{about:?}");
    let edited = done(mine.edit_experiment(&seen, &my_change, None, &[second]).await.unwrap());
    assert!(edited.is_changed && edited.behind > 0);
    let document = mine.load_document(&edited.record).await.unwrap();
    let text = format!("{document:?}");
    assert!(text.contains("Theirs again.") && text.contains("Mine."), "both changes are kept");
}

/// The answers to all questions, in the order of an export.
async fn answers(lab: &Lab) -> String {
    let selection = lab.select_conversations("study", &Criteria::everything()).await.unwrap();
    let (questions, mut out) = (lab.select_questions(&selection).await.unwrap(), Vec::new());
    lab.export_table(table(&selection, Rows::Answers(&questions)), &mut out).await.unwrap();
    String::from_utf8(out).unwrap()
}

fn why() -> Asking {
    Asking { what: "study".to_owned(), questions: vec!["Why?".to_owned()], again: 2, ..Asking::default() }
}

/// Asks every agent twice; the first run is dropped in its middle.
async fn ask(place: &Place) {
    let lab = place.lab(GONE).await;
    let before = exported(&lab).await;
    let plan = lab.plan_questions(why()).await.unwrap();
    let numbers = plan.count_numbers(false);
    assert!(numbers.calls > 10 && numbers.left == numbers.calls && numbers.done == 0, "{numbers:?}");
    let (how, mut received) = launch();
    let work = lab.launch_questions(&plan, how).await.unwrap().work_through();
    let until = async {
        let mut seen = 0;
        while seen < 5 {
            seen += usize::from(matches!(received.recv().await, Some(Event::Entry { called: true, .. })));
        }
    };
    tokio::select! {
        _ = work => panic!("it ended before it was killed"),
        () = until => {}
    }
    drop(lab);
    let lab = place.lab(1).await;
    let plan = lab.plan_questions(why()).await.unwrap();
    let left = plan.count_numbers(false).left;
    assert!(left < numbers.calls, "what was answered is kept");
    let outcome = lab.launch_questions(&plan, launch().0).await.unwrap().work_through().await;
    assert_eq!((outcome.ending(), outcome.done), (Ending::Done, numbers.questions), "{:?}", outcome.summary);
    assert_eq!(answers(&lab).await.lines().count() as u64, numbers.calls);
    assert_eq!(lab.plan_questions(why()).await.unwrap().count_numbers(false).left, 0);
    assert_eq!(exported(&lab).await, before, "the conversations are only read");
    let verified = lab.verify_store(None).await.unwrap();
    assert!(verified.faults.is_empty() && verified.questions == numbers.questions, "{verified:?}");
    let again = finish(&lab).await;
    assert_eq!((again.ending(), again.summary.calls), (Ending::Done, 0), "a run sees no question");
}

async fn story(place: &Place, beside: &Path) {
    let lab = place.lab(GONE).await;
    let record = lab.create_experiment(study(), None).await.unwrap();
    let twice = lab.create_experiment(study(), None).await;
    assert!(matches!(twice, Err(LabError::Store(StoreError::Exists { .. }))));
    let undeclared = Narrowing { models: vec!["nobody/x".to_owned()], ..Narrowing::default() };
    let planned = lab.plan_stored("study", undeclared.read_overrides().unwrap()).await;
    assert!(planned.is_ok(), "a server that is not declared here can be planned with");
    killed_after(&lab, 20).await;
    drop(lab);

    let lab = place.lab(1).await;
    assert!(!exported(&lab).await.is_empty());
    resume_one(&lab, &record.id).await;
    let outcome = finish(&lab).await;
    assert_eq!((outcome.ending(), outcome.failed, outcome.left), (Ending::Done, 0, 0), "{:?}", outcome.summary);
    assert!(outcome.done > 2);
    let again = finish(&lab).await;
    assert_eq!((again.ending(), again.summary.calls), (Ending::Done, 0), "nothing was missing");
    assert!(lab.verify_store(None).await.unwrap().faults.is_empty());
    drop(lab);
    ask(place).await;
    let lab = place.lab(1).await;

    let undisturbed = Place::File(beside.join("undisturbed.db")).lab(1).await;
    undisturbed.create_experiment(study(), None).await.unwrap();
    finish(&undisturbed).await;
    assert_eq!(exported(&lab).await, exported(&undisturbed).await, "a kill leaves no trace in the data");

    let copy = Place::File(beside.join("copy.db")).lab(1).await;
    let mut copied = convoke::exchange::copy::Copied::default();
    lab.copy_to(&copy, &mut |_| {}, &mut copied).await.unwrap();
    assert_eq!((copied.conflicts.len(), exported(&copy).await), (0, exported(&lab).await));
    assert_eq!(answers(&copy).await, answers(&lab).await);
    drop(lab);

    change(place).await;
    let lab = place.lab(1).await;
    let (about, seen) = question(running(&lab, Overrides::default(), &[]).await.unwrap());
    let About::LeaveBehind { conversations, .. } = about else { panic!("{about:?}") };
    assert_eq!(conversations, outcome.done);
    let outcome = done(running(&lab, Overrides::default(), &[seen]).await.unwrap()).work_through().await;
    assert_eq!(outcome.ending(), Ending::Done, "{:?}", outcome.summary);

    let target = lab.find_own("study").await.unwrap();
    let (about, seen) = question(lab.delete_target(&target, &[]).await.unwrap());
    assert!(matches!(about, About::Delete { target: Named::Experiment(_), .. }), "{about:?}");
    done(lab.delete_target(&target, &[seen]).await.unwrap());
    assert!(matches!(lab.find_target(&record.id).await, Err(LabError::NotFound { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_can_do_everything_on_a_file() {
    let folder = tempfile::tempdir().unwrap();
    story(&Place::File(folder.path().join("convoke.db")), folder.path()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_can_do_everything_on_a_server() {
    const VARIABLE: &str = "CONVOKE_TEST_MONGODB_URI";
    let Some(address) = std::env::var(VARIABLE).ok().filter(|v| !v.is_empty()) else {
        assert!(std::env::var_os("CONVOKE_TEST_REQUIRE_SERVERS").is_none(), "{VARIABLE} is unset");
        eprintln!("SKIPPED: {VARIABLE} is unset");
        return;
    };
    let StoreUri::Mongo(mut uri) = address.parse().unwrap() else { panic!("{address} is no MongoDB") };
    let name = format!("convoke_test_lab_{:x}", now());
    uri.database = Some(name.clone());
    let folder = tempfile::tempdir().unwrap();
    story(&Place::Server(uri), folder.path()).await;
    let client = mongodb::Client::with_uri_str(&address).await.unwrap();
    client.database(&name).drop().await.unwrap();
}
