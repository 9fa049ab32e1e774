//! Everything that can be said against an experiment, at once.

use super::experiment::*;
use super::folder::{self, Files, SHARED, SUMMARIZER, Sources, role_file};
use super::markdown;
use super::plan::{Condition, Obstacle, Overrides, Plan};
use super::problem::{Problem, Problems, Severity, did_you_mean};
use super::protocol::{near_settable, sets};
use super::template::{RoleTags, Tag, TagProblemKind, Template};
use super::value::Value;
use super::{compose, problem};
use std::collections::BTreeSet;
use std::ops::Range;

/// A server that the person has, as far as an experiment must know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownServer {
    /// Its name.
    pub name: String,
    /// Parameters that its protocol lacks.
    pub lacks: &'static [&'static str],
    /// Why it cannot be used at all, if so.
    pub refused: Option<String>,
}

/// An experiment and everything said against it.
#[derive(Debug)]
pub struct Checked {
    /// The experiment; none where a file leaves none.
    pub experiment: Option<Experiment>,
    /// Its whole plan; none where there are errors.
    pub plan: Option<Plan>,
    /// Everything said against it, errors first.
    pub problems: Vec<Problem>,
    /// Words that nobody wrote down.
    pub guessed: Vec<folder::Guess>,
}

impl Checked {
    /// Whether it cannot be run.
    pub fn has_errors(&self) -> bool {
        self.problems.iter().any(|p| p.severity == Severity::Error)
    }
}

/// Reads an experiment from its files and checks it.
pub fn check(files: &Files, servers: &[KnownServer]) -> Checked {
    let mut problems = Problems::default();
    let (experiment, sources) = folder::read(files, &mut problems);
    let mut plan = None;
    if let Some(experiment) = &experiment {
        let mut check = Check { experiment, sources: &sources, problems: &mut problems, servers };
        check.alone();
        plan = check.planned();
    }
    let plan = plan.filter(|_| !problems.has_errors());
    Checked { experiment, plan, problems: problems.sorted(), guessed: sources.guessed }
}

struct Check<'a> {
    experiment: &'a Experiment,
    sources: &'a Sources,
    problems: &'a mut Problems,
    servers: &'a [KnownServer],
}

