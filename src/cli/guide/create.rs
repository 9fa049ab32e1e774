//! Creating an experiment: one question after another, each of which can be revisited. Every answer is saved in a draft
//! at once; at the end one command creates the experiment.

use super::ask;
use super::command::creation_command;
use super::draft_file::DraftFile;
use super::picker;
use super::session::Guide;
use super::session::HINT;
use crate::cli::error::{CliError, Exit};
use crate::cli::terminal::prompt;
use crate::design::check::KnownServer;
use crate::design::folder::bad_name;
use crate::design::template::RoleTags;
use crate::design::{Severity, inflect, key};
use crate::lab::draft::{Draft, Players, Step, Typed, Words};
use std::sync::Arc;

/// The next place in the questions.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    /// The next question.
    On,
    /// The previous question.
    Back,
    /// This question, and then the overview.
    To(Step),
    /// The menu; the draft is kept.
    Leave,
    /// The menu; the experiment is stored.
    Saved,
}

/// An experiment under construction.
struct Creating<'a> {
    guide: &'a mut Guide,
    draft: Draft,
    kept: Option<DraftFile>,
    servers: Vec<KnownServer>,
    /// True after a jump from the overview: the answer leads back there.
    jumped: bool,
    /// True once the placeholders were shown.
    told: bool,
}

impl Guide {
    /// Creates an experiment; returns its name if it was stored.
    pub(super) async fn create_experiment(&mut self) -> Result<Option<String>, CliError> {
        let Some((draft, kept)) = self.choose_draft().await? else { return Ok(None) };
        let servers = self.context.settings.servers.known_servers();
        self.context.terminal.typing.save_in(kept.as_ref().map(DraftFile::unfinished_file));
        let mut creating = Creating { guide: self, draft, kept, servers, jumped: false, told: false };
        creating.save_draft();
        let saved = creating.ask_all().await?;
        creating.guide.context.terminal.typing.save_in(None);
        Ok(saved.then_some(creating.draft.name))
    }

    /// Returns a new draft, or an unfinished one.
    async fn choose_draft(&self) -> Result<Option<(Draft, Option<DraftFile>)>, CliError> {
        let Some(state) = self.context.settings.state.clone() else {
            self.say("There is no folder for drafts: what is typed is not kept if the program ends.");
            return Ok(Some((Draft::default(), None)));
        };
        loop {
            let mut all = DraftFile::list_free(&state);
            if all.is_empty() {
                break;
            }
            let go_on =
                all.iter().map(|(_, d)| format!("go on with {}, at: {}", describe_draft(d), d.step.step_name()));
            let mut items: Vec<String> = go_on.collect();
            items.push("begin anew".to_owned());
            items.push("throw a draft away".to_owned());
            let drafts = all.len();
            match prompt::ask_one_of(
                &self.context.terminal,
                if drafts == 1 { "there is a draft" } else { "there are drafts" },
                &items,
                0,
                HINT,
            )
            .await?
            {
                None => return Ok(None),
                Some(at) if at < drafts => {
                    let (kept, draft) = all.swap_remove(at);
                    return Ok(Some((draft, Some(kept))));
                }
                Some(at) if at == drafts => break,
                Some(_) => self.throw_away(all).await?,
            }
        }
        match DraftFile::new(&state, (self.context.world.random)()) {
            Ok(kept) => Ok(Some((Draft::default(), Some(kept)))),
            Err(error) => {
                self.context.printer.warn(&format!("no draft can be kept in {}: {error}", state.display()));
                Ok(Some((Draft::default(), None)))
            }
        }
    }

    async fn throw_away(&self, mut all: Vec<(DraftFile, Draft)>) -> Result<(), CliError> {
        let items: Vec<String> = all.iter().map(|(_, d)| describe_draft(d)).collect();
        let Some(at) = prompt::ask_one_of(&self.context.terminal, "which one?", &items, 0, HINT).await? else {
            return Ok(());
        };
        let question = format!("throw away {}, with all that was typed?", items[at]);
        if prompt::ask_yes_no(&self.context.terminal, &question, false, HINT).await? == Some(true) {
            all.swap_remove(at).0.remove_files();
        }
        Ok(())
    }
}

