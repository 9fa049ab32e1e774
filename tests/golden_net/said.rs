//! Lists of commands, and the texts that they print and write.

use crate::kept;
use crate::place::{Line, Place};
use convoke::design::key::sha256;
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// Texts by the name of the file that keeps them.
pub type Texts = BTreeMap<String, String>;

/// Gives each command `{words, as, exit, out, large}` in order. Their output goes to the file `out`, one after the other;
/// of `large` ones only its hash is kept. Files that they write to the folder `made` are taken as they are.
pub fn gather(place: &Place, commands: &[Json]) -> Texts {
    let mut texts = Texts::new();
    for command in commands {
        let line = Line::read(command);
        let outcome = place.run(&as_of_old(place, line));
        if let Some(file) = command["out"].as_str() {
            let text = renamed_back(command, outcome.out);
            let text = if command["large"] == true { format!("{}\n", sha256(&text)) } else { text };
            texts.entry(file.to_owned()).or_default().push_str(&text);
        }
    }
    let made = place.path().join("made");
    let made = if made.is_dir() { kept::files(&made) } else { BTreeMap::new() };
    let text_of = |path: &str, bytes| {
        let text = String::from_utf8(bytes).unwrap();
        if path.contains(".jsonl") && !path.contains(".calls.") { lines_of_01(&text) } else { text }
    };
    texts.extend(made.into_iter().map(|(path, bytes)| (format!("made/{path}"), text_of(&path, bytes))));
    texts
}

/// Gives the rows of an export the names of 0.1.0: takes out what 0.2 added, and leaves every other byte.
fn renamed_back(command: &Json, text: String) -> String {
    let has = |word: &str| command["words"].as_array().unwrap().iter().any(|w| w == word);
    if (has("show") || has("list")) && has("--json") {
        return notes_of_01(&without_progress(&fields_of_01(&text)));
    }
    match (has("export"), has("jsonl"), has("csv")) {
        (true, true, _) => lines_of_01(&text),
        (true, _, true) => table_of_01(&text),
        _ => text,
    }
}

/// Ids of the conversations that 0.1.0 showed as running, since their process was killed.
fn killed(shown: &str) -> Vec<String> {
    let data = shown.lines().filter_map(|line| Some(serde_json::from_str::<Json>(line).ok()?["data"].take()));
    data.filter(|one| one["status"] == "running").filter_map(|one| Some(one["id"].as_str()?.to_owned())).collect()
}

