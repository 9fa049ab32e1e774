//! Whole runs through the program, against a real Ollama and its OpenAI-compatible endpoint with the models `tiny`
//! and `tiny-b`. Where variables name no server each test says loudly that it is skipped; with
//! `CONVOKE_TEST_REQUIRE_SERVERS=1` that is a failure.

#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "helpers of tests fail as tests do")]

use serde_json::Value as Json;
use std::sync::Mutex;
use tempfile::TempDir;

/// Servers reload a model to change its context: one test at a time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// A folder of its own, and the servers.
struct Place {
    dir: TempDir,
    variables: Vec<(&'static str, String)>,
    _turn: std::sync::MutexGuard<'static, ()>,
}

/// Outcome of a command.
struct Outcome {
    code: i32,
    out: String,
    err: String,
}

fn place() -> Option<Place> {
    let turn = ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut variables = Vec::new();
    for (from, to) in [
        ("CONVOKE_TEST_OLLAMA_HOST", "OLLAMA_HOST"),
        ("CONVOKE_TEST_OPENAI_BASE_URL", "OPENAI_BASE_URL"),
        ("CONVOKE_TEST_OPENAI_API_KEY", "OPENAI_API_KEY"),
    ] {
        let Some(value) = std::env::var(from).ok().filter(|v| !v.is_empty()) else {
            let required = std::env::var("CONVOKE_TEST_REQUIRE_SERVERS").is_ok_and(|v| v == "1");
            assert!(!required, "{from} is not set, and CONVOKE_TEST_REQUIRE_SERVERS=1 needs it");
            eprintln!("SKIPPED: {from} is not set, so nothing was run on a real server");
            return None;
        };
        variables.push((to, value));
    }
    Some(Place { dir: tempfile::tempdir().unwrap(), variables, _turn: turn })
}

impl Place {
    /// Writes an experiment of short messages. `models` is TOML; `more` comes after `[protocol]`'s first keys.
    fn experiment(&self, name: &str, models: &str, more: &str) {
        self.experiment_of(name, models, 6, "{ guard = 1, prisoner = 1 }", more);
    }

    fn experiment_of(&self, name: &str, models: &str, messages: u32, agents: &str, more: &str) {
        let folder = self.dir.path().join(name);
        std::fs::create_dir_all(folder.join("roles")).unwrap();
        let toml = format!(
            "name = \"{name}\"\nmodels = [{models}]\n[protocol]\nmessages = {messages}\nagents = {agents}\n{more}\n\
             [roles.guard]\nplural = \"guards\"\npronouns = \"he/his\"\n\
             [roles.prisoner]\nplural = \"prisoners\"\npronouns = \"he/his\"\n"
        );
        std::fs::write(folder.join("experiment.toml"), toml).unwrap();
        std::fs::write(folder.join("summarizer.md"), "Summarise the talk.\n").unwrap();
        for role in ["guard", "prisoner"] {
            let text = format!("You are a {role}.\n\n## Goal\nTalk of the yard.\n");
            std::fs::write(folder.join(format!("roles/{role}.md")), text).unwrap();
        }
    }

    fn run(&self, line: &str) -> Outcome {
        self.run_in(self.dir.path(), line)
    }

    fn run_in(&self, folder: &std::path::Path, line: &str) -> Outcome {
        let output = self.command(folder, line).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Outcome { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }

    fn command(&self, folder: &std::path::Path, line: &str) -> std::process::Command {
        let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin("convoke"));
        command
            .current_dir(folder)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.dir.path())
            .env("XDG_CONFIG_HOME", self.dir.path().join("configuration"))
            .env("DB_USER", "tester")
            .envs(self.variables.clone())
            .args(line.split(' '));
        command
    }

    fn data(&self, line: &str) -> Json {
        let outcome = self.run(line).exits(0);
        serde_json::from_str::<Json>(&outcome.out).unwrap()["data"].clone()
    }

