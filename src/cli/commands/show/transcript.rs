//! A conversation in a form for people, entry by entry once it is stored; or as `--json`.

use super::block::block;
use super::calls;
use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit};
use crate::cli::terminal::printer::{Look, Piece, Printer};
use crate::cli::terminal::text::{short, wrap};
use crate::exchange::{self, records};
use crate::lab::marks::OtherNote;
use crate::lab::watch::{ConversationWatch, is_at_its_end};
use crate::lab::{Flagged, Lab};
use crate::process::log::Entry;
use crate::process::state::RESEARCHER;
use crate::process::turn::data;
use crate::process::world::find_perceivers;
use crate::process::world::lines::{circumstances, step_title};
use crate::process::{Flag, Kind};
use crate::store::{CallRecord, ConversationRecord, ConversationUpdate, ExperimentRecord, ProcessKind, Status};
use serde_json::{Map, Value as Json, json};
use std::io;

/// Parts of a transcript that are printed only on request.
#[derive(Debug, Clone, Default)]
pub struct Detail {
    /// Raw replies of the models.
    pub raw: bool,
    /// Every call.
    pub calls: bool,
    /// New turns, until the conversation ends.
    pub follow: bool,
    /// Only what this agent of a world perceived and did.
    pub viewer: Option<String>,
    /// Only what happened in this place of a world.
    pub place: Option<String>,
}

impl Detail {
    /// Refuses an agent or a place that the world does not have, and either in a conversation.
    async fn check(&self, conversation: &ConversationRecord, lab: &Lab) -> Result<(), CliError> {
        if self.viewer.is_none() && self.place.is_none() {
            return Ok(());
        }
        let (agents, places) = (list_agents(conversation), list_places(&lab.log_of(&conversation.id).await?));
        for (flag, wanted, known) in [("--as", &self.viewer, agents), ("--place", &self.place, places)] {
            let Some(wanted) = wanted else { continue };
            if !conversation.is_world() {
                return Err(CliError::usage(format!(
                    "{flag} is for a world, and {} is a conversation",
                    conversation.id
                )));
            }
            if !known.contains(wanted) {
                let known = if known.is_empty() { "it has none so far".to_owned() } else { known.join(", ") };
                return Err(
                    CliError::usage(format!("{flag}: there is no `{wanted}`")).hint(format!("there are: {known}"))
                );
            }
        }
        Ok(())
    }

    /// Returns true if an entry is to be printed. `who` perceived it; `None` for a private entry.
    fn shows(&self, entry: &Entry, who: Option<&Vec<String>>) -> bool {
        let perceives = |viewer: &String| entry.speaker == *viewer || who.is_some_and(|who| who.contains(viewer));
        let is_there = |place: &String| entry.field("place") == Some(place) || entry.kind == Kind::Opening;
        self.viewer.as_ref().is_none_or(perceives) && self.place.as_ref().is_none_or(is_there)
    }
}

fn list_agents(conversation: &ConversationRecord) -> Vec<String> {
    conversation.participants.iter().map(|agent| agent.name.clone()).collect()
}

fn list_places(log: &[Entry]) -> Vec<String> {
    let mut places: Vec<String> = log.iter().filter_map(|entry| entry.field("place")).map(str::to_owned).collect();
    places.sort();
    places.dedup();
    places
}

