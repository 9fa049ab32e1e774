//! `convoke export`: transcripts and data, to files or to standard output.

use crate::cli::context::{Context, write_folder};
use crate::cli::error::{CliError, Exit};
use crate::cli::terminal::printer::Printer;
use crate::cli::terminal::text::count;
use crate::design::Experiment;
use crate::exchange::{self, ExportError, Of, Written, calls, csv, file_word, jsonl, markdown};
use crate::process::harmless::harmless;
use crate::store::{ConversationRecord, ExperimentRecord, Store};
use clap::{Args, ValueEnum};
use serde_json::json;
use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// `convoke export`.
#[derive(Debug, Args)]
pub struct Export {
    /// An experiment's folder, name or id, or a conversation's id
    #[arg(default_value = "", hide_default_value = true)]
    pub what: String,
    /// What to write
    #[arg(long, value_name = "FORMAT")]
    pub format: ExportFormat,
    /// Where to: a file (jsonl, csv) or a folder (md, folder); - is standard output
    #[arg(long, short, value_name = "PATH", value_hint = clap::ValueHint::AnyPath)]
    pub output: Option<String>,
    /// Conversations of older revisions too
    #[arg(long)]
    pub all: bool,
    /// jsonl, csv: a second file, PATH with `.calls.jsonl` for its ending, with what was sent, received, counted, timed
    #[arg(long)]
    pub calls: bool,
}

/// What to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// A transcript per conversation, for people, and the prompts as sent
    Md,
    /// One line an entry
    Jsonl,
    /// The same columns as a table, one column a factor (`condition.NAME` where a column has that name already)
    Csv,
    /// The experiment as files
    Folder,
}

/// Exports.
pub async fn run(context: &Context, args: &Export) -> Result<Exit, CliError> {
    let table = matches!(args.format, ExportFormat::Jsonl | ExportFormat::Csv);
    let to_stdout = args.output.as_deref().map_or(table, |path| path == "-");
    if args.calls && !table {
        return Err(CliError::usage("--calls goes with --format jsonl and csv"));
    }
    if args.calls && to_stdout {
        let message = "--calls writes a second file beside the first, and standard output is none";
        return Err(CliError::usage(message).hint("name a file with -o PATH"));
    }
    let store = context.reader().await?;
    let (record, document, of) = context.meant(&*store, &args.what, args.all).await?;
    let job = Job { context, store: &*store, record, document, of, output: args.output.as_deref(), to_stdout };
    let outcome = match args.format {
        ExportFormat::Folder => job.folder(&args.what),
        ExportFormat::Md => job.markdown(&args.what, args.all).await,
        format => job.table(format, args.calls).await,
    };
    match outcome {
        // A reader who has seen enough (`| head`) is no error.
        Err(error) if to_stdout && error.code == "closed" => Ok(Exit::Done),
        other => other,
    }
}

struct Job<'a> {
    context: &'a Context,
    store: &'a dyn Store,
    record: ExperimentRecord,
    document: Experiment,
    of: Of,
    output: Option<&'a str>,
    to_stdout: bool,
}

