//! Bounds of one invocation (`--max-calls`, `--max-time`), and the command at its end (`--notify`).

use crate::place::{Place, SMALL};
use crate::server::Server;
use serde_json::json;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

fn statuses(counts: &[(&str, usize)]) -> BTreeMap<String, usize> {
    counts.iter().map(|(status, n)| ((*status).to_owned(), *n)).collect()
}

#[test]
fn no_request_leaves_beyond_the_bound_and_the_same_command_continues() {
    let server = Server::start(Duration::from_millis(20));
    let whole = Place::new(&server, SMALL);
    whole.run("run e").exits(0);
    let all = server.count();
    assert_eq!(all, 24, "eight conversations of three calls");
    let place = Place::new(&server, SMALL);
    let end = place.run("run e --jobs 4 --max-calls 10 --json").exits(8).end();
    assert_eq!(server.count() - all, 10);
    assert_eq!((&end["status"], &end["done"], &end["left"]), (&json!("budget"), &json!(3), &json!(5)));
    assert_eq!((&end["possible_spend"], end.get("error")), (&json!(0), None));
    assert_eq!(place.statuses(), statuses(&[("done", 3), ("incomplete", 1), ("pending", 4)]));
    let listed = place.run("list faults").exits(0).out;
    assert!(listed.contains("incomplete") && listed.contains("budget"), "{listed}");
    let said = place.run("run e --jobs 4 --max-calls 10").exits(8).err;
    assert!(said.contains("stopped by --max-calls 10") && said.contains("--max-calls 10\n"), "{said}");
    let said = place.run("run e --max-calls 10").exits(0).err;
    assert!(!said.contains("stopped by"), "{said}");
    assert_eq!(server.count() - all, 24, "nothing is requested twice");
    assert_eq!(place.transcripts(), whole.transcripts());
    place.is_sound();
    place.run("run e --max-calls 1").exits(0);
    place.run("run e --max-calls 0").exits(2);
    place.run("run e --max-time 0").exits(2);
    place.run("run e --max-time soon").exits(2);
}

#[test]
fn retries_are_no_calls_of_a_bound() {
    let server = Server::start(Duration::ZERO);
    server.habit(|seen| match seen.number {
        0 | 2 => crate::server::Answer::Error(503, "retry-after: 0\r\n", "busy"),
        _ => crate::server::usual(seen),
    });
    let place = Place::new(&server, SMALL);
    place.run("run e --jobs 1 --max-calls 3").exits(8);
    assert_eq!(server.count(), 5);
    assert_eq!(place.statuses(), statuses(&[("done", 1), ("pending", 7)]));
}

#[test]
fn after_the_time_those_in_flight_finish() {
    let server = Server::start(Duration::from_millis(400));
    let place = Place::new(&server, SMALL);
    let said = place.run("run e --jobs 2 --max-time 1s").exits(8).err;
    assert!(
        said.contains("stopping: --max-time 1 s is reached") && said.contains("stopped by --max-time 1 s"),
        "{said}"
    );
    let sent = server.count();
    assert!((4..=8).contains(&sent), "{sent} requests");
    assert!(place.conversations("").iter().all(|c| c["status"] != "interrupted" && c["status"] != "running"));
    server.delay(Duration::ZERO);
    place.run("run e").exits(0);
    assert_eq!(server.count(), 24, "each turn in flight was stored");
    place.is_sound();
}

