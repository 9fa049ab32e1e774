//! The story on real servers of the MongoDB protocol, which variables name. Each test makes databases of its own,
//! `convoke_test_…`, and drops them.

use crate::asked::{answer_all, ask};
use crate::fixtures::{
    NOW, answered, call, claimed, document, new_experiment, opening, planned, run_record, speech, spoken,
};
use crate::story::the_story;
use convoke::design::person_file::PersonFile;
use convoke::design::{Named, Policy};
use convoke::process::Flag;
use convoke::process::prompt::{Part, Range};
use convoke::store::mongodb::Mongo;
use convoke::store::sqlite::OpenMode;
use convoke::store::{Counts, End, Filter, Item, MongoUri, ProcessKind, Status, Store, StoreUri};
use mongodb::Client;
use mongodb::bson::{Document, doc};
use std::sync::Arc;

/// A database that is dropped in the end.
pub struct Scratch {
    pub uri: MongoUri,
    address: String,
    name: String,
}

/// The server that a variable names; none where it is unset.
pub fn server(variable: &str) -> Option<String> {
    let address = std::env::var(variable).ok().filter(|v| !v.is_empty());
    if address.is_none() {
        assert!(std::env::var_os("CONVOKE_TEST_REQUIRE_SERVERS").is_none(), "{variable} is unset");
        eprintln!("SKIPPED: {variable} is unset");
    }
    address
}

impl Scratch {
    pub fn new(address: &str) -> Self {
        let name = format!("convoke_test_{:016x}", rand());
        let StoreUri::Mongo(mut uri) = address.parse().unwrap() else { panic!("{address} is no MongoDB") };
        uri.database = Some(name.clone());
        Self { uri, address: address.to_owned(), name }
    }

    pub async fn open(&self, mode: OpenMode) -> Arc<Mongo> {
        Arc::new(Mongo::open(&self.uri, mode).await.unwrap())
    }

    pub async fn database(&self) -> mongodb::Database {
        Client::with_uri_str(&self.address).await.unwrap().database(&self.name)
    }

    pub async fn drop(self) {
        self.database().await.drop().await.unwrap();
    }
}

fn rand() -> u64 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    RandomState::new().build_hasher().finish()
}

async fn told(variable: &str) {
    let Some(address) = server(variable) else { return };
    let scratch = Scratch::new(&address);
    the_story(scratch.open(OpenMode::Run).await).await;
    scratch.drop().await;
}

/// The end of a run leaves how things stand in few documents; whatever changes that takes them away first.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_end_of_a_run_leaves_is_how_things_stand() {
    let Some(address) = server("CONVOKE_TEST_MONGODB_URI") else { return };
    let scratch = Scratch::new(&address);
    let (store, database) = (scratch.open(OpenMode::Run).await, scratch.database().await);
    let ids = planned(&*store, "many", 1100).await;
    let record = store.experiment("ada", "many").await.unwrap().unwrap();
    let (id, revision) = (record.id.as_str(), record.revision.as_str());
    let heads = || async { database.collection::<Document>("snapshots").count_documents(doc! {}).await.unwrap() };
    let counts = || async { store.experiments().await.unwrap()[0].1 };

    let before = store.standing(id, ProcessKind::Conversation).await.unwrap();
    store.begin_run(run_record("first", id, revision, NOW)).await.unwrap();
    store.begin_run(run_record("other", id, revision, NOW)).await.unwrap();
    store.end_run("first", "done").await.unwrap();
    assert_eq!(heads().await, 0, "another run goes on");
    store.end_run("other", "done").await.unwrap();
    assert_eq!(heads().await, 1);
    assert_eq!(
        store.standing(id, ProcessKind::Conversation).await.unwrap(),
        before,
        "1100 conversations in two pieces, in the same order"
    );
    assert_eq!(counts().await, Counts { done: 0, failed: 0, left: 1100, ..Counts::default() });
    store.plan(id, revision, &[before[0].key.clone()], Vec::new()).await.unwrap();
    assert_eq!(heads().await, 1, "nothing changed");

    let epoch = claimed(&*store, &ids[7]).await;
    assert_eq!(heads().await, 0, "a claim changes how it stands");
    store.finish(&ids[7], epoch, End::new(Status::Done, None)).await.unwrap();
    assert_eq!(counts().await, Counts { done: 1, failed: 0, left: 1099, ..Counts::default() });
    store.end_run("other", "done").await.unwrap();
    assert_eq!((heads().await, counts().await), (1, Counts { done: 1, failed: 0, left: 1099, ..Counts::default() }));
    let mut standing = before;
    standing[7].status = Status::Done;
    assert_eq!(store.standing(id, ProcessKind::Conversation).await.unwrap(), standing);

    let next = store.save(new_experiment("-", "ada", document("many", "another text", None))).await.unwrap();
    store.plan(id, &next.revision, &[standing[7].key.clone()], Vec::new()).await.unwrap();
    assert_eq!(
        (heads().await, counts().await),
        (0, Counts { done: 1, failed: 0, left: 0, older: 1099, ..Counts::default() })
    );
    store.end_run("other", "done").await.unwrap();
    store.delete(&Item::Conversation(ids[7].clone()), "ada").await.unwrap();
    assert_eq!((heads().await, counts().await), (0, Counts { older: 1099, ..Counts::default() }));
    scratch.drop().await;
}

