//! `convoke export`: writes transcripts and data to files or to standard output.

use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit};
use crate::cli::selected::{describe_inside, describe_left_out, selection_json};
use crate::cli::selecting::Selecting;
use crate::cli::terminal::printer::Printer;
use crate::cli::terminal::text::count;
use crate::design::Obstacle;
use crate::exchange::{Of, Questioned, Rows, Table, TableOptions, Written, file_word};
use crate::lab::export::{Beside, TableExport};
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
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
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
    /// With jsonl or csv and -o: also write each request, its reply, tokens and times, into a second file; its name is
    /// PATH with the ending replaced by `.calls.jsonl`
    #[arg(long)]
    pub calls: bool,
    /// With jsonl or csv: describe each column; without -o this replaces the rows, with -o it is a second file with the
    /// ending `.codebook.csv` or `.codebook.jsonl`
    #[arg(long)]
    pub codebook: bool,
    /// With jsonl or csv: add the id of each conversation, which differs between databases
    #[arg(long)]
    pub ids: bool,
    /// With csv: add tokens, seconds and attempts of each entry's call
    #[arg(long)]
    pub times: bool,
    /// With csv: put `'` before each text that a spreadsheet would run as a formula
    #[arg(long)]
    pub for_spreadsheets: bool,
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
    /// Table with the same columns, and one for each factor (`condition_NAME` if the name is taken)
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
    /// One row for each conversation: status, times, counts of turns, words, tokens and flags
    Conversations,
    /// One row for each call: model, tokens, times
    Calls,
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
    check_flags(args, table, to_stdout)?;
    if args.format == ExportFormat::Folder {
        args.selecting.refuse_for_document("--format folder")?;
    }
    let lab = context.reader_for(&args.what).await?;
    let selection = lab.select_conversations(&args.what, &args.selecting.results(context.creator())).await?;
    if args.format != ExportFormat::Folder {
        selection.refuse_empty()?;
    }
    refuse_two_documents(context, to_stdout)?;
    let is_question = matches!(&selection.of, Of::One(one) if one.kind == ProcessKind::Question);
    if is_question && table.is_some() && args.rows != RowKind::Answers {
        let message = format!("`{}` is a question, and has answers", args.what);
        return Err(CliError::usage(message).hint("--rows answers with --format jsonl or csv"));
    }
    let (questions, offline) =
        if args.rows == RowKind::Answers { lab.select_answers(&selection).await? } else { (Vec::new(), 0) };
    let job = Job { args, context, lab, selection, questions, offline };
    let written = match (table, to_stdout) {
        (Some(table), true) => job.table_to_stdout(table).await,
        (Some(table), false) => job.table_to_file(table).await,
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

/// Refuses flags that do not go together.
fn check_flags(args: &Export, table: Option<Table>, to_stdout: bool) -> Result<(), CliError> {
    let of_tables = [("--calls", args.calls), ("--codebook", args.codebook), ("--ids", args.ids)];
    if let Some((flag, _)) = of_tables.iter().find(|(_, given)| *given && table.is_none()) {
        return Err(CliError::usage(format!("{flag} goes with --format jsonl and csv")));
    }
    if args.rows != RowKind::Entries && table.is_none() {
        return Err(CliError::usage("--rows goes with --format jsonl and csv"));
    }
    let of_csv = [("--times", args.times), ("--for-spreadsheets", args.for_spreadsheets)];
    if let Some((flag, _)) = of_csv.iter().find(|(_, given)| *given && table != Some(Table::Csv)) {
        return Err(CliError::usage(format!("{flag} goes with --format csv")));
    }
    if args.times && args.rows != RowKind::Entries {
        let error = CliError::usage("--times goes with --rows entries");
        return Err(error.hint("rows of conversations and calls have tokens and times already"));
    }
    if args.calls && args.rows == RowKind::Answers {
        return Err(CliError::usage("--calls goes with rows of conversations, and --rows answers has none"));
    }
    if args.calls && to_stdout {
        let message = "--calls writes a second file beside the first, and standard output is none";
        return Err(CliError::usage(message).hint("name a file with -o PATH"));
    }
    Ok(())
}

/// Refuses the document of `--json` beside data on standard output.
fn refuse_two_documents(context: &Context, to_stdout: bool) -> Result<(), CliError> {
    if to_stdout && context.printer.json {
        let message = "--json prints one document on standard output, where the exported data would go too";
        return Err(CliError::usage(message).hint("name a file with -o PATH, or leave out --json"));
    }
    Ok(())
}

fn explained(error: LabError) -> CliError {
    let is_taken = PlaceError::is_taken(&error);
    let hint = is_taken
        .then(|| "--force replaces a file, or a folder with an earlier export; -o PATH names another place".to_owned());
    CliError::from(error).maybe_hint(hint)
}

struct Job<'a> {
    args: &'a Export,
    context: &'a Context,
    lab: Lab,
    selection: Selection,
    /// Questions, if the rows are answers.
    questions: Vec<Questioned>,
    /// Number of questions that `scripted` answers and that are left out.
    offline: usize,
}

