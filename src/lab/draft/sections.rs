//! Titles, sharing and roles of a draft. A text that an answer removes is kept, and returns with its title.

use super::state::{Base, Draft};
use super::step::Step;
use crate::design::places::{SHARED, SUMMARIZER, list_sections, prompts_mut, section_address};
use crate::design::{HUMAN, ModelSpec, PromptText, Role, RoleModel, Section, find_declared, inflect};
use std::collections::BTreeSet;

impl Draft {
    /// Returns the titles of the agents' sections in the order of a prompt.
    pub fn list_titles(&self) -> Vec<String> {
        let of_agents = list_sections(&self.new).filter(|(name, _)| *name != SUMMARIZER);
        let mut titles = self.new.sections.clone();
        titles.retain(|title| self.is_of_agents(title));
        for (_, section) in of_agents {
            if !titles.contains(&section.title) {
                titles.push(section.title.clone());
            }
        }
        titles
    }

    /// Returns true unless the summariser alone has the title.
    fn is_of_agents(&self, title: &String) -> bool {
        let mut with_it = list_sections(&self.new).filter(|(_, section)| section.title == *title).peekable();
        with_it.peek().is_none() || with_it.any(|(name, _)| name != SUMMARIZER)
    }

    /// Returns the titles of the summariser's sections.
    pub fn summary_titles(&self) -> Vec<String> {
        let mut titles: Vec<String> = Vec::new();
        for section in self.new.summarizer.iter().flat_map(|text| &text.sections) {
            if !titles.contains(&section.title) {
                titles.push(section.title.clone());
            }
        }
        titles
    }

    /// Returns true if all agents share the section of that title.
    pub fn is_shared(&self, title: &str) -> bool {
        self.new.shared.sections.iter().any(|section| section.title == title)
    }

    /// Sets the titles of the agents' sections, in order.
    pub fn set_titles(&mut self, titles: Vec<String>) {
        let before = self.list_titles();
        if titles == before {
            return;
        }
        for gone in before.iter().filter(|title| !titles.contains(title)) {
            self.store_sections(gone, |name| name != SUMMARIZER);
        }
        for new in titles.iter().filter(|title| !before.contains(title)) {
            // A title had been shared or not before it was removed.
            let last = self.attic.sections.iter().rev().find(|(name, s)| name != SUMMARIZER && s.title == *new);
            let (is_new, was_shared) = (last.is_none(), last.is_some_and(|(name, _)| name == SHARED));
            self.restore_sections(new, |name| name != SUMMARIZER && (name == SHARED) == was_shared);
            if is_new {
                self.answered.retain(|step| *step != Step::Shared);
            }
        }
        self.new.sections.clone_from(&titles);
        self.fill_blanks();
        self.put_order(titles);
    }

    /// Sets the order of the titles. An order that a stored experiment has without naming it is not named.
    fn put_order(&mut self, titles: Vec<String>) {
        self.new.sections.clone_from(&self.old.sections);
        if self.base == Base::New || self.list_titles() != titles {
            self.new.sections = titles;
        }
    }

    /// Writes the order of the titles down, so that a section that is moved stays at its place in a prompt.
    pub(super) fn keep_order(&mut self) {
        self.new.sections = self.list_titles();
    }

    /// Sets if all agents share a title.
    pub fn set_shared(&mut self, title: &str, is: bool) {
        if self.is_shared(title) == is {
            return;
        }
        self.keep_order();
        let moved = self.store_sections(title, |name| (name == SHARED) != is && name != SUMMARIZER);
        self.restore_sections(title, |name| (name == SHARED) == is && name != SUMMARIZER);
        if is && !self.is_shared(title) {
            let shared = merge_sections(title, &moved, self.new.roles.len());
            for section in shared.iter().filter(|section| section.text.is_empty()) {
                let step = Step::Text(section_address(SHARED, section));
                self.answered.retain(|answered| *answered != step);
            }
            self.new.shared.sections.extend(shared);
        }
        for role in self.new.roles.iter_mut().filter(|_| !is) {
            if !role.prompt.sections.iter().any(|section| section.title == title) {
                role.prompt.sections.extend(moved.iter().cloned());
            }
        }
        self.fill_blanks();
    }

    /// Sets the roles in speaking order, each with its number of agents.
    pub fn set_roles(&mut self, list: &[(String, u32)]) {
        let titles = self.list_titles();
        let named = |role: &Role| list.iter().any(|(name, _)| *name == role.name);
        let (mut kept, gone): (Vec<Role>, Vec<Role>) = std::mem::take(&mut self.new.roles).into_iter().partition(named);
        self.attic.roles.retain(|role| !gone.iter().any(|gone| gone.name == role.name));
        self.attic.roles.extend(gone);
        let shared: Vec<String> = titles.iter().filter(|title| self.is_shared(title)).cloned().collect();
        for (name, agents) in list {
            let at = kept.iter().position(|role| role.name == *name);
            let mut role = at.map_or_else(|| self.return_role(name, &titles, &shared), |at| kept.swap_remove(at));
            role.agents = *agents;
            self.new.roles.push(role);
        }
        self.drop_unknown_models();
        self.fill_titles(&titles);
    }

