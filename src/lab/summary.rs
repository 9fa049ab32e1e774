//! Numbers of a selection by condition.

use super::error::LabError;
use super::select::Selection;
use super::setup::Lab;
use crate::design::Obstacle;
use crate::design::problem::did_you_mean;
use crate::exchange::summary::{self, Summary};
use crate::exchange::{Rows, TableSource};
use crate::process::Entry;
use crate::store::ConversationRecord;
use std::collections::BTreeSet;

impl Lab {
    /// Counts the conversations of a selection by the given factors, each once; without one, by all.
    ///
    /// # Errors
    /// A factor that neither the conversations nor the experiment have.
    pub async fn summarize(&self, selection: &Selection, by: &[String]) -> Result<Summary, LabError> {
        let Selection { record, document, of, .. } = selection;
        let origins = self.load_origins(record).await?;
        let derive_end = |record: &ConversationRecord, log: &[Entry]| origins.derive_end(record, log);
        let rows = Rows::Conversations(of);
        let source = TableSource { derive_end: &derive_end, ..TableSource::new(&*self.store, &record.name, rows) };
        let mut once: Vec<String> = Vec::new();
        for name in by {
            if !once.contains(name) {
                once.push(name.clone());
            }
        }
        let summary = summary::summarize(&source, of, document, &once).await?;
        let factors = document.factors.iter().map(|factor| factor.name.as_str());
        let known: BTreeSet<&str> =
            summary.factors.iter().map(String::as_str).chain(factors).chain(["model"]).collect();
        if let Some(unknown) = by.iter().find(|name| !known.contains(name.as_str())) {
            let near = did_you_mean(unknown, known.iter().copied());
            let all = || format!("its factors: {}", known.iter().copied().collect::<Vec<_>>().join(", "));
            let hint = near.unwrap_or_else(all);
            return Err(Obstacle::usage(format!("`--by {unknown}`: no conversation has that factor"), hint).into());
        }
        Ok(summary)
    }
}
