//! `convoke store`: the database in use, and copies of all data, through the binary.

use crate::support::Place;
use crate::support::database::{FRIENDLY, Fate};
use std::process::Stdio;
use std::time::Duration;

const FATES: &[Fate] = &[Fate::Done, Fate::Interrupted(2), Fate::Pending, Fate::Done];

fn made(fates: &[Fate]) -> Place {
    let place = Place::new();
    place.database(fates, FRIENDLY);
    place
}

fn alike(place: &Place, from: &str, to: &str) {
    for format in ["jsonl", "csv"] {
        for store in [from, to] {
            place
                .run(&format!(
                    "export small --format {format} --force --calls -o {store}.{format} --store sqlite:{store}"
                ))
                .exits(0);
        }
        assert_eq!(place.read(&format!("{from}.{format}")), place.read(&format!("{to}.{format}")));
    }
    assert_eq!(place.read(&format!("{from}.calls.jsonl")), place.read(&format!("{to}.calls.jsonl")));
    place.run(&format!("verify --store sqlite:{to}")).exits(0);
}

#[test]
fn copied_once_it_is_there_and_twice_nothing_changes() {
    let place = made(FATES);
    let first = place.run("store copy sqlite:convoke.db sqlite:copy.db --json").exits(0).json();
    let data = &first["data"];
    assert_eq!(
        (&data["conversations"], &data["equal"], &data["conflicts"]),
        (&6.into(), &0.into(), &serde_json::json!([]))
    );
    alike(&place, "convoke.db", "copy.db");
    let again = place.run("store copy sqlite:convoke.db sqlite:copy.db").exits(0);
    assert!(again.err.contains("0 conversations copied with 0 entries, 6 there already"), "{}", again.screen());
    alike(&place, "convoke.db", "copy.db");
}

#[test]
fn killed_in_the_middle_and_repeated_all_is_there() {
    let fates = vec![Fate::Done; 60];
    let place = made(&fates);
    for after in [5, 20, 40, 80] {
        let mut child = std::process::Command::new(assert_cmd::cargo::cargo_bin("convoke"))
            .args(["store", "copy", "sqlite:convoke.db", "sqlite:copy.db"])
            .current_dir(place.path())
            .env("DB_USER", "tester")
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(after));
        // It may have finished already.
        let _ = child.kill();
        child.wait().unwrap();
        if place.path().join("copy.db").metadata().is_ok_and(|m| m.len() > 0) {
            let verified = place.run("verify --store sqlite:copy.db");
            assert!([0, 6].contains(&verified.code), "{}", verified.screen());
        }
    }
    place.run("store copy sqlite:convoke.db sqlite:copy.db").exits(0);
    alike(&place, "convoke.db", "copy.db");
}

#[test]
fn mistakes_are_told() {
    let place = made(FATES);
    let one = place.run("store copy sqlite:convoke.db sqlite:./convoke.db").exits(2);
    assert!(one.err.contains("one database"), "{}", one.screen());
    let none = place.run("store copy sqlite:none.db sqlite:copy.db").exits(6);
    assert!(none.err.contains("FROM: "), "{}", none.screen());
    assert!(!place.path().join("copy.db").exists(), "nothing is made for nothing");
    place.run("store copy sqlite:convoke.db sqlite:copy.db --store sqlite:x.db").exits(2);
    let wrong = place.run("store copy sqlite:convoke.db postgres://u:canary@h/d").exits(2);
    assert!(!wrong.err.contains("canary"), "{}", wrong.screen());
}

#[test]
fn alone_it_says_which_database_and_why() {
    let place = made(FATES);
    let out = place.run("store").exits(0).out;
    assert!(out.contains("convoke.db: the nearest convoke.db"), "{out}");
    let out = place.run_with("store", &[("CONVOKE_STORE", "mongodb://u:canary@h/d")]).exits(0).out;
    assert!(out.contains("named by CONVOKE_STORE (environment)") && !out.contains("canary"), "{out}");
    let data = place.run("store --json --store sqlite:x.db").exits(0).json();
    assert_eq!((&data["data"]["by"], &data["data"]["exists"]), (&"--store".into(), &false.into()));
    assert!(!place.path().join("x.db").exists());
}
