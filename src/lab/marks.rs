//! Stars and notes, which are each person's own. The record of an item holds the creator's; marks of others are apart.

use super::error::LabError;
use super::setup::Lab;
use super::target::Target;
use crate::store::{ConversationRecord, ExperimentRecord, Mark, MarkRecord};
use serde::Serialize;
use std::collections::BTreeMap;

/// A note of somebody else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OtherNote {
    /// Its author.
    pub by: String,
    /// The note.
    pub note: String,
}

/// Marks as a person sees them.
#[derive(Debug, Clone, Default)]
pub struct Marks {
    person: String,
    /// Marks by item.
    by_item: BTreeMap<String, Vec<MarkRecord>>,
}

impl Lab {
    /// Loads the marks of all people.
    pub async fn load_marks(&self) -> Result<Marks, LabError> {
        let mut by_item: BTreeMap<String, Vec<MarkRecord>> = BTreeMap::new();
        for mark in self.store.marks().await? {
            by_item.entry(mark.item.clone()).or_default().push(mark);
        }
        Ok(Marks { person: self.who.creator.clone(), by_item })
    }

    /// Changes the person's own note or star of an experiment or conversation, whoever created it.
    pub async fn set_mark(&self, target: &Target, mark: Mark) -> Result<(), LabError> {
        let mark = Mark { at: (self.clock)(), ..mark };
        self.store.mark(&target.item(), &self.who.creator, mark).await.map_err(|error| target.store_error(error))
    }
}

impl Marks {
    /// Puts the person's own star and note in place of the creator's. Returns the notes of all others.
    pub fn own_experiment(&self, record: &mut ExperimentRecord) -> Vec<OtherNote> {
        self.own((&record.id, &record.creator), &mut record.starred, &mut record.note)
    }

    /// Puts the person's own star and note in place of the creator's. Returns the notes of all others.
    pub fn own_conversation(&self, record: &mut ConversationRecord) -> Vec<OtherNote> {
        self.own((&record.id, &record.creator), &mut record.starred, &mut record.note)
    }

    /// Puts the person's own star and note in place of the creator's. Returns the notes of all others.
    pub fn own_target(&self, target: &mut Target) -> Vec<OtherNote> {
        match target {
            Target::Experiment(record) => self.own_experiment(record),
            Target::Conversation(record) => self.own_conversation(record),
        }
    }

    fn own(&self, (id, creator): (&str, &str), starred: &mut bool, note: &mut Option<String>) -> Vec<OtherNote> {
        let marks = self.by_item.get(id).map(Vec::as_slice).unwrap_or_default();
        let written = |mark: &MarkRecord| Some(OtherNote { by: mark.person.clone(), note: mark.note.clone()? });
        // The record has the creator's mark.
        let is_other = |m: &&MarkRecord| m.person != self.person && m.person != creator;
        let mut others: Vec<OtherNote> = marks.iter().filter(is_other).filter_map(written).collect();
        if creator != self.person {
            others.extend(note.take().map(|note| OtherNote { by: creator.to_owned(), note }));
            let mine = marks.iter().find(|mark| mark.person == self.person);
            *starred = mine.is_some_and(|mark| mark.starred);
            *note = mine.and_then(|mark| mark.note.clone());
        }
        others.sort_by(|a, b| a.by.cmp(&b.by));
        others
    }
}
