//! A folder for each test, a clean environment, and output without values that change from run to run.

pub mod database;
pub mod server;

use assert_cmd::Command;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A working folder.
pub struct Place {
    dir: TempDir,
}

/// Outcome of a command.
pub struct Outcome {
    /// Exit code.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
    line: String,
    folder: String,
}

impl Place {
    /// Creates an empty one.
    pub fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Writes a file and the folders that it needs.
    pub fn write(&self, path: &str, text: &str) -> PathBuf {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// Reads a file.
    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path().join(path)).unwrap()
    }

    /// Every file below a folder, by path.
    pub fn files(&self, folder: &str) -> Vec<String> {
        let mut found = Vec::new();
        let mut open = vec![self.path().join(folder)];
        while let Some(folder) = open.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    open.push(path);
                } else {
                    found.push(path.strip_prefix(self.path()).unwrap().display().to_string());
                }
            }
        }
        found.sort();
        found
    }

    /// The program in this folder, with a minimal environment.
    pub fn command(&self) -> Command {
        let mut command = Command::cargo_bin("convoke").unwrap();
        command
            .current_dir(self.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("XDG_CONFIG_HOME", self.path().join("configuration"))
            .env("DB_USER", "tester")
            .env("OLLAMA_HOST", "127.0.0.1:9");
        command
    }

    /// A shell in this folder, in which `convoke` is the program.
    pub fn shell(&self, script: &str) -> std::process::Command {
        let program = assert_cmd::cargo::cargo_bin("convoke");
        let path = [program.parent().unwrap().as_os_str().to_owned(), std::env::var_os("PATH").unwrap_or_default()];
        let mut shell = std::process::Command::new("bash");
        shell
            .args(["-c", script])
            .current_dir(self.path())
            .env_clear()
            .env("PATH", path.join(std::ffi::OsStr::new(":")))
            .env("XDG_CONFIG_HOME", self.path().join("configuration"))
            .env("DB_USER", "tester")
            .env("OLLAMA_HOST", "127.0.0.1:9");
        shell
    }

    /// Runs the program with these arguments, split at spaces.
    pub fn run(&self, line: &str) -> Outcome {
        self.run_with(line, &[])
    }

    /// Runs the program with arguments and variables.
    pub fn run_with(&self, line: &str, variables: &[(&str, &str)]) -> Outcome {
        self.words(&line.split(' ').filter(|a| !a.is_empty()).collect::<Vec<_>>(), variables)
    }

    /// Runs the program with arguments that may contain spaces.
    pub fn words(&self, words: &[&str], variables: &[(&str, &str)]) -> Outcome {
        let output = self.command().args(words).envs(variables.to_vec()).output().unwrap();
        Outcome {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
            line: words.join(" "),
            folder: self.path().canonicalize().unwrap().display().to_string(),
        }
    }
}

impl Outcome {
    /// Fails unless the exit code is this one.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}", self.screen());
        self
    }

    /// The document of `--json`.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {}", self.screen()))
    }

    /// Exit code and output, for a snapshot.
    pub fn screen(&self) -> String {
        let mut screen = format!("$ convoke {}\n", self.line);
        for (name, text) in [("out", &self.out), ("err", &self.err)] {
            if !text.is_empty() {
                screen.extend(["--- ", name, "\n", text]);
            }
        }
        screen.extend(["--- exit ", &self.code.to_string(), "\n"]);
        screen.replace(&self.folder, "[FOLDER]")
    }
}

/// Compares with a snapshot, without values that change from run to run: ids, instants, processes.
#[macro_export]
macro_rules! assert_screen {
    ($outcome:expr) => {
        insta::with_settings!({
            filters => vec![
                (r"\b\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}\.\d{3}Z)?", "[TIME]"),
                (r"pid \d+", "pid [PID]"),
                (r"/tmp/[.\w]+", "[TEMP]"),
            ],
            omit_expression => true,
        }, {
            insta::assert_snapshot!($outcome.screen());
        })
    };
}
