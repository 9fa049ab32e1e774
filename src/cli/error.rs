//! Errors as they are printed, and the exit code for each kind.

use super::selected::remedy_of_nothing;
use super::shell::quoted;
use crate::design::Obstacle;
use crate::lab::models::NoOffer;
use crate::lab::{LabError, LeftOut, Named, Near, PlaceError};
use crate::model::ModelError;
use crate::model::parameters::SCHEMAS;
use crate::store::{SignInFailure, StoreError, UriError};
use serde_json::{Value as Json, json};

/// Exit codes (documented in the README).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Everything requested is done.
    Done = 0,
    /// Some conversations have failed.
    Failed = 1,
    /// Wrong usage, or a question that was not allowed.
    Usage = 2,
    /// The experiment has mistakes.
    Experiment = 3,
    /// The database failed.
    Store = 4,
    /// A required server or model could not be used.
    Model = 5,
    /// A name was not found, or is ambiguous.
    NotFound = 6,
    /// The item belongs to another creator.
    NotYours = 7,
    /// A bound of this invocation stopped it.
    Budget = 8,
    /// Ctrl-C.
    Interrupt = 130,
    /// SIGTERM.
    Terminate = 143,
}

/// An error with its remedy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CliError {
    /// The kind of error, as exit code.
    pub exit: Exit,
    /// A stable identifier for programs.
    pub code: &'static str,
    /// The mistake, with its place.
    pub message: String,
    /// Causes, nearest first.
    pub causes: Vec<String>,
    /// The remedy.
    pub hint: Option<String>,
}

impl CliError {
    /// Creates an error with an exit code.
    pub fn new(exit: Exit, code: &'static str, message: impl Into<String>) -> Self {
        Self { exit, code, message: message.into(), causes: Vec::new(), hint: None }
    }

    /// Creates a usage error.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, "usage", message)
    }

    /// Creates an error of the experiment.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(Exit::Experiment, "experiment-invalid", message)
    }

    /// Creates an error for an unknown name.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(Exit::NotFound, "not-found", message)
    }

    /// Adds a remedy.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds a remedy, if there is one.
    #[must_use]
    pub fn maybe_hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint.or(self.hint);
        self
    }

    /// Adds a cause.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "errors are handed over where they are met")]
    pub fn cause(mut self, cause: impl ToString) -> Self {
        self.causes.push(cause.to_string());
        self
    }

    /// Returns the `error` object of `--json`.
    pub fn json(&self) -> Json {
        let message = std::iter::once(&self.message).chain(&self.causes).cloned().collect::<Vec<_>>().join(": ");
        json!({ "code": self.code, "message": message, "hint": self.hint })
    }
}

/// Creates the error for a file that the user named.
pub fn file_error(what: &str, path: &std::path::Path, error: &std::io::Error) -> CliError {
    let exit = if error.kind() == std::io::ErrorKind::NotFound { Exit::NotFound } else { Exit::Usage };
    CliError::new(exit, "file", format!("cannot {what} {}", path.display())).cause(error)
}

impl From<StoreError> for CliError {
    fn from(error: StoreError) -> Self {
        let (exit, code, hint) = match &error {
            StoreError::Missing { .. } => (Exit::NotFound, "not-found", None),
            StoreError::Unreachable { place, .. } if is_server(place) => {
                let hint = "check that it is running and the network works; run the same command again to resume";
                (Exit::Store, "store-unreachable", Some(hint))
            }
            StoreError::Unreachable { .. } => {
                (Exit::Store, "store-unreachable", Some("check the path given by --store or CONVOKE_STORE"))
            }
            StoreError::SignIn { failure, .. } => {
                let (code, hint) = describe_sign_in(*failure);
                (Exit::Store, code, Some(hint))
            }
            StoreError::Newer { .. } => (Exit::Store, "store-newer", None),
            StoreError::Foreign { .. } => (Exit::Store, "store-foreign", None),
            StoreError::Locked { .. } => (Exit::Store, "store-locked", None),
            StoreError::NoLocks { .. } => {
                (Exit::Store, "store-no-locks", Some("name a place on a local disk: --store sqlite:/PATH/convoke.db"))
            }
            StoreError::Full { place, .. } if is_server(place) => (
                Exit::Store,
                "store-full",
                Some("ask its administrator to free space; run the same command again to resume"),
            ),
            StoreError::Full { .. } => (
                Exit::Store,
                "store-full",
                Some(
                    "free space on the disk, or raise max-mb or the limit of `ulimit -f`; run the same command again to resume",
                ),
            ),
            StoreError::Damaged { .. } => (Exit::Store, "store-damaged", None),
            StoreError::NotYours { .. } => {
                (Exit::NotYours, "not-yours", Some("`convoke duplicate` makes a copy that is yours"))
            }
            StoreError::Exists { .. } => (Exit::Usage, "exists", Some("choose another name")),
            StoreError::Changed { .. } => {
                (Exit::Usage, "changed", Some("read it again with `convoke show`, and repeat the change"))
            }
            StoreError::Held { .. } => {
                (Exit::Store, "held", Some("wait until it ends, and run the same command again"))
            }
            StoreError::Superseded { .. }
            | StoreError::Ended { .. }
            | StoreError::Gap { .. }
            | StoreError::Answered { .. }
            | StoreError::Unknown { .. }
            | StoreError::Refused { .. }
            | StoreError::Other { .. } => (Exit::Store, "store", Some("`convoke doctor` checks the database")),
        };
        Self::new(exit, code, error.to_string()).maybe_hint(hint.map(str::to_owned))
    }
}