impl Check<'_> {
    /// What can be said without the plan.
    fn alone(&mut self) {
        self.tag_clashes();
        self.tags();
        self.guesses();
        self.models();
        self.ordered_sections();
        self.idle_was();
    }

    fn report(&mut self, severity: Severity, code: &'static str, at: &str, message: String, hint: Option<String>) {
        self.sources.report(self.problems, severity, code, at, message, hint);
    }

    fn role_tags(&self) -> RoleTags {
        let names: Vec<&str> = self.experiment.roles.iter().map(|r| r.name.as_str()).collect();
        RoleTags::new(&names)
    }

    fn tag_clashes(&mut self) {
        let names: Vec<&str> = self.experiment.roles.iter().map(|r| r.name.as_str()).collect();
        for (role, message) in RoleTags::clashes(&names) {
            let at = format!("protocol.agents.{}", names[role]);
            self.report(Severity::Error, "tag-clash", &at, message, Some("rename the role".to_owned()));
        }
    }

    fn tags(&mut self) {
        let roles = self.role_tags();
        let sources = self.sources;
        for (path, (text, parsed)) in &sources.prompts {
            let mut from = parsed.start_offset;
            for section in &parsed.sections {
                self.tags_of(path, text, from..section.heading.start, &roles);
                self.tags_of(path, text, section.title.clone(), &roles);
                from = section.text;
            }
            self.tags_of(path, text, from.min(text.len())..text.len(), &roles);
        }
        let mut messages = vec![("starting_message".to_owned(), self.experiment.starting_message.clone())];
        for factor in self.experiment.factors.iter().filter(|f| f.name == "starting_message") {
            let levels = factor.levels.iter().enumerate();
            messages.extend(levels.map(|(i, l)| (format!("factors.starting_message[{i}]"), l.to_string())));
        }
        for (at, text) in messages {
            let (template, problems) = Template::parse(&text, &roles);
            for problem in problems {
                let (severity, message, hint) = tag_problem(&problem.tag, &problem.kind);
                self.report(severity, "unknown-tag", &at, message, hint);
            }
            if template.tags().any(|(tag, _)| *tag == Tag::AgentName) {
                let (message, hint) = no_reader("the starting message");
                self.report(Severity::Error, "agent-name", &at, message, Some(hint));
            }
        }
    }

    fn tags_of(&mut self, path: &str, file: &str, span: Range<usize>, roles: &RoleTags) {
        let text = without_comments(&file[span.clone()]);
        let (template, problems) = Template::parse(&text, roles);
        let place = |r: Range<usize>| (path, file, span.start + r.start..span.start + r.end);
        for problem in problems {
            let (severity, message, hint) = tag_problem(&problem.tag, &problem.kind);
            self.problems.at(severity, "unknown-tag", place(problem.span), message, hint);
        }
        for (_, at) in template.tags().filter(|(tag, _)| **tag == Tag::AgentName && path == SUMMARIZER) {
            let (message, hint) = no_reader("`summarizer.md`");
            self.problems.at(Severity::Error, "agent-name", place(at), message, hint);
        }
    }

    fn guesses(&mut self) {
        for guess in &self.sources.guessed {
            let words: Vec<String> = [
                guess.plural.as_ref().map(|w| format!("plural = \"{w}\"")),
                guess.pronouns.as_ref().map(|w| format!("pronouns = \"{w}\"")),
            ]
            .into_iter()
            .flatten()
            .collect();
            let message = format!("role `{}`: guessed {}", guess.role, words.join(" and "));
            let hint = format!("write them under [roles.{}]; `convoke check --fix` does", guess.role);
            let at = format!("protocol.agents.{}", guess.role);
            self.sources.report(self.problems, Severity::Warning, "guessed", &at, message, Some(hint));
        }
    }

    fn models(&mut self) {
        for (i, model) in self.experiment.models.iter().enumerate() {
            let at = format!("models[{i}]");
            let server = server_of(&model.id);
            let Some(known) = self.servers.iter().find(|s| s.name == server) else {
                let names = self.servers.iter().map(|s| s.name.as_str());
                let hint = did_you_mean(server, names.clone()).unwrap_or_else(|| {
                    let names: Vec<&str> = names.collect();
                    format!("known: {}; declare others under [servers.NAME] in your own config.toml", names.join(", "))
                });
                let message = format!("`{}`: there is no server `{server}`", model.id);
                self.report(Severity::Error, "unknown-server", &at, message, Some(hint));
                continue;
            };
            if let Some(why) = &known.refused {
                self.report(Severity::Error, "server", &at, format!("server `{server}`: {why}"), None);
            }
            for parameter in known.lacks.iter().filter(|p| is_set(model, p)) {
                self.lacking(&format!("{at}.{parameter}"), model, parameter);
            }
        }
    }

    fn lacking(&mut self, at: &str, model: &ModelSpec, parameter: &str) {
        let message = format!("`{}`: its protocol has no `{parameter}`, so it could not be sent", model.id);
        self.report(Severity::Error, "lacking-parameter", at, message, Some("leave it out".to_owned()));
    }

    fn ordered_sections(&mut self) {
        let titles: BTreeSet<String> = self.files().flat_map(|(_, t)| &t.sections).map(|s| s.title.clone()).collect();
        for (i, title) in self.experiment.sections.iter().enumerate().filter(|(_, t)| !titles.contains(*t)) {
            let hint = did_you_mean(title, titles.iter().map(String::as_str));
            let message = format!("`sections` names `{title}`, and no file has such a section");
            self.report(Severity::Warning, "unknown-section", &format!("sections[{i}]"), message, hint);
        }
    }

    fn idle_was(&mut self) {
        let roles = &self.experiment.roles;
        for factor in self.experiment.factors.iter().filter(|f| f.was.is_some() && sets(&f.name, roles)) {
            let message =
                format!("`was` of `{}` has no effect: what a factor sets counts by what it sets", factor.name);
            self.report(Severity::Warning, "idle-was", &format!("factors.{}", factor.name), message, None);
        }
    }

    /// The experiment's files with their texts, and whether agents of one role read them.
    fn files(&self) -> impl Iterator<Item = (String, &PromptText)> {
        let roles = self.experiment.roles.iter().map(|r| (role_file(&r.name), &r.prompt));
        let helper = self.experiment.summarizer.iter().map(|t| (SUMMARIZER.to_owned(), t));
        std::iter::once((SHARED.to_owned(), &self.experiment.shared)).chain(roles).chain(helper)
    }

    /// What can be said of the plan.
    fn planned(&mut self) -> Option<Plan> {
        match Plan::new(self.experiment, &Overrides::default()) {
            Err(obstacles) => {
                for Obstacle { code, at, message, hint, .. } in obstacles {
                    self.report(Severity::Error, code, &at, message, hint);
                }
                None
            }
            Ok(plan) => {
                self.headings(&plan);
                self.excludes(&plan);
                self.idle_labels();
                self.idle_roles(&plan);
                self.idle_sections(&plan);
                self.double_titles(&plan);
                self.tags_of_nobody(&plan);
                self.swept_parameters(&plan);
                Some(plan)
            }
        }
    }

    fn headings(&mut self, plan: &Plan) {
        let sources = self.sources;
        for (path, (text, parsed)) in &sources.prompts {
            for (section, spans) in parsed.text.sections.iter().zip(&parsed.sections) {
                for (when, span) in section.when.iter().zip(&spans.when) {
                    if let Err((message, hint)) = known_key(self.experiment, plan, when) {
                        let place = (path.as_str(), text.as_str(), span.key.clone());
                        self.problems.at(Severity::Error, "unknown-factor", place, message, hint);
                        continue;
                    }
                    for (word, at) in when.any.iter().zip(&span.values) {
                        if let Some((message, hint)) = unknown_level(self.experiment, &when.factor, word) {
                            let place = (path.as_str(), text.as_str(), at.clone());
                            self.problems.at(Severity::Warning, "unknown-level", place, message, hint);
                        }
                    }
                }
            }
        }
    }

    fn excludes(&mut self, plan: &Plan) {
        let everything = Experiment {
            design: Design { exclude: Vec::new(), ..self.experiment.design.clone() },
            ..self.experiment.clone()
        };
        for (i, expression) in self.experiment.design.exclude.iter().enumerate() {
            let at = format!("design.exclude[{i}]");
            let mut known = true;
            for when in &expression.all {
                if let Err((message, hint)) = known_key(self.experiment, plan, when) {
                    self.report(Severity::Error, "unknown-factor", &at, message, hint);
                    known = false;
                }
            }
            let whole = super::axis::axes(&everything, &Overrides::default()).unwrap_or_default();
            let takes = super::axis::combinations(&whole).any(|levels| {
                expression
                    .all
                    .iter()
                    .all(|w| levels.get(&w.factor).is_none_or(|v| w.any.iter().any(|word| v.is_written(word))))
            });
            if known && !takes {
                let written = markdown::write_when(&expression.all);
                self.report(Severity::Warning, "idle-exclude", &at, format!("`{written}` excludes nothing"), None);
            }
        }
    }

    fn idle_labels(&mut self) {
        let read: BTreeSet<String> =
            self.files().flat_map(|(_, t)| &t.sections).flat_map(|s| &s.when).map(|w| w.factor.clone()).collect();
        let roles = &self.experiment.roles;
        let labels: Vec<&Factor> =
            self.experiment.factors.iter().filter(|f| !sets(&f.name, roles) && !read.contains(&f.name)).collect();
        for label in labels {
            let hint = near_settable(&label.name, roles)
                .unwrap_or_else(|| format!("let a heading read it: `## Title {{{}=…}}`", label.name));
            let message = format!("no heading reads the factor `{}`; its levels are cells all the same", label.name);
            self.report(Severity::Warning, "idle-factor", &format!("factors.{}", label.name), message, Some(hint));
        }
    }

    fn idle_roles(&mut self, plan: &Plan) {
        for (i, role) in self.experiment.roles.iter().enumerate() {
            if plan.conditions.iter().all(|c| c.agents[i] == 0) {
                let message = format!("no agent plays the role `{}` in any condition", role.name);
                let hint = "give it an agent, or remove it from `agents` with its file".to_owned();
                self.report(
                    Severity::Error,
                    "unused-role",
                    &format!("protocol.agents.{}", role.name),
                    message,
                    Some(hint),
                );
            }
        }
    }

    fn idle_sections(&mut self, plan: &Plan) {
        let sources = self.sources;
        for (path, (text, parsed)) in &sources.prompts {
            for (section, span) in parsed.text.sections.iter().zip(&parsed.sections) {
                let known = section.when.iter().all(|w| known_key(self.experiment, plan, w).is_ok());
                if known && !plan.conditions.iter().any(|c| c.meets(self.experiment, &section.when)) {
                    let place = (path.as_str(), text.as_str(), span.heading.clone());
                    let message = format!("section `{}` applies in no condition", section.title);
                    self.problems.at(Severity::Warning, "idle-section", place, message, None);
                }
            }
        }
    }

    fn double_titles(&mut self, plan: &Plan) {
        for condition in &plan.conditions {
            for (_, role) in self.experiment.roles.iter().enumerate().filter(|(i, _)| condition.agents[*i] > 0) {
                let files = [(SHARED.to_owned(), &self.experiment.shared), (role_file(&role.name), &role.prompt)];
                self.double_titles_among(condition, &files);
            }
        }
    }

    fn double_titles_among(&mut self, condition: &Condition, files: &[(String, &PromptText)]) {
        let sources = self.sources;
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        for (path, text) in files {
            for (i, section) in text.sections.iter().enumerate() {
                if !condition.meets(self.experiment, &section.when) || seen.insert(&section.title) {
                    continue;
                }
                if let Some((text, parsed)) = sources.prompts.get(path) {
                    let place = (path.as_str(), text.as_str(), parsed.sections[i].heading.clone());
                    let message = format!("two sections titled `{}` meet in one condition", section.title);
                    let hint = format!("first met in {}; both are sent", condition.name());
                    self.problems.at(Severity::Warning, "double-title", place, message, hint);
                }
            }
        }
    }

    fn tags_of_nobody(&mut self, plan: &Plan) {
        let roles = self.role_tags();
        let mut told: BTreeSet<usize> = BTreeSet::new();
        for condition in plan.conditions.iter().filter(|c| c.agents.contains(&0)) {
            let prompts = (0..self.experiment.roles.len())
                .filter(|i| condition.agents[*i] > 0)
                .map(|i| compose::agent(self.experiment, condition, i));
            let texts: Vec<String> = prompts.chain([condition.starting_message.clone()]).collect();
            for text in texts {
                let (template, _) = Template::parse(&text, &roles);
                let nobody: Vec<usize> = template
                    .tags()
                    .filter(|(tag, _)| !matches!(tag, Tag::Num(_)))
                    .filter_map(|(tag, _)| tag.role())
                    .filter(|r| condition.agents[*r] == 0)
                    .collect();
                for role in nobody {
                    if told.insert(role) {
                        let name = &self.experiment.roles[role].name;
                        let message =
                            format!("a text speaks of the role `{name}`, which has no agent in {}", condition.name());
                        let hint = format!("let the section depend on the number: `## Title {{agents.{name}=1}}`");
                        self.report(
                            Severity::Warning,
                            "absent-role",
                            &format!("protocol.agents.{name}"),
                            message,
                            Some(hint),
                        );
                    }
                }
            }
        }
    }

    /// Parameters that a factor sets for a model whose protocol lacks them.
    fn swept_parameters(&mut self, plan: &Plan) {
        let factors: Vec<&Factor> = self.experiment.factors.iter().collect();
        for condition in &plan.conditions {
            for model in condition.participants() {
                let lacks = self.servers.iter().find(|s| s.name == server_of(&model.id)).map_or(&[][..], |s| s.lacks);
                for parameter in lacks.iter().filter(|p| is_set(model, p) && factors.iter().any(|f| f.name == **p)) {
                    self.lacking(&format!("factors.{parameter}"), model, parameter);
                }
            }
        }
    }
}

