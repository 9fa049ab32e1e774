//! Checks of an experiment's conditions.

use super::super::axis;
use super::super::condition::Condition;
use super::super::effect::{bad_level, is_setting};
use super::super::experiment::{Chooser, Design, Experiment, PromptText, RunDefaults, Section, When};
use super::super::folder::{SHARED, SUMMARIZER, Sources, role_file};
use super::super::markdown;
use super::super::overrides::Overrides;
use super::super::plan::{Expansion, Plan, expand_conditions};
use super::super::problem::{Obstacle, Severity};
use super::super::template::{RoleTags, Template};
use super::factors::{known_key, unknown_level};
use super::{Check, is_set, server_of, without_comments};
use std::collections::BTreeSet;
use std::ops::Range;

/// A text that is sent to models: its file, its bytes in that file, its conditions, and the role that reads it.
pub(super) struct Text<'a> {
    pub(super) path: &'a str,
    pub(super) file: &'a str,
    pub(super) span: Range<usize>,
    pub(super) when: &'a [When],
    pub(super) reader: Option<usize>,
}

impl Check<'_> {
    /// Checks the plan and returns it if there are no obstacles.
    pub(super) fn check_plan(&mut self) -> Option<Plan> {
        if self.experiment.models.is_empty() {
            return None;
        }
        let Expansion { conditions, obstacles } = expand_conditions(self.experiment, &Overrides::default());
        self.report_obstacles(&obstacles);
        if !conditions.is_empty() {
            self.check_roles(&conditions);
            self.silent_agents(&conditions);
            self.fixed_values(&conditions);
            self.idle_sections(&conditions);
            self.double_titles(&conditions);
            self.tags_of_nobody(&conditions);
            self.idle_excludes(&conditions);
            self.swept_parameters(&conditions);
            self.check_people(&conditions);
            self.check_world_names(&conditions);
        } else if let Some(rest) = without_mistakes(self.experiment, &obstacles) {
            let Expansion { conditions, obstacles } = expand_conditions(&rest, &Overrides::default());
            let of_conditions = obstacles.into_iter().filter(|o| !["same-key", "no-condition"].contains(&o.code));
            self.report_obstacles(&of_conditions.collect::<Vec<_>>());
            self.check_roles(&conditions);
        }
        let RunDefaults { replicates, seed } = self.experiment.run;
        (obstacles.is_empty() && !conditions.is_empty()).then_some(Plan { conditions, replicates, seed })
    }

    fn report_obstacles(&mut self, obstacles: &[Obstacle]) {
        // Factors without levels, and files that are no persons, have already been reported where they are.
        let has_bad_files = self.has_bad_files();
        let is_reported = |o: &Obstacle| o.code == "no-levels" || o.code == "bad-person" && has_bad_files;
        for Obstacle { code, at, message, hint, .. } in obstacles.iter().filter(|o| !is_reported(o)) {
            self.report_at(Severity::Error, code, at, message.clone(), hint.clone());
        }
    }

    fn check_roles(&mut self, conditions: &[Condition]) {
        for (i, role) in self.experiment.roles.iter().enumerate() {
            if !conditions.is_empty() && conditions.iter().all(|c| c.agents[i] == 0) {
                let message = format!("no agent plays the role `{}` in any condition", role.name);
                let hint = "give it an agent, or remove it from `agents` with its file".to_owned();
                let at = format!("protocol.agents.{}", role.name);
                self.report_at(Severity::Error, "unused-role", &at, message, Some(hint));
            }
        }
    }

    /// Reports conditions with fewer turns than agents. Where a person chooses, the person decides.
    fn silent_agents(&mut self, conditions: &[Condition]) {
        if self.experiment.world.is_some() {
            return;
        }
        let turns = |c: &Condition| c.protocol.messages.saturating_sub(c.protocol.days);
        let agents = |c: &Condition| c.agents.iter().sum::<u32>();
        // A day without two messages is an error, reported elsewhere.
        let counts = |c: &&Condition| {
            c.protocol.speakers.chooser() != Chooser::Person && c.protocol.messages >= c.protocol.days.saturating_mul(2)
        };
        let Some(first) = conditions.iter().filter(counts).find(|c| turns(c) < agents(c)) else { return };
        let (turns, agents) = (turns(first), agents(first));
        let message = format!("agents without a turn: {} of {agents} in {}", agents - turns, first.name());
        let least = agents + first.protocol.days;
        let hint = format!("`messages` counts each day's opening: {least} give each agent one turn");
        let is_factor = self.experiment.factors.iter().any(|f| f.name == "messages");
        let at = if is_factor { "factors.messages" } else { "protocol.messages" };
        self.report_at(Severity::Warning, "silent-agents", at, message, Some(hint));
    }

    /// Reports levels of keys that no factor varies and that have another value.
    fn fixed_values(&mut self, conditions: &[Condition]) {
        let sources = self.sources;
        for (path, (text, parsed)) in &sources.prompts {
            for (section, spans) in parsed.text.sections.iter().zip(&parsed.sections) {
                for (when, span) in section.when.iter().zip(&spans.when) {
                    for (word, at) in when.any.iter().zip(&span.values) {
                        if let Some((message, hint)) = other_value(self.experiment, conditions, &when.factor, word) {
                            let place = (path.as_str(), text.as_str(), at.clone());
                            self.problems.at(Severity::Error, "unknown-level", place, message, hint);
                        }
                    }
                }
            }
        }
        for (i, expression) in self.experiment.design.exclude.iter().enumerate() {
            for (when, word) in expression.all.iter().flat_map(|when| when.any.iter().map(move |word| (when, word))) {
                if let Some((message, hint)) = other_value(self.experiment, conditions, &when.factor, word) {
                    let at = format!("design.exclude[{i}]");
                    self.report_at(Severity::Error, "unknown-level", &at, message, Some(hint));
                }
            }
        }
    }

    fn idle_excludes(&mut self, conditions: &[Condition]) {
        if self.experiment.design.exclude.is_empty() {
            return;
        }
        let bare = Design { exclude: Vec::new(), ..self.experiment.design.clone() };
        let everything = Experiment { design: bare, ..self.experiment.clone() };
        let axes = axis::expand_axes(&everything, &Overrides::default()).unwrap_or_default();
        let combinations: Vec<_> = axis::combine_rows(&axes).collect();
        for (i, expression) in self.experiment.design.exclude.iter().enumerate() {
            let takes = combinations.iter().any(|levels| {
                expression
                    .all
                    .iter()
                    .all(|w| levels.get(&w.factor).is_none_or(|v| w.any.iter().any(|word| v.is_written(word))))
            });
            if !takes && all_levels_known(self.experiment, conditions, &expression.all) {
                let message = format!("`{}` excludes nothing", markdown::write_when(&expression.all));
                let hint = "correct it, or remove it".to_owned();
                self.report_at(Severity::Warning, "idle-exclude", &format!("design.exclude[{i}]"), message, Some(hint));
            }
        }
    }

    fn idle_sections(&mut self, conditions: &[Condition]) {
        let sources = self.sources;
        for (path, (text, parsed)) in &sources.prompts {
            for (section, span) in parsed.text.sections.iter().zip(&parsed.sections) {
                if all_levels_known(self.experiment, conditions, &section.when)
                    && !conditions.iter().any(|c| c.satisfies(self.experiment, &section.when))
                {
                    let place = (path.as_str(), text.as_str(), span.heading.clone());
                    let message = format!("section `{}` applies in no condition", section.title);
                    let hint = "correct the levels in its braces, or remove it".to_owned();
                    self.problems.at(Severity::Warning, "idle-section", place, message, hint);
                }
            }
        }
    }

    fn double_titles(&mut self, conditions: &[Condition]) {
        let experiment = self.experiment;
        for (i, role) in experiment.roles.iter().enumerate() {
            let plays: Vec<&Condition> = conditions.iter().filter(|c| c.agents[i] > 0).collect();
            let own = role_file(&role.name);
            self.double_titles_among(&plays, &[(SHARED, &experiment.shared), (&own, &role.prompt)]);
        }
        if let Some(summarizer) = &experiment.summarizer {
            let plays: Vec<&Condition> = conditions.iter().filter(|c| c.summarizer.is_some()).collect();
            self.double_titles_among(&plays, &[(SUMMARIZER, summarizer)]);
        }
    }

    fn double_titles_among(&mut self, conditions: &[&Condition], files: &[(&str, &PromptText)]) {
        let sources = self.sources;
        let places: Vec<(&str, usize, &Section)> = files
            .iter()
            .flat_map(|(path, text)| text.sections.iter().enumerate().map(|(i, section)| (*path, i, section)))
            .collect();
        for (n, (path, i, section)) in places.iter().enumerate() {
            let first_met = |earlier: &&Section| {
                let both = |c: &&&Condition| {
                    c.satisfies(self.experiment, &section.when) && c.satisfies(self.experiment, &earlier.when)
                };
                conditions.iter().find(both)
            };
            let same = places[..n].iter().map(|(_, _, earlier)| *earlier).filter(|e| e.title == section.title);
            let found = same.into_iter().find_map(|earlier| first_met(&earlier));
            if let (Some(condition), Some((text, parsed))) = (found, sources.prompts.get(*path)) {
                let place = (*path, text.as_str(), parsed.sections[*i].heading.clone());
                let message = format!("two sections titled `{}` meet in one condition", section.title);
                let hint = format!("first met in {}; both are sent", condition.name());
                self.problems.at(Severity::Warning, "double-title", place, message, hint);
            }
        }
    }

    /// Reports a role's tags in texts that are sent in a condition without agents of that role. Each role is reported
    /// once for each file.
    fn tags_of_nobody(&mut self, conditions: &[Condition]) {
        let conditions: Vec<&Condition> = conditions.iter().filter(|c| c.agents.contains(&0)).collect();
        if conditions.is_empty() {
            return;
        }
        let tags = self.role_tags();
        self.starting_messages_of_nobody(&conditions, &tags);
        let mut told: BTreeSet<(&str, usize)> = BTreeSet::new();
        for text in all_texts(self.sources, self.experiment) {
            let (template, _) = Template::parse(&without_comments(&text.file[text.span.clone()]), &tags);
            for (tag, at) in template.tags() {
                let Some(role) = tag.role().filter(|role| !told.contains(&(text.path, *role))) else { continue };
                let is_sent = |c: &&&Condition| {
                    c.agents[role] == 0
                        && text.reader.is_none_or(|reader| c.agents[reader] > 0)
                        && c.satisfies(self.experiment, text.when)
                };
                if let Some(condition) = conditions.iter().find(is_sent) {
                    told.insert((text.path, role));
                    let span = text.span.start + at.start..text.span.start + at.end;
                    let (message, hint) = absent_role(self.experiment, role, condition);
                    let place = (text.path, text.file, span);
                    self.problems.at(Severity::Warning, "absent-role", place, message, hint);
                }
            }
        }
    }

    fn starting_messages_of_nobody(&mut self, conditions: &[&Condition], tags: &RoleTags) {
        let is_factor = self.experiment.factors.iter().any(|f| f.name == "starting_message");
        let place = if is_factor { "factors.starting_message" } else { "starting_message" };
        let mut told: BTreeSet<usize> = BTreeSet::new();
        for condition in conditions {
            let (template, _) = Template::parse(&condition.starting_message, tags);
            let roles = template.tags().filter_map(|(tag, _)| tag.role()).filter(|role| condition.agents[*role] == 0);
            for role in roles.filter(|role| told.insert(*role)).collect::<Vec<_>>() {
                let (message, _) = absent_role(self.experiment, role, condition);
                let hint = "leave the role out of the starting message".to_owned();
                self.report_at(Severity::Warning, "absent-role", place, message, Some(hint));
            }
        }
    }

    fn swept_parameters(&mut self, conditions: &[Condition]) {
        if self.servers.iter().all(|s| s.lacks.is_empty()) {
            return;
        }
        let swept: Vec<&str> = self.experiment.factors.iter().map(|f| f.name.as_str()).collect();
        for condition in conditions {
            for model in condition.participants() {
                let lacks = self.servers.iter().find(|s| s.name == server_of(&model.id)).map_or(&[][..], |s| s.lacks);
                for parameter in lacks.iter().filter(|p| swept.contains(*p) && is_set(model, p)) {
                    self.report_lacking(&format!("factors.{parameter}"), model, parameter);
                }
            }
        }
    }
}

