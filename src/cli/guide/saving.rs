//! Saving an experiment to files.

use super::select::Selected;
use super::{Guide, HINT};
use crate::cli::error::{CliError, Exit};
use crate::cli::prompt;
use crate::exchange::file_word;

/// What can be saved: the format's word, what it is, and how its path ends.
const KINDS: [(&str, &str, &str); 4] = [
    ("md", "transcripts, and the prompts as sent (md)", ""),
    ("jsonl", "data, a line for each entry (jsonl)", ".jsonl"),
    ("csv", "data as a table (csv)", ".csv"),
    ("folder", "the experiment itself, as files (folder)", "-experiment"),
];

impl Guide {
    /// Asks what and where to, and saves. A place that will not do is asked for again.
    pub(super) async fn save(&mut self, selected: &Selected) -> Result<(), CliError> {
        let items: Vec<String> = KINDS.iter().map(|(_, words, _)| (*words).to_owned()).collect();
        let Some(kind) = prompt::one_of(&self.context, "save what?", &items, 0, HINT).await? else { return Ok(()) };
        let (format, _, ending) = KINDS[kind];
        let mut words = vec!["export".to_owned(), selected.word.clone(), format!("--format={format}")];
        if format != "folder" {
            match self.older(selected).await? {
                Some(true) => words.push("--all".to_owned()),
                Some(false) => {}
                None => return Ok(()),
            }
        }
        let mut path = format!("exports/{}{ending}", file_word(&selected.record.name));
        loop {
            let Some(typed) = self.line_of("save to", &path).await? else { return Ok(()) };
            path = typed;
            let named = [format!("--output={path}")];
            if self.job(&[&words[..], &named].concat()).await? == Exit::Done {
                return Ok(());
            }
        }
    }

    /// Whether conversations of older revisions are meant, too: asked where there are some. None on Esc.
    async fn older(&self, selected: &Selected) -> Result<Option<bool>, CliError> {
        let standing = self.read(async |_, store| Ok(store.standing(&selected.record.id).await?)).await?;
        let older =
            standing.into_iter().flatten().filter(|s| s.begun && s.revision != selected.record.revision).count();
        if older == 0 {
            return Ok(Some(false));
        }
        let question = format!("{older} are of older revisions: those, too?");
        prompt::yes(&self.context, &question, true, HINT).await
    }
}
