//! A working folder with an experiment and a configuration that names the server; and the program as a real process.

use crate::server::Server;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Two models, chosen and fixed speakers, two days with a summary: 24 conversations.
pub const DESIGN: &str = r#"name = "faults"
models = [{ id = "fake/a", seed = 1 }, { id = "fake/b", seed = 1 }]

[protocol]
messages = 8
days = 2
agents = { guard = 1, prisoner = 2 }

[roles.guard]
plural = "guards"
pronouns = "he/his"

[roles.prisoner]
plural = "prisoners"
pronouns = "she/her"

[factors]
speakers = ["round-robin", "auto"]
goal = ["escape", "yard-time"]

[run]
replicates = 3
seed = 7
"#;

/// Eight short conversations, one model.
pub const SMALL: &str = r#"name = "faults"
models = [{ id = "fake/a", seed = 1 }]

[protocol]
messages = 4
agents = { guard = 1, prisoner = 1 }

[roles.guard]
plural = "guards"
pronouns = "he/his"

[roles.prisoner]
plural = "prisoners"
pronouns = "she/her"

[factors]
goal = ["escape", "yard-time"]

[run]
replicates = 4
seed = 7
"#;

const SHARED: &str = "A prison with <AGENTS_NUM> people.\n";
const GUARD: &str = "You are <AGENT_NAME>.\n\n## Goal\nKeep order among <PRISONER_NUM> <PRISONER_NOUN>.\n";
const PRISONER: &str =
    "You are <AGENT_NAME>.\n\n## Goal {goal=escape}\nGet out.\n\n## Goal {goal=yard-time}\nTo walk.\n";
const SUMMARIZER: &str = "You keep the minutes.\n\n## Task\nSay what was agreed.\n";

/// Number of started programs: each has files of its own.
static STARTED: AtomicUsize = AtomicUsize::new(0);

/// A working folder.
pub struct Place {
    dir: TempDir,
    /// The database.
    pub store: String,
    /// Maximum duration of a command.
    pub longest: Duration,
}

/// Calls as the database holds them.
#[derive(Debug, Clone, Copy)]
pub struct Recorded {
    /// Calls with an answer.
    pub answered: usize,
    /// Requests that may have been paid for without a reply.
    pub spend: usize,
}

/// Outcome of a command.
#[derive(Debug)]
pub struct Outcome {
    pub code: i32,
    pub out: String,
    pub err: String,
}

/// The running program.
pub struct Running {
    child: Child,
    end: Instant,
    out: std::path::PathBuf,
    err: std::path::PathBuf,
}

