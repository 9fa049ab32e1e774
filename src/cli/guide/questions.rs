//! The questions of the wizard. Each shows the present answer and puts the new one into the draft.

use super::ask::{self, Written};
use super::picker;
use super::session::HINT;
use super::wizard::{Next, Wizard};
use crate::cli::error::CliError;
use crate::cli::terminal::prompt;
use crate::design::folder::bad_name;
use crate::design::places::{SUMMARIZER, find_section, put_text};
use crate::design::protocol::MOST_AGENTS;
use crate::design::template::RoleTags;
use crate::design::{Role, RoleModel, inflect};
use crate::lab::draft::{Base, Draft, OPENING, Step, describe_place};
use std::sync::Arc;

/// Returns a line that explains a question.
fn explain_step(step: &Step) -> &'static str {
    match step {
        Step::Name => "Commands and lists name the experiment by it.",
        Step::Opening => "Each day of a conversation begins with this message; nobody answers for it.",
        Step::Models => "Each conversation is held with one of these models; more than one are compared.",
        Step::Titles => "An agent's prompt has sections, each with a title.",
        Step::Shared => "A shared section has one text for all agents; any other has a text for each role.",
        Step::Order => "A prompt holds the sections in this order.",
        Step::Roles => "As in: buyer, seller=2. They speak in this order; there are two agents of the second role.",
        Step::Plural(_) | Step::Pronouns(_) => "Placeholders in texts are replaced by these words.",
        Step::RoleModel(_) => "A role may have a model of its own, in every conversation.",
        Step::Summarizer => {
            "A summariser is a model that sums up each day for the next; conversations of several days need one."
        }
        Step::SummaryTitles => "The summariser's prompt has sections, too.",
        Step::Text(_) => "A section that is left empty is not sent.",
        Step::Factors => {
            "A factor is what you vary on purpose; its values are levels, and each combination of levels is a condition. \
             A setting varies here, and a text at its own question."
        }
        Step::Star => "A star helps to find it among many.",
        Step::Note => "A note is for people; no model reads it.",
        Step::Overview => "",
    }
}

