//! One process runs, another follows: one test for both databases.

use crate::place::{Outcome, Place};
use crate::server::{Server, usual};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// A server that answers only a limited number of requests.
pub struct Gate {
    pub server: Server,
    open: Arc<AtomicUsize>,
}

impl Gate {
    pub fn closed() -> Self {
        let (server, open) = (Server::start(Duration::ZERO), Arc::new(AtomicUsize::new(0)));
        let allowed = Arc::clone(&open);
        server.habit(move |seen| {
            while seen.number >= allowed.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(2));
            }
            usual(seen)
        });
        Self { server, open }
    }

    /// Allows this many requests in total.
    pub fn opens(&self, requests: usize) {
        self.open.store(requests, Ordering::Relaxed);
    }
}

fn entries(place: &Place, id: &str) -> Vec<Json> {
    place.run(&format!("show {id} --json")).exits(0).json()["data"]["entries"].as_array().unwrap().clone()
}

/// Follows eight conversations of four messages, from the middle of the first.
pub fn an_experiment_is_followed(gate: &Gate, place: &Place) {
    place.run("import e").exits(0);
    let nothing = place.run("list faults --follow").exits(0);
    assert_eq!((nothing.out.as_str(), nothing.last_words()), ("", "nothing of it runs or waits to be run"));
    let mut run = place.start("run e --jobs 1");
    gate.server.wait_for(1, || run.is_over());
    gate.opens(1);
    gate.server.wait_for(2, || run.is_over());
    // The first speech is stored before the follower starts.
    let mut text = place.start("list faults --follow");
    text.says("faults: 0 done, ");
    let mut lines = place.start("list faults --follow --json");
    lines.comes_to("its begin", |l| l.given().contains(r#""event":"begin""#));
    gate.opens(4);
    text.comes_to("a turn while others wait", |t| t.given().contains("/4  "));
    lines.comes_to("a turn while others wait", |l| l.given().contains(r#""event":"entry""#));
    assert!(!run.is_over() && !text.is_over() && !lines.is_over());
    gate.opens(usize::MAX);
    run.wait().exits(0);
    let (text, lines) = (text.wait().exits(0), lines.wait().exits(0));
    told_in_lines(place, &text);
    told_in_json(place, &lines);
    place.is_sound();
}

fn told_in_lines(place: &Place, text: &Outcome) {
    let ids: Vec<String> = place.conversations("").iter().map(|c| c["id"].as_str().unwrap()[..8].to_owned()).collect();
    assert!(text.err.trim_end().ends_with("faults: 8 done, 0 running, 0 pending"), "{}", text.err);
    let mut told = 0;
    for id in &ids {
        let mine: Vec<&str> = text.out.lines().filter_map(|l| l.strip_prefix(id.as_str())).collect();
        assert_eq!(mine.last(), Some(&"  done"), "{}", text.out);
        let turns: Vec<&&str> = mine.iter().filter(|l| l.starts_with("  day 1  ")).collect();
        let log = entries(place, id);
        let new = &log[log.len() - turns.len()..];
        for (line, entry) in turns.iter().zip(new) {
            let content = entry["content"].as_str().unwrap();
            let number = entry["position"].as_u64().unwrap() + 1;
            let speaker = entry["speaker"].as_str().unwrap();
            assert_eq!(**line, format!("  day 1  {number}/4  {speaker}: {content}"));
        }
        told += turns.len();
    }
    assert_eq!(text.out.matches("/4  ").count(), told, "every line is of one of them: {}", text.out);
    let speeches = text.out.lines().filter(|l| l.contains("/4  ") && !l.contains("  1/4  ")).count();
    assert!((23..=24).contains(&speeches), "at most one was there before: {}", text.out);
    let ran = text.err.split_once("0 done, ").and_then(|(_, rest)| rest.split(' ').next()?.parse::<usize>().ok());
    assert_eq!(text.out.matches("  begins: replicate ").count() + ran.unwrap(), 8, "{}\n{}", text.err, text.out);
}

fn told_in_json(place: &Place, lines: &Outcome) {
    let events: Vec<Json> = lines.out.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let (begin, end) = (&events[0], events.last().unwrap());
    assert_eq!((&begin["event"], &begin["experiment"], &begin["done"]), (&"begin".into(), &"faults".into(), &0.into()));
    assert_eq!((&end["event"], &end["done"], &end["pending"]), (&"end".into(), &8.into(), &0.into()), "{end}");
    let mut ended = 0;
    let mut told: BTreeMap<String, Vec<Json>> = BTreeMap::new();
    for event in &events[1..events.len() - 1] {
        let mut fields = event.as_object().unwrap().clone();
        let (kind, id) = (fields.remove("event").unwrap(), fields.remove("conversation").unwrap());
        match kind.as_str().unwrap() {
            "entry" => told.entry(id.as_str().unwrap().to_owned()).or_default().push(Json::Object(fields)),
            "ended" => {
                assert_eq!(event["status"], "done", "{event}");
                ended += 1;
            }
            kind => assert_eq!(kind, "started", "{event}"),
        }
    }
    assert_eq!((ended, told.len()), (8, 8), "{}", lines.out);
    for (id, told) in told {
        let log = entries(place, &id);
        assert_eq!(told, log[log.len() - told.len()..], "as `show --json` has them, and none twice");
    }
}

/// Follows one conversation turn by turn.
pub fn a_conversation_is_followed(gate: &Gate, place: &Place) {
    let mut run = place.start("run e --limit 1");
    gate.server.wait_for(1, || run.is_over());
    let running = place.conversations("").into_iter().find(|c| c["status"] == "running").unwrap();
    let id = running["id"].as_str().unwrap();
    let mut text = place.start(&format!("show {id} --follow"));
    text.comes_to("the opening", |t| t.given().contains("Researcher"));
    let json = place.start(&format!("show {id} --follow --json"));
    for turns in 1..3 {
        gate.opens(turns);
        text.comes_to("a turn", |t| t.given().matches("\n  The ").count() == turns);
    }
    assert!(!run.is_over() && !text.is_over());
    gate.opens(usize::MAX);
    run.wait().exits(0);
    let (text, json) = (text.wait().exits(0), json.wait().exits(0));
    assert!(text.out.trim_end().ends_with("done"), "{}", text.out);
    let mut at = 0;
    for entry in entries(place, id) {
        let content = entry["content"].as_str().unwrap();
        at += text.out[at..].find(content).unwrap_or_else(|| panic!("{content} is missing: {}", text.out));
    }
    assert_eq!((&json.json()["data"]["status"], json.out.lines().count()), (&"done".into(), 1));
}
