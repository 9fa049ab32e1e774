//! Transcripts for people: one file for each conversation, headed by its condition; the sent prompts; an index.
//!
//! Model text is quoted, so that none of its headings breaks the page. It is made harmless (contract S1): without
//! control characters, HTML, or pictures that a viewer would fetch. Names of files derive from conditions and ids (S3).

use super::tally::find_speaker;
use super::{ExportError, Questioned, file_word};
use crate::design::{Experiment, Named, Value, named};
use crate::process::Kind;
use crate::process::harmless::harmless;
use crate::process::log::Entry;
use crate::process::turn::data;
use crate::process::world::lines::{circumstances, step_title};
use crate::store::{CallRecord, ConversationRecord, ConversationUpdate, Status, Store};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;

/// File that lists the conversations.
pub const INDEX: &str = "index.md";
/// Last columns of the table in [`INDEX`].
const COLUMNS: &str = "| replicate | status | entries | conversation |";

/// Receiver of a file: its path within the folder, and its text.
pub type Keep<'a> = dyn FnMut(&str, &str) -> io::Result<()> + 'a;

/// Writes transcripts, prompts and index, and passes each file to `keep`. Returns the number of conversations with
/// entries.
pub async fn write(
    store: &dyn Store,
    experiment: &Experiment,
    conversations: &[ConversationRecord],
    questions: &[Questioned],
    keep: &mut Keep<'_>,
) -> Result<u64, ExportError> {
    let digits = conversations.len().to_string().len().max(2);
    let axes = super::axes(conversations);
    let mut prompts = Prompts::default();
    let mut rows = String::new();
    let mut written = 0;
    for conversation in conversations {
        let log = store.history(&conversation.id).await?.log;
        let mut file = None;
        if !log.is_empty() {
            written += 1;
            let name = file_name(written, digits, conversation);
            let asked = questions_about(store, conversation, questions).await?;
            keep(&name, &transcript(&experiment.name, conversation, &log, &asked))?;
            file = Some(name);
            if prompts.wants(conversation) {
                prompts.add(conversation, &log, &store.calls(&conversation.id).await?, keep)?;
            }
        }
        rows += &index_row(conversation, &axes, file.as_deref(), log.len());
    }
    keep(INDEX, &index(experiment, conversations, &axes, &rows, &prompts))?;
    Ok(written)
}

/// Returns the questions about a conversation, with their logs.
pub async fn questions_about(
    store: &dyn Store,
    conversation: &ConversationRecord,
    questions: &[Questioned],
) -> Result<Vec<ConversationUpdate>, ExportError> {
    let about = questions.iter().filter(|question| question.record.subject.as_ref() == Some(&conversation.id));
    let records: Vec<ConversationRecord> = about.map(|question| question.record.clone()).collect();
    let logs = store.logs(&super::ids(&records)).await?;
    Ok(records.into_iter().zip(logs).collect())
}

/// One conversation as a page, with the questions about it as its last section.
pub fn transcript(
    experiment: &str,
    conversation: &ConversationRecord,
    log: &[Entry],
    questions: &[ConversationUpdate],
) -> String {
    let mut page = format!("# {} · conversation {}\n\n", safe(experiment), conversation.id);
    page += "| | |\n|---|---|\n";
    for level in &conversation.condition {
        let _ = writeln!(page, "| {} | {} |", cell(&level.name), cell(&level.value.to_string()));
    }
    let _ = writeln!(page, "| replicate | {} |\n| seed | {} |", conversation.replicate, conversation.seed);
    let reason = conversation.reason.as_ref().map(|r| format!(": {}", cell(r))).unwrap_or_default();
    let _ = writeln!(page, "| status | {}{reason} |", conversation.status.word());
    for agent in &conversation.participants {
        let _ = writeln!(page, "| {} | {}, {} |", cell(&agent.name), cell(&agent.role), cell(&agent.model));
    }
    let (mut day, mut step) = (0, 0);
    // The notes that follow a turn say what is in it.
    for entry in log.iter().filter(|entry| entry.kind != Kind::Turn || !entry.flags.is_empty()) {
        if entry.day != day {
            day = entry.day;
            let _ = write!(page, "\n## Day {day}\n");
            step = 0;
        }
        if conversation.is_world() && entry.index != step {
            step = entry.index;
            if let Some(title) = step_title(entry) {
                let _ = write!(page, "\n### {}\n", safe(&title));
            }
        }
        turn(&mut page, entry);
    }
    if !questions.is_empty() {
        page += "\n## Asked afterwards\n";
    }
    for entry in questions.iter().flat_map(|(_, log)| log).filter(|entry| entry.kind != Kind::Rejected) {
        turn(&mut page, entry);
    }
    page
}

fn turn(page: &mut String, entry: &Entry) {
    let is_said = entry.kind.is_message() || entry.kind == Kind::Answer;
    let kind = if is_said { String::new() } else { format!(" ({})", entry.kind) };
    let _ = write!(page, "\n**{}**{}{kind}", safe(&entry.speaker), safe(&circumstances(entry)));
    let flags: Vec<&str> = entry.flags.iter().map(|f| f.word()).collect();
    if !flags.is_empty() {
        let _ = write!(page, " `{}`", flags.join("` `"));
    }
    page.push_str("\n\n");
    let content = data::describe(entry);
    for line in safe(if content.is_empty() { "…" } else { &content }).lines() {
        page.push_str(if line.is_empty() { ">" } else { "> " });
        page.push_str(line);
        page.push('\n');
    }
}