/// Prints a conversation.
pub async fn run(
    context: &Context,
    detail: Detail,
    lab: &Lab,
    conversation: ConversationRecord,
) -> Result<Exit, CliError> {
    let experiment = lab.experiment_of(&conversation).await?;
    let subject = lab.subject_log(&conversation).await?;
    detail.check(&conversation, lab).await?;
    let mut watch = ConversationWatch::begin(lab, &conversation.id);
    if context.printer.json {
        let (now, log) = if detail.follow { watch.until_end().await? } else { watch.next().await? };
        return json_document(context, &detail, lab, (&experiment, &subject), (now, log)).await;
    }
    let (mut now, mut new) = watch.next().await?;
    let mut own = now.clone();
    let notes = lab.load_marks().await?.own_conversation(&mut own);
    let mut page =
        Page { printer: &context.printer, conversation: now.clone(), subject, detail, day: 0, step: 0, unlike: false };
    page.header(&experiment.name, &(own, flags(&new)), &notes)?;
    let mut log: Vec<Entry> = Vec::new();
    loop {
        let printed = log.len();
        log.append(&mut new);
        // A call without an entry is printed at the end.
        let calls = if page.detail.calls && (printed < log.len() || is_at_its_end(now.status) || !page.detail.follow) {
            lab.store.calls(&conversation.id).await?
        } else {
            Vec::new()
        };
        let perceivers = find_perceivers(&log);
        let shown =
            log.iter().zip(&perceivers).skip(printed).filter(|(entry, who)| page.detail.shows(entry, who.as_ref()));
        for entry in shown.map(|(entry, _)| entry.clone()).collect::<Vec<_>>() {
            let entry = &entry;
            page.entry(entry)?;
            page.calls(&calls, &log, |c| c.seq == entry.seq && entry.call == Some(c.call))?;
        }
        if !page.detail.follow || is_at_its_end(now.status) {
            let open = |c: &CallRecord| !log.iter().any(|e| e.seq == c.seq && e.call == Some(c.call));
            if calls.iter().any(open) {
                page.printer.out("")?;
                page.calls(&calls, &log, open)?;
            }
            page.closing(&now, log.is_empty())?;
            for (question, answers) in lab.questions_about(&now, &log).await? {
                page.asked(&question, &answers)?;
            }
            break;
        }
        (now, new) = watch.next().await?;
    }
    Ok(if page.unlike { Exit::Store } else { Exit::Done })
}

/// Returns the flags in a log.
fn flags(log: &[Entry]) -> Vec<Flag> {
    let mut flags: Vec<_> = log.iter().flat_map(|e| &e.flags).copied().collect();
    flags.sort_unstable();
    flags.dedup();
    flags
}

async fn json_document(
    context: &Context,
    detail: &Detail,
    lab: &Lab,
    (experiment, subject): (&ExperimentRecord, &[Entry]),
    (conversation, log): ConversationUpdate,
) -> Result<Exit, CliError> {
    let id = &conversation.id;
    let flags = flags(&log);
    let perceivers = find_perceivers(&log);
    let shown = log.iter().zip(&perceivers).filter(|(entry, who)| detail.shows(entry, who.as_ref()));
    let object = |(entry, who): (&Entry, &Option<Vec<String>>)| {
        let mut object = exchange::entry(entry);
        object.extend(who.as_ref().map(|who| ("heard_by".to_owned(), json!(who))));
        Json::Object(object)
    };
    let entries: Vec<Json> = shown.map(object).collect();
    let mut own = conversation.clone();
    let notes = lab.load_marks().await?.own_conversation(&mut own);
    let mut data = records::conversation(&own, &flags);
    records::add_notes(&mut data, &notes);
    data.extend(records::object(json!({
        "seed": conversation.seed,
        "experiment": experiment.name,
        "revision": conversation.revision,
        "starting_message": conversation.starting_message,
        "participants": conversation.participants,
        "entries": entries,
        "reason": conversation.reason,
    })));
    let questions = lab.questions_about(&conversation, &log).await?;
    if !questions.is_empty() {
        let questions = questions.iter().map(|(question, answers)| Json::Object(question_object(question, answers)));
        data.insert("questions".to_owned(), questions.collect());
    }
    let mut exit = Exit::Done;
    if detail.calls {
        let calls: Vec<Map<String, Json>> =
            lab.store.calls(id).await?.iter().map(|c| exchange::calls::object(c, &log, subject)).collect();
        if calls.iter().any(|c| c.get("body_matches") == Some(&Json::Bool(false))) {
            exit = Exit::Store;
        }
        data.insert("calls".to_owned(), calls.into_iter().map(Json::Object).collect());
    }
    if exit == Exit::Done {
        context.printer.json_ok(&Json::Object(data))?;
    } else {
        let message = format!("conversation {id}: a request built again is not the one that was sent");
        let error = CliError::new(exit, "store-damaged", message).hint("`convoke verify` lists every fault");
        context.printer.json_error(&error.json(), Some(&Json::Object(data)))?;
    }
    Ok(exit)
}

/// Returns a question about a conversation, with its answers, as JSON.
fn question_object(question: &ConversationRecord, log: &[Entry]) -> Map<String, Json> {
    let answers = log.iter().filter(|entry| entry.kind == Kind::Answer);
    let answers: Vec<Json> = answers.map(|entry| Json::Object(exchange::entry(entry))).collect();
    let asked = question.question.as_ref();
    records::object(json!({
        "id": question.id,
        "creator": question.creator,
        "status": question.status.word(),
        "question": asked.map(|asked| &asked.text),
        "role": asked.map(|asked| &asked.role),
        "again": asked.map(|asked| asked.again.unwrap_or(1)),
        "answers": answers,
    }))
}