/// A colleague's older program goes on beside this one until something is stored that it cannot understand.
#[tokio::test(flavor = "multi_thread")]
async fn the_schema_is_raised_by_the_first_write_that_needs_it() {
    let Some(address) = server("CONVOKE_TEST_MONGODB_URI") else { return };
    let scratch = Scratch::new(&address);
    let (store, database) = (scratch.open(OpenMode::Run).await, scratch.database().await);
    let meta = database.collection::<Document>("convoke");
    let conversations = database.collection::<Document>("conversations");
    let schema = || async { meta.find_one(doc! {}).await.unwrap().unwrap().get("schema").unwrap().to_string() };
    let indexes = || async { conversations.list_index_names().await.unwrap().len() };
    let ids = planned(&*store, "prison", 1).await;
    let (about, log) = spoken(&*store, &ids[0]).await;
    let before = conversations.find_one(doc! { "_id": &about.id }).await.unwrap().unwrap();
    for absent in ["kind", "subject", "question"] {
        assert!(!before.contains_key(absent), "{absent}");
    }
    assert_eq!((schema().await, indexes().await), ("1".to_owned(), 5));
    let colleague = scratch.open(OpenMode::Run).await;

    let id = ask(&*store, &about, "Why?", 1).await;
    assert_eq!((schema().await, indexes().await), ("2".to_owned(), 6));
    answer_all(&*store, &id, &log, "Why?", 1).await;
    let counted = colleague.experiments().await.unwrap()[0].1;
    assert_eq!(counted, Counts { done: 1, failed: 0, left: 0, ..Counts::default() }, "also by who opened it before");
    assert_eq!(conversations.find_one(doc! { "_id": &about.id }).await.unwrap().unwrap(), before);
    let ended = database.collection::<Document>("claims").find_one(doc! { "conversation": &id, "epoch": 2 }).await;
    assert_eq!(ended.unwrap().unwrap().get_document("end").unwrap().get_str("ended_by").unwrap(), "answered");
    scratch.drop().await;
}

async fn is_raised(database: &mongodb::Database) -> bool {
    let meta = database.collection::<Document>("convoke").find_one(doc! {}).await.unwrap().unwrap();
    meta.get("schema").unwrap().to_string() == "2"
}