impl Place {
    /// Creates a folder with the experiment `e`, whose models are at the server.
    pub fn new(server: &Server, design: &str) -> Self {
        let store = "sqlite:convoke.db".to_owned();
        let place = Self { dir: tempfile::tempdir().unwrap(), store, longest: Duration::from_mins(1) };
        let config = format!("[servers.fake]\nkind = \"openai\"\nbase_url = \"http://127.0.0.1:{}/v1\"\n", server.port);
        place.write("configuration/convoke/config.toml", &config);
        place.write("e/experiment.toml", design);
        place.write("e/shared.md", SHARED);
        place.write("e/roles/guard.md", GUARD);
        place.write("e/roles/prisoner.md", PRISONER);
        if design.contains("days = 2") {
            place.write("e/summarizer.md", SUMMARIZER);
        }
        place
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Writes a file.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Changes the experiment.
    pub fn edit(&self, path: &str, old: &str, new: &str) {
        let text = fs::read_to_string(self.path().join(path)).unwrap();
        assert!(text.contains(old), "{old} is not in {path}");
        self.write(path, &text.replace(old, new));
    }

    /// Starts the program with these arguments, split at spaces.
    pub fn start(&self, line: &str) -> Running {
        self.start_with(line, &[], &[])
    }

    /// Runs the program to its end, with more arguments and variables.
    pub fn run_with(&self, line: &str, more: &[&str], env: &[(&str, &str)]) -> Outcome {
        self.start_with(line, more, env).wait()
    }

    /// Starts the program with more arguments and variables.
    pub fn start_with(&self, line: &str, more: &[&str], env: &[(&str, &str)]) -> Running {
        let end = Instant::now() + self.longest;
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let file = |kind: &str| self.path().join(format!("{number}.{kind}"));
        let (out, err) = (file("out"), file("err"));
        let child = Command::new(env!("CARGO_BIN_EXE_convoke"))
            .args(line.split(' '))
            .args(more)
            .current_dir(self.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("XDG_CONFIG_HOME", self.path().join("configuration"))
            .env("DB_USER", "tester")
            .env("CONVOKE_STORE", &self.store)
            .env("OLLAMA_HOST", "127.0.0.1:9")
            .envs(env.iter().copied())
            .stdin(Stdio::null())
            .stdout(File::create(&out).unwrap())
            .stderr(File::create(&err).unwrap())
            .spawn()
            .unwrap();
        Running { child, end, out, err }
    }

    /// Runs the program to its end.
    pub fn run(&self, line: &str) -> Outcome {
        self.start(line).wait()
    }

    /// Its export, without values that change from run to run, and without the newest revision that planned a line.
    pub fn transcripts(&self) -> String {
        let out = self.run("export faults --all --format jsonl").exits(0).out;
        let without_revision = |line: &str| {
            let (before, rest) = line.split_once(r#","revision":""#).unwrap();
            format!("{before}{}\n", &rest[64 + 1..])
        };
        out.lines().map(without_revision).collect()
    }

    /// The conversations as `list` shows them.
    pub fn conversations(&self, more: &str) -> Vec<Json> {
        let listed = self.run(&format!("list faults --json{more}")).exits(0).json();
        listed["data"].as_array().unwrap().clone()
    }

    /// Number of conversations in each status.
    pub fn statuses(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for conversation in self.conversations("") {
            *counts.entry(conversation["status"].as_str().unwrap().to_owned()).or_insert(0) += 1;
        }
        counts
    }

    /// Reads the calls of all processes of a kind, `conversation` or `question`, from the file.
    pub fn recorded(&self, kind: &str) -> Recorded {
        let database = rusqlite::Connection::open(self.path().join("convoke.db")).unwrap();
        let sql = "select sum(c.state = 'answered'), sum(c.spend) from calls c join conversations v
            on v.id = c.conversation where v.kind = ?1";
        let count = |n: Option<u32>| n.unwrap_or_default() as usize;
        let read = |row: &rusqlite::Row<'_>| Ok(Recorded { answered: count(row.get(0)?), spend: count(row.get(1)?) });
        database.query_row(sql, [kind], read).unwrap()
    }

    /// Checks, against the number of requests that the server received, that each was recorded before it left (R3).
    /// Only a call that holds one of the `slots` may be recorded and not received: after its reply it holds none, and
    /// other requests leave while that reply waits to be stored. So the calls that a kill loses are not limited by the
    /// slots, and those that are recorded in vain are.
    #[track_caller]
    pub fn each_was_recorded(&self, kind: &str, (requests, kills, slots): (usize, usize, usize)) -> Recorded {
        let recorded = self.recorded(kind);
        let Recorded { answered, spend } = recorded;
        assert!(requests <= answered + spend, "{requests} requests after {kills} kills, {recorded:?}");
        assert!(answered + spend <= requests + slots * kills, "{requests} requests after {kills} kills, {recorded:?}");
        recorded
    }

    /// `verify` finds no fault, and no log repeats or lacks a turn.
    #[track_caller]
    pub fn is_sound(&self) {
        self.run("verify").exits(0);
        let mut next: BTreeMap<String, u64> = BTreeMap::new();
        for line in self.transcripts().lines() {
            let entry: Json = serde_json::from_str(line).unwrap();
            let next = next.entry(entry["conversation"].as_str().unwrap().to_owned()).or_insert(0);
            assert_eq!(entry["seq"].as_u64(), Some(*next), "{line}");
            *next += 1;
        }
    }
}

impl Running {
    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// True if it has ended.
    pub fn is_over(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Standard error so far.
    pub fn said(&self) -> String {
        fs::read_to_string(&self.err).unwrap()
    }

    /// Standard output so far.
    pub fn given(&self) -> String {
        fs::read_to_string(&self.out).unwrap()
    }

    /// Sends `INT` or `TERM`.
    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    /// kill -9.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits until standard error holds this text.
    #[track_caller]
    pub fn says(&mut self, words: &str) {
        self.comes_to(words, |run| run.said().contains(words));
    }

    /// Waits until it has made this progress.
    #[track_caller]
    pub fn comes_to(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) {
        loop {
            let over = self.is_over();
            if is_so(self) {
                return;
            }
            let is_time = !over && Instant::now() < self.end;
            assert!(is_time, "it did not come to {what:?}: {}\n--- out\n{}", self.said(), self.given());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits until it ends by itself, at most for the maximum duration.
    #[track_caller]
    pub fn wait(mut self) -> Outcome {
        let status: ExitStatus = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if Instant::now() > self.end {
                self.child.kill().unwrap();
                panic!("it did not end: {}\n--- out\n{}", self.said(), self.given());
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        Outcome {
            code: status.code().unwrap_or(-1),
            out: fs::read_to_string(&self.out).unwrap(),
            err: fs::read_to_string(&self.err).unwrap(),
        }
    }
}

impl Outcome {
    /// Fails unless the exit code is this one.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "--- out\n{}\n--- err\n{}", self.out, self.err);
        self
    }

    /// The document of `--json`.
    pub fn json(&self) -> Json {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {}", self.out))
    }

    /// The last line of `run --json`.
    #[track_caller]
    pub fn end(&self) -> Json {
        let end: Json = serde_json::from_str(self.out.lines().last().unwrap()).unwrap();
        assert_eq!(end["event"], "end");
        end
    }

    /// The last line of standard error.
    pub fn last_words(&self) -> &str {
        self.err.lines().last().unwrap_or_default()
    }
}
