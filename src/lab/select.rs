//! Selection of an experiment's conversations by criteria.

use super::error::LabError;
use super::filters::{
    Candidate, Chosen, Conditions, Criteria, Filters, Flagged, Inside, LeftOutBy, Offline, Revisions, choose,
    match_conditions,
};
use super::marks::Marks;
use super::narrowing::parse_expression;
use super::origin::Origins;
use super::setup::Lab;
use super::target::Target;
use crate::design::plan::expand_conditions;
use crate::design::{Experiment, Expression, Overrides};
use crate::exchange::{self, Of, Pages};
use crate::process::asking::EndedBy;
use crate::store::{ConversationRecord, Counts, ExperimentRecord, Filter, Status};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// An experiment and a selection of its conversations.
#[derive(Debug, Clone)]
pub struct Selection {
    /// The experiment.
    pub record: ExperimentRecord,
    /// Document of its current revision, or of the selected one.
    pub document: Experiment,
    /// The selected conversations.
    pub of: Of,
    /// Numbers of the selected conversations.
    pub inside: Inside,
    /// Numbers of conversations that are not selected.
    pub left_out: LeftOutBy,
    /// Selection of offline conversations.
    pub offline: Offline,
}

impl Selection {
    /// Selects one process.
    pub(super) fn of_one(record: ExperimentRecord, document: Experiment, one: &ConversationRecord) -> Self {
        let of = Of::One(Box::new(one.clone()));
        let offline = Offline::Mixed;
        Self { record, document, of, inside: Inside::default(), left_out: LeftOutBy::new(), offline }
    }

    fn has_id(&self, id: &str) -> bool {
        match &self.of {
            Of::One(only) => only.id == id,
            Of::All(_) => true,
            Of::Some(_, ids) => ids.contains(id),
        }
    }

