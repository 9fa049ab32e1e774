//! Selection of an experiment's conversations.

use super::error::LabError;
use super::setup::Lab;
use super::target::Target;
use crate::design::Experiment;
use crate::exchange::{self, Of};
use crate::process::Flag;
use crate::process::asking::EndedBy;
use crate::store::{ConversationRecord, Counts, ExperimentRecord, Filter, Status};
use std::collections::{BTreeMap, BTreeSet};

/// A conversation and the flags in its log.
pub type Flagged = (ConversationRecord, Vec<Flag>);

/// An experiment and a selection of its conversations.
#[derive(Debug, Clone)]
pub struct Selection {
    /// The experiment.
    pub record: ExperimentRecord,
    /// Current document.
    pub document: Experiment,
    /// Conversations of the current revision, of all revisions, or a single one.
    pub of: Of,
}

/// An experiment in a list.
#[derive(Debug, Clone)]
pub struct Listed {
    /// The experiment.
    pub record: ExperimentRecord,
    /// Numbers of conversations of its current revision.
    pub counts: Counts,
    /// Current document.
    pub document: Experiment,
}

impl Lab {
    /// Counts the messages that each conversation has so far. Logs are read only where the record does not tell.
    pub async fn count_said(&self, conversations: &[&ConversationRecord]) -> Result<Vec<u32>, LabError> {
        let known = |c: &ConversationRecord| match (c.status, c.ended_by, c.days) {
            (Status::Pending, _, _) => Some(0),
            (Status::Done, Some(EndedBy::Messages), 0 | 1) => Some(c.messages),
            _ => None,
        };
        let ids = conversations.iter().filter(|c| known(c).is_none()).map(|c| c.id.clone()).collect::<Vec<_>>();
        let mut counted = self.store.said(&ids).await?.into_iter();
        Ok(conversations.iter().map(|c| known(c).or_else(|| counted.next()).unwrap_or_default()).collect())
    }

    /// Lists all experiments, oldest first.
    pub async fn list_experiments(&self) -> Result<Vec<Listed>, LabError> {
        let mut listed = Vec::new();
        for (record, counts) in self.store.experiments().await? {
            let document = self.load_document(&record).await?;
            listed.push(Listed { record, counts, document });
        }
        Ok(listed)
    }

    /// Selects the conversations of an experiment's current revision, or of every revision with `all`; or the single
    /// conversation that was named.
    pub async fn select_conversations(&self, what: &str, all: bool) -> Result<Selection, LabError> {
        let (record, only) = match self.find_target(what).await? {
            Target::Experiment(record) => (*record, None),
            Target::Conversation(c) => (self.experiment_of(&c).await?, Some(c)),
        };
        let document = self.load_document(&record).await?;
        let revision = (!all).then(|| record.revision.clone());
        let whole = || Of::All(Filter { experiment: Some(record.id.clone()), revision, ..Filter::default() });
        let of = only.map_or_else(whole, Of::One);
        Ok(Selection { record, document, of })
    }

    /// Records of a selection, in the order of the design.
    pub async fn load_conversations(&self, selection: &Selection) -> Result<Vec<Flagged>, LabError> {
        let Selection { record, document, of } = selection;
        let filter = match of {
            Of::One(_) => Filter { experiment: Some(record.id.clone()), revision: None, ..Filter::default() },
            Of::All(filter) => filter.clone(),
        };
        let mut found = self.store.conversations(&filter).await?;
        found.retain(|(c, _)| if let Of::One(only) = of { only.id == c.id } else { true });
        found.sort_by_cached_key(|(c, _)| exchange::place(document, c));
        Ok(found)
    }

    /// Numbers of conversations of an experiment's current revision.
    pub async fn count_conversations(&self, record: &ExperimentRecord) -> Result<Counts, LabError> {
        let current = Filter {
            experiment: Some(record.id.clone()),
            revision: Some(record.revision.clone()),
            ..Filter::default()
        };
        let mut counts = Counts::default();
        for (conversation, _) in self.store.conversations(&current).await? {
            match conversation.status {
                Status::Done => counts.done += 1,
                Status::Failed => counts.failed += 1,
                Status::Pending | Status::Running | Status::Interrupted | Status::Incomplete => counts.left += 1,
            }
        }
        Ok(counts)
    }
}

/// Axes on which conversations differ.
pub fn differing_axes(records: &[ConversationRecord]) -> Vec<String> {
    let level = |c: &ConversationRecord, axis: &str| crate::design::named(&c.condition, axis).cloned();
    let mut axes = exchange::axes(records);
    axes.retain(|axis| records.windows(2).any(|pair| level(&pair[0], axis) != level(&pair[1], axis)));
    axes
}

/// Places and depths of experiments, each copy after its original. The argument holds ids and parents, oldest first. An
/// experiment whose parent is not listed is a root; in a cycle of copies the oldest is.
pub fn under_their_parents(family: &[(String, Option<String>)]) -> Vec<(usize, usize)> {
    let mut copies: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (place, (_, parent)) in family.iter().enumerate() {
        copies.entry(parent.as_deref().unwrap_or_default()).or_default().push(place);
    }
    let is_here = |parent: &String| family.iter().any(|(id, _)| id == parent);
    let alone = |place: &usize| !family[*place].1.as_ref().is_some_and(is_here);
    // No root reaches a cycle, so cycles are last.
    let begins = (0..family.len()).filter(alone).chain(0..family.len());
    let (mut seen, mut tree) = (BTreeSet::new(), Vec::new());
    for begin in begins {
        let mut open = vec![(begin, 0)];
        while let Some((place, depth)) = open.pop() {
            if seen.insert(place) {
                tree.push((place, depth));
                let below = copies.get(family[place].0.as_str()).into_iter().flatten().rev();
                open.extend(below.map(|copy| (*copy, depth + 1)));
            }
        }
    }
    tree
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_hides_nothing_and_ends() {
        let of = |family: &[(&str, &str)]| {
            let parent = |p: &str| (!p.is_empty()).then(|| p.to_owned());
            let family: Vec<_> = family.iter().map(|(id, p)| ((*id).to_owned(), parent(p))).collect();
            let tree = under_their_parents(&family);
            tree.iter().map(|(place, depth)| format!("{depth}{}", family[*place].0)).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(of(&[("a", ""), ("b", "a"), ("c", ""), ("d", "b"), ("e", "a")]), "0a 1b 2d 1e 0c");
        assert_eq!(of(&[("b", "gone"), ("a", ""), ("c", "b")]), "0b 1c 0a", "its parent is gone");
        assert_eq!(of(&[("a", "c"), ("b", "a"), ("c", "b"), ("d", "")]), "0d 0a 1b 2c", "a cycle");
        assert_eq!(of(&[("a", "a"), ("b", "a")]), "0a 1b", "its own copy");
        assert_eq!(of(&[("b", "a"), ("a", "")]), "0a 1b", "older than what it was copied from");
    }
}
