//! Flags that select conversations.

use super::error::CliError;
use crate::lab::filters::{Criteria, Filters, Offline, Revisions};
use crate::store::Status;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};

/// Flags that select conversations.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Selection")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct Selecting {
    /// Only conditions that match, such as 'goal=escape risks=true'; repeat it to add other conditions
    #[arg(long, value_name = "EXPR")]
    pub only: Vec<String>,
    /// Only conversations with this model: its name in the experiment, or SERVER/NAME; repeat it to add others
    #[arg(long, value_name = "ID")]
    pub model: Vec<String>,
    /// Only conversations of this status; repeat it to add others
    #[arg(long, value_name = "STATUS", value_parser = status_parser())]
    pub status: Vec<Status>,
    /// Only what you starred
    #[arg(long)]
    pub starred: bool,
    /// Only what this person created; repeat it to add others
    #[arg(long, value_name = "NAME")]
    pub creator: Vec<String>,
    /// Only what you created
    #[arg(long)]
    pub mine: bool,
    /// Only offline conversations [default: they are included only while no other conversation was begun]
    #[arg(long)]
    pub offline: bool,
    /// Only conversations of this revision of the experiment, by the beginning of its hash [default: the current one]
    #[arg(long, value_name = "HASH")]
    pub revision: Option<String>,
    /// Include older revisions, offline conversations and every status, unless another flag excludes them
    #[arg(long)]
    pub all: bool,
}

fn status_parser() -> impl TypedValueParser<Value = Status> {
    PossibleValuesParser::new(Status::WORDS).map(|word| Status::of(&word).unwrap_or(Status::Pending))
}

impl Selecting {
    /// Returns the filters; `me` is the creator that `--mine` means.
    pub fn filters(&self, me: &str) -> Filters {
        Filters {
            only: self.only.clone(),
            models: self.model.clone(),
            statuses: self.status.clone(),
            starred: self.starred,
            creators: self.creator.clone(),
            mine: self.mine.then(|| me.to_owned()),
        }
    }

    /// Returns the criteria of a command that reads conversations of every status.
    pub fn criteria(&self, me: &str) -> Criteria {
        let revisions = match &self.revision {
            Some(hash) => Revisions::One(hash.clone()),
            None if self.all => Revisions::Every,
            None => Revisions::Current,
        };
        let offline = match (self.offline, self.all) {
            (true, _) => Offline::Only,
            (false, true) => Offline::Mixed,
            (false, false) => Offline::Apart,
        };
        Criteria { filters: self.filters(me), revisions, offline, done_only: false }
    }

    /// Returns the criteria of a command that reads results: conversations that are done, unless flags say otherwise.
    pub fn results(&self, me: &str) -> Criteria {
        Criteria { done_only: !self.all, ..self.criteria(me) }
    }

    /// True if no flag is given.
    pub fn is_empty(&self) -> bool {
        self.for_conversations().is_none() && !self.starred && self.creator.is_empty() && !self.mine
    }

    /// Returns the first given flag that only conversations have.
    fn for_conversations(&self) -> Option<&'static str> {
        let given = [
            ("--only", !self.only.is_empty()),
            ("--model", !self.model.is_empty()),
            ("--status", !self.status.is_empty()),
            ("--offline", self.offline),
            ("--revision", self.revision.is_some()),
            ("--all", self.all),
        ];
        given.into_iter().find(|(_, is_given)| *is_given).map(|(flag, _)| flag)
    }

    /// Refuses flags that select conversations where the experiment itself is written. A revision selects the
    /// experiment.
    pub fn refuse_for_document(&self, of: &str) -> Result<(), CliError> {
        let marks = [("--starred", self.starred), ("--creator", !self.creator.is_empty()), ("--mine", self.mine)];
        let marks = marks.into_iter().find(|(_, is_given)| *is_given).map(|(flag, _)| flag);
        let bare = Self { revision: None, all: false, ..self.clone() };
        bare.for_conversations().or(marks).map_or(Ok(()), |flag| {
            Err(CliError::usage(format!("{flag} selects conversations, and {of} writes the experiment itself"))
                .hint(format!("leave out {flag}; --revision HASH chooses an earlier version of the experiment")))
        })
    }

    /// Refuses flags that select conversations where experiments are listed.
    pub fn refuse_for_experiments(&self) -> Result<(), CliError> {
        self.for_conversations().map_or(Ok(()), |flag| {
            Err(CliError::usage(format!("{flag} selects conversations of an experiment, and none is named"))
                .hint(format!("convoke list NAME {flag} …")))
        })
    }
}
