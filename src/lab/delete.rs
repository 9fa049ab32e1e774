//! Deleting, never without a confirmation.

use super::error::LabError;
use super::filters::{Criteria, Filters, Flagged};
use super::named::Named;
use super::question::{About, Confirmation, Progress};
use super::setup::Lab;
use super::target::Target;
use crate::store::{ProcessKind, Status, StoreError};
use std::collections::{BTreeMap, BTreeSet};

impl Lab {
    /// Deletes an experiment with all its conversations, or one conversation. Returns the creators of the deleted
    /// conversations, each with their number, the largest first.
    pub async fn delete_target(
        &self,
        target: &Target,
        yes: &[String],
    ) -> Result<Progress<Vec<(String, usize)>>, LabError> {
        let (creators, copies, questions, entries) = match target {
            Target::Experiment(record) => {
                let all = self.store.records().await?;
                let copies = all.into_iter().filter(|e| e.parent.as_ref() == Some(&record.id));
                let copies = copies.map(|e| (e.name, e.creator)).collect();
                let questions = self.count_creators(&record.id, ProcessKind::Question).await?;
                (self.count_creators(&record.id, ProcessKind::Conversation).await?, copies, questions, None)
            }
            Target::Conversation(record) => {
                let log = self.store.history(&record.id).await?.log;
                let questions = self.questions_about(record, &log).await?;
                let questions = tally_names(questions.into_iter().map(|(question, _)| question.creator));
                (vec![(record.creator.clone(), 1)], Vec::new(), questions, Some(log.len()))
            }
        };
        let about = About::Delete { target: target.into(), creators: creators.clone(), copies, questions, entries };
        let question = Confirmation::new(about);
        if !question.is_given(yes) {
            return Ok(Progress::Needs(question));
        }
        let deleted = self.store.delete(&target.item(), &self.who.creator).await;
        deleted.map_err(|error| target.store_error(error))?;
        Ok(Progress::Done(creators))
    }

    /// Deletes those of the selected conversations that were planned and never begun. Runs at work would miss them.
    ///
    /// # Errors
    /// As [`Self::delete_selected`]; [`StoreError::Held`] while a run of the experiment is at work.
    pub async fn delete_pending(
        &self,
        what: &str,
        filters: &Filters,
        yes: &[String],
    ) -> Result<Progress<Vec<(String, usize)>>, LabError> {
        self.refuse_active(&self.find_experiment(what).await?).await?;
        let filters = Filters { statuses: vec![Status::Pending], ..filters.clone() };
        self.delete_selected(what, &Criteria { filters, ..Criteria::everything() }, yes).await
    }

    /// Deletes the selected conversations that the person created, with the questions about them. Returns the creators of
    /// the deleted conversations.
    ///
    /// # Errors
    /// [`LabError::NothingSelected`], and [`LabError::NotYours`] if others created all of them.
    pub async fn delete_selected(
        &self,
        what: &str,
        criteria: &Criteria,
        yes: &[String],
    ) -> Result<Progress<Vec<(String, usize)>>, LabError> {
        let (selection, mut chosen) = self.list_conversations(what, criteria).await?;
        selection.refuse_empty()?;
        if criteria.filters.statuses == [Status::Pending] {
            self.keep_untouched(&mut chosen).await?;
        }
        if chosen.is_empty() {
            return Ok(Progress::Done(Vec::new()));
        }
        let (mine, others): (Vec<Flagged>, Vec<Flagged>) =
            chosen.into_iter().partition(|(record, _)| record.creator == self.who.creator);
        if let (true, Some((record, _))) = (mine.is_empty(), others.first()) {
            let creator = record.creator.clone();
            return Err(LabError::NotYours { target: Named::Conversation(record.id.clone()), creator });
        }
        let ids: BTreeSet<String> = mine.iter().map(|(record, _)| record.id.clone()).collect();
        let questions = self.select_questions(&selection).await?.into_iter().map(|question| question.record);
        let questions = questions.filter(|q| q.subject.as_ref().is_some_and(|subject| ids.contains(subject)));
        let question = Confirmation::new(About::DeleteSelected {
            experiment: selection.record.name.clone(),
            statuses: tally_names(mine.iter().map(|(record, _)| record.status.word().to_owned())),
            others: tally_names(others.into_iter().map(|(record, _)| record.creator)),
            questions: tally_names(questions.map(|question| question.creator)),
            ids: ids.iter().cloned().collect(),
        });
        if !question.is_given(yes) {
            return Ok(Progress::Needs(question));
        }
        for (record, _) in &mine {
            let target = Target::Conversation(Box::new(record.clone()));
            match self.store.delete(&target.item(), &self.who.creator).await {
                // Somebody deleted it meanwhile.
                Ok(()) | Err(StoreError::Unknown { .. }) => {}
                Err(error) => return Err(target.store_error(error)),
            }
        }
        Ok(Progress::Done(tally_names(mine.into_iter().map(|(record, _)| record.creator))))
    }

    /// Keeps the conversations without an entry and a call.
    async fn keep_untouched(&self, chosen: &mut Vec<Flagged>) -> Result<(), LabError> {
        let ids: Vec<String> = chosen.iter().map(|(record, _)| record.id.clone()).collect();
        let (logs, calls) = (self.store.logs(&ids).await?, self.store.calls_of(&ids).await?);
        let mut untouched = logs.iter().zip(&calls).map(|(log, calls)| log.is_empty() && calls.is_empty());
        chosen.retain(|_| untouched.next().unwrap_or(false));
        Ok(())
    }

    /// Creators of an experiment's processes of a kind, each with their number, the largest first.
    async fn count_creators(&self, experiment: &str, kind: ProcessKind) -> Result<Vec<(String, usize)>, LabError> {
        Ok(tally_names(self.store.standing(experiment, kind).await?.into_iter().map(|standing| standing.creator)))
    }
}

/// Counts each name, the most frequent first.
fn tally_names(names: impl Iterator<Item = String>) -> Vec<(String, usize)> {
    let mut numbers: BTreeMap<String, usize> = BTreeMap::new();
    names.for_each(|name| *numbers.entry(name).or_insert(0) += 1);
    let mut numbers: Vec<(String, usize)> = numbers.into_iter().collect();
    numbers.sort_by_key(|(_, number)| std::cmp::Reverse(*number));
    numbers
}
