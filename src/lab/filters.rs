//! Criteria by which a person selects conversations, and what they leave out. Pure: `select` reads the records.

use crate::design::plan::check_only;
use crate::design::problem::did_you_mean;
use crate::design::{Condition, Experiment, Expression, ModelSpec, Obstacle};
use crate::process::Flag;
use crate::store::{ConversationRecord, Counts, ExperimentRecord, Status};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A conversation and the flags in its log.
pub type Flagged = (ConversationRecord, Vec<Flag>);

/// Filters of conversations. An empty field selects all; values of one field widen each other.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filters {
    /// Conditions in the form of `--only`.
    pub only: Vec<String>,
    /// Models, by their name in the experiment or `SERVER/NAME`.
    pub models: Vec<String>,
    /// Statuses.
    pub statuses: Vec<Status>,
    /// True if only what the person starred is selected.
    pub starred: bool,
    /// Names of creators.
    pub creators: Vec<String>,
    /// The person, if what the person created is selected too.
    pub mine: Option<String>,
}

/// A filter that leaves out a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unmatched {
    /// Its condition is none of [`Filters::only`].
    Only,
    /// It is not offline.
    Offline,
    /// It has none of the models.
    Model,
    /// The person has not starred it.
    Starred,
    /// Another person created it.
    Creator,
    /// The person did not create it.
    Mine,
    /// Neither the person nor a named creator created it.
    CreatorOrMine,
}

impl Filters {
    /// True if the filters select an experiment.
    pub fn take_experiment(&self, record: &ExperimentRecord) -> bool {
        self.unmatched_mark(record.starred, &record.creator).is_none()
    }

    /// True if the person's choice of creators selects a creator.
    pub fn take_creator(&self, creator: &str) -> bool {
        let is_any = self.creators.is_empty() && self.mine.is_none();
        is_any || self.creators.iter().chain(&self.mine).any(|c| c == creator)
    }

    fn unmatched_mark(&self, starred: bool, creator: &str) -> Option<Unmatched> {
        if self.starred && !starred {
            return Some(Unmatched::Starred);
        }
        let unmatched = match (self.creators.is_empty(), &self.mine) {
            (_, None) => Unmatched::Creator,
            (true, Some(_)) => Unmatched::Mine,
            (false, Some(_)) => Unmatched::CreatorOrMine,
        };
        (!self.take_creator(creator)).then_some(unmatched)
    }

    /// Returns the first of models, star and creator that leaves out a conversation. Conditions and statuses are checked
    /// elsewhere.
    fn unmatched(&self, record: &ConversationRecord) -> Option<Unmatched> {
        let has = |name: &String| record.models.iter().any(|m| m.name == *name || m.id == *name);
        let has_model = self.models.is_empty() || self.models.iter().any(has);
        if has_model { self.unmatched_mark(record.starred, &record.creator) } else { Some(Unmatched::Model) }
    }

    /// Refuses a model that neither the experiment nor a conversation has.
    pub(super) fn check_models(&self, document: &Experiment, used: &BTreeSet<String>) -> Result<(), Obstacle> {
        let declared = document.models.iter().flat_map(|m: &ModelSpec| [m.name(), m.id.as_str()]);
        let known: BTreeSet<&str> = declared.chain(used.iter().map(String::as_str)).collect();
        let Some(unknown) = self.models.iter().find(|name| !known.contains(name.as_str())) else { return Ok(()) };
        let near = did_you_mean(unknown, known.iter().copied());
        let all = || format!("its models: {}", known.iter().copied().collect::<Vec<_>>().join(", "));
        Err(Obstacle::usage(format!("`--model {unknown}`: no conversation has that model"), near.unwrap_or_else(all)))
    }
}

/// Revisions whose conversations are selected.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Revisions {
    /// The experiment's current one.
    #[default]
    Current,
    /// All.
    Every,
    /// One, by the beginning of its hash.
    One(String),
}

/// Selection of offline conversations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Offline {
    /// They are selected only where no other conversation was begun.
    #[default]
    Apart,
    /// No other is selected.
    Only,
    /// They are selected like all others.
    Mixed,
}

/// Everything by which conversations are selected.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Criteria {
    /// The filters.
    pub filters: Filters,
    /// The revisions.
    pub revisions: Revisions,
    /// Offline conversations.
    pub offline: Offline,
    /// True if only conversations that are done are selected, unless `filters` names statuses.
    pub done_only: bool,
}

impl Criteria {
    /// Criteria that leave out nothing.
    pub fn everything() -> Self {
        Self { revisions: Revisions::Every, offline: Offline::Mixed, ..Self::default() }
    }

    /// Criteria for one conversation that was named: only what the person wrote holds.
    pub(super) fn for_one(&self) -> Self {
        let offline = if self.offline == Offline::Apart { Offline::Mixed } else { self.offline };
        Self { filters: self.filters.clone(), revisions: Revisions::Every, offline, done_only: false }
    }

    fn take_status(&self, status: Status) -> bool {
        match self.filters.statuses.as_slice() {
            [] => !self.done_only || status == Status::Done,
            statuses => statuses.contains(&status),
        }
    }
}

