//! `convoke list`: experiments, or the conversations of one.

use super::args;
use super::context::Context;
use super::error::{CliError, Exit};
use super::records::{self, Chosen, Flagged};
use super::text::{Column, instant, short, table};
use crate::design::ModelSpec;
use crate::exchange;
use crate::store::Status;
use serde_json::Value as Json;

const EXPERIMENTS: &[Column] = &[
    Column::text("ID", 8, 4),
    Column::text("", 1, 5),
    Column::text("NAME", 10, 0),
    Column::number("DONE", 0),
    Column::number("FAILED", 1),
    Column::number("LEFT", 0),
    Column::text("CREATOR", 6, 6),
    Column::text("CREATED (UTC)", 16, 7),
    Column::text("ROLES", 10, 8),
    Column::text("MODELS", 12, 9),
    Column::text("NOTE", 14, 10),
];

const CONVERSATIONS: &[Column] = &[
    Column::text("ID", 8, 0),
    Column::text("", 1, 6),
    Column::text("CONDITION", 18, 0),
    Column::number("REPL", 2),
    Column::text("STATUS", 11, 0),
    Column::number("MESSAGES", 7),
    Column::text("FLAGS", 12, 3),
    Column::text("MODELS", 12, 8),
    Column::text("REASON", 14, 4),
    Column::text("NOTE", 12, 9),
];

/// Lists.
pub async fn run(context: &Context, args: &args::List) -> Result<Exit, CliError> {
    match &args.what {
        None => experiments(context).await,
        Some(what) => conversations(context, what, args.all).await,
    }
}

async fn experiments(context: &Context) -> Result<Exit, CliError> {
    let store = context.reader().await?;
    let (mut data, mut rows) = (Vec::new(), Vec::new());
    for (record, counts) in store.experiments().await? {
        let document = context.document(&*store, &record).await?;
        data.push(Json::Object(records::experiment(&record, counts, &document)));
        let roles: Vec<String> = document.roles.iter().map(|r| format!("{} {}", r.agents, r.name)).collect();
        let models: Vec<&str> = document.models.iter().map(ModelSpec::name).collect();
        rows.push(vec![
            short(&record.id).to_owned(),
            star(record.starred),
            record.name,
            counts.done.to_string(),
            counts.failed.to_string(),
            counts.left.to_string(),
            record.creator,
            instant(record.created),
            roles.join(", "),
            models.join(", "),
            record.note.unwrap_or_default(),
        ]);
    }
    let none = "no experiment yet: `convoke run FOLDER` stores one";
    show(context, data, EXPERIMENTS, &rows, none)
}

async fn conversations(context: &Context, what: &str, all: bool) -> Result<Exit, CliError> {
    let store = context.reader().await?;
    let Chosen { conversations, .. } = context.chosen(&*store, what, all).await?;
    let data = conversations.iter().map(|c| Json::Object(records::conversation(c))).collect();
    let records: Vec<_> = conversations.iter().map(|(c, _)| c.clone()).collect();
    // An axis with one level everywhere tells nothing apart.
    let mut axes = exchange::axes(&records);
    axes.retain(|axis| {
        let level = |c: &crate::store::ConversationRecord| crate::design::named(&c.condition, axis).cloned();
        records.windows(2).any(|pair| level(&pair[0]) != level(&pair[1]))
    });
    let rows: Vec<Vec<String>> = conversations.iter().map(|c| row(c, &axes)).collect();
    let none = "no conversation of the current revision: `--all` lists those of older ones";
    show(context, data, CONVERSATIONS, &rows, none)
}

fn row((record, flags): &Flagged, axes: &[String]) -> Vec<String> {
    let levels = record.condition.iter().filter(|l| axes.contains(&l.name));
    let levels: Vec<String> = levels.map(|l| format!("{}={}", l.name, l.value)).collect();
    let flags: Vec<&str> = flags.iter().map(|f| f.word()).collect();
    let models: Vec<&str> = record.models.iter().map(|m| m.name.as_str()).collect();
    let ended = matches!(record.status, Status::Failed | Status::Interrupted | Status::Incomplete);
    vec![
        short(&record.id).to_owned(),
        star(record.starred),
        if levels.is_empty() { "-".to_owned() } else { levels.join(" ") },
        record.replicate.to_string(),
        record.status.word().to_owned(),
        record.messages.to_string(),
        flags.join(" "),
        models.join(", "),
        record.reason.clone().filter(|_| ended).unwrap_or_default(),
        record.note.clone().unwrap_or_default(),
    ]
}

fn star(starred: bool) -> String {
    if starred { "★".to_owned() } else { String::new() }
}

fn show(
    context: &Context,
    data: Vec<Json>,
    columns: &[Column],
    rows: &[Vec<String>],
    none: &str,
) -> Result<Exit, CliError> {
    if context.printer.json {
        context.printer.json_ok(&Json::Array(data))?;
    } else if rows.is_empty() {
        context.printer.chat(none);
    } else {
        for line in table(columns, rows, context.printer.width()) {
            context.printer.out(&line)?;
        }
    }
    Ok(Exit::Done)
}
