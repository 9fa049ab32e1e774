//! `convoke list`: prints experiments, or the conversations of one.

use crate::cli::commands::follow;
use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit};
use crate::cli::selected::{describe_left_out, not_counted};
use crate::cli::selecting::Selecting;
use crate::cli::terminal::text::{Column, instant, short, table};
use crate::design::{ModelSpec, Role};
use crate::exchange::{Of, records};
use crate::lab::select::{differing_axes, under_their_parents};
use crate::lab::{ActiveRun, Flagged, LabError, Listed, Revision};
use crate::store::{ProcessKind, Status};
use clap::Args;
use serde_json::{Value as Json, json};

/// `convoke list`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct List {
    /// Experiment's folder, name or id, to list its conversations [default: list all experiments]
    pub what: Option<String>,
    /// List each copy of an experiment below its original
    #[arg(long, conflicts_with = "what")]
    pub tree: bool,
    /// Print each new turn of an experiment's conversations once it is stored, until no conversation is running or
    /// pending
    ///
    /// It watches a run of another process, on this machine or another. It prints no turn that was stored
    /// before. With --json, it prints lines: `{"event": "begin", experiment, store, done, failed, interrupted, incomplete, running,
    /// pending}`, `{"event": "started", conversation, condition, replicate}`, `{"event": "entry", conversation, …}`
    /// with the fields of an entry of `show --json`, `{"event": "ended", conversation, status, reason}`, `{"event":
    /// "deleted", conversation}`, and last `{"event": "end", …}` with the counts again.
    #[arg(long, requires = "what")]
    pub follow: bool,
    /// List the revisions of an experiment: first run, conversations, and the changes since the previous one
    #[arg(long, requires = "what", conflicts_with = "follow")]
    pub revisions: bool,
    /// List the runs at work, over all experiments
    #[arg(long, conflicts_with_all = ["what", "tree"])]
    pub running: bool,
    /// Flags that select experiments or conversations.
    #[command(flatten)]
    pub selecting: Selecting,
}

const EXPERIMENTS: &[Column] = &[
    Column::text("ID", 8, 4),
    Column::text("", 1, 5),
    Column::text("NAME", 10, 0),
    Column::number("DONE", 0),
    Column::number("FAILED", 1),
    Column::number("LEFT", 0),
    Column::text("NOT COUNTED", 14, 3),
    Column::text("CREATOR", 6, 6),
    Column::text("CREATED (UTC)", 16, 7),
    Column::text("ROLES", 10, 8),
    Column::text("MODELS", 12, 9),
    Column::text("NOTE", 14, 10),
];

const RUNNING: &[Column] = &[
    Column::text("EXPERIMENT", 10, 0),
    Column::text("KIND", 4, 5),
    Column::text("WHO", 6, 0),
    Column::text("HOST", 12, 0),
    Column::text("SINCE (UTC)", 16, 0),
    Column::number("RUNNING", 3),
    Column::number("DONE", 0),
    Column::number("LEFT", 0),
];

const REVISIONS: &[Column] = &[
    Column::text("REVISION", 8, 0),
    Column::text("", 7, 1),
    Column::text("FIRST RUN (UTC)", 16, 0),
    Column::number("CONVERSATIONS", 0),
    Column::number("DONE", 2),
    Column::text("CHANGES", 20, 0),
];

/// Column of the name in a row of an experiment.
const NAME: usize = 2;

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

/// Runs `convoke list`.
pub async fn run(context: &Context, args: &List) -> Result<Exit, CliError> {
    match &args.what {
        None if args.running => running(context, args).await,
        None => experiments(context, args).await,
        Some(what) if args.revisions && args.selecting.is_empty() => revisions(context, what).await,
        Some(_) if args.revisions => {
            Err(CliError::usage("--revisions counts every conversation, and takes no selection"))
        }
        Some(what) if args.follow && args.selecting.is_empty() => follow::run(context, what).await,
        Some(_) if args.follow => Err(CliError::usage("--follow shows every conversation, and takes no selection")),
        Some(what) => conversations(context, what, &args.selecting).await,
    }
}

async fn experiments(context: &Context, args: &List) -> Result<Exit, CliError> {
    args.selecting.refuse_for_experiments()?;
    let (mut data, mut rows) = (Vec::new(), Vec::new());
    let lab = context.reader().await?;
    let (mut all, marks) = (lab.list_experiments().await?, lab.load_marks().await?);
    let mut notes: Vec<_> = all.iter_mut().map(|listed| marks.own_experiment(&mut listed.record)).collect();
    let (filters, is_any) = (args.selecting.filters(context.creator()), !all.is_empty());
    notes = all.iter().zip(notes).filter(|(l, _)| filters.take_experiment(&l.record)).map(|(_, n)| n).collect();
    all.retain(|listed| filters.take_experiment(&listed.record));
    let family: Vec<_> = all.iter().map(|listed| (listed.record.id.clone(), listed.record.parent.clone())).collect();
    for (Listed { record, counts, document }, notes) in all.into_iter().zip(notes) {
        let mut object = records::experiment(&record, counts, &document);
        records::add_notes(&mut object, &notes);
        data.push(Json::Object(object));
        let roles: Vec<String> = document.roles.iter().map(Role::players).collect();
        let models: Vec<&str> = document.models.iter().map(ModelSpec::name).collect();
        rows.push(vec![
            short(&record.id).to_owned(),
            star(record.starred),
            record.name,
            counts.done.to_string(),
            counts.failed.to_string(),
            counts.left.to_string(),
            not_counted(counts),
            record.creator,
            instant(record.created),
            roles.join(", "),
            models.join(", "),
            record.note.unwrap_or_default(),
        ]);
    }
    if args.tree {
        rows = under_their_parents(&family).into_iter().map(|(place, depth)| indented(&rows[place], depth)).collect();
    }
    let none = if is_any { "no experiment matches" } else { "no experiment yet: `convoke run FOLDER` stores one" };
    show(context, data, EXPERIMENTS, &rows, none)
}

