//! Messages that one call shows its reader, as a recipe over the log.

use super::log::{Entry, Kind};
use super::turn::data;
use super::world::lines::{Lines, is_whisper, own_turn};
use serde::{Deserialize, Serialize};

/// One message of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Author, in the terms of chat servers.
    #[serde(rename = "role")]
    pub author: Author,
    /// Text of the message.
    pub content: String,
}

/// Author of a message, in the terms of chat servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Author {
    /// Instructions.
    System,
    /// Everything that others say.
    User,
    /// The reader's own turns.
    Assistant,
}

/// Recipe of a call's messages: entries by `seq`, texts unchanged.
///
/// A recipe has a constant size for any length of conversation. [`View::messages`] rebuilds the messages from the
/// recipe and the log, so that the store keeps messages by reference (contract R9).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a stored field of its own")]
pub struct View {
    /// System prompt; empty for none.
    pub system: String,
    /// First entry to read (the day's opening).
    pub from: u32,
    /// End of the entries to read, exclusive.
    pub to: u32,
    /// Name of the agent that reads. `None` if the reader gets all turns as one labelled text.
    pub reader: Option<String>,
    /// True if the speaker's name precedes others' turns.
    pub labels: bool,
    /// True if a blank line joins consecutive user messages.
    pub merge: bool,
    /// True if `…` stands, as user, behind each own turn that another own turn or the end follows: chat templates want a
    /// user last and no two own turns in a row.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub alternate: bool,
    /// True if `…` stands for an empty opening, which strict servers refuse.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub filled: bool,
    /// True if the reader's own turns as JSON are shown as such, and not as speeches.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub turns: bool,
    /// Form of the lines of a world; `None` in a conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub world: Option<Lines>,
    /// Parts between the system prompt and the entries `from..to`, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
    /// True if the entries are in the log of the finished conversation that the process is about.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub subject: bool,
    /// Parts after the turns, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ending: Vec<Ending>,
}

/// A part of a prompt. It lists entries instead of a rule that selects them, so that the prompt can be rebuilt without
/// the process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// The program's own text, as user.
    Text(String),
    /// Entries of the log, which are read like the entries `from..to`.
    Entries {
        /// Places of the entries, in order.
        ranges: Vec<Range>,
    },
}

/// Consecutive places in a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    /// First place.
    pub from: u32,
    /// End, exclusive.
    pub to: u32,
}

/// A part after the turns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// The program's own text, as user.
    Text(String),
    /// The reader's own rejected reply, by `seq`, as assistant.
    Rejected(u32),
}

/// Text that every reader sees for an empty turn.
const SILENCE: &str = "…";

impl View {
    /// Returns the view of a helper: the turns of these entries, always labelled, as one text.
    pub fn transcript(system: &str, from: u32, to: u32) -> Self {
        Self {
            system: system.to_owned(),
            from,
            to,
            reader: None,
            labels: true,
            merge: true,
            alternate: false,
            filled: false,
            turns: false,
            world: None,
            parts: Vec::new(),
            subject: false,
            ending: Vec::new(),
        }
    }

    /// Builds the messages from `own`, the log of the process, and `subject`, the log that the process is about.
    /// Entries that the log lacks are left out.
    pub fn messages(&self, own: &[Entry], subject: &[Entry]) -> Vec<Message> {
        let log = if self.subject { subject } else { own };
        let mut messages = Vec::new();
        if !self.system.is_empty() {
            messages.push(Message { author: Author::System, content: self.system.clone() });
        }
        for part in &self.parts {
            match part {
                Part::Text(text) => self.add(&mut messages, Author::User, text.clone()),
                Part::Entries { ranges } => ranges.iter().for_each(|range| self.read(&mut messages, *range, log)),
            }
        }
        self.read(&mut messages, Range { from: self.from, to: self.to }, log);
        for ending in &self.ending {
            match ending {
                Ending::Text(text) => self.add(&mut messages, Author::User, text.clone()),
                Ending::Rejected(seq) => {
                    let content = own.get(*seq as usize).map(|e| said(e).to_owned()).unwrap_or_default();
                    self.add(&mut messages, Author::Assistant, content);
                }
            }
        }
        self.separate(&mut messages);
        messages
    }