impl Wizard<'_> {
    /// Explains and asks a question.
    pub(super) async fn ask_step(&mut self, step: &Step) -> Result<Next, CliError> {
        let explanation = explain_step(step);
        // It is not repeated for each role and each text.
        if explanation != std::mem::replace(&mut self.explained, explanation) {
            self.guide.say_dim(explanation);
        }
        match step {
            Step::Name => self.ask_name().await,
            Step::Opening => self.ask_text(OPENING).await,
            Step::Models => self.ask_models().await,
            Step::Titles => self.ask_titles().await,
            Step::Shared => self.ask_shared().await,
            Step::Order => self.ask_order().await,
            Step::Roles => self.ask_roles().await,
            Step::Plural(role) => self.ask_plural(role).await,
            Step::Pronouns(role) => self.ask_pronouns(role).await,
            Step::RoleModel(role) => self.ask_role_model(role).await,
            Step::Summarizer => self.ask_summarizer().await,
            Step::SummaryTitles => self.ask_summary_titles().await,
            Step::Text(address) => self.ask_text(address).await,
            Step::Factors => self.ask_factors().await,
            Step::Star => self.ask_star().await,
            Step::Note => self.ask_note().await,
            Step::Overview => self.show_overview().await,
        }
    }

    /// Asks for a line until it is valid; `None` on Esc.
    pub(super) async fn ask_line(
        &self,
        question: &str,
        text: &str,
        wrong: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<String>, CliError> {
        let mut text = text.to_owned();
        loop {
            let Some(line) = prompt::ask_line(&self.guide.context.terminal, question, &text, HINT).await? else {
                return Ok(None);
            };
            let Some(why) = wrong(&line) else { return Ok(Some(line)) };
            self.guide.say(&why);
            text = line;
        }
    }

    async fn ask_name(&mut self) -> Result<Next, CliError> {
        let question = match self.draft.base {
            Base::New => "name of the experiment",
            Base::Change(_) => "name",
            Base::Copy(_) => "name of the copy",
        };
        let is_kept = |name: &str| matches!(self.draft.base, Base::Change(_)) && name == self.draft.old.name;
        let mut before = self.draft.new.name.clone();
        loop {
            let wrong = |name: &str| match bad_name(name)? {
                _ if name.is_empty() => Some("An experiment needs a name.".to_owned()),
                why => Some(format!("`{name}` cannot be its name: {why}.")),
            };
            let Some(name) = self.ask_line(question, &before, wrong).await? else { return Ok(Next::Back) };
            if is_kept(&name) || self.stored_revision(&name).await?.is_none() {
                self.draft.new.name = name;
                return Ok(Next::On);
            }
            self.guide.say(&format!("You have an experiment `{name}` already: choose another name."));
            before = name;
        }
    }

    async fn ask_models(&mut self) -> Result<Next, CliError> {
        let mut models = self.draft.new.models.clone();
        let is_done = picker::ask_models(self.guide, &mut models).await?;
        // The models that were chosen stay after a step back.
        if models != self.draft.new.models {
            self.draft.set_models(models);
        }
        Ok(if is_done { Next::On } else { Next::Back })
    }

    async fn ask_titles(&mut self) -> Result<Next, CliError> {
        let question = "section titles, with commas in between";
        let before = self.draft.list_titles();
        let Some(titles) = ask::titles(self.guide, question, &before).await? else { return Ok(Next::Back) };
        self.draft.set_titles(titles);
        Ok(Next::On)
    }

    async fn ask_shared(&mut self) -> Result<Next, CliError> {
        let titles = self.draft.list_titles();
        let ticked: Vec<bool> = titles.iter().map(|title| self.draft.is_shared(title)).collect();
        let question = "which are shared?";
        let Some(chosen) = prompt::ask_several(&self.guide.context.terminal, question, &titles, &ticked, HINT).await?
        else {
            return Ok(Next::Back);
        };
        for (at, title) in titles.iter().enumerate() {
            self.draft.set_shared(title, chosen.contains(&at));
        }
        Ok(Next::On)
    }

    async fn ask_order(&mut self) -> Result<Next, CliError> {
        let titles = self.draft.list_titles();
        let wrong = |line: &str| {
            let mut order = ask::parse_titles(line).unwrap_or_default();
            let mut all = titles.clone();
            order.sort();
            all.sort();
            (order != all).then(|| format!("Write each of these once: {}.", titles.join(", ")))
        };
        let question = "in which order do agents read them?";
        let Some(line) = self.ask_line(question, &titles.join(", "), wrong).await? else { return Ok(Next::Back) };
        self.draft.set_titles(ask::parse_titles(&line).unwrap_or(titles));
        Ok(Next::On)
    }

    async fn ask_roles(&mut self) -> Result<Next, CliError> {
        let written = |role: &Role| match role.agents {
            1 => role.name.clone(),
            n => format!("{}={n}", role.name),
        };
        let before: Vec<String> = self.draft.new.roles.iter().map(written).collect();
        let question = "roles in speaking order";
        let wrong = |line: &str| parse_roles(line).err();
        let Some(line) = self.ask_line(question, &before.join(", "), wrong).await? else { return Ok(Next::Back) };
        self.draft.set_roles(&parse_roles(&line).unwrap_or_default());
        Ok(Next::On)
    }

    /// Changes a role of the draft.
    fn change_role(&mut self, name: &str, change: impl FnOnce(&mut Role)) {
        if let Some(role) = self.draft.new.roles.iter_mut().find(|role| role.name == name) {
            change(role);
        }
    }

    async fn ask_plural(&mut self, role: &str) -> Result<Next, CliError> {
        let before = self.draft.find_role(role).map(|role| role.plural.clone()).unwrap_or_default();
        let wrong = |line: &str| line.is_empty().then(|| "A word is needed.".to_owned());
        let question = format!("several of {role} are called");
        let Some(line) = self.ask_line(&question, &before, wrong).await? else { return Ok(Next::Back) };
        self.change_role(role, |role| role.plural = line);
        Ok(Next::On)
    }

    async fn ask_pronouns(&mut self, role: &str) -> Result<Next, CliError> {
        let before = self.draft.find_role(role).map(|role| role.pronouns.clone()).unwrap_or_default();
        let wrong = |line: &str| {
            let right = inflect::split_pronouns(line).is_some_and(|(one, two)| format!("{one}/{two}") == line);
            (!right).then(|| "Write pronoun and possessive of one, as in he/his.".to_owned())
        };
        let question = format!("pronouns of one {role}");
        let Some(line) = self.ask_line(&question, &before, wrong).await? else { return Ok(Next::Back) };
        self.change_role(role, |role| role.pronouns = line);
        Ok(Next::On)
    }

    async fn ask_role_model(&mut self, name: &str) -> Result<Next, CliError> {
        let before = self.draft.find_role(name).map(|role| role.model.clone()).unwrap_or_default();
        let one = |model: &crate::design::ModelSpec| RoleModel::One(model.name().to_owned());
        let mut choices: Vec<RoleModel> =
            std::iter::once(RoleModel::Condition).chain(self.draft.new.models.iter().map(one)).collect();
        if !choices.contains(&before) {
            choices.push(before.clone());
        }
        let items = choices.iter().map(|choice| match choice {
            RoleModel::Condition => "the conversation's".to_owned(),
            RoleModel::One(name) => name.clone(),
            RoleModel::Each(names) => format!("each its own: {}", names.join(", ")),
        });
        let (items, question): (Vec<String>, _) = (items.collect(), format!("model of {name}"));
        let usual = choices.iter().position(|choice| *choice == before).unwrap_or(0);
        let Some(at) = prompt::ask_one_of(&self.guide.context.terminal, &question, &items, usual, HINT).await? else {
            return Ok(Next::Back);
        };
        self.change_role(name, |role| role.model = choices.swap_remove(at));
        Ok(Next::On)
    }

    async fn ask_summarizer(&mut self) -> Result<Next, CliError> {
        let usual = self.draft.new.summarizer.is_some();
        let Some(yes) = self.ask_yes_no("a summariser?", usual).await? else { return Ok(Next::Back) };
        self.draft.set_summarizer(yes);
        Ok(Next::On)
    }

    async fn ask_yes_no(&self, question: &str, usual: bool) -> Result<Option<bool>, CliError> {
        prompt::ask_yes_no(&self.guide.context.terminal, question, usual, HINT).await
    }

    async fn ask_summary_titles(&mut self) -> Result<Next, CliError> {
        let question = "the summariser's section titles";
        let before = self.draft.summary_titles();
        let Some(titles) = ask::titles(self.guide, question, &before).await? else { return Ok(Next::Back) };
        self.draft.set_summary_titles(&titles);
        Ok(Next::On)
    }

    async fn ask_text(&mut self, address: &str) -> Result<Next, CliError> {
        let roles = self.draft.new.roles.clone();
        let named = address != OPENING && !address.starts_with(&format!("{SUMMARIZER}/"));
        if !self.told && address != OPENING {
            for line in ask::list_placeholders(&roles, named) {
                self.guide.say(&line);
            }
            self.told = true;
        }
        let name = describe_place(address);
        loop {
            let (checked, servers) = (self.draft.clone(), self.servers.clone());
            let check = move |text: &str| checked.check_text(address, text, &servers);
            let text = self.draft.text_at(address).trim().to_owned();
            let was_asked = self.draft.answered.contains(&Step::Text(address.to_owned()));
            let is_section = find_section(&self.draft.new, address).is_some();
            let has_versions = self.draft.factor_of(address).is_some();
            let versions = if has_versions { "another version of this text" } else { "several versions of this text" };
            let asked = ask::Text {
                name: &name,
                text: &text,
                left_empty: text.is_empty() && was_asked,
                typed: self.draft.typed.get(address).cloned(),
                versions: is_section.then_some(versions),
                roles: &roles,
                named,
                check: &check,
                keep: self.keep_lines(address),
            };
            let written = ask::text(self.guide, asked).await?;
            self.draft.typed.remove(address);
            match written {
                Written::Back(lines) => {
                    if !lines.is_empty() {
                        self.draft.typed.insert(address.to_owned(), lines);
                    }
                    return Ok(Next::Back);
                }
                Written::Text(text) => {
                    self.write_text(address, text);
                    return Ok(Next::On);
                }
                Written::Versions(text) => {
                    self.write_text(address, text);
                    if self.ask_versions(address).await? {
                        return Ok(Next::On);
                    }
                }
            }
        }
    }

    /// Returns a function that saves the lines of an unfinished text with the draft.
    fn keep_lines(&self, address: &str) -> ask::Keep {
        let (kept, draft, address) = (self.kept.clone(), self.draft.clone(), address.to_owned());
        Arc::new(move |lines: &[String]| {
            let mut draft: Draft = draft.clone();
            draft.typed.insert(address.clone(), lines.to_vec());
            // A failed save of the draft is reported after every answer.
            let _ = kept.as_ref().map(|kept| kept.save_draft(&draft));
        })
    }

    fn write_text(&mut self, address: &str, text: String) {
        if text == self.draft.text_at(address).trim() {
            return;
        }
        if address == OPENING {
            self.draft.new.starting_message = text;
        } else {
            put_text(&mut self.draft.new, address, &text);
        }
    }

    async fn ask_star(&mut self) -> Result<Next, CliError> {
        match self.ask_yes_no("a star?", self.draft.starred).await? {
            Some(yes) => self.draft.starred = yes,
            None => return Ok(Next::Back),
        }
        Ok(Next::On)
    }

    async fn ask_note(&mut self) -> Result<Next, CliError> {
        let before = self.draft.new.note.clone().unwrap_or_default();
        let Some(line) = self.ask_line("note (may be empty)", &before, |_| None).await? else { return Ok(Next::Back) };
        if line != before {
            self.draft.new.note = Some(line).filter(|line| !line.is_empty());
        }
        Ok(Next::On)
    }
}

