//! Objects in use are not deleted; others are deleted completely, even after an interruption.

use crate::base::{Base, design};
use crate::place::Place;
use crate::server::Server;
use mongodb::bson::{DateTime, Document, doc};
use std::time::Duration;

const CONVERSATIONS: usize = 8;
/// Collections with data of an experiment, and the field that names it.
const BELONGINGS: [(&str, &str); 4] = [
    ("conversations", "experiment"),
    ("versions", "experiment"),
    ("runs", "experiment"),
    ("snapshot_pieces", "experiment"),
];
const OF_CONVERSATIONS: [&str; 3] = ["messages", "calls", "claims"];

/// Number of documents of an experiment in each collection.
fn belongings(base: &Base, id: &str, conversations: &[String]) -> Vec<(&'static str, usize)> {
    let of = |collection, filter| (collection, base.find(collection, filter).len());
    let own = BELONGINGS.map(|(collection, name)| of(collection, doc! { name: id }));
    let theirs = OF_CONVERSATIONS.map(|c| of(c, doc! { "conversation": { "$in": conversations } }));
    let itself = of("experiments", doc! { "_id": id });
    own.into_iter().chain(theirs).chain([itself]).collect()
}

fn experiment(place: &Place, name: &str) -> String {
    place.run(&format!("show {name} --json")).exits(0).json()["data"]["id"].as_str().unwrap().to_owned()
}

fn conversations(base: &Base, id: &str) -> Vec<String> {
    let found = base.find("conversations", doc! { "experiment": id });
    found.iter().map(|c| c.get_str("_id").unwrap().to_owned()).collect()
}

#[track_caller]
fn is_whole(left: &[(&str, usize)]) {
    assert!(left.iter().all(|(_, number)| *number > 0), "{left:?}");
}

#[track_caller]
fn is_gone(left: &[(&str, usize)]) {
    assert!(left.iter().all(|(_, number)| *number == 0), "{left:?}");
}

/// Adds another experiment, which must lose nothing.
fn beside(place: &Place) -> String {
    place.run("import e").exits(0);
    place.run("duplicate faults --name other").exits(0);
    place.run("run other").exits(0);
    place.run("export other --format jsonl").exits(0).out
}

#[test]
fn what_another_process_runs_is_not_deleted_and_then_it_goes_whole() {
    let Some(base) = Base::new("CONVOKE_TEST_MONGODB_URI") else { return };
    let server = Server::start(Duration::ZERO);
    let place = base.place(&server, &design(CONVERSATIONS));
    let (other, before) = (beside(&place), server.count());
    place.run("star faults").exits(0);
    server.delay(Duration::from_millis(700));
    let mut run = place.start("run e --jobs 2");
    server.wait_for(before + 3, || run.is_over());
    let holder = format!("is in use by tester (process {} on ", run.pid());
    let refused = place.run("delete faults --yes").exits(4);
    assert!(refused.err.contains(&holder), "{}", refused.err);
    let running = place.conversations("").into_iter().find(|c| c["status"] == "running").unwrap();
    let json = place.run(&format!("delete {} --yes --json", running["id"].as_str().unwrap())).exits(4).json();
    assert_eq!(json["error"]["code"], "held", "{json}");
    assert!(json["error"]["message"].as_str().unwrap().contains(&holder), "{json}");
    run.wait().exits(0);
    assert_eq!(place.statuses()["done"], CONVERSATIONS, "nothing was deleted");
    place.is_sound();

    let id = experiment(&place, "faults");
    let of = conversations(&base, &id);
    // Short runs leave no snapshot, so one is made by hand.
    let piece = doc! { "_id": "piece", "experiment": &id, "stamp": "old", "piece": 0, "rows": "[]" };
    base.wait(async { base.database().collection("snapshot_pieces").insert_one(piece).await }).unwrap();
    is_whole(&belongings(&base, &id, &of));
    let deleted = place.run("delete faults --yes").exits(0);
    assert!(deleted.err.contains(&format!("{CONVERSATIONS} of tester")), "{}", deleted.err);
    is_gone(&belongings(&base, &id, &of));
    place.run("show faults").exits(6);
    assert_eq!(place.run("export other --format jsonl").exits(0).out, other);
    place.run("verify").exits(0);
    base.is_at_rest();
}

