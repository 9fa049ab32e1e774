//! Exports to files, to a folder, or to the caller's writer.

use super::error::LabError;
use super::files::{fill_folder, read_folder};
use super::output::{Destination, NewFile, NewFolder, list_files};
use super::select::Selection;
use super::setup::Lab;
use crate::design::check::check;
use crate::design::{Experiment, key};
use crate::exchange::markdown::INDEX;
use crate::exchange::{self, Of, Rows, Written, calls, csv, jsonl, markdown};
use crate::store::ConversationRecord;
use std::fs;
use std::io::{self, Write};
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
        to: &Destination,
        calls: Option<&Of>,
    ) -> Result<(Vec<PathBuf>, Written), LabError> {
        let place = to.clone();
        // A pipe opens when somebody reads it: Ctrl-C must end the wait.
        let opened = tokio::task::spawn_blocking(move || NewFile::create(&place)).await;
        let mut out = opened.map_err(|e| to.error(e.into()))??;
        let beside = Destination { path: to.path.with_extension("calls.jsonl"), ..to.clone() };
        let second = calls.map(|of| Ok::<_, LabError>((of, out.create_beside(&beside)?))).transpose()?;
        let written = self.export_table(rows, table, &mut out).await.map_err(|e| to.name_in(e))?;
        let mut files = vec![to.path.clone()];
        if let Some((of, mut second)) = second {
            calls::write(&*self.store, of, &mut second).await.map_err(|e| beside.name_in(e))?;
            second.finish()?;
            files.push(beside.path);
        }
        out.finish()?;
        Ok((files, written))
    }

    /// Writes the transcripts of a selection into a folder. Returns their number.
    pub async fn export_transcripts(&self, selection: &Selection, to: &Destination) -> Result<u64, LabError> {
        let folder = NewFolder::create(to, |old| holds_transcripts(old).map_err(|e| to.error(e)))?;
        let records = self.records_in_order(selection).await?;
        let questions = self.select_questions(selection).await?;
        let mut keep = |name: &str, text: &str| folder.write(name, text.as_bytes());
        let written = markdown::write(&*self.store, &selection.document, &records, &questions, &mut keep).await;
        let written = written.map_err(|e| to.name_in(e))?;
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

/// True for an empty folder, and one with the files of an earlier export of transcripts alone.
fn holds_transcripts(folder: &Path) -> io::Result<bool> {
    let Some(names) = list_files(folder)? else { return Ok(false) };
    let is_export = names.iter().all(|name| markdown::is_page(name))
        && fs::read_to_string(folder.join(INDEX)).is_ok_and(|text| markdown::is_index(&text));
    Ok(names.is_empty() || is_export)
}