    /// Takes a removed role out of the attic, else creates a role. Drops its sections whose title is gone or now
    /// shared.
    fn return_role(&mut self, name: &str, titles: &[String], shared: &[String]) -> Role {
        let Some(at) = self.attic.roles.iter().position(|role| role.name == name) else {
            return Role {
                name: name.to_owned(),
                plural: inflect::guess_plural(name),
                pronouns: inflect::GUESSED_PRONOUNS.to_owned(),
                ..Role::default()
            };
        };
        let mut role = self.attic.roles.swap_remove(at);
        role.prompt.sections.retain(|s| titles.contains(&s.title) && !shared.contains(&s.title));
        role
    }

    /// Sets the models. A role whose model is gone uses the conversation's, and is asked again.
    pub fn set_models(&mut self, models: Vec<ModelSpec>) {
        self.new.models = models;
        self.drop_unknown_models();
    }

    fn drop_unknown_models(&mut self) {
        let experiment = self.new.clone();
        let is_known = |name: &String| name == HUMAN || find_declared(&experiment, name).is_some();
        for role in &mut self.new.roles {
            let known = match &role.model {
                RoleModel::Condition => true,
                RoleModel::One(name) => is_known(name),
                RoleModel::Each(names) => names.iter().all(is_known),
            };
            if !known {
                role.model = RoleModel::Condition;
                self.answered.retain(|step| *step != Step::RoleModel(role.name.clone()));
            }
        }
    }

    /// Sets if days are summarised.
    pub fn set_summarizer(&mut self, is: bool) {
        if self.new.summarizer.is_some() == is {
            return;
        }
        let goal = || PromptText { sections: vec![blank_section("Goal")], ..PromptText::default() };
        let other = if is { Some(self.attic.summarizer.take().unwrap_or_else(goal)) } else { None };
        let before = std::mem::replace(&mut self.new.summarizer, other);
        self.attic.summarizer = before.or(self.attic.summarizer.take());
    }

    /// Sets the titles of the summariser's sections, in order.
    pub fn set_summary_titles(&mut self, titles: &[String]) {
        for gone in self.summary_titles().iter().filter(|title| !titles.contains(title)) {
            self.store_sections(gone, |name| name == SUMMARIZER);
        }
        for title in titles {
            self.restore_sections(title, |name| name == SUMMARIZER);
            let Some(text) = &mut self.new.summarizer else { continue };
            if !text.sections.iter().any(|section| section.title == *title) {
                text.sections.push(blank_section(title));
            }
        }
        if let Some(text) = &mut self.new.summarizer {
            text.sections.sort_by_key(|section| titles.iter().position(|title| *title == section.title));
        }
    }

    /// Gives each role a section for each title that is not shared.
    pub(super) fn fill_blanks(&mut self) {
        self.fill_titles(&self.list_titles());
    }

    fn fill_titles(&mut self, titles: &[String]) {
        let shared: BTreeSet<String> = titles.iter().filter(|title| self.is_shared(title)).cloned().collect();
        for role in &mut self.new.roles {
            let has = |title: &String, role: &Role| role.prompt.sections.iter().any(|s| s.title == *title);
            for title in titles.iter().filter(|title| !shared.contains(*title)) {
                if !has(title, role) {
                    role.prompt.sections.push(blank_section(title));
                }
            }
        }
    }

    /// Removes the sections of a title from these prompts, and keeps their texts. Returns the sections.
    pub(super) fn store_sections(&mut self, title: &str, is_there: impl Fn(&str) -> bool) -> Vec<Section> {
        let mut removed = Vec::new();
        for (name, prompt) in prompts_mut(&mut self.new).filter(|(name, _)| is_there(name)) {
            for section in prompt.sections.extract_if(.., |section| section.title == title) {
                self.attic.sections.retain(|(of, s)| of != name || s.title != title || s.when != section.when);
                if !section.text.trim().is_empty() {
                    self.attic.sections.push((name.to_owned(), section.clone()));
                }
                removed.push(section);
            }
        }
        removed
    }

    /// Puts the kept sections of a title back into these prompts.
    fn restore_sections(&mut self, title: &str, is_there: impl Fn(&str) -> bool) {
        for (name, prompt) in prompts_mut(&mut self.new).filter(|(name, _)| is_there(name)) {
            let back = self.attic.sections.extract_if(.., |(of, section)| of == name && section.title == title);
            let back: Vec<Section> = back.map(|(_, section)| section).collect();
            let is_new = |s: &Section| !prompt.sections.iter().any(|o| o.title == s.title && o.when == s.when);
            let new: Vec<Section> = back.into_iter().filter(is_new).collect();
            prompt.sections.extend(new);
        }
    }
}

/// Returns one section for each heading of the roles' sections, with their text if all roles have the same.
fn merge_sections(title: &str, of_roles: &[Section], roles: usize) -> Vec<Section> {
    let mut merged: Vec<Section> = Vec::new();
    for section in of_roles {
        if merged.iter().any(|other| other.when == section.when) {
            continue;
        }
        let same = of_roles.iter().filter(|o| o.when == section.when && o.text.trim() == section.text.trim());
        let text = if same.count() == roles { section.text.clone() } else { String::new() };
        merged.push(Section { text, ..section.clone() });
    }
    if merged.is_empty() { vec![blank_section(title)] } else { merged }
}

/// Returns a section without a text.
pub(super) fn blank_section(title: &str) -> Section {
    Section { title: title.to_owned(), ..Section::default() }
}
