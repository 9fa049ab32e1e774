//! Failures of use cases, as values: a front end adds the remedy in its own words.

use super::left_out::LeftOut;
use super::named::Named;
use crate::design::{Obstacle, Problem};
use crate::exchange::ExportError;
use crate::model::ModelError;
use crate::store::StoreError;
use std::io;
use std::path::PathBuf;

/// Why a use case could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// The experiment is wrong. Holds all its mistakes.
    #[error("{subject}")]
    Wrong {
        /// The experiment and what cannot be done with it, as a sentence.
        subject: String,
        /// Every mistake and warning.
        problems: Vec<Problem>,
    },
    /// A request that makes no sense, or an experiment that cannot be planned.
    #[error("{}", .0.message)]
    Obstacle(Obstacle),
    /// Several obstacles: at least one.
    #[error("{}", .0.first().map_or("it cannot be changed so", |o| &o.message))]
    Obstacles(Vec<Obstacle>),
    /// A file stands where an experiment's folder is needed.
    #[error("{path} is a file, not an experiment's folder")]
    NotAFolder {
        /// The path as given.
        path: String,
    },
    /// No such folder.
    #[error("there is no folder {path}")]
    NoFolder {
        /// The path as given.
        path: String,
    },
    /// The folder's `experiment.toml` names no experiment.
    #[error("{} names no experiment", .folder.display())]
    Unnamed {
        /// The folder.
        folder: PathBuf,
    },
    /// Nothing of that name or id.
    #[error("there is no experiment or conversation `{name}` in {place}")]
    NotFound {
        /// The name or id as given.
        name: String,
        /// The database.
        place: String,
        /// A question that names the nearest one.
        near: Option<String>,
    },
    /// Several ids begin so.
    #[error("`{prefix}` is the beginning of {number} ids")]
    ManyIds {
        /// The beginning.
        prefix: String,
        /// Number of ids.
        number: usize,
    },
    /// Several experiments have that name.
    #[error("`{name}` is the name of several experiments")]
    ManyNames {
        /// The name.
        name: String,
        /// Id and creator of each.
        experiments: Vec<(String, String)>,
    },
    /// A conversation was named where an experiment is needed.
    #[error("`{name}` is a conversation of `{experiment}`")]
    IsConversation {
        /// The name or id as given.
        name: String,
        /// Name of its experiment.
        experiment: String,
    },
    /// An experiment was named where a conversation is needed.
    #[error("`{name}` is an experiment")]
    IsExperiment {
        /// The name or id as given.
        name: String,
    },
    /// A question was named where a conversation is needed.
    #[error("`{name}` is a question to agents of a conversation")]
    IsQuestion {
        /// The id as given.
        name: String,
    },
    /// No conversation is done whose agents could be asked.
    #[error("no conversation of `{name}` is done whose agents could be asked")]
    NothingToAsk {
        /// The name or id as given.
        name: String,
        /// Conversations that are not asked.
        left_out: LeftOut,
    },
    /// It was deleted meanwhile.
    #[error("{0} is not there any more")]
    Gone(Named),
    /// A conversation was deleted meanwhile.
    #[error("conversation {id} is not there any more")]
    NoConversation {
        /// Its id.
        id: String,
    },
    /// It belongs to somebody else.
    #[error("{target} is {creator}'s: only its creator may change it")]
    NotYours {
        /// Experiment or conversation.
        target: Named,
        /// Its creator.
        creator: String,
    },
    /// A document that the database lacks.
    #[error("revision {revision} of `{name}` is missing")]
    NoDocument {
        /// Hash of the revision.
        revision: String,
        /// Name of the experiment.
        name: String,
    },
    /// An experiment that the database lacks.
    #[error("the experiment of conversation {conversation} is missing")]
    NoExperiment {
        /// Id of the conversation.
        conversation: String,
    },
    /// No recorded run planned the conversation, so its overrides are unknown.
    #[error("no run is recorded that planned conversation {}, so its flags are not known", .conversation.get(..8).unwrap_or(.conversation))]
    NoRun {
        /// Id of the conversation.
        conversation: String,
        /// Name of its experiment.
        experiment: String,
    },
    /// No name for another copy is free.
    #[error("`{name}` has too many copies to find another name")]
    TooManyCopies {
        /// Name of the original.
        name: String,
    },
    /// A path that must be free is taken.
    #[error("{} exists already", .0.display())]
    PathTaken(PathBuf),
    /// A folder stands where a file is to be written.
    #[error("{} is a folder", .0.display())]
    PathIsFolder(PathBuf),
    /// A file cannot be read.
    #[error("cannot read {}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file of fixed replies is of no use.
    #[error("cannot use {} (CONVOKE_SCRIPT)", .path.display())]
    Script {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// A file or folder cannot be written.
    #[error("cannot write {}", .path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Output cannot be written.
    #[error("cannot write the output")]
    Output(#[source] io::Error),
    /// A server of language models.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl LabError {
    /// Whether the reader of the output is gone (`| head`).
    pub fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

impl From<ExportError> for LabError {
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::Store(error) => error.into(),
            ExportError::Write(error) => Self::Output(error),
        }
    }
}

impl From<Obstacle> for LabError {
    fn from(obstacle: Obstacle) -> Self {
        Self::Obstacle(obstacle)
    }
}