    fn read(&self, messages: &mut Vec<Message>, range: Range, log: &[Entry]) {
        let (from, to) = (range.from as usize, (range.to as usize).min(log.len()));
        if let Some(lines) = self.world {
            return self.read_world(messages, log.get(from..to).unwrap_or_default(), lines);
        }
        for entry in log.get(from..to).unwrap_or_default() {
            match (entry.kind, &self.reader) {
                (Kind::Opening, Some(_)) if self.filled => self.add(messages, Author::User, said(entry).to_owned()),
                (Kind::Opening, Some(_)) => self.add(messages, Author::User, entry.content.clone()),
                (Kind::Turn, Some(reader)) if self.turns && *reader == entry.speaker => {
                    if let Some(said) = data::as_said(entry) {
                        self.add(messages, Author::Assistant, said);
                    }
                }
                (Kind::Speech, Some(reader)) if self.turns && *reader == entry.speaker && entry.call.is_none() => {}
                (Kind::Speech, Some(reader)) if *reader == entry.speaker => {
                    self.add(messages, Author::Assistant, said(entry).to_owned());
                }
                (Kind::Speech, _) => self.add(messages, Author::User, self.turn(entry)),
                (Kind::Action, reader) if reader.as_ref() != Some(&entry.speaker) && !entry.content.is_empty() => {
                    self.add(messages, Author::User, format!("{} {}", entry.speaker, entry.content));
                }
                (Kind::Opening, None)
                | (
                    Kind::Selection
                    | Kind::Summary
                    | Kind::Rejected
                    | Kind::Question
                    | Kind::Answer
                    | Kind::Turn
                    | Kind::Thought
                    | Kind::Action
                    | Kind::State
                    | Kind::Move,
                    _,
                ) => {}
            }
        }
    }

    /// Reads entries of a world: a range is either the reader's own turn or what others did.
    fn read_world(&self, messages: &mut Vec<Message>, entries: &[Entry], lines: Lines) {
        let is_own = |entry: &Entry| self.reader.as_ref() == Some(&entry.speaker);
        if let Some(first) = entries.first().filter(|first| is_own(first)) {
            add_line(messages, lines.header(first));
            messages.push(Message { author: Author::Assistant, content: own_turn(entries) });
            return;
        }
        let heard = |entry: &&Entry| self.reader.is_some() || !is_whisper(entry);
        for line in entries.iter().filter(heard).filter_map(|entry| lines.line(entry, self.reader.as_deref())) {
            add_line(messages, line);
        }
    }

    fn turn(&self, entry: &Entry) -> String {
        if self.labels { format!("{}: {}", entry.speaker, said(entry)) } else { said(entry).to_owned() }
    }

    /// Adds `…` behind an own turn.
    fn separate(&self, messages: &mut Vec<Message>) {
        if self.alternate && messages.last().is_some_and(|last| last.author == Author::Assistant) {
            messages.push(Message { author: Author::User, content: SILENCE.to_owned() });
        }
    }

    fn add(&self, messages: &mut Vec<Message>, author: Author, content: String) {
        if author == Author::Assistant {
            self.separate(messages);
        }
        match messages.last_mut() {
            Some(last) if self.merge && author == Author::User && last.author == Author::User => {
                last.content += "\n\n";
                last.content += &content;
            }
            _ => messages.push(Message { author, content }),
        }
    }
}

/// Adds a line of a world to the user's message.
fn add_line(messages: &mut Vec<Message>, line: String) {
    match messages.last_mut() {
        Some(last) if last.author == Author::User => {
            last.content.push('\n');
            last.content += &line;
        }
        Some(_) | None => messages.push(Message { author: Author::User, content: line }),
    }
}

fn said(entry: &Entry) -> &str {
    if entry.content.is_empty() { SILENCE } else { &entry.content }
}
