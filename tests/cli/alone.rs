//! `convoke run ID`: one conversation is continued alone, as it was planned.

use crate::support::Place;
use crate::support::database::SMALL;
use rusqlite::Connection;

fn database(place: &Place) -> Connection {
    Connection::open(place.path().join("convoke.db")).unwrap()
}

/// The ids of conversations, in the order of creation.
fn ids(place: &Place, condition: &str) -> Vec<String> {
    let db = database(place);
    let mut found =
        db.prepare(&format!("select id from conversations where {condition} order by created, id")).unwrap();
    let rows = found.query_map([], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

/// Everything that a run of one conversation must not change.
fn kept(place: &Place) -> Vec<String> {
    let db = database(place);
    let sql = "select id || revision || status || created from conversations
               union all select id || revision || version from experiments
               union all select hash from revisions order by 1";
    let mut found = db.prepare(sql).unwrap();
    let rows = found.query_map([], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

/// Removes a conversation's progress.
fn take_back(place: &Place, id: &str) {
    let db = database(place);
    for sql in [
        "delete from messages where conversation = ?1",
        "delete from calls where conversation = ?1",
        "update conversations set status = 'pending', entries = 0, answered = 0, flags = '[]' where id = ?1",
    ] {
        db.execute(sql, [id]).unwrap();
    }
}

fn exported(place: &Place) -> String {
    place.run("export small --format jsonl --all").exits(0).out
}

/// Conversations of three plans: the last one of a changed experiment.
fn ran() -> Place {
    let place = Place::new();
    place.folder("small", SMALL);
    place.write("small/summarizer.md", "You keep the minutes.\n\n## Task\nSay what was agreed.\n");
    place.run("run small --offline --messages 6 --days 2 --seed 9 --limit 2").exits(0);
    place.run("run small --offline --model ollama/other --more 2 --only goal=escape").exits(0);
    let text = place.read("small/roles/guard.md");
    place.write("small/roles/guard.md", &format!("{text}\nAnd smile.\n"));
    place.run("run small --offline --yes").exits(0);
    place
}

#[test]
fn each_goes_on_as_it_was_planned() {
    let place = ran();
    let (before, texts) = (kept(&place), exported(&place));
    let all = ids(&place, "true");
    assert!(all.len() >= 9, "{all:?}");
    for id in &all {
        take_back(&place, id);
        assert_ne!(exported(&place), texts);
        let run = place.run(&format!("run {id}")).exits(0);
        assert!(run.err.contains("1 conversation: 0 done, 1 to do"), "{}", run.screen());
        assert!(!run.err.contains("has changed"), "{}", run.screen());
        assert!(exported(&place) == texts, "{id}: the transcripts differ");
        assert_eq!(kept(&place), before);
    }
    place.run("verify").exits(0);
    // The records of these runs mislead no later command.
    take_back(&place, &all[0]);
    place.run(&format!("run {}", &all[0][..10])).exits(0);
    assert_eq!(exported(&place), texts);
    let again = place.run("run small --offline").exits(0);
    assert!(again.err.contains(" 0 to do"), "{}", again.screen());
}

#[test]
fn nothing_to_do_is_said() {
    let place = ran();
    let id = &ids(&place, "days = 2")[0];
    let done = place.run(&format!("run {id}")).exits(0);
    assert!(done.err.contains("1 conversation: 1 done, 0 to do"), "{}", done.screen());
    database(&place).execute("update conversations set status = 'failed' where id = ?1", [id]).unwrap();
    let failed = place.run(&format!("run {id}")).exits(1);
    assert!(failed.err.contains("--retry-failed"), "{}", failed.screen());
    place.run(&format!("run {id} --retry-failed")).exits(0);
}

#[test]
fn what_narrows_or_is_not_known_is_refused() {
    let place = ran();
    let id = &ids(&place, "days = 2")[0];
    for flags in ["--days 2", "--offline", "--more 1", "--set messages=4", "--limit 1"] {
        let refused = place.run(&format!("run {id} {flags}")).exits(2);
        assert!(refused.err.contains(flags.split(' ').next().unwrap()), "{}", refused.screen());
    }
    database(&place).execute("update runs set overrides = null, flags = '[\"run\",\"small\"]'", []).unwrap();
    let unknown = place.run(&format!("run {id}")).exits(6);
    assert!(unknown.err.contains("hint: repeat the run with its flags: convoke run small …"), "{}", unknown.screen());
}