/// Returns true for the address of a server, where remedies for files do not apply.
fn is_server(place: &str) -> bool {
    place.starts_with("mongodb")
}

/// Returns an identifier and a remedy for each cause of a failed sign-in.
fn describe_sign_in(failure: SignInFailure) -> (&'static str, &'static str) {
    match failure {
        SignInFailure::Address => (
            "store-address",
            "write mongodb://HOST:27017/DATABASE, or set DB_CLUSTER_URL, DB_USER, DB_PASSWORD and DB_NAME separately",
        ),
        SignInFailure::Name => (
            "store-unreachable",
            "check the spelling and the network; write HOST:27017 for one server, mongodb+srv://NAME for a cluster",
        ),
        SignInFailure::Refused => {
            ("store-unreachable", "check that it is running and that the port is right (default: 27017)")
        }
        SignInFailure::Tls => (
            "store-tls",
            "write tls=true or tls=false in the address, and tlsCAFile=PATH for a certificate authority of your own; a \
             hosted cluster also refuses addresses that are not on its list: ask for your address to be allowed",
        ),
        SignInFailure::Authentication => (
            "store-authentication",
            "check DB_USER and DB_PASSWORD, or run `convoke login`; for a user of another database, add \
             authSource=admin to the address",
        ),
        SignInFailure::NeedsUser => ("store-authentication", "set DB_USER and DB_PASSWORD, or run `convoke login`"),
        SignInFailure::Rights => {
            ("store-rights", "ask its administrator for the role readWrite, or name another database with DB_NAME")
        }
        SignInFailure::Timeout => (
            "store-unreachable",
            "ask for your address to be allowed (a firewall, the cluster's list of addresses), and check the network",
        ),
        SignInFailure::Protocol => ("store-unreachable", "check host and port; if it requires TLS, add ?tls=true"),
        SignInFailure::Other => ("store-unreachable", "`convoke doctor` checks the database"),
    }
}

impl From<UriError> for CliError {
    fn from(error: UriError) -> Self {
        Self::usage(error.to_string())
            .hint("write --store sqlite:convoke.db or --store mongodb://HOST/DATABASE, or set CONVOKE_STORE")
    }
}

impl From<ModelError> for CliError {
    fn from(error: ModelError) -> Self {
        let hint = match &error {
            ModelError::Unreachable { .. } => "is it running? `convoke doctor` looks at every server",
            ModelError::Key { variable, .. } => {
                let hint = if variable.is_empty() {
                    "name the variable that holds its key by `api_key_env` in the configuration file".to_owned()
                } else {
                    format!("set {variable} in the environment or in .env")
                };
                return Self::new(Exit::Model, "model-key", error.to_string()).hint(hint);
            }
            ModelError::NoModel { .. } | ModelError::NoAccess { .. } => {
                "`convoke models` lists what each server offers"
            }
            ModelError::NoEmbeddings { .. } => "name an embedding model, such as nomic-embed-text at Ollama",
            ModelError::Nowhere { .. } => "is its `base_url` right? Many servers need `/v1` at its end",
            ModelError::Setting { .. } => "correct it, or unset it",
            ModelError::Later { .. } => "run the same command again then to resume",
            ModelError::Refused { parameter: Some(parameter), .. } if SCHEMAS.contains(&parameter.as_str()) => {
                "write structured = \"prompt\" at the model: then its turns are described and no schema is sent"
            }
            ModelError::Broken { .. }
            | ModelError::Timeout { .. }
            | ModelError::Busy { .. }
            | ModelError::Invalid { .. }
            | ModelError::Encoded { .. }
            | ModelError::TooLarge { .. }
            | ModelError::ContextFull { .. }
            | ModelError::Quota { .. }
            | ModelError::Refused { .. } => "`convoke doctor` checks every server",
        };
        Self::new(Exit::Model, "model-unusable", error.to_string()).hint(hint)
    }
}