fn absent_role(experiment: &Experiment, role: usize, condition: &Condition) -> (String, String) {
    let name = &experiment.roles[role].name;
    let message = format!("the text speaks of the role `{name}`, which has no agent in {}", condition.name());
    (message, format!("let the section depend on the number: `## Title {{agents.{name}=1}}`"))
}

/// Returns true if the conditions name only known factors and levels. Unknown names have already been reported.
fn all_levels_known(experiment: &Experiment, conditions: &[Condition], all: &[When]) -> bool {
    all.iter().all(|when| {
        known_key(experiment, when).is_ok()
            && when.any.iter().all(|word| {
                unknown_level(experiment, &when.factor, word).is_none()
                    && other_value(experiment, conditions, &when.factor, word).is_none()
            })
    })
}

/// Returns the mistake if a key that is no factor has another value than this in every condition.
fn other_value(experiment: &Experiment, conditions: &[Condition], name: &str, word: &str) -> Option<(String, String)> {
    if name == "model" || experiment.factors.iter().any(|factor| factor.name == name) {
        return None;
    }
    let values: BTreeSet<String> =
        conditions.iter().filter_map(|c| c.value(experiment, name)).map(|value| value.to_string()).collect();
    let is_it = conditions.iter().any(|c| c.value(experiment, name).is_some_and(|value| value.is_written(word)));
    if is_it || values.is_empty() {
        return None;
    }
    let values = values.into_iter().collect::<Vec<_>>().join(", ");
    let hint = format!("{name} is {values}, and no factor varies it: correct it, or declare it under [factors]");
    Some((format!("`{word}` is no level of `{name}`"), hint))
}