fn describe_draft(draft: &Draft) -> String {
    if draft.name.is_empty() { "an experiment without a name".to_owned() } else { format!("`{}`", draft.name) }
}

impl Creating<'_> {
    /// Asks all questions; true if the experiment was stored.
    async fn ask_all(&mut self) -> Result<bool, CliError> {
        if !self.draft.list_steps().contains(&self.draft.step) {
            self.draft.step = self.draft.open_step();
        }
        loop {
            let step = self.draft.step.clone();
            let next = self.ask_step(&step).await?;
            match next {
                Next::On => {
                    self.draft.mark_answered(&step);
                    let on = self.draft.neighbour_step(&step, 1).filter(|_| !self.jumped);
                    self.draft.step = on.unwrap_or_else(|| self.draft.open_step());
                }
                Next::Back if self.jumped => self.draft.step = Step::Overview,
                Next::Back => match self.draft.neighbour_step(&step, -1) {
                    Some(before) => self.draft.step = before,
                    None => return Ok(self.leave_draft()),
                },
                Next::To(step) => {
                    self.jumped = true;
                    self.draft.step = step;
                }
                Next::Leave => return Ok(self.leave_draft()),
                Next::Saved => {
                    if let Some(kept) = self.kept.take() {
                        kept.remove_files();
                    }
                    return Ok(true);
                }
            }
            self.save_draft();
        }
    }

    /// Saves the draft.
    fn save_draft(&mut self) {
        let Some(kept) = &self.kept else { return };
        if let Err(error) = kept.save_draft(&self.draft) {
            let warning = format!("the draft cannot be kept, so do not leave before it is saved: {error}");
            self.guide.context.printer.warn(&warning);
        }
    }

    fn leave_draft(&mut self) -> bool {
        if self.draft.answered.is_empty() {
            self.kept.take().into_iter().for_each(DraftFile::remove_files);
        } else if self.kept.is_some() {
            self.guide.say("The draft is kept; `create an experiment` offers it.");
        }
        false
    }

    async fn ask_step(&mut self, step: &Step) -> Result<Next, CliError> {
        match step {
            Step::Name => self.ask_name().await,
            Step::Opening => self.ask_opening().await,
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
            Step::Star => self.ask_star().await,
            Step::Note => self.ask_note().await,
            Step::Overview => self.show_overview().await,
        }
    }

    /// Asks for a line until it is valid; `None` on Esc.
    async fn ask_line(
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
        let mut before = self.draft.name.clone();
        loop {
            let wrong = |name: &str| match bad_name(name)? {
                _ if name.is_empty() => Some("An experiment needs a name.".to_owned()),
                why => Some(format!("`{name}` cannot be its name: {why}.")),
            };
            let Some(name) = self.ask_line("name of the experiment", &before, wrong).await? else {
                return Ok(Next::Back);
            };
            if self.stored_revision(&name).await?.is_none() {
                self.draft.name = name;
                return Ok(Next::On);
            }
            self.guide.say(&format!("You have an experiment `{name}` already: choose another name."));
            before = name;
        }
    }

    /// Returns the revision of the person's experiment with this name, if any. An unreachable database is reported when
    /// the experiment is saved.
    async fn stored_revision(&self, name: &str) -> Result<Option<String>, CliError> {
        let lab = match self.guide.context.reader().await {
            Ok(lab) => lab,
            Err(error) if error.exit == Exit::Interrupt => return Err(error),
            Err(_) => return Ok(None),
        };
        let record = lab.store.experiment(&lab.who.creator, name).await.ok().flatten();
        Ok(record.map(|record| record.revision))
    }

    async fn ask_opening(&mut self) -> Result<Next, CliError> {
        let mut before = self.draft.starting_message.clone();
        loop {
            let wrong = |line: &str| line.is_empty().then(|| "A message is needed.".to_owned());
            let Some(line) = self.ask_line("starting message", &before, wrong).await? else { return Ok(Next::Back) };
            // The message's placeholders can be checked only after the roles are named.
            let draft = Draft { starting_message: line.clone(), ..self.draft.clone() };
            let roles_are_known = self.draft.answered.contains(&Step::Roles);
            let problems = if roles_are_known { draft.check_opening(&self.servers) } else { Vec::new() };
            self.guide.say_problems(&problems);
            if problems.iter().all(|p| p.severity != Severity::Error) {
                self.draft.starting_message = line;
                return Ok(Next::On);
            }
            before = line;
        }
    }

    async fn ask_models(&mut self) -> Result<Next, CliError> {
        let Some(models) = picker::ask_models(self.guide, &self.draft.models).await? else { return Ok(Next::Back) };
        self.draft.models = models;
        Ok(Next::On)
    }

    async fn ask_titles(&mut self) -> Result<Next, CliError> {
        let question = "section titles, with commas in between";
        let Some(titles) = ask::titles(self.guide, question, &self.draft.titles).await? else { return Ok(Next::Back) };
        self.draft.titles = titles;
        Ok(Next::On)
    }

    async fn ask_shared(&mut self) -> Result<Next, CliError> {
        let titles = self.draft.titles.clone();
        let ticked: Vec<bool> = titles.iter().map(|title| self.draft.shared.contains(title)).collect();
        let question = "which are shared?";
        let Some(chosen) = prompt::ask_several(&self.guide.context.terminal, question, &titles, &ticked, HINT).await?
        else {
            return Ok(Next::Back);
        };
        // Answers about these titles are replaced. Those about titles that are not in the list now are kept.
        self.draft.shared.retain(|title| !titles.contains(title));
        self.draft.shared.extend(chosen.into_iter().map(|at| titles[at].clone()));
        Ok(Next::On)
    }

    async fn ask_order(&mut self) -> Result<Next, CliError> {
        let titles = self.draft.titles.clone();
        let wrong = |line: &str| {
            let mut order = ask::parse_titles(line).unwrap_or_default();
            let mut all = titles.clone();
            order.sort();
            all.sort();
            (order != all).then(|| format!("Write each of these once: {}.", titles.join(", ")))
        };
        let question = "in which order do agents read them?";
        let Some(line) = self.ask_line(question, &titles.join(", "), wrong).await? else { return Ok(Next::Back) };
        self.draft.titles = ask::parse_titles(&line).unwrap_or(titles);
        Ok(Next::On)
    }

    async fn ask_roles(&mut self) -> Result<Next, CliError> {
        let written = |role: &Players| match role.agents {
            1 => role.name.clone(),
            n => format!("{}={n}", role.name),
        };
        let before: Vec<String> = self.draft.roles.iter().map(written).collect();
        let question = "roles in speaking order (guard=2: two of them)";
        let wrong = |line: &str| parse_roles(line).err();
        let Some(line) = self.ask_line(question, &before.join(", "), wrong).await? else { return Ok(Next::Back) };
        self.draft.roles = parse_roles(&line).unwrap_or_default();
        Ok(Next::On)
    }

    fn role_words(&mut self, role: &str) -> &mut Words {
        self.draft.words.entry(role.to_owned()).or_default()
    }

    async fn ask_plural(&mut self, role: &str) -> Result<Next, CliError> {
        let before = self.role_words(role).plural.clone().unwrap_or_else(|| inflect::guess_plural(role));
        let wrong = |line: &str| line.is_empty().then(|| "A word is needed.".to_owned());
        let question = format!("several of {role} are called");
        let Some(line) = self.ask_line(&question, &before, wrong).await? else { return Ok(Next::Back) };
        self.role_words(role).plural = Some(line);
        Ok(Next::On)
    }

    async fn ask_pronouns(&mut self, role: &str) -> Result<Next, CliError> {
        let before = self.role_words(role).pronouns.clone().unwrap_or_else(|| inflect::GUESSED_PRONOUNS.to_owned());
        let wrong = |line: &str| {
            let right = inflect::split_pronouns(line).is_some_and(|(one, two)| format!("{one}/{two}") == line);
            (!right).then(|| "Write pronoun and possessive of one, as in he/his.".to_owned())
        };
        let question = format!("pronouns of one {role}");
        let Some(line) = self.ask_line(&question, &before, wrong).await? else { return Ok(Next::Back) };
        self.role_words(role).pronouns = Some(line);
        Ok(Next::On)
    }

    async fn ask_role_model(&mut self, role: &str) -> Result<Next, CliError> {
        let names: Vec<String> = self.draft.models.iter().map(|m| m.name().to_owned()).collect();
        let before = self.role_words(role).model.clone();
        let usual = names.iter().position(|name| Some(name) == before.as_ref()).map_or(0, |at| at + 1);
        let items: Vec<String> = ["the conversation's".to_owned()].into_iter().chain(names.clone()).collect();
        let question = format!("model of {role}");
        let Some(at) = prompt::ask_one_of(&self.guide.context.terminal, &question, &items, usual, HINT).await? else {
            return Ok(Next::Back);
        };
        self.role_words(role).model = at.checked_sub(1).map(|at| names[at].clone());
        Ok(Next::On)
    }

    async fn ask_summarizer(&mut self) -> Result<Next, CliError> {
        let question = "a summariser? (needed where a conversation has several days)";
        match self.ask_yes_no(question, self.draft.summarizer).await? {
            Some(yes) => self.draft.summarizer = yes,
            None => return Ok(Next::Back),
        }
        Ok(Next::On)
    }

    /// Asks for yes or no as a list, which a narrow window shows in full.
    async fn ask_yes_no(&self, question: &str, usual: bool) -> Result<Option<bool>, CliError> {
        self.guide.say(question);
        let items = ["no", "yes"].map(str::to_owned);
        let usual = usize::from(usual);
        Ok(prompt::ask_one_of(&self.guide.context.terminal, "yes or no?", &items, usual, HINT).await?.map(|at| at == 1))
    }

    async fn ask_summary_titles(&mut self) -> Result<Next, CliError> {
        let question = "the summariser's section titles";
        let Some(titles) = ask::titles(self.guide, question, &self.draft.summary_titles).await? else {
            return Ok(Next::Back);
        };
        self.draft.summary_titles = titles;
        Ok(Next::On)
    }

    async fn ask_text(&mut self, address: &str) -> Result<Next, CliError> {
        let roles = self.draft.as_roles();
        let named = !address.starts_with("summarizer/");
        if !self.told {
            ask::print_placeholders(self.guide, &roles, named);
            self.told = true;
        }
        let name = crate::lab::draft::describe_place(address);
        let typed = self.draft.typed.as_ref().filter(|t| t.address == address).map(|t| t.lines.clone());
        let (checked, servers) = (self.draft.clone(), self.servers.clone());
        let check = move |text: &str| checked.check_text(address, text, &servers);
        let (kept, draft, of) = (self.kept.clone(), self.draft.clone(), address.to_owned());
        let keep = move |lines: &[String]| {
            let typed = Typed { address: of.clone(), lines: lines.to_vec() };
            let draft = Draft { typed: Some(typed), ..draft.clone() };
            // A failed save of the draft is reported after every answer.
            let _ = kept.as_ref().map(|kept| kept.save_draft(&draft));
        };
        let asked = ask::Text {
            name: &name,
            text: self.draft.text_at(address),
            left_empty: self.draft.text_at(address).is_empty()
                && self.draft.answered.contains(&Step::Text(address.to_owned())),
            typed,
            roles: &roles,
            named,
            check: &check,
            keep: Arc::new(keep),
        };
        let Some(text) = ask::text(self.guide, asked).await? else { return Ok(Next::Back) };
        self.draft.typed = None;
        self.draft.texts.insert(address.to_owned(), text);
        Ok(Next::On)
    }

    async fn ask_star(&mut self) -> Result<Next, CliError> {
        match self.ask_yes_no("a star, so that it is found among many?", self.draft.starred).await? {
            Some(yes) => self.draft.starred = yes,
            None => return Ok(Next::Back),
        }
        Ok(Next::On)
    }

    async fn ask_note(&mut self) -> Result<Next, CliError> {
        let question = "note (may be empty)";
        let Some(line) = self.ask_line(question, &self.draft.note, |_| None).await? else { return Ok(Next::Back) };
        self.draft.note = line;
        Ok(Next::On)
    }

    async fn show_overview(&mut self) -> Result<Next, CliError> {
        self.jumped = false;
        let checked = self.draft.check_draft(&self.servers);
        self.guide.say(&self.draft.describe_draft());
        self.guide.say_problems(&checked.problems);
        loop {
            let items = ["save", "preview the prompts", "change an answer", "leave (the draft is kept)"];
            let items = items.map(str::to_owned);
            let usual = if checked.has_errors() { 2 } else { 0 };
            match prompt::ask_one_of(&self.guide.context.terminal, "what now?", &items, usual, HINT).await? {
                Some(0) if checked.has_errors() => self.guide.say("It is not right yet; see above."),
                Some(0) => {
                    let revision = checked.experiment.as_ref().map(key::hash_revision);
                    if self.save_experiment(revision).await? {
                        return Ok(Next::Saved);
                    }
                }
                Some(1) => {
                    let checked = self.draft.check_to_preview(&self.servers);
                    crate::cli::commands::check::preview_of(&self.guide.context, &checked)?;
                }
                Some(2) => {
                    if let Some(step) = self.ask_which().await? {
                        return Ok(Next::To(step));
                    }
                }
                Some(_) => return Ok(Next::Leave),
                None => return Ok(Next::Back),
            }
        }
    }

    /// Asks which answer to change.
    async fn ask_which(&self) -> Result<Option<Step>, CliError> {
        let mut steps = self.draft.list_steps();
        steps.pop();
        let items: Vec<String> = steps.iter().map(|step| self.draft.answer_to(step)).collect();
        let chosen = prompt::ask_one_of(&self.guide.context.terminal, "which one?", &items, 0, HINT).await?;
        Ok(chosen.map(|at| steps.swap_remove(at)))
    }

    /// Stores the experiment; true on success. A crash before the draft is removed does no harm.
    async fn save_experiment(&mut self, revision: Option<String>) -> Result<bool, CliError> {
        let there = self.stored_revision(&self.draft.name).await?;
        if there.is_some() && there == revision {
            self.guide.say(&format!("`{}` is stored so already.", self.draft.name));
        } else if self.guide.run_words(&creation_command(&self.draft)).await? != Exit::Done {
            return Ok(false);
        }
        if self.draft.starred {
            // A failure is reported, and the experiment stays stored.
            self.guide.run_words(&["star".to_owned(), self.draft.name.clone()]).await?;
        }
        Ok(true)
    }
}

