//! The order of the questions of a draft, and the present answers.

use super::state::{Base, Draft};
use super::step::{OPENING, Step, describe_place};
use crate::design::keys::kind::KeyValue;
use crate::design::keys::{MODEL, PROTOCOL, find_key};
use crate::design::places::{self, find_text, list_prompts, section_address, start_address};
use crate::design::{Factor, ModelSpec, Role, RoleModel};

impl Draft {
    /// Lists every question that follows from the answers so far, in the order of asking.
    pub fn list_steps(&self) -> Vec<Step> {
        let mut steps = vec![Step::Name, Step::Opening, Step::Models, Step::Titles, Step::Shared];
        if self.list_titles().len() > 1 {
            steps.push(Step::Order);
        }
        steps.push(Step::Roles);
        for Role { name, .. } in &self.new.roles {
            steps.extend([Step::Plural(name.clone()), Step::Pronouns(name.clone())]);
        }
        if self.new.models.len() > 1 {
            steps.extend(self.new.roles.iter().map(|role| Step::RoleModel(role.name.clone())));
        }
        steps.push(Step::Summarizer);
        if self.new.summarizer.is_some() {
            steps.push(Step::SummaryTitles);
        }
        steps.extend(self.list_addresses().into_iter().map(Step::Text));
        steps.push(Step::Factors);
        steps.extend((self.base == Base::New).then_some(Step::Star));
        steps.extend([Step::Note, Step::Overview]);
        steps
    }

    /// Addresses of all texts: shared ones, those of each role, those of the summariser.
    pub fn list_addresses(&self) -> Vec<String> {
        let prompts = list_prompts(&self.new).into_iter();
        let of_prompt = prompts.flat_map(|(name, prompt)| {
            // A new summariser's prompt has sections only.
            let start = name != places::SUMMARIZER || !prompt.start.is_empty();
            let start = start.then(|| start_address(name)).into_iter();
            start.chain(prompt.sections.iter().map(move |section| section_address(name, section)))
        });
        of_prompt.collect()
    }

    /// Returns the question that is `by` places after a question in the order of asking; before it if `by` is negative.
    /// `None` if there is no such question.
    pub fn neighbour_step(&self, step: &Step, by: isize) -> Option<Step> {
        let steps = self.list_steps();
        let at = steps.iter().position(|s| s == step)?.checked_add_signed(by)?;
        steps.get(at).cloned()
    }

    /// Returns the first question without an answer, else the overview. A text that is not empty counts as an answer,
    /// also after it moved to another address.
    pub fn open_step(&self) -> Step {
        let is_written = |step: &Step| matches!(step, Step::Text(at) if !self.text_at(at).trim().is_empty());
        let open = self.list_steps().into_iter().find(|s| !self.answered.contains(s) && !is_written(s));
        open.unwrap_or(Step::Overview)
    }

    /// Marks a question as answered.
    pub fn mark_answered(&mut self, step: &Step) {
        if !self.answered.contains(step) {
            self.answered.push(step.clone());
        }
    }

    /// The text at an address.
    pub fn text_at(&self, address: &str) -> &str {
        if address == OPENING { &self.new.starting_message } else { find_text(&self.new, address).unwrap_or_default() }
    }

    /// Finds a role.
    pub fn find_role(&self, name: &str) -> Option<&Role> {
        self.new.roles.iter().find(|role| role.name == name)
    }

    /// Returns the value that a setting has without a factor; empty if there is none.
    pub fn present_value(&self, name: &str) -> String {
        let protocol = || find_key(PROTOCOL, name).and_then(|key| (key.get)(&self.new.protocol));
        let parameter = || find_key(MODEL, name).and_then(|key| (key.get)(self.new.models.first()?));
        let agents = name.strip_prefix("agents.").and_then(|role| self.find_role(role)).map(|r| r.agents.to_string());
        let value = || protocol().or_else(parameter).and_then(KeyValue::into_scalar).map(|value| value.to_string());
        agents.or_else(value).unwrap_or_default()
    }

    /// Answer to a question, in one line.
    pub fn answer_to(&self, step: &Step) -> String {
        let yes = |yes: bool| (if yes { "yes" } else { "no" }).to_owned();
        let word = |role: &String, word: fn(&Role) -> &str| self.find_role(role).map_or("", word).to_owned();
        let answer = match step {
            Step::Name => self.new.name.clone(),
            Step::Opening => self.new.starting_message.clone(),
            Step::Models => self.new.models.iter().map(ModelSpec::name).collect::<Vec<_>>().join(", "),
            Step::Titles | Step::Order => self.list_titles().join(", "),
            Step::Shared => self.list_titles().into_iter().filter(|t| self.is_shared(t)).collect::<Vec<_>>().join(", "),
            Step::Roles => self.new.roles.iter().map(Role::players).collect::<Vec<_>>().join(", "),
            Step::Plural(role) => word(role, |role| &role.plural),
            Step::Pronouns(role) => word(role, |role| &role.pronouns),
            Step::RoleModel(role) => match self.find_role(role).map(|role| &role.model) {
                Some(RoleModel::One(name)) => name.clone(),
                Some(RoleModel::Each(names)) => names.join(", "),
                Some(RoleModel::Condition) | None => "the conversation's".to_owned(),
            },
            Step::Summarizer => yes(self.new.summarizer.is_some()),
            Step::SummaryTitles => self.summary_titles().join(", "),
            Step::Text(address) => self.text_at(address).trim().to_owned(),
            Step::Factors => self.new.factors.iter().map(describe_factor).collect::<Vec<_>>().join("; "),
            Step::Star => yes(self.starred),
            Step::Note => self.new.note.clone().unwrap_or_default(),
            Step::Overview => String::new(),
        };
        let answer = if answer.is_empty() { "(none)".to_owned() } else { answer };
        format!("{}: {answer}", step.step_name())
    }

    /// Describes the draft in a few lines.
    pub fn describe_draft(&self) -> String {
        let few = [Step::Name, Step::Opening, Step::Models, Step::Roles, Step::Titles, Step::Shared];
        let mut lines: Vec<String> = few.iter().map(|step| self.answer_to(step)).collect();
        let (empty, full): (Vec<String>, Vec<String>) =
            self.list_addresses().into_iter().partition(|address| self.text_at(address).trim().is_empty());
        lines.push(format!("texts: {}", full.len()));
        let sections: Vec<String> = empty.iter().filter(|a| !a.ends_with('/')).map(|a| describe_place(a)).collect();
        if !sections.is_empty() {
            lines.push(format!("empty, so not sent: {}", sections.join("; ")));
        }
        lines.join("\n")
    }
}

/// Describes a factor with its levels: `goal (escape, yard)`.
fn describe_factor(factor: &Factor) -> String {
    let levels: Vec<String> = factor.levels.iter().map(ToString::to_string).collect();
    format!("{} ({})", factor.name, levels.join(", "))
}