impl From<NoOffer> for CliError {
    fn from(error: NoOffer) -> Self {
        match error {
            NoOffer::NoKey { ref variable, .. } => Self::new(Exit::Model, "model-key", error.to_string())
                .hint(format!("set {variable} in the environment or in .env")),
            NoOffer::Model(error) => error.into(),
        }
    }
}

impl From<LabError> for CliError {
    fn from(error: LabError) -> Self {
        let message = error.to_string();
        match error {
            LabError::Store(error) => error.into(),
            LabError::Model(error) => error.into(),
            LabError::Obstacle(obstacle) => obstacle.into(),
            LabError::Obstacles(obstacles) => combine_obstacles(obstacles, &message),
            LabError::Wrong { .. } => Self::invalid(message),
            LabError::NotAFolder { .. } => {
                Self::invalid(message).hint("`convoke new NAME` creates a folder to start from")
            }
            LabError::NoFolder { near, .. } | LabError::NotFound { near, .. } => {
                Self::not_found(message).hint(remedy_of_missing(near))
            }
            LabError::NotStored { folder, .. } => Self::not_found(message).hint(remedy_of_unstored(&quoted(&folder))),
            LabError::Unnamed { folder } => {
                Self::invalid(message).hint(format!("`convoke check {}` reports every mistake", folder.display()))
            }
            LabError::IsRevision { name, hash } => Self::not_found(message).hint(remedy_of_revision(&name, &hash)),
            LabError::ManyIds { .. } => Self::new(Exit::NotFound, "ambiguous", message).hint("write more of the id"),
            LabError::ManyKeys { conversations, .. } => ambiguous_error(message, &conversations, "of"),
            LabError::ManyNames { experiments, .. } => ambiguous_error(message, &experiments, "by"),
            LabError::IsConversation { .. } | LabError::IsExperiment { .. } | LabError::TooManyCopies { .. } => {
                Self::usage(message)
            }
            LabError::IsQuestion { .. } => Self::usage(message).hint("name the conversation, or its experiment"),
            LabError::Undeclared { hint, .. } => Self::new(Exit::Model, "undeclared-server", message).hint(hint),
            LabError::NothingToAsk { left_out, .. } => {
                Self::new(Exit::NotFound, "nothing-to-ask", message).hint(remedy_of_none(&left_out))
            }
            LabError::NothingSelected { left_out, .. } => {
                Self::new(Exit::NotFound, "nothing-selected", message).hint(remedy_of_nothing(&left_out))
            }
            LabError::NoRevision { name, .. } => {
                Self::not_found(message).hint(format!("`convoke list {} --revisions` lists them", quoted(&name)))
            }
            LabError::Gone(_) | LabError::NoConversation { .. } | LabError::NoPeople { .. } => Self::not_found(message),
            LabError::NoSuchPeople { .. } => Self::not_found(message).hint(REMEDY_OF_PEOPLE),
            LabError::NotYours { target, .. } => {
                Self::new(Exit::NotYours, "not-yours", message).hint(remedy_of_others(&target))
            }
            LabError::NoDocument { .. } | LabError::NoExperiment { .. } => damaged(message),
            LabError::NoRun { experiment, .. } => Self::not_found(message)
                .hint(format!("repeat the run with its flags: convoke run {} …", quoted(&experiment))),
            LabError::Script { source, .. } => {
                Self::usage(message).cause(source).hint("write one reply on each line; see docs/format.md")
            }
            LabError::Place(error) => error.into(),
            LabError::Unfit { why, .. } => Self::usage(message).hint(why.hint),
            LabError::LinkOut { .. } => Self::invalid(message).hint("copy the file into the folder"),
            LabError::Read { source, .. } => Self::invalid(message).cause(source),
            LabError::Write { source, .. } => Self::usage(message).maybe_hint(hint_of_full(&source)).cause(source),
            LabError::Output(error) => error.into(),
        }
    }
}

/// Remedy for a text that names no people.
const REMEDY_OF_PEOPLE: &str =
    "name a file such as people/amina.json, a folder, a quoted pattern, or an experiment of `convoke list`";

fn damaged(message: String) -> CliError {
    CliError::new(Exit::Store, "store-damaged", message).hint("`convoke verify` lists every fault")
}

/// Returns the remedy for a name that means nothing here: the most similar one, else a general remedy.
fn remedy_of_missing(near: Option<Near>) -> String {
    match near {
        Some(Near::Folder(path)) => format!("did you mean {}?", quoted(&path)),
        Some(Near::Stored(name)) => format!("did you mean `{name}`?"),
        None => "`convoke list` lists the stored experiments; `convoke new NAME` creates one".to_owned(),
    }
}