#[test]
fn a_deletion_that_was_cut_off_is_not_seen_and_is_finished() {
    let Some(base) = Base::new("CONVOKE_TEST_MONGODB_URI") else { return };
    let server = Server::start(Duration::ZERO);
    let place = base.place(&server, &design(CONVERSATIONS));
    let other = beside(&place);
    place.run("run e").exits(0);
    place.run("star faults").exits(0);
    let id = experiment(&place, "faults");
    let of = conversations(&base, &id);
    let cut = || {
        base.set("experiments", doc! { "_id": &id }, doc! { "deleting": true });
        let half = doc! { "conversation": { "$in": &of[..CONVERSATIONS / 2] } };
        let messages = base.database().collection::<Document>("messages");
        base.wait(async { messages.delete_many(half).await }).unwrap();
    };
    cut();

    let listed = place.run("list --json").exits(0).json();
    let names: Vec<_> = listed["data"].as_array().unwrap().iter().map(|e| e["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["other"]);
    place.run("show faults").exits(6);
    place.run(&format!("show {}", of[0])).exits(6);
    place.run("verify").exits(0);
    assert_eq!(belongings(&base, &id, &of).last(), Some(&("experiments", 1)), "reading finishes nothing");
    place.run("star other").exits(0);
    is_gone(&belongings(&base, &id, &of));
    assert_eq!(place.run("export other --format jsonl").exits(0).out, other);
    place.run("verify").exits(0);
    base.is_at_rest();

    place.run("run e").exits(0);
    assert_ne!(experiment(&place, "faults"), id, "its name is free again");
}

#[test]
fn what_a_killed_run_held_can_be_deleted_once_its_lease_lapsed() {
    let Some(base) = Base::new("CONVOKE_TEST_MONGODB_URI") else { return };
    let server = Server::start(Duration::from_millis(400));
    let place = base.place(&server, &design(CONVERSATIONS));
    let mut run = place.start("run e --jobs 2");
    server.wait_for(3, || run.is_over());
    run.kill();
    let until = DateTime::from_millis(DateTime::now().timestamp_millis() + 6000);
    let lease = doc! { "lease.host": "elsewhere", "lease.until": until };
    let held = doc! { "lease.until": { "$gt": DateTime::from_millis(0) } };
    base.set("claims", held.clone(), lease.clone());
    base.set("conversations", held, lease);
    let id = experiment(&place, "faults");
    let of = conversations(&base, &id);

    let refused = place.run("delete faults --yes").exits(4);
    assert!(refused.err.contains("on elsewhere)"), "{}", refused.err);
    assert_eq!(conversations(&base, &id).len(), CONVERSATIONS);
    while DateTime::now() <= until {
        std::thread::sleep(Duration::from_millis(100));
    }
    // The server's clock counts in seconds.
    std::thread::sleep(Duration::from_secs(2));
    place.run("delete faults --yes").exits(0);
    is_gone(&belongings(&base, &id, &of));
    place.run("show faults").exits(6);
    server.delay(Duration::ZERO);
    place.run("run e").exits(0);
    place.is_sound();
    base.is_at_rest();
}

/// R8: a deletion during a run is noticed and reported; the others continue, and the same command creates it again.
#[test]
fn a_conversation_that_is_deleted_before_its_turn_stops_no_other() {
    let Some(base) = Base::new("CONVOKE_TEST_MONGODB_URI") else { return };
    let server = Server::start(Duration::from_millis(500));
    let place = base.place(&server, &design(2 * CONVERSATIONS));
    let mut run = place.start("run e --jobs 1");
    server.wait_for(2, || run.is_over());
    let pending = place.conversations("").into_iter().filter(|c| c["status"] == "pending");
    let ids: Vec<String> = pending.map(|c| c["id"].as_str().unwrap().to_owned()).collect();
    // It may have been started meanwhile.
    let deleted = ids.iter().find(|id| place.run(&format!("delete {id} --yes")).code == 0).unwrap();
    let said = run.wait().exits(4);
    assert!(said.err.contains("15 done, 0 failed, 1 left"), "{}", said.err);
    assert!(said.err.contains(&format!("has no conversation {deleted}")), "{}", said.err);
    place.run("run e").exits(0);
    assert_eq!(place.statuses()["done"], 2 * CONVERSATIONS);
    place.is_sound();
}
