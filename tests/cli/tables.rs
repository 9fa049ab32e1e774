//! Tables of `convoke export`: rows of conversations and calls, their columns, and the codebook.

use crate::support::Place;
use crate::support::database::{FRIENDLY, Fate, SMALL};
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;

const FATES: &[Fate] = &[Fate::Done, Fate::Interrupted(2), Fate::Pending, Fate::Failed(1)];

fn made() -> Place {
    let place = Place::new();
    place.database(FATES, FRIENDLY);
    place
}

fn rows(place: &Place, arguments: &str) -> Vec<Map<String, Json>> {
    let out = place.run(&format!("export small --all --format jsonl {arguments}")).exits(0).out;
    out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Header and records of a table.
fn table(place: &Place, arguments: &str) -> (Vec<String>, Vec<BTreeMap<String, String>>) {
    let out = place.run(&format!("export small --all --format csv {arguments}")).exits(0).out;
    let mut reader = csv::Reader::from_reader(out.as_bytes());
    let header: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    let record = |cells: csv::StringRecord| header.iter().cloned().zip(cells.iter().map(str::to_owned)).collect();
    let records = reader.records().map(|cells| record(cells.unwrap())).collect();
    (header, records)
}

fn sql(place: &Place, statement: &str) {
    rusqlite::Connection::open(place.path().join("convoke.db")).unwrap().execute_batch(statement).unwrap();
}

#[test]
fn a_row_for_each_conversation() {
    let place = made();
    let rows = rows(&place, "--rows conversations");
    let keys: Vec<&str> = rows[0].keys().map(String::as_str).filter(|key| !key.starts_with("flag_")).collect();
    let expected = "conversation id experiment revision creator status reason ended_by condition replicate seed offline \
        begun ended turns turns_guard turns_prisoner words words_guard words_prisoner prompt_tokens completion_tokens \
        prompt_tokens_guard prompt_tokens_prisoner completion_tokens_guard completion_tokens_prisoner seconds waited \
        calls retries possible_spend rejected models messages days speakers programs starred note";
    assert_eq!(keys.join(" "), expected);
    let statuses = |status: &str| rows.iter().filter(|row| row["status"] == status).count();
    assert_eq!([statuses("done"), statuses("interrupted"), statuses("pending"), statuses("failed")], [1, 1, 3, 1]);
    let done = rows.iter().find(|row| row["status"] == "done").unwrap();
    let number = |name: &str| done[name].as_u64().unwrap();
    let (turns, words) = (FRIENDLY.len(), FRIENDLY.join(" ").split_whitespace().count());
    assert_eq!((number("turns"), number("words")), (turns as u64, words as u64));
    assert_eq!(number("turns_guard") + number("turns_prisoner"), number("turns"));
    assert_eq!(number("words_guard") + number("words_prisoner"), number("words"));
    assert_eq!(number("prompt_tokens"), 50 + 51 + 52 + 53);
    assert_eq!(number("prompt_tokens_guard"), 50 + 52);
    assert_eq!([number("completion_tokens"), number("completion_tokens_prisoner")], [32, 16]);
    assert_eq!([&done["seconds"], &done["waited"]], [&Json::from(2.8), &Json::from(0.1)]);
    assert_eq!([number("calls"), number("retries"), number("flag_length")], [4, 1, 1]);
    assert_eq!((&done["ended_by"], &done["begun"]), (&"messages".into(), &"2026-11-20T09:08:07.006Z".into()));
    assert_eq!((&done["ended"], &done["reason"]), (&"2026-11-20T09:08:14.506Z".into(), &Json::Null));
    let cut = rows.iter().find(|row| row["status"] == "interrupted").unwrap();
    assert_eq!((&cut["possible_spend"], &cut["ended"], &cut["reason"]), (&1.into(), &Json::Null, &"Ctrl-C".into()));
}

#[test]
fn unknown_numbers_are_empty() {
    let place = made();
    let pending = |rows: &[Map<String, Json>]| rows.iter().find(|row| row["status"] == "pending").unwrap().clone();
    let row = pending(&rows(&place, "--rows conversations"));
    for name in ["prompt_tokens", "completion_tokens_guard", "seconds", "begun", "ended", "ended_by"] {
        assert_eq!(row[name], Json::Null, "{name}");
    }
    assert_eq!((&row["turns"], &row["calls"], &row["flag_empty"]), (&0.into(), &0.into(), &0.into()));
    sql(&place, "update calls set reply = json_set(reply, '$.usage.prompt', null) where seq = 1");
    let (_, records) = table(&place, "--rows conversations");
    let done = records.iter().find(|record| record["status"] == "done").unwrap();
    let names = ["prompt_tokens", "prompt_tokens_guard", "prompt_tokens_prisoner", "completion_tokens"];
    assert_eq!(names.map(|name| done[name].as_str()), ["", "", "104", "32"]);
    let (_, records) = table(&place, "--times");
    let cells = |record: &BTreeMap<String, String>| {
        ["prompt_tokens", "completion_tokens", "seconds", "attempts"].map(|name| record[name].clone()).join(",")
    };
    let done: Vec<String> = records.iter().filter(|r| r["status"] == "done").map(cells).collect();
    assert_eq!(done, [",,,", ",8,0.7,1", "51,8,0.7,2", "52,8,0.7,1", "53,8,0.7,1"]);
}

#[test]
fn a_row_for_each_call() {
    let place = made();
    let (header, records) = table(&place, "--rows calls");
    let expected = "conversation id experiment revision condition_model goal replicate seq purpose ask speaker role server \
        model served state finish_reason prompt_tokens completion_tokens cached_tokens seconds waited attempts \
        possible_spend sent";
    assert_eq!(header.join(" "), expected);
    assert_eq!(records.len(), 4 + 3 + 1);
    let states = |state: &str| records.iter().filter(|record| record["state"] == state).count();
    assert_eq!([states("answered"), states("sent")], [7, 1]);
    let open = records.iter().find(|record| record["state"] == "sent").unwrap();
    let cell = |name: &str| open[name].as_str();
    assert_eq!([cell("role"), cell("possible_spend"), cell("seconds"), cell("served")], ["guard", "1", "", ""]);
    assert!(cell("speaker").starts_with("Guard_"), "{open:?}");
    let said = place.run("export small --all --format csv --rows calls -o calls.csv").exits(0).err;
    assert!(said.contains("conversations, 8 calls"), "{said}");
}

/// A run of 0.1 left no `ended_by`. It is derived where the plan of a run gives the key, and is else unknown.
#[test]
fn how_it_ended_is_derived_and_never_guessed() {
    let place = Place::new();
    place.folder("small", SMALL);
    let phrases = "stop_phrases=[\"“prisoner”\"]";
    place.words(&["run", "./small", "--offline", "--set", "messages=9", "--set", phrases], &[]).exits(0);
    place.run("run ./small --offline --replicates 1 --only goal=escape").exits(0);
    let stored = place.run("export small --all --format jsonl").exits(0).out;
    for end in ["stop-phrase", "messages"] {
        assert!(stored.contains(&format!("\"status\":\"done\",\"ended_by\":\"{end}\"")), "{end}");
    }
    sql(&place, "update conversations set ended_by = null");
    assert!(place.run("export small --all --format jsonl").exits(0).out == stored, "derived as it was stored");
    sql(&place, "delete from runs");
    let unknown = rows(&place, "--rows conversations");
    assert!(unknown.iter().all(|row| row["status"] == "done" && row["ended_by"] == Json::Null));
}

#[test]
fn the_codebook_describes_the_columns_of_that_export() {
    let place = made();
    for arguments in ["", "--times --ids", "--rows conversations", "--rows calls"] {
        let (header, _) = table(&place, arguments);
        let (_, book) = table(&place, &format!("--codebook {arguments}"));
        let columns: Vec<&str> = book.iter().map(|line| line["column"].as_str()).collect();
        assert_eq!(columns, header, "{arguments}");
        let factors: Vec<&str> = book.iter().map(|line| line["factor"].as_str()).filter(|f| !f.is_empty()).collect();
        assert_eq!(factors, ["model", "goal"], "{arguments}");
        assert!(book.iter().all(|line| !line["about"].is_empty() && !line["type"].is_empty()), "{arguments}");
    }
    let book = rows(&place, "--codebook");
    let names: Vec<&str> = book.iter().map(|line| line["column"].as_str().unwrap()).collect();
    assert!(names.contains(&"condition.goal") && !names.contains(&"words"), "{names:?}");
    place.run("export small --all --format csv --rows conversations --codebook -o made/c.csv").exits(0);
    assert_eq!(place.files("made"), ["made/c.codebook.csv", "made/c.csv"]);
    assert!(place.read("made/c.codebook.csv").contains("turns_guard,,guard,integer,speeches,"));
}

#[test]
fn ids_are_in_rows_only_if_they_are_asked_for() {
    let place = made();
    let plain = place.run("export small --all --format jsonl").exits(0).out;
    assert!(!plain.contains("\"id\":"), "it differs between databases");
    let ids = rows(&place, "--ids");
    let first: Vec<&str> = ids[0].keys().take(3).map(String::as_str).collect();
    assert_eq!(first, ["conversation", "id", "experiment"]);
    let id = ids[0]["id"].as_str().unwrap();
    place.run(&format!("show {id}")).exits(0);
    for refused in ["--format jsonl --times", "--format md --ids", "--format jsonl --for-spreadsheets"] {
        place.run(&format!("export small {refused}")).exits(2);
    }
    place.run("export small --format csv --rows conversations --times").exits(2);
    place.run("export small --format folder --rows calls").exits(2);
}