fn remedy_of_unstored(folder: &str) -> String {
    format!("`convoke import {folder}` stores it; `convoke run {folder}` runs it as well")
}

fn remedy_of_revision(name: &str, hash: &str) -> String {
    let (back, copied) = (quoted(name), quoted(&format!("{name}@{hash}")));
    format!("`convoke edit {back} --back-to {hash}` makes it the current one; `convoke duplicate {copied}` copies it")
}

/// Returns the error for a name of several items, with the id of each and its creator or experiment.
fn ambiguous_error(message: String, items: &[(String, String)], word: &str) -> CliError {
    let ids: Vec<String> = items.iter().map(|(id, name)| format!("id:{id} {word} {name}")).collect();
    CliError::new(Exit::NotFound, "ambiguous", message).hint(ids.join(", "))
}

/// Returns the remedy for a change of another person's item.
fn remedy_of_others(target: &Named) -> String {
    match target {
        Named::Conversation(_) | Named::Question(_) => {
            "a conversation belongs to who ran it; `convoke duplicate` copies experiments".to_owned()
        }
        Named::Experiment(name) => format!("`convoke duplicate {}` makes a copy that is yours", quoted(name)),
    }
}

impl From<PlaceError> for CliError {
    fn from(error: PlaceError) -> Self {
        let hint = match &error {
            PlaceError::Taken(_) | PlaceError::Foreign(_) | PlaceError::NoFolder(_) | PlaceError::Database(_) => {
                "choose another name or folder".to_owned()
            }
            PlaceError::Protected(path) => format!("`chmod u+w {}` permits it", quoted(&path.to_string_lossy())),
            PlaceError::Folder(_) | PlaceError::NoFile(_) => "name a file with -o PATH".to_owned(),
        };
        Self::usage(error.to_string()).hint(hint)
    }
}

/// Returns the remedy for a full disk, or a limit on the size of files or of a user's share.
fn hint_of_full(error: &std::io::Error) -> Option<String> {
    use std::io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    let hint = "free space on the disk, or raise the limit (`ulimit -f` prints that of a file)";
    matches!(error.kind(), FileTooLarge | QuotaExceeded | StorageFull).then(|| hint.to_owned())
}

/// Returns the remedy if no agent can be asked.
fn remedy_of_none(left_out: &LeftOut) -> &'static str {
    let LeftOut { unfinished, failed, offline, unknown, people } = left_out;
    if !unknown.is_empty() {
        "no recorded run gives the prompts of its finished conversations"
    } else if *people > 0 {
        "a person plays these agents, and people are not asked"
    } else if *failed > 0 {
        "`convoke run` with --retry-failed retries failed conversations"
    } else if *unfinished > 0 {
        "`convoke run` finishes its conversations"
    } else if *offline > 0 {
        "name an offline conversation by its id to ask its agents"
    } else {
        "`convoke run` creates some; --all includes those of older revisions"
    }
}

/// Combines several obstacles into one error. The first obstacle is the message, the others are causes.
fn combine_obstacles(obstacles: Vec<Obstacle>, otherwise: &str) -> CliError {
    let mut obstacles = obstacles.into_iter();
    let Some(first) = obstacles.next() else { return CliError::usage(otherwise) };
    obstacles.fold(first.into(), |error, other| {
        let hint = other.hint.map(|h| format!(" ({h})")).unwrap_or_default();
        error.cause(format!("{}{hint}", other.message))
    })
}

impl From<Obstacle> for CliError {
    fn from(obstacle: Obstacle) -> Self {
        let Obstacle { code, message, hint, usage, .. } = obstacle;
        let error = if usage { Self::usage(message) } else { Self::new(Exit::Experiment, code, message) };
        error.maybe_hint(hint)
    }
}

impl From<std::io::Error> for CliError {
    fn from(error: std::io::Error) -> Self {
        Self::new(Exit::Usage, "output", "cannot write the output").maybe_hint(hint_of_full(&error)).cause(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_not_mended_like_a_file() {
        let hint = |error: fn(String, String) -> StoreError, place: &str| {
            CliError::from(error(place.to_owned(), "gone".to_owned())).hint.unwrap()
        };
        let away: fn(String, String) -> StoreError = |place, cause| StoreError::Unreachable { place, cause };
        let full: fn(String, String) -> StoreError = |place, cause| StoreError::Full { place, cause };
        assert!(hint(away, "sqlite:/a/convoke.db").contains("path") && hint(full, "sqlite:x").contains("max-mb"));
        for server in ["mongodb://host/d", "mongodb+srv://ann@host/d"] {
            assert!(hint(away, server).contains("running") && !hint(away, server).contains("path"), "{server}");
            assert!(!hint(full, server).contains("max-mb"), "{server}");
        }
    }
}
