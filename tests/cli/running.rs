//! `convoke run --offline`: a whole run without a model server.

use crate::assert_screen;
use crate::support::Place;
use crate::support::database::SMALL;
use serde_json::Value;
use std::fs;

fn small() -> Place {
    let place = Place::new();
    place.folder("small", SMALL);
    place
}

fn lines(out: &str) -> Vec<Value> {
    out.lines().map(|l| serde_json::from_str(l).unwrap_or_else(|e| panic!("{e}: {l}"))).collect()
}

fn listed(place: &Place) -> usize {
    place.run("list small --json").exits(0).json()["data"].as_array().unwrap().len()
}

#[test]
fn a_run_and_the_same_again() {
    let place = small();
    assert_screen!(place.run("run small --offline").exits(0));
    assert_eq!(listed(&place), 6);
    let before = place.run("export small --format jsonl").exits(0).out;
    assert_screen!(place.run("run small --offline").exits(0));
    assert_eq!(place.run("export small --format jsonl").exits(0).out, before);
    let quiet = place.run("run small --offline --quiet").exits(0);
    assert_eq!((quiet.out.as_str(), quiet.err.as_str()), ("", ""));
}

#[test]
fn json_lines() {
    let place = small();
    let outcome = place.run("run small --offline --json").exits(0);
    let all = lines(&outcome.out);
    assert!(all.iter().all(|l| l["event"].is_string()));
    assert_eq!(all[0]["event"], "begin");
    assert_eq!(all.iter().filter(|l| l["event"] == "end").count(), 1);
    assert_eq!(all.iter().filter(|l| l["event"] == "entry" && l["called"] == true).count(), 6 * 4);
    assert_eq!(all.iter().filter(|l| l["event"] == "ended" && l["status"] == "done").count(), 6);
    let end = all.last().unwrap().as_object().unwrap();
    let keys: Vec<&String> = end.keys().collect();
    assert_eq!(keys, ["event", "status", "done", "failed", "left", "possible_spend", "resume"]);
    assert_eq!(
        serde_json::to_value(end).unwrap(),
        serde_json::json!({
            "event": "end", "status": "done", "done": 6, "failed": 0, "left": 0, "possible_spend": 0,
            "resume": "convoke run small --offline --json",
        })
    );
    let again = lines(&place.run("run small --offline --json").exits(0).out);
    assert_eq!(again.iter().map(|l| l["event"].as_str().unwrap()).collect::<Vec<_>>(), ["begin", "end"]);
}

#[test]
fn some_first_and_more_later() {
    let place = small();
    let outcome = place.run("run small --offline --limit 1").exits(0);
    assert!(outcome.err.contains("1 done, 0 failed, 0 left"), "{}", outcome.screen());
    let of = |line: &str| lines(&place.run(line).exits(0).out)[0].clone();
    let begin = of("run small --offline --replicates 1 --json");
    assert_eq!([&begin["conversations"], &begin["done"], &begin["left"]], [&2, &1, &1]);
    let begin = of("run small --offline --replicates 2 --json");
    assert_eq!([&begin["conversations"], &begin["done"], &begin["left"]], [&4, &2, &2]);
    let begin = of("run small --offline --json");
    assert_eq!([&begin["conversations"], &begin["done"], &begin["left"]], [&6, &4, &2]);
    // Each condition gets its first replicate before any gets its second.
    let place = small();
    place.run("run small --offline --limit 2").exits(0);
    let data = place.run("list small --json").exits(0).json();
    let done: Vec<&Value> = data["data"].as_array().unwrap().iter().filter(|c| c["status"] == "done").collect();
    assert_eq!(done.len(), 2);
    assert!(done.iter().all(|c| c["replicate"] == 1), "{done:?}");
}

