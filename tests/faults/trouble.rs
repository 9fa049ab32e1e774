//! Servers with faults: requests that are retried, conversations that fail, and others that continue (R7, R8).

use crate::place::{DESIGN, Place, SMALL};
use crate::server::{Answer, Server, usual};
use serde_json::Value as Json;
use std::sync::OnceLock;
use std::time::Duration;

/// True for a conversation whose prisoner wants to walk.
fn is_hopeless(body: &str) -> bool {
    body.contains("To walk.")
}

#[test]
fn trouble_now_and_then_changes_no_transcript() {
    // R5, R7
    let server = Server::start(Duration::from_millis(10));
    let undisturbed = Place::new(&server, DESIGN);
    undisturbed.run("run e").exits(0);
    let needed = server.count();
    server.habit(|seen| match seen.number % 40 {
        7 => Answer::Error(500, "", "internal"),
        17 => Answer::Error(429, "retry-after-ms: 60\r\n", "rate_limit"),
        27 => Answer::Error(503, "", "overloaded"),
        37 => Answer::Cut,
        _ => usual(seen),
    });
    let troubled = Place::new(&server, DESIGN);
    let end = troubled.run("run e --json").exits(0).end();
    assert!(troubled.transcripts() == undisturbed.transcripts(), "the transcripts differ");
    let extra = server.count() - 2 * needed;
    let bad = (needed..server.count()).filter(|n| [7, 17, 27, 37].contains(&(n % 40))).count();
    assert_eq!(extra, bad, "each refused attempt was made once more");
    let paid = (needed..server.count()).filter(|n| [7, 37].contains(&(n % 40))).count();
    assert_eq!(end["possible_spend"].as_u64(), Some(paid as u64), "500 and cut bodies may have been paid for");
    assert_eq!(attempts(&troubled), bad, "each attempt is stored");
    troubled.is_sound();
}

/// Number of failed attempts, as `show --calls` reports them.
fn attempts(place: &Place) -> usize {
    let failed = |line: &&str| line.trim_start().starts_with("attempt ") && !line.contains(": answered");
    let ids: Vec<String> = place.conversations("").iter().map(|c| c["id"].as_str().unwrap().to_owned()).collect();
    ids.iter().map(|id| place.run(&format!("show {id} --calls")).exits(0).out.lines().filter(failed).count()).sum()
}

#[test]
fn a_hopeless_conversation_stops_no_other() {
    // R8
    let server = Server::start(Duration::from_millis(5));
    // The first conversation that sends a request.
    let hopeless: OnceLock<String> = OnceLock::new();
    server.habit(move |seen| {
        let whose = hopeless.get_or_init(|| own_name(&seen.body));
        if *whose == own_name(&seen.body) { Answer::Error(500, "", "internal") } else { usual(seen) }
    });
    let place = Place::new(&server, SMALL);
    let command = "run e --json --jobs 2 --max-retries 2";
    let end = place.run(command).exits(5).end();
    assert_eq!((&end["done"], &end["left"], &end["failed"]), (&7.into(), &1.into(), &0.into()), "{end}");
    assert_eq!((&end["status"], &end["error"]["code"]), (&"error".into(), &"model-unusable".into()), "{end}");
    let statuses: Vec<(String, usize)> = place.statuses().into_iter().collect();
    assert_eq!(statuses, [("done".to_owned(), 7), ("interrupted".to_owned(), 1)]);
    assert_eq!(server.count(), 7 * 3 + 3, "three attempts of the hopeless one");
    place.run(command).exits(5);
    assert_eq!(server.count(), 7 * 3 + 6, "the others are done");
    server.habit(usual);
    place.run(command).exits(0);
    place.is_sound();
}

