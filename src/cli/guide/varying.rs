//! The questions about factors: versions of a text, and settings that vary.

use super::session::HINT;
use super::wizard::{Next, Wizard};
use crate::cli::error::CliError;
use crate::cli::terminal::prompt;
use crate::design::effect::is_setting;
use crate::design::{Factor, Obstacle, Value};
use crate::lab::draft::{list_varied, parse_levels};

impl Wizard<'_> {
    /// Asks what varies besides models and texts.
    pub(super) async fn ask_factors(&mut self) -> Result<Next, CliError> {
        loop {
            let factors = self.draft.new.factors.clone();
            let mut items = ["that is all", "vary a setting"].map(str::to_owned).to_vec();
            items.extend(factors.iter().map(|factor| format!("change {}: {}", factor.name, join_levels(factor))));
            let chosen = prompt::ask_one_of(&self.guide.context.terminal, "what varies?", &items, 0, HINT).await?;
            match chosen {
                None => return Ok(Next::Back),
                Some(0) => return Ok(Next::On),
                Some(1) => self.vary_setting().await?,
                Some(at) => self.change_factor(&factors[at - 2]).await?,
            }
            self.save_draft();
            self.say_factors(&self.draft.check_draft(&self.servers));
        }
    }

    async fn vary_setting(&mut self) -> Result<(), CliError> {
        let settings = list_varied(&self.draft);
        let items: Vec<String> = settings.iter().map(|(name, help)| format!("{name}: {help}")).collect();
        let mut at = 0;
        loop {
            let terminal = &self.guide.context.terminal;
            let chosen = prompt::ask_search_from(terminal, "which setting?", &items, at, HINT).await?;
            let Some(chosen) = chosen else { return Ok(()) };
            at = chosen;
            let name = &settings[at].0;
            let present = self.draft.present_value(name);
            let present = if present.is_empty() { present } else { format!("{present}, ") };
            if self.ask_levels(name, &present).await? {
                return Ok(());
            }
        }
    }

    /// Asks for the values of a setting that are compared; false on Esc.
    async fn ask_levels(&mut self, name: &str, present: &str) -> Result<bool, CliError> {
        let mut present = present.to_owned();
        let question = format!("values of {name}, with commas");
        loop {
            let wrong = |line: &str| parse_levels(&self.draft, name, line).err().map(|o| explain_obstacle(&o));
            let Some(line) = self.ask_line(&question, &present, wrong).await? else { return Ok(false) };
            let before = self.draft.clone();
            let levels = parse_levels(&self.draft, name, &line).unwrap_or_default();
            self.draft.put_factor(name, levels);
            let wrong = self.draft.find_new_errors(&before, &self.servers);
            if self.guide.agree_to(&wrong).await? {
                return Ok(true);
            }
            self.draft = before;
            present = line;
        }
    }

    /// Renames, changes or removes a factor.
    async fn change_factor(&mut self, factor: &Factor) -> Result<(), CliError> {
        let name = &factor.name;
        let is_setting = is_setting(name, &self.draft.new.roles);
        let items: &[&str] = if is_setting {
            &["its values", "let it vary no more"]
        } else {
            &["its name", "the names of its versions", "one version only"]
        };
        let items: Vec<String> = items.iter().map(|item| (*item).to_owned()).collect();
        let mut at = 0;
        loop {
            let Some(chosen) = prompt::ask_one_of(&self.guide.context.terminal, name, &items, at, HINT).await? else {
                return Ok(());
            };
            at = chosen;
            let is_done = match (is_setting, at) {
                (true, 0) => self.ask_levels(name, &join_levels(factor)).await?,
                (true, _) => {
                    self.draft.remove_factor(name, "");
                    true
                }
                (false, 0) => self.rename_factor(name).await?,
                (false, 1) => self.rename_versions(factor).await?,
                (false, _) => self.keep_version(factor).await?,
            };
            if is_done {
                return Ok(());
            }
        }
    }

    /// Asks for another name of a factor; false on Esc.
    async fn rename_factor(&mut self, name: &str) -> Result<bool, CliError> {
        let is_taken = |new: &str| new != name && self.draft.is_factor(new);
        let taken = |new: &str| is_taken(new).then(|| format!("there is a factor `{new}` already"));
        let wrong = |new: &str| self.draft.bad_factor(new).or_else(|| taken(new));
        let Some(new) = self.ask_line("name of the factor", name, wrong).await? else { return Ok(false) };
        self.draft.rename_factor(name, &new);
        Ok(true)
    }

    /// Asks for the names of a factor's versions; false on Esc.
    async fn rename_versions(&mut self, factor: &Factor) -> Result<bool, CliError> {
        let wrong = |line: &str| {
            let levels = parse_levels(&self.draft, &factor.name, line);
            let tried = levels.and_then(|levels| self.draft.clone().set_versions(&factor.name, levels));
            tried.err().map(|obstacle| explain_obstacle(&obstacle))
        };
        let question = "names of the versions";
        let Some(line) = self.ask_line(question, &join_levels(factor), wrong).await? else { return Ok(false) };
        let levels = parse_levels(&self.draft, &factor.name, &line);
        // The line was tried before.
        let _ = levels.and_then(|levels| self.draft.set_versions(&factor.name, levels));
        Ok(true)
    }

    /// Removes a factor after the choice of the version that stays; false on Esc.
    async fn keep_version(&mut self, factor: &Factor) -> Result<bool, CliError> {
        let items: Vec<String> = factor.levels.iter().map(ToString::to_string).collect();
        let question = "which version stays? The other texts are removed";
        let Some(at) = prompt::ask_one_of(&self.guide.context.terminal, question, &items, 0, HINT).await? else {
            return Ok(false);
        };
        self.draft.remove_factor(&factor.name, &items[at]);
        Ok(true)
    }

    /// Asks for versions of a text; false if the person goes back to the text.
    pub(super) async fn ask_versions(&mut self, address: &str) -> Result<bool, CliError> {
        if let Some(factor) = self.draft.factor_of(address).cloned() {
            self.guide.say_dim("Add a name at the end for each further version; its text is asked for next.");
            self.rename_versions(&factor).await?;
            return Ok(self.draft.find_factor(&factor.name) != Some(&factor));
        }
        self.guide.say_dim(
            "Some conversations get one version, others another: the text becomes a factor, and its versions are the \
             factor's levels. Each version has a name, as in: kind, strict.",
        );
        let mut name = self.draft.propose_factor(address);
        loop {
            let wrong = |name: &str| self.draft.bad_factor(name);
            let Some(typed) = self.ask_line("name of the factor", &name, wrong).await? else { return Ok(false) };
            name = typed;
            let levels = match self.draft.find_factor(&name) {
                Some(factor) => {
                    self.guide.say(&format!("`{name}` exists: the versions are {}.", join_levels(factor)));
                    Some(factor.levels.clone())
                }
                None => self.ask_new_levels(&name).await?,
            };
            if let Some(levels) = levels {
                self.draft.make_versions(address, &name, levels);
                return Ok(true);
            }
        }
    }

    async fn ask_new_levels(&self, name: &str) -> Result<Option<Vec<Value>>, CliError> {
        let wrong = |line: &str| parse_levels(&self.draft, name, line).err().map(|o| explain_obstacle(&o));
        let question = "a name for each version";
        let line = self.ask_line(question, "", wrong).await?;
        Ok(line.and_then(|line| parse_levels(&self.draft, name, &line).ok()))
    }
}

fn join_levels(factor: &Factor) -> String {
    factor.levels.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Formats an obstacle as one line.
pub(super) fn explain_obstacle(obstacle: &Obstacle) -> String {
    match &obstacle.hint {
        Some(hint) => format!("{}: {hint}", obstacle.message),
        None => obstacle.message.clone(),
    }
}
