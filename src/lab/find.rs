//! Lookup of experiments by folder, name or id, of their revisions, and of conversations by id or key.

use super::error::LabError;
use super::files;
use super::near::find_near;
use super::setup::Lab;
use super::target::Target;
use crate::design::folder::same_name;
use crate::design::problem::Problems;
use crate::design::tree::FILE;
use crate::design::{Experiment, folder};
use crate::store::{ConversationRecord, ExperimentRecord, StoreError};
use std::path::{Path, PathBuf};

impl Lab {
    /// Folder that `what` names, if it is a path.
    pub fn folder_named(&self, what: &str) -> Result<Option<PathBuf>, LabError> {
        files::folder_named(&self.folder, what)
    }

    /// Finds an experiment, or a conversation by the beginning of its id or key. A folder names the stored experiment of that name. A name wins over an id,
    /// and the person's own experiment over a colleague's.
    ///
    /// # Errors
    /// [`LabError::NotFound`], [`LabError::ManyNames`], [`LabError::ManyIds`], the mistakes of a folder, and
    /// [`LabError::IsRevision`] for `NAME@HASH`.
    pub async fn find_target(&self, what: &str) -> Result<Target, LabError> {
        match self.find_unversioned(what).await {
            Err(missing) if is_missing(&missing) => match self.revision_named(what).await? {
                Some((hash, record)) => Err(LabError::IsRevision { name: record.name, hash }),
                None => Err(missing),
            },
            found => found,
        }
    }

    async fn find_unversioned(&self, what: &str) -> Result<Target, LabError> {
        let folder = self.folder_named(what)?;
        let is_folder = folder.is_some();
        let (name, unnamed) = match folder.map(|folder| (name_in(&folder), folder)) {
            None => (what.to_owned(), None),
            Some((Ok(name), _)) => (name, None),
            // A folder of results may have the name of a stored experiment.
            Some((Err(error), folder)) if !folder.join(FILE).exists() => (what.to_owned(), Some(error)),
            Some((Err(error), _)) => return Err(error),
        };
        let experiments = self.store.records().await?;
        if let Some(found) = self.by_name(&name, &experiments)? {
            return Ok(Target::Experiment(Box::new(found)));
        }
        let prefix = name.strip_prefix("id:").unwrap_or(&name);
        let mut found: Vec<Target> = Vec::new();
        if !prefix.is_empty() {
            let ids = experiments.iter().filter(|e| e.id.starts_with(prefix));
            found.extend(ids.map(|e| Target::Experiment(Box::new(e.clone()))));
            let conversations = self.store.find_conversations(prefix).await?;
            found.extend(conversations.into_iter().map(|c| Target::Conversation(Box::new(c))));
        }
        match (found.len(), found.pop()) {
            (1, Some(only)) => Ok(only),
            (_, Some(last)) => {
                found.push(last);
                Err(ambiguous_error(prefix.to_owned(), &found, &experiments))
            }
            (_, None) if is_folder => {
                let not_stored = || LabError::NotStored { folder: what.to_owned(), place: self.store.place() };
                Err(unnamed.unwrap_or_else(not_stored))
            }
            (_, None) => {
                let near = find_near(&self.folder, &name, experiments.iter().map(|e| e.name.as_str()));
                Err(LabError::NotFound { name, place: self.store.place(), near })
            }
        }
    }

    /// Finds what [`Self::find_target`] finds, or `NAME@HASH`: an experiment's record with one of its revisions as the
    /// current one. A name that exists wins. No change may begin from such a record.
    pub async fn find_version(&self, what: &str) -> Result<Target, LabError> {
        match self.find_unversioned(what).await {
            Err(missing) if is_missing(&missing) => match self.revision_named(what).await? {
                Some((_, record)) => Ok(Target::Experiment(Box::new(record))),
                None => Err(missing),
            },
            found => found,
        }
    }