/// Returns the texts of all prompt files: starting prompts, titles and sections.
pub(super) fn all_texts<'a>(sources: &'a Sources, experiment: &Experiment) -> Vec<Text<'a>> {
    let mut texts = Vec::new();
    for (path, (file, parsed)) in &sources.prompts {
        let reader = experiment.roles.iter().position(|r| role_file(&r.name) == *path);
        let start = parsed.sections.first().map_or(file.len(), |s| s.heading.start);
        texts.push(Text { path, file, span: parsed.start_offset..start, when: &[], reader });
        for (i, (section, span)) in parsed.text.sections.iter().zip(&parsed.sections).enumerate() {
            let end = parsed.sections.get(i + 1).map_or(file.len(), |next| next.heading.start);
            let when = &section.when[..];
            texts.push(Text { path, file, span: span.title.clone(), when, reader });
            texts.push(Text { path, file, span: span.text.min(end)..end, when, reader });
        }
    }
    texts
}

/// Returns the experiment without its design and its faulty factors and levels, so that other mistakes can be found.
/// Returns `None` if factors and design have no mistakes.
fn without_mistakes(experiment: &Experiment, obstacles: &[Obstacle]) -> Option<Experiment> {
    let mut rest = experiment.clone();
    if !obstacles.iter().any(|o| o.at.starts_with("factors.") || o.at.starts_with("design.")) {
        return None;
    }
    rest.design = Design::default();
    let roles = &experiment.roles;
    rest.factors.retain(|f| is_setting(&f.name, roles) || (!f.name.contains('.') && f.name != "agents"));
    for factor in &mut rest.factors {
        let mut seen = BTreeSet::new();
        let first = factor.levels.first().cloned();
        factor.was = None;
        factor.levels.retain(|level| {
            first.as_ref().is_some_and(|f| f.kind() == level.kind())
                && !(is_setting(&factor.name, roles) && bad_level(&factor.name, level).is_some())
                && seen.insert(level.to_string())
        });
    }
    rest.factors.retain(|f| !f.levels.is_empty());
    Some(rest)
}