#[test]
fn a_request_that_hangs_is_cut_after_the_grace() {
    let server = Server::start(Duration::from_mins(1));
    let place = Place::new(&server, SMALL);
    let began = Instant::now();
    let mut run = place.start("run e --jobs 2 --max-time 1s --grace 1s --json");
    run.comes_to("the bound", |run| run.given().contains(r#""grace":1"#));
    assert!(began.elapsed() < Duration::from_millis(1900), "{:?}", began.elapsed());
    let end = run.wait().exits(8).end();
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
    assert_eq!((&end["status"], &end["left"], &end["possible_spend"]), (&json!("budget"), &json!(8), &json!(2)));
    assert_eq!(server.count(), 2, "no new request leaves");
    assert_eq!(place.statuses(), statuses(&[("incomplete", 2), ("pending", 6)]));
    let listed = place.run("list faults").exits(0).out;
    assert!(listed.contains("budget"), "{listed}");
    server.delay(Duration::ZERO);
    let end = place.run("run e --json").exits(0).end();
    assert_eq!((server.count(), &end["possible_spend"]), (24 + 2, &json!(2)));
    place.is_sound();
}

/// More conversations are admitted than there are slots. Those that got no request are as they were planned.
#[test]
fn what_got_no_request_stays_pending() {
    let server = Server::start(Duration::from_millis(400));
    let whole = Place::new(&server, SMALL);
    whole.run("run e --jobs 8").exits(0);
    let before = server.count();
    for (line, begun) in [("run e --jobs 2 --max-time 200ms", 2), ("run e --jobs 2 --max-calls 2", 1)] {
        let place = Place::new(&server, SMALL);
        place.run(line).exits(8);
        assert_eq!(place.statuses(), statuses(&[("incomplete", begun), ("pending", 8 - begun)]), "{line}");
        assert_eq!(place.transcripts().lines().count(), begun + 2, "{line}: openings and two turns");
        let said = place.run("delete faults --pending --yes").exits(0);
        assert_eq!(place.statuses(), statuses(&[("incomplete", begun)]), "{line}: {}", said.err);
        place.run("run e --jobs 8").exits(0);
        assert_eq!(place.transcripts(), whole.transcripts(), "{line}");
        place.is_sound();
    }
    assert_eq!(server.count() - before, 48, "nothing is requested twice");
    let place = Place::new(&server, SMALL);
    let run = place.start("run e --jobs 2");
    server.wait_for(before + 48 + 2, || false);
    run.signal("INT");
    run.wait().exits(130);
    assert_eq!(place.statuses(), statuses(&[("interrupted", 2), ("pending", 6)]));
}

#[test]
fn questions_have_bounds_too() {
    let server = Server::start(Duration::ZERO);
    let place = Place::new(&server, SMALL);
    place.run("run e").exits(0);
    let before = server.count();
    let end = place.run("ask faults Why? --max-calls 5 --json").exits(8).json();
    assert_eq!((server.count() - before, &end["error"]["code"]), (5, &json!("budget")));
    place.run("ask faults Why? --max-calls 100").exits(0);
    let all = server.count() - before;
    let fresh = Place::new(&server, SMALL);
    fresh.run("run e").exits(0);
    let before = server.count();
    fresh.run("ask faults Why?").exits(0);
    assert_eq!(all, server.count() - before, "nothing is requested twice");
}

#[test]
fn the_command_at_the_end_gets_the_last_line_and_no_key() {
    let server = Server::start(Duration::ZERO);
    let place = Place::new(&server, SMALL);
    place.write("tell.sh", "cat > end.json; env > env.txt; echo told; exit 3\n");
    let ran = place.run_with(
        "run e --limit 1 --notify",
        &["sh tell.sh"],
        &[
            ("OPENAI_API_KEY", "sk-secret-1"),
            ("DB_PASSWORD", "secret-2"),
            ("PLAIN", "kept"),
            ("SOME_URL", "mongodb://ann:secret-3@host/d"),
            ("BARE", "ann:secret-4@host"),
            ("HEADER", "Authorization: Bearer sk-secret-1"),
            ("LAB_CREDENTIALS", "secret-5"),
        ],
    );
    let ran = ran.exits(0);
    assert!(ran.err.contains("told\n") && ran.err.contains("--notify sh tell.sh: it ended with"), "{}", ran.err);
    let end: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(place.path().join("end.json")).unwrap()).unwrap();
    assert_eq!((&end["event"], &end["status"], &end["done"]), (&json!("end"), &json!("done"), &json!(1)));
    let env = std::fs::read_to_string(place.path().join("env.txt")).unwrap();
    assert!(env.contains("PLAIN=kept") && env.contains("PATH=") && !env.contains("secret"), "{env}");
    let recorded = place.run("show faults --json").exits(0).out;
    assert!(!recorded.contains("tell.sh"), "{recorded}");
}

/// The command runs however the run ends, but not after the second Ctrl-C.
#[test]
fn the_command_at_the_end_runs_however_it_ends() {
    let server = Server::start(Duration::ZERO);
    let place = Place::new(&server, SMALL);
    place.write("tell.sh", "cat >> ends; env > env.txt\n");
    let mut told = 0;
    let mut ends = |line: &str, code: i32| {
        let ran = place.run_with(line, &["--notify", "sh tell.sh"], &[("OPENAI_API_KEY", "sk-secret-1")]).exits(code);
        let ends = std::fs::read_to_string(place.path().join("ends")).unwrap_or_default();
        told += 1;
        assert_eq!(ends.lines().count(), told, "{line}: {ends}\n{}", ran.err);
        let env = std::fs::read_to_string(place.path().join("env.txt")).unwrap();
        assert!(env.contains("PATH=") && !env.contains("secret"), "{env}");
        let end: serde_json::Value = serde_json::from_str(ends.lines().last().unwrap()).unwrap();
        assert_eq!(end["event"], "end");
        (end["status"].clone(), end["error"]["code"].clone(), ran)
    };
    let (status, error, ran) = ends("run nothing-here", 6);
    assert_eq!((&status, &error), (&json!("error"), &json!("not-found")), "{}", ran.err);
    assert!(ran.err.starts_with("error: "), "{}", ran.err);
    let (_, error, ran) = ends("run nothing-here --json", 6);
    assert_eq!((&error, &ran.end()["error"]["code"]), (&json!("not-found"), &json!("not-found")));
    assert_eq!(ends("run e --max-time soon", 2).1, json!("usage"));
    assert_eq!(ends("ask nothing-here Why?", 6).1, json!("not-found"));
    let ran = ends("ask nothing-here Why? --json", 6).2;
    assert_eq!(ran.json()["error"]["code"], "not-found");
    assert_eq!(ends("run e --jobs 1 --max-calls 1", 8).0, json!("budget"));
    server.habit(|_| crate::server::Answer::Error(401, "", "invalid_api_key"));
    let (status, error, _) = ends("run e --jobs 1", 5);
    assert_eq!((status, error), (json!("error"), json!("model-key")));
    server.habit(crate::server::usual);
    server.delay(Duration::from_secs(5));
    for (twice, code) in [(false, "interrupted"), (true, "")] {
        let before = server.count();
        let mut run = place.start_with("run e --jobs 1 --grace 200ms", &["--notify", "sh tell.sh"], &[]);
        server.wait_for(before + 1, || run.is_over());
        run.signal("INT");
        if twice {
            run.says("stopping");
            run.signal("INT");
        }
        run.wait().exits(130);
        let ends = std::fs::read_to_string(place.path().join("ends")).unwrap();
        told += usize::from(!twice);
        assert_eq!(ends.lines().count(), told, "{ends}");
        assert!(ends.lines().last().unwrap().contains("interrupted"), "{code}: {ends}");
    }
    for line in ["run e", "ask faults Why?"] {
        let said = place.run_with(line, &["--notify", ""], &[]).exits(2).err;
        assert!(said.contains("--notify"), "{said}");
    }
}
