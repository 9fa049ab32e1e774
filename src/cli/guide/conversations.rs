//! Conversations of an experiment, and the actions on one.

use super::select::Selected;
use super::session::{Guide, HINT};
use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit};
use crate::cli::terminal::prompt;
use crate::cli::terminal::text::{instant, short};
use crate::design::named;
use crate::exchange;
use crate::lab::{Criteria, files};
use crate::store::{ConversationRecord, Status};

/// An action on a conversation.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Action {
    View,
    Star,
    Note,
    Continue,
    Delete,
    Back,
}

impl Action {
    /// Returns the actions on the person's own conversation, or on another person's.
    fn all(mine: bool, status: Status) -> Vec<Self> {
        let all = [Self::View, Self::Star, Self::Note, Self::Continue, Self::Delete, Self::Back];
        let is_open = !matches!(status, Status::Done | Status::Failed);
        all.into_iter()
            .filter(|action| mine || *action != Self::Delete)
            .filter(|action| is_open || *action != Self::Continue)
            .collect()
    }

    fn describe_action(self, record: &ConversationRecord) -> String {
        let words = match self {
            Self::View => "view",
            Self::Star if record.starred => "take its star",
            Self::Star => "star it",
            Self::Note => "note",
            Self::Continue => return format!("continue it: it is {}", record.status.word()),
            Self::Delete => "delete it",
            Self::Back => "back",
        };
        words.to_owned()
    }
}

impl Guide {
    /// Lists an experiment's conversations, older revisions included, until the person goes back.
    pub(super) async fn list_conversations(&mut self, selected: &Selected) -> Result<(), CliError> {
        let id = format!("id:{}", selected.record.id);
        let mut at = 0;
        loop {
            let found = self.read(async |lab| {
                let (listed, marks) =
                    (lab.list_conversations(&id, &Criteria::everything()).await?.1, lab.load_marks().await?);
                let mut records: Vec<ConversationRecord> = listed.into_iter().map(|(record, _)| record).collect();
                for record in &mut records {
                    marks.own_conversation(record);
                }
                Ok(records)
            });
            let records = found.await?.unwrap_or_default();
            if records.is_empty() {
                self.say("it has no conversation yet");
                return Ok(());
            }
            let axes = varying_axes(&records);
            let items: Vec<String> = records.iter().map(|record| format_record(record, &axes)).collect();
            let chosen = prompt::ask_search_from(&self.context.terminal, "conversation", &items, at, HINT).await?;
            let Some(place) = chosen else { return Ok(()) };
            at = place;
            self.conversation_menu(&records[place].id).await?;
        }
    }

    /// Shows a conversation's menu until the person goes back.
    async fn conversation_menu(&mut self, id: &str) -> Result<(), CliError> {
        let mut at = 0;
        loop {
            let found = self.read(async |lab| {
                let mut found = lab.store.find_conversations(id).await?.into_iter().find(|c| c.id == id);
                let marks = lab.load_marks().await?;
                if let Some(record) = &mut found {
                    marks.own_conversation(record);
                }
                Ok(found)
            });
            let Some(record) = found.await?.flatten() else { return Ok(()) };
            let word = word_for(&self.context, id);
            let actions = Action::all(self.is_mine(&record.creator), record.status);
            let items: Vec<String> = actions.iter().map(|action| action.describe_action(&record)).collect();
            let question = format!("conversation {}", short(id));
            let Some(place) = prompt::ask_one_of(&self.context.terminal, &question, &items, at, HINT).await? else {
                return Ok(());
            };
            at = place;
            match actions[place] {
                Action::View => drop(self.run_words(&["show", &word]).await?),
                Action::Star => self.set_star(&word, record.starred).await?,
                Action::Note => self.ask_note(&word, record.note.as_deref()).await?,
                Action::Continue => {
                    self.run_words(&["run", &word]).await?;
                    at = 0;
                }
                Action::Delete => {
                    if self.run_words(&["delete", &word]).await? == Exit::Done {
                        return Ok(());
                    }
                }
                Action::Back => return Ok(()),
            }
        }
    }
}

/// Returns the axes in which the conversations differ.
fn varying_axes(records: &[ConversationRecord]) -> Vec<String> {
    let mut axes = exchange::axes(records);
    axes.retain(|axis| {
        let level = |c: &ConversationRecord| named(&c.condition, axis).cloned();
        records.windows(2).any(|pair| level(&pair[0]) != level(&pair[1]))
    });
    axes
}

/// Formats a conversation as one line, the important parts first: a narrow window cuts the end.
fn format_record(record: &ConversationRecord, axes: &[String]) -> String {
    let star = if record.starred { "★ " } else { "" };
    let levels = record.condition.iter().filter(|l| axes.contains(&l.name));
    let levels: Vec<String> = levels.map(|l| format!("{}={}", l.name, l.value)).collect();
    let models: Vec<&str> = record.models.iter().map(|m| m.name.as_str()).collect();
    let mut parts = vec![format!("{star}{} {}", short(&record.id), record.status.word())];
    parts.extend((!levels.is_empty()).then(|| levels.join(" ")));
    parts.push(format!("nr {}", record.replicate));
    parts.push(models.join(", "));
    parts.push(format!("{} messages", record.messages));
    parts.push(instant(record.created));
    parts.extend(record.note.clone());
    parts.join(" · ")
}

/// Returns a conversation's name in a command: its id, unless a folder has the same name.
fn word_for(context: &Context, id: &str) -> String {
    if matches!(files::folder_named(&context.world.folder, id), Ok(None)) { id.to_owned() } else { format!("id:{id}") }
}