    /// Each conversation of an experiment, with its calls.
    fn shown(&self, experiment: &str) -> Vec<Json> {
        let ids = self.data(&format!("list {experiment} --json"));
        let ids = ids.as_array().unwrap().iter().map(|c| c["id"].as_str().unwrap().to_owned());
        ids.map(|id| self.data(&format!("show {id} --calls --json"))).collect()
    }

    fn verified(&self) {
        let verify = self.run("verify").exits(0);
        assert!(verify.out.contains("whole and in order"), "{}", verify.out);
    }
}

impl Outcome {
    #[track_caller]
    fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "--- out\n{}\n--- err\n{}", self.out, self.err);
        self
    }
}

fn calls(conversation: &Json) -> &Vec<Json> {
    conversation["calls"].as_array().unwrap()
}

#[test]
fn two_models_at_once_on_both_protocols() {
    let Some(place) = place() else { return };
    for (name, server) in [("native", "ollama"), ("compatible", "openai")] {
        let models = format!(
            r#"{{ id = "{server}/tiny", max_tokens = 30, temperature = 0.5 }}, {{ id = "{server}/tiny-b", max_tokens = 30, temperature = 0.5 }}"#
        );
        place.experiment(name, &models, "");
        place.run(&format!("run {name} --no-input")).exits(0);
        let shown = place.shown(name);
        assert_eq!(shown.len(), 2);
        for conversation in &shown {
            assert_eq!((conversation["status"].as_str(), calls(conversation).len()), (Some("done"), 5));
            for call in calls(conversation) {
                recorded(call, server);
            }
        }
        let again = place.run(&format!("run {name} --no-input")).exits(0);
        assert!(again.err.contains("nothing is missing"), "{}", again.err);
    }
    place.verified();
}

/// Checks that a call stores the request and the response.
#[track_caller]
fn recorded(call: &Json, server: &str) {
    assert_eq!(call["body_matches"], true, "{call:#}");
    let sent = &call["parameters"];
    let (temperature, longest) = match server {
        "ollama" => (&sent["options"]["temperature"], &sent["options"]["num_predict"]),
        _ => (&sent["temperature"], &sent["max_tokens"]),
    };
    assert_eq!((temperature.as_f64(), longest.as_u64()), (Some(0.5), Some(30)), "{sent}");
    assert_eq!(sent["options"]["seed"].is_u64(), server == "ollama", "a server that needs none gets none: {sent}");
    assert_eq!(call["served"]["model"], call["model"], "{call:#}");
    let digest = call["served"]["digest"].as_str().map(str::len);
    assert_eq!(digest, (server == "ollama").then_some(64), "{call:#}");
    let tokens = |name: &str| call["usage"][name].as_u64().unwrap_or(0);
    assert!(tokens("prompt") > 5 && (1..=30).contains(&tokens("completion")), "{call:#}");
    let raw: Json = serde_json::from_str(call["raw"].as_str().unwrap()).unwrap();
    assert!(raw.is_object() && call["attempts"].as_array().unwrap().len() == 1, "{call:#}");
}

