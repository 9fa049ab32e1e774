//! A copy to a server, stopped and killed in its middle, and continued by the same command.

use crate::base::{Base, design};
use crate::place::Place;
use crate::server::Server;
use crate::terminal::{Terminal, USUAL};
use mongodb::bson::doc;
use std::time::Duration;

const CONVERSATIONS: usize = 200;

#[test]
fn stopped_and_killed_in_the_middle_it_is_continued() {
    let Some(base) = Base::new("CONVOKE_TEST_MONGODB_URI") else { return };
    let server = Server::start(Duration::ZERO);
    let mut place = Place::new(&server, &design(CONVERSATIONS));
    place.run("run e --jobs 20").exits(0);
    let exported = place.run("export e --format jsonl").exits(0).out;
    let copy = format!("store copy sqlite:convoke.db {}", base.uri());
    let words: Vec<&str> = copy.split(' ').collect();
    let copied = || base.find("conversations", doc! {}).len();
    let started = || Terminal::start(place.path(), &words, USUAL, &[]);

    let mut stopped = started();
    stopped.until("the bar", |screen| screen.contains("/200 conversations") && copied() > 10);
    stopped.interrupt();
    let (screen, code) = stopped.ends();
    assert_eq!(code, 130, "{screen}");
    assert!(screen.contains("interrupted: ") && screen.contains("convoke store copy sqlite:convoke.db"), "{screen}");
    let before = copied();
    assert!((11..CONVERSATIONS).contains(&before), "stopped at {before}");

    let killed = started();
    killed.until("more", |_| copied() > before + 10);
    killed.kill();
    let after = copied();
    assert!((before + 11..CONVERSATIONS).contains(&after), "killed at {after}");

    let end = place.run(&copy).exits(0);
    assert!(!end.err.contains("not copied"), "{}", end.err);
    place.store = base.uri();
    assert!(place.run("export faults --format jsonl").exits(0).out == exported, "the exports differ");
    place.is_sound();
}