/// Entries, recipes and flags of new kinds raise it too, and so does a document with a key that schema 1 lacks.
#[tokio::test(flavor = "multi_thread")]
async fn what_schema_1_lacks_raises_it() {
    let Some(address) = server("CONVOKE_TEST_MONGODB_URI") else { return };
    for change in 0..9 {
        let scratch = Scratch::new(&address);
        let store = scratch.open(OpenMode::Run).await;
        let id = planned(&*store, "prison", 1).await.remove(0);
        let epoch = claimed(&*store, &id).await;
        store.append(&id, epoch, vec![opening()], None).await.unwrap();
        assert!(!is_raised(&scratch.database().await).await);
        let mut call = call(&[opening()], NOW);
        match change {
            0 => {
                let more = serde_json::from_value(serde_json::json!({ "to": ["Guard_1"] })).unwrap();
                let entry = convoke::process::log::Entry { seq: 1, index: 1, more: Some(more), ..opening() };
                store.append(&id, epoch, vec![entry.clone()], None).await.unwrap();
                assert_eq!(store.history(&id).await.unwrap().log[1], entry);
            }
            1 => {
                call.view.parts =
                    vec![Part::Text("More.".to_owned()), Part::Entries { ranges: vec![Range { from: 0, to: 1 }] }];
                store.sent(&id, epoch, call.clone()).await.unwrap();
                assert_eq!(store.calls(&id).await.unwrap(), [call]);
            }
            2 => {
                call.view.subject = true;
                store.settle(&id, epoch, answered(&call, "Yes.")).await.unwrap();
            }
            3 => {
                call.view.alternate = true;
                store.sent(&id, epoch, call.clone()).await.unwrap();
                assert_eq!(store.calls(&id).await.unwrap(), [call]);
            }
            4 => {
                call.view.filled = true;
                store.sent(&id, epoch, call.clone()).await.unwrap();
                assert_eq!(store.calls(&id).await.unwrap(), [call]);
            }
            5 => {
                let call = answered(&call, "analysis He lies. Sit down.");
                let entry = speech(&call, &[Flag::ThinkingLeft]);
                store.append(&id, epoch, vec![entry.clone()], Some(call)).await.unwrap();
                assert_eq!(store.history(&id).await.unwrap().log[1], entry);
                let of = Filter::default();
                assert_eq!(store.conversations(&of).await.unwrap()[0].1, [Flag::ThinkingLeft]);
            }
            6 => {
                let mut newer = document("prison", "another", None);
                newer.health = vec![Named::new(Flag::ThinkingLeft.word(), Policy { ask: 1, fail: false })];
                store.save(new_experiment("-", "ada", newer)).await.unwrap();
            }
            7 => {
                let mut newer = document("prison", "another", None);
                newer.people = vec![PersonFile::new("people/a.json", "{\"name\": \"A\"}".to_owned())];
                store.save(new_experiment("-", "ada", newer)).await.unwrap();
            }
            _ => {
                let mut newer = document("prison", "another", None);
                newer.format = 2;
                store.save(new_experiment("-", "ada", newer)).await.unwrap();
            }
        }
        assert!(is_raised(&scratch.database().await).await, "{change}");
        scratch.drop().await;
    }
}

/// K3, on a server whose updates are not one step: a thousand edits, of ten experiments, for it is slow with long
/// documents.
#[tokio::test(flavor = "multi_thread")]
async fn two_handles_of_a_thousand_edits_lose_nothing() {
    let Some(address) = server("CONVOKE_TEST_MONGODB_URI") else { return };
    for _ in 0..10 {
        let scratch = Scratch::new(&address);
        let (one, other) = (scratch.open(OpenMode::Write).await, scratch.open(OpenMode::Write).await);
        crate::colleagues::two_editors_lose_nothing(&*one, &*other, 50).await;
        scratch.drop().await;
    }
}

macro_rules! stories {
    ($($name:ident: $variable:literal,)*) => {
        $(#[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            told($variable).await;
        })*
    };
}

stories! {
    a_server_tells_the_story: "CONVOKE_TEST_MONGODB_URI",
    a_replica_set_tells_the_story: "CONVOKE_TEST_MONGODB_RS_URI",
    a_server_with_users_tells_the_story: "CONVOKE_TEST_MONGODB_AUTH_URI",
    a_server_with_tls_tells_the_story: "CONVOKE_TEST_MONGODB_TLS_URI",
    another_implementation_tells_the_story: "CONVOKE_TEST_MONGODB_JAVA_URI",
}
