//! A conversation as people read it, entry by entry as it is stored; and as `--json` gives it.

use super::block::block;
use super::calls;
use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit};
use crate::cli::terminal::printer::{Look, Piece, Printer};
use crate::cli::terminal::text::wrap;
use crate::exchange::{self, records};
use crate::lab::watch::{ConversationWatch, is_at_its_end};
use crate::lab::{Flagged, Lab};
use crate::process::log::Entry;
use crate::process::{Flag, Kind};
use crate::store::{CallRecord, ConversationRecord, ExperimentRecord, News};
use serde_json::{Map, Value as Json, json};
use std::io;

/// Parts of a transcript that are shown only on request.
#[derive(Debug, Clone, Copy)]
pub struct Detail {
    /// Replies as the models gave them.
    pub raw: bool,
    /// Every call.
    pub calls: bool,
    /// Further turns, until the conversation ends.
    pub follow: bool,
}

/// Shows a conversation.
pub async fn run(
    context: &Context,
    detail: Detail,
    lab: &Lab,
    conversation: ConversationRecord,
) -> Result<Exit, CliError> {
    let experiment = lab.experiment_of(&conversation).await?;
    let mut watch = ConversationWatch::begin(lab, &conversation.id);
    if context.printer.json {
        let (now, log) = if detail.follow { watch.until_end().await? } else { watch.next().await? };
        return json_document(context, detail, lab, &experiment, (now, log)).await;
    }
    let (mut now, mut new) = watch.next().await?;
    let mut page = Page { printer: &context.printer, conversation: now.clone(), detail, day: 0, unlike: false };
    page.header(&experiment.name, &(now.clone(), flags(&new)))?;
    let mut log: Vec<Entry> = Vec::new();
    loop {
        let printed = log.len();
        log.append(&mut new);
        // A call without an entry is printed at the end.
        let calls = if detail.calls && (printed < log.len() || is_at_its_end(now.status) || !detail.follow) {
            lab.store.calls(&conversation.id).await?
        } else {
            Vec::new()
        };
        for entry in &log[printed..] {
            page.entry(entry)?;
            page.calls(&calls, &log, |c| c.seq == entry.seq && entry.call == Some(c.call))?;
        }
        if !detail.follow || is_at_its_end(now.status) {
            let open = |c: &CallRecord| !log.iter().any(|e| e.seq == c.seq && e.call == Some(c.call));
            if calls.iter().any(open) {
                page.printer.out("")?;
                page.calls(&calls, &log, open)?;
            }
            page.closing(&now, log.is_empty())?;
            break;
        }
        (now, new) = watch.next().await?;
    }
    Ok(if page.unlike { Exit::Store } else { Exit::Done })
}

/// The flags in a log.
fn flags(log: &[Entry]) -> Vec<Flag> {
    let mut flags: Vec<_> = log.iter().flat_map(|e| &e.flags).copied().collect();
    flags.sort_unstable();
    flags.dedup();
    flags
}

async fn json_document(
    context: &Context,
    detail: Detail,
    lab: &Lab,
    experiment: &ExperimentRecord,
    (conversation, log): News,
) -> Result<Exit, CliError> {
    let id = &conversation.id;
    let flags = flags(&log);
    let entries: Vec<Json> = log.iter().map(|e| Json::Object(exchange::entry(e))).collect();
    let mut data = records::conversation(&conversation, &flags);
    data.extend(records::object(json!({
        "seed": conversation.seed,
        "experiment": experiment.name,
        "revision": conversation.revision,
        "starting_message": conversation.starting_message,
        "participants": conversation.participants,
        "entries": entries,
        "reason": conversation.reason,
    })));
    let mut exit = Exit::Done;
    if detail.calls {
        let calls: Vec<Map<String, Json>> =
            lab.store.calls(id).await?.iter().map(|c| exchange::calls::object(c, &log)).collect();
        if calls.iter().any(|c| c.get("body_matches") == Some(&Json::Bool(false))) {
            exit = Exit::Store;
        }
        data.insert("calls".to_owned(), calls.into_iter().map(Json::Object).collect());
    }
    if exit == Exit::Done {
        context.printer.json_ok(&Json::Object(data))?;
    } else {
        let message = format!("conversation {id}: a request built again is not the one that was sent");
        let error = CliError::new(exit, "store-damaged", message).hint("`convoke verify` tells all");
        context.printer.json_error(&error.json(), Some(&Json::Object(data)))?;
    }
    Ok(exit)
}

