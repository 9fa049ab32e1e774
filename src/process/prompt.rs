//! Messages that one call shows its reader, as a recipe over the log.

use super::log::{Entry, Kind};
use serde::{Deserialize, Serialize};

/// One message of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Whose it is, as chat servers see it.
    #[serde(rename = "role")]
    pub author: Author,
    /// Its text.
    pub content: String,
}

/// Whose a message is, as chat servers see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Author {
    /// Instructions.
    System,
    /// All that others say.
    User,
    /// One's own turns.
    Assistant,
}

/// What a call shows its reader, as a recipe over the log: entries by `seq`, texts as they are.
///
/// A recipe has a constant size however long the conversation is; [`View::messages`] builds the messages again
/// from it and the log, so that what was sent can be kept by reference (contract R9).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// The system prompt; empty = none is sent.
    pub system: String,
    /// First entry to be read (the day's opening).
    pub from: u32,
    /// The entry before which reading ends.
    pub to: u32,
    /// The agent who reads; none = somebody who reads the turns as one labelled text.
    pub reader: Option<String>,
    /// Whether others' turns are headed by their speaker's name.
    pub labels: bool,
    /// Whether consecutive user messages are joined by a blank line.
    pub merge: bool,
    /// Parts between the system prompt and the entries `from..to`, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
    /// True if the entries are those of the finished log that the process is about.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub subject: bool,
    /// What stands after the turns, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ending: Vec<Ending>,
}

/// A part of a prompt: it names entries, never a rule, so that the prompt can be built again without the process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// The program's own words, as user.
    Text(String),
    /// Entries, read as those of `from..to` are.
    Entries {
        /// Their places, in order.
        ranges: Vec<Range>,
    },
}

/// Places in a log that follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    /// The first.
    pub from: u32,
    /// The one before which reading ends.
    pub to: u32,
}

/// Something after the turns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// The program's own words, as user.
    Text(String),
    /// The reader's own rejected reply, by `seq`, as assistant.
    Rejected(u32),
}

/// How an empty turn that was kept is read by all.
const SILENCE: &str = "…";

impl View {
    /// The messages, built from the process's own log and from the one that it is about. Entries that the recipe names
    /// and the log lacks are left out.
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
        messages
    }

    fn read(&self, messages: &mut Vec<Message>, range: Range, log: &[Entry]) {
        let (from, to) = (range.from as usize, (range.to as usize).min(log.len()));
        for entry in log.get(from..to).unwrap_or_default() {
            match (entry.kind, &self.reader) {
                (Kind::Opening, Some(_)) => self.add(messages, Author::User, entry.content.clone()),
                (Kind::Speech, Some(reader)) if *reader == entry.speaker => {
                    self.add(messages, Author::Assistant, said(entry).to_owned());
                }
                (Kind::Speech, _) => self.add(messages, Author::User, self.turn(entry)),
                (Kind::Opening, None)
                | (Kind::Selection | Kind::Summary | Kind::Rejected | Kind::Question | Kind::Answer, _) => {}
            }
        }
    }

    fn turn(&self, entry: &Entry) -> String {
        if self.labels { format!("{}: {}", entry.speaker, said(entry)) } else { said(entry).to_owned() }
    }

    fn add(&self, messages: &mut Vec<Message>, author: Author, content: String) {
        match messages.last_mut() {
            Some(last) if self.merge && author == Author::User && last.author == Author::User => {
                last.content += "\n\n";
                last.content += &content;
            }
            _ => messages.push(Message { author, content }),
        }
    }
}

fn said(entry: &Entry) -> &str {
    if entry.content.is_empty() { SILENCE } else { &entry.content }
}
