//! Changing one's own experiment. Two simultaneous changes lose nothing: the second person sees the first change, and
//! then their own changes are applied to the new state.

use super::error::LabError;
use super::named::Named;
use super::question::{About, Confirmation, Progress};
use super::setup::{Lab, Servers};
use super::target::Target;
use crate::design::check::{Checked, check};
use crate::design::edit::Changes;
use crate::design::folder::Files;
use crate::design::{Experiment, Problem, diff, key};
use crate::store::{ExperimentRecord, Item, Mark, NewExperiment, StoreError};

/// Maximum number of names to try for a copy.
const COPIES: u32 = 10_000;

/// An experiment after a change.
#[derive(Debug, Clone)]
pub struct Edited {
    /// Its record.
    pub record: ExperimentRecord,
    /// False if the experiment already had this content.
    pub is_changed: bool,
    /// One line for each change.
    pub changes: Vec<String>,
    /// Number of conversations left behind.
    pub behind: usize,
    /// Warnings about the experiment.
    pub warnings: Vec<Problem>,
}

/// A copy of an experiment.
#[derive(Debug, Clone)]
pub struct Copy {
    /// Its record.
    pub record: ExperimentRecord,
    /// One line for each difference from the original.
    pub changes: Vec<String>,
    /// Warnings about the copy.
    pub warnings: Vec<Problem>,
}

/// Applies changes to an experiment and checks the result like a folder.
pub fn apply_changes(old: &Experiment, changes: &Changes, servers: &Servers) -> Result<(Files, Checked), LabError> {
    let files = changes.apply(old).map_err(LabError::Obstacles)?;
    let checked = check(&files, &servers.known_servers());
    if checked.has_errors() || checked.experiment.is_none() {
        let subject = format!("`{}` would be wrong", old.name);
        return Err(LabError::Wrong { subject, problems: checked.problems });
    }
    Ok((files, checked))
}

/// Applies changes and returns the document alone, with its warnings.
pub fn changed_document(
    old: &Experiment,
    changes: &Changes,
    servers: &Servers,
) -> Result<(Experiment, Vec<Problem>), LabError> {
    let (_, Checked { experiment, problems, .. }) = apply_changes(old, changes, servers)?;
    let subject = || format!("`{}` would be wrong", old.name);
    let missing = || LabError::Wrong { subject: subject(), problems: Vec::new() };
    Ok((experiment.ok_or_else(missing)?, problems))
}

impl Lab {
    /// Applies changes to an experiment, and a note, which no revision includes.
    ///
    /// `seen` is the experiment as the person saw it. If somebody changed it meanwhile, the use case needs the answer
    /// to [`About::ChangedMeanwhile`] first. A new star, note or number of replicates needs no answer.
    pub async fn edit_experiment(
        &self,
        seen: &ExperimentRecord,
        changes: &Changes,
        note: Option<&str>,
        yes: &[String],
    ) -> Result<Progress<Edited>, LabError> {
        let mut edited = loop {
            let record = self.reload_record(seen).await?;
            let old = self.load_document(&record).await?;
            if let Some(question) = self.changed_meanwhile(seen, &record, &old, changes).await?
                && !question.is_given(yes)
            {
                return Ok(Progress::Needs(question));
            }
            match self.store_revision(record, &old, changes).await {
                Err(LabError::Store(StoreError::Changed { .. })) => {}
                done => break done?,
            }
        };
        if let Some(note) = note.filter(|note| edited.record.note.as_deref() != Some(*note)) {
            self.save_note(&mut edited, note).await?;
        }
        Ok(Progress::Done(edited))
    }

    async fn reload_record(&self, seen: &ExperimentRecord) -> Result<ExperimentRecord, LabError> {
        self.find_record(&seen.id).await?.ok_or_else(|| LabError::Gone(Named::Experiment(seen.name.clone())))
    }

    async fn changed_meanwhile(
        &self,
        seen: &ExperimentRecord,
        now: &ExperimentRecord,
        document: &Experiment,
        mine: &Changes,
    ) -> Result<Option<Confirmation>, LabError> {
        if now.revision == seen.revision && now.run == seen.run {
            return Ok(None);
        }
        let changes = diff::describe_differences(&self.load_document(seen).await?, document);
        if changes.is_empty() {
            return Ok(None);
        }
        Ok(Some(Confirmation::new(About::ChangedMeanwhile {
            id: now.id.clone(),
            name: now.name.clone(),
            expected: seen.version,
            found: now.version,
            changes,
            replaces: mine.whole.is_some(),
        })))
    }

