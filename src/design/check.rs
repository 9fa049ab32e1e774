//! Checks of an experiment. All problems are reported at once.
//!
//! | file | come here to … |
//! |---|---|
//! | `factors` | check headings, `exclude` and labels against each other, without the plan |
//! | `planned` | check the conditions of the plan |
//! | `world` | check places, links and names of a world |
//! | `people` | check files of people, and the people of each condition |

use super::effect::is_setting;
use super::experiment::{Experiment, HUMAN, ModelSpec, PromptText, RoleModel, SCRIPTED, find_declared};
use super::folder::{self, Files, SHARED, SUMMARIZER, Sources, role_file};
use super::keys::{MODEL, find_key};
use super::markdown;
use super::plan::Plan;
use super::problem::{Obstacle, Problem, Problems, Severity, did_you_mean};
use super::protocol::bad_model_id;
use super::resolve::undeclared_model;
use super::template::{RoleTags, Tag, TagProblemKind, Template};
use crate::people::render::TITLE;
use std::collections::BTreeSet;
use std::ops::Range;

mod actions;
mod factors;
mod people;
mod planned;
#[cfg(test)]
mod tests;
mod world;

/// A server of the user, with the facts that a check needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownServer {
    /// Name of the server.
    pub name: String,
    /// Parameters that the server's protocol lacks.
    pub lacks: &'static [&'static str],
    /// The mistake in the person's settings for which no request can be sent.
    pub refused: Option<String>,
}

/// An experiment and its problems.
#[derive(Debug)]
pub struct Checked {
    /// The experiment; `None` if its files cannot be read.
    pub experiment: Option<Experiment>,
    /// The experiment's whole plan; `None` if there are errors.
    pub plan: Option<Plan>,
    /// The experiment's problems, errors first.
    pub problems: Vec<Problem>,
    /// Plurals and pronouns that were guessed.
    pub guessed: Vec<folder::Guess>,
}

impl Checked {
    /// Returns true if errors keep the experiment from running.
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
        check.check_alone();
        check.factors_read();
        plan = check.check_plan();
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
    fn check_alone(&mut self) {
        self.tag_clashes();
        self.check_tags();
        self.report_guesses();
        self.check_models();
        self.check_actions();
        self.named_models();
        self.ordered_sections();
        self.idle_was();
        self.check_people_files();
        self.idle_people_keys();
        self.own_person_sections();
        self.check_world();
    }

    fn report_at(&mut self, severity: Severity, code: &'static str, at: &str, message: String, hint: Option<String>) {
        self.sources.report(self.problems, severity, code, at, message, hint);
    }

    fn role_tags(&self) -> RoleTags {
        let names: Vec<&str> = self.experiment.roles.iter().map(|r| r.name.as_str()).collect();
        RoleTags::new(&names).with_people(self.experiment.has_people())
    }

    fn tag_clashes(&mut self) {
        let names: Vec<&str> = self.experiment.roles.iter().map(|r| r.name.as_str()).collect();
        for (role, message) in RoleTags::find_clashes(&names).into_iter().filter(|(r, _)| !names[*r].is_empty()) {
            let at = format!("protocol.agents.{}", names[role]);
            self.report_at(Severity::Error, "tag-clash", &at, message, Some("rename the role".to_owned()));
        }
    }

    fn check_tags(&mut self) {
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
                self.report_at(severity, "unknown-tag", &at, message, hint);
            }
            if template.tags().any(|(tag, _)| *tag == Tag::AgentName) {
                let (message, hint) = no_reader("the starting message");
                self.report_at(Severity::Error, "agent-name", &at, message, Some(hint));
            }
            if let Some(tag) = template.tags().find_map(|(tag, _)| person_tag(tag)) {
                let (message, hint) = no_person(&tag, "the starting message");
                self.report_at(Severity::Error, "person-tag", &at, message, Some(hint));
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
        for (tag, at) in template.tags().filter(|_| path == SUMMARIZER) {
            if let Some(tag) = person_tag(tag) {
                let (message, hint) = no_person(&tag, "`summarizer.md`");
                self.problems.at(Severity::Error, "person-tag", place(at), message, hint);
            }
        }
    }

