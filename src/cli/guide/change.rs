//! Changing an experiment or its copy: questions about the changes, then the differences, then one command.

use super::ask::{self, Text};
use super::change_editor::{ChangeEditor, Part, Step, Way};
use super::change_set::{ChangeSet, Place, find_problems, list_places};
use super::picker;
use super::select::Selected;
use super::session::{Guide, HINT};
use crate::cli::error::{CliError, Exit};
use crate::cli::terminal::prompt;
use crate::design::edit::Changes;
use crate::design::folder::bad_name;
use crate::design::{Experiment, Problem, Role};
use crate::lab::LabError;
use crate::lab::change::changed_document;
use std::sync::{Arc, PoisonError};

/// Outcome of the questions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Saved,
    /// Esc at the first question.
    Back,
    Left,
}

impl Guide {
    /// Copies an experiment with changes; true if the copy was stored.
    pub(super) async fn duplicate_experiment(&mut self, selected: &Selected) -> Result<bool, CliError> {
        let Some(name) = self.free_name(&selected.record.name).await? else { return Ok(false) };
        let Some(name) = self.ask_name("name of the copy", &name).await? else { return Ok(false) };
        let mut changing = ChangeEditor::new(&selected.document, Some(name));
        loop {
            match self.repeat_until_saved("duplicate", selected, &mut changing).await? {
                End::Back => {}
                end => return Ok(end == End::Saved),
            }
            let name = changing.wanted.name.clone().unwrap_or_default();
            let Some(name) = self.ask_name("name of the copy", &name).await? else { return Ok(false) };
            changing.wanted.name = Some(name);
        }
    }

    /// Changes an experiment of the person's own.
    pub(super) async fn change_experiment(&mut self, selected: &Selected) -> Result<bool, CliError> {
        let mut changing = ChangeEditor::new(&selected.document, None);
        Ok(self.repeat_until_saved("edit", selected, &mut changing).await? == End::Saved)
    }

    /// Asks, shows the differences, and saves. After a failure it asks again with all answers filled in.
    async fn repeat_until_saved(
        &mut self,
        command: &str,
        selected: &Selected,
        changing: &mut ChangeEditor<'_>,
    ) -> Result<End, CliError> {
        let copy = command == "duplicate";
        let all = Part::list_parts(copy);
        let items: Vec<String> = all.iter().map(|p| p.words().to_owned()).collect();
        loop {
            let ticked: Vec<bool> = all.iter().map(|part| changing.parts.contains(part)).collect();
            let question = "what is to be otherwise?";
            let Some(chosen) = prompt::ask_several(&self.context.terminal, question, &items, &ticked, HINT).await?
            else {
                return Ok(End::Back);
            };
            changing.parts = chosen.iter().map(|i| all[*i]).collect();
            match self.ask_and_confirm(changing, copy).await? {
                Some(true) => {}
                Some(false) if changing.wanted.is_empty() && chosen.is_empty() => return Ok(End::Left),
                _ => continue,
            }
            let words =
                [vec![command.to_owned(), selected.word.clone()], changing.wanted.change_flags(changing.old)].concat();
            if self.run_words(&words).await? == Exit::Done {
                return Ok(End::Saved);
            }
            if let Some(name) = changing.wanted.name.clone().filter(|_| copy) {
                let Some(name) = self.ask_name("name of the copy", &name).await? else { return Ok(End::Left) };
                changing.wanted.name = Some(name);
            }
        }
    }

    /// Asks each question and then for confirmation. Esc goes back one question; `None` if it goes back to the list of
    /// parts.
    async fn ask_and_confirm(&self, changing: &mut ChangeEditor<'_>, copy: bool) -> Result<Option<bool>, CliError> {
        let steps = |changing: &ChangeEditor<'_>| changing.steps(&changing.current_document(&self.context));
        let mut at = 0;
        loop {
            let (now, all) = (changing.current_document(&self.context), steps(changing));
            let goes_on = if let Some(step) = all.get(at) {
                let answered = self.ask_step(changing, &now, step).await?;
                // An answer may add or remove questions.
                at = steps(changing).iter().position(|one| one == step).unwrap_or(at);
                answered
            } else if let Some(agreed) = self.ask_agreement(changing, copy).await? {
                return Ok(Some(agreed));
            } else {
                false
            };
            match if goes_on { Some(at + 1) } else { at.checked_sub(1) } {
                Some(next) => at = next,
                None => return Ok(None),
            }
        }
    }

    /// Asks one question; false on Esc.
    async fn ask_step(&self, changing: &mut ChangeEditor<'_>, now: &Experiment, step: &Step) -> Result<bool, CliError> {
        match step {
            Step::Of(part) => self.ask_part(changing, now, *part).await,
            Step::Sharing => self.ask_sharing(changing).await,
            Step::SummarizerTitles => self.ask_titles(changing, true).await,
            Step::SummarizerContents => self.ask_contents(changing, now, true).await,
            Step::Text(address) => self.ask_place(changing, now, address).await,
        }
    }

