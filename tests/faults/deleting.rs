//! Running conversations are not deleted; those of a killed run are.

use crate::place::{Place, SMALL};
use crate::server::Server;
use std::time::Duration;

#[test]
fn what_runs_is_not_deleted_and_after_its_end_it_is() {
    let server = Server::start(Duration::from_millis(200));
    let place = Place::new(&server, SMALL);
    let mut run = place.start("run e --jobs 2");
    server.wait_for(3, || run.is_over());
    let pid = run.pid();
    let refused = place.run("delete faults --yes").exits(4);
    assert!(refused.err.contains(&format!("in use by tester, convoke (pid {pid})")), "{}", refused.err);
    let running = place.conversations("").into_iter().find(|c| c["status"] == "running").unwrap();
    let id = running["id"].as_str().unwrap();
    let json = place.run(&format!("delete {id} --yes --json")).exits(4).json();
    assert_eq!(json["error"]["code"], "held", "{json}");
    // Running conversations, and planned ones that have not begun.
    let json = place.run("list --running --json").exits(0).json()["data"].clone();
    assert_eq!((json.as_array().unwrap().len(), &json[0]["experiment"]), (1, &"faults".into()), "{json}");
    assert_eq!((&json[0]["who"], &json[0]["pid"], &json[0]["kind"]), (&"tester".into(), &pid.into(), &"run".into()));
    assert!(json[0]["running"].as_u64().unwrap() > 0 && json[0]["since"].is_string());
    assert!(place.run("list --running").exits(0).out.contains("faults"));
    let refused = place.run("delete faults --pending --yes --json").exits(4).json();
    assert_eq!(refused["error"]["code"], "held", "{refused}");
    // Small edits are possible during a run.
    place.run("star faults").exits(0);
    place.run(&format!("note {id} slow")).exits(0);
    run.wait().exits(0);
    assert_eq!(place.statuses()["done"], 8);
    assert!(place.conversations("").iter().any(|c| c["note"] == "slow"));
    place.is_sound();
    let deleted = place.run("delete faults --yes").exits(0);
    assert!(deleted.err.contains("8 of tester"), "{}", deleted.err);
    place.run("show faults").exits(6);
}

#[test]
fn what_a_killed_run_left_behind_holds_nothing() {
    let server = Server::start(Duration::from_millis(300));
    let place = Place::new(&server, SMALL);
    let mut run = place.start("run e --jobs 2");
    server.wait_for(3, || run.is_over());
    let pid = run.pid();
    let watch = place.start("list faults --follow");
    run.kill();
    let killed = place.conversations("").into_iter().find(|c| c["status"] == "interrupted").unwrap();
    let id = killed["id"].as_str().unwrap();
    let shown = place.run(&format!("show {id} --json")).exits(0).json();
    let reason = shown["data"]["reason"].as_str().unwrap();
    assert!(reason.starts_with(&format!("its process ended (pid {pid} on ")), "{reason}");
    assert!(watch.wait().exits(0).err.contains("interrupted"));
    place.run(&format!("delete {id} --yes")).exits(0);
    place.is_sound();
    place.run("delete faults --yes").exits(0);
    server.delay(Duration::ZERO);
    place.run("run e").exits(0);
    place.is_sound();
}
