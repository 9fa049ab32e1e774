//! `convoke list EXPERIMENT --follow`: prints each turn of every conversation of an experiment once it is stored.
//!
//! Another process, here or elsewhere, runs the experiment. This one polls the database about once a second, and reads
//! only what may have changed.

use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit};
use crate::cli::terminal::printer::{Look, Piece, Printer};
use crate::cli::terminal::text::short;
use crate::exchange;
use crate::lab::Target;
use crate::lab::watch::{Change, Watch};
use crate::process::harmless::one_line;
use crate::process::log::Entry;
use crate::process::world::lines::circumstances;
use crate::store::{ConversationRecord, Status};
use serde_json::{Map, Value as Json, json};
use std::io;

/// Width of a screen that has room for all fields, in columns.
const WIDE: usize = 60;

/// Follows an experiment until no conversation is running or pending.
pub async fn run(context: &Context, what: &str) -> Result<Exit, CliError> {
    let lab = context.reader_for(what).await?;
    let record = match lab.find_target(what).await? {
        Target::Experiment(record) => *record,
        Target::Conversation(_) => {
            return Err(CliError::usage(format!("`{what}` is a conversation; list --follow is for an experiment"))
                .hint(context.paste_line(&["show", what, "--follow"])));
        }
    };
    let name = record.name.clone();
    let screen = Screen { printer: &context.printer, experiment: &name };
    let mut watch = Watch::begin(&lab, record).await?;
    let was_going = watch.is_going();
    if !closed(screen.begin(&watch, &lab.store.place()))? {
        while let Some(changes) = watch.next().await? {
            if closed(changes.iter().try_for_each(|change| screen.change(change)))? {
                return Ok(Exit::Done);
            }
        }
        closed(screen.end(&watch, was_going))?;
    }
    Ok(Exit::Done)
}

/// Returns true if the reader of the output has closed it, which is no error.
fn closed(written: io::Result<()>) -> Result<bool, CliError> {
    match written {
        Ok(()) => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(true),
        Err(error) => Err(error.into()),
    }
}

/// Prints the changes of an experiment.
struct Screen<'a> {
    printer: &'a Printer,
    /// Name of the experiment.
    experiment: &'a str,
}