impl Job<'_> {
    fn export(&self, table: Table) -> TableExport<'_> {
        let of = &self.selection.of;
        let rows = match self.args.rows {
            RowKind::Entries => Rows::Entries(of),
            RowKind::Answers => Rows::Answers(&self.questions),
            RowKind::Conversations => Rows::Conversations(of),
            RowKind::Calls => Rows::Calls(of),
        };
        let Export { ids, times, for_spreadsheets, .. } = *self.args;
        let options = TableOptions { ids, times, for_spreadsheets };
        TableExport { experiment: &self.selection.record, rows, table, options }
    }

    async fn table_to_stdout(&self, table: Table) -> Result<(), LabError> {
        let mut out = Stdout::new(self.context);
        if self.args.codebook {
            self.lab.export_codebook(self.export(table), &mut out).await?;
        } else {
            self.lab.export_table(self.export(table), &mut out).await?;
        }
        out.flush().map_err(LabError::Output)?;
        self.tell_selection();
        Ok(())
    }

    /// Reports what the selection has, and what it leaves out and why.
    fn tell_selection(&self) {
        if matches!(self.selection.of, Of::One(_)) {
            return;
        }
        let offline =
            (self.offline > 0).then(|| format!("{} answered offline (--all)", count(self.offline, "question")));
        let left_out: Vec<String> = describe_left_out(&self.selection.left_out).into_iter().chain(offline).collect();
        let left_out = if left_out.is_empty() { String::new() } else { format!("; left out: {}", left_out.join(", ")) };
        self.context.printer.chat(&format!("inside: {}{left_out}", describe_inside(&self.selection.inside)));
    }

    async fn table_to_file(&self, table: Table) -> Result<(), LabError> {
        let calls = self.args.calls.then_some(&self.selection.of);
        let beside = Beside { calls, codebook: self.args.codebook };
        let (files, written) = self.lab.export_file(self.export(table), &self.target(), beside).await?;
        let shown: Vec<String> = files.iter().map(|f| self.shown(f)).collect();
        let counts = self.counts(written);
        if self.context.printer.json {
            let mut data = serde_json::Map::from_iter([("files".to_owned(), json!(shown))]);
            data.extend(counts.iter().map(|(number, _, many)| ((*many).to_owned(), json!(number))));
            data.extend(selection_json(&self.selection));
            if self.args.rows == RowKind::Answers {
                data.insert("offline_questions_left_out".to_owned(), json!(self.offline));
            }
            return self.context.printer.json_ok(&Json::Object(data)).map_err(LabError::Output);
        }
        let counts: Vec<String> =
            counts.iter().map(|(n, one, many)| format!("{n} {}", if *n == 1 { one } else { many })).collect();
        self.context.printer.chat(&format!("wrote {}: {}", shown.join(" and "), counts.join(", ")));
        self.tell_selection();
        Ok(())
    }

    /// Numbers of what a table holds, each with its noun.
    fn counts(&self, Written { conversations, lines }: Written) -> Vec<(u64, &'static str, &'static str)> {
        let conversations = (conversations, "conversation", "conversations");
        match self.args.rows {
            RowKind::Entries => vec![conversations, (lines, "entry", "entries")],
            RowKind::Answers => vec![(conversations.0, "question", "questions"), (lines, "answer", "answers")],
            RowKind::Conversations => vec![conversations],
            RowKind::Calls => vec![conversations, (lines, "call", "calls")],
        }
    }

    /// Formats a path relative to the working folder.
    fn shown(&self, path: &Path) -> String {
        path.strip_prefix(&self.context.world.folder).unwrap_or(path).display().to_string()
    }

    fn target(&self) -> Destination {
        let named = self.args.output.as_ref().map(PathBuf::from);
        let default = || Path::new("exports").join(file_word(&self.selection.record.name));
        let path = self.context.world.folder.join(named.unwrap_or_else(default));
        let database = self.lab.store.file().map(Path::to_owned);
        Destination { database, ..Destination::new(path, self.args.force) }
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