async fn running(context: &Context, args: &List) -> Result<Exit, CliError> {
    args.selecting.refuse_for_experiments()?;
    let mut active = context.reader().await?.list_active().await?;
    let filters = args.selecting.filters(context.creator());
    active.retain(|run| filters.take_creator(&run.who) && (run.experiment.starred || !filters.starred));
    let data = active.iter().map(|run| {
        json!({
            "experiment": run.experiment.name, "id": run.experiment.id, "kind": run.kind.word(), "who": run.who,
            "host": run.host, "pid": run.pid, "since": records::iso(run.since), "running": run.running,
            "done": run.counts.done, "left": run.counts.left,
        })
    });
    let row = |run: &ActiveRun| {
        vec![
            run.experiment.name.clone(),
            run.kind.word().to_owned(),
            run.who.clone(),
            format!("{} (pid {})", run.host, run.pid),
            instant(run.since),
            run.running.to_string(),
            run.counts.done.to_string(),
            run.counts.left.to_string(),
        ]
    };
    let rows: Vec<Vec<String>> = active.iter().map(row).collect();
    show(context, data.collect(), RUNNING, &rows, "nothing runs now")
}

async fn revisions(context: &Context, what: &str) -> Result<Exit, CliError> {
    let lab = context.reader_for(what).await?;
    let all = lab.list_revisions(&lab.find_experiment(what).await?).await?;
    let data = all.iter().map(|revision| {
        json!({
            "revision": revision.hash, "current": revision.is_current, "first_run": revision.first_run.map(records::iso),
            "conversations": revision.conversations, "done": revision.done, "changes": revision.changes,
        })
    });
    let row = |revision: &Revision| {
        vec![
            short(&revision.hash).to_owned(),
            if revision.is_current { "current".to_owned() } else { String::new() },
            revision.first_run.map_or_else(|| "-".to_owned(), instant),
            revision.conversations.to_string(),
            revision.done.to_string(),
            revision.changes.join("; "),
        ]
    };
    let rows: Vec<Vec<String>> = all.iter().map(row).collect();
    show(context, data.collect(), REVISIONS, &rows, "no revision")
}

/// Indents the name of a row by signs, since a table collapses white space.
fn indented(row: &[String], depth: usize) -> Vec<String> {
    let mut row = row.to_vec();
    if let Some(name) = row.get_mut(NAME).filter(|_| depth > 0) {
        *name = format!("└{} {name}", "──".repeat(depth - 1));
    }
    row
}

async fn conversations(context: &Context, what: &str, selecting: &Selecting) -> Result<Exit, CliError> {
    let lab = context.reader_for(what).await?;
    let (selection, mut conversations) = lab.list_conversations(what, &selecting.criteria(context.creator())).await?;
    if matches!(&selection.of, Of::One(one) if one.kind == ProcessKind::Question) {
        return Err(LabError::IsQuestion { name: what.to_owned() }.into());
    }
    let records: Vec<_> = conversations.iter().map(|(c, _)| c.clone()).collect();
    let said = lab.count_said(&records.iter().collect::<Vec<_>>()).await?;
    let marks = lab.load_marks().await?;
    let notes: Vec<_> = conversations.iter_mut().map(|(c, _)| marks.own_conversation(c)).collect();
    let data = conversations.iter().zip(&said).zip(&notes).map(|(((c, flags), said), notes)| {
        let mut row = records::conversation(c, flags);
        row.insert("messages_so_far".to_owned(), (*said).into());
        records::add_notes(&mut row, notes);
        Json::Object(row)
    });
    let data = data.collect();
    let axes = differing_axes(&records);
    let rows: Vec<Vec<String>> = conversations.iter().zip(said).map(|(c, said)| row(c, said, &axes)).collect();
    let exit = show(context, data, CONVERSATIONS, &rows, "no conversation")?;
    if let Some(left_out) = describe_left_out(&selection.left_out) {
        context.printer.chat(&format!("not listed: {left_out}"));
    }
    Ok(exit)
}

fn row((record, flags): &Flagged, said: u32, axes: &[String]) -> Vec<String> {
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
        // A world has steps, of which each may have any number of speeches.
        if record.is_world() { said.to_string() } else { format!("{said}/{}", record.messages) },
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
