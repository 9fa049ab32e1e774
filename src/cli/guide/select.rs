//! Selecting an experiment, and its name in a command.

use super::session::{Guide, HINT};
use crate::cli::error::CliError;
use crate::cli::selected::not_counted;
use crate::cli::terminal::prompt;
use crate::cli::terminal::text::instant;
use crate::design::{Experiment, ModelSpec, Role};
use crate::lab::{Lab, Listed};
use crate::store::ExperimentRecord;

/// An experiment in its current state, and its name in a command.
pub(super) struct Selected {
    pub record: ExperimentRecord,
    pub document: Experiment,
    pub word: String,
}

/// An experiment that was loaded again.
pub(super) enum Newer {
    /// It has the same contents.
    Same,
    /// It was changed, and the person goes on with it.
    Accepted(Box<Selected>),
    /// It was changed or deleted, and the person goes back.
    Refused,
}

impl Guide {
    /// Lists the experiments until the person goes back.
    pub(super) async fn select_experiment(&mut self) -> Result<(), CliError> {
        loop {
            let listed = self.read(async |lab| {
                let (mut all, marks) = (lab.list_experiments().await?, lab.load_marks().await?);
                for listed in &mut all {
                    marks.own_experiment(&mut listed.record);
                }
                Ok(all)
            });
            let Some(mut all) = listed.await? else { return Ok(()) };
            if all.is_empty() {
                self.say("nothing is here yet: create an experiment, or import one");
                return Ok(());
            }
            all.reverse();
            let items: Vec<String> = all.iter().map(format_experiment).collect();
            let chosen = prompt::ask_search(&self.context.terminal, "experiment", &items, HINT).await?;
            let Some(place) = chosen else { return Ok(()) };
            let id = all[place].record.id.clone();
            Box::pin(self.experiment_menu(&id)).await?;
        }
    }

    /// Loads an experiment in its current state; `None` if it was deleted.
    pub(super) async fn load_selected(&self, id: &str) -> Result<Option<Selected>, CliError> {
        let found = self
            .read(async |lab| {
                let all = lab.store.records().await?;
                let Some(mut record) = all.iter().find(|e| e.id == id).cloned() else { return Ok(None) };
                // A star and a note are each person's own.
                lab.load_marks().await?.own_experiment(&mut record);
                let document = lab.load_document(&record).await?;
                let word = word_for(lab, &record, &all);
                Ok(Some(Selected { record, document, word }))
            })
            .await?;
        Ok(found.flatten())
    }

    /// Loads an experiment again, and shows what somebody changed meanwhile.
    pub(super) async fn load_newer(&self, seen: &Selected) -> Result<Newer, CliError> {
        let Some(now) = self.load_selected(&seen.record.id).await? else { return Ok(Newer::Refused) };
        if now.record.revision == seen.record.revision {
            return Ok(Newer::Same);
        }
        self.say(&format!("`{}` was changed meanwhile:", now.record.name));
        self.say_differences(&seen.document, &now.document);
        let question = "put your answers on top of that, and go through them again?";
        let yes = prompt::ask_yes_no(&self.context.terminal, question, true, HINT).await?;
        Ok(if yes == Some(true) { Newer::Accepted(Box::new(now)) } else { Newer::Refused })
    }

    /// True if the person may change it.
    pub(super) fn is_mine(&self, creator: &str) -> bool {
        self.context.creator() == creator
    }
}

/// Formats an experiment as one line, the important parts first: a narrow window cuts the end.
fn format_experiment(Listed { record, counts, document }: &Listed) -> String {
    let star = if record.starred { "★ " } else { "" };
    let roles: Vec<String> = document.roles.iter().map(Role::players).collect();
    let models: Vec<&str> = document.models.iter().map(ModelSpec::name).collect();
    let failed = if counts.failed > 0 { format!(", {} failed", counts.failed) } else { String::new() };
    let others = match not_counted(*counts) {
        others if others.is_empty() => others,
        others => format!(" (and {others})"),
    };
    let mut parts = vec![
        format!("{star}{}", record.name),
        format!("{} done{failed}, {} left{others}", counts.done, counts.left),
        format!("{} {}", record.creator, instant(record.created).get(..10).unwrap_or_default()),
        roles.join(", "),
        models.join(", "),
    ];
    parts.extend(record.note.clone());
    parts.join(" · ")
}

/// Returns an experiment's name in a command: its name if that is unambiguous, else its id.
fn word_for(lab: &Lab, record: &ExperimentRecord, all: &[ExperimentRecord]) -> String {
    let name = &record.name;
    let same: Vec<&ExperimentRecord> = all.iter().filter(|e| e.name == *name).collect();
    let is_it = record.creator == lab.who.creator || same.len() == 1;
    let is_word = !name.starts_with("id:") && !name.starts_with('-');
    if is_it && is_word && matches!(lab.folder_named(name), Ok(None)) {
        name.clone()
    } else {
        format!("id:{}", record.id)
    }
}