    fn report_guesses(&mut self) {
        for guess in &self.sources.guessed {
            let words: Vec<String> = [
                guess.plural.as_ref().map(|w| format!("plural = \"{w}\"")),
                guess.pronouns.as_ref().map(|w| format!("pronouns = \"{w}\"")),
            ]
            .into_iter()
            .flatten()
            .collect();
            let message = format!("role `{}`: guessed {}", guess.role, words.join(" and "));
            let is_bare = guess.role.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
            let key = if is_bare { guess.role.clone() } else { format!("{:?}", guess.role) };
            let hint = format!("write them under [roles.{key}]; `convoke check --fix` does");
            let at = format!("protocol.agents.{}", guess.role);
            self.sources.report(self.problems, Severity::Warning, "guessed", &at, message, Some(hint));
        }
    }

    fn check_models(&mut self) {
        for (i, model) in self.experiment.models.iter().enumerate() {
            let at = format!("models[{i}]");
            if model.is_human() {
                self.check_person(&at, model);
            }
            if model.is_human() || model.id == SCRIPTED || bad_model_id(&model.id).is_some() {
                continue;
            }
            let server = server_of(&model.id);
            let Some(known) = self.servers.iter().find(|s| s.name == server) else {
                let message =
                    format!("`{}`: the server `{server}` is not declared, so its parameters are not checked", model.id);
                let hint = declare_server(server, self.servers);
                self.report_at(Severity::Warning, "undeclared-server", &at, message, Some(hint));
                continue;
            };
            if let Some(why) = &known.refused {
                let message = format!("`{}`: no request can be sent to `{server}`: {why}", model.id);
                self.report_at(Severity::Warning, "server-setting", &at, message, None);
            }
            for parameter in known.lacks.iter().filter(|p| is_set(model, p)) {
                self.report_lacking(&format!("{at}.{parameter}"), model, parameter);
            }
        }
    }

    fn check_person(&mut self, at: &str, model: &ModelSpec) {
        for key in MODEL.iter().filter(|key| key.changed_value(model).is_some()).map(|key| key.name) {
            let message = format!("`human` is a person who types: `{key}` means nothing to them");
            let hint = Some("leave it out".to_owned());
            self.report_at(Severity::Error, "people", &format!("{at}.{key}"), message, hint);
        }
    }

    /// Reports models that are named but not declared, even if no condition uses them. A person needs no declaration.
    fn named_models(&mut self) {
        let experiment = self.experiment;
        let mut all: Vec<(String, &String)> = Vec::new();
        for role in &experiment.roles {
            let at = format!("roles.{}.model", role.name);
            match &role.model {
                RoleModel::Condition => {}
                RoleModel::One(name) => all.push((at, name)),
                RoleModel::Each(names) => all.extend(names.iter().map(|name| (at.clone(), name))),
            }
        }
        all.extend(experiment.selector_model.iter().map(|name| ("selector.model".to_owned(), name)));
        all.extend(experiment.summarizer_model.iter().map(|name| ("summarizer.model".to_owned(), name)));
        let is_unknown = |name: &str| name != HUMAN && find_declared(experiment, name).is_none();
        for (at, name) in all.into_iter().filter(|(_, name)| is_unknown(name)) {
            let Obstacle { code, message, hint, .. } = undeclared_model(experiment, name, &at);
            self.report_at(Severity::Error, code, &at, message, hint);
        }
    }

    fn report_lacking(&mut self, at: &str, model: &ModelSpec, parameter: &str) {
        let message = format!("`{}`: its protocol has no `{parameter}`, so it could not be sent", model.id);
        self.report_at(Severity::Error, "lacking-parameter", at, message, Some("leave it out".to_owned()));
    }

