//! Deleting, never without a confirmation.

use super::error::LabError;
use super::question::{About, Confirmation, Progress};
use super::setup::Lab;
use super::target::Target;
use crate::store::ProcessKind;
use std::collections::BTreeMap;

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
