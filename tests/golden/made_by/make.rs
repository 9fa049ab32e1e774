//! Maker of the other goldens, kept for reading; no part of the build.
//!
//! At commit 1718bdf it was `tests/make.rs`, with `history.rs` and `golden_net` beside it. `run.sh` ran each of its tests by
//! itself, with the path of the program 0.1.0 in `GOLDEN_PROGRAM` and the address of a server in `GOLDEN_MONGODB`.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]
#![allow(dead_code)]

#[path = "golden_net/answers.rs"]
mod answers;
#[path = "golden_net/extended.rs"]
mod extended;
mod history;
#[path = "golden_net/kept.rs"]
mod kept;
#[path = "golden_net/place.rs"]
mod place;
#[path = "golden_net/said.rs"]
mod said;
#[path = "golden_net/scenarios.rs"]
mod scenarios;
#[path = "golden_net/server.rs"]
mod server;

use convoke::model::{ChatReply, Finish, Usage};
use convoke::store::sqlite::{OpenMode, Sqlite};
use convoke::store::{CallRecord, CallState, Lease, Status, Store};
use extended::Base;
use history::{History, Road};
use place::Place;
use serde_json::{Map, Value as Json, json};
use server::Server;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

fn program() -> PathBuf {
    PathBuf::from(std::env::var("GOLDEN_PROGRAM").unwrap())
}