impl Job<'_> {
    async fn table(&self, format: ExportFormat, with_calls: bool) -> Result<Exit, CliError> {
        let name = &self.record.name;
        let path = self.context.world.folder.join(self.output.unwrap_or_default());
        let mut out = if self.to_stdout { Sink::stdout(self.context) } else { Sink::file(&path)? };
        let written = match format {
            ExportFormat::Csv => csv::write(self.store, name, &self.of, &mut out).await,
            _ => jsonl::write(self.store, name, &self.of, &mut out).await,
        };
        let written = written.map_err(failed)?;
        if self.to_stdout {
            out.finish()?;
            return Ok(Exit::Done);
        }
        let mut files = vec![path.clone()];
        if with_calls {
            let beside = path.with_extension("calls.jsonl");
            let mut second = Sink::file(&beside)?;
            calls::write(self.store, &self.of, &mut second).await.map_err(failed)?;
            second.finish()?;
            files.push(beside);
        }
        out.finish()?;
        self.told(&files, written)
    }

    fn told(&self, files: &[PathBuf], written: Written) -> Result<Exit, CliError> {
        let shown: Vec<String> = files.iter().map(|f| self.shown(f)).collect();
        let (number, entries) = (written.conversations as usize, written.lines);
        if self.context.printer.json {
            let data = json!({ "files": shown, "conversations": number, "entries": entries });
            self.context.printer.json_ok(&data)?;
        } else {
            let entries = format!("{entries} {}", if entries == 1 { "entry" } else { "entries" });
            self.context.printer.chat(&format!(
                "wrote {}: {}, {entries}",
                shown.join(" and "),
                count(number, "conversation")
            ));
        }
        Ok(Exit::Done)
    }

    /// A path as it was given: within the working folder.
    fn shown(&self, path: &Path) -> String {
        path.strip_prefix(&self.context.world.folder).unwrap_or(path).display().to_string()
    }

    fn target(&self) -> PathBuf {
        let named = self.output.map(PathBuf::from);
        let usual = || Path::new("exports").join(file_word(&self.record.name));
        self.context.world.folder.join(named.unwrap_or_else(usual))
    }

    fn folder(&self, what: &str) -> Result<Exit, CliError> {
        if self.to_stdout {
            return Err(CliError::usage("an experiment is several files, and standard output is one")
                .hint("name a folder with -o PATH"));
        }
        if matches!(self.of, Of::One(_)) {
            let message = format!("`{what}` is a conversation, and --format folder writes an experiment");
            return Err(CliError::usage(message).hint("name the experiment, or use --format md"));
        }
        let files = exchange::folder::files(&self.document);
        let target = self.target();
        write_folder(&target, &files)?;
        let path = self.shown(&target);
        if self.context.printer.json {
            let files: Vec<String> = files.keys().map(|f| format!("{path}/{f}")).collect();
            self.context.printer.json_ok(&json!({ "files": files }))?;
        } else {
            self.context.printer.chat(&format!("wrote {path}: {}", count(files.len(), "file")));
        }
        Ok(Exit::Done)
    }

    /// Transcripts come in the order of the design, which is known when all conversations are: their records are held,
    /// their logs are not.
    async fn markdown(&self, what: &str, all: bool) -> Result<Exit, CliError> {
        let chosen = self.context.chosen(self.store, what, all).await?;
        let records: Vec<ConversationRecord> = chosen.conversations.into_iter().map(|(c, _)| c).collect();
        let document = &self.document;
        if self.to_stdout {
            let mut out = Sink::stdout(self.context);
            for conversation in &records {
                let log = self.store.history(&conversation.id).await?.log;
                if !log.is_empty() {
                    let page = markdown::transcript(&document.name, conversation, &log);
                    writeln!(out, "{page}").and_then(|()| out.flush()).map_err(|e| failed(e.into()))?;
                }
            }
            out.finish()?;
            return Ok(Exit::Done);
        }
        let target = self.target();
        let folder = Folder::begin(&target)?;
        let mut keep = |path: &str, text: &str| folder.keep(path, text);
        let written = markdown::write(self.store, document, &records, &mut keep).await.map_err(failed)?;
        folder.finish()?;
        let path = self.shown(&target);
        if self.context.printer.json {
            self.context.printer.json_ok(&json!({ "folder": path, "conversations": written }))?;
        } else {
            self.context.printer.chat(&format!("wrote {path}: {}", count(written as usize, "transcript")));
        }
        Ok(Exit::Done)
    }
}

fn failed(error: ExportError) -> CliError {
    match error {
        ExportError::Write(e) if e.kind() == ErrorKind::BrokenPipe => CliError::new(Exit::Done, "closed", "closed"),
        other => other.into(),
    }
}

/// Where an export goes. A file is written beside its place and moved there when it is whole; what is not finished
/// is taken away.
enum Sink<'a> {
    Stdout { printer: &'a Printer, terminal: bool, waiting: Vec<u8> },
    File { out: Option<BufWriter<File>>, unfinished: PathBuf, path: PathBuf },
}

