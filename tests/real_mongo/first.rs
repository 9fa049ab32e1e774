//! The first commands on a database: four at once, a newer program's database, another program's, and names that look
//! like operators.

use crate::base::{Base, CALLS, design, on_sqlite};
use crate::place::Running;
use crate::server::Server;
use mongodb::bson::{Document, doc};
use std::time::Duration;

const CONVERSATIONS: usize = 40;

fn insert(base: &Base, collection: &str, document: Document) {
    base.wait(async { base.database().collection(collection).insert_one(document).await }).unwrap();
}

fn collections(base: &Base) -> Vec<String> {
    let mut names = base.wait(async { base.database().list_collection_names().await }).unwrap();
    names.sort();
    names
}

/// Processes that race to create collections, indexes and the experiment all succeed.
#[test]
fn four_first_runs_at_once() {
    let server = Server::start(Duration::from_millis(20));
    let (transcripts, needed) = on_sqlite(&server, &design(CONVERSATIONS));
    for name in ["CONVOKE_TEST_MONGODB_URI", "CONVOKE_TEST_MONGODB_JAVA_URI"] {
        let Some(base) = Base::new(name) else { return };
        let (place, before) = (base.place(&server, &design(CONVERSATIONS)), server.count());
        let runs: Vec<Running> = (0..4).map(|_| place.start("run e --jobs 2")).collect();
        for run in runs {
            run.wait().exits(0);
        }
        assert_eq!(server.count() - before, needed, "each request was sent once");
        assert_eq!(needed, CONVERSATIONS * CALLS);
        assert!(place.transcripts() == transcripts, "the transcripts differ");
        assert_eq!(base.find("experiments", doc! {}).len(), 1);
        assert_eq!(base.find("conversations", doc! {}).len(), CONVERSATIONS);
        let schema = base.find("convoke", doc! {}).remove(0);
        assert!(schema.get_bool("ready").unwrap(), "{schema}");
        place.is_sound();
        base.is_at_rest();
    }
}

#[test]
fn a_newer_schema_is_neither_read_nor_written() {
    let Some(base) = Base::new("CONVOKE_TEST_MONGODB_URI") else { return };
    insert(&base, "convoke", doc! { "_id": "schema", "schema": 99 });
    let (server, before) = (Server::start(Duration::ZERO), base.find("convoke", doc! {}));
    let place = base.place(&server, &design(2));
    for line in ["list", "show faults", "verify", "run e", "import e", "star faults", "delete faults --yes"] {
        let error = place.run(&format!("{line} --json")).exits(4).out;
        assert!(error.contains("store-newer") && error.contains("has schema 99; this version of"), "{line}: {error}");
    }
    assert_eq!((base.find("convoke", doc! {}), collections(&base)), (before, vec!["convoke".to_owned()]));
    assert_eq!(server.count(), 0);
}

#[test]
fn another_programs_database_is_left_alone() {
    let Some(base) = Base::new("CONVOKE_TEST_MONGODB_URI") else { return };
    insert(&base, "experiments", doc! { "_id": 1, "title": "of another program" });
    let (server, before) = (Server::start(Duration::ZERO), base.find("experiments", doc! {}));
    let place = base.place(&server, &design(2));
    for line in ["list", "show faults", "verify", "run e", "import e", "star faults", "delete faults --yes"] {
        let error = place.run(&format!("{line} --json")).exits(4).out;
        assert!(error.contains("store-foreign") && error.contains("has experiments of another program"), "{error}");
    }
    assert_eq!((base.find("experiments", doc! {}), collections(&base)), (before, vec!["experiments".to_owned()]));
    assert_eq!(server.count(), 0);
}

/// Typed text is always a value, never an operator.
#[test]
fn no_name_is_an_operator() {
    let Some(base) = Base::new("CONVOKE_TEST_MONGODB_URI") else { return };
    let (server, names) =
        (Server::start(Duration::ZERO), ["$ne", "$where", "a.b", "{\"$ne\":null}", "'x'", "\"x\"", "$$ROOT"]);
    let place = base.place(&server, &design(2));
    place.run("import e").exits(0);
    let before = base.find("experiments", doc! {});
    for name in names {
        for line in ["show", "list", "export --format csv", "star", "delete --yes", "note --drop", "duplicate", "run"] {
            place.run(&format!("{line} {name}")).exits(6);
        }
        place.run(&format!("show id:{name}")).exits(6);
        place.run(&format!("edit {name} --starting-message x")).exits(6);
    }
    assert_eq!(base.find("experiments", doc! {}), before);
    let mut kept = Vec::new();
    for name in names {
        let made = place.run(&format!("duplicate faults --name {name} --json"));
        if made.code == 0 {
            assert_eq!(place.run(&format!("show {name} --json")).exits(0).json()["data"]["name"], name);
            place.run(&format!("star {name}")).exits(0);
            kept.push(name);
        }
    }
    let listed = place.run("list --json").exits(0).json();
    for record in listed["data"].as_array().unwrap() {
        let name = record["name"].as_str().unwrap();
        assert_eq!(record["starred"], kept.contains(&name), "{record}");
    }
    assert_eq!(listed["data"].as_array().unwrap().len(), 1 + kept.len());
    eprintln!("names that may be given: {kept:?}");
}