    /// Refuses a selection that leaves nothing although the experiment has conversations.
    ///
    /// # Errors
    /// [`LabError::NothingSelected`].
    pub fn refuse_empty(&self) -> Result<(), LabError> {
        match &self.of {
            Of::Some(_, ids) if ids.is_empty() && !self.left_out.is_empty() => {
                Err(LabError::NothingSelected { name: self.record.name.clone(), left_out: self.left_out.clone() })
            }
            Of::One(_) | Of::All(_) | Of::Some(..) => Ok(()),
        }
    }
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
        let is_whole =
            |c: &ConversationRecord| c.status == Status::Done && c.ended_by == Some(EndedBy::Messages) && c.days <= 1;
        let known = |c: &ConversationRecord| {
            if c.status == Status::Pending { Some(0) } else { is_whole(c).then_some(c.messages) }
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

    /// Selects conversations of an experiment, or the single conversation that was named. Memory use is small for any
    /// number of them.
    pub async fn select_conversations(&self, what: &str, criteria: &Criteria) -> Result<Selection, LabError> {
        let (record, one) = self.find_selected(what).await?;
        let mut candidates = self.begin_candidates(&record, criteria).await?;
        if let Some(one) = &one {
            candidates.add_record(one);
        } else {
            let of = Of::All(all_of(&record));
            let mut pages = Pages::new(&*self.store, &of);
            loop {
                let page = pages.next().await?;
                if page.is_empty() {
                    break;
                }
                for conversation in &page {
                    candidates.add_record(conversation);
                }
            }
        }
        self.finish_selection(record, one, criteria, candidates).await
    }

    /// Selects conversations and returns them in the order of the design.
    pub async fn list_conversations(
        &self,
        what: &str,
        criteria: &Criteria,
    ) -> Result<(Selection, Vec<Flagged>), LabError> {
        let (record, one) = self.find_selected(what).await?;
        let mut candidates = self.begin_candidates(&record, criteria).await?;
        let mut found = self.store.conversations(&all_of(&record)).await?;
        found.retain(|(c, _)| one.as_ref().is_none_or(|one| one.id == c.id));
        // A question is in no list of conversations.
        let question = one.iter().filter(|_| found.is_empty());
        for conversation in question.chain(found.iter().map(|(c, _)| c)) {
            candidates.add_record(conversation);
        }
        let selection = self.finish_selection(record, one, criteria, candidates).await?;
        found.retain(|(c, _)| selection.has_id(&c.id));
        found.sort_by_cached_key(|(c, _)| exchange::place(&selection.document, c));
        Ok((selection, found))
    }

    async fn find_selected(&self, what: &str) -> Result<(ExperimentRecord, Option<ConversationRecord>), LabError> {
        Ok(match self.find_version(what).await? {
            Target::Experiment(record) => (*record, None),
            Target::Conversation(c) => (self.experiment_of(&c).await?, Some(*c)),
        })
    }

    async fn begin_candidates(&self, record: &ExperimentRecord, criteria: &Criteria) -> Result<Candidates, LabError> {
        let only = &criteria.filters.only;
        let origins = if only.is_empty() {
            None
        } else {
            Some((self.load_origins(record).await?, Arc::new(self.load_document(record).await?)))
        };
        let only = only.iter().map(|text| parse_expression("--only", text)).collect::<Result<_, _>>()?;
        let filters = criteria.filters.clone();
        let marks = if filters.starred { Some(self.load_marks().await?) } else { None };
        Ok(Candidates {
            marks,
            filters,
            only,
            origins,
            all: Vec::new(),
            conditions: Vec::new(),
            models: BTreeSet::new(),
        })
    }

    async fn finish_selection(
        &self,
        mut record: ExperimentRecord,
        one: Option<ConversationRecord>,
        criteria: &Criteria,
        candidates: Candidates,
    ) -> Result<Selection, LabError> {
        let criteria = if one.is_some() { criteria.for_one() } else { criteria.clone() };
        let current = record.revision.clone();
        let mut filter = all_of(&record);
        filter.revision = match &criteria.revisions {
            Revisions::Current => Some(record.revision.clone()),
            Revisions::Every => None,
            Revisions::One(prefix) => {
                record.revision = self.find_revision(&record, prefix).await?;
                Some(record.revision.clone())
            }
        };
        let document = self.load_document(&record).await?;
        criteria.filters.check_models(&document, &candidates.models)?;
        let matching = candidates.find_matching(&document)?;
        let Chosen { ids, inside, left_out } =
            choose(candidates.all, &criteria, (filter.revision.as_deref(), &current), matching.as_deref());
        let of = match one {
            Some(one) if !ids.is_empty() => Of::One(Box::new(one)),
            _ => Of::Some(filter, Arc::new(ids)),
        };
        Ok(Selection { record, document, of, inside, left_out, offline: criteria.offline })
    }

    /// Records of a selection, in the order of the design.
    pub async fn load_conversations(&self, selection: &Selection) -> Result<Vec<Flagged>, LabError> {
        let filter = match &selection.of {
            Of::One(_) => all_of(&selection.record),
            Of::All(filter) | Of::Some(filter, _) => filter.clone(),
        };
        let mut found = self.store.conversations(&filter).await?;
        found.retain(|(c, _)| selection.has_id(&c.id));
        found.sort_by_cached_key(|(c, _)| exchange::place(&selection.document, c));
        Ok(found)
    }
}

/// Selects all conversations of an experiment.
fn all_of(record: &ExperimentRecord) -> Filter {
    Filter { experiment: Some(record.id.clone()), ..Filter::default() }
}

/// Conversations that may be selected, and what is known of all of them.
struct Candidates {
    /// Marks, if the person's stars select.
    marks: Option<Marks>,
    filters: Filters,
    only: Vec<Expression>,
    /// Contents of the experiment's conversations, and its current document, where conditions select.
    origins: Option<(Origins, Arc<Experiment>)>,
    all: Vec<Candidate>,
    /// A condition for each of them, where conditions select.
    conditions: Conditions,
    /// Names and ids of their models.
    models: BTreeSet<String>,
}

impl Candidates {
    fn add_record(&mut self, record: &ConversationRecord) {
        if let Some((origins, document)) = &self.origins {
            self.conditions.push(origins.find_condition(record, document));
        }
        for name in record.models.iter().flat_map(|m| [&m.name, &m.id]) {
            if !self.models.contains(name) {
                self.models.insert(name.clone());
            }
        }
        let own = self.marks.as_ref().map(|marks| {
            let mut own = record.clone();
            marks.own_conversation(&mut own);
            own
        });
        self.all.push(Candidate::new(own.as_ref().unwrap_or(record), &self.filters));
    }

    /// Finds the candidates that expressions of `--only` select; `None` without an expression.
    fn find_matching(&self, document: &Experiment) -> Result<Option<Vec<bool>>, LabError> {
        if self.only.is_empty() {
            return Ok(None);
        }
        let planned = expand_conditions(document, &Overrides::default()).conditions;
        Ok(Some(match_conditions(document, &planned, &self.conditions, &self.only)?))
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
