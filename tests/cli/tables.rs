//! Tables of `convoke export`: rows of conversations and calls, their columns, and the codebook.

use crate::assert_screen;
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
    let expected = "conversation id experiment revision condition_model goal replicate seq purpose rung ask speaker role server \
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

/// Two experiments of one design have conversations with the same key.
#[test]
fn a_key_of_two_experiments_names_none() {
    let place = Place::new();
    place.folder("small", SMALL);
    place.run("run small --offline --limit 1").exits(0);
    place.run("duplicate small --name other").exits(0);
    place.run("run other --offline --limit 1").exits(0);
    let key = rows(&place, "")[0]["conversation"].as_str().unwrap().to_owned();
    assert!(place.run("export other --format jsonl").exits(0).out.contains(&key));
    place.run(&format!("show {key}")).exits(6);
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
    let key = ids[0]["conversation"].as_str().unwrap();
    let shown = place.run(&format!("show {id}")).exits(0).out;
    for name in [key, &key[..12]] {
        assert_eq!(place.run(&format!("show {name}")).exits(0).out, shown, "the key of an export names it, too");
    }
    for refused in ["--format jsonl --times", "--format md --ids", "--format jsonl --for-spreadsheets"] {
        place.run(&format!("export small {refused}")).exits(2);
    }
    place.run("export small --format csv --rows conversations --times").exits(2);
    place.run("export small --format folder --rows calls").exits(2);
}

#[test]
fn a_summary_counts_by_condition() {
    let place = made();
    let summary = place.run("summary small --json").exits(0).json()["data"].clone();
    assert_eq!(summary["by"], serde_json::json!(["model", "goal"]));
    let total = &summary["total"];
    assert_eq!([&total["conversations"], &total["status"]["done"], &total["status"]["pending"]], [6, 1, 3]);
    assert_eq!([&total["ended_by"]["messages"], &total["ended_by"]["unknown"]], [1, 0]);
    let conversations = rows(&place, "--rows conversations");
    for name in ["turns", "words", "completion_tokens"] {
        let sum: u64 = conversations.iter().filter_map(|row| row[name].as_u64()).sum();
        assert_eq!(total[name], sum, "{name}");
    }
    let groups = summary["groups"].as_array().unwrap();
    let goals: Vec<&str> = groups.iter().map(|group| group["condition"]["goal"].as_str().unwrap()).collect();
    assert_eq!(goals, ["escape", "yard-time"], "in the order of the design");
    assert_eq!(groups.iter().map(|group| group["words"].as_u64().unwrap()).sum::<u64>(), total["words"]);
    assert_screen!(place.run("summary small --by goal").exits(0));
    assert_screen!(place.run("summary small --by gaol").exits(2));
    sql(&place, "update calls set reply = json_set(reply, '$.usage.prompt', null) where seq = 1");
    let unknown = place.run("summary small --by model --json").exits(0).json()["data"]["groups"][0].clone();
    assert_eq!(unknown["prompt_tokens"], Json::Null, "one reply has no count");
    assert_eq!(
        (&unknown["completion_tokens"], unknown["condition"].as_object().unwrap().len()),
        (&total["completion_tokens"], 1)
    );
}

#[test]
fn a_summary_in_csv_has_the_columns_of_the_page() {
    let place = made();
    let out = place.run("summary small --by goal --format csv").exits(0).out;
    let mut reader = csv::Reader::from_reader(out.as_bytes());
    let header: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    assert_eq!((header[0].as_str(), reader.records().count()), ("goal", 2));
    let family = |name: &String| match name.split_once('_') {
        Some(("status", _)) => "status_STATUS".to_owned(),
        Some(("ended", _)) => "ended_by_END".to_owned(),
        Some(("flag", _)) => "flag_FLAG".to_owned(),
        _ => name.clone(),
    };
    let mut found: Vec<String> = header.iter().skip(1).map(family).collect();
    found.dedup();
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/data.md")).unwrap();
    let section = page.split("## `convoke summary").nth(1).unwrap();
    let named: Vec<&str> = section.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    assert_eq!(["condition".to_owned()].iter().chain(&found).collect::<Vec<_>>(), named);
}

#[test]
fn a_factor_that_is_named_twice_has_one_column() {
    let place = made();
    let once = place.run("summary small --by goal --format csv").exits(0).out;
    assert_eq!(place.run("summary small --by goal --by goal --format csv").exits(0).out, once);
    let json = place.run("summary small --by goal --by model --by goal --json").exits(0).json();
    assert_eq!(json["data"]["by"], serde_json::json!(["goal", "model"]));
}

#[test]
fn levels_of_a_summary_start_no_formula_in_a_spreadsheet() {
    let place = Place::new();
    let formula = |text: &str| text.replace("{goal=yard-time}", "{goal=\"=1+1\"}").replace("yard-time", "=1+1");
    for (path, text) in SMALL {
        place.write(&format!("small/{path}"), &formula(text));
    }
    place.run("run small --offline").exits(0);
    let plain = place.run("summary small --by goal --format csv").exits(0).out;
    assert!(plain.contains("\n=1+1,"), "{plain}");
    let safe = place.run("summary small --by goal --format csv --for-spreadsheets").exits(0).out;
    assert!(safe.contains("\n'=1+1,") && !safe.contains("\n=1+1,"), "{safe}");
    place.run("summary small --for-spreadsheets").exits(2);
}

/// A factor has one name in all tables, so that they can be joined.
#[test]
fn a_factor_has_one_column_name_in_every_table() {
    let place = Place::new();
    let factors = "[factors]\nmessages = [3, 5]\nseed = [\"a\"]\nconversations = [\"b\"]\n";
    place.folder("small", SMALL);
    let text = place.read("small/experiment.toml").replace("[factors]\n", factors);
    place.write("small/experiment.toml", &text);
    place.run("run small --offline --limit 4").exits(0);
    place.words(&["ask", "small", "Why?", "--limit", "1"], &[]).exits(0);
    let header = |line: &str| place.run(line).exits(0).out.lines().next().unwrap().to_owned();
    for rows in ["entries", "answers", "conversations", "calls"] {
        let header = header(&format!("export small --format csv --rows {rows}"));
        let expected = "condition_model,condition_messages,condition_seed,condition_conversations,goal,";
        assert!(header.contains(expected), "{rows}: {header}");
    }
    assert!(
        header("summary small --by messages --by seed --format csv").starts_with("condition_messages,condition_seed,")
    );
}