    async fn ask_part(&self, changing: &mut ChangeEditor<'_>, now: &Experiment, part: Part) -> Result<bool, CliError> {
        match part {
            Part::Name => {
                let Some(name) = self.ask_name("name", &now.name).await? else { return Ok(false) };
                changing.wanted.name = (name != changing.old.name).then_some(name);
            }
            Part::StartingMessage => return self.starting_message(changing, now).await,
            Part::Models => {
                let Some(models) = picker::ask_models(self, &now.models).await? else { return Ok(false) };
                changing.wanted.models = (models != changing.old.models).then_some(models);
            }
            Part::Roles => return self.ask_roles(changing, now).await,
            Part::Titles => return self.ask_titles(changing, false).await,
            Part::Contents => return self.ask_contents(changing, now, false).await,
            Part::Summarizer => return self.ask_summarizer(changing).await,
            Part::Note => {
                let note = changing.wanted.note.clone().or_else(|| changing.old.note.clone());
                let question = "note (may be empty)";
                let Some(note) =
                    prompt::ask_line(&self.context.terminal, question, &note.unwrap_or_default(), HINT).await?
                else {
                    return Ok(false);
                };
                changing.wanted.note = (Some(&note) != changing.old.note.as_ref()).then_some(note);
            }
        }
        Ok(true)
    }

    async fn starting_message(&self, changing: &mut ChangeEditor<'_>, now: &Experiment) -> Result<bool, CliError> {
        let servers = self.context.settings.servers.known_servers();
        let check = |text: &str| {
            let changes = Changes { starting_message: Some(text.to_owned()), ..Changes::default() };
            find_problems(now, &servers, &changes, text)
        };
        // No section has an empty address. Like the summariser, the reader of this text has no name.
        let place = Place {
            address: String::new(),
            words: "starting message".to_owned(),
            title: String::new(),
            text: now.starting_message.clone(),
            summarizer: true,
            shared: false,
        };
        let Some(text) = self.ask_text(changing, &place, now, &check).await? else { return Ok(false) };
        changing.typed.lock().unwrap_or_else(PoisonError::into_inner).remove(&place.address);
        changing.wanted.starting_message = (text != changing.old.starting_message).then_some(text);
        Ok(true)
    }

    /// Asks for all roles with their numbers of agents.
    async fn ask_roles(&self, changing: &mut ChangeEditor<'_>, now: &Experiment) -> Result<bool, CliError> {
        let written = |roles: &[Role]| roles.iter().map(|r| format!("{}={}", r.name, r.agents)).collect::<Vec<_>>();
        let mut line = written(&now.roles).join(", ");
        loop {
            let question = "roles in speaking order, each with its number of agents";
            let Some(typed) = self.ask_filled_line(question, &line).await? else { return Ok(false) };
            line = typed;
            let roles = ask::split_list(&line).join(",");
            let tried = ChangeSet { roles: Some(roles.clone()), ..changing.wanted.clone() };
            let obstacle = match tried.to_changes(&self.context, changing.old) {
                Ok(changes) => changes.apply(changing.old).err().map(|o| LabError::Obstacles(o).into()),
                Err(error) => Some(error),
            };
            let Some(error) = obstacle else {
                changing.wanted.roles = (roles != written(&changing.old.roles).join(",")).then_some(roles);
                return Ok(true);
            };
            self.report_error(&error);
        }
    }

    /// Asks for the section titles, in order.
    async fn ask_titles(&self, changing: &mut ChangeEditor<'_>, summarizer: bool) -> Result<bool, CliError> {
        let (question, before) = if summarizer {
            ("titles of the summariser's sections", changing.summarizer_titles())
        } else {
            ("section titles, in order", changing.current_titles())
        };
        let Some(after) = ask::titles(self, question, &before).await? else { return Ok(false) };
        changing.set_titles(&after, summarizer);
        Ok(true)
    }

    /// Asks which sections all agents share.
    async fn ask_sharing(&self, changing: &mut ChangeEditor<'_>) -> Result<bool, CliError> {
        let titles = changing.current_titles();
        let ticked: Vec<bool> = titles.iter().map(|title| changing.is_shared(title)).collect();
        let question = "which do all agents share?";
        let Some(shared) = prompt::ask_several(&self.context.terminal, question, &titles, &ticked, HINT).await? else {
            return Ok(false);
        };
        for (i, title) in titles.iter().enumerate() {
            changing.set_shared(title, shared.contains(&i));
        }
        Ok(true)
    }