/// Reason why a selection leaves out a conversation: the first that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// Its status.
    Status(Status),
    /// It is offline, and others were begun.
    Offline,
    /// It is offline, others were begun, and its status is not selected either.
    OfflineOf(Status),
    /// Another revision planned it.
    Revision,
    /// A filter of the person's.
    Filter(Unmatched),
}

/// Numbers of conversations that a selection leaves out.
pub type LeftOutBy = BTreeMap<Reason, usize>;

/// Numbers of the conversations that a selection has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Inside {
    /// By status.
    pub statuses: BTreeMap<Status, usize>,
    /// Number of these conversations that are offline.
    pub offline: usize,
    /// Number of these conversations that another revision than the current one planned.
    pub older: usize,
}

impl Inside {
    /// Adds up the statuses.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        self.statuses.iter().for_each(|(status, number)| counts.add(*status, *number as u32));
        counts
    }
}

/// Conditions of conversations, each with its experiment, for `--only`.
pub(super) type Conditions = Vec<(Arc<Experiment>, Arc<Condition>)>;

/// A conversation that may be selected.
pub(super) struct Candidate {
    pub(super) id: String,
    revision: String,
    status: Status,
    offline: bool,
    /// The filter of models, star or creator that leaves it out.
    unmatched: Option<Unmatched>,
}

impl Candidate {
    pub(super) fn new(record: &ConversationRecord, filters: &Filters) -> Self {
        Self {
            id: record.id.clone(),
            revision: record.revision.clone(),
            status: record.status,
            offline: record.offline,
            unmatched: filters.unmatched(record),
        }
    }

    /// Returns the reason that holds regardless of the other conversations.
    fn early_reason(&self, offline: Offline, revision: Option<&str>, matches: bool) -> Option<Reason> {
        let is_other = offline == Offline::Only && !self.offline;
        let unmatched = if matches { is_other.then_some(Unmatched::Offline) } else { Some(Unmatched::Only) };
        if let Some(unmatched) = unmatched.or(self.unmatched) {
            return Some(Reason::Filter(unmatched));
        }
        revision.is_some_and(|revision| self.revision != revision).then_some(Reason::Revision)
    }
}

/// A selection of candidates.
#[derive(Default)]
pub(super) struct Chosen {
    pub(super) ids: BTreeSet<String>,
    pub(super) inside: Inside,
    pub(super) left_out: LeftOutBy,
}

/// Chooses among candidates. `revision` is the selected one, `current` the experiment's; `None` selects all. `matching`
/// has a place for each candidate, if conditions select.
pub(super) fn choose(
    candidates: Vec<Candidate>,
    criteria: &Criteria,
    (revision, current): (Option<&str>, &str),
    matching: Option<&[bool]>,
) -> Chosen {
    let early = |(place, candidate): (usize, &Candidate)| {
        candidate.early_reason(criteria.offline, revision, matching.is_none_or(|matching| matching[place]))
    };
    let early: Vec<Option<Reason>> = candidates.iter().enumerate().map(early).collect();
    let is_begun = |candidate: &Candidate| !candidate.offline && candidate.status != Status::Pending;
    let are_apart = criteria.offline == Offline::Apart
        && candidates.iter().zip(&early).any(|(candidate, reason)| reason.is_none() && is_begun(candidate));
    let mut chosen = Chosen::default();
    for (candidate, early) in candidates.into_iter().zip(early) {
        let status = candidate.status;
        let late = match (are_apart && candidate.offline, criteria.take_status(status)) {
            (false, true) => None,
            (false, false) => Some(Reason::Status(status)),
            (true, true) => Some(Reason::Offline),
            (true, false) => Some(Reason::OfflineOf(status)),
        };
        match early.or(late) {
            None => chosen.take_candidate(candidate, current),
            Some(reason) => *chosen.left_out.entry(reason).or_insert(0) += 1,
        }
    }
    chosen
}

impl Chosen {
    fn take_candidate(&mut self, candidate: Candidate, current: &str) {
        *self.inside.statuses.entry(candidate.status).or_insert(0) += 1;
        self.inside.offline += usize::from(candidate.offline);
        self.inside.older += usize::from(candidate.revision != current);
        self.ids.insert(candidate.id);
    }
}

/// Finds the conversations whose condition matches one of the expressions. Refuses a factor or level that neither they
/// nor the experiment's plan has.
pub(super) fn match_conditions(
    document: &Experiment,
    planned: &[Condition],
    conditions: &Conditions,
    only: &[Expression],
) -> Result<Vec<bool>, Obstacle> {
    let known: Vec<&Condition> = planned.iter().chain(conditions.iter().map(|(_, condition)| &**condition)).collect();
    for when in only.iter().flat_map(|expression| &expression.all) {
        check_only(document, &known, when)?;
    }
    let matches = |(experiment, condition): &(Arc<Experiment>, Arc<Condition>)| {
        only.iter().any(|e| condition.satisfies(experiment, &e.all))
    };
    Ok(conditions.iter().map(matches).collect())
}