#[test]
fn a_log_is_kept_and_old_ones_go() {
    let place = small();
    for i in 0..120 {
        place.write(&format!("logs/2024-01-01_00-{i:03}_run_1.log"), "old\n");
    }
    place.run("run small --offline").exits(0);
    let logs = place.files("logs");
    assert_eq!(logs.len(), 100);
    let new: Vec<&String> = logs.iter().filter(|l| !l.contains("2024-01-01")).collect();
    assert_eq!(new.len(), 1);
    let log = place.read(new[0]);
    assert_eq!(log.matches(" stored ").count(), 6 * 4, "{log}");
    for (action, times) in [(" saved ", 1), (" planned ", 1), (" claimed ", 6), (" sent ", 6 * 4), (" left ", 6)] {
        assert_eq!(log.matches(action).count(), times, "{action} in {log}");
    }
    assert!(
        log.lines()
            .filter(|l| l.contains(" stored "))
            .all(|l| l.contains("prompt_tokens=") && l.contains("completion_tokens="))
    );
}

/// A file blocks the folder; permissions would prove nothing, since root may write anywhere.
#[test]
fn logs_that_cannot_be_written_cost_a_warning() {
    let place = small();
    place.write("logs", "mine");
    let outcome = place.run("run small --offline").exits(0);
    assert!(outcome.err.contains("warning: no log is kept: "), "{}", outcome.screen());
    assert!(outcome.err.contains("6 done"), "{}", outcome.screen());
    assert_eq!(place.read("logs"), "mine");
}

#[cfg(unix)]
#[test]
fn a_folder_of_logs_that_is_read_only() {
    use std::os::unix::fs::PermissionsExt;
    let place = small();
    fs::create_dir(place.path().join("logs")).unwrap();
    let mode = |mode| fs::set_permissions(place.path().join("logs"), fs::Permissions::from_mode(mode)).unwrap();
    mode(0o555);
    let is_held_back = fs::write(place.path().join("logs/try"), "").is_err();
    let outcome = place.run("run small --offline").exits(0);
    mode(0o755);
    assert_eq!(outcome.err.contains("warning: no log is kept"), is_held_back, "{}", outcome.screen());
}

#[test]
fn fixed_replies() {
    let place = small();
    place.write("lines.txt", "# replies\nGood morning.\n\n\"Two\\nlines.\"\nThird.\nFourth.\nFifth.\n");
    place.run_with("run small --offline", &[("CONVOKE_SCRIPT", "lines.txt")]).exits(0);
    let all = lines(&place.run("export small --format jsonl").exits(0).out);
    let spoken = |seq: u64| -> Vec<&str> {
        all.iter().filter(|l| l["seq"] == seq).map(|l| l["content"].as_str().unwrap()).collect()
    };
    assert_eq!(spoken(1), vec!["Good morning."; 6]);
    assert_eq!(spoken(2), vec!["Two\nlines."; 6]);
    assert_eq!(spoken(4), vec!["Fourth."; 6]);
    let id = place.run("list small --json").json()["data"][0]["id"].as_str().unwrap().to_owned();
    let shown = place.run(&format!("show {id}")).exits(0);
    assert!(shown.out.contains("Good morning.") && shown.out.contains("Third."), "{}", shown.screen());
}

/// R5: neither the number of requests in flight nor a stop changes a byte.
#[test]
fn the_same_bytes_at_any_concurrency() {
    let export = |runs: &[&str]| {
        let place = Place::new();
        place.run("new debate --from debate").exits(0);
        place.run("new small --from negotiation").exits(0);
        for run in runs {
            place.run(&format!("run small --offline {run}")).exits(0);
            place.run(&format!("run debate --offline {run}")).exits(0);
        }
        let of = |name: &str| place.run(&format!("export {name} --format jsonl")).exits(0).out;
        of("small") + &of("debate")
    };
    let one = export(&["--jobs 1"]);
    assert!(one.lines().count() > 50);
    assert_eq!(one, export(&["--jobs 16"]));
    assert_eq!(one, export(&["--limit 1 --jobs 3", "--jobs 2"]));
}

/// Replicates that are done, by condition.
fn done(place: &Place) -> Vec<u64> {
    let data = place.run("list small --json").exits(0).json();
    let mut done: Vec<u64> =
        data["data"].as_array().unwrap().iter().map(|c| c["replicate"].as_u64().unwrap()).collect();
    done.sort_unstable();
    done
}

