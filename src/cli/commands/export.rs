//! `convoke export`: writes transcripts and data to files or to standard output.

use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit};
use crate::cli::selected::{describe_inside, describe_left_out, selection_json};
use crate::cli::selecting::Selecting;
use crate::cli::terminal::printer::Printer;
use crate::cli::terminal::text::count;
use crate::design::Obstacle;
use crate::exchange::{Of, Questioned, Rows, file_word};
use crate::lab::export::Table;
use crate::lab::output::Destination;
use crate::lab::{Lab, LabError, PlaceError, Selection};
use crate::process::harmless::harmless;
use crate::store::ProcessKind;
use clap::{Args, ValueEnum};
use serde_json::{Value as Json, json};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// `convoke export`.
#[derive(Debug, Args)]
pub struct Export {
    /// Experiment's folder, name or id, or a conversation's id
    #[arg(default_value = "", hide_default_value = true)]
    pub what: String,
    /// Format to write
    #[arg(long, value_name = "FORMAT")]
    pub format: ExportFormat,
    /// File (jsonl, csv) or new folder (md, folder) to write; - is standard output [default: - for jsonl and csv, else
    /// exports/NAME]
    #[arg(long, short, value_name = "PATH", value_hint = clap::ValueHint::AnyPath)]
    pub output: Option<String>,
    /// Replace an existing file, or a folder that holds an earlier export and nothing else
    #[arg(long)]
    pub force: bool,
    /// Rows of jsonl and csv
    #[arg(long, value_name = "ROWS", default_value = "entries")]
    pub rows: RowKind,
    /// With jsonl or csv and -o: write a second file, named as PATH with the ending `.calls.jsonl`, with each request,
    /// its reply, tokens and times
    #[arg(long)]
    pub calls: bool,
    /// Flags that select conversations.
    #[command(flatten)]
    pub selecting: Selecting,
}

/// What to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// Transcript of each conversation, with the prompts as sent
    Md,
    /// One JSON object on one line for each entry
    Jsonl,
    /// Table with the same columns, and one for each factor (`condition.NAME` if the name is taken)
    Csv,
    /// Files of the experiment, as `new` writes them
    Folder,
}

/// Rows of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RowKind {
    /// One row for each entry of a conversation
    Entries,
    /// One row for each answer to a question of `ask`
    Answers,
}

/// Names of standard output.
const STDOUT: [&str; 4] = ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"];

/// Runs `convoke export`.
pub async fn run(context: &Context, args: &Export) -> Result<Exit, CliError> {
    let table = match args.format {
        ExportFormat::Jsonl => Some(Table::Jsonl),
        ExportFormat::Csv => Some(Table::Csv),
        ExportFormat::Md | ExportFormat::Folder => None,
    };
    let to_stdout = args.output.as_deref().map_or(table.is_some(), |path| STDOUT.contains(&path));
    if args.calls && table.is_none() {
        return Err(CliError::usage("--calls goes with --format jsonl and csv"));
    }
    if args.calls && to_stdout {
        let message = "--calls writes a second file beside the first, and standard output is none";
        return Err(CliError::usage(message).hint("name a file with -o PATH"));
    }
    if args.rows == RowKind::Answers && (table.is_none() || args.calls) {
        return Err(CliError::usage("--rows answers goes with --format jsonl and csv, and without --calls"));
    }
    let lab = context.reader().await?;
    let selection = lab.select_conversations(&args.what, &args.selecting.results(context.creator())).await?;
    if args.format != ExportFormat::Folder {
        selection.refuse_empty()?;
    }
    let is_question = matches!(&selection.of, Of::One(one) if one.kind == ProcessKind::Question);
    if is_question && args.rows == RowKind::Entries {
        let message = format!("`{}` is a question, and has answers", args.what);
        return Err(CliError::usage(message).hint("--rows answers with --format jsonl or csv"));
    }
    let questions = match args.rows {
        RowKind::Answers => lab.select_questions(&selection).await?,
        RowKind::Entries => Vec::new(),
    };
    let job =
        Job { rows: args.rows, questions, context, lab, selection, output: args.output.as_deref(), force: args.force };
    let written = match (table, to_stdout) {
        (Some(table), true) => job.table_to_stdout(table).await,
        (Some(table), false) => job.table_to_file(table, args.calls).await,
        (None, _) if args.format == ExportFormat::Folder => job.folder(&args.what, to_stdout).await,
        (None, true) => job.markdown_to_stdout().await,
        (None, false) => job.markdown_to_folder().await,
    };
    match written {
        // A closed pipe (`| head`) is no error.
        Err(error) if error.is_closed_pipe() => Ok(Exit::Done),
        Err(error) => Err(explained(error)),
        Ok(()) => Ok(Exit::Done),
    }
}

