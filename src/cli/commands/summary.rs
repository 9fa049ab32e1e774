//! `convoke summary`: counts conversations by condition.

use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit};
use crate::cli::selected::{describe_left_out, selection_json};
use crate::cli::selecting::Selecting;
use crate::cli::terminal::text::{Column, table};
use crate::design::named;
use crate::exchange::summary::{Group, Summary, write_csv};
use crate::exchange::{Of, records};
use crate::lab::LabError;
use crate::report::tally::count as thousands;
use crate::store::{ProcessKind, Status};
use clap::{Args, ValueEnum};
use serde_json::{Value as Json, json};

/// `convoke summary`.
#[derive(Debug, Args)]
pub struct SummaryArgs {
    /// Experiment's folder, name or id, or a conversation's id
    #[arg(default_value = "", hide_default_value = true)]
    pub what: String,
    /// Factor whose levels make the rows; repeat it for several factors [default: all factors]
    #[arg(long, value_name = "FACTOR")]
    pub by: Vec<String>,
    /// Format to print
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub format: SummaryFormat,
    /// With --format csv: put `'` before each level that a spreadsheet would run as a formula
    #[arg(long)]
    pub for_spreadsheets: bool,
    /// Flags that select conversations.
    #[command(flatten)]
    pub selecting: Selecting,
}

/// Format of a summary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SummaryFormat {
    /// Table for people, with a row for all conversations
    Table,
    /// Comma-separated values, with one row for each condition
    Csv,
}

const COLUMNS: &[Column] = &[
    Column::text("CONDITION", 18, 0),
    Column::number("CONVERSATIONS", 0),
    Column::number("DONE", 0),
    Column::number("FAILED", 1),
    Column::number("LEFT", 2),
    Column::text("ENDED BY", 12, 3),
    Column::number("TURNS", 4),
    Column::number("WORDS", 5),
    Column::number("TOKENS READ", 7),
    Column::number("WRITTEN", 8),
    Column::text("FLAGS", 12, 6),
];

/// Runs `convoke summary`.
pub async fn run(context: &Context, args: &SummaryArgs) -> Result<Exit, CliError> {
    if args.for_spreadsheets && args.format != SummaryFormat::Csv {
        return Err(CliError::usage("--for-spreadsheets goes with --format csv"));
    }
    let lab = context.reader_for(&args.what).await?;
    let selection = lab.select_conversations(&args.what, &args.selecting.criteria(context.creator())).await?;
    if matches!(&selection.of, Of::One(one) if one.kind == ProcessKind::Question) {
        return Err(LabError::IsQuestion { name: args.what.clone() }.into());
    }
    let summary = lab.summarize(&selection, &args.by).await?;
    if context.printer.json {
        let groups: Vec<Json> = summary.groups.iter().map(|group| Json::Object(group.to_json())).collect();
        let mut total = summary.total.to_json();
        total.remove("condition");
        let mut data = records::object(json!({ "by": summary.by, "groups": groups, "total": total }));
        data.extend(selection_json(&selection));
        context.printer.json_ok(&Json::Object(data))?;
        return Ok(Exit::Done);
    }
    if args.format == SummaryFormat::Csv {
        let mut out = Vec::new();
        write_csv(&summary, args.for_spreadsheets, &mut out).map_err(LabError::from)?;
        context.printer.raw(&out)?;
    } else if summary.groups.is_empty() {
        context.printer.chat("inside: no conversation");
    } else {
        for line in table(COLUMNS, &rows(&summary), context.printer.width()) {
            context.printer.out(&line)?;
        }
    }
    if let Some(left_out) = describe_left_out(&selection.left_out) {
        context.printer.chat(&format!("left out: {left_out}"));
    }
    Ok(Exit::Done)
}

/// Rows of the groups, and one of all conversations. Factors with one level are left out unless they were named.
fn rows(summary: &Summary) -> Vec<Vec<String>> {
    let level = |group: &Group, factor: &str| named(&group.condition, factor).map(ToString::to_string);
    let differs =
        |factor: &&String| summary.groups.iter().any(|group| level(group, factor) != level(&summary.groups[0], factor));
    let shown: Vec<&String> = summary.by.iter().filter(|f| summary.groups.len() == 1 || differs(f)).collect();
    let name = |group: &Group| {
        let levels = shown.iter().filter_map(|factor| Some(format!("{factor}={}", level(group, factor)?)));
        let levels: Vec<String> = levels.collect();
        if levels.is_empty() { "-".to_owned() } else { levels.join(" ") }
    };
    let mut rows: Vec<Vec<String>> = summary.groups.iter().map(|group| row(name(group), group)).collect();
    if rows.len() > 1 {
        rows.push(row("all".to_owned(), &summary.total));
    }
    rows
}

fn row(name: String, group: &Group) -> Vec<String> {
    let (done, failed) = (group.count_status(Status::Done), group.count_status(Status::Failed));
    let words = |numbers: &mut dyn Iterator<Item = (&'static str, u64)>| -> String {
        let words: Vec<String> = numbers.filter(|(_, n)| *n > 0).map(|(word, n)| format!("{word} {n}")).collect();
        words.join(", ")
    };
    let known = |number: Option<u64>| number.map(thousands).unwrap_or_default();
    vec![
        name,
        group.conversations.to_string(),
        done.to_string(),
        failed.to_string(),
        (group.conversations - done - failed).to_string(),
        words(&mut group.ends()),
        thousands(group.tally.turns),
        thousands(group.tally.words),
        known(group.tally.prompt_tokens.value()),
        known(group.tally.completion_tokens.value()),
        words(&mut group.flags()),
    ]
}