fn text(lines: &[Json]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// Plays the scenarios. Bodies are built from the lines of `export --calls`, and compared with the hash that was kept and
/// with the bodies that the servers received.
#[test]
fn make_scenarios() {
    let (mut transcripts, mut requests) = (Vec::new(), Vec::new());
    for scenario in scenarios::all() {
        eprintln!("{}", scenario.name);
        let server = Server::start();
        let played = scenario.play(&Place::new(&server).of(&program()), &server);
        let mut sent = Vec::new();
        for call in &played.calls {
            let mut body = Map::new();
            body.insert("model".into(), call["model"].clone());
            body.insert("messages".into(), call["messages"].clone());
            body.extend(call["parameters"].as_object().unwrap().clone());
            let body = Json::Object(body).to_string();
            assert_eq!(call["body_sha256"], convoke::design::key::sha256(&body), "{call}");
            let is_sent = call["server"] == "lab" || call["server"] == "old";
            if is_sent {
                assert!(played.bodies.contains(&body), "{body}");
                sent.push(body.clone());
            }
            requests.push(json!({
                "scenario": scenario.name, "key": call["conversation"], "seq": call["seq"], "purpose": call["purpose"],
                "ask": call["ask"], "model": call["model"], "sent": is_sent, "body": body,
            }));
        }
        sent.sort();
        assert!(sent == played.bodies);
        transcripts.extend(played.transcripts);
    }
    fs::write(kept::folder().join("transcripts.jsonl"), text(&transcripts)).unwrap();
    fs::write(kept::folder().join("requests.jsonl"), text(&requests)).unwrap();
}

fn words(list: &[&str]) -> Json {
    json!(list)
}

/// Lists commands that look at everything; on a server, which is slow, at some of each kind.
fn looks(history: &History, is_thorough: bool) -> Vec<Json> {
    let look = |list: &[&str], out: &str| json!({ "words": words(list), "exit": 0, "out": out });
    let mut commands = vec![look(&["list", "--json"], "list.json")];
    let experiments = history.json("list --json");
    if experiments["data"].as_array().unwrap().len() > 1 {
        commands.push(look(&["verify", "--json"], "verify.json"));
    }
    for experiment in experiments["data"].as_array().unwrap() {
        let (id, name) = (what(experiment), file_name(experiment));
        commands.push(look(&["show", &id, "--json"], "experiments.jsonl"));
        let listed = history.json_of(&["list", &id, "--all", "--json"]);
        let all = listed["data"].as_array().unwrap();
        if all.len() > 500 {
            let mut list = look(&["list", &id, "--all", "--json"], &format!("list/{name}.all.sha256"));
            list["large"] = json!(true);
            commands.push(list);
        } else {
            commands.push(look(&["list", &id, "--all", "--json"], &format!("list/{name}.all.json")));
            let is_shown_whole = is_thorough || experiment["name"] == "harbour" || experiment["name"] == "debate";
            if is_shown_whole {
                commands.push(look(&["list", &id, "--json"], &format!("list/{name}.json")));
                commands.push(look(&["export", &id, "--format", "jsonl"], &format!("export/{name}.jsonl")));
            }
            if is_shown_whole || name.contains("odd") {
                commands.push(look(&["export", &id, "--all", "--format", "csv"], &format!("export/{name}.all.csv")));
            }
            let made = |format: &str, ending: &str| {
                json!(["export", id, "--all", "--format", format, "-o", format!("made/{name}{ending}")])
            };
            if is_shown_whole {
                commands.push(json!({ "words": made("md", ".all"), "exit": 0 }));
                commands.push(json!({ "words": made("folder", ".folder"), "exit": 0 }));
            }
            let mut calls = made("jsonl", ".all.jsonl");
            calls.as_array_mut().unwrap().push(json!("--calls"));
            commands.push(json!({ "words": calls, "exit": 0 }));
        }
        let mut seen: Vec<&Json> = Vec::new();
        for conversation in all {
            let is_new = !seen.contains(&&conversation["status"]);
            seen.push(&conversation["status"]);
            if is_thorough || is_new {
                commands.push(look(&["show", conversation["id"].as_str().unwrap(), "--json"], "conversations.jsonl"));
            }
        }
    }
    commands
}

/// Lists commands that look at the end.
fn ends(history: &History) -> Vec<Json> {
    let look = |list: &[&str], out: &str| json!({ "words": words(list), "exit": 0, "out": out });
    let mut commands = vec![look(&["list", "--json"], "list.json")];
    let experiments = history.json("list --json");
    // A server takes long to verify many conversations, and so does the export.
    if experiments["data"].as_array().unwrap().len() > 1 {
        commands.push(look(&["verify", "--json"], "verify.json"));
    }
    for experiment in experiments["data"].as_array().unwrap() {
        let (id, name) = (what(experiment), file_name(experiment));
        commands.push(look(&["export", &id, "--all", "--format", "jsonl"], &format!("{name}.jsonl")));
    }
    commands
}

/// The word by which ann means an experiment.
fn what(experiment: &Json) -> String {
    let is_name = experiment["creator"] == "ann" || experiment["name"] != "harbour";
    if is_name {
        experiment["name"].as_str().unwrap().to_owned()
    } else {
        format!("id:{}", experiment["id"].as_str().unwrap())
    }
}

fn file_name(experiment: &Json) -> String {
    let (name, creator) = (experiment["name"].as_str().unwrap(), experiment["creator"].as_str().unwrap());
    let safe: String = name.chars().map(|c| if c.is_alphanumeric() || c == '-' { c } else { '_' }).collect();
    format!("{creator}.{safe}")
}

/// Lists commands that bring everything to its end.
fn continuing(history: &History) -> Vec<Json> {
    let listed = |words: &str| history.json(words)["data"].as_array().unwrap().clone();
    if listed("list --json").iter().any(|e| e["name"] == "many") {
        let done = listed("list many --json").iter().filter(|c| c["status"] == "done").count();
        let limit = (done + 2).to_string();
        return vec![json!({ "as": "ann", "words": ["run", "many", "--offline", "--limit", limit] })];
    }
    let alone = listed("list harbour --all --json").into_iter().find(|c| c["status"] == "interrupted").unwrap();
    let line = |creator: &str, list: &str| json!({ "as": creator, "words": list.split(' ').collect::<Vec<_>>() });
    let typing = |list: &str, typed: &[&str]| json!({ "as": "ann", "words": list.split(' ').collect::<Vec<_>>(), "typed": typed });
    let mut commands = vec![
        line("ann", &format!("run {}", alone["id"].as_str().unwrap())),
        line("ann", "run harbour"),
        line("ann", "run market --more 2"),
        line("ben", "run ranges --days 1..2 --agents prisoner=1..2 --model quits --set goal=escape"),
        line("ann", "run ranges --offline --replicates 2 --jobs 1"),
        typing("talk person --as guard", &["Where were we?", ".", "Farewell, then.", "."]),
        line("ann", "run debate"),
        line("ann", "run moody --retry-failed"),
        line("ben", "run crashed"),
        line("ben", "run answered"),
        line("ben", "run harbour"),
        line("ann", "run heir"),
        line("ann", "run waiting --replicates 2 --offline"),
        line("ben", "run waiting"),
    ];
    let is_there = |name: &str| listed("list --json").iter().any(|e| e["name"] == name);
    if is_there("elsewhere") {
        commands.push(line("ann", "run elsewhere"));
    }
    commands
}

/// Gives commands, and notes the exit code of each.
fn go_on(place: &Place, mut commands: Vec<Json>) -> Vec<Json> {
    for command in &mut commands {
        command["exit"] = json!(0);
        eprintln!("{command}");
        let outcome = place.give(&place::Line::read(command));
        eprintln!("{}", outcome.err);
        command["exit"] = json!(outcome.code);
    }
    commands
}

fn write(folder: &Path, texts: &said::Texts) {
    for (path, text) in texts {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

/// Keeps the words of 0.1.0 about a database.
fn say(history: &History, folder: &str, is_thorough: bool) {
    let commands = looks(history, is_thorough);
    fs::write(kept::folder().join(format!("{folder}/said.jsonl")), text(&commands)).unwrap();
    write(&kept::folder().join(folder).join("said"), &said::gather(&history.place, &commands));
}

/// Writes every collection and its indexes.
fn dump(base: &Base, folder: &Path) {
    fs::create_dir_all(folder.join("documents")).unwrap();
    let mut indexes = Vec::new();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let client = runtime.block_on(mongodb::Client::with_uri_str(base.uri())).unwrap();
    let database = client.default_database().unwrap();
    for (collection, documents) in base.texts() {
        fs::write(folder.join(format!("documents/{collection}.jsonl")), text(&documents)).unwrap();
        runtime.block_on(async {
            let mut cursor = database.collection::<mongodb::bson::Document>(&collection).list_indexes().await.unwrap();
            while cursor.advance().await.unwrap() {
                let model: mongodb::IndexModel = cursor.deserialize_current().unwrap();
                let keys: Map<String, Json> =
                    model.keys.iter().map(|(n, v)| (n.clone(), extended::written(v))).collect();
                let unique = model.options.and_then(|o| o.unique).unwrap_or_default();
                if !keys.contains_key("_id") {
                    indexes.push(json!({ "collection": collection, "keys": keys, "unique": unique }));
                }
            }
        });
    }
    fs::write(folder.join("indexes.jsonl"), text(&indexes)).unwrap();
}

/// Continues a database, and keeps the words of 0.1.0 about the end.
fn end(history: &History, folder: &str) {
    let made = history.place.path().join("made");
    if made.is_dir() {
        fs::remove_dir_all(made).unwrap();
    }
    let commands = go_on(&history.place, continuing(history));
    fs::write(kept::folder().join(format!("{folder}/continue.jsonl")), text(&commands)).unwrap();
    let commands = ends(history);
    fs::write(kept::folder().join(format!("{folder}/ended.jsonl")), text(&commands)).unwrap();
    write(&kept::folder().join(folder).join("ended"), &said::gather(&history.place, &commands));
}

fn crashed(history: &History) {
    let rest = "[run]\nreplicates = 4\nseed = 4\n";
    history.folder("crashed", r#"["lab/plain"]"#, "messages = 5\nagents = { guard = 1, prisoner = 1 }", rest);
    history.run("ben", "run folders/crashed --limit 1", 0);
    history.killed("ben", "run folders/crashed --limit 2 --jobs 1", "messages", 1);
    history.folder(
        "answered",
        r#"["lab/plain"]"#,
        "messages = 5\nagents = { guard = 1, prisoner = 1 }",
        "[run]\nreplicates = 2\n",
    );
}

#[test]
fn make_sqlite() {
    let history = History::new(&program(), "sqlite:convoke.db");
    history.fill();
    crashed(&history);
    // No kill leaves an answer without its entry in a file, since both are stored as one. So the store's own verbs keep
    // an answer of the call that was sent.
    history.killed("ben", "run folders/answered --limit 1", "messages", 1);
    answer_what_was_sent(&history.place.path().join("convoke.db"));
    // One more comes from a MongoDB, where a kill did leave it.
    let elsewhere = Base::at(&std::env::var("GOLDEN_MONGODB").unwrap());
    let other = History::new(&program(), &elsewhere.uri());
    let protocol = "messages = 4\nagents = { guard = 1, prisoner = 1 }";
    other.folder("elsewhere", r#"["lab/plain"]"#, protocol, "");
    killed_before(&other, &elsewhere, "ann", "run folders/elsewhere", MESSAGE, 2);
    let copy = format!("store copy {} sqlite:convoke.db", elsewhere.uri());
    history.run("ann", &copy, 0);
    // A deletion is one transaction of a file. This one was killed while it waited for another process.
    history.folder("doomed", r#"["lab/plain"]"#, protocol, "");
    history.run("ann", "run folders/doomed", 0);
    let database = history.place.path().join("convoke.db");
    let other = rusqlite::Connection::open(&database).unwrap();
    other.execute_batch("begin immediate").unwrap();
    let mut delete = history.start("ann", "delete doomed --yes");
    std::thread::sleep(Duration::from_secs(1));
    delete.kill().unwrap();
    delete.wait().unwrap();
    other.execute_batch("rollback; pragma wal_checkpoint(truncate);").unwrap();
    drop(other);
    let left: Vec<String> =
        kept::files(history.place.path()).into_keys().filter(|f| f.contains("convoke.db")).collect();
    assert_eq!(left, ["convoke.db", "convoke.db.lock"]);
    fs::create_dir_all(kept::folder().join("sqlite")).unwrap();
    fs::copy(&database, kept::folder().join("sqlite/convoke.db")).unwrap();
    // A name means a stored experiment where there is no such folder.
    let history = History::new(&program(), "sqlite:convoke.db");
    let copy = history.place.path().join("convoke.db");
    fs::copy(&database, &copy).unwrap();
    say(&history, "sqlite", true);
    assert!(fs::read(&copy).unwrap() == fs::read(&database).unwrap());
    end(&history, "sqlite");
}

/// Does the work of a run between the answer and its entry.
fn answer_what_was_sent(database: &Path) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let store = Sqlite::open(database, OpenMode::Run, None).unwrap().store;
        let all = store.conversations(&convoke::store::Filter::default()).await.unwrap();
        let mut running = all.iter().map(|(c, _)| c).filter(|c| c.status == Status::Running && c.creator == "ben");
        let begun = running.find(|c| c.messages == 5 && c.replicate == 1).unwrap();
        let found = begun.lease.clone().unwrap();
        let lease = Lease {
            owner: found.owner,
            host: found.host,
            boot: found.boot,
            pid: found.pid,
            epoch: 0,
            until: found.until,
        };
        let epoch = store.claim(&begun.id, lease, false).await.unwrap().lease.unwrap().epoch;
        let mut open = store.history(&begun.id).await.unwrap().open;
        assert_eq!(open.len(), 1, "{open:?}");
        let sent = open.remove(0);
        assert_eq!(sent.state, CallState::Sent);
        let content = "This answer was kept without its entry.".to_owned();
        let raw = format!(r#"{{"content": "{content}"}}"#);
        let usage = Usage { prompt: Some(200), completion: Some(9), cached: None };
        let reply = ChatReply { content, finish: Finish::Stop, usage, raw, ..ChatReply::default() };
        let answered = Some(sent.sent + 5);
        let call = CallRecord { state: CallState::Answered, answered, reply: Some(reply), ..sent };
        store.settle(&begun.id, epoch, call).await.unwrap();
    });
}

/// Beginning of a command that inserts a message.
const MESSAGE: &[u8] = b"\x02insert\x00\x09\x00\x00\x00messages\x00";
/// Beginning of a command that deletes calls.
const NO_CALLS: &[u8] = b"\x02delete\x00\x06\x00\x00\x00calls\x00";
/// Beginning of a command that deletes messages.
const NO_MESSAGES: &[u8] = b"\x02delete\x00\x09\x00\x00\x00messages\x00";

/// Beginning of a command that marks an experiment.
const MARK: &[u8] = b"\x02update\x00\x0c\x00\x00\x00experiments\x00";

/// Starts a command on a road to the database.
fn start_on(
    history: &History,
    base: &Base,
    creator: &str,
    words: &str,
    to: impl Fn(u16) -> Road,
) -> (std::process::Child, Road) {
    let address = base.uri();
    let port = address.split([':', '/']).filter_map(|part| part.parse().ok()).next().unwrap();
    let road = to(port);
    let mut command = history.place.command(&history::line(creator, words));
    command.env("CONVOKE_STORE", address.replace(&port.to_string(), &road.port.to_string()));
    command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    eprintln!("{creator}: {words} … on a road that ends");
    (command.spawn().unwrap(), road)
}

/// Starts a command and kills it before the database hears of a message with these bytes, after so many that pass.
fn killed_before(history: &History, base: &Base, creator: &str, words: &str, bytes: &'static [u8], pass: usize) {
    let (run, road) = start_on(history, base, creator, words, |port| Road::to(port, bytes, pass, None));
    killed(run, &road);
}

fn killed(mut run: std::process::Child, road: &Road) {
    road.wait();
    run.kill().unwrap();
    run.wait().unwrap();
}

#[test]
fn make_mongodb() {
    let base = Base::at(&std::env::var("GOLDEN_MONGODB").unwrap());
    let history = History::new(&program(), &base.uri());
    history.fill();
    crashed(&history);
    killed_before(&history, &base, "ben", "run folders/answered --limit 1", MESSAGE, 2);
    let protocol = "messages = 4\nagents = { guard = 1, prisoner = 1 }";
    history.folder("doomed", r#"["lab/plain", "lab/silent"]"#, protocol, "");
    history.run("ann", "run folders/doomed", 0);
    let market = history.json("list market --json");
    let done = market["data"].as_array().unwrap().iter().find(|c| c["status"] == "done").unwrap();
    // Two deletions at once, since a command that writes first finishes older ones. Both end marked: of the conversation
    // nothing is gone yet, of the experiment the messages are.
    let road = |port| Road::to(port, NO_CALLS, 0, Some(MARK));
    let (of_experiment, road) = start_on(&history, &base, "ann", "delete doomed --yes", road);
    road.is_waited_at();
    killed_before(&history, &base, "ann", &format!("delete {} --yes", done["id"].as_str().unwrap()), NO_MESSAGES, 0);
    road.opens();
    killed(of_experiment, &road);
    keep(&base, "mongodb", Duration::from_secs(50));
}

/// Small offline conversations. Some are done when the run is interrupted, and it leaves a snapshot.
#[test]
fn make_many() {
    let base = Base::at(&std::env::var("GOLDEN_MONGODB").unwrap());
    let history = History::new(&program(), &base.uri());
    let protocol = "messages = 2\nagents = { guard = 1, prisoner = 1 }";
    history.folder("many", r#"["scripted"]"#, protocol, "[run]\nreplicates = 600\nseed = 6\n");
    let mut run = history.start("ann", "run folders/many --offline");
    history::until("the plan", || {
        let listed = history.place.give(&history::line("ann", "list many --json"));
        let listed: Json = serde_json::from_str(&listed.out).unwrap_or_default();
        let done = listed["data"].as_array().into_iter().flatten().filter(|c| c["status"] == "done").count();
        done >= 20
    });
    history::interrupt(&run);
    assert_eq!(run.wait().unwrap().code(), Some(130));
    keep(&base, "mongodb_many", Duration::ZERO);
}

/// Keeps a database, loads it again, and keeps the words of 0.1.0 about the copy and its end.
fn keep(base: &Base, folder: &str, lapses: Duration) {
    let path = kept::folder().join(folder);
    dump(base, &path);
    let began = std::time::Instant::now();
    let again = Base::at(&std::env::var("GOLDEN_MONGODB").unwrap());
    again.load(&path);
    eprintln!("loaded in {:?}", began.elapsed());
    let looked = History::new(&program(), &again.uri());
    say(&looked, folder, false);
    eprintln!("said after {:?}", began.elapsed());
    // Reading must change nothing.
    assert!(base.texts() == again.texts());
    std::thread::sleep(lapses);
    let began = std::time::Instant::now();
    end(&looked, folder);
    eprintln!("continued in {:?}", began.elapsed());
}