/// The name that the system prompt gives its reader.
fn own_name(body: &str) -> String {
    let (_, name) = body.split_once("You are ").unwrap();
    name.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

#[test]
fn a_refused_key_costs_few_requests() {
    let server = Server::start(Duration::from_millis(5));
    server.habit(|_| Answer::Error(401, "", "invalid_api_key"));
    let place = Place::new(&server, SMALL);
    let end = place.run("run e --json --jobs 3").exits(5).end();
    assert_eq!((&end["left"], &end["failed"]), (&8.into(), &0.into()), "{end}");
    assert!(server.count() <= 3, "{} requests", server.count());
    server.habit(usual);
    let end = place.run("run e --json --jobs 3").exits(0).end();
    assert_eq!((&end["done"], &end["possible_spend"]), (&8.into(), &0.into()), "{end}");
    place.is_sound();
}

/// A failed conversation waits for `--retry-failed`, and `--more` still adds others.
#[test]
fn failed_ones_do_not_keep_more_from_adding() {
    let server = Server::start(Duration::from_millis(5));
    let full = Answer::Error(400, "", "context_length_exceeded");
    server.habit(move |seen| if is_hopeless(&seen.body) { full.clone() } else { usual(seen) });
    let place = Place::new(&server, SMALL);
    for (done, failed) in [(5, 5), (6, 6)] {
        place.run("run e").exits(1);
        let end = place.run("run e --json --more 1").exits(1).end();
        assert_eq!((&end["done"], &end["failed"]), (&done.into(), &failed.into()), "{end}");
    }
    place.is_sound();
}

#[test]
fn a_full_context_is_the_conversation_s_own_fault() {
    let server = Server::start(Duration::from_millis(5));
    let full = Answer::Error(400, "", "context_length_exceeded");
    server.habit(move |seen| if is_hopeless(&seen.body) { full.clone() } else { usual(seen) });
    let place = Place::new(&server, SMALL);
    let end = place.run("run e --json").exits(1).end();
    assert_eq!((&end["status"], &end["done"], &end["failed"]), (&"failed".into(), &4.into(), &4.into()), "{end}");
    let before = server.count();
    let said = place.run("run e").exits(1);
    assert!(said.err.contains("--retry-failed"), "{}", said.err);
    assert_eq!(server.count(), before, "what failed waits");
    server.habit(usual);
    place.run("run e --retry-failed").exits(0);
    place.is_sound();
}

#[test]
fn empty_replies_are_judged_by_health() {
    let server = Server::start(Duration::from_millis(5));
    server.habit(|seen| if is_hopeless(&seen.body) { Answer::Text(String::new()) } else { usual(seen) });
    let place = Place::new(&server, SMALL);
    place.edit("e/experiment.toml", "[run]", "[health]\nempty = { ask = 1, then = \"fail\" }\n\n[run]");
    let end = place.run("run e --json").exits(1).end();
    assert_eq!((&end["done"], &end["failed"]), (&4.into(), &4.into()), "{end}");
    let entries: Vec<Json> = place.transcripts().lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let rejected: Vec<&Json> = entries.iter().filter(|e| e["kind"] == "rejected").collect();
    assert_eq!(rejected.len(), 8, "each asked once more, and then failed");
    assert!(rejected.iter().all(|e| e["reply_flags"].as_array().unwrap().contains(&"empty".into())));
    place.is_sound();
    server.habit(usual);
    place.run("run e --retry-failed").exits(0);
    place.is_sound();
}

#[test]
fn what_was_paid_for_before_a_kill_is_counted_with_what_was_in_flight() {
    // R3: a cut body, then a request whose answer is never read.
    for (how, exit) in [("KILL", -1), ("INT", 130)] {
        let server = Server::start(Duration::ZERO);
        server.habit(|seen| if seen.number == 0 { Answer::Cut } else { usual(seen) });
        let place = Place::new(&server, SMALL);
        let mut run = place.start("run e --limit 1 --grace 100ms");
        server.wait_for(1, || run.is_over());
        server.delay(Duration::from_secs(5));
        server.wait_for(2, || run.is_over());
        run.signal(how);
        run.wait().exits(exit);
        server.delay(Duration::ZERO);
        let end = place.run("run e --json --limit 1").exits(0).end();
        assert_eq!(server.count(), 3 + 2);
        assert_eq!(end["possible_spend"], 2, "{how}: {end}");
        assert_eq!(attempts(&place), 2, "{how}: each attempt is stored");
        place.is_sound();
    }
}
