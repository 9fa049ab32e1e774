//! Exports to files, to a folder, or to the caller's writer.

use super::error::LabError;
use super::files::{NewFile, NewFolder, write_folder};
use super::select::Selection;
use super::setup::Lab;
use crate::exchange::{
    self, Of, Rows, Table, TableOptions, TableSource, Written, calls, codebook, csv, jsonl, markdown,
};
use crate::process::Entry;
use crate::store::{ConversationRecord, ExperimentRecord};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Rows of an experiment in a format.
#[derive(Debug, Clone, Copy)]
pub struct TableExport<'a> {
    /// The experiment.
    pub experiment: &'a ExperimentRecord,
    /// Its rows.
    pub rows: Rows<'a>,
    /// The format.
    pub table: Table,
    /// Options of the table.
    pub options: TableOptions,
}

/// Files that are written beside a table.
#[derive(Debug, Clone, Copy, Default)]
pub struct Beside<'a> {
    /// Conversations of which each call is written whole.
    pub calls: Option<&'a Of>,
    /// True if the columns are described.
    pub codebook: bool,
}

impl Lab {
    /// Writes rows of an experiment.
    pub async fn export_table(&self, export: TableExport<'_>, out: &mut dyn Write) -> Result<Written, LabError> {
        let origins = self.load_origins(export.experiment).await?;
        let derive_end = |record: &ConversationRecord, log: &[Entry]| origins.derive_end(record, log);
        let source = TableSource { runs: &origins.runs, derive_end: &derive_end, ..self.table_source(export) };
        Ok(match export.table {
            Table::Csv => csv::write(&source, out).await?,
            Table::Jsonl => jsonl::write(&source, out).await?,
        })
    }

    /// Describes the columns of an export.
    pub async fn export_codebook(&self, export: TableExport<'_>, out: &mut dyn Write) -> Result<(), LabError> {
        Ok(codebook::write(&self.table_source(export), export.table, out).await?)
    }

    fn table_source<'a>(&'a self, TableExport { experiment, rows, options, .. }: TableExport<'a>) -> TableSource<'a> {
        TableSource { options, ..TableSource::new(&*self.store, &experiment.name, rows) }
    }

    /// Writes rows of an experiment into a file, and the files beside it. Returns the paths.
    pub async fn export_file(
        &self,
        export: TableExport<'_>,
        path: &Path,
        beside: Beside<'_>,
    ) -> Result<(Vec<PathBuf>, Written), LabError> {
        let mut out = NewFile::create(path)?;
        let size = self.export_table(export, &mut out).await?;
        let mut files = vec![path.to_owned()];
        if let Some(of) = beside.calls {
            let path = path.with_extension("calls.jsonl");
            let mut second = NewFile::create(&path)?;
            calls::write(&*self.store, of, &mut second).await?;
            second.finish()?;
            files.push(path);
        }
        if beside.codebook {
            let path = path.with_extension(format!("codebook.{}", export.table.ending()));
            let mut second = NewFile::create(&path)?;
            self.export_codebook(export, &mut second).await?;
            second.finish()?;
            files.push(path);
        }
        out.finish()?;
        Ok((files, size))
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