/// Parses the roles of a line such as `guard=2, prisoner`; the error explains what is wrong.
fn parse_roles(line: &str) -> Result<Vec<Players>, String> {
    let mut roles: Vec<Players> = Vec::new();
    for part in ask::split_list(line) {
        let (name, number) = part.split_once('=').map_or((part.as_str(), "1"), |(name, n)| (name.trim(), n.trim()));
        let agents = number.parse::<u32>().ok().filter(|n| (1..=100).contains(n));
        let Some(agents) = agents else {
            return Err(format!("`{part}`: write a number from 1 to 100, as in guard=2."));
        };
        if let Some(why) = bad_role(name) {
            return Err(format!("`{name}` cannot be a role: {why}."));
        }
        if roles.iter().any(|role| role.name == name) {
            return Err(format!("`{name}` stands twice: write {name}=2 for two of them."));
        }
        roles.push(Players { name: name.to_owned(), agents });
    }
    let names: Vec<&str> = roles.iter().map(|role| role.name.as_str()).collect();
    if let Some((_, clash)) = RoleTags::find_clashes(&names).into_iter().next() {
        return Err(format!("{clash}: choose another name."));
    }
    if roles.iter().map(|role| role.agents).sum::<u32>() < 2 {
        return Err("At least two agents are needed, as in: guard, prisoner.".to_owned());
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
        let names: Vec<(&str, u32)> = roles.iter().map(|r| (r.name.as_str(), r.agents)).collect();
        assert_eq!(names, [("guard", 2), ("prison guard", 1), ("囚人", 3)]);
        for wrong in ["", "guard", "guard=0", "a=x, b", "a, a", "a/b, c", "agent, b", "shared, b", "a{b, c", "a b, a_b"]
        {
            assert!(parse_roles(wrong).is_err(), "{wrong}");
        }
    }
}
