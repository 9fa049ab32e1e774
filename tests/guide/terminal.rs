//! A terminal of any size with the program in it: its screen, and a person's keys.

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use std::io::{Read, Write};
use std::num::NonZero;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// Maximum wait for a screen.
const PATIENCE: Duration = Duration::from_secs(30);

/// Columns and rows.
#[derive(Debug, Clone, Copy)]
pub struct Size(pub u16, pub u16);

/// A common size.
pub const USUAL: Size = Size(80, 24);
/// A narrow and short one.
pub const SMALL: Size = Size(40, 15);

/// A terminal with the program in it.
pub struct Terminal {
    master: Box<dyn MasterPty + Send>,
    keys: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    parser: Arc<Mutex<vt100::Parser>>,
}

impl Terminal {
    /// Starts the program with these words in a folder, in an environment that holds what a test needs.
    pub fn start(folder: &Path, words: &[&str], size: Size, variables: &[(&str, &str)]) -> Self {
        let mut command = CommandBuilder::new(assert_cmd::cargo::cargo_bin("convoke"));
        command.args(words);
        command.cwd(folder);
        command.env_clear();
        let own = |name: &str| folder.join(name).display().to_string();
        for (name, value) in [
            ("XDG_CONFIG_HOME", own("configuration")),
            ("XDG_STATE_HOME", own("state")),
            ("TERM", "xterm-256color".to_owned()),
            ("DB_USER", "tester".to_owned()),
            ("OLLAMA_HOST", "127.0.0.1:9".to_owned()),
            ("PATH", std::env::var("PATH").unwrap_or_default()),
            ("PAGER", "cat".to_owned()),
        ] {
            command.env(name, value);
        }
        for (name, value) in variables {
            command.env(name, value);
        }
        let pty = native_pty_system().openpty(size.into()).unwrap();
        let child = pty.slave.spawn_command(command).unwrap();
        drop(pty.slave);
        let parser = Arc::new(Mutex::new(vt100::Parser::new(
            NonZero::new(size.1).unwrap(),
            NonZero::new(size.0).unwrap(),
            10_000,
        )));
        let (mut shown, screen) = (pty.master.try_clone_reader().unwrap(), Arc::clone(&parser));
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(read @ 1..) = shown.read(&mut bytes) {
                screen.lock().unwrap().process(&bytes[..read]);
            }
        });
        let keys = pty.master.take_writer().unwrap();
        Self { master: pty.master, keys, child, parser }
    }

    fn parser(&self) -> MutexGuard<'_, vt100::Parser> {
        self.parser.lock().unwrap()
    }

    /// The current screen, without trailing blanks.
    pub fn screen(&self) -> String {
        let contents = self.parser().screen().contents();
        let lines: Vec<&str> = contents.lines().map(str::trim_end).collect();
        lines.join("\n").trim_end().to_owned()
    }

    /// Waits until the screen satisfies this. The line with the keys at the foot of a list is left out.
    #[track_caller]
    pub fn until(&self, what: &str, is_so: impl Fn(&str) -> bool) -> String {
        without_foot(&self.until_whole(what, |screen| is_so(&without_foot(screen))))
    }

    /// Waits until the whole screen satisfies this.
    #[track_caller]
    pub fn until_whole(&self, what: &str, is_so: impl Fn(&str) -> bool) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let screen = self.screen();
            if is_so(&screen) {
                return screen;
            }
            assert!(Instant::now() < end, "{what} never came:\n{screen}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits until this is on the screen. A wrapped line is not found, so use few words.
    #[track_caller]
    pub fn shows(&self, text: &str) -> String {
        self.until_whole(&format!("`{text}`"), |screen| screen.contains(text))
    }

    /// Waits until the cursor is after this: the question is ready for an answer.
    #[track_caller]
    pub fn asks(&self, text: &str) -> String {
        self.until(&format!("the question `{text}`"), |screen| {
            screen.lines().rev().take(24).any(|line| line.contains(text))
        })
    }

    /// Types a text.
    pub fn types(&mut self, text: &str) {
        self.keys.write_all(text.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Types a line.
    pub fn enters(&mut self, line: &str) {
        self.types(line);
        self.types("\r");
    }

    /// Presses Esc.
    pub fn escape(&mut self) {
        self.types("\u{1b}");
    }

    /// Presses Ctrl-C.
    pub fn interrupt(&mut self) {
        self.types("\u{3}");
    }

    /// Presses an arrow: `A` up, `B` down, `C` right, `D` left.
    pub fn arrow(&mut self, which: char) {
        self.types(&format!("\u{1b}[{which}"));
    }

    /// Changes the window's size.
    pub fn resizes(&self, size: Size) {
        let [rows, columns] = [size.1, size.0].map(|n| NonZero::new(n).unwrap());
        self.parser().screen_mut().set_size(rows, columns);
        self.master.resize(size.into()).unwrap();
    }

    /// Sends SIGTERM.
    pub fn terminates(&self) {
        let pid = self.child.process_id().unwrap().to_string();
        assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    }

    /// Kills the program: SIGKILL.
    pub fn kill(mut self) {
        let pid = self.child.process_id().unwrap().to_string();
        assert!(std::process::Command::new("kill").args(["-9", &pid]).status().unwrap().success());
        self.child.wait().unwrap();
    }

    /// Waits for the end: the final screen, and the exit code. The cursor must be visible.
    #[track_caller]
    pub fn ends(mut self) -> (String, u32) {
        let end = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < end, "it does not end:\n{}", self.screen());
            std::thread::sleep(Duration::from_millis(10));
        };
        // The last output is read after the end.
        let mut last = self.screen();
        loop {
            std::thread::sleep(Duration::from_millis(50));
            let screen = self.screen();
            if screen == last {
                break;
            }
            last = screen;
        }
        assert!(!self.parser().screen().hide_cursor(), "the cursor stays hidden:\n{last}");
        (last, status.exit_code())
    }
}

/// The screen without the line with the keys at the foot of a list.
fn without_foot(screen: &str) -> String {
    let is_foot =
        |line: &str| line.starts_with("  ") && (line.contains("Enter takes") || line.contains("Enter goes on"));
    match screen.rsplit_once('\n') {
        Some((above, last)) if is_foot(last) => above.to_owned(),
        Some(_) | None => screen.to_owned(),
    }
}

impl From<Size> for PtySize {
    fn from(Size(cols, rows): Size) -> Self {
        Self { rows, cols, pixel_width: 0, pixel_height: 0 }
    }
}
