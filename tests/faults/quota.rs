//! A database that is full, and one that another run has locked (R8, K1).

use crate::place::{Place, SMALL};
use crate::server::{Answer, Server, reply};
use std::time::Duration;

/// Replies that fill a megabyte after a few turns.
fn long(server: &Server) {
    server.habit(|seen| Answer::Text(format!("{}\n", reply(&seen.body)).repeat(500)));
}

#[test]
fn a_full_database_pauses_the_run_and_loses_nothing() {
    let server = Server::start(Duration::from_millis(5));
    long(&server);
    let unlimited = Place::new(&server, SMALL);
    unlimited.run("run e").exits(0);
    let needed = server.count();

    let place = Place::new(&server, SMALL);
    let full = place.run("run e --json --jobs 2 --store-wait 1s --store sqlite:convoke.db?max-mb=1").exits(4);
    let end = full.end();
    assert_eq!((&end["status"], &end["error"]["code"]), (&"error".into(), &"store-full".into()), "{end}");
    assert!(full.out.contains(r#""event":"store-away""#), "{}", full.out);
    assert!(end["left"].as_u64() > Some(0), "{end}");
    place.is_sound();
    let said = place.run("run e --jobs 2 --store-wait 1s --store sqlite:convoke.db?max-mb=1").exits(4);
    assert!(said.err.contains("paused:"), "{}", said.err);
    place.is_sound();

    // It would wait for ten minutes, but Ctrl-C works.
    let mut waits = place.start("run e --jobs 2 --grace 300ms --store sqlite:convoke.db?max-mb=1");
    waits.says("paused:");
    waits.signal("INT");
    let stopped = waits.wait().exits(130);
    let resume = "convoke run e --jobs 2 --grace 300ms --store 'sqlite:convoke.db?max-mb=1'";
    assert_eq!(stopped.last_words(), resume, "{}", stopped.err);

    let end = place.run("run e --json --jobs 2 --store-wait 1s --store sqlite:convoke.db?max-mb=64").exits(0).end();
    assert!(place.transcripts() == unlimited.transcripts(), "the transcripts differ");
    place.is_sound();
    let extra = (server.count() - 2 * needed) as u64;
    assert!(Some(extra) <= end["possible_spend"].as_u64(), "{extra} extra calls: {end}");
}

#[test]
fn a_database_that_is_held_when_a_run_begins_is_waited_for() {
    let server = Server::start(Duration::from_millis(5));
    let place = Place::new(&server, SMALL);
    place.run("run e --limit 1").exits(0);
    let lock = rusqlite::Connection::open(place.path().join("convoke.db")).unwrap();
    lock.execute_batch("begin immediate").unwrap();
    let mut run = place.start("run e --store-wait 60s");
    run.says("paused:");
    lock.execute_batch("rollback").unwrap();
    let said = run.wait().exits(0).err;
    assert!(said.contains("the database is back"), "{said}");
    place.is_sound();
}

#[test]
fn a_database_that_comes_back_lets_it_go_on() {
    let server = Server::start(Duration::from_millis(5));
    long(&server);
    let place = Place::new(&server, SMALL);
    let unlimited = Place::new(&server, SMALL);
    unlimited.run("run e").exits(0);
    server.delay(Duration::from_millis(100));
    let mut run = place.start("run e --json --jobs 2 --store-wait 40s");
    server.wait_for(server.count() + 4, || run.is_over());
    let lock = rusqlite::Connection::open(place.path().join("convoke.db")).unwrap();
    lock.execute_batch("begin immediate").unwrap();
    // Longer than the wait of one connection, so that the run itself has to wait.
    std::thread::sleep(Duration::from_secs(11));
    assert!(!run.is_over(), "{}", run.said());
    lock.execute_batch("rollback").unwrap();
    let out = run.wait().exits(0).out;
    assert!(out.contains("store-away") && out.contains("store-back"), "{out}");
    assert!(place.transcripts() == unlimited.transcripts(), "the transcripts differ");
}

#[test]
fn the_second_run_on_one_file_is_refused_naming_the_first() {
    let server = Server::start(Duration::from_secs(5));
    let place = Place::new(&server, SMALL);
    let mut first = place.start("run e --jobs 2");
    server.wait_for(2, || first.is_over());
    let second = place.run("run e").exits(4);
    assert!(second.err.contains(&format!("pid {}", first.pid())), "{}", second.err);
    let second = place.run("run e --json").exits(4).end();
    assert_eq!(second["error"]["code"], "store-locked", "{second}");
    place.run("list faults").exits(0);
    first.kill();
    server.delay(Duration::ZERO);
    place.run("run e").exits(0);
    place.is_sound();
}