    fn ordered_sections(&mut self) {
        let titles: BTreeSet<String> =
            self.prompt_files().flat_map(|(_, t)| &t.sections).map(|s| s.title.clone()).collect();
        let is_person = |title: &str| title == TITLE && self.experiment.has_people();
        let unknown = |(_, title): &(usize, &String)| !titles.contains(*title) && !is_person(title);
        for (i, title) in self.experiment.sections.iter().enumerate().filter(unknown) {
            let hint = did_you_mean(title, titles.iter().map(String::as_str))
                .unwrap_or_else(|| format!("write `## {title}` in a file, or leave it out"));
            let message = format!("`sections` names `{title}`, and no file has such a section");
            self.report_at(Severity::Warning, "unknown-section", &format!("sections[{i}]"), message, Some(hint));
        }
    }

    fn idle_was(&mut self) {
        let roles = &self.experiment.roles;
        for factor in self.experiment.factors.iter().filter(|f| f.was.is_some() && is_setting(&f.name, roles)) {
            let message =
                format!("`was` of `{}` has no effect: what a factor sets counts by what it sets", factor.name);
            let hint = "leave it out".to_owned();
            self.report_at(Severity::Warning, "idle-was", &format!("factors.{}.was", factor.name), message, Some(hint));
        }
    }

    fn prompt_files(&self) -> impl Iterator<Item = (String, &PromptText)> {
        let roles = self.experiment.roles.iter().map(|r| (role_file(&r.name), &r.prompt));
        let helper = self.experiment.summarizer.iter().map(|t| (SUMMARIZER.to_owned(), t));
        std::iter::once((SHARED.to_owned(), &self.experiment.shared)).chain(roles).chain(helper)
    }
}

/// Returns the remedy for a server that is not declared: the nearest one, or the lines of config.toml.
pub fn declare_server(server: &str, known: &[KnownServer]) -> String {
    let near = did_you_mean(server, known.iter().map(|s| s.name.as_str()));
    let name = toml::Value::String(server.to_owned()).to_string();
    let is_bare = server.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    let key = if is_bare { server } else { &name };
    let lines = format!("[servers.{key}]\nkind = \"openai\"\nbase_url = \"http://HOST:PORT/v1\"");
    let near = near.map_or_else(String::new, |near| format!("{near} Otherwise "));
    format!("{near}declare it in config.toml, which `convoke doctor --config` names:\n{lines}")
}

/// Returns the server of `SERVER/NAME`.
pub fn server_of(id: &str) -> &str {
    id.split_once('/').map_or(id, |(server, _)| server)
}

/// Returns true if the model sets the parameter.
pub fn is_set(model: &ModelSpec, parameter: &str) -> bool {
    find_key(MODEL, parameter).is_some_and(|key| key.changed_value(model).is_some())
}

fn no_reader(what: &str) -> (String, String) {
    (
        format!("{what} has no reader with a name: `<AGENT_NAME>` works in agents' prompts only"),
        "leave it out, or write `\\<AGENT_NAME>` for the text itself".to_owned(),
    )
}

/// Returns a tag of a fact about a person as written.
fn person_tag(tag: &Tag) -> Option<String> {
    match tag {
        Tag::Person(path, None) => Some(format!("<PERSON {path}>")),
        Tag::Person(path, Some(text)) => Some(format!("<PERSON {path}|{text}>")),
        Tag::Num(_)
        | Tag::Noun(_)
        | Tag::Poss(_)
        | Tag::Pron(_)
        | Tag::PossPron(_)
        | Tag::Verb(..)
        | Tag::AgentsNum
        | Tag::RolesNum
        | Tag::AgentName => None,
    }
}

fn no_person(tag: &str, what: &str) -> (String, String) {
    let message = format!("{what} has no reader who is a person: `{tag}` works in agents' prompts only");
    (message, format!("leave it out, or write `\\{tag}` for the text itself"))
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

/// Replaces comments by spaces, so that byte offsets stay valid.
fn without_comments(text: &str) -> String {
    let mut blanked = text.to_owned();
    for comment in markdown::find_comments(text) {
        let blank = " ".repeat(comment.len());
        blanked.replace_range(comment, &blank);
    }
    blanked
}
