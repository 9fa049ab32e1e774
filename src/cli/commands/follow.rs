//! `convoke list EXPERIMENT --follow`: each turn of every conversation of an experiment, as it is stored.
//!
//! Whoever runs it is another process, on this machine or another: what is told is read from the database, about once
//! a second, and of that only what may have changed.

use crate::cli::context::{Context, What};
use crate::cli::error::{CliError, Exit};
use crate::cli::shell::quoted;
use crate::cli::terminal::printer::{Look, Piece, Printer};
use crate::cli::terminal::text::short;
use crate::exchange;
use crate::process::Kind;
use crate::process::harmless::one_line;
use crate::process::log::Entry;
use crate::store::{ConversationRecord, ExperimentRecord, Status, Store, Unfinished};
use serde_json::{Map, Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::time::{Duration, Instant};

/// How often is looked.
const LOOK: Duration = Duration::from_secs(1);
/// Columns of a screen on which there is room for all.
const WIDE: usize = 60;
/// The order in which is told how many conversations stand how.
const ORDER: [Status; 6] =
    [Status::Done, Status::Failed, Status::Interrupted, Status::Incomplete, Status::Running, Status::Pending];

/// Waits before the next look: a database that needs long to answer is asked less often.
pub async fn pause(usual: Duration, last_took: Duration) {
    tokio::time::sleep(usual.max(last_took * 2)).await;
}

/// Follows an experiment until nothing of it runs or waits.
pub async fn run(context: &Context, what: &str) -> Result<Exit, CliError> {
    let store = context.reader().await?;
    let record = match context.find_stored(what, &*store).await? {
        What::Experiment(record) => *record,
        What::Conversation(_) => {
            return Err(CliError::usage(format!("`{what}` is a conversation; list --follow is for an experiment"))
                .hint(format!("convoke show {} --follow", quoted(what))));
        }
        What::Folder(folder) => return Err(CliError::not_found(format!("{} is not stored", folder.display()))),
    };
    match follow(context, &*store, &record).await {
        Err(Stop::Error(error)) => Err(error),
        // Who read it has seen enough, or all.
        Err(Stop::Closed) | Ok(()) => Ok(Exit::Done),
    }
}

/// Why no more is told.
enum Stop {
    /// Nobody reads any more.
    Closed,
    /// Something is wrong.
    Error(CliError),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe { Self::Closed } else { Self::Error(error.into()) }
    }
}

impl From<crate::store::StoreError> for Stop {
    fn from(error: crate::store::StoreError) -> Self {
        Self::Error(error.into())
    }
}

async fn follow(context: &Context, store: &dyn Store, record: &ExperimentRecord) -> Result<(), Stop> {
    let mut watch = Watch::begin(&context.printer, store, record).await?;
    watch.tell_begin()?;
    let is_going = watch.is_going();
    let (mut took, mut is_last) = (Duration::ZERO, !is_going);
    while !is_last {
        pause(LOOK, took).await;
        let began = Instant::now();
        // What came and ended between two looks is met in one that leaves nothing out.
        is_last = !watch.look(false).await? && !watch.look(true).await?;
        took = began.elapsed();
    }
    watch.tell_end(is_going)
}

/// A conversation that is not done.
struct Known {
    revision: String,
    status: Status,
    /// Entries that were told, or were there before.
    told: u32,
    /// How many of them are messages.
    said: u32,
    /// Whether it was told that it begins.
    open: bool,
}

/// An experiment that is watched.
struct Watch<'a> {
    printer: &'a Printer,
    store: &'a dyn Store,
    record: &'a ExperimentRecord,
    /// Conversations that are not done.
    known: BTreeMap<String, Known>,
    /// Those that are.
    done: BTreeSet<String>,
    /// Those of older revisions, each with its revision: nothing waits for them.
    behind: BTreeMap<String, String>,
}

