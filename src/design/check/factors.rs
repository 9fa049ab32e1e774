//! Cross-checks of headings, `exclude` and labels that need no plan.

use super::super::effect::{Effect, is_setting, near_settable, place_of};
use super::super::experiment::{Experiment, Factor, Role, When};
use super::super::problem::{Severity, did_you_mean};
use super::super::value::Value;
use super::Check;
use std::collections::BTreeSet;

impl Check<'_> {
    /// Checks that headings and `exclude` read only known factors and levels, and that a heading reads each label.
    pub(super) fn factors_read(&mut self) {
        self.check_headings();
        self.exclude_keys();
        self.idle_labels();
    }

    fn check_headings(&mut self) {
        let sources = self.sources;
        for (path, (text, parsed)) in &sources.prompts {
            for (section, spans) in parsed.text.sections.iter().zip(&parsed.sections) {
                for (when, span) in section.when.iter().zip(&spans.when) {
                    if let Err((message, hint)) = known_key(self.experiment, when) {
                        let place = (path.as_str(), text.as_str(), span.key.clone());
                        self.problems.at(Severity::Error, "unknown-factor", place, message, hint);
                        continue;
                    }
                    for (word, at) in when.any.iter().zip(&span.values) {
                        if let Some((message, hint)) = unknown_level(self.experiment, &when.factor, word) {
                            let place = (path.as_str(), text.as_str(), at.clone());
                            self.problems.at(Severity::Error, "unknown-level", place, message, hint);
                        }
                    }
                }
            }
        }
    }

    fn exclude_keys(&mut self) {
        for (i, expression) in self.experiment.design.exclude.iter().enumerate() {
            let at = format!("design.exclude[{i}]");
            for when in &expression.all {
                if let Err((message, hint)) = known_key(self.experiment, when) {
                    self.report_at(Severity::Error, "unknown-factor", &at, message, hint);
                    continue;
                }
                for (message, hint) in when.any.iter().filter_map(|w| unknown_level(self.experiment, &when.factor, w)) {
                    self.report_at(Severity::Error, "unknown-level", &at, message, hint);
                }
            }
        }
    }

    fn idle_labels(&mut self) {
        let read: BTreeSet<&str> = self
            .prompt_files()
            .flat_map(|(_, t)| &t.sections)
            .flat_map(|s| &s.when)
            .map(|w| w.factor.as_str())
            .collect();
        let roles = &self.experiment.roles;
        // A name with a dot that sets nothing is reported elsewhere, as an error.
        let is_label = |f: &&Factor| {
            !is_setting(&f.name, roles) && !f.name.contains('.') && f.name != "agents" && !f.levels.is_empty()
        };
        let idle: Vec<&Factor> =
            self.experiment.factors.iter().filter(is_label).filter(|f| !read.contains(f.name.as_str())).collect();
        for label in idle {
            let hint = near_settable(&label.name, roles)
                .unwrap_or_else(|| format!("let a heading read it: `## Title {{{}=…}}`", label.name));
            let message = format!("no heading reads the factor `{}`; its levels are cells all the same", label.name);
            self.report_at(Severity::Warning, "idle-factor", &format!("factors.{}", label.name), message, Some(hint));
        }
    }
}

/// A message and its remedy.
type Said = (String, Option<String>);

/// Checks that a heading or an expression may read a name. The name must be a factor, or a key that every condition
/// has.
pub(super) fn known_key(experiment: &Experiment, when: &When) -> Result<(), Said> {
    let name = &when.factor;
    let roles = &experiment.roles;
    if experiment.factors.iter().any(|f| f.name == *name) || has_value(name, roles) {
        return Ok(());
    }
    let factors: Vec<&str> = experiment.factors.iter().map(|f| f.name.as_str()).collect();
    let near = || near_settable(name, roles).filter(|_| !is_setting(name, roles));
    let hint = did_you_mean(name, factors.iter().copied()).or_else(near).or_else(|| {
        let known = if factors.is_empty() { "there are none".to_owned() } else { factors.join(", ") };
        Some(format!("declare it under [factors]; declared: {known}"))
    });
    Err((format!("there is no factor `{name}`"), hint))
}

fn has_value(name: &str, roles: &[Role]) -> bool {
    match Effect::of(name) {
        Some(Effect::Model) => true,
        Some(Effect::Protocol(key)) => key.factor,
        Some(Effect::World(key)) => key.factor,
        Some(Effect::Agents(role) | Effect::RoleModel(role) | Effect::RolePeople(role, _)) => {
            place_of(role, roles).is_some()
        }
        Some(
            Effect::StartingMessage | Effect::Style | Effect::Parameter(_) | Effect::Mind(_) | Effect::RoleMind(..),
        )
        | None => false,
    }
}

pub(super) fn unknown_level(experiment: &Experiment, name: &str, word: &str) -> Option<Said> {
    let factor = experiment.factors.iter().find(|f| f.name == name);
    let levels: Vec<Value> = match factor {
        Some(factor) => factor.levels.clone(),
        None if name == "model" => experiment.models.iter().map(|m| Value::Text(m.name().to_owned())).collect(),
        None => return None,
    };
    if levels.is_empty() || levels.iter().any(|l| l.is_written(word)) {
        return None;
    }
    let texts: Vec<String> = levels.iter().map(ToString::to_string).collect();
    let hint = did_you_mean(word, texts.iter().map(String::as_str))
        .unwrap_or_else(|| format!("its levels: {}", texts.join(", ")));
    Some((format!("`{word}` is no level of `{name}`"), Some(hint)))
}