    /// Returns the experiment and the hash that `NAME@HASH` names; `None` for another form, or another experiment.
    async fn revision_named(&self, what: &str) -> Result<Option<(String, ExperimentRecord)>, LabError> {
        let is_whole = |(name, hash): &(&str, &str)| !name.is_empty() && !hash.is_empty();
        let Some((name, hash)) = what.rsplit_once('@').filter(is_whole) else { return Ok(None) };
        match self.find_unversioned(name).await {
            Ok(Target::Experiment(record)) => {
                let revision = self.find_revision(&record, hash).await?;
                Ok(Some((hash.to_owned(), ExperimentRecord { revision, ..*record })))
            }
            Ok(Target::Conversation(_)) => Ok(None),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn by_name(&self, name: &str, experiments: &[ExperimentRecord]) -> Result<Option<ExperimentRecord>, LabError> {
        let mut named: Vec<&ExperimentRecord> = experiments.iter().filter(|e| e.name == name).collect();
        if named.is_empty() {
            named = experiments.iter().filter(|e| same_name(&e.name, name)).collect();
        }
        let own = named.iter().find(|e| e.creator == self.who.creator);
        match (own, named.as_slice()) {
            (Some(own), _) => Ok(Some((*own).clone())),
            (None, [only]) => Ok(Some((*only).clone())),
            (None, []) => Ok(None),
            (None, several) => Err(LabError::ManyNames {
                name: name.to_owned(),
                experiments: several.iter().map(|e| (e.id.clone(), e.creator.clone())).collect(),
            }),
        }
    }

    /// Refuses a new name that differs from one of the person's own only in the Unicode form of its accents.
    pub(super) async fn refuse_other_form(&self, creator: &str, name: &str) -> Result<(), LabError> {
        let other = |e: &ExperimentRecord| e.creator == creator && e.name != name && same_name(&e.name, name);
        if name.is_ascii() || !self.store.records().await?.iter().any(other) {
            return Ok(());
        }
        Err(StoreError::Exists { creator: creator.to_owned(), name: name.to_owned() }.into())
    }

    /// Finds an experiment and refuses a conversation.
    pub async fn find_experiment(&self, what: &str) -> Result<ExperimentRecord, LabError> {
        match self.find_target(what).await? {
            Target::Experiment(record) => Ok(*record),
            Target::Conversation(conversation) => Err(self.not_a_conversation(what, &conversation).await?),
        }
    }

    /// Error for a conversation in place of an experiment.
    pub(super) async fn not_a_conversation(
        &self,
        what: &str,
        conversation: &ConversationRecord,
    ) -> Result<LabError, LabError> {
        let experiment = self.experiment_of(conversation).await?.name;
        Ok(LabError::IsConversation { name: what.to_owned(), experiment })
    }

    /// Finds an experiment or conversation and checks that it is the person's own. The later write checks this again.
    pub async fn find_own(&self, what: &str) -> Result<Target, LabError> {
        let target = self.find_target(what).await?;
        if target.creator() == self.who.creator {
            return Ok(target);
        }
        let creator = target.creator().to_owned();
        Err(LabError::NotYours { target: (&target).into(), creator })
    }

    /// Experiment and document to compare. For a conversation, those of its revision.
    pub async fn find_compared(&self, what: &str) -> Result<(ExperimentRecord, Experiment), LabError> {
        let (record, revision) = match self.find_version(what).await? {
            Target::Experiment(record) => ((*record).clone(), record.revision),
            Target::Conversation(c) => (self.experiment_of(&c).await?, c.revision),
        };
        let document = self.load_document(&ExperimentRecord { revision, ..record.clone() }).await?;
        Ok((record, document))
    }

    /// Experiment of a conversation.
    pub async fn experiment_of(&self, conversation: &ConversationRecord) -> Result<ExperimentRecord, LabError> {
        let found = self.find_record(&conversation.experiment).await?;
        found.ok_or_else(|| LabError::NoExperiment { conversation: conversation.id.clone() })
    }

    /// Experiment with an id.
    pub async fn find_record(&self, id: &str) -> Result<Option<ExperimentRecord>, LabError> {
        Ok(self.store.records().await?.into_iter().find(|e| e.id == id))
    }

    /// Document of an experiment's revision, with its current note and `[run]`.
    pub async fn load_document(&self, record: &ExperimentRecord) -> Result<Experiment, LabError> {
        let missing = || LabError::NoDocument { revision: record.revision.clone(), name: record.name.clone() };
        let mut document = self.store.document(&record.revision).await?.ok_or_else(missing)?;
        document.run = record.run;
        document.note.clone_from(&record.note);
        Ok(document)
    }
}

/// True for an error that says that nothing has the name.
fn is_missing(error: &LabError) -> bool {
    matches!(error, LabError::NotFound { .. } | LabError::NoFolder { .. } | LabError::NotStored { .. })
}

/// Returns the error for a name where no database exists yet. `place` is its address.
pub fn nothing_stored(from: &Path, what: &str, place: &str) -> LabError {
    let place = format!("{place}, which does not exist yet");
    match files::folder_named(from, what) {
        Err(error) => error,
        Ok(Some(_)) => LabError::NotStored { folder: what.to_owned(), place },
        Ok(None) => {
            LabError::NotFound { name: what.to_owned(), place, near: find_near(from, what, std::iter::empty()) }
        }
    }
}

/// Returns the error for several items that begin with a prefix. Equal conversations of several experiments have one
/// key.
fn ambiguous_error(prefix: String, found: &[Target], experiments: &[ExperimentRecord]) -> LabError {
    let is_key = |target: &Target| matches!(target, Target::Conversation(c) if c.key.starts_with(&prefix));
    if !found.iter().all(is_key) {
        return LabError::ManyIds { prefix, number: found.len() };
    }
    let named = |target: &Target| {
        let Target::Conversation(c) = target else { return None };
        let experiment = experiments.iter().find(|e| e.id == c.experiment)?;
        Some((c.id.clone(), experiment.name.clone()))
    };
    LabError::ManyKeys { conversations: found.iter().filter_map(named).collect(), prefix }
}

/// Name in a folder's `experiment.toml`, even if the rest of it is wrong.
fn name_in(path: &Path) -> Result<String, LabError> {
    let files = files::read_folder(path)?;
    let mut problems = Problems::default();
    let (experiment, _) = folder::read(&files, &mut problems);
    let name = experiment.map(|e| e.name).filter(|n| !n.is_empty());
    name.ok_or_else(|| LabError::Unnamed { folder: path.to_owned() })
}