impl<'a> Watch<'a> {
    /// How everything stands. What was said before is not told.
    async fn begin(printer: &'a Printer, store: &'a dyn Store, record: &'a ExperimentRecord) -> Result<Self, Stop> {
        let (known, done, behind) = (BTreeMap::new(), BTreeSet::new(), BTreeMap::new());
        let mut watch = Self { printer, store, record, known, done, behind };
        let mut begun = Vec::new();
        for stands in store.standing(&record.id).await? {
            if stands.revision != record.revision {
                watch.behind.insert(stands.id.clone(), stands.revision.clone());
            }
            if stands.status == Status::Done {
                watch.done.insert(stands.id);
                continue;
            }
            if stands.status != Status::Pending {
                begun.push((stands.id.clone(), 0));
            }
            let (revision, status) = (stands.revision, stands.status);
            let known = Known { revision, status, told: 0, said: 0, open: status == Status::Running };
            watch.known.insert(stands.id, known);
        }
        for (record, log) in store.news(&begun).await? {
            if let Some(known) = watch.known.get_mut(&record.id) {
                known.told = log.len() as u32;
                known.said = log.iter().filter(|entry| is_message(entry)).count() as u32;
            }
        }
        Ok(watch)
    }

    /// Whether a conversation is one of those that are left as they are.
    fn is_behind(&self, id: &str, known: &Known) -> bool {
        known.status != Status::Running && self.behind.get(id) == Some(&known.revision)
    }

    /// Whether anything runs or waits.
    fn is_going(&self) -> bool {
        let goes = |(id, known): (&String, &Known)| match known.status {
            Status::Running => true,
            Status::Pending => !self.is_behind(id, known),
            _ => false,
        };
        self.known.iter().any(goes)
    }

    /// Tells what happened since the last look; with `all`, of conversations too that seem to rest. Returns whether
    /// anything runs or waits.
    async fn look(&mut self, all: bool) -> Result<bool, Stop> {
        let now = self.store.unfinished(&self.record.id).await?;
        let asked = self.asked(&now, all).await?;
        let news = self.store.news(&asked).await?;
        let there: BTreeSet<&str> = news.iter().map(|(record, _)| record.id.as_str()).collect();
        for (id, _) in asked.iter().filter(|(id, _)| !there.contains(id.as_str())) {
            self.known.remove(id);
            self.deleted(id)?;
        }
        for (record, log) in &news {
            self.told(record, log)?;
        }
        Ok(self.is_going())
    }

    /// The conversations of which there may be news, each with the entries that were told.
    async fn asked(&mut self, now: &Unfinished, all: bool) -> Result<Vec<(String, u32)>, Stop> {
        let mut moved = false;
        let mut asked: BTreeSet<&str> = BTreeSet::new();
        for waiting in &now.others {
            let is_new = !self.known.contains_key(&waiting.id);
            let status = if is_new { Status::Pending } else { waiting.status };
            let fresh = || Known { revision: waiting.revision.clone(), status, told: 0, said: 0, open: false };
            let known = self.known.entry(waiting.id.clone()).or_insert_with(fresh);
            known.revision.clone_from(&waiting.revision);
            moved |= waiting.status == Status::Running || waiting.status != known.status;
            if waiting.status != Status::Pending {
                asked.insert(&waiting.id);
            }
        }
        let waits: BTreeSet<&str> = now.others.iter().map(|w| w.id.as_str()).collect();
        let mut asked: Vec<String> = if moved || all { asked.into_iter().map(str::to_owned).collect() } else { vec![] };
        let ended: Vec<String> = self.known.keys().filter(|id| !waits.contains(id.as_str())).cloned().collect();
        let done: u64 = now.done.values().map(|n| u64::from(*n)).sum();
        // Some came and were done since the last look.
        let unseen = if done > (self.done.len() + ended.len()) as u64 { self.unseen().await? } else { Vec::new() };
        asked.extend(ended.into_iter().chain(unseen));
        Ok(asked.into_iter().map(|id| (self.known.get(&id).map_or(0, |k| k.told), id)).map(|(n, id)| (id, n)).collect())
    }

