//! Remains of years in a database, made by the program 0.1.0 with real runs, kills and interrupts. Kept for reading; no
//! part of the build.

use crate::answers::{Answer, answer};
use crate::place::{Line, Outcome, Place};
use crate::server::{Seen, Server};
use serde_json::Value as Json;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const ROLES: &str = r#"
[roles.guard]
plural = "guards"
pronouns = "he/his"

[roles.prisoner]
plural = "prisoners"
pronouns = "she/her"
"#;
const SHARED: &str = "A prison with <AGENTS_NUM> people.\n\n## Rules\nSpeak in turn, and keep to what you know.\n";
const GUARD: &str = "You are <AGENT_NAME>.\n\n## Goal\nKeep order among <PRISONER_NUM> <PRISONER_NOUN>.\n";
const PRISONER: &str =
    "You are <AGENT_NAME>.\n\n## Goal {goal=escape}\nGet out.\n\n## Goal {goal=yard-time}\nGo for a walk.\n";
const SUMMARIZER: &str = "You keep the minutes.\n\n## Task\nSay what was agreed.\n";
const GOALS: &str = "[factors]\ngoal = [\"escape\", \"yard-time\"]\n";

/// Control of a server that does otherwise than usual.
#[derive(Default)]
pub struct Control {
    /// Words of requests that wait for their answer.
    hold: Mutex<Option<&'static str>>,
    /// Requests that pass before.
    pass: AtomicUsize,
    /// Requests that wait.
    held: AtomicUsize,
    /// Next requests that are told that the server is busy.
    busy: AtomicUsize,
}

