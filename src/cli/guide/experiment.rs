//! The menu of an experiment.

use super::select::Selected;
use super::session::{Guide, HINT};
use crate::cli::error::{CliError, Exit};
use crate::cli::terminal::prompt;

/// An action on an experiment.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Action {
    Run,
    Conversations,
    Summary,
    Ask,
    Show,
    Change,
    Duplicate,
    Note,
    Star,
    Save,
    Delete,
    Back,
}

impl Action {
    /// Returns the actions on the person's own experiment, or on another person's.
    fn all(mine: bool) -> Vec<Self> {
        let all = [
            Self::Run,
            Self::Conversations,
            Self::Summary,
            Self::Ask,
            Self::Duplicate,
            Self::Change,
            Self::Note,
            Self::Star,
            Self::Save,
            Self::Show,
            Self::Delete,
            Self::Back,
        ];
        all.into_iter().filter(|action| mine || !matches!(action, Self::Change | Self::Delete)).collect()
    }

    fn describe_action(self, starred: bool) -> &'static str {
        match self {
            Self::Run => "run conversations",
            Self::Conversations => "old conversations",
            Self::Summary => "summary: counts for each condition",
            Self::Ask => "ask the agents of its finished conversations",
            Self::Show => "show it again",
            Self::Duplicate => "duplicate and change",
            Self::Change => "change it",
            Self::Note => "note",
            Self::Star if starred => "take its star",
            Self::Star => "star it",
            Self::Save => "save to files",
            Self::Delete => "delete it with its conversations",
            Self::Back => "back",
        }
    }
}

impl Guide {
    /// Shows an experiment completely; then its menu, until the person goes back.
    pub(super) async fn experiment_menu(&mut self, id: &str) -> Result<(), CliError> {
        let Some(first) = self.load_selected(id).await? else { return Ok(()) };
        self.run_words(&["show", &first.word]).await?;
        if !self.is_mine(&first.record.creator) {
            let creator = &first.record.creator;
            self.say(&format!(
                "it is {creator}'s: only they change or delete it; anyone may run, duplicate and save it, and give it a \
                 star and a note of their own"
            ));
        }
        let mut at = 0;
        // Loaded again after each action, which may have changed it.
        while let Some(selected) = self.load_selected(id).await? {
            let actions = Action::all(self.is_mine(&selected.record.creator));
            let items: Vec<String> =
                actions.iter().map(|a| a.describe_action(selected.record.starred).to_owned()).collect();
            let chosen = prompt::ask_one_of(&self.context.terminal, &selected.record.name, &items, at, HINT).await?;
            let Some(place) = chosen else { return Ok(()) };
            let Some(next) = self.run_action(&selected, actions[place]).await? else { return Ok(()) };
            at = actions.iter().position(|action| *action == next).unwrap_or(place);
        }
        Ok(())
    }

    /// Runs an action; returns the suggested next one, or `None` to go back.
    async fn run_action(&mut self, selected: &Selected, action: Action) -> Result<Option<Action>, CliError> {
        let Selected { record, word, .. } = selected;
        match action {
            Action::Run if self.ask_batch(&record.id).await? => return Ok(Some(Action::Conversations)),
            Action::Conversations => self.list_conversations(selected).await?,
            Action::Summary => drop(self.run_words(&["summary", word]).await?),
            Action::Ask => self.ask_agents(word).await?,
            Action::Show => drop(self.run_words(&["show", word]).await?),
            // The list of experiments shows the copy.
            Action::Duplicate if self.duplicate_experiment(selected).await? => return Ok(None),
            Action::Change => drop(self.change_experiment(selected).await?),
            Action::Note => self.ask_note(word, record.note.as_deref()).await?,
            Action::Star => self.set_star(word, record.starred).await?,
            Action::Save => self.save_files(selected).await?,
            Action::Delete if self.run_words(&["delete", word]).await? == Exit::Done => return Ok(None),
            Action::Run | Action::Duplicate | Action::Delete => {}
            Action::Back => return Ok(None),
        }
        Ok(Some(action))
    }

    /// Asks for a question to the agents, shows what it costs, and sends it after a yes. Esc goes back to the question.
    async fn ask_agents(&mut self, word: &str) -> Result<(), CliError> {
        self.say_dim("Each agent of each finished conversation answers it alone; the conversations do not change.");
        let mut question = String::new();
        while let Some(typed) = self.ask_filled_line("question", &question).await? {
            question = typed;
            // A question that begins with `@` would be read from a file, and one that begins with `-` as a flag.
            let sent = if question.starts_with('@') { format!(" {question}") } else { question.clone() };
            let asking = |flags: &[&str]| {
                let words = ["ask", word].into_iter().chain(flags.iter().copied()).chain(["--", sent.as_str()]);
                words.map(str::to_owned).collect::<Vec<String>>()
            };
            if self.run_words(&asking(&["--plan"])).await? != Exit::Done {
                return Ok(());
            }
            match prompt::ask_yes_no(&self.context.terminal, "ask it?", true, HINT).await? {
                Some(true) => return self.run_words(&asking(&[])).await.map(drop),
                Some(false) => return Ok(()),
                None => {}
            }
        }
        Ok(())
    }

    /// Asks for a note and writes it; an empty one removes the note.
    pub(super) async fn ask_note(&mut self, word: &str, note: Option<&str>) -> Result<(), CliError> {
        let old = note.unwrap_or_default();
        self.say_dim("A note is for people; no model reads it. An empty line removes it.");
        let Some(new) = prompt::ask_line(&self.context.terminal, "note (may be empty)", old, HINT).await? else {
            return Ok(());
        };
        match (new.is_empty(), note) {
            (true, None) => {}
            (true, Some(_)) => drop(self.run_words(&["note", word, "--drop"]).await?),
            (false, _) if new.starts_with('-') => drop(self.run_words(&["note", word, "--", &new]).await?),
            (false, _) => drop(self.run_words(&["note", word, &new]).await?),
        }
        Ok(())
    }

    /// Adds or removes a star.
    pub(super) async fn set_star(&mut self, word: &str, starred: bool) -> Result<(), CliError> {
        let words: &[&str] = if starred { &["star", word, "--off"] } else { &["star", word] };
        self.run_words(words).await?;
        Ok(())
    }
}
