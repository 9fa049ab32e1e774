//! Databases of 0.1.0 on a server of the MongoDB protocol, loaded document by document. They read as 0.1.0 read them, and
//! come to the same end. Where a variable names no server, the tests say loudly that they are skipped.

use crate::extended::Base;
use crate::kept;
use crate::place::Place;
use crate::said;
use crate::server::Server;

/// Reads a variable; none where it is unset.
fn variable(name: &str) -> Option<String> {
    let value = std::env::var(name).ok().filter(|v| !v.is_empty());
    if value.is_none() {
        assert!(std::env::var_os("CONVOKE_TEST_REQUIRE_SERVERS").is_none(), "{name} is unset");
        eprintln!("SKIPPED: {name} is unset, so nothing was tried on a real server");
    }
    value
}

/// Loads a database, reads it and continues it.
fn reads_and_continues(folder: &str) {
    let Some(address) = variable("CONVOKE_TEST_MONGODB_URI") else { return };
    let base = Base::at(&address);
    base.load(&kept::folder().join(folder));
    let server = Server::start();
    let place = |base: &Base| {
        let mut place = Place::new(&server);
        place.store = base.uri();
        place
    };
    let before = base.texts();
    said::holds(&place(&base), &format!("{folder}/said"));
    assert!(base.texts() == before, "reading changed something in {folder}");
    said::continued(&place(&base), &format!("{folder}/continue.jsonl"));
    said::holds(&place(&base), &format!("{folder}/ended"));
}

#[test]
fn a_database_of_years_is_read_and_continued() {
    reads_and_continues("mongodb");
}

#[test]
fn a_database_with_a_snapshot_is_read_and_continued() {
    reads_and_continues("mongodb_many");
}
