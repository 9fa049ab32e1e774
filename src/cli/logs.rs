//! Logs. Each invocation that changes something or calls a model writes one file beside the database. The last 100
//! files are kept.

use crate::cli::context::Context;
use crate::store::StoreUri;
use secrecy::{ExposeSecret, SecretString};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use tracing_appender::non_blocking::{NonBlocking, WorkerGuard};
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// Number of logs to keep.
const KEPT: usize = 100;

/// Returns the folder of the database file. For a database on a server, returns the working folder.
pub fn beside(context: &Context) -> PathBuf {
    match &context.settings.store.uri {
        StoreUri::Sqlite { path, .. } => {
            context.world.folder.join(path).parent().unwrap_or(Path::new(".")).to_path_buf()
        }
        StoreUri::Mongo(_) => context.world.folder.clone(),
    }
}

/// Starts the log beside the database. If the log cannot be written, prints a warning.
pub fn of(context: &Context, command: &str) -> Option<WorkerGuard> {
    let folder = beside(context).join("logs");
    let now = jiff::Timestamp::from_millisecond((context.world.clock)()).unwrap_or_default();
    match open_log(&folder, command, now, context.global.verbose > 0, context.secrets()) {
        Ok(guard) => Some(guard),
        Err(error) => {
            context.printer.warn(&format!("no log is kept: {}: {error}", folder.display()));
            None
        }
    }
}

/// Starts the log of this invocation in `folder`. Dropping the guard writes the remaining lines.
fn open_log(
    folder: &Path,
    command: &str,
    now: jiff::Timestamp,
    verbose: bool,
    secrets: Vec<SecretString>,
) -> io::Result<WorkerGuard> {
    std::fs::create_dir_all(folder)?;
    remove_oldest(folder);
    let time = now.strftime("%Y-%m-%d_%H-%M-%S");
    let name = format!("{time}_{command}_{}", std::process::id());
    let file = RollingFileAppender::builder()
        .rotation(Rotation::NEVER)
        .filename_prefix(name)
        .filename_suffix("log")
        .build(folder)
        .map_err(io::Error::other)?;
    // The writer may drop lines under load, since no data passes through a log.
    let (writer, guard) = tracing_appender::non_blocking(Redacting { inner: file, secrets });
    let level = if verbose { "convoke=debug" } else { "convoke=info" };
    write_to(writer, level)?;
    Ok(guard)
}

/// Redirects the log to this writer. Only the writer changes, since a program can have only one subscriber, and the
/// guide runs several commands with a log each.
fn write_to(writer: NonBlocking, level: &str) -> io::Result<()> {
    static LOG: OnceLock<Current> = OnceLock::new();
    if let Some(current) = LOG.get() {
        current.replace_writer(writer);
        return Ok(());
    }
    let current = LOG.get_or_init(|| Current(Arc::new(Mutex::new(writer)))).clone();
    tracing::subscriber::set_global_default(build_subscriber(current, level)).map_err(io::Error::other)
}

fn build_subscriber(writer: Current, level: &str) -> impl tracing::Subscriber + Send + Sync {
    tracing_subscriber::fmt().with_writer(writer).with_ansi(false).with_env_filter(EnvFilter::new(level)).finish()
}

/// The writer of the current command's log.
#[derive(Clone)]
struct Current(Arc<Mutex<NonBlocking>>);

impl Current {
    fn replace_writer(&self, writer: NonBlocking) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = writer;
    }
}

impl<'a> MakeWriter<'a> for Current {
    type Writer = NonBlocking;

    fn make_writer(&'a self) -> NonBlocking {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Removes the oldest logs. The name of a log begins with its time.
fn remove_oldest(folder: &Path) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let ours = |name: &str| {
        Path::new(name).extension().is_some_and(|e| e == "log") && name.get(..2) == Some("20") && name.contains('_')
    };
    let mut names: Vec<String> =
        entries.flatten().map(|e| e.file_name().to_string_lossy().into_owned()).filter(|n| ours(n)).collect();
    names.sort_unstable();
    for old in names.iter().rev().skip(KEPT - 1) {
        // A log that cannot be removed does not stop the command.
        let _ = std::fs::remove_file(folder.join(old));
    }
}

/// Removes secrets from every line.
struct Redacting<W> {
    inner: W,
    secrets: Vec<SecretString>,
}

impl<W: Write> Write for Redacting<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut text = String::from_utf8_lossy(bytes).into_owned();
        for secret in self.secrets.iter().map(ExposeSecret::expose_secret).filter(|s| !s.is_empty()) {
            if text.contains(secret) {
                text = text.replace(secret, "[redacted]");
            }
        }
        self.inner.write_all(text.as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_redacted_and_old_logs_go() {
        let mut out = Vec::new();
        let mut writer = Redacting { inner: &mut out, secrets: vec!["canary".into(), String::new().into()] };
        writer.write_all(b"key=canary!").unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "key=[redacted]!");

        let folder = tempfile::tempdir().unwrap();
        for i in 0..150 {
            std::fs::write(folder.path().join(format!("2026-01-01_00-{i:03}_run_1.log")), "x").unwrap();
        }
        std::fs::write(folder.path().join("notes.log"), "mine").unwrap();
        remove_oldest(folder.path());
        let left = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(left, KEPT - 1 + 1, "99 and the person's own, so that the new one is the hundredth");
        assert!(!folder.path().join("2026-01-01_00-000_run_1.log").exists());
        assert!(folder.path().join("2026-01-01_00-149_run_1.log").exists());
    }
}