/// Escapes control characters, HTML and pictures.
fn safe(text: &str) -> String {
    harmless(text).replace('<', "\\<").replace("![", "!\\[")
}

fn cell(text: &str) -> String {
    safe(text).replace('|', "\\|").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// True for a path within the folder of an export: the index, a transcript, or prompts.
pub fn is_page(path: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let numbered = |name: &str| name.split_once('_').is_some_and(|(number, _)| is_number(number));
    let is_transcript = |name: &str| {
        let mut ending = name.rsplit('_');
        let is_id = ending.next().is_some_and(|id| id.len() == 16 && id.bytes().all(|b| b.is_ascii_hexdigit()));
        numbered(name) && is_id && ending.next().is_some_and(is_number)
    };
    let name = path.strip_suffix(".md").unwrap_or_default();
    match name.strip_prefix("prompts/").and_then(|prompts| prompts.split_once('/')) {
        Some((condition, role)) => numbered(condition) && !role.contains('/'),
        None => path == INDEX || is_transcript(name),
    }
}

/// True for the text of an [`INDEX`].
pub fn is_index(text: &str) -> bool {
    text.starts_with("# ") && text.lines().any(|line| line.ends_with(COLUMNS))
}

fn file_name(number: u64, digits: usize, conversation: &ConversationRecord) -> String {
    let (condition, replicate) = (condition_word(&conversation.condition), conversation.replicate);
    format!("{number:0digits$}_{condition}_{replicate}_{}.md", file_word(&conversation.id))
}

/// Condition in a file's name: text levels alone, others with their factor.
fn condition_word(condition: &[Named<Value>]) -> String {
    let word = |l: &Named<Value>| match &l.value {
        Value::Text(level) => level.clone(),
        other => format!("{}-{other}", l.name),
    };
    file_word(&condition.iter().map(word).collect::<Vec<_>>().join("_"))
}

/// Prompts of each condition, taken from the first conversation that sent any.
#[derive(Default)]
struct Prompts {
    seen: Vec<Vec<Named<Value>>>,
    files: Vec<String>,
}

impl Prompts {
    fn wants(&self, conversation: &ConversationRecord) -> bool {
        !self.seen.contains(&conversation.condition)
    }

    fn add(
        &mut self,
        conversation: &ConversationRecord,
        log: &[Entry],
        calls: &[CallRecord],
        keep: &mut Keep<'_>,
    ) -> io::Result<()> {
        let sent = by_role(conversation, log, calls);
        if sent.is_empty() {
            return Ok(());
        }
        self.seen.push(conversation.condition.clone());
        let folder = format!("prompts/{:02}_{}", self.seen.len(), condition_word(&conversation.condition));
        for (role, prompts) in sent {
            let path = format!("{folder}/{}.md", file_word(&role));
            let text: Vec<String> =
                prompts.iter().map(|(who, text)| format!("<!-- {} -->\n\n{}\n", safe(who), harmless(text))).collect();
            keep(&path, &text.join("\n"))?;
            self.files.push(path);
        }
        Ok(())
    }
}

/// Prompts by role, each with its readers, in the order of the first call.
fn by_role(
    conversation: &ConversationRecord,
    log: &[Entry],
    calls: &[CallRecord],
) -> BTreeMap<String, Vec<(String, String)>> {
    let mut sent: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for call in calls {
        let (name, role) = find_speaker(conversation, log, call);
        let prompts = sent.entry(role.unwrap_or_else(|| name.clone())).or_default();
        if !prompts.iter().any(|(who, _)| *who == name) {
            prompts.push((name.clone(), call.view.system.clone()));
        }
    }
    sent
}

fn index_row(conversation: &ConversationRecord, axes: &[String], file: Option<&str>, entries: usize) -> String {
    let level = |axis: &String| named(&conversation.condition, axis).map(|l| cell(&l.to_string())).unwrap_or_default();
    let levels: Vec<String> = axes.iter().map(level).collect();
    let link = file.map_or_else(|| conversation.id.clone(), |f| format!("[{}]({f})", conversation.id));
    let (replicate, status) = (conversation.replicate, conversation.status.word());
    format!("| {} | {replicate} | {status} | {entries} | {link} |\n", levels.join(" | "))
}

fn index(
    experiment: &Experiment,
    conversations: &[ConversationRecord],
    axes: &[String],
    rows: &str,
    prompts: &Prompts,
) -> String {
    let done = conversations.iter().filter(|c| c.status == Status::Done).count();
    let mut page = format!("# {}\n\n", safe(&experiment.name));
    if let Some(note) = &experiment.note {
        let _ = writeln!(page, "{}\n", safe(note));
    }
    let _ = writeln!(page, "{} conversations, {done} done.\n", conversations.len());
    let axes: Vec<String> = axes.iter().map(|a| cell(a)).collect();
    let _ = writeln!(page, "| {} {COLUMNS}", axes.join(" | "));
    let _ = writeln!(page, "|{}", "---|".repeat(axes.len() + 4));
    page += rows;
    if !prompts.files.is_empty() {
        page += "\nPrompts as they were sent, of the first conversation of each condition:\n\n";
        for file in &prompts.files {
            let _ = writeln!(page, "- [{file}]({file})");
        }
    }
    page
}
