//! Ctrl-C once, Ctrl-C twice, SIGTERM (R6).

use crate::place::{DESIGN, Place, Running, SMALL};
use crate::server::Server;
use std::time::{Duration, Instant};

/// Starts a run and waits for its middle.
fn begun(server: &Server, place: &Place, line: &str, requests: usize) -> Running {
    let mut run = place.start(line);
    server.wait_for(server.count() + requests, || run.is_over());
    assert!(!run.is_over(), "{}", run.said());
    run
}

#[test]
fn the_first_stops_in_good_order() {
    let server = Server::start(Duration::from_millis(400));
    let place = Place::new(&server, SMALL);
    let run = begun(&server, &place, "run e --json --jobs 3", 4);
    let signalled = Instant::now();
    run.signal("INT");
    let end = run.wait().exits(130).end();
    let late = server.seen().iter().filter(|s| s.at > signalled + Duration::from_millis(250)).count();
    assert_eq!(late, 0, "no new request after the first Ctrl-C");
    assert_eq!((&end["status"], &end["possible_spend"]), (&"interrupted".into(), &0.into()), "{end}");
    let stored = place.transcripts().lines().filter(|l| l.contains(r#""kind":"speech""#)).count();
    assert_eq!(stored, server.count(), "turns in flight were finished and stored");

    server.delay(Duration::from_millis(10));
    let run = begun(&server, &place, "run e --jobs 1", 3);
    run.signal("INT");
    let stopped = run.wait().exits(130);
    assert_eq!(stopped.last_words(), "convoke run e --jobs 1", "{}", stopped.err);
    place.run("run e").exits(0);
    assert_eq!(server.count(), 24, "nothing was asked twice");
    place.is_sound();
}

#[test]
fn a_slow_turn_is_given_up_after_the_grace() {
    let server = Server::start(Duration::from_secs(5));
    let place = Place::new(&server, SMALL);
    let run = begun(&server, &place, "run e --json --jobs 2 --grace 500ms", 2);
    let signalled = Instant::now();
    run.signal("INT");
    let end = run.wait().exits(130).end();
    assert!(signalled.elapsed() < Duration::from_millis(2500), "{:?}", signalled.elapsed());
    assert_eq!((&end["status"], &end["possible_spend"]), (&"interrupted".into(), &2.into()), "{end}");
    server.delay(Duration::ZERO);
    let end = place.run("run e --json --jobs 2 --grace 500ms").exits(0).end();
    assert_eq!((&end["done"], &end["possible_spend"]), (&8.into(), &2.into()), "{end}");
    assert_eq!(server.count(), 24 + 2);
    place.is_sound();
}

#[test]
fn the_second_leaves_at_once() {
    let server = Server::start(Duration::from_secs(5));
    let place = Place::new(&server, SMALL);
    let run = begun(&server, &place, "run e --jobs 2", 2);
    run.signal("INT");
    while !run.said().contains("stopping") {
        std::thread::sleep(Duration::from_millis(5));
    }
    let second = Instant::now();
    run.signal("INT");
    let out = run.wait().exits(130);
    assert!(second.elapsed() < Duration::from_secs(1), "{:?}", second.elapsed());
    assert_eq!(out.last_words(), "convoke run e --jobs 2", "{}", out.err);
    server.delay(Duration::ZERO);
    place.run("run e --jobs 2").exits(0);
    place.is_sound();
}

#[test]
fn terminated_it_continues_with_the_same_command() {
    let server = Server::start(Duration::from_millis(20));
    let whole = Place::new(&server, DESIGN);
    whole.run("run e").exits(0);
    let place = Place::new(&server, DESIGN);
    let run = begun(&server, &place, "run e --json --jobs 3", 40);
    run.signal("TERM");
    let end = run.wait().exits(143).end();
    assert_eq!(end["status"], "interrupted", "{end}");
    place.run("run e --json --jobs 3").exits(0);
    assert!(place.transcripts() == whole.transcripts(), "the transcripts differ");
    place.is_sound();
}