    /// Asks which section texts to change.
    async fn ask_contents(
        &self,
        changing: &mut ChangeEditor<'_>,
        now: &Experiment,
        summarizer: bool,
    ) -> Result<bool, CliError> {
        let all: Vec<Place> = list_places(now).into_iter().filter(|place| place.summarizer == summarizer).collect();
        let line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let items: Vec<String> = all.iter().map(|p| format!("{} · {}", p.words, line(&p.text))).collect();
        let ticked: Vec<bool> = all.iter().map(|place| changing.contents.contains(&place.address)).collect();
        let Some(chosen) =
            prompt::ask_several(&self.context.terminal, "which contents?", &items, &ticked, HINT).await?
        else {
            return Ok(false);
        };
        changing.choose_contents(&all, &chosen);
        Ok(true)
    }

    /// Asks what to change about the summariser.
    async fn ask_summarizer(&self, changing: &mut ChangeEditor<'_>) -> Result<bool, CliError> {
        let ways = [(Way::Titles, "its titles"), (Way::Contents, "its contents"), (Way::Gone, "no summariser")];
        let items = ways.map(|(_, words)| words.to_owned());
        let at = ways.iter().position(|(way, _)| *way == changing.way).unwrap_or(0);
        let Some(at) = prompt::ask_one_of(&self.context.terminal, "summariser: what?", &items, at, HINT).await? else {
            return Ok(false);
        };
        changing.set_way(ways[at].0);
        Ok(true)
    }

    /// Asks for the text of a section.
    async fn ask_place(&self, changing: &mut ChangeEditor<'_>, now: &Experiment, at: &str) -> Result<bool, CliError> {
        let place = changing.current_place(now, at);
        let servers = self.context.settings.servers.known_servers();
        let check = |text: &str| {
            let sections = vec![(place.address.clone(), text.to_owned())];
            find_problems(now, &servers, &Changes { sections, ..Changes::default() }, text)
        };
        let Some(text) = self.ask_text(changing, &place, now, &check).await? else { return Ok(false) };
        changing.write_text(&place, text);
        Ok(true)
    }

    /// Asks for a text, starting with the unfinished lines of an earlier attempt.
    async fn ask_text(
        &self,
        changing: &ChangeEditor<'_>,
        place: &Place,
        now: &Experiment,
        check: &(dyn Fn(&str) -> Vec<Problem> + Sync),
    ) -> Result<Option<String>, CliError> {
        let (all, address) = (Arc::clone(&changing.typed), place.address.clone());
        let typed = all.lock().unwrap_or_else(PoisonError::into_inner).get(&address).cloned();
        let keep = Arc::new(move |lines: &[String]| {
            all.lock().unwrap_or_else(PoisonError::into_inner).insert(address.clone(), lines.to_vec());
        });
        let left_empty = changing.wanted.sections.iter().any(|(at, text)| *at == place.address && text.is_empty());
        let (name, text, roles, named) = (&place.words, &place.text, &now.roles, !place.summarizer);
        ask::text(self, Text { name, text, left_empty, typed, roles, named, check, keep }).await
    }

    /// Shows the differences and asks for confirmation; `None` on Esc.
    async fn ask_agreement(&self, changing: &ChangeEditor<'_>, copy: bool) -> Result<Option<bool>, CliError> {
        let ChangeEditor { old, wanted, .. } = changing;
        if wanted.is_empty() && wanted.name.as_ref().is_none_or(|_| copy) {
            if !copy {
                self.say("nothing was changed");
                return Ok(Some(false));
            }
            let question = "nothing is otherwise: make an exact copy?";
            return prompt::ask_yes_no(&self.context.terminal, question, false, HINT).await;
        }
        let changed = wanted.to_changes(&self.context, old).and_then(|changes| {
            let changed = changed_document(old, &changes, &self.context.settings.servers);
            changed.map_err(|error| self.context.refused(error))
        });
        let new = match changed {
            Ok((new, _)) => new,
            Err(error) => {
                self.report_error(&error);
                return Ok(Some(false));
            }
        };
        self.say(if copy { "the copy differs in:" } else { "this is changed:" });
        self.say_differences(old, &new, wanted);
        prompt::ask_yes_no(&self.context.terminal, "save it?", true, HINT).await
    }

    /// Finds the first free name for a copy: `NAME-2` and so on.
    async fn free_name(&self, name: &str) -> Result<Option<String>, CliError> {
        self.read(async |lab| {
            let all = lab.store.records().await?;
            let is_taken = |n: &String| all.iter().any(|e| e.name == *n && e.creator == lab.who.creator);
            let numbered = (2..).map(|n: u32| format!("{name}-{n}"));
            Ok(numbered.into_iter().find(|n| !is_taken(n)).unwrap_or_default())
        })
        .await
    }

    /// Asks for a valid name of an experiment.
    async fn ask_name(&self, question: &str, usual: &str) -> Result<Option<String>, CliError> {
        let mut name = usual.to_owned();
        loop {
            let Some(typed) = self.ask_filled_line(question, &name).await? else { return Ok(None) };
            match bad_name(&typed) {
                None => return Ok(Some(typed)),
                Some(why) => self.say(&format!("`{typed}` cannot be a name: {why}")),
            }
            name = typed;
        }
    }
}
