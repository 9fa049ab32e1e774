//! Changing an experiment, or a copy of one: what is to be otherwise is asked, what then differs is shown, and one
//! command does it.

use super::ask::{self, Text};
use super::select::Selected;
use super::wanted::{Place, Wanted, address, places, problems_of};
use super::{Guide, HINT};
use crate::cli::error::{CliError, Exit};
use crate::cli::{edit, prompt};
use crate::design::edit::Changes;
use crate::design::folder::bad_name;
use crate::design::{Experiment, Problem};
use std::sync::Arc;

/// What can be otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Name,
    StartingMessage,
    Models,
    Roles,
    Titles,
    Contents,
    Summarizer,
    Note,
}

impl Part {
    /// A copy has a name of its own in any case; the note of one's own experiment has a menu of its own.
    fn all(copy: bool) -> Vec<Self> {
        let middle = [Self::StartingMessage, Self::Models, Self::Roles, Self::Titles, Self::Contents, Self::Summarizer];
        let first = (!copy).then_some(Self::Name).into_iter();
        first.chain(middle).chain(copy.then_some(Self::Note)).collect()
    }

    fn words(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::StartingMessage => "starting message",
            Self::Models => "models",
            Self::Roles => "roles, and how many agents",
            Self::Titles => "section titles",
            Self::Contents => "section contents",
            Self::Summarizer => "summariser",
            Self::Note => "note",
        }
    }
}

/// What is asked about, and what was answered so far.
struct Changing<'a> {
    old: &'a Experiment,
    wanted: Wanted,
}

impl Guide {
    /// Copies an experiment with changes. The id of the copy is nobody's business here; whether there is one is.
    pub(super) async fn duplicate(&mut self, selected: &Selected) -> Result<bool, CliError> {
        let Some(name) = self.free_name(&selected.record.name).await? else { return Ok(false) };
        let Some(name) = self.name_of("name of the copy", &name).await? else { return Ok(false) };
        let mut changing =
            Changing { old: &selected.document, wanted: Wanted { name: Some(name), ..Wanted::default() } };
        self.until_saved("duplicate", selected, &mut changing).await
    }

    /// Changes an experiment of one's own.
    pub(super) async fn change(&mut self, selected: &Selected) -> Result<bool, CliError> {
        let mut changing = Changing { old: &selected.document, wanted: Wanted::default() };
        self.until_saved("edit", selected, &mut changing).await
    }

    /// Asks, shows what differs, and saves; what will not do is asked again with all that was answered.
    async fn until_saved(
        &mut self,
        command: &str,
        selected: &Selected,
        changing: &mut Changing<'_>,
    ) -> Result<bool, CliError> {
        let copy = command == "duplicate";
        let parts = Part::all(copy);
        let items: Vec<String> = parts.iter().map(|p| p.words().to_owned()).collect();
        let mut ticked = vec![false; parts.len()];
        loop {
            let question = "what is to be otherwise?";
            let Some(chosen) = prompt::several(&self.context, question, &items, &ticked, HINT).await? else {
                return Ok(false);
            };
            ticked = (0..parts.len()).map(|i| chosen.contains(&i)).collect();
            if !self.ask_parts(changing, chosen.iter().map(|i| parts[*i])).await? {
                continue;
            }
            if !self.agreed(changing, copy).await? {
                if changing.wanted.is_empty() && chosen.is_empty() {
                    return Ok(false);
                }
                continue;
            }
            let words = [vec![command.to_owned(), selected.word.clone()], changing.wanted.flags(changing.old)].concat();
            if self.job(&words).await? == Exit::Done {
                return Ok(true);
            }
            if let Some(name) = changing.wanted.name.clone().filter(|_| copy) {
                let Some(name) = self.name_of("name of the copy", &name).await? else { return Ok(false) };
                changing.wanted.name = Some(name);
            }
        }
    }