    /// Conversations that are done and were not known.
    async fn unseen(&mut self) -> Result<Vec<String>, Stop> {
        let mut unseen = Vec::new();
        for stands in self.store.standing(&self.record.id).await? {
            let is_known = self.known.contains_key(&stands.id) || self.done.contains(&stands.id);
            if stands.status == Status::Done && !is_known {
                let known = Known { revision: stands.revision, status: Status::Pending, told: 0, said: 0, open: false };
                self.known.insert(stands.id.clone(), known);
                unseen.push(stands.id);
            }
        }
        Ok(unseen)
    }

    /// Tells what is new of a conversation.
    fn told(&mut self, record: &ConversationRecord, log: &[Entry]) -> Result<(), Stop> {
        let Some(mut known) = self.known.remove(&record.id) else { return Ok(()) };
        let told = known.told;
        let is_over = !matches!(record.status, Status::Running | Status::Pending);
        let begins = record.status == Status::Running || !log.is_empty();
        if begins && !known.open {
            self.started(record)?;
        }
        known.open |= begins;
        for (entry, seq) in log.iter().zip(told..).take_while(|(entry, seq)| entry.seq == *seq) {
            known.said += u32::from(is_message(entry));
            self.entry(record, entry, known.said)?;
            known.told = seq + 1;
        }
        if is_over && (known.open || known.status != record.status) {
            self.ended(record)?;
            known.open = false;
        }
        known.status = record.status;
        if record.status == Status::Done {
            self.done.insert(record.id.clone());
        } else {
            self.known.insert(record.id.clone(), known);
        }
        Ok(())
    }
}

/// Whether an entry counts among an experiment's `messages`.
fn is_message(entry: &Entry) -> bool {
    matches!(entry.kind, Kind::Opening | Kind::Speech)
}