/// Prints a transcript as far as it goes.
struct Page<'a> {
    printer: &'a Printer,
    conversation: ConversationRecord,
    detail: Detail,
    day: u32,
    /// Whether a request built again was not the one that was sent.
    unlike: bool,
}

impl Page<'_> {
    fn header(&self, experiment: &str, (conversation, flags): &Flagged) -> io::Result<()> {
        let condition: Vec<String> = conversation.condition.iter().map(|l| format!("{}={}", l.name, l.value)).collect();
        self.printer.pieces(&[
            Piece("conversation ", Look::Dim),
            Piece(&conversation.id, Look::Bold),
            Piece(" of ", Look::Dim),
            Piece(experiment, Look::Bold),
        ])?;
        self.field("condition", &condition.join(" "))?;
        let run = format!("{}, seed {}, run by {}", conversation.replicate, conversation.seed, conversation.creator);
        self.field("replicate", &run)?;
        self.field("status", &status(conversation))?;
        for (i, agent) in conversation.participants.iter().enumerate() {
            let label = if i == 0 { "agents" } else { "" };
            self.field(label, &format!("{} ({}, {})", agent.name, agent.role, agent.model))?;
        }
        let flags: Vec<&str> = flags.iter().map(|f| f.word()).collect();
        if !flags.is_empty() {
            self.field("flags", &flags.join(" "))?;
        }
        if let Some(note) = &conversation.note {
            self.field("note", note)?;
        }
        Ok(())
    }

    fn field(&self, name: &str, text: &str) -> io::Result<()> {
        let width = self.printer.width().map(|w| w.saturating_sub(11));
        for (i, line) in wrap(text, width).iter().enumerate() {
            let name = if i == 0 { name } else { "" };
            self.printer.pieces(&[Piece(&format!("{name:<11}"), Look::Dim), Piece(line, Look::Plain)])?;
        }
        Ok(())
    }

    fn entry(&mut self, entry: &Entry) -> io::Result<()> {
        if entry.day != self.day {
            self.day = entry.day;
            self.printer.out("")?;
            self.printer.pieces(&[Piece(&format!("Day {}", entry.day), Look::Bold)])?;
        }
        self.printer.out("")?;
        let aside = !entry.kind.is_message();
        let agents = &self.conversation.participants;
        let look = match agents.iter().position(|p| p.name == entry.speaker) {
            _ if aside => Look::Dim,
            Some(place) => Look::Speaker(place),
            None => Look::Bold,
        };
        let kind = if aside { format!("  ({})", entry.kind.word()) } else { String::new() };
        let flags: Vec<&str> = entry.flags.iter().map(|f| f.word()).collect();
        let flags = if flags.is_empty() { String::new() } else { format!("  [{}]", flags.join(", ")) };
        self.printer.pieces(&[Piece(&entry.speaker, look), Piece(&kind, Look::Dim), Piece(&flags, Look::Yellow)])?;
        let content = if entry.content.is_empty() { "…" } else { &entry.content };
        let is_summary = entry.kind == Kind::Summary;
        self.block(content, "  ", if aside && !is_summary { Look::Dim } else { Look::Plain })?;
        match &entry.raw {
            Some(raw) if self.detail.raw && *raw != entry.content => {
                self.printer.pieces(&[Piece("  as the model gave it:", Look::Dim)])?;
                self.block(raw, "  | ", Look::Dim)
            }
            _ => Ok(()),
        }
    }

    fn block(&self, text: &str, indent: &str, look: Look) -> io::Result<()> {
        block(self.printer, text, indent, look)
    }

    fn calls(&mut self, calls: &[CallRecord], log: &[Entry], which: impl Fn(&CallRecord) -> bool) -> io::Result<()> {
        for call in calls.iter().filter(|c| which(c)) {
            self.unlike |= !calls::show(self.printer, call, log, self.detail.raw)?;
        }
        Ok(())
    }

    fn closing(&self, now: &ConversationRecord, empty: bool) -> io::Result<()> {
        let status = status(now);
        let line = match (empty, self.detail.follow || now.reason.is_some()) {
            (true, _) => "nothing has been said yet",
            (false, true) => &status,
            (false, false) => return Ok(()),
        };
        self.printer.out("")?;
        block(self.printer, line, "", Look::Dim)
    }
}

fn status(conversation: &ConversationRecord) -> String {
    let reason = conversation.reason.as_ref().map(|r| format!(": {r}")).unwrap_or_default();
    format!("{}{reason}", conversation.status.word())
}