/// The server in `SERVER/NAME`.
pub fn server_of(id: &str) -> &str {
    id.split_once('/').map_or(id, |(server, _)| server)
}

/// Whether a parameter of that name is set.
pub fn is_set(model: &ModelSpec, parameter: &str) -> bool {
    let sampling = &model.sampling;
    match parameter {
        "temperature" => sampling.temperature.is_some(),
        "top_p" => sampling.top_p.is_some(),
        "top_k" => sampling.top_k.is_some(),
        "max_tokens" => sampling.max_tokens.is_some(),
        "stop" => !sampling.stop.is_empty(),
        "num_ctx" => sampling.num_ctx.is_some(),
        "seed" => sampling.seed.is_some(),
        "keep_alive" => model.keep_alive.is_some(),
        _ => false,
    }
}

type Said = (String, Option<String>);

fn known_key(experiment: &Experiment, plan: &Plan, when: &When) -> Result<(), Said> {
    let name = &when.factor;
    if plan.conditions.first().is_some_and(|c| c.value(experiment, name).is_some()) {
        return Ok(());
    }
    let factors = experiment.factors.iter().map(|f| f.name.as_str());
    let hint = did_you_mean(name, factors).or_else(|| near_settable(name, &experiment.roles));
    Err((format!("there is no factor `{name}`"), hint))
}

