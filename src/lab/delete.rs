//! Deleting, never without a confirmation.

use super::error::LabError;
use super::question::{About, Confirmation, Progress};
use super::setup::Lab;
use super::target::Target;
use crate::store::ProcessKind;

impl Lab {
    /// Deletes an experiment with all its conversations, or one conversation. Returns the creators of the conversations
    /// that went, and how many of each, the most first.
    pub async fn delete(&self, target: &Target, yes: &[String]) -> Result<Progress<Vec<(String, usize)>>, LabError> {
        let (creators, copies, entries) = match target {
            Target::Experiment(record) => {
                let all = self.store.records().await?;
                let copies = all.into_iter().filter(|e| e.parent.as_ref() == Some(&record.id));
                let copies = copies.map(|e| (e.name, e.creator)).collect();
                (self.creators(&record.id).await?, copies, None)
            }
            Target::Conversation(record) => {
                let entries = self.store.history(&record.id).await?.log.len();
                (vec![(record.creator.clone(), 1)], Vec::new(), Some(entries))
            }
        };
        let about = About::Delete { target: target.into(), creators: creators.clone(), copies, entries };
        let question = Confirmation::new(about);
        if !question.is_given(yes) {
            return Ok(Progress::Needs(question));
        }
        let deleted = self.store.delete(&target.item(), &self.who.creator).await;
        deleted.map_err(|error| target.error(error))?;
        Ok(Progress::Done(creators))
    }

    /// Creators of an experiment's conversations and how many of each: the most first.
    async fn creators(&self, experiment: &str) -> Result<Vec<(String, usize)>, LabError> {
        let mut creators: Vec<(String, usize)> = Vec::new();
        for standing in self.store.standing(experiment, ProcessKind::Conversation).await? {
            match creators.iter_mut().find(|(who, _)| *who == standing.creator) {
                Some((_, number)) => *number += 1,
                None => creators.push((standing.creator, 1)),
            }
        }
        creators.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        Ok(creators)
    }
}
