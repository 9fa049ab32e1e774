//! Added conversations are run, earlier ones remain (R4).

use crate::place::{Place, SMALL};
use crate::server::Server;
use std::time::Duration;

/// Calls of each conversation of the small design: speeches only, since an opening needs no call.
const CALLS: usize = 3;

#[test]
fn only_what_is_added_is_asked() {
    let server = Server::start(Duration::ZERO);
    let place = Place::new(&server, SMALL);
    let count = |cells: usize, command: &str| {
        let end = place.run(command).exits(0).end();
        assert_eq!(end["done"], cells, "{end}");
        assert_eq!(server.count(), cells * CALLS, "{command}");
    };
    count(8, "run e --json");
    let first = place.transcripts();
    count(10, "run e --json --replicates 5");
    place.edit("e/experiment.toml", "replicates = 4", "replicates = 5");
    count(10, "run e --json");
    place.edit("e/experiment.toml", r#""yard-time"]"#, r#""yard-time", "nothing"]"#);
    count(15, "run e --json");
    place.edit("e/experiment.toml", "seed = 1 }]", "seed = 1 }, { id = \"fake/b\", seed = 1 }]");
    count(30, "run e --json");
    let all = place.transcripts();
    let model_named = |line: &str| all.lines().any(|l| l == line);
    assert!(first.lines().all(model_named), "what was there is as it was");
    place.is_sound();
}

#[test]
fn a_changed_text_needs_a_yes_once() {
    let server = Server::start(Duration::ZERO);
    let place = Place::new(&server, SMALL);
    place.run("run e").exits(0);
    place.edit("e/roles/guard.md", "Keep order", "Keep peace");
    let asked = place.run("run e").exits(2);
    assert!(asked.err.contains("--yes") && asked.err.contains("8 of its conversations"), "{}", asked.err);
    let end = place.run("run e --json").exits(2).end();
    assert_eq!(end["error"]["code"], "needs-answer", "{end}");
    assert_eq!(server.count(), 8 * CALLS, "nothing was asked without a yes");
    assert_eq!(place.conversations("").len(), 8);

    place.run("run e --yes --limit 2").exits(0);
    place.run("run e").exits(0);
    assert_eq!(server.count(), 16 * CALLS);
    assert_eq!((place.conversations("").len(), place.conversations(" --all").len()), (8, 16));
    let keys = |more: &str| -> Vec<String> {
        place.conversations(more).iter().map(|c| c["key"].as_str().unwrap().to_owned()).collect()
    };
    let (new, all) = (keys(""), keys(" --all"));
    assert_eq!(all.iter().filter(|k| new.contains(k)).count(), 8);

    // The first text again: its conversations are done, and the others are left behind.
    place.edit("e/roles/guard.md", "Keep peace", "Keep order");
    place.run("run e").exits(2);
    let end = place.run("run e --json --yes").exits(0).end();
    assert_eq!((&end["done"], server.count()), (&8.into(), 16 * CALLS), "{end}");
    assert!(keys("").iter().all(|k| !new.contains(k)), "the current revision is the first text's again");
    place.is_sound();
}

/// After a kill the same command finishes its own extension and adds no more; so does the printed resume line.
#[test]
fn more_is_added_once() {
    let server = Server::start(Duration::ZERO);
    let place = Place::new(&server, SMALL);
    place.run("run e").exits(0);
    server.delay(Duration::from_millis(60));
    for requests in [1, 3, 4] {
        let mut run = place.start("run e --more 3 --jobs 1");
        server.wait_for(server.count() + requests, || run.is_over());
        assert!(!run.is_over(), "{}", run.said());
        run.kill();
    }
    let mut run = place.start("run e --json --more 3 --jobs 1");
    server.wait_for(server.count() + 2, || run.is_over());
    assert!(!run.is_over(), "{}", run.said());
    run.signal("INT");
    let end = run.wait().exits(130).end();
    assert_eq!(end["resume"], "convoke run e --json --replicates 7 --jobs 1", "{end}");
    server.delay(Duration::ZERO);
    let end = place.run("run e --json --more 3").exits(0).end();
    assert_eq!((&end["done"], &end["resume"]), (&14.into(), &"convoke run e --json --replicates 7".into()), "{end}");
    place.is_sound();
    let end = place.run("run e --json --more 3").exits(0).end();
    assert_eq!(end["done"], 20, "that one was finished: {end}");
}
