//! Checks of a draft, whole and text by text.

use super::state::Draft;
use super::step::{OPENING, describe_place};
use crate::design::check::{Checked, KnownServer, check};
use crate::design::edit::Changes;
use crate::design::folder::{SHARED, SUMMARIZER, role_file};
use crate::design::places::{self, find_section};
use crate::design::write::write_files;
use crate::design::{Experiment, ModelSpec, Obstacle, Problem, PromptText, Role, RoleModel, SCRIPTED, Severity};

impl Draft {
    /// Builds the experiment that the command gives, and checks it like a folder.
    pub fn check_draft(&self, servers: &[KnownServer]) -> Checked {
        self.check_with(&[], servers)
    }

    /// Checks the draft for a preview, with two days if it has a summariser, who would be idle with one.
    pub fn check_to_preview(&self, servers: &[KnownServer]) -> Checked {
        let is_idle = self.new.summarizer.is_some() && self.new.protocol.days == 1 && !self.is_factor("days");
        self.check_with(if is_idle { &[("days", "2")] } else { &[] }, servers)
    }

    fn check_with(&self, set: &[(&str, &str)], servers: &[KnownServer]) -> Checked {
        let mut changes = self.list_changes();
        changes.set.extend(set.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
        match changes.apply(&self.start()) {
            Ok(files) => check(&files, servers),
            Err(obstacles) => {
                let problems = obstacles.into_iter().map(|o| build_problem("experiment", o)).collect();
                Checked { experiment: None, plan: None, problems, guessed: Vec::new() }
            }
        }
    }

    /// Returns the mistakes of this draft that an earlier one does not have. An experiment that is not complete yet has
    /// none.
    pub fn find_new_errors(&self, before: &Self, servers: &[KnownServer]) -> Vec<Problem> {
        if before.new.roles.is_empty() || before.new.models.is_empty() {
            return Vec::new();
        }
        let (was, is) = (before.check_draft(servers), self.check_draft(servers));
        let is_new = |p: &Problem| !was.problems.iter().any(|b| (b.code, &b.message) == (p.code, &p.message));
        is.problems.into_iter().filter(|p| p.severity == Severity::Error && is_new(p)).collect()
    }

    /// Checks a text by the check of an experiment with this text alone. Line numbers are those of the text.
    pub fn check_text(&self, address: &str, text: &str, servers: &[KnownServer]) -> Vec<Problem> {
        let alone = self.empty_experiment();
        if address == OPENING && text.is_empty() {
            let (message, hint) = ("a message is needed".to_owned(), "each day begins with it".to_owned());
            return vec![build_problem(&describe_place(OPENING), Obstacle::usage(message, hint))];
        }
        if address == OPENING {
            let alone = Experiment { starting_message: text.to_owned(), ..alone };
            let found = check(&write_files(&alone), servers).problems.into_iter();
            let of_text = found.filter(|p| ["unknown-tag", "agent-name"].contains(&p.code));
            // The message is part of another file, so the line of a longer one is unknown.
            let line = usize::from(text.lines().count() == 1);
            return of_text
                .map(|p| Problem { line, path: describe_place(OPENING), column: 1, excerpt: None, ..p })
                .collect();
        }
        let changes = Changes { sections: vec![(address.to_owned(), text.to_owned())], ..Changes::default() };
        let files = match changes.apply(&alone) {
            Ok(files) => files,
            Err(wrong) => return wrong.into_iter().map(|o| build_problem(&describe_place(address), o)).collect(),
        };
        let is_section = find_section(&self.new, address).is_some();
        let prompt = address.split_once('/').map_or(places::SHARED, |(name, _)| name);
        let file = match find_section(&self.new, address).map_or(prompt, |(name, _)| name) {
            places::SHARED => SHARED.to_owned(),
            places::SUMMARIZER => SUMMARIZER.to_owned(),
            role => role_file(role),
        };
        let heading = usize::from(is_section);
        let found = check(&files, servers).problems.into_iter().filter(|p| p.path == file && p.line > heading);
        found.map(|p| Problem { path: describe_place(address), line: p.line - heading, ..p }).collect()
    }

    /// Returns the experiment without any text, and with a model that needs no server.
    fn empty_experiment(&self) -> Experiment {
        let bare = |role: &Role| Role { prompt: PromptText::default(), model: RoleModel::Condition, ..role.clone() };
        Experiment {
            models: vec![ModelSpec::bare(SCRIPTED)],
            roles: self.new.roles.iter().map(bare).collect(),
            factors: self.new.factors.clone(),
            ..Experiment::empty("x")
        }
    }
}

fn build_problem(path: &str, obstacle: Obstacle) -> Problem {
    Problem {
        severity: Severity::Error,
        code: obstacle.code,
        path: path.to_owned(),
        line: 0,
        column: 0,
        message: obstacle.message,
        hint: obstacle.hint,
        excerpt: None,
    }
}