impl Control {
    fn answer(&self, seen: &Seen) -> Answer {
        if seen.path.starts_with("/api/") && seen.path != "/api/chat" {
            return answer(&seen.path, &seen.body);
        }
        if self.busy.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_ok() {
            return Answer { status: 503, body: r#"{"error":{"message":"overloaded, try again"}}"#.to_owned() };
        }
        let is_held = self.hold.lock().unwrap().is_some_and(|words| seen.body.contains(words));
        if is_held && self.pass.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_err() {
            self.held.fetch_add(1, Ordering::SeqCst);
            while self.hold.lock().unwrap().is_some() {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        answer(&seen.path, &seen.body)
    }

    /// Holds requests with these words from now on, after some that pass.
    fn hold(&self, words: &'static str, pass: usize) {
        self.pass.store(pass, Ordering::SeqCst);
        self.held.store(0, Ordering::SeqCst);
        *self.hold.lock().unwrap() = Some(words);
    }

    /// Waits until a request is held.
    fn wait(&self) {
        until("a request that is held", || self.held.load(Ordering::SeqCst) > 0);
    }

    fn go(&self) {
        *self.hold.lock().unwrap() = None;
    }
}

pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_mins(1);
    while !is_so() {
        assert!(Instant::now() < end, "{what} never came");
        std::thread::sleep(Duration::from_millis(5));
    }
}

pub fn line(creator: &str, words: &str) -> Line {
    let words = words.split(' ').map(|w| w.replace('~', " ")).collect();
    Line { words, creator: creator.to_owned(), typed: Vec::new(), script: None, exit: 0 }
}

/// A database and the folder from which it is filled.
pub struct History {
    pub place: Place,
    pub control: Arc<Control>,
}

impl History {
    pub fn new(program: &Path, store: &str) -> Self {
        let control = Arc::new(Control::default());
        let told = Arc::clone(&control);
        let server = Server::with(move |seen| told.answer(seen));
        let mut place = Place::new(&server).of(program);
        place.store = store.to_owned();
        Self { place, control }
    }

    /// Writes an experiment's folder.
    pub fn folder(&self, name: &str, models: &str, protocol: &str, rest: &str) {
        let toml = format!("name = \"{name}\"\nmodels = {models}\n\n[protocol]\n{protocol}\n{ROLES}\n{rest}");
        self.write(name, "experiment.toml", &toml);
        self.write(name, "shared.md", SHARED);
        self.write(name, "roles/guard.md", GUARD);
        let bare = "You are <AGENT_NAME>.\n\n## Goal\nGo for a walk.\n";
        self.write(name, "roles/prisoner.md", if rest.contains(GOALS) { PRISONER } else { bare });
        if protocol.contains("days = 2") || rest.contains("# days by flags") {
            self.write(name, "summarizer.md", SUMMARIZER);
        }
    }

    fn write(&self, name: &str, path: &str, text: &str) {
        self.place.write(&format!("folders/{name}/{path}"), text.as_bytes());
    }

    /// Runs a command that ends with this code.
    pub fn run(&self, creator: &str, words: &str, exit: i32) -> Outcome {
        eprintln!("{creator}: {words}");
        self.place.run(&Line { exit, ..line(creator, words) })
    }

    pub fn json_of(&self, words: &[&str]) -> Json {
        serde_json::from_str(&self.place.run(&Line::plain(words)).out).unwrap()
    }

    pub fn json(&self, words: &str) -> Json {
        serde_json::from_str(&self.run("ann", words, 0).out).unwrap()
    }

    fn type_in(&self, creator: &str, words: &str, typed: &[&str], exit: i32) {
        eprintln!("{creator}: {words}, typing");
        let typed = typed.iter().map(|t| (*t).to_owned()).collect();
        self.place.run(&Line { typed, exit, ..line(creator, words) });
    }

    pub fn start(&self, creator: &str, words: &str) -> Child {
        eprintln!("{creator}: {words} …");
        let mut command = self.place.command(&line(creator, words));
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        command.spawn().unwrap()
    }

    /// Starts a run and kills it when a request with these words is held. Its call stays `sent`.
    pub fn killed(&self, creator: &str, words: &str, hold: &'static str, pass: usize) {
        self.control.hold(hold, pass);
        let mut run = self.start(creator, words);
        self.control.wait();
        run.kill().unwrap();
        run.wait().unwrap();
        self.control.go();
    }

    /// Starts a run and interrupts it when a request with these words is held. The request is answered then.
    pub fn interrupted(&self, creator: &str, words: &str, hold: &'static str, pass: usize) {
        self.control.hold(hold, pass);
        let mut run = self.start(creator, words);
        self.control.wait();
        interrupt(&run);
        std::thread::sleep(Duration::from_millis(300));
        self.control.go();
        assert_eq!(run.wait().unwrap().code(), Some(130));
    }

    /// Makes the part that both databases have.
    pub fn fill(&self) {
        self.harbour();
        self.market();
        self.ranges();
        self.person();
        self.debate();
        self.moody();
        self.odd();
        self.copies();
        self.run("ben", "import folders/waiting", 0);
    }

    fn harbour(&self) {
        let models = r#"[{ id = "lab/plain", as = "plain", temperature = 0.7, seed = 1 }]"#;
        self.folder(
            "harbour",
            models,
            "messages = 5\nagents = { guard = 1, prisoner = 1 }",
            &format!("{GOALS}\n[run]\nreplicates = 3\nseed = 7\n"),
        );
        self.run("ann", "run folders/harbour --limit 2", 0);
        // One conversation of the old revision is begun and not ended. An experiment is deleted beside the run.
        self.folder("gone", r#"["lab/plain"]"#, "messages = 3\nagents = { guard = 1, prisoner = 1 }", "");
        self.run("ann", "import folders/gone", 0);
        self.run("ann", "duplicate gone --name heir --note Its~parent~is~gone.", 0);
        self.control.hold("messages", 2);
        let mut run = self.start("ann", "run folders/harbour --limit 3 --grace 0s");
        self.control.wait();
        self.run("ann", "delete gone --yes", 0);
        interrupt(&run);
        assert_eq!(run.wait().unwrap().code(), Some(130));
        self.control.go();
        self.write("harbour", "roles/guard.md", "You are <AGENT_NAME>.\n\n## Goal\nKeep order, and be kind.\n");
        self.run("ann", "run folders/harbour --yes --limit 3", 0);
        self.run("ann", "note harbour The~second~wording~is~kinder.", 0);
        self.run("ann", "star harbour", 0);
        let listed = self.json("list harbour --json");
        let id = listed["data"][0]["id"].as_str().unwrap();
        self.run("ann", &format!("note {id} =SUM(A1)~|~<b>"), 0);
        self.run("ann", &format!("star {id}"), 0);
    }

    fn market(&self) {
        let models = r#"[{ id = "lab/plain", seed = { fixed = 5 } }]"#;
        self.folder("market", models, "messages = 4\nagents = { guard = 1, prisoner = 1 }", GOALS);
        self.run("ann", "run folders/market", 0);
        self.run("ann", "run market --more 1", 0);
        self.interrupted("ann", "run market --more 2 --jobs 1", "messages", 4);
    }

    fn ranges(&self) {
        let models = r#"["lab/plain", { id = "lab/quits", as = "quits" }]"#;
        let rest = format!("# days by flags\n{GOALS}\n[run]\nseed = 3\n");
        self.folder(
            "ranges",
            models,
            "messages = 6\nagents = { guard = 1, prisoner = 1 }\nstop_phrases = [\"[END]\"]",
            &rest,
        );
        let words = "run folders/ranges --days 1..2 --agents prisoner=1..2 --model quits --set goal=escape";
        self.control.busy.store(1, Ordering::SeqCst);
        self.run("ben", &format!("{words} --max-retries 0 --jobs 1"), 5);
        self.control.busy.store(2, Ordering::SeqCst);
        self.interrupted("ben", &format!("{words} --jobs 1"), "messages", 7);
        self.run("ann", "run ranges --offline --limit 2", 0);
        self.run("ann", "run ranges --messages 4 --seed 5 --speakers random --only goal=yard-time --limit 1", 0);
    }

    fn person(&self) {
        self.folder("person", r#"["lab/plain"]"#, "messages = 4\nagents = { guard = 1, prisoner = 1 }", "");
        self.run("ann", "import folders/person", 0);
        self.type_in("ann", "talk person --as guard", &["Good morning.", "What do you want?", ".", "Then go.", "."], 0);
        self.type_in("ann", "talk person --as guard", &["Good evening.", ".", "/stop"], 130);
    }

    fn debate(&self) {
        let models = r#"["lab/plain", { id = "lab/plain", as = "minutes", temperature = 0.0 }]"#;
        let protocol =
            "messages = 7\ndays = 2\nagents = { guard = 1, prisoner = 2 }\nspeakers = \"auto\"\nfinal_summary = true";
        let rest = "[summarizer]\nmodel = \"minutes\"\n\n[factors]\nmodel = [\"lab/plain\"]\n\n[run]\nreplicates = 3\n";
        self.folder("debate", models, protocol, rest);
        self.run("ann", "run folders/debate --limit 1", 0);
        self.killed("ann", "run folders/debate --limit 2", "of these:", 3);
    }

    fn moody(&self) {
        let protocol = "messages = 5\nagents = { guard = 1, prisoner = 1 }";
        let rest = "[health]\nempty = { ask = 1, then = \"fail\" }\nrefusal = { ask = 1, then = \"keep\" }\nlength = \"fail\"\n\n[run]\nreplicates = 4\n";
        self.folder("moody", r#"[{ id = "lab/moody", seed = 2 }, { id = "lab/narrow", seed = 2 }]"#, protocol, rest);
        self.run("ann", "run folders/moody --replicates 3", 1);
        self.run("ann", "run moody --replicates 3 --retry-failed", 1);
        self.run("ann", "run moody", 1);
    }

    fn odd(&self) {
        let models = r#"[{ id = "lab/odd", seed = 1 }, { id = "old/odd", as = "=odd", temperature = 0.5, keep_alive = "1h", stream = true }]"#;
        let protocol = "messages = 11\nagents = { guard = 1, prisoner = 2 }\nlabels = \"always\"\nmerge = false";
        self.folder("odd & <b>", models, protocol, "[factors]\nkind = [\"=1+1\"]\nstatus = [\"a|b <c>\"]\n");
        self.place.run(&Line { words: ["run", "folders/odd & <b>"].map(str::to_owned).to_vec(), ..line("ann", "") });
        let note = Line {
            words: ["note", "odd & <b>", "First line\nsecond |line| <i>"].map(str::to_owned).to_vec(),
            ..line("ann", "")
        };
        self.place.run(&note);
    }

    fn copies(&self) {
        self.run("ben", "duplicate harbour --name harbour --note Of~ben. --set messages=4", 0);
        self.run("ben", "run harbour --limit 1", 0);
        let models = "[\"scripted\", { id = \"old/clay\", top_k = 3, num_ctx = 900 }]\nnote = \"Never run\"";
        let protocol = "messages = 6\ndays = 2\nagents = { guard = 1, prisoner = 1 }\nspeakers = \"random\"";
        self.folder("waiting", models, protocol, "");
    }
}

pub fn interrupt(run: &Child) {
    assert!(Command::new("kill").args(["-s", "INT", &run.id().to_string()]).status().unwrap().success());
}

/// A road to the database that ends before a message with certain bytes, after some that pass. It may have a gate.
pub struct Road {
    pub port: u16,
    stopped: Arc<AtomicBool>,
    waiting: Arc<AtomicBool>,
    open: Arc<AtomicBool>,
}

impl Road {
    pub fn to(port: u16, bytes: &'static [u8], pass: usize, gate: Option<&'static [u8]>) -> Self {
        use std::io::{Read, Write};
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let own = listener.local_addr().unwrap().port();
        let flag = || Arc::new(AtomicBool::new(false));
        let road = Self { port: own, stopped: flag(), waiting: flag(), open: flag() };
        let (stopped, waiting, open) = (road.stopped.clone(), road.waiting.clone(), road.open.clone());
        let left = Arc::new(AtomicUsize::new(pass));
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let server = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
                let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                let (stopped, waiting, open, left) = (stopped.clone(), waiting.clone(), open.clone(), left.clone());
                std::thread::spawn(move || {
                    let mut buffer = [0; 65536];
                    while let Ok(read @ 1..) = from.read(&mut buffer) {
                        let holds = |bytes: &[u8]| buffer[..read].windows(bytes.len()).any(|w| w == bytes);
                        if gate.is_some_and(holds) {
                            waiting.store(true, Ordering::SeqCst);
                            until("the gate", || open.load(Ordering::SeqCst));
                        }
                        if holds(bytes)
                            && left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_err()
                        {
                            stopped.store(true, Ordering::SeqCst);
                        }
                        if stopped.load(Ordering::SeqCst) {
                            return;
                        }
                        to.write_all(&buffer[..read]).unwrap_or_default();
                    }
                });
                let (mut from, mut to) = (server, client);
                std::thread::spawn(move || std::io::copy(&mut from, &mut to).unwrap_or_default());
            }
        });
        road
    }

    /// Waits until a message came to the end.
    pub fn wait(&self) {
        until("the message that is stopped", || self.stopped.load(Ordering::SeqCst));
    }

    /// Waits until a message stands at the gate.
    pub fn is_waited_at(&self) {
        until("the gate is reached", || self.waiting.load(Ordering::SeqCst));
    }

    pub fn opens(&self) {
        self.open.store(true, Ordering::SeqCst);
    }
}
