//! A working folder, and the program in an environment that holds only the needs of a test.

use crate::server::Server;
use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use serde_json::Value as Json;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Longest time of a command at a terminal.
const LONGEST: Duration = Duration::from_secs(30);
/// Bytes that a text field writes first: bracketed paste on.
const FIELD: &str = "\u{1b}[?2004h";

/// A command line with its creator and its exit code, as the files of commands have it.
#[derive(Debug, Clone)]
pub struct Line {
    pub words: Vec<String>,
    pub creator: String,
    /// Lines that a person types at a terminal, one for each text field.
    pub typed: Vec<String>,
    /// A file of fixed replies, within the working folder.
    pub script: Option<String>,
    pub exit: i32,
}

/// Outcome of a command.
#[derive(Debug)]
pub struct Outcome {
    pub code: i32,
    pub out: String,
    pub err: String,
}

/// A working folder.
pub struct Place {
    dir: TempDir,
    program: PathBuf,
    /// The database.
    pub store: String,
    /// User id of the commands, where it is not that of the test.
    pub user: Option<u32>,
}

impl Line {
    /// Makes a line of ann's that ends well.
    pub fn plain(words: &[&str]) -> Self {
        let words = words.iter().map(|w| (*w).to_owned()).collect();
        Self { words, creator: "ann".to_owned(), typed: Vec::new(), script: None, exit: 0 }
    }

    /// Reads `{words, as, typed, script, exit}`.
    pub fn read(json: &Json) -> Self {
        let text = |name: &str| json[name].as_str().map(str::to_owned);
        let words = json["words"].as_array().unwrap().iter().map(|w| w.as_str().unwrap().to_owned());
        Self {
            words: words.collect(),
            creator: text("as").unwrap_or_else(|| "ann".to_owned()),
            typed: json["typed"].as_array().into_iter().flatten().map(|t| t.as_str().unwrap().to_owned()).collect(),
            script: text("script"),
            exit: i32::try_from(json["exit"].as_i64().unwrap()).unwrap(),
        }
    }
}

impl Place {
    /// Makes an empty folder whose configuration names the server: `lab` speaks chat completions, `old` Ollama's protocol.
    pub fn new(server: &Server) -> Self {
        let place = Self {
            dir: tempfile::tempdir().unwrap(),
            program: assert_cmd::cargo::cargo_bin("convoke"),
            store: "sqlite:convoke.db".to_owned(),
            user: None,
        };
        let address = format!("http://127.0.0.1:{}", server.port);
        let config = format!(
            "[servers.lab]\nkind = \"openai\"\nbase_url = \"{address}/v1\"\n\n[servers.old]\nkind = \"ollama\"\nbase_url = \"{address}\"\n"
        );
        place.write("configuration/convoke/config.toml", config.as_bytes());
        place
    }

    /// Runs another program from now on.
    #[must_use]
    pub fn of(self, program: &Path) -> Self {
        Self { program: program.to_owned(), ..self }
    }

    /// Path of the folder.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Writes a file and the folders that it needs.
    pub fn write(&self, path: &str, bytes: &[u8]) {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// Reads a file.
    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path().join(path)).unwrap()
    }

    /// Variables of the program.
    fn variables(&self, line: &Line) -> Vec<(&'static str, String)> {
        let own = |name: &str| self.path().join(name).display().to_string();
        let mut variables = vec![
            ("PATH", std::env::var("PATH").unwrap_or_default()),
            ("TERM", "xterm-256color".to_owned()),
            ("XDG_CONFIG_HOME", own("configuration")),
            ("XDG_STATE_HOME", own("state")),
            ("DB_USER", line.creator.clone()),
            ("OLLAMA_HOST", "127.0.0.1:9".to_owned()),
            ("CONVOKE_STORE", self.store.clone()),
        ];
        variables.extend(line.script.as_ref().map(|file| ("CONVOKE_SCRIPT", own(file))));
        variables
    }

    /// Makes the program ready with the words of a line.
    pub fn command(&self, line: &Line) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&line.words).current_dir(self.path()).env_clear().envs(self.variables(line)).stdin(Stdio::null());
        if let Some(user) = self.user {
            use std::os::unix::process::CommandExt;
            command.uid(user).gid(user);
        }
        command
    }

    /// Runs a line to its end.
    pub fn give(&self, line: &Line) -> Outcome {
        if line.typed.is_empty() { self.without_terminal(line) } else { self.at_terminal(line, &line.typed) }
    }

    /// Runs a line to its end, which must be as the line has it.
    #[track_caller]
    pub fn run(&self, line: &Line) -> Outcome {
        let outcome = self.give(line);
        assert_eq!(outcome.code, line.exit, "{:?}\n--- out\n{}\n--- err\n{}", line.words, outcome.out, outcome.err);
        outcome
    }

    fn without_terminal(&self, line: &Line) -> Outcome {
        let output = self.command(line).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Outcome { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Types each line when a text field waits for it.
    fn at_terminal(&self, line: &Line, typed: &[String]) -> Outcome {
        let mut command = CommandBuilder::new(&self.program);
        command.args(&line.words);
        command.cwd(self.path());
        command.env_clear();
        for (name, value) in self.variables(line) {
            command.env(name, value);
        }
        let size = PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 };
        let pty = native_pty_system().openpty(size).unwrap();
        let mut child = pty.slave.spawn_command(command).unwrap();
        drop(pty.slave);
        let mut screen = pty.master.try_clone_reader().unwrap();
        let shown = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&shown);
        let reader = std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(read @ 1..) = screen.read(&mut bytes) {
                seen.lock().unwrap().extend_from_slice(&bytes[..read]);
            }
        });
        let text = || String::from_utf8_lossy(&shown.lock().unwrap()).into_owned();
        let mut keys = pty.master.take_writer().unwrap();
        let (end, mut number) = (Instant::now() + LONGEST, 0);
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if number < typed.len() && text().matches(FIELD).count() > number {
                keys.write_all(format!("{}\r", typed[number]).as_bytes()).unwrap();
                number += 1;
            }
            if Instant::now() > end {
                child.kill().unwrap();
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        drop((keys, pty.master));
        reader.join().unwrap();
        Outcome { code: i32::try_from(status.exit_code()).unwrap(), out: text(), err: String::new() }
    }
}