/// Parses the roles of a line such as `buyer, seller=2`; the error explains what is wrong.
fn parse_roles(line: &str) -> Result<Vec<(String, u32)>, String> {
    let mut roles: Vec<(String, u32)> = Vec::new();
    for part in ask::split_list(line) {
        let (name, number) = part.split_once('=').map_or((part.as_str(), "1"), |(name, n)| (name.trim(), n.trim()));
        let agents = number.parse::<u32>().ok().filter(|n| *n <= MOST_AGENTS);
        let Some(agents) = agents else {
            return Err(format!("`{part}`: write a whole number up to {MOST_AGENTS}, as in seller=2."));
        };
        if let Some(why) = bad_role(name) {
            return Err(format!("`{name}` cannot be a role: {why}."));
        }
        if roles.iter().any(|(role, _)| role == name) {
            return Err(format!("`{name}` stands twice: write {name}=2 for two of them."));
        }
        roles.push((name.to_owned(), agents));
    }
    let names: Vec<&str> = roles.iter().map(|(role, _)| role.as_str()).collect();
    if let Some((_, clash)) = RoleTags::find_clashes(&names).into_iter().next() {
        return Err(format!("{clash}: choose another name."));
    }
    if roles.iter().map(|(_, agents)| agents).sum::<u32>() < 2 {
        return Err("At least two agents are needed, as in: buyer, seller.".to_owned());
    }
    Ok(roles)
}

/// Explains why a flag could not name such a role; `None` if it could.
fn bad_role(name: &str) -> Option<&'static str> {
    let taken = ["shared", "summarizer"].contains(&name);
    let marks = name.contains(['=', '{', '}', '"']);
    let named = taken.then_some("it is the name of another file").or(marks.then_some("it holds = { } or \""));
    bad_name(name).or(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_as_they_are_typed() {
        let roles = parse_roles("guard=2, prison guard , 囚人= 3").unwrap();
        let names: Vec<(&str, u32)> = roles.iter().map(|(name, agents)| (name.as_str(), *agents)).collect();
        assert_eq!(names, [("guard", 2), ("prison guard", 1), ("囚人", 3)]);
        for wrong in [
            "",
            "guard",
            "guard=0",
            "guard=1, x=-1",
            "a=x, b",
            "a, a",
            "a/b, c",
            "agent, b",
            "shared, b",
            "a{b, c",
            "a b, a_b",
        ] {
            assert!(parse_roles(wrong).is_err(), "{wrong}");
        }
    }
}