fn unknown_level(experiment: &Experiment, name: &str, word: &str) -> Option<Said> {
    let factor = experiment.factors.iter().find(|f| f.name == name);
    let levels: Vec<Value> = match factor {
        Some(factor) => factor.levels.clone(),
        None if name == "model" => experiment.models.iter().map(|m| Value::Text(m.name().to_owned())).collect(),
        None => return None,
    };
    if levels.iter().any(|l| l.is_written(word)) {
        return None;
    }
    let texts: Vec<String> = levels.iter().map(ToString::to_string).collect();
    let hint = problem::did_you_mean(word, texts.iter().map(String::as_str))
        .unwrap_or_else(|| format!("its levels: {}", texts.join(", ")));
    Some((format!("`{word}` is no level of `{name}`"), Some(hint)))
}

fn no_reader(what: &str) -> (String, String) {
    (
        format!("{what} has no reader with a name: `<AGENT_NAME>` works in agents' prompts only"),
        "leave it out, or write `\\<AGENT_NAME>` for the text itself".to_owned(),
    )
}

fn tag_problem(tag: &str, kind: &TagProblemKind) -> (Severity, String, Option<String>) {
    match kind {
        TagProblemKind::Unknown { nearest } => {
            let hint = nearest.as_ref().map(|n| format!("did you mean `<{n}>`?"));
            let hint = hint.unwrap_or_else(|| format!("write `\\<{tag}>` if it is text"));
            (Severity::Error, format!("unknown tag `<{tag}>`"), Some(hint))
        }
        TagProblemKind::NotAVerb => {
            let hint = "write the base form of one verb, as in `<GUARD_VERB_make>`".to_owned();
            (Severity::Error, format!("`<{tag}>` holds no verb"), Some(hint))
        }
        TagProblemKind::LooksLike { tag: meant } => {
            let hint = format!("write `<{meant}>`, or `\\<{tag}>` to have it as text without this warning");
            (Severity::Warning, format!("`<{tag}>` is sent as it stands: tags are written in capitals"), Some(hint))
        }
    }
}

/// The text with comments blanked out, so that places stay.
fn without_comments(text: &str) -> String {
    let mut blanked = text.to_owned();
    for comment in markdown::comments(text) {
        let blank = " ".repeat(comment.len());
        blanked.replace_range(comment, &blank);
    }
    blanked
}
