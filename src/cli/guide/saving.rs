//! Saving an experiment to files.

use super::select::Selected;
use super::session::{Guide, HINT};
use crate::cli::error::{CliError, Exit};
use crate::cli::selected::list_left_out;
use crate::cli::terminal::prompt;
use crate::exchange::file_word;
use crate::lab::{Criteria, PlaceError};

/// Formats for saving: the format's name, its description, and the end of its path.
const KINDS: [(&str, &str, &str); 4] = [
    ("md", "transcripts, and the prompts as sent (md)", ""),
    ("jsonl", "data, a line for each entry (jsonl)", ".jsonl"),
    ("csv", "data as a table (csv)", ".csv"),
    ("folder", "the experiment itself, as files (folder)", "-experiment"),
];

impl Guide {
    /// Asks for format and path, and saves. Asks again for a path that fails.
    pub(super) async fn save_files(&mut self, selected: &Selected) -> Result<(), CliError> {
        self.say_dim("The database keeps everything; these are copies for other programs and for reading.");
        let items: Vec<String> = KINDS.iter().map(|(_, words, _)| (*words).to_owned()).collect();
        let mut kind = 0;
        while let Some(chosen) = prompt::ask_one_of(&self.context.terminal, "save what?", &items, kind, HINT).await? {
            kind = chosen;
            if self.save_as(selected, kind).await? {
                break;
            }
        }
        Ok(())
    }

    /// Asks for a path, and saves in this format; false if the person goes back to the formats.
    async fn save_as(&mut self, selected: &Selected, kind: usize) -> Result<bool, CliError> {
        let (format, _, ending) = KINDS[kind];
        let mut path = format!("exports/{}{ending}", file_word(&selected.record.name));
        loop {
            let mut words = vec!["export".to_owned(), selected.word.clone(), format!("--format={format}")];
            let left_out = if format == "folder" { Some(None) } else { self.ask_left_out(selected).await? };
            match left_out {
                Some(Some(true)) => words.push("--all".to_owned()),
                Some(_) => {}
                None => return Ok(false),
            }
            while let Some(typed) = self.ask_path("save to", &path).await? {
                path = typed;
                if self.export_to(&words, &path).await? {
                    return Ok(true);
                }
            }
            // Back to the previous question, if there was one.
            if !matches!(left_out, Some(Some(_))) {
                return Ok(false);
            }
        }
    }

    /// Runs the export to a path, and asks before it replaces something; true if it is done.
    async fn export_to(&mut self, words: &[String], path: &str) -> Result<bool, CliError> {
        let output = self.expand_home(path);
        let mut words: Vec<String> = words.iter().cloned().chain([format!("--output={output}")]).collect();
        let taken = PlaceError::Taken(self.context.world.folder.join(output)).to_string();
        loop {
            match self.try_words(&words).await? {
                Ok(exit) => return Ok(exit == Exit::Done),
                Err(error) if error.message == taken => {
                    let question = format!("{path} exists: replace it?");
                    if prompt::ask_yes_no(&self.context.terminal, &question, false, HINT).await? != Some(true) {
                        return Ok(false);
                    }
                    words.push("--force".to_owned());
                }
                Err(error) => {
                    self.report_error(&error);
                    return Ok(false);
                }
            }
        }
    }

    /// Asks, if there are any, whether to include conversations that an export leaves out. `None` on Esc; `Some(None)`
    /// if nothing was asked.
    async fn ask_left_out(&self, selected: &Selected) -> Result<Option<Option<bool>>, CliError> {
        let criteria = Criteria { done_only: true, ..Criteria::default() };
        let what = format!("id:{}", selected.record.id);
        let selection = self.read(async |lab| Ok(lab.select_conversations(&what, &criteria).await?)).await?;
        let Some(selection) = selection.filter(|selection| !selection.left_out.is_empty()) else {
            return Ok(Some(None));
        };
        let (number, is_empty) = (selection.left_out.values().sum::<usize>(), selection.inside.statuses.is_empty());
        self.say(&format!("left out: {}", list_left_out(&selection.left_out)));
        let question = format!("save {} too?", if number == 1 { "it" } else { "those" });
        Ok(prompt::ask_yes_no(&self.context.terminal, &question, is_empty, HINT).await?.map(Some))
    }
}