fn replicates(place: &Place) -> u64 {
    place.run("show small --json").exits(0).json()["data"]["document"]["run"]["replicates"].as_u64().unwrap()
}

#[test]
fn more_goes_on_from_the_highest_begun_and_is_kept() {
    let place = small();
    place.run("run small --offline --replicates 1").exits(0);
    let outcome = place.run("run small --offline --more 1").exits(0);
    assert_screen!(outcome);
    assert_eq!((done(&place), replicates(&place)), (vec![1, 1, 2, 2], 2), "begun was 1, whatever [run] says");
    assert!(place.read("small/experiment.toml").contains("replicates = 3"), "the file is a person's");

    let end = lines(&place.run("run id:ID --offline --more=2 --json".replace("id:ID", &id(&place)).as_str()).out);
    assert_eq!(end.last().unwrap()["resume"], format!("convoke run {} --offline --replicates=4 --json", id(&place)));
    assert_eq!((done(&place).len(), replicates(&place)), (8, 4));

    // The folder's own [run] applies to a plain run again; finished conversations remain.
    let begin = lines(&place.run("run small --offline --json").exits(0).out).remove(0);
    assert_eq!([&begin["conversations"], &begin["left"]], [&6, &0]);
    assert_eq!((done(&place).len(), replicates(&place)), (8, 3));
    place.run("run small --offline --more 1").exits(0);
    assert_eq!((done(&place).len(), replicates(&place)), (10, 5));
}

fn id(place: &Place) -> String {
    place.run("list --json").exits(0).json()["data"][0]["id"].as_str().unwrap().to_owned()
}

#[test]
fn more_counts_what_was_begun_of_this_plan() {
    let place = small();
    place.run("run small --offline").exits(0);
    let asked = |line: &str| lines(&place.run(line).exits(0).out)[0]["conversations"].clone();
    assert_eq!(asked("run small --offline --seed 8 --more 1 --json"), 2, "nothing was begun with that seed");
    assert_eq!(asked("run small --offline --set messages=4 --more 2 --json"), 4, "nor with that length");
    assert_eq!(asked("run small --offline --more 2 --json"), 10);
    assert_eq!(place.run("run small --more 2 --replicates 3").exits(2).code, 2);
    place.run("run small --offline --more 0").exits(2);
    let most = place.run("run small --offline --more 4294967295").exits(2);
    assert!(most.err.contains("too many conversations"), "{}", most.screen());
}

/// If `--only` did a part of an earlier extension, the rest is finished first.
#[test]
fn more_finishes_what_an_earlier_one_left() {
    let place = small();
    place.run("run small --offline").exits(0);
    place.run("run small --offline --more 2 --only goal=escape").exits(0);
    assert_eq!((done(&place).len(), replicates(&place)), (8, 5));
    let finished = place.run("run small --offline --more 3").exits(0);
    assert!(finished.err.contains("not finished") && finished.err.contains("adds none"), "{}", finished.screen());
    assert_eq!((done(&place), replicates(&place)), (vec![1, 1, 2, 2, 3, 3, 4, 4, 5, 5], 5));
    place.run("run small --offline --more 3").exits(0);
    assert_eq!((done(&place).len(), replicates(&place)), (16, 8));
}

#[test]
fn more_of_a_colleagues_experiment_is_run_and_not_kept() {
    let place = small();
    place.run("run small --offline").exits(0);
    let outcome = place.run_with("run small --offline --more 1", &[("DB_USER", "bob")]).exits(0);
    // Another user's folder is another experiment.
    assert_eq!(place.run("list --json").json()["data"].as_array().unwrap().len(), 2, "{}", outcome.screen());
    let place = small();
    place.run("run small --offline").exits(0);
    let line = format!("run {} --offline --more 1", id(&place));
    let outcome = place.run_with(&line, &[("DB_USER", "bob")]).exits(0);
    assert!(outcome.err.contains("tester's") && outcome.err.contains("8 done"), "{}", outcome.screen());
    assert_eq!((done(&place).len(), replicates(&place)), (8, 3));
}
