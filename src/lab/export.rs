//! Exports to files, to a folder, or to the caller's writer.

use super::error::LabError;
use super::files::{fill_folder, read_folder};
use super::output::{Destination, NewFile, NewFolder, list_files};
use super::select::Selection;
use super::setup::Lab;
use crate::design::check::check;
use crate::design::{Action, Experiment, key};
use crate::exchange::markdown::INDEX;
use crate::exchange::{
    self, Of, Rows, Table, TableOptions, TableSource, Written, calls, codebook, csv, jsonl, markdown,
};
use crate::process::Entry;
use crate::store::{ConversationRecord, ExperimentRecord};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Rows of an experiment in a format.
#[derive(Debug, Clone, Copy)]
pub struct TableExport<'a> {
    /// The experiment.
    pub experiment: &'a ExperimentRecord,
    /// Its document.
    pub document: &'a Experiment,
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

/// Lists the fields of an experiment's own actions, each with its action.
fn list_fields(document: &Experiment) -> Vec<(String, String)> {
    let of = |action: &Action| action.fields.iter().map(|f| (action.name.clone(), f.name.clone())).collect::<Vec<_>>();
    document.actions.iter().flat_map(of).collect()
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

    fn table_source<'a>(&'a self, export: TableExport<'a>) -> TableSource<'a> {
        let TableExport { experiment, document, rows, options, table: _ } = export;
        let fields = document.has_turns().then(|| list_fields(document));
        TableSource { fields, options, ..TableSource::new(&*self.store, &experiment.name, rows) }
    }

    /// Writes rows of an experiment into a file, and the files beside it. Returns the paths.
    pub async fn export_file(
        &self,
        export: TableExport<'_>,
        to: &Destination,
        beside: Beside<'_>,
    ) -> Result<(Vec<PathBuf>, Written), LabError> {
        let mut out = open_file(to).await?;
        let open = |ending: &str| {
            let beside = Destination { path: to.path.with_extension(ending), ..to.clone() };
            out.create_beside(&beside).map(|file| (beside, file))
        };
        let calls = beside.calls.map(|of| Ok::<_, LabError>((of, open("calls.jsonl")?))).transpose()?;
        let ending = format!("codebook.{}", export.table.ending());
        let codebook = beside.codebook.then(|| open(&ending)).transpose()?;
        let written = self.export_table(export, &mut out).await.map_err(|e| to.name_in(e))?;
        let mut files = vec![to.path.clone()];
        if let Some((of, (beside, mut file))) = calls {
            calls::write(&*self.store, of, &mut file).await.map_err(|e| beside.name_in(e))?;
            file.finish()?;
            files.push(beside.path);
        }
        if let Some((beside, mut file)) = codebook {
            self.export_codebook(export, &mut file).await.map_err(|e| beside.name_in(e))?;
            file.finish()?;
            files.push(beside.path);
        }
        out.finish()?;
        Ok((files, written))
    }

    /// Writes the transcripts of a selection into a folder, or one after another to a pipe or device. Returns their
    /// number.
    pub async fn export_transcripts(&self, selection: &Selection, to: &Destination) -> Result<u64, LabError> {
        if to.is_object() {
            let mut out = open_file(to).await?;
            let written = self.write_transcripts(selection, &mut out).await.map_err(|e| to.name_in(e))?;
            return out.finish().map(|()| written);
        }
        let folder = NewFolder::create(to, |old| holds_transcripts(old).map_err(|e| to.error(e)))?;
        let records = self.records_in_order(selection).await?;
        let questions = self.select_questions(selection).await?;
        let mut keep = |name: &str, text: &str| folder.write(name, text.as_bytes());
        let written = markdown::write(&*self.store, &selection.document, &records, &questions, &mut keep).await;
        let written = written.map_err(|e| to.name_in(e))?;
        folder.finish()?;
        Ok(written)
    }

    /// Writes the transcripts of a selection one after another. Returns their number.
    pub async fn write_transcripts(&self, selection: &Selection, out: &mut dyn Write) -> Result<u64, LabError> {
        let mut written = 0;
        let questions = self.select_questions(selection).await?;
        for conversation in self.records_in_order(selection).await? {
            let log = self.store.history(&conversation.id).await?.log;
            if !log.is_empty() {
                let asked = markdown::questions_about(&*self.store, &conversation, &questions).await?;
                let page = markdown::transcript(&selection.document.name, &conversation, &log, &asked);
                writeln!(out, "{page}").and_then(|()| out.flush()).map_err(LabError::Output)?;
                written += 1;
            }
        }
        Ok(written)
    }

    /// Writes an experiment as a folder. Returns the file names.
    pub async fn export_experiment(&self, selection: &Selection, to: &Destination) -> Result<Vec<String>, LabError> {
        let stored = self.store.revisions().await?;
        let folder = NewFolder::create(to, |old| self.holds_experiment(old, &stored).map_err(|e| to.name_in(e)))?;
        let files = exchange::folder::files(&selection.document);
        fill_folder(to, folder, &files)?;
        Ok(files.into_keys().collect())
    }

    /// True for a folder as export writes it, of a revision that the database has: replacing it loses nothing.
    fn holds_experiment(&self, folder: &Path, stored: &[String]) -> Result<bool, LabError> {
        let names = list_files(folder).map_err(LabError::Output)?;
        let files = read_folder(folder)?;
        let document = check(&files, &self.servers.known_servers()).experiment;
        let is_stored = |e: &Experiment| stored.contains(&key::hash_revision(e)) && exchange::folder::files(e) == files;
        Ok(names.is_some_and(|names| {
            names.is_empty() || names.len() == files.len() && document.is_some_and(|e| is_stored(&e))
        }))
    }

    /// Loads all records, since only they give the order of the design. Logs are loaded later.
    async fn records_in_order(&self, selection: &Selection) -> Result<Vec<ConversationRecord>, LabError> {
        Ok(self.load_conversations(selection).await?.into_iter().map(|(record, _)| record).collect())
    }
}

async fn open_file(to: &Destination) -> Result<NewFile, LabError> {
    let place = to.clone();
    // A pipe opens when somebody reads it: Ctrl-C must end the wait.
    let opened = tokio::task::spawn_blocking(move || NewFile::create(&place)).await;
    opened.map_err(|e| to.error(e.into()))?
}

/// True if the folder is empty, or holds an earlier export of transcripts and no other file.
fn holds_transcripts(folder: &Path) -> io::Result<bool> {
    let Some(names) = list_files(folder)? else { return Ok(false) };
    let is_export = names.iter().all(|name| markdown::is_page(name))
        && fs::read_to_string(folder.join(INDEX)).is_ok_and(|text| markdown::is_index(&text));
    Ok(names.is_empty() || is_export)
}