    async fn store_revision(
        &self,
        record: ExperimentRecord,
        old: &Experiment,
        changes: &Changes,
    ) -> Result<Edited, LabError> {
        let (new, warnings) = changed_document(old, changes, &self.servers)?;
        let revision = key::hash_revision(&new);
        if revision == record.revision && new.run == record.run {
            let (changes, warnings) = (Vec::new(), Vec::new());
            return Ok(Edited { record, is_changed: false, changes, behind: 0, warnings });
        }
        if new.name != record.name {
            self.refuse_other_form(&self.who.creator, &new.name).await?;
        }
        let behind = self.left_behind(&record, &new).await?;
        let (id, creator, version) = (&record.id, &self.who.creator, record.version);
        let revised = match self.store.revise(id, creator, version, new.clone(), revision).await {
            Ok(revised) => revised,
            Err(error @ StoreError::Changed { .. }) => return Err(error.into()),
            Err(error) => return Err(Target::Experiment(Box::new(record)).store_error(error)),
        };
        let mut lines = diff::describe_differences(old, &new);
        if record.name != revised.name {
            lines.insert(0, format!("`name`: {} → {}", record.name, revised.name));
        }
        Ok(Edited { record: revised, is_changed: true, changes: lines, behind, warnings })
    }

    async fn save_note(&self, edited: &mut Edited, note: &str) -> Result<(), LabError> {
        let target = Target::Experiment(Box::new(edited.record.clone()));
        let mark = Mark { note: Some(Some(note.to_owned())), starred: None, at: (self.clock)() };
        let item = Item::Experiment(edited.record.id.clone());
        self.store.mark(&item, &edited.record.creator, mark).await.map_err(|e| target.store_error(e))?;
        edited.record = self.reload_record(&edited.record).await?;
        edited.is_changed = true;
        edited.changes.push(format!("`note`: {note}"));
        Ok(())
    }

    /// Copies an experiment under the name in `changes`, else under the first free one: that of a given folder, then
    /// `NAME-2`, `NAME-3`, …. `note` replaces the original's note; an empty one removes it.
    pub async fn duplicate_experiment(
        &self,
        original: &ExperimentRecord,
        mut changes: Changes,
        note: Option<&str>,
    ) -> Result<Copy, LabError> {
        let old = self.load_document(original).await?;
        if changes.name.is_some() {
            return self.copy_as(original, &old, &changes, note).await;
        }
        let of_folder = changes.whole.as_ref().map(|e| e.name.clone()).filter(|n| *n != original.name);
        let numbered = (2..COPIES).map(|n| format!("{}-{n}", original.name));
        for name in of_folder.into_iter().chain(numbered) {
            if self.store.experiment(&self.who.creator, &name).await?.is_some() {
                continue;
            }
            changes.name = Some(name);
            match self.copy_as(original, &old, &changes, note).await {
                // Somebody took the name after the lookup.
                Err(LabError::Store(StoreError::Exists { .. })) => {}
                done => return done,
            }
        }
        Err(LabError::TooManyCopies { name: original.name.clone() })
    }

    async fn copy_as(
        &self,
        original: &ExperimentRecord,
        old: &Experiment,
        changes: &Changes,
        note: Option<&str>,
    ) -> Result<Copy, LabError> {
        let (mut document, warnings) = changed_document(old, changes, &self.servers)?;
        let note = note.or(original.note.as_deref()).filter(|note| !note.trim().is_empty());
        document.note = note.map(str::to_owned);
        let record = self.create_experiment(document.clone(), Some(original.id.clone())).await?;
        Ok(Copy { record, changes: diff::describe_differences(old, &document), warnings })
    }

    /// Stores a new experiment; `parent` is the id of its original.
    pub async fn create_experiment(
        &self,
        document: Experiment,
        parent: Option<String>,
    ) -> Result<ExperimentRecord, LabError> {
        self.refuse_other_form(&self.who.creator, &document.name).await?;
        Ok(self.store.create(self.new_experiment(document, parent)).await?)
    }

    pub(super) fn new_experiment(&self, document: Experiment, parent: Option<String>) -> NewExperiment {
        NewExperiment {
            id: format!("{:016x}", (self.random)()),
            creator: self.who.creator.clone(),
            now: (self.clock)(),
            revision: key::hash_revision(&document),
            document,
            parent,
        }
    }
}
