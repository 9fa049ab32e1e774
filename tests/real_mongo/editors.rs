//! Two people who edit one experiment at once, each with the program. `tests/store_story/mongodb.rs` does the same with
//! two handles, a thousand times.

use crate::base::{Base, design};
use crate::server::Server;
use mongodb::bson::doc;
use std::fs;
use std::thread;
use std::time::Duration;

const EDITS: usize = 15;
const PEOPLE: [&str; 2] = ["one", "other"];

/// K3
#[test]
fn two_programs_that_edit_one_experiment_lose_nothing() {
    for name in ["CONVOKE_TEST_MONGODB_URI", "CONVOKE_TEST_MONGODB_JAVA_URI"] {
        let Some(base) = Base::new(name) else { return };
        let place = base.place(&Server::start(Duration::ZERO), &design(4));
        place.run("import e").exits(0);
        let edits = |who: &str| {
            let edit = |n| place.run(&format!("edit faults --section guard/{who}{n}=By-{who}. --yes")).exits(0).err;
            (0..EDITS).map(edit).filter(|said| said.contains("was changed meanwhile")).count()
        };
        let met: usize = thread::scope(|scope| {
            let people = PEOPLE.map(|who| scope.spawn(move || edits(who)));
            people.into_iter().map(|person| person.join().unwrap()).sum()
        });

        let last = i64::try_from(1 + PEOPLE.len() * EDITS).unwrap();
        let experiment = base.find("experiments", doc! {}).remove(0);
        assert_eq!(experiment.get_i64("version").unwrap(), last);
        let mut versions: Vec<i64> =
            base.find("versions", doc! {}).iter().map(|v| v.get_i64("version").unwrap()).collect();
        versions.sort_unstable();
        assert!(versions.iter().copied().eq(2..=last), "{versions:?}");
        place.run("export faults --format folder -o now").exits(0);
        let guard = fs::read_to_string(place.path().join("now/roles/guard.md")).unwrap();
        for who in PEOPLE {
            let titles = guard.lines().filter_map(|line| line.strip_prefix(&format!("## {who}")));
            let expected: Vec<String> = (0..EDITS).map(|n| n.to_string()).collect();
            assert_eq!(titles.collect::<Vec<_>>(), expected, "in the order of writing:\n{guard}");
            assert_eq!(guard.matches(&format!("By-{who}.")).count(), EDITS);
        }
        place.run("verify").exits(0);
        eprintln!("{met} of {} edits met another", PEOPLE.len() * EDITS);
    }
}
