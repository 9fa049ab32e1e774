//! Progress of conversations: short answers for planning, listing and watching.

use super::records::ConversationRecord;
use super::status::Status;
use crate::process::asking::EndedBy;
use crate::process::log::Entry;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Progress of one conversation: enough to plan a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Id of the conversation.
    pub id: String,
    /// Key of the conversation.
    pub key: String,
    /// The newest revision that planned the conversation.
    pub revision: String,
    /// Status of the conversation.
    pub status: Status,
    /// True if the conversation has an entry.
    pub begun: bool,
    /// Number of calls whose reply is in the log.
    pub answered: u32,
    /// Number of attempts and calls that may have been paid for without a reply.
    pub possible_spend: u32,
    /// True if `scripted` replaced every model.
    pub offline: bool,
    /// Number of the replicate, from 1.
    pub replicate: u32,
    /// Seed of the conversation.
    pub seed: u64,
    /// The person who ran the conversation.
    pub creator: String,
    /// The way in which the conversation ended, if it is done and convoke 0.2 or later ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_by: Option<EndedBy>,
}

/// Counts of an experiment's conversations, of the current revision. Offline ones count only where no other was begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Conversations that are done.
    pub done: u32,
    /// Conversations that failed.
    pub failed: u32,
    /// All other conversations.
    pub left: u32,
    /// Offline conversations that the other numbers leave out.
    #[serde(default)]
    pub offline: u32,
    /// Conversations of other revisions, which the other numbers leave out.
    #[serde(default)]
    pub older: u32,
}

/// Conversations of an experiment that count alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// The newest revision that planned them.
    pub revision: String,
    /// True if `scripted` replaced every model.
    pub offline: bool,
    /// Their status.
    pub status: Status,
    /// Number of them.
    pub number: u32,
}

impl Counts {
    /// Adds up the groups of an experiment; `revision` is its current one.
    pub fn of_groups(groups: &[Group], revision: &str) -> Self {
        let is_begun = |g: &Group| g.revision == revision && !g.offline && g.status != Status::Pending;
        let (mut counts, are_apart) = (Self::default(), groups.iter().any(is_begun));
        for group in groups {
            if group.revision != revision {
                counts.older += group.number;
            } else if group.offline && are_apart {
                counts.offline += group.number;
            } else {
                counts.add(group.status, group.number);
            }
        }
        counts
    }

    /// Adds conversations of a status.
    pub fn add(&mut self, status: Status, number: u32) {
        match status {
            Status::Done => self.done += number,
            Status::Failed => self.failed += number,
            Status::Pending | Status::Running | Status::Interrupted | Status::Incomplete => self.left += number,
        }
    }
}

/// Conversations of an experiment that are not done, of every revision.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Unfinished {
    /// Number of conversations that are done, by revision.
    pub done: BTreeMap<String, u32>,
    /// All others, in the order of id.
    pub others: Vec<Waiting>,
}

/// A conversation that is not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Id of the conversation.
    pub id: String,
    /// The newest revision that planned the conversation.
    pub revision: String,
    /// Status of the conversation.
    pub status: Status,
}

/// A conversation's current record, and entries of its log.
pub type ConversationUpdate = (ConversationRecord, Vec<Entry>);
