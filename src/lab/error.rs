//! Failures of use cases, as values: a front end adds the hint in its own words.

use super::filters::LeftOutBy;
use super::left_out::LeftOut;
use super::named::Named;
use super::near::Near;
use crate::design::{Obstacle, Problem};
use crate::exchange::ExportError;
use crate::exchange::foreign::Unfit;
use crate::model::ModelError;
use crate::store::StoreError;
use std::io;
use std::path::PathBuf;

/// Reason why a use case failed.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// A wrong experiment, with all its mistakes.
    #[error("{subject}")]
    Wrong {
        /// The experiment and the failed action, as a sentence.
        subject: String,
        /// Every mistake and warning.
        problems: Vec<Problem>,
    },
    /// An invalid request, or an experiment that cannot be planned.
    #[error("{}", .0.message)]
    Obstacle(Obstacle),
    /// At least one obstacle.
    #[error("{}", .0.first().map_or("this change is not possible", |o| &o.message))]
    Obstacles(Vec<Obstacle>),
    /// A file in place of an experiment's folder.
    #[error("{path} is a file, not an experiment's folder")]
    NotAFolder {
        /// Path as given.
        path: String,
    },
    /// A folder that does not exist.
    #[error("there is no folder {path}")]
    NoFolder {
        /// Path as given.
        path: String,
        /// Experiment with a similar name.
        near: Option<Near>,
    },
    /// A folder whose experiment the database lacks.
    #[error("the experiment in {folder} is not stored in {place}")]
    NotStored {
        /// Path as given.
        folder: String,
        /// Address of the database.
        place: String,
    },
    /// A folder whose `experiment.toml` names no experiment.
    #[error("{} names no experiment", .folder.display())]
    Unnamed {
        /// The folder.
        folder: PathBuf,
    },
    /// A name or id that does not exist.
    #[error("there is no folder and no stored experiment `{name}`{} (database: {place})", no_id(.name))]
    NotFound {
        /// Name or id as given.
        name: String,
        /// Address of the database.
        place: String,
        /// Experiment with a similar name.
        near: Option<Near>,
    },
    /// A revision in place of an experiment.
    #[error("`{name}@{hash}` is a revision of `{name}`: it can be read and copied, but not changed, run or deleted")]
    IsRevision {
        /// Name of the experiment.
        name: String,
        /// Beginning of the hash as given.
        hash: String,
    },
    /// A prefix of more than one id, or of an id and of another's key.
    #[error("{number} ids or keys begin with `{prefix}`")]
    ManyIds {
        /// The beginning.
        prefix: String,
        /// Number of ids.
        number: usize,
    },
    /// A beginning of the key of several conversations, such as those of a copy.
    #[error("the key `{prefix}` is that of more than one conversation")]
    ManyKeys {
        /// The beginning.
        prefix: String,
        /// Id of each, and the name of its experiment.
        conversations: Vec<(String, String)>,
    },
    /// A name of more than one experiment.
    #[error("more than one experiment has the name `{name}`")]
    ManyNames {
        /// The name.
        name: String,
        /// Id and creator of each.
        experiments: Vec<(String, String)>,
    },
    /// A conversation in place of an experiment.
    #[error("`{name}` is a conversation of `{experiment}`")]
    IsConversation {
        /// Name or id as given.
        name: String,
        /// Name of its experiment.
        experiment: String,
    },
    /// An experiment in place of a conversation.
    #[error("`{name}` is an experiment")]
    IsExperiment {
        /// Name or id as given.
        name: String,
    },
    /// A question in place of a conversation.
    #[error("`{name}` is a question to agents of a conversation")]
    IsQuestion {
        /// Id as given.
        name: String,
    },
    /// A model of a server that is not declared.
    #[error("`{model}`: the server `{server}` is not declared")]
    Undeclared {
        /// The model.
        model: String,
        /// Its server.
        server: String,
        /// The remedy.
        hint: String,
    },
    /// An experiment without a finished conversation to ask about.
    #[error("`{name}` has no finished conversation whose agents can be asked")]
    NothingToAsk {
        /// Name or id as given.
        name: String,
        /// Conversations that are not asked.
        left_out: LeftOut,
    },
    /// A selection that leaves nothing, although something was left out.
    #[error("no conversation of `{name}` is selected")]
    NothingSelected {
        /// Name of the experiment.
        name: String,
        /// Numbers of conversations that are not selected.
        left_out: LeftOutBy,
    },
    /// A revision that an experiment never had.
    #[error("`{name}` has no revision `{prefix}`")]
    NoRevision {
        /// Name of the experiment.
        name: String,
        /// Beginning of the hash as given.
        prefix: String,
    },
    /// Somebody deleted it meanwhile.
    #[error("{0} was deleted")]
    Gone(Named),
    /// Somebody deleted the conversation meanwhile.
    #[error("conversation {id} was deleted")]
    NoConversation {
        /// Its id.
        id: String,
    },
    /// Another person's experiment or conversation.
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
    #[error("the database has no run that planned conversation {}, so its flags are unknown", .conversation.get(..8).unwrap_or(.conversation))]
    NoRun {
        /// Id of the conversation.
        conversation: String,
        /// Name of its experiment.
        experiment: String,
    },
    /// No free name exists for another copy.
    #[error("`{name}` has too many copies to choose a name for another: give one with --name")]
    TooManyCopies {
        /// Name of the original.
        name: String,
    },
    /// A place that output may not go to.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// A file that convoke cannot read.
    #[error("cannot read {}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },
    /// A file that is no experiment of another program that convoke knows.
    #[error("cannot import {}: {why}", .path.display())]
    Unfit {
        /// The file.
        path: PathBuf,
        /// The reason and the remedy.
        why: Unfit,
    },
    /// Text that names no file, folder or experiment of people.
    #[error("there is no file, folder or experiment `{what}` with people")]
    NoSuchPeople {
        /// Path or name as given.
        what: String,
    },
    /// A path or an experiment without a person.
    #[error("there are no people in {what}")]
    NoPeople {
        /// Path or name as given.
        what: String,
    },
    /// A link that leads out of an experiment's folder.
    #[error("{} is a link out of the experiment's folder", .path.display())]
    LinkOut {
        /// The link.
        path: PathBuf,
    },
    /// A file of fixed replies that cannot be used.
    #[error("cannot use {} (CONVOKE_SCRIPT)", .path.display())]
    Script {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// A file or folder that convoke cannot write.
    #[error("cannot write {}", .path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },
    /// Output that convoke cannot write.
    #[error("cannot write the output")]
    Output(#[source] io::Error),
    /// Error of a model server.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// Error of the database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Mentions ids where a word may be the beginning of one.
fn no_id(name: &str) -> &'static str {
    let may_be_id = name.len() >= 4 && name.chars().all(|c| c.is_ascii_hexdigit());
    if may_be_id { ", and no id or key begins with it" } else { "" }
}

/// Reason why output may not go to a path.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// It exists already.
    #[error("{} exists already", .0.display())]
    Taken(PathBuf),
    /// A folder with other files than an export writes.
    #[error("{} holds files that export did not write, or that were changed since", .0.display())]
    Foreign(PathBuf),
    /// A file or folder whose owner took away the permission to write.
    #[error("{} is write-protected", .0.display())]
    Protected(PathBuf),
    /// A file, pipe or device in place of a folder.
    #[error("{} exists already, and is no folder", .0.display())]
    NoFolder(PathBuf),
    /// A file of the database in use.
    #[error("{} belongs to the database in use", .0.display())]
    Database(PathBuf),
    /// A folder in place of a file.
    #[error("{} is a folder", .0.display())]
    Folder(PathBuf),
    /// A pipe or device, although a second file was to be written beside it.
    #[error("{} is no file, and a second one cannot be written beside it", .0.display())]
    NoFile(PathBuf),
}

impl PlaceError {
    /// True for a path that exists already.
    pub fn is_taken(error: &LabError) -> bool {
        matches!(error, LabError::Place(Self::Taken(_)))
    }
}

impl LabError {
    /// True if the reader of the output has closed it (`| head`).
    pub fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) | Self::Write { source: error, .. } if error.kind() == io::ErrorKind::BrokenPipe)
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
