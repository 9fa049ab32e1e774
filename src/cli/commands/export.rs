//! `convoke export`: transcripts and data, to files or to standard output.

use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit};
use crate::cli::terminal::printer::Printer;
use crate::cli::terminal::text::count;
use crate::design::Obstacle;
use crate::exchange::{Of, file_word};
use crate::lab::export::{Table, experiment_folder};
use crate::lab::{Lab, LabError, Selection};
use crate::process::harmless::harmless;
use clap::{Args, ValueEnum};
use serde_json::json;
use std::io::{self, Write};
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
    let table = match args.format {
        ExportFormat::Jsonl => Some(Table::Jsonl),
        ExportFormat::Csv => Some(Table::Csv),
        ExportFormat::Md | ExportFormat::Folder => None,
    };
    let to_stdout = args.output.as_deref().map_or(table.is_some(), |path| path == "-");
    if args.calls && table.is_none() {
        return Err(CliError::usage("--calls goes with --format jsonl and csv"));
    }
    if args.calls && to_stdout {
        let message = "--calls writes a second file beside the first, and standard output is none";
        return Err(CliError::usage(message).hint("name a file with -o PATH"));
    }
    let lab = context.reader().await?;
    let selection = lab.select(&args.what, args.all).await?;
    let job = Job { context, lab, selection, output: args.output.as_deref() };
    let written = match (table, to_stdout) {
        (Some(table), true) => job.table_to_stdout(table).await,
        (Some(table), false) => job.table_to_file(table, args.calls).await,
        (None, _) if args.format == ExportFormat::Folder => job.folder(&args.what, to_stdout),
        (None, true) => job.markdown_to_stdout().await,
        (None, false) => job.markdown_to_folder().await,
    };
    match written {
        // A closed pipe (`| head`) is no error.
        Err(error) if !(to_stdout && error.is_closed_pipe()) => Err(explained(error)),
        _ => Ok(Exit::Done),
    }
}

fn explained(error: LabError) -> CliError {
    let is_taken = matches!(error, LabError::PathTaken(_));
    let hint = is_taken.then(|| "name another folder with -o PATH, or remove it".to_owned());
    CliError::from(error).maybe_hint(hint)
}

struct Job<'a> {
    context: &'a Context,
    lab: Lab,
    selection: Selection,
    output: Option<&'a str>,
}

impl Job<'_> {
    async fn table_to_stdout(&self, table: Table) -> Result<(), LabError> {
        let mut out = Stdout::new(self.context);
        self.lab.export_table(&self.selection, table, &mut out).await?;
        out.flush().map_err(LabError::Output)
    }

    async fn table_to_file(&self, table: Table, with_calls: bool) -> Result<(), LabError> {
        let path = self.context.world.folder.join(self.output.unwrap_or_default());
        let (files, written) = self.lab.export_file(&self.selection, table, &path, with_calls).await?;
        let shown: Vec<String> = files.iter().map(|f| self.shown(f)).collect();
        let (number, entries) = (written.conversations as usize, written.lines);
        if self.context.printer.json {
            let data = json!({ "files": shown, "conversations": number, "entries": entries });
            return self.context.printer.json_ok(&data).map_err(LabError::Output);
        }
        let entries = format!("{entries} {}", if entries == 1 { "entry" } else { "entries" });
        let number = count(number, "conversation");
        self.context.printer.chat(&format!("wrote {}: {number}, {entries}", shown.join(" and ")));
        Ok(())
    }

    /// A path as it was given: within the working folder.
    fn shown(&self, path: &Path) -> String {
        path.strip_prefix(&self.context.world.folder).unwrap_or(path).display().to_string()
    }

    fn target(&self) -> PathBuf {
        let named = self.output.map(PathBuf::from);
        let default = || Path::new("exports").join(file_word(&self.selection.record.name));
        self.context.world.folder.join(named.unwrap_or_else(default))
    }

    fn folder(&self, what: &str, to_stdout: bool) -> Result<(), LabError> {
        if to_stdout {
            let message = "an experiment is several files, and standard output is one";
            return Err(Obstacle::usage(message.to_owned(), "name a folder with -o PATH".to_owned()).into());
        }
        if matches!(self.selection.of, Of::One(_)) {
            let message = format!("`{what}` is a conversation, and --format folder writes an experiment");
            return Err(Obstacle::usage(message, "name the experiment, or use --format md".to_owned()).into());
        }
        let target = self.target();
        let files = experiment_folder(&self.selection, &target)?;
        let path = self.shown(&target);
        if self.context.printer.json {
            let files: Vec<String> = files.iter().map(|f| format!("{path}/{f}")).collect();
            return self.context.printer.json_ok(&json!({ "files": files })).map_err(LabError::Output);
        }
        self.context.printer.chat(&format!("wrote {path}: {}", count(files.len(), "file")));
        Ok(())
    }

    async fn markdown_to_stdout(&self) -> Result<(), LabError> {
        let mut out = Stdout::new(self.context);
        self.lab.write_transcripts(&self.selection, &mut out).await?;
        out.flush().map_err(LabError::Output)
    }

    async fn markdown_to_folder(&self) -> Result<(), LabError> {
        let target = self.target();
        let written = self.lab.export_transcripts(&self.selection, &target).await?;
        let path = self.shown(&target);
        if self.context.printer.json {
            let data = json!({ "folder": path, "conversations": written });
            return self.context.printer.json_ok(&data).map_err(LabError::Output);
        }
        self.context.printer.chat(&format!("wrote {path}: {}", count(written as usize, "transcript")));
        Ok(())
    }
}

/// Standard output: escaped on a terminal (contract S1), raw in a pipe or a file.
struct Stdout<'a> {
    printer: &'a Printer,
    is_terminal: bool,
    waiting: Vec<u8>,
}

impl<'a> Stdout<'a> {
    fn new(context: &'a Context) -> Self {
        Self { printer: &context.printer, is_terminal: context.world.terminals[1], waiting: Vec::new() }
    }
}

impl Write for Stdout<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.waiting.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        let bytes = std::mem::take(&mut self.waiting);
        if self.is_terminal {
            return self.printer.raw(harmless(&String::from_utf8_lossy(&bytes)).as_bytes());
        }
        self.printer.raw(&bytes)
    }
}