#[test]
fn parameters_act_and_are_recorded_as_sent() {
    let Some(place) = place() else { return };
    let named = |name: &str, more: &str| format!(r#"{{ id = "ollama/tiny", as = "{name}", max_tokens = 12, {more} }}"#);
    let hot = "temperature = 1.5, top_p = 1.0";
    let models = [
        named("hot", hot),
        named("hot-2", &format!("{hot}, seed = 2")),
        named("cold", "temperature = 0, top_p = 1.0"),
        named("narrow", "temperature = 1.5, top_p = 0.0001"),
        named("one", &format!("{hot}, top_k = 1")),
        named("fixed", &format!("{hot}, seed = {{ fixed = 7 }}")),
        named("streamed", &format!("{hot}, seed = {{ fixed = 7 }}, stop = [\"@@\"], stream = true")),
    ];
    place.experiment_of("sampling", &models.join(", "), 2, "{ guard = 1, prisoner = 1 }", "");
    place.run("run sampling --no-input --jobs 1").exits(0);
    let shown = place.shown("sampling");
    let of = |name: &str| &calls(shown.iter().find(|c| c["condition"]["model"] == name).unwrap())[0];
    let options = |name: &str| of(name)["parameters"]["options"].clone();
    assert_eq!((options("hot")["temperature"].as_f64(), options("hot")["top_p"].as_f64()), (Some(1.5), Some(1.0)));
    assert_eq!(
        (options("cold")["temperature"].as_f64(), options("narrow")["top_p"].as_f64()),
        (Some(0.0), Some(0.0001))
    );
    assert_eq!((options("one")["top_k"].as_u64(), options("fixed")["seed"].as_u64()), (Some(1), Some(7)));
    assert_ne!(options("hot")["seed"], options("hot-2")["seed"]);
    assert_eq!(of("streamed")["parameters"]["stream"], true);
    assert!(shown.iter().all(|c| calls(c).iter().all(|call| call["body_matches"] == true)));
    // No prompt holds a name, so the first requests differ in the parameters only.
    let first = |name: &str| of(name)["content"].as_str().unwrap().to_owned();
    assert!(shown.iter().all(|c| calls(c)[0]["messages"] == of("hot")["messages"]));
    assert_ne!(first("hot"), first("hot-2"), "the seed acts at a high temperature");
    let likeliest = first("cold");
    assert_ne!(first("hot"), likeliest, "the temperature acts");
    assert_eq!([first("narrow"), first("one")], [likeliest.clone(), likeliest], "top_p and top_k act");
    assert_eq!(first("fixed"), first("streamed"), "one seed, one text, streamed or not");
}

#[test]
fn one_seed_gives_the_same_bytes() {
    let Some(place) = place() else { return };
    let model = r#"{ id = "ollama/tiny", max_tokens = 12, temperature = 1.2 }"#;
    place.experiment_of("twice", model, 4, "{ guard = 1, prisoner = 1 }", "");
    let bytes = |flags: &str| {
        let folder = tempfile::tempdir_in(place.dir.path()).unwrap();
        place.run_in(folder.path(), &format!("run ../twice --no-input --replicates 2 {flags}")).exits(0);
        place.run_in(folder.path(), "export twice --format jsonl").exits(0).out
    };
    let first = bytes("--seed 5 --jobs 1");
    assert_eq!(first, bytes("--seed 5 --jobs 1"));
    assert_eq!(first.lines().count(), 8);
    assert_ne!(first, bytes("--seed 6 --jobs 1"));
    let parallel = bytes("--seed 5 --jobs 4") == first;
    eprintln!("at --jobs 4 this server gives {} bytes", if parallel { "the same" } else { "other" });
}

#[test]
fn streamed_or_not_one_text() {
    let Some(place) = place() else { return };
    // Streaming is in no key: both databases hold the same conversations, of two revisions.
    let without_revision = |line: &str| {
        let (before, rest) = line.split_once(r#","revision":""#).unwrap();
        format!("{before}{}", &rest[64 + 1..])
    };
    for server in ["ollama", "openai"] {
        let said = ["false", "true"].map(|stream| {
            let inner = TempDir::new_in(place.dir.path()).unwrap();
            let model =
                format!(r#"{{ id = "{server}/tiny", max_tokens = 12, seed = {{ fixed = 3 }}, stream = {stream} }}"#);
            place.experiment("stream", &model, "");
            place.run_in(inner.path(), "run ../stream --no-input --jobs 1").exits(0);
            let rows = place.run_in(inner.path(), "export stream --format jsonl").exits(0).out;
            rows.lines().map(without_revision).collect::<Vec<_>>()
        });
        assert_eq!(said[0], said[1], "{server}");
    }
}

#[test]
fn two_days_a_summariser_and_a_selector() {
    let Some(place) = place() else { return };
    let more = "days = 2\nspeakers = \"auto\"";
    let model = r#"{ id = "ollama/tiny", max_tokens = 12 }"#;
    place.experiment_of("days", model, 10, "{ guard = 1, prisoner = 2 }", more);
    place.run("run days --no-input").exits(0);
    let shown = place.shown("days").remove(0);
    let entries = shown["entries"].as_array().unwrap();
    let of = |kind: &str| entries.iter().filter(|e| e["kind"] == kind).collect::<Vec<_>>();
    assert_eq!((of("opening").len(), of("speech").len(), of("summary").len()), (2, 8, 1));
    let summary = of("summary")[0]["content"].as_str().unwrap();
    let opening = of("opening")[1]["content"].as_str().unwrap();
    assert!(opening.ends_with(&format!("Day 1 summary:\n{summary}")), "{opening}");
    // A tiny model chooses badly: it is asked again, then the next in order speaks, flagged.
    let asked = calls(&shown).iter().filter(|c| c["purpose"] == "selection").count();
    assert!(asked >= 6, "{asked} of three candidates each");
    let speeches = of("speech");
    let day = |entry: &&Json| entry["day"].as_u64();
    assert!(speeches.windows(2).all(|w| day(&w[0]) != day(&w[1]) || w[0]["speaker"] != w[1]["speaker"]));
    assert!(calls(&shown).iter().all(|c| c["body_matches"] == true));
    place.verified();
}

#[test]
fn a_model_that_is_not_there_stops_no_other() {
    let Some(place) = place() else { return };
    place.experiment("absent", r#""ollama/absent-model", { id = "ollama/tiny", max_tokens = 12 }"#, "");
    let refused = place.run("run absent --no-input --no-pull --model ollama/absent-model").exits(5);
    assert!(refused.err.contains("ollama has no model `absent-model`: --no-pull"), "{}", refused.err);
    let failed = place.run("run absent --no-input").exits(5);
    assert!(failed.err.contains("ollama has no model `absent-model`: it could not be fetched"), "{}", failed.err);
    let statuses: Vec<_> = place.data("list absent --json").as_array().unwrap().clone();
    let status = |model: &str| statuses.iter().find(|c| c["condition"]["model"] == model).unwrap()["status"].clone();
    assert_eq!((status("ollama/absent-model"), status("ollama/tiny")), ("pending".into(), "done".into()));
    place.verified();
}

#[test]
fn what_a_server_refuses() {
    let Some(place) = place() else { return };
    place.experiment("refused", r#"{ id = "ollama/tiny", keep_alive = "for a while" }"#, "");
    let refused = place.run("run refused --no-input").exits(5);
    assert!(refused.err.contains("ollama refuses"), "{}", refused.err);
    place.experiment("lacking", r#"{ id = "openai/tiny", top_k = 3 }"#, "");
    let lacking = place.run("check lacking").exits(3);
    assert!((lacking.out + &lacking.err).contains("top_k"));
}

#[test]
fn servers_are_looked_at() {
    let Some(place) = place() else { return };
    let models = place.run("models").exits(0).out;
    assert!(models.contains("ollama/tiny") && models.contains("openai/tiny-b") && models.contains("4096"), "{models}");
    let doctor = place.run("doctor").exits(0).out;
    assert!(doctor.contains("context 4096 tokens"), "{doctor}");
}

/// A shell's command line.
fn shell(line: &str) {
    let status = std::process::Command::new("bash").args(["-c", line]).stdout(std::process::Stdio::null()).status();
    assert!(status.unwrap().success(), "{line}");
}

/// R8: the server is killed in the middle of a run and started again at its port. Variables name one of its own, and the
/// commands that kill and start it.
#[test]
fn a_run_outlives_its_model_server() {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let Some(mut place) = place() else { return };
    let Some(host) = variable("CONVOKE_TEST_OLLAMA_KILL_HOST") else {
        assert!(variable("CONVOKE_TEST_REQUIRE_SERVERS").is_none(), "CONVOKE_TEST_OLLAMA_KILL_HOST is not set");
        eprintln!("SKIPPED: CONVOKE_TEST_OLLAMA_KILL_HOST is not set, so no model server was killed");
        return;
    };
    let (kill, start) = (variable("CONVOKE_TEST_OLLAMA_KILL").unwrap(), variable("CONVOKE_TEST_OLLAMA_START").unwrap());
    place.variables = vec![
        ("OLLAMA_HOST", host.clone()),
        ("OPENAI_BASE_URL", format!("{host}/v1")),
        ("OPENAI_API_KEY", "none".to_owned()),
    ];
    let models = r#""ollama/tiny", "openai/tiny-b""#;
    place.experiment_of("night", models, 5, "{ guard = 1, prisoner = 1 }", "");
    let said = place.dir.path().join("said");
    let mut run = place
        .command(place.dir.path(), "run night --no-input --replicates 4 --jobs 4 --max-retries 1 --json")
        .stdout(std::fs::File::create(&said).unwrap())
        .spawn()
        .unwrap();
    let mut comes_to = |words: &str, times: usize| {
        for _ in 0..3000 {
            let said = std::fs::read_to_string(&said).unwrap();
            if said.matches(words).count() >= times {
                return;
            }
            assert!(run.try_wait().unwrap().is_none(), "it ended without {words}: {said}");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        panic!("{words}: {}", std::fs::read_to_string(&said).unwrap());
    };
    comes_to(r#""called":true"#, 8);
    shell(&kill);
    comes_to(r#""event":"server-away""#, 2);
    std::thread::sleep(std::time::Duration::from_secs(8));
    shell(&start);
    comes_to(r#""event":"server-back""#, 2);
    let code = run.wait().unwrap().code();
    let said = std::fs::read_to_string(&said).unwrap();
    let end: Json = serde_json::from_str(said.lines().last().unwrap()).unwrap();
    assert_eq!((code, &end["done"], &end["failed"], &end["left"]), (Some(0), &8.into(), &0.into(), &0.into()), "{end}");
    assert!(end["possible_spend"].as_u64().unwrap() <= 2 * 4, "two attempts of four requests in flight: {end}");
    for conversation in place.shown("night") {
        assert_eq!((conversation["status"].as_str(), calls(&conversation).len()), (Some("done"), 4));
    }
    place.verified();
}

/// Both small models answer with JSON by their schema; a reply that cannot be read is counted, and ends nothing.
#[test]
fn turns_as_json_of_small_models_reach_the_end() {
    let Some(place) = place() else { return };
    let models = "{ id = \"ollama/tiny\", max_tokens = 100 }, { id = \"ollama/tiny-b\", max_tokens = 100 }";
    let mind = "[mind]\nthoughts = true\nstate = [\"goals\"]\n[[actions]]\nname = \"offer\"\ntext = \"Offer a price.\"\n\
        fields = { price = \"number\" }\nheard = true\nsays = \"offers <price>\"\n";
    place.experiment_of("minds", models, 4, "{ guard = 2, prisoner = 1 }", mind);
    let run = place.run("run minds");
    assert_eq!(run.code, 0, "{}\n{}", run.out, run.err);
    let rows = place.run("export minds --format jsonl").out;
    let rows: Vec<Json> = rows.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |kind: &str| rows.iter().filter(|row| row["kind"] == kind).count();
    assert!(of("turn") > 0 && rows.iter().all(|row| row["status"] == "done"));
    assert_eq!(of("turn"), of("speech"), "each turn leaves one speech");
    let malformed = rows.iter().filter(|row| row["reply_flags"].to_string().contains("malformed")).count();
    eprintln!("{} turns, {} thoughts, {} actions, {malformed} malformed", of("turn"), of("thought"), of("action"));
    assert_eq!(place.run("verify").code, 0);
}