    /// Asks for each part. Esc goes back to what is to be asked.
    async fn ask_parts(
        &self,
        changing: &mut Changing<'_>,
        parts: impl Iterator<Item = Part>,
    ) -> Result<bool, CliError> {
        for part in parts {
            let now = changing.wanted.so_far(&self.context, changing.old);
            if !self.ask_part(changing, &now, part).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn ask_part(&self, changing: &mut Changing<'_>, now: &Experiment, part: Part) -> Result<bool, CliError> {
        let wanted = &mut changing.wanted;
        match part {
            Part::Name => {
                let Some(name) = self.name_of("name", &now.name).await? else { return Ok(false) };
                wanted.name = (name != changing.old.name).then_some(name);
            }
            Part::StartingMessage => {
                let Some(text) = self.starting_message(now).await? else { return Ok(false) };
                wanted.starting_message = (text != changing.old.starting_message).then_some(text);
            }
            Part::Models => {
                let Some(models) = ask::models(self, &now.models).await? else { return Ok(false) };
                wanted.models = (models != changing.old.models).then_some(models);
            }
            Part::Roles => return self.roles(changing, now).await,
            Part::Titles => return self.titles(changing, now, false).await,
            Part::Contents => return self.contents(changing, now, |place| !place.summarizer).await,
            Part::Summarizer => return self.summarizer(changing, now).await,
            Part::Note => {
                let note = wanted.note.clone().or_else(|| changing.old.note.clone());
                let question = "note (may be empty)";
                let Some(note) = prompt::line(&self.context, question, &note.unwrap_or_default(), HINT).await? else {
                    return Ok(false);
                };
                wanted.note = (Some(&note) != changing.old.note.as_ref()).then_some(note);
            }
        }
        Ok(true)
    }

    async fn starting_message(&self, now: &Experiment) -> Result<Option<String>, CliError> {
        let servers = self.context.settings.known_servers();
        let check = |text: &str| {
            let changes = Changes { starting_message: Some(text.to_owned()), ..Changes::default() };
            problems_of(now, &servers, &changes, text)
        };
        self.text("starting message", &now.starting_message, now, false, &check).await
    }

    /// All roles with their numbers, and what a new one reads.
    async fn roles(&self, changing: &mut Changing<'_>, now: &Experiment) -> Result<bool, CliError> {
        let mut line: String =
            now.roles.iter().map(|r| format!("{}={}", r.name, r.agents)).collect::<Vec<_>>().join(", ");
        loop {
            let question = "roles in speaking order, each with its number of agents";
            let Some(typed) = self.line_of(question, &line).await? else { return Ok(false) };
            line = typed;
            let roles = ask::listed(&line).join(",");
            let tried = Wanted { roles: Some(roles.clone()), ..changing.wanted.clone() };
            let obstacle = match tried.changes(&self.context, changing.old) {
                Ok(changes) => changes.apply(changing.old).err().map(crate::cli::changes::refused),
                Err(error) => Some(error),
            };
            let Some(error) = obstacle else {
                changing.wanted.roles = Some(roles);
                break;
            };
            self.tell(&error);
        }
        let new = changing.wanted.so_far(&self.context, changing.old);
        let of_others: Vec<String> = titles(&new, false).into_iter().filter(|t| !is_shared(&new, t)).collect();
        for role in new.roles.iter().filter(|r| !now.roles.iter().any(|old| old.name == r.name)) {
            for title in &of_others {
                if !self.section(changing, &role.name, title).await? {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// The titles that are read, in order; texts of those that are new, and which of them all share.
    async fn titles(&self, changing: &mut Changing<'_>, now: &Experiment, summarizer: bool) -> Result<bool, CliError> {
        let before = titles(now, summarizer);
        let question = if summarizer { "titles of the summariser's sections" } else { "section titles, in order" };
        let Some(after) = ask::titles(self, question, &before).await? else { return Ok(false) };
        for place in places(now).into_iter().filter(|p| p.summarizer == summarizer && !p.title.is_empty()) {
            if !after.contains(&place.title) {
                changing.wanted.forget(place.address, changing.old);
            }
        }
        if summarizer {
            for title in after.iter().filter(|t| !before.contains(t)) {
                if !self.section(changing, "summarizer", title).await? {
                    return Ok(false);
                }
            }
            return Ok(true);
        }
        if after != before {
            changing.wanted.order = Some(after.clone());
        }
        self.sharing(changing, now, &after, &before).await
    }

    /// Which sections all agents share, and the texts of those that are new.
    async fn sharing(
        &self,
        changing: &mut Changing<'_>,
        now: &Experiment,
        after: &[String],
        before: &[String],
    ) -> Result<bool, CliError> {
        let ticked: Vec<bool> = after.iter().map(|title| is_shared(now, title)).collect();
        let question = "which do all agents share?";
        let Some(shared) = prompt::several(&self.context, question, after, &ticked, HINT).await? else {
            return Ok(false);
        };
        for (i, title) in after.iter().enumerate() {
            let (was, is) = (ticked[i], shared.contains(&i));
            if before.contains(title) {
                let list = if is { &mut changing.wanted.share } else { &mut changing.wanted.private };
                if was != is && !list.contains(title) {
                    list.push(title.clone());
                }
                let other = if is { &mut changing.wanted.private } else { &mut changing.wanted.share };
                other.retain(|t| was == is || t != title);
                continue;
            }
            let roles: Vec<String> = now.roles.iter().map(|r| r.name.clone()).collect();
            for file in if is { vec!["shared".to_owned()] } else { roles } {
                if !self.section(changing, &file, title).await? {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Which sections are to read otherwise, and how.
    async fn contents(
        &self,
        changing: &mut Changing<'_>,
        now: &Experiment,
        wanted: impl Fn(&Place) -> bool,
    ) -> Result<bool, CliError> {
        let all: Vec<Place> = places(now).into_iter().filter(wanted).collect();
        let items: Vec<String> = all
            .iter()
            .map(|p| format!("{} · {}", p.words, p.text.split_whitespace().collect::<Vec<_>>().join(" ")))
            .collect();
        let ticked = vec![false; all.len()];
        let Some(chosen) = prompt::several(&self.context, "which contents?", &items, &ticked, HINT).await? else {
            return Ok(false);
        };
        for place in chosen.into_iter().map(|i| &all[i]) {
            if !self.place(changing, place).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The summariser's sections and what they say; or none.
    async fn summarizer(&self, changing: &mut Changing<'_>, now: &Experiment) -> Result<bool, CliError> {
        let own: Vec<Place> = places(now).into_iter().filter(|p| p.summarizer).collect();
        if own.is_empty() {
            return self.titles(changing, now, true).await;
        }
        let items = ["its titles", "its contents", "no summariser"].map(str::to_owned);
        match prompt::one_of(&self.context, "summariser: what?", &items, 0, HINT).await? {
            Some(0) => self.titles(changing, now, true).await,
            Some(1) => self.contents(changing, now, |place| place.summarizer).await,
            Some(_) => {
                for place in own {
                    changing.wanted.forget(place.address, changing.old);
                }
                Ok(true)
            }
            None => Ok(false),
        }
    }

    /// A section that there may not be yet.
    async fn section(&self, changing: &mut Changing<'_>, file: &str, title: &str) -> Result<bool, CliError> {
        let (address, words) = (address(file, title), format!("{file}: {title}"));
        let (summarizer, shared) = (file == "summarizer", file == "shared");
        let place = Place { address, words, title: title.to_owned(), text: String::new(), summarizer, shared };
        self.place(changing, &place).await
    }

    /// Asks for the text of a section.
    async fn place(&self, changing: &mut Changing<'_>, place: &Place) -> Result<bool, CliError> {
        let now = changing.wanted.so_far(&self.context, changing.old);
        let servers = self.context.settings.known_servers();
        let check = |text: &str| {
            let sections = vec![(place.address.clone(), text.to_owned())];
            problems_of(&now, &servers, &Changes { sections, ..Changes::default() }, text)
        };
        let Some(text) = self.text(&place.words, &place.text, &now, !place.summarizer, &check).await? else {
            return Ok(false);
        };
        if text != place.text || text.is_empty() {
            changing.wanted.write(place.address.clone(), text);
        }
        Ok(true)
    }

    async fn text(
        &self,
        name: &str,
        text: &str,
        now: &Experiment,
        named: bool,
        check: &(dyn Fn(&str) -> Vec<Problem> + Sync),
    ) -> Result<Option<String>, CliError> {
        let keep = Arc::new(|_: &[String]| {});
        ask::text(self, Text { name, text, left_empty: false, typed: None, roles: &now.roles, named, check, keep })
            .await
    }

    /// Shows what differs and asks whether that is meant.
    async fn agreed(&self, changing: &Changing<'_>, copy: bool) -> Result<bool, CliError> {
        let Changing { old, wanted } = changing;
        if wanted.is_empty() && wanted.name.as_ref().is_none_or(|_| copy) {
            if !copy {
                self.say("nothing was changed");
                return Ok(false);
            }
            let question = "nothing is otherwise: make an exact copy?";
            return Ok(prompt::yes(&self.context, question, false, HINT).await? == Some(true));
        }
        let changed = wanted.changes(&self.context, old).and_then(|c| edit::changed(&self.context, old, &c));
        let new = match changed {
            Ok((new, _)) => new,
            Err(error) => {
                self.tell(&error);
                return Ok(false);
            }
        };
        self.say(if copy { "the copy differs in:" } else { "this is changed:" });
        self.say_differences(old, &new, wanted);
        Ok(prompt::yes(&self.context, "save it?", true, HINT).await? == Some(true))
    }

    /// The first name of a copy that is free: `NAME-2` and so on.
    async fn free_name(&self, name: &str) -> Result<Option<String>, CliError> {
        self.read(async |context, store| {
            let all = store.experiments().await?;
            let is_taken = |n: &String| all.iter().any(|(e, _)| e.name == *n && e.creator == context.creator());
            let numbered = (2..).map(|n: u32| format!("{name}-{n}"));
            Ok(numbered.into_iter().find(|n| !is_taken(n)).unwrap_or_default())
        })
        .await
    }

    /// A name that an experiment can have.
    async fn name_of(&self, question: &str, usual: &str) -> Result<Option<String>, CliError> {
        let mut name = usual.to_owned();
        loop {
            let Some(typed) = self.line_of(question, &name).await? else { return Ok(None) };
            match bad_name(&typed) {
                None => return Ok(Some(typed)),
                Some(why) => self.say(&format!("`{typed}` cannot be a name: {why}")),
            }
            name = typed;
        }
    }
}

/// The titles that agents read, or the summariser, in the order in which they do.
fn titles(document: &Experiment, summarizer: bool) -> Vec<String> {
    let mut found: Vec<String> = if summarizer { Vec::new() } else { document.sections.clone() };
    for place in places(document).into_iter().filter(|p| p.summarizer == summarizer && !p.title.is_empty()) {
        if !found.contains(&place.title) {
            found.push(place.title);
        }
    }
    found
}

/// Whether all agents read the section of that title.
fn is_shared(document: &Experiment, title: &str) -> bool {
    places(document).iter().any(|place| place.shared && place.title == title)
}
