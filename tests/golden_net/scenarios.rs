//! Scenarios: small experiments that are run whole against the fake servers. Their transcripts and requests must be those
//! of 0.1.0, byte for byte.

use crate::kept::{self, in_lines};
use crate::place::{Line, Place};
use crate::server::Server;
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;

/// A scenario: its folder stands in `scenarios/NAME`.
pub struct Scenario {
    pub name: String,
    pub lines: Vec<Line>,
}

/// Outcome of a scenario.
pub struct Played {
    /// `{scenario, conversation, status, entries: [[seq, day, kind, speaker, content, raw, flags], …]}`, by key.
    pub transcripts: Vec<Json>,
    /// Every call as `export --calls` has it, by key, seq, purpose and asking.
    pub calls: Vec<Json>,
    /// Bodies that the servers received, sorted.
    pub bodies: Vec<String>,
}

/// Reads all scenarios.
pub fn all() -> Vec<Scenario> {
    let read = |json: Json| Scenario {
        name: json["name"].as_str().unwrap().to_owned(),
        lines: json["lines"].as_array().unwrap().iter().map(Line::read).collect(),
    };
    kept::lines("scenarios.jsonl").into_iter().map(read).collect()
}

impl Scenario {
    /// Runs it in an empty folder.
    pub fn play(&self, place: &Place, server: &Server) -> Played {
        let name = &self.name;
        for (path, bytes) in kept::files(&kept::folder().join("scenarios").join(name)) {
            place.write(&format!("{name}/{path}"), &bytes);
        }
        for line in &self.lines {
            place.run(line);
        }
        let look = |words: &str| Line::plain(&words.split(' ').collect::<Vec<_>>());
        place.run(&look("verify"));
        place.run(&look(&format!("export ./{name} --all --format jsonl -o {name}.jsonl --calls")));
        let read = |file: &str| -> Vec<Json> {
            place.read(file).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
        };
        let listed = place.run(&look(&format!("list ./{name} --all --json"))).out;
        let listed: Json = serde_json::from_str(&listed).unwrap();
        let mut bodies: Vec<String> = server.chats().into_iter().map(|seen| seen.body).collect();
        bodies.sort();
        Played {
            transcripts: transcripts(name, &listed["data"], &read(&format!("{name}.jsonl"))),
            calls: read(&format!("{name}.calls.jsonl")),
            bodies,
        }
    }
}

/// Makes a transcript of each conversation, those without an entry too.
fn transcripts(scenario: &str, listed: &Json, entries: &[Json]) -> Vec<Json> {
    let mut listed: Vec<(&str, &str)> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|c| (c["key"].as_str().unwrap(), c["status"].as_str().unwrap()))
        .collect();
    listed.sort_unstable();
    let entry =
        |e: &Json| ["seq", "day", "kind", "speaker", "content", "raw", "reply_flags"].map(|name| e[name].clone());
    let of = |key: &str| -> Vec<Json> {
        entries.iter().filter(|e| e["conversation"] == key).map(|e| Json::from(entry(e).to_vec())).collect()
    };
    listed
        .into_iter()
        .map(|(key, status)| json!({ "scenario": scenario, "conversation": key, "status": status, "entries": of(key) }))
        .collect()
}

/// Name of a call.
fn name(call: &Json) -> String {
    let key = call.get("conversation").or(call.get("key")).unwrap();
    format!("{key} {} {} {}", call["seq"], call["purpose"], call["ask"])
}

/// Fails where a call is another than the kept one.
#[track_caller]
fn same_calls(scenario: &str, played: &Played, kept: &[Json]) {
    let (found, wanted): (BTreeSet<String>, BTreeSet<String>) =
        (played.calls.iter().map(name).collect(), kept.iter().map(name).collect());
    assert_eq!(found, wanted, "{scenario}: the calls");
    for request in kept {
        let call = played.calls.iter().find(|call| name(call) == name(request)).unwrap();
        let (what, body) = (format!("{scenario}: the body of {}", name(request)), request["body"].as_str().unwrap());
        assert_eq!((&call["model"], &call["body_matches"]), (&request["model"], &Json::from(true)), "{what}");
        let told = || format!("{what}\n now: {}\nkept: {body}", call["messages"]);
        assert_eq!(call["body_sha256"], convoke::design::key::sha256(body), "{}", told());
    }
    // People and `scripted` are asked without a server.
    let is_sent = |request: &&Json| request["sent"] == true;
    let mut sent: Vec<&str> = kept.iter().filter(is_sent).map(|r| r["body"].as_str().unwrap()).collect();
    sent.sort_unstable();
    assert!(sent == played.bodies, "{scenario}: the servers received other bodies than were kept");
}

#[test]
fn scenarios_give_the_same_transcripts_and_requests() {
    let (transcripts, requests) = (kept::lines("transcripts.jsonl"), kept::lines("requests.jsonl"));
    let of = |all: &[Json], name: &str| -> Vec<Json> {
        all.iter().filter(|line| line["scenario"] == name).cloned().collect()
    };
    for scenario in all() {
        let server = Server::start();
        let (played, name) = (scenario.play(&Place::new(&server), &server), &scenario.name);
        kept::equal(
            &format!("transcripts of {name}"),
            &in_lines(&played.transcripts),
            &in_lines(of(&transcripts, name)),
        );
        same_calls(name, &played, &of(&requests, name));
    }
}