/// A transcript and the place that printing has reached.
struct Page<'a> {
    printer: &'a Printer,
    conversation: ConversationRecord,
    /// Log of the conversation, for a question.
    subject: Vec<Entry>,
    detail: Detail,
    day: u32,
    step: u32,
    /// True if a rebuilt request differs from the sent one.
    unlike: bool,
}

impl Page<'_> {
    fn header(&self, experiment: &str, (conversation, flags): &Flagged, notes: &[OtherNote]) -> io::Result<()> {
        let condition: Vec<String> = conversation.condition.iter().map(|l| format!("{}={}", l.name, l.value)).collect();
        self.printer.pieces(&[
            Piece(conversation.kind.word(), Look::Dim),
            Piece(" ", Look::Dim),
            Piece(&conversation.id, Look::Bold),
            Piece(" of ", Look::Dim),
            Piece(experiment, Look::Bold),
        ])?;
        if let Some(subject) = &conversation.subject {
            self.field("about", &format!("conversation {subject}"))?;
        }
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
        for OtherNote { by, note } in notes {
            self.field("note", &format!("{note} ({by})"))?;
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

    /// Prints a question about the conversation, with its answers.
    fn asked(&mut self, question: &ConversationRecord, log: &[Entry]) -> io::Result<()> {
        let Some(asked) = &question.question else { return Ok(()) };
        if self.day != 0 {
            self.day = 0;
            self.printer.out("")?;
            self.printer.pieces(&[Piece("Asked afterwards", Look::Bold)])?;
        }
        self.printer.out("")?;
        let again = asked.again.map(|n| format!(", asking {n}")).unwrap_or_default();
        let by = format!("  to {}, by {}{again}, question {}", asked.role, question.creator, short(&question.id));
        self.printer.pieces(&[Piece(RESEARCHER, Look::Bold), Piece(&by, Look::Dim)])?;
        self.block(&asked.text, "  ", Look::Plain)?;
        let answers: Vec<&Entry> = log.iter().filter(|entry| entry.kind == Kind::Answer).collect();
        for answer in &answers {
            self.printer.out("")?;
            self.turn(answer)?;
        }
        if question.status == Status::Done {
            return Ok(());
        }
        self.printer.out("")?;
        let missing = asked.agents.len().saturating_sub(answers.len());
        let line = format!("{missing} of {} answers missing: {}", asked.agents.len(), status(question));
        self.block(&line, "  ", Look::Dim)
    }

    fn entry(&mut self, entry: &Entry) -> io::Result<()> {
        // The notes that follow a turn say what is in it.
        if entry.kind == Kind::Turn && entry.flags.is_empty() && !self.detail.raw {
            return Ok(());
        }
        let is_question = self.conversation.kind == ProcessKind::Question;
        if entry.day != self.day && !is_question {
            self.day = entry.day;
            self.printer.out("")?;
            self.printer.pieces(&[Piece(&format!("Day {}", entry.day), Look::Bold)])?;
            self.step = 0;
        }
        if self.conversation.is_world() && entry.index != self.step {
            self.step = entry.index;
            if let Some(title) = step_title(entry) {
                self.printer.out("")?;
                self.printer.pieces(&[Piece(&title, Look::Bold)])?;
            }
        }
        self.printer.out("")?;
        self.turn(entry)
    }

    fn turn(&self, entry: &Entry) -> io::Result<()> {
        let aside = !(entry.kind.is_message() || matches!(entry.kind, Kind::Question | Kind::Answer));
        let agents = &self.conversation.participants;
        let look = match agents.iter().position(|p| p.name == entry.speaker) {
            _ if aside => Look::Dim,
            Some(place) => Look::Speaker(place),
            None => Look::Bold,
        };
        let kind = if aside { format!("  ({})", entry.kind.word()) } else { String::new() };
        let kind = format!("{}{kind}", circumstances(entry));
        let flags: Vec<&str> = entry.flags.iter().map(|f| f.word()).collect();
        let flags = if flags.is_empty() { String::new() } else { format!("  [{}]", flags.join(", ")) };
        self.printer.pieces(&[Piece(&entry.speaker, look), Piece(&kind, Look::Dim), Piece(&flags, Look::Yellow)])?;
        let described = data::describe(entry);
        let content = if described.is_empty() { "…" } else { &described };
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
            self.unlike |= !calls::show(self.printer, call, (log, &self.subject), self.detail.raw)?;
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
