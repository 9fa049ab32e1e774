//! The state of a draft: its beginning, the experiment with the answers so far, and what was removed.

use super::step::Step;
use crate::design::between::changes_between;
use crate::design::check::check;
use crate::design::edit::Changes;
use crate::design::{Experiment, Factor, Obstacle, PromptText, Protocol, Role, Section};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Default number of openings and speeches in a conversation.
const MESSAGES: u32 = 20;

/// The beginning of a draft.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Base {
    /// Nothing.
    New,
    /// An experiment that is changed.
    Change(Origin),
    /// An experiment that is copied.
    Copy(Origin),
}

/// The stored experiment that a draft begins with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Its id.
    pub id: String,
    /// Its revision then.
    pub revision: String,
}

/// Removed parts, which return with their title or name.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Attic {
    /// Sections with the name of their prompt, the last removed one last.
    pub sections: Vec<(String, Section)>,
    pub roles: Vec<Role>,
    pub summarizer: Option<PromptText>,
}

/// An experiment in the making.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Draft {
    /// Its beginning.
    pub base: Base,
    /// The experiment that it begins with.
    pub old: Experiment,
    /// The experiment with the answers so far. Each role has a section for each title that is not shared, some without
    /// a text.
    pub new: Experiment,
    /// Current question.
    pub step: Step,
    /// Questions that were answered.
    pub answered: Vec<Step>,
    pub(super) attic: Attic,
    /// Lines of unfinished texts by address.
    pub typed: BTreeMap<String, Vec<String>>,
    /// True if a new experiment gets a star.
    pub starred: bool,
}

impl Draft {
    /// Creates the draft of a new experiment.
    pub fn create() -> Self {
        let old = Experiment::empty("");
        let mut new = old.clone();
        new.protocol = Protocol { messages: MESSAGES, ..Protocol::default() };
        new.sections = ["Goal", "Personality", "Communication rules"].map(str::to_owned).to_vec();
        Self::begin(Base::New, old, new, Step::Name)
    }

    /// Creates the draft of a change.
    pub fn change(origin: Origin, old: Experiment) -> Self {
        let mut draft = Self::begin(Base::Change(origin), old.clone(), old, Step::Overview);
        draft.answered = draft.list_steps();
        draft
    }

    /// Creates the draft of a copy with this name.
    pub fn copy(origin: Origin, old: Experiment, name: String) -> Self {
        let new = Experiment { name, ..old.clone() };
        let mut draft = Self::begin(Base::Copy(origin), old, new, Step::Name);
        draft.answered = draft.list_steps();
        draft.answered.retain(|step| *step != Step::Name);
        draft
    }

    fn begin(base: Base, old: Experiment, new: Experiment, step: Step) -> Self {
        let (answered, attic, typed) = (Vec::new(), Attic::default(), BTreeMap::new());
        let mut draft = Self { base, old, new, step, answered, attic, typed, starred: false };
        draft.fill_blanks();
        draft
    }

    /// Returns the stored experiment that it begins with.
    pub fn origin(&self) -> Option<&Origin> {
        match &self.base {
            Base::New => None,
            Base::Change(origin) | Base::Copy(origin) => Some(origin),
        }
    }

    /// Returns the experiment that the flags change: an empty one of the same name, or the stored one.
    pub fn start(&self) -> Experiment {
        match self.base {
            Base::New => Experiment::empty(&self.new.name),
            Base::Change(_) | Base::Copy(_) => self.old.clone(),
        }
    }

    /// Returns the changes that the command makes.
    pub fn list_changes(&self) -> Changes {
        changes_between(&self.start(), &self.new)
    }

    /// Returns the note if it changes.
    pub fn new_note(&self) -> Option<&str> {
        let text = |note: &'_ Option<String>| note.as_deref().unwrap_or_default().to_owned();
        let new = self.new.note.as_deref().unwrap_or_default();
        (new != text(&self.start().note)).then_some(new)
    }

    /// Returns true if nothing was answered yet that would be lost.
    pub fn is_untouched(&self) -> bool {
        let changes = match self.base {
            Base::New => return self.answered.is_empty(),
            Base::Change(_) => self.list_changes(),
            Base::Copy(_) => Changes { name: None, ..self.list_changes() },
        };
        changes.is_empty() && self.new_note().is_none() && self.typed.is_empty()
    }

    /// Continues on a newer state of the stored experiment.
    ///
    /// # Errors
    /// The obstacles that prevent these changes there.
    pub fn move_onto(&mut self, document: Experiment, revision: &str) -> Result<(), Vec<Obstacle>> {
        let files = Changes { name: None, ..self.list_changes() }.apply(&document)?;
        let Some(new) = check(&files, &[]).experiment else { return Ok(()) };
        // A name or note that was not touched is not a change.
        let name = if self.new.name == self.old.name { &document.name } else { &self.new.name }.clone();
        let note = if self.new_note().is_none() { &document.note } else { &self.new.note }.clone();
        self.new = Experiment { name, note, ..new };
        self.old = document;
        if let Base::Change(origin) | Base::Copy(origin) = &mut self.base {
            revision.clone_into(&mut origin.revision);
        }
        self.fill_blanks();
        let answered = self.list_steps();
        self.answered = answered;
        Ok(())
    }

    /// Returns true if a factor of this name exists.
    pub fn is_factor(&self, name: &str) -> bool {
        self.find_factor(name).is_some()
    }

    /// Finds a factor by its name.
    pub fn find_factor(&self, name: &str) -> Option<&Factor> {
        self.new.factors.iter().find(|factor| factor.name == name)
    }
}