/// Shows conversations as running whose process was killed. 0.2 shows them as interrupted, with the reason.
fn running_again(text: &str, killed: &[String]) -> String {
    let mut text = text.to_owned();
    for id in killed {
        let begin = format!(r#""id":"{id}""#);
        let (mut again, mut rest) = (String::new(), text.as_str());
        while let Some((before, after)) = rest.split_once(&begin) {
            again.extend([before, begin.as_str()]);
            let (status, later) = after.split_once(r#""status":"interrupted""#).unwrap_or((after, ""));
            again += status;
            again += if later.is_empty() { "" } else { r#""status":"running""# };
            rest = later;
        }
        again += rest;
        let line = |line: &str| {
            let is_row = line.starts_with('|') && line.contains(id.as_str());
            if is_row { line.replace("| interrupted |", "| running |") } else { line.to_owned() }
        };
        text = again.split_inclusive('\n').map(line).collect();
    }
    for (begin, end, instead) in [
        (r#""reason":"its process ended (pid"#, "\"", r#""reason":null"#),
        ("| interrupted: its process ended", "|", "| running |"),
    ] {
        while let Some((before, after)) = text.split_once(begin) {
            let (_, rest) = after.split_once(end).unwrap();
            text = format!("{before}{instead}{rest}");
        }
    }
    text
}

/// Takes out the number of messages so far, which `list` shows since 0.2.
fn without_progress(json: &str) -> String {
    let mut pieces = json.split(r#","messages_so_far":"#);
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |text, piece| text + piece.trim_start_matches(|c: char| c.is_ascii_digit()))
}

/// Gives items of others the note of their creator, which 0.1.0 showed as everybody's.
fn notes_of_01(text: &str) -> String {
    fn give(value: &mut Json) {
        match value {
            Json::Array(items) => items.iter_mut().for_each(give),
            Json::Object(fields) => {
                if let Some(notes) = fields.shift_remove("notes") {
                    assert_eq!(
                        (notes[0]["by"].as_str(), notes.as_array().unwrap().len()),
                        (fields["creator"].as_str(), 1)
                    );
                    fields["note"] = notes[0]["note"].clone();
                }
                fields.values_mut().for_each(give);
            }
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
        }
    }
    let line = |line: &str| {
        if !line.contains(r#","notes":[{"by":"#) {
            return line.to_owned();
        }
        let mut value: Json = serde_json::from_str(line).unwrap();
        give(&mut value);
        value.to_string() + if line.ends_with('\n') { "\n" } else { "" }
    };
    text.split_inclusive('\n').map(line).collect()
}

/// A quote within a string is escaped, so these texts are found as keys only.
fn fields_of_01(json: &str) -> String {
    json.replace(r#","position":"#, r#","index":"#).replace(r#","reply_flags":"#, r#","flags":"#)
}

fn lines_of_01(text: &str) -> String {
    text.lines().map(|line| line_of_01(line) + "\n").collect()
}

fn line_of_01(line: &str) -> String {
    let (before, rest) = line.split_once(r#","revision":""#).unwrap();
    let (added, after) = rest.split_once(r#","condition":{"#).unwrap();
    let (revision, rest) = added.split_once(r#"","status":""#).unwrap();
    let (status, ended_by) = rest.split_once(r#"","ended_by":"#).unwrap();
    let is_done = status == "done";
    let ends = ["\"messages\"", "\"stop-phrase\"", "\"silence\""];
    assert!(revision.len() == 64 && (if is_done { ends.contains(&ended_by) } else { ended_by == "null" }), "{line}");
    format!(r#"{before},"condition":{{{}"#, fields_of_01(after))
}

fn table_of_01(text: &str) -> String {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().unwrap().clone();
    let kept: Vec<usize> =
        (0..header.len()).filter(|n| !["revision", "status", "ended_by", "words"].contains(&&header[*n])).collect();
    let name = |n: &usize| match &header[*n] {
        "position" => "index".to_owned(),
        "reply_flags" => "flags".to_owned(),
        // Factors, whose names are those of columns now, of this table or of another.
        "condition_status" => "status".to_owned(),
        "condition_days" => "days".to_owned(),
        "condition_messages" => "messages".to_owned(),
        other => other.replace("condition_", "condition.").replace("agents_", "agents."),
    };
    // A formula had a quote before it.
    let cell = |cell: &str| {
        let is_guarded = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
        if is_guarded { format!("'{cell}") } else { cell.to_owned() }
    };
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(kept.iter().map(name)).unwrap();
    for record in reader.records().map(Result::unwrap) {
        writer.write_record(kept.iter().map(|n| cell(&record[*n]))).unwrap();
    }
    String::from_utf8(writer.into_inner().unwrap()).unwrap()
}

/// Fails where the commands of `FOLDER.jsonl` print or write other texts than `FOLDER` holds.
#[track_caller]
pub fn holds(place: &Place, folder: &str) {
    let mut found = gather(place, &kept::lines(&format!("{folder}.jsonl")));
    let kept = kept::files(&kept::folder().join(folder));
    let killed = kept.get("conversations.jsonl").map(|file| killed(&String::from_utf8_lossy(file))).unwrap_or_default();
    for text in found.values_mut() {
        *text = running_again(text, &killed);
    }
    let names = |all: Vec<&String>| all.into_iter().cloned().collect::<Vec<_>>().join("\n");
    kept::equal(&format!("the files of {folder}"), &names(found.keys().collect()), &names(kept.keys().collect()));
    for (path, text) in &found {
        let kept = String::from_utf8_lossy(&kept[path]);
        let (text, kept) = if matches!(path.as_str(), "list.json" | "experiments.jsonl") {
            of_old_counts(text, &kept)
        } else {
            (text.clone(), kept.into_owned())
        };
        kept::equal(&format!("{folder}/{path}"), &text, &kept);
    }
}

/// Selects what 0.1.0 selected: conversations of the current revision, offline ones and every status included.
fn as_of_old(place: &Place, mut line: Line) -> Line {
    let is_all = line.words.iter().any(|word| word == "--all");
    let selects = matches!(line.words[0].as_str(), "list" | "export") && !line.words[1].starts_with('-');
    if selects && !is_all {
        let shown = place.run(&Line { words: vec!["show".to_owned(), line.words[1].clone()], ..line.clone() }).out;
        let revision = shown.lines().find_map(|line| line.trim().strip_prefix("revision")).unwrap().trim();
        line.words.extend(["--all", "--revision", revision].map(str::to_owned));
    }
    line
}

/// Returns lines with experiments in which offline conversations count like all others, as in 0.1.0: where `found` counts
/// some apart, both have the sum alone.
fn of_old_counts(found: &str, kept: &str) -> (String, String) {
    let read = |text: &str| text.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Json>>();
    let (mut found, mut kept) = (read(found), read(kept));
    for (now, then) in found.iter_mut().zip(&mut kept) {
        for (now, then) in experiments(now).into_iter().zip(experiments(then)) {
            let counts = now["conversations"].as_object_mut().unwrap();
            counts.remove("older");
            if counts.contains_key("offline") {
                for experiment in [now, then] {
                    let counts = experiment["conversations"].as_object().unwrap();
                    experiment["conversations"] = counts.values().map(|n| n.as_u64().unwrap()).sum::<u64>().into();
                }
            }
        }
    }
    (kept::in_lines(found), kept::in_lines(kept))
}

fn experiments(line: &mut Json) -> Vec<&mut Json> {
    match &mut line["data"] {
        Json::Array(experiments) => experiments.iter_mut().collect(),
        experiment => vec![experiment],
    }
}

/// Gives the commands of a file.
pub fn continued(place: &Place, file: &str) {
    for command in kept::lines(file) {
        place.run(&Line::read(&command));
    }
}
