//! Checks of actions, of the texts that an agent keeps, and of models whose turns are JSON.

use super::super::experiment::SCRIPTED;
use super::super::problem::{Severity, did_you_mean};
use super::super::template::Template;
use super::Check;

/// The smallest `max_tokens` that holds a short turn as JSON.
const SHORTEST_TURN: u32 = 60;

impl Check<'_> {
    /// Reports roles of actions that do not exist, tags that nothing replaces, and models whose turns as JSON have no
    /// bound or one that cuts every turn.
    pub(super) fn check_actions(&mut self) {
        self.check_who();
        self.check_tags_of_turns();
        if self.experiment.has_turns() {
            self.check_lengths();
        }
    }

    fn check_who(&mut self) {
        let experiment = self.experiment;
        let roles: Vec<&str> = experiment.roles.iter().map(|r| r.name.as_str()).collect();
        for (i, action) in experiment.actions.iter().enumerate() {
            for who in action.who.iter().filter(|who| !roles.contains(&who.as_str())) {
                let hint =
                    did_you_mean(who, roles.iter().copied()).unwrap_or_else(|| format!("roles: {}", roles.join(", ")));
                let message = format!("action `{}` is for `{who}`, which is no role", action.name);
                self.report_at(Severity::Error, "unknown-role", &format!("actions[{i}].who"), message, Some(hint));
            }
        }
    }

    /// Reports tags in actions and in titles of states. They are sent as written, since numbers may differ between the
    /// conditions of one action.
    fn check_tags_of_turns(&mut self) {
        let experiment = self.experiment;
        let mut texts: Vec<(String, &str)> = Vec::new();
        for (i, action) in experiment.actions.iter().enumerate() {
            let keys = [("text", &action.text), ("result", &action.result), ("says", &action.says)];
            texts.extend(keys.map(|(key, text)| (format!("actions[{i}].{key}"), text.as_str())));
        }
        let of_roles = experiment.roles.iter().map(|role| (format!("roles.{}.mind.state", role.name), &role.mind));
        let minds = std::iter::once(("mind.state".to_owned(), &experiment.mind)).chain(of_roles);
        texts.extend(minds.flat_map(|(at, mind)| mind.kept().iter().map(move |title| (at.clone(), title.as_str()))));
        let roles = self.role_tags();
        for (at, text) in texts {
            let (template, problems) = Template::parse(text, &roles);
            let tags = template.tags().map(|(_, span)| span).chain(problems.into_iter().map(|p| p.span));
            // A field of the action in small letters is no tag.
            let written = tags.filter_map(|span| text.get(span)).find(|tag| tag.chars().any(char::is_uppercase));
            if let Some(tag) = written {
                let message = format!("`{at}` holds `{tag}`: tags are not replaced in actions and states");
                let hint = "write words, or say it in a section of the role's file".to_owned();
                self.report_at(Severity::Error, "unknown-tag", &at, message, Some(hint));
            }
        }
    }

    fn check_lengths(&mut self) {
        let experiment = self.experiment;
        let is_varied = experiment.factors.iter().any(|f| f.name == "max_tokens");
        for (i, model) in experiment.models.iter().enumerate() {
            if model.is_human() || model.id == SCRIPTED {
                continue;
            }
            let (at, name) = (format!("models[{i}]"), model.name());
            match model.sampling.max_tokens {
                Some(tokens) if tokens < SHORTEST_TURN => {
                    let message = format!("`{name}` has `max_tokens = {tokens}`: a turn as JSON hardly fits in it");
                    let hint = format!("write `max_tokens = 400`, at least {SHORTEST_TURN}");
                    self.report_at(Severity::Warning, "short-turns", &at, message, Some(hint));
                }
                None if !is_varied => {
                    let message = format!("`{name}` has no `max_tokens`: a turn as JSON may grow without an end");
                    let hint = "write `max_tokens = 400`, or what your longest turn needs".to_owned();
                    self.report_at(Severity::Warning, "unbounded-turns", &at, message, Some(hint));
                }
                Some(_) | None => {}
            }
        }
    }
}