impl<'a> Sink<'a> {
    fn stdout(context: &'a Context) -> Self {
        Self::Stdout { printer: &context.printer, terminal: context.world.terminals[1], waiting: Vec::new() }
    }

    fn file(path: &Path) -> Result<Self, CliError> {
        let wrong = |e: io::Error| CliError::usage(format!("cannot write {}", path.display())).cause(&e);
        if path.is_dir() {
            return Err(CliError::usage(format!("{} is a folder", path.display())).hint("name a file with -o PATH"));
        }
        fs::create_dir_all(path.parent().unwrap_or(Path::new(""))).map_err(wrong)?;
        let unfinished = unfinished(path);
        let file = File::create(&unfinished).map_err(wrong)?;
        Ok(Self::File { out: Some(BufWriter::new(file)), unfinished, path: path.to_owned() })
    }

    fn finish(mut self) -> Result<(), CliError> {
        let done = match &mut self {
            Self::Stdout { .. } => self.flush(),
            Self::File { out, unfinished, path } => match out.take().map(BufWriter::into_inner) {
                Some(Ok(file)) => file.sync_all().and_then(|()| fs::rename(&*unfinished, &*path)),
                Some(Err(error)) => Err(error.into_error()),
                None => Ok(()),
            },
        };
        done.map_err(|e| failed(e.into()))
    }
}

impl Write for Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stdout { waiting, .. } => waiting.write(bytes),
            Self::File { out: Some(out), .. } => out.write(bytes),
            Self::File { out: None, .. } => Err(ErrorKind::NotConnected.into()),
        }
    }

    /// To a terminal nothing goes as it is (contract S1); to a pipe or a file everything does.
    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout { printer, terminal, waiting } => {
                let bytes = std::mem::take(waiting);
                printer.raw(
                    if *terminal { harmless(&String::from_utf8_lossy(&bytes)).into_bytes() } else { bytes }.as_slice(),
                )
            }
            Self::File { out, .. } => out.as_mut().map_or(Ok(()), Write::flush),
        }
    }
}

impl Drop for Sink<'_> {
    fn drop(&mut self) {
        if let Self::File { unfinished, .. } = self {
            // Gone already where it was moved to its place.
            let _ = fs::remove_file(unfinished);
        }
    }
}

fn unfinished(path: &Path) -> PathBuf {
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    path.with_file_name(format!(".{name}.{}", std::process::id()))
}

/// A folder that appears when it is whole.
struct Folder {
    unfinished: PathBuf,
    path: PathBuf,
}

impl Folder {
    fn begin(path: &Path) -> Result<Self, CliError> {
        // An empty set of files makes the folder; the name it gets at the end must be free now and then.
        if path.symlink_metadata().is_ok() {
            let message = format!("{} exists already", path.display());
            return Err(CliError::usage(message).hint("name another folder with -o PATH, or remove it"));
        }
        let folder = Self { unfinished: unfinished(path), path: path.to_owned() };
        fs::create_dir_all(&folder.unfinished).map_err(|e| folder.failed(&e))?;
        Ok(folder)
    }

    fn failed(&self, error: &io::Error) -> CliError {
        CliError::usage(format!("cannot write {}", self.path.display())).cause(error)
    }

    fn keep(&self, path: &str, text: &str) -> io::Result<()> {
        let path = self.unfinished.join(path);
        fs::create_dir_all(path.parent().unwrap_or(&self.unfinished))?;
        fs::write(path, text)
    }

    fn finish(self) -> Result<(), CliError> {
        fs::rename(&self.unfinished, &self.path).map_err(|e| self.failed(&e))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Gone already where it was moved to its place.
        let _ = fs::remove_dir_all(&self.unfinished);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_finished_leaves_nothing() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("a.jsonl");
        let mut sink = Sink::file(&path).unwrap();
        sink.write_all(b"half").unwrap();
        drop(sink);
        let folder = Folder::begin(&place.path().join("exports/x")).unwrap();
        folder.keep("prompts/a.md", "half").unwrap();
        drop(folder);
        assert!(!path.exists());
        assert_eq!(fs::read_dir(place.path().join("exports")).unwrap().count(), 0);
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
    }
}
