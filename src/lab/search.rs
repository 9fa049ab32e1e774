//! Search for a text in the logs of selected conversations.

use super::error::LabError;
use super::select::Selection;
use super::setup::Lab;
use crate::exchange::Pages;
use crate::store::ConversationRecord;

/// A line of an entry that contains the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// Number of the entry.
    pub seq: u32,
    /// Its speaker.
    pub speaker: String,
    /// The line.
    pub line: String,
}

impl Lab {
    /// Finds a text in the entries of selected conversations, in the order of their keys. Upper and lower case differ, and
    /// no character is a pattern. Calls `report` for each conversation with a line that contains the text, and returns
    /// the number of these lines.
    pub async fn search_entries(
        &self,
        selection: &Selection,
        text: &str,
        mut report: impl FnMut(&ConversationRecord, Vec<Hit>) -> std::io::Result<()>,
    ) -> Result<usize, LabError> {
        let (mut pages, mut number) = (Pages::new(&*self.store, &selection.of), 0);
        loop {
            let page = pages.next_logs().await?;
            if page.is_empty() {
                return Ok(number);
            }
            for (record, log) in page {
                let lines = log.iter().flat_map(|entry| entry.content.lines().map(move |line| (entry, line)));
                let hits = lines.filter(|(_, line)| line.contains(text)).map(|(entry, line)| Hit {
                    seq: entry.seq,
                    speaker: entry.speaker.clone(),
                    line: line.to_owned(),
                });
                let hits: Vec<Hit> = hits.collect();
                if !hits.is_empty() {
                    number += hits.len();
                    report(&record, hits).map_err(LabError::Output)?;
                }
            }
        }
    }
}