impl Screen<'_> {
    fn change(&self, change: &Change) -> io::Result<()> {
        match change {
            Change::Started(record) => self.started(record),
            Change::Entry { record, entry, messages } => self.entry(record, entry, *messages),
            Change::Ended(record) => self.ended(record),
            Change::Deleted(id) => self.deleted(id),
        }
    }

    fn counts_in_words(watch: &Watch) -> String {
        let always = |status| matches!(status, Status::Done | Status::Running | Status::Pending);
        let told = watch.count_statuses().into_iter().filter(|(status, n)| always(*status) || *n > 0);
        told.map(|(status, n)| format!("{n} {}", status.word())).collect::<Vec<_>>().join(", ")
    }

    fn counts_in_json(watch: &Watch) -> Map<String, Json> {
        watch.count_statuses().into_iter().map(|(status, n)| (status.word().to_owned(), n.into())).collect()
    }

    fn begin(&self, watch: &Watch, place: &str) -> io::Result<()> {
        let name = self.experiment;
        if self.printer.json {
            let mut begin = json!({ "event": "begin", "experiment": name, "store": place });
            if let Some(begin) = begin.as_object_mut() {
                begin.extend(Self::counts_in_json(watch));
            }
            return self.printer.json_line_heard(&begin);
        }
        self.printer.chat(&format!("{name}: {}", Self::counts_in_words(watch)));
        if !watch.is_going() {
            self.printer.chat("nothing of it runs or waits to be run");
        }
        Ok(())
    }

    fn end(&self, watch: &Watch, was_going: bool) -> io::Result<()> {
        if self.printer.json {
            let mut end = json!({ "event": "end" });
            if let Some(end) = end.as_object_mut() {
                end.extend(Self::counts_in_json(watch));
            }
            return self.printer.json_line_heard(&end);
        }
        if was_going {
            self.printer.chat(&format!("{}: {}", self.experiment, Self::counts_in_words(watch)));
        }
        Ok(())
    }

    fn started(&self, record: &ConversationRecord) -> io::Result<()> {
        if self.printer.json {
            let condition = exchange::condition(&record.condition);
            return self.printer.json_line_heard(&json!({
                "event": "started", "conversation": record.id, "condition": condition, "replicate": record.replicate,
            }));
        }
        let levels: Vec<String> = record.condition.iter().map(|l| format!("{}={}", l.name, l.value)).collect();
        self.line(record, "begins", &format!("replicate {}, {}", record.replicate, levels.join(" ")), Look::Dim)
    }

    fn entry(&self, record: &ConversationRecord, entry: &Entry, said: u32) -> io::Result<()> {
        if self.printer.json {
            let mut line = Map::new();
            line.insert("event".to_owned(), "entry".into());
            line.insert("conversation".to_owned(), record.id.as_str().into());
            line.extend(exchange::entry(entry));
            return self.printer.json_line_heard(&Json::Object(line));
        }
        let is_message = entry.kind.is_message();
        let place = if record.is_world() && entry.index > 0 {
            format!("step {}", entry.index)
        } else if is_message {
            format!("{said}/{}", record.messages)
        } else {
            entry.kind.word().to_owned()
        };
        // On a narrow screen, the text has priority over the number of a single day.
        let is_told = record.days > 1 || self.printer.width().is_none_or(|width| width >= WIDE);
        let place = if is_told { format!("day {}  {place}", entry.day) } else { place };
        let look = match record.participants.iter().position(|p| p.name == entry.speaker) {
            Some(agent) if is_message => Look::Speaker(agent),
            _ => Look::Dim,
        };
        let content = if entry.content.is_empty() { "…" } else { &entry.content };
        self.spoken(record, &place, &format!("{}{}", entry.speaker, circumstances(entry)), content, look)
    }

    fn ended(&self, record: &ConversationRecord) -> io::Result<()> {
        if self.printer.json {
            return self.printer.json_line_heard(&json!({
                "event": "ended", "conversation": record.id, "status": record.status.word(), "reason": record.reason,
            }));
        }
        let look = if record.status == Status::Done { Look::Green } else { Look::Yellow };
        self.line(record, record.status.word(), record.reason.as_deref().unwrap_or_default(), look)
    }

    fn deleted(&self, id: &str) -> io::Result<()> {
        if self.printer.json {
            return self.printer.json_line_heard(&json!({ "event": "deleted", "conversation": id }));
        }
        self.printer.try_pieces(&[Piece(short(id), Look::Dim), Piece("  deleted", Look::Yellow)])
    }

    /// Prints `3f2a91c0  done`, or the same with words after it.
    fn line(&self, record: &ConversationRecord, word: &str, words: &str, look: Look) -> io::Result<()> {
        let words = if words.is_empty() { String::new() } else { format!(": {}", one_line(words)) };
        let words = self.cut(&words, 10 + word.len());
        self.printer.try_pieces(&[
            Piece(short(&record.id), Look::Dim),
            Piece("  ", Look::Plain),
            Piece(word, look),
            Piece(&words, Look::Plain),
        ])
    }

    /// Prints `3f2a91c0  day 1  2/20  Guard_117: text` in one line of the screen.
    fn spoken(
        &self,
        record: &ConversationRecord,
        place: &str,
        speaker: &str,
        text: &str,
        look: Look,
    ) -> io::Result<()> {
        let (place, speaker) = (format!("  {place}  "), one_line(speaker));
        let before = 8 + place.len();
        let speaker = self.cut(&speaker, before);
        let text = self.cut(&format!(": {}", one_line(text)), before + console::measure_text_width(&speaker));
        self.printer.try_pieces(&[
            Piece(short(&record.id), Look::Dim),
            Piece(&place, Look::Dim),
            Piece(&speaker, look),
            Piece(&text, Look::Plain),
        ])
    }

    /// Cuts a text to the width of the screen after `before` columns. Without a screen, returns it whole.
    fn cut(&self, text: &str, before: usize) -> String {
        match self.printer.width() {
            Some(width) => console::truncate_str(text, width.saturating_sub(before), "…").into_owned(),
            None => text.to_owned(),
        }
    }
}