fn explained(error: LabError) -> CliError {
    let is_taken = PlaceError::is_taken(&error);
    let hint = is_taken
        .then(|| "--force replaces a file, or a folder with an earlier export; -o PATH names another place".to_owned());
    CliError::from(error).maybe_hint(hint)
}

struct Job<'a> {
    context: &'a Context,
    lab: Lab,
    selection: Selection,
    output: Option<&'a str>,
    force: bool,
    rows: RowKind,
    /// Questions, if the rows are answers.
    questions: Vec<Questioned>,
}

impl Job<'_> {
    fn rows(&self) -> (&str, Rows<'_>) {
        let rows = match self.rows {
            RowKind::Entries => Rows::Entries(&self.selection.of),
            RowKind::Answers => Rows::Answers(&self.questions),
        };
        (&self.selection.record.name, rows)
    }

    async fn table_to_stdout(&self, table: Table) -> Result<(), LabError> {
        let mut out = Stdout::new(self.context);
        self.lab.export_table(self.rows(), table, &mut out).await?;
        out.flush().map_err(LabError::Output)?;
        self.tell_selection();
        Ok(())
    }

    /// Reports what the selection has, and what it leaves out and why.
    fn tell_selection(&self) {
        if matches!(self.selection.of, Of::One(_)) {
            return;
        }
        let left_out = describe_left_out(&self.selection.left_out).map(|list| format!("; left out: {list}"));
        let inside = describe_inside(&self.selection.inside);
        self.context.printer.chat(&format!("inside: {inside}{}", left_out.unwrap_or_default()));
    }

    async fn table_to_file(&self, table: Table, with_calls: bool) -> Result<(), LabError> {
        let calls = with_calls.then_some(&self.selection.of);
        let (files, written) = self.lab.export_file(self.rows(), table, &self.target(), calls).await?;
        let shown: Vec<String> = files.iter().map(|f| self.shown(f)).collect();
        let (number, lines) = (written.conversations as usize, written.lines);
        let (one, many, of) = match self.rows {
            RowKind::Entries => ("entry", "entries", "conversation"),
            RowKind::Answers => ("answer", "answers", "question"),
        };
        if self.context.printer.json {
            let mut data = serde_json::Map::from_iter([("files".to_owned(), json!(shown))]);
            data.insert(format!("{of}s"), json!(number));
            data.insert(many.to_owned(), json!(lines));
            data.extend(selection_json(&self.selection));
            let data = Json::Object(data);
            return self.context.printer.json_ok(&data).map_err(LabError::Output);
        }
        let lines = format!("{lines} {}", if lines == 1 { one } else { many });
        self.context.printer.chat(&format!("wrote {}: {}, {lines}", shown.join(" and "), count(number, of)));
        self.tell_selection();
        Ok(())
    }

    /// Formats a path relative to the working folder.
    fn shown(&self, path: &Path) -> String {
        path.strip_prefix(&self.context.world.folder).unwrap_or(path).display().to_string()
    }

    fn target(&self) -> Destination {
        let named = self.output.map(PathBuf::from);
        let default = || Path::new("exports").join(file_word(&self.selection.record.name));
        Destination::new(self.context.world.folder.join(named.unwrap_or_else(default)), self.force)
    }

    async fn folder(&self, what: &str, to_stdout: bool) -> Result<(), LabError> {
        if to_stdout {
            let message = "an experiment is several files, and standard output is one";
            return Err(Obstacle::usage(message.to_owned(), "name a folder with -o PATH".to_owned()).into());
        }
        if matches!(self.selection.of, Of::One(_)) {
            let message = format!("`{what}` is a conversation, and --format folder writes an experiment");
            return Err(Obstacle::usage(message, "name the experiment, or use --format md".to_owned()).into());
        }
        let target = self.target();
        let files = self.lab.export_experiment(&self.selection, &target).await?;
        let path = self.shown(&target.path);
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
        out.flush().map_err(LabError::Output)?;
        self.tell_selection();
        Ok(())
    }

    async fn markdown_to_folder(&self) -> Result<(), LabError> {
        let target = self.target();
        let written = self.lab.export_transcripts(&self.selection, &target).await?;
        let path = self.shown(&target.path);
        if self.context.printer.json {
            let mut data = selection_json(&self.selection);
            data.insert("folder".to_owned(), json!(path));
            data.insert("conversations".to_owned(), json!(written));
            return self.context.printer.json_ok(&Json::Object(data)).map_err(LabError::Output);
        }
        self.context.printer.chat(&format!("wrote {path}: {}", count(written as usize, "transcript")));
        self.tell_selection();
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
