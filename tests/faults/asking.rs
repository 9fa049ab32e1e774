//! Questions whose runs are killed: nothing that was answered is requested again, and the end is the same.

use crate::place::{DESIGN, Place};
use crate::server::{Answer, Server, reply};
use std::time::Duration;

const LATENCY: Duration = Duration::from_millis(40);
const JOBS: usize = 6;
const KILLS: usize = 20;

fn answers(place: &Place) -> String {
    place.run("export faults --format jsonl --rows answers").exits(0).out
}

/// A place whose conversations are done.
fn finished(server: &Server) -> Place {
    let place = Place::new(server, DESIGN);
    place.run("run e --jobs 12 --only speakers=round-robin --quiet").exits(0);
    place
}

#[test]
fn killed_twenty_times_they_come_to_the_same_end() {
    // R1, R3, R4, R5
    let server = Server::start(Duration::ZERO);
    let (undisturbed, killed) = (finished(&server), finished(&server));
    let entries = killed.transcripts();
    server.delay(LATENCY);
    let before = server.count();
    undisturbed.run("ask faults Why? --again 4 --jobs 16").exits(0);
    let needed = server.count() - before;
    assert_eq!(needed, 12 * 3 * 4);

    let command = format!("ask faults Why? --again 4 --jobs {JOBS}");
    let before = server.count();
    let mut delay = 7_u64;
    for kills in 1..=KILLS {
        let mut run = killed.start(&command);
        let seen = server.count();
        // Each run is killed at another moment: 1 to 6 requests after its first one, in flight or answered.
        server.wait_for(seen + 1 + (delay % 6) as usize, || run.is_over());
        std::thread::sleep(Duration::from_millis(delay % LATENCY.as_millis() as u64));
        assert!(!run.is_over(), "everything was answered before the last kill");
        run.kill();
        killed.each_was_recorded("question", (server.count() - before, kills, JOBS));
        delay = delay * 31 % 97;
    }
    let end = killed.run(&command).exits(0);
    let spend = possible_spend(&end.err);
    let recorded = killed.each_was_recorded("question", (server.count() - before, KILLS, JOBS));
    assert_eq!((recorded.answered, recorded.spend), (needed, spend), "what is printed is what is stored");
    assert!(spend > 0, "no kill met a request in flight");
    assert!(answers(&killed) == answers(&undisturbed), "the answers differ");
    assert!(entries == killed.transcripts(), "the conversations changed");
    killed.is_sound();

    let before = server.count();
    let again = killed.run(&command).exits(0);
    assert!(again.err.contains("nothing is missing"), "{}", again.err);
    assert_eq!(server.count(), before, "nothing was requested");
}

fn possible_spend(said: &str) -> usize {
    let line = said.lines().find_map(|line| line.strip_prefix("possible spend: "));
    line.and_then(|line| line.split(' ').next()?.parse().ok()).unwrap_or(0)
}

#[test]
fn a_refused_lane_does_not_lose_the_others() {
    let server = Server::start(Duration::ZERO);
    let place = finished(&server);
    let id = place.conversations("")[0]["id"].as_str().unwrap().to_owned();
    // The second prisoner's request is refused; the others are answered later than that.
    let refused = place.run(&format!("show {id} --json")).exits(0).json();
    let second = refused["data"]["participants"][2]["name"].as_str().unwrap().to_owned();
    let name = second.clone();
    server.habit(move |seen| {
        if seen.body.contains(&format!("You are {name}.")) {
            Answer::Error(400, "", "invalid_request")
        } else {
            Answer::Text(reply(&seen.body))
        }
    });
    let before = server.count();
    let first = place.run(&format!("ask {id} Why?"));
    assert_ne!(first.code, 0, "{}", first.err);
    let requests = server.count() - before;
    assert!((2..=3).contains(&requests), "{requests} requests");
    server.habit(crate::server::usual);
    place.run(&format!("ask {id} Why? --retry-failed")).exits(0);
    assert_eq!(answers(&place).lines().count(), 3);
    let asked: Vec<String> = server.seen()[before..].iter().map(|seen| seen.body.clone()).collect();
    for agent in refused["data"]["participants"].as_array().unwrap() {
        let name = agent["name"].as_str().unwrap();
        let requests = asked.iter().filter(|body| body.contains(&format!("You are {name}."))).count();
        assert_eq!(requests, if name == second { 2 } else { 1 }, "{name}");
    }
    place.is_sound();
}
