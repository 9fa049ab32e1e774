//! Exports to files, to a folder, or to the caller's writer.

use super::error::LabError;
use super::files::{NewFile, NewFolder, write_folder};
use super::select::Selection;
use super::setup::Lab;
use crate::exchange::{self, Of, Rows, Written, calls, csv, jsonl, markdown};
use crate::store::ConversationRecord;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Formats of a single table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// One JSON object for each line.
    Jsonl,
    /// Comma-separated values.
    Csv,
}

impl Lab {
    /// Writes rows of an experiment.
    pub async fn export_table(
        &self,
        (experiment, rows): (&str, Rows<'_>),
        table: Table,
        out: &mut dyn Write,
    ) -> Result<Written, LabError> {
        Ok(match table {
            Table::Csv => csv::write(&*self.store, experiment, rows, out).await?,
            Table::Jsonl => jsonl::write(&*self.store, experiment, rows, out).await?,
        })
    }

    /// Writes rows of an experiment into a file; with `calls`, also writes the calls into a second file beside it.
    /// Returns the paths.
    pub async fn export_file(
        &self,
        rows: (&str, Rows<'_>),
        table: Table,
        path: &Path,
        calls: Option<&Of>,
    ) -> Result<(Vec<PathBuf>, Written), LabError> {
        let mut out = NewFile::create(path)?;
        let written = self.export_table(rows, table, &mut out).await?;
        let mut files = vec![path.to_owned()];
        if let Some(of) = calls {
            let beside = path.with_extension("calls.jsonl");
            let mut second = NewFile::create(&beside)?;
            calls::write(&*self.store, of, &mut second).await?;
            second.finish()?;
            files.push(beside);
        }
        out.finish()?;
        Ok((files, written))
    }

    /// Writes the transcripts of a selection into a new folder. Returns their number.
    pub async fn export_transcripts(&self, selection: &Selection, path: &Path) -> Result<u64, LabError> {
        let records = self.records_in_order(selection).await?;
        let questions = self.select_questions(selection).await?;
        let folder = NewFolder::create(path)?;
        let mut keep = |name: &str, text: &str| folder.write(name, text.as_bytes());
        let written = markdown::write(&*self.store, &selection.document, &records, &questions, &mut keep).await?;
        folder.finish()?;
        Ok(written)
    }

    /// Writes the transcripts of a selection one after another.
    pub async fn write_transcripts(&self, selection: &Selection, out: &mut dyn Write) -> Result<(), LabError> {
        let questions = self.select_questions(selection).await?;
        for conversation in self.records_in_order(selection).await? {
            let log = self.store.history(&conversation.id).await?.log;
            if !log.is_empty() {
                let asked = markdown::questions_about(&*self.store, &conversation, &questions).await?;
                let page = markdown::transcript(&selection.document.name, &conversation, &log, &asked);
                writeln!(out, "{page}").and_then(|()| out.flush()).map_err(LabError::Output)?;
            }
        }
        Ok(())
    }

    /// Loads all records, since only they give the order of the design. Logs are loaded later.
    async fn records_in_order(&self, selection: &Selection) -> Result<Vec<ConversationRecord>, LabError> {
        Ok(self.load_conversations(selection).await?.into_iter().map(|(record, _)| record).collect())
    }
}

/// Writes an experiment as a new folder. Returns the file names.
pub fn experiment_folder(selection: &Selection, path: &Path) -> Result<Vec<String>, LabError> {
    let files = exchange::folder::files(&selection.document);
    write_folder(path, &files)?;
    Ok(files.into_keys().collect())
}