/// What is said.
impl Watch<'_> {
    /// How many conversations stand how, without those that are left behind.
    fn counts(&self) -> Vec<(Status, usize)> {
        let of = |status| self.known.iter().filter(|(id, k)| k.status == status && !self.is_behind(id, k)).count();
        let done = self.done.iter().filter(|id| !self.behind.contains_key(*id)).count();
        ORDER.map(|status| (status, if status == Status::Done { done } else { of(status) })).to_vec()
    }

    fn counts_in_words(&self) -> String {
        let always = |status| matches!(status, Status::Done | Status::Running | Status::Pending);
        let told = self.counts().into_iter().filter(|(status, n)| always(*status) || *n > 0);
        told.map(|(status, n)| format!("{n} {}", status.word())).collect::<Vec<_>>().join(", ")
    }

    fn counts_in_json(&self) -> Map<String, Json> {
        self.counts().into_iter().map(|(status, n)| (status.word().to_owned(), n.into())).collect()
    }

    fn tell_begin(&self) -> Result<(), Stop> {
        let name = &self.record.name;
        if self.printer.json {
            let mut begin = json!({ "event": "begin", "experiment": name, "store": self.store.place() });
            if let Some(begin) = begin.as_object_mut() {
                begin.extend(self.counts_in_json());
            }
            return Ok(self.printer.json_line_heard(&begin)?);
        }
        self.printer.chat(&format!("{name}: {}", self.counts_in_words()));
        if !self.is_going() {
            self.printer.chat("nothing of it runs or waits to be run");
        }
        Ok(())
    }

    fn tell_end(&self, has_told: bool) -> Result<(), Stop> {
        if self.printer.json {
            let mut end = json!({ "event": "end" });
            if let Some(end) = end.as_object_mut() {
                end.extend(self.counts_in_json());
            }
            return Ok(self.printer.json_line_heard(&end)?);
        }
        if has_told {
            self.printer.chat(&format!("{}: {}", self.record.name, self.counts_in_words()));
        }
        Ok(())
    }

    fn started(&self, record: &ConversationRecord) -> Result<(), Stop> {
        if self.printer.json {
            let condition = exchange::condition(&record.condition);
            return Ok(self.printer.json_line_heard(&json!({
                "event": "started", "conversation": record.id, "condition": condition, "replicate": record.replicate,
            }))?);
        }
        let levels: Vec<String> = record.condition.iter().map(|l| format!("{}={}", l.name, l.value)).collect();
        self.line(record, "begins", &format!("replicate {}, {}", record.replicate, levels.join(" ")), Look::Dim)
    }

    fn entry(&self, record: &ConversationRecord, entry: &Entry, said: u32) -> Result<(), Stop> {
        if self.printer.json {
            let mut line = Map::new();
            line.insert("event".to_owned(), "entry".into());
            line.insert("conversation".to_owned(), record.id.as_str().into());
            line.extend(exchange::entry(entry));
            return Ok(self.printer.json_line_heard(&Json::Object(line))?);
        }
        let is_message = is_message(entry);
        let place = if is_message { format!("{said}/{}", record.messages) } else { entry.kind.word().to_owned() };
        // On a narrow screen the text is worth more than the number of an only day.
        let is_told = record.days > 1 || self.printer.width().is_none_or(|width| width >= WIDE);
        let place = if is_told { format!("day {}  {place}", entry.day) } else { place };
        let look = match record.participants.iter().position(|p| p.name == entry.speaker) {
            Some(agent) if is_message => Look::Speaker(agent),
            _ => Look::Dim,
        };
        let content = if entry.content.is_empty() { "…" } else { &entry.content };
        self.spoken(record, &place, &entry.speaker, content, look)
    }

    fn ended(&self, record: &ConversationRecord) -> Result<(), Stop> {
        if self.printer.json {
            return Ok(self.printer.json_line_heard(&json!({
                "event": "ended", "conversation": record.id, "status": record.status.word(), "reason": record.reason,
            }))?);
        }
        let look = if record.status == Status::Done { Look::Green } else { Look::Yellow };
        self.line(record, record.status.word(), record.reason.as_deref().unwrap_or_default(), look)
    }

    fn deleted(&self, id: &str) -> Result<(), Stop> {
        if self.printer.json {
            return Ok(self.printer.json_line_heard(&json!({ "event": "deleted", "conversation": id }))?);
        }
        Ok(self.printer.heard(&[Piece(short(id), Look::Dim), Piece("  deleted", Look::Yellow)])?)
    }

    /// `3f2a91c0  done`, or with words behind it.
    fn line(&self, record: &ConversationRecord, word: &str, words: &str, look: Look) -> Result<(), Stop> {
        let words = if words.is_empty() { String::new() } else { format!(": {}", one_line(words)) };
        let words = self.cut(&words, 10 + word.len());
        Ok(self.printer.heard(&[
            Piece(short(&record.id), Look::Dim),
            Piece("  ", Look::Plain),
            Piece(word, look),
            Piece(&words, Look::Plain),
        ])?)
    }

    /// `3f2a91c0  day 1  2/20  Guard_117: text`, in one line of the screen.
    fn spoken(
        &self,
        record: &ConversationRecord,
        place: &str,
        speaker: &str,
        text: &str,
        look: Look,
    ) -> Result<(), Stop> {
        let (place, speaker) = (format!("  {place}  "), one_line(speaker));
        let before = 8 + place.len();
        let speaker = self.cut(&speaker, before);
        let text = self.cut(&format!(": {}", one_line(text)), before + console::measure_text_width(&speaker));
        Ok(self.printer.heard(&[
            Piece(short(&record.id), Look::Dim),
            Piece(&place, Look::Dim),
            Piece(&speaker, look),
            Piece(&text, Look::Plain),
        ])?)
    }

    /// A text that fits the screen behind so many columns; whole where there is no screen.
    fn cut(&self, text: &str, before: usize) -> String {
        match self.printer.width() {
            Some(width) => console::truncate_str(text, width.saturating_sub(before), "…").into_owned(),
            None => text.to_owned(),
        }
    }
}
