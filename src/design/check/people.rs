//! Checks of people: their files, the keys of roles, and the people of each condition.

use super::super::casting::{Cast, list_some};
use super::super::condition::Condition;
use super::super::experiment::{Deal, Role};
use super::super::folder::{SHARED, SUMMARIZER, role_file};
use super::super::person_file::PersonFile;
use super::super::problem::Severity;
use super::super::template::{Tag, Template};
use super::planned::{Text, all_texts};
use super::{Check, person_tag, without_comments};
use crate::people::fact::{Fact, follow_path};
use crate::people::name::find_beginnings;
use crate::people::render::TITLE;
use crate::people::{Fault, Person, Shape};
use std::collections::{BTreeMap, BTreeSet};

/// Estimated number of bytes of a token.
const BYTES_PER_TOKEN: u64 = 4;

impl Check<'_> {
    /// Reports files that are neither a person nor a fragment, and keys beside the persona.
    pub(super) fn check_people_files(&mut self) {
        let mut ignored: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for file in &self.experiment.people {
            match examine_file(file) {
                Err(Fault { span, message, hint }) if span.is_empty() => {
                    self.problems.of_file(Severity::Error, "bad-person", &file.path, message, hint);
                }
                Err(Fault { span, message, hint }) => {
                    let place = (file.path.as_str(), file.text().unwrap_or_default(), span);
                    self.problems.at(Severity::Error, "bad-person", place, message, hint);
                }
                Ok(keys) => keys.iter().for_each(|key| ignored.entry(key).or_default().push(&file.path)),
            }
        }
        for (key, paths) in ignored {
            let more =
                if paths.len() > 1 { format!(" here and in {} more files", paths.len() - 1) } else { String::new() };
            let hint = "only `persona` is read of such a file".to_owned();
            self.problems.of_file(
                Severity::Warning,
                "ignored-key",
                paths[0],
                format!("`{key}` is ignored{more}"),
                hint,
            );
        }
    }

    /// Returns true if a file of people has been reported.
    pub(super) fn has_bad_files(&self) -> bool {
        self.experiment.people.iter().any(|file| examine_file(file).is_err())
    }

    /// Reports keys of people of roles that have none.
    pub(super) fn idle_people_keys(&mut self) {
        let experiment = self.experiment;
        for role in experiment.roles.iter().filter(|role| !experiment.role_has_people(role)) {
            for key in ["fragments", "deal"] {
                let at = format!("roles.{}.{key}", role.name);
                let is_factor = experiment.factors.iter().any(|factor| factor.name == at);
                if is_factor || self.sources.places.contains_key(&at) {
                    let message =
                        format!("`{at}` without `people`: the agents of `{}` are nobody in particular", role.name);
                    let hint = Some("write `people = [\"people/*.json\"]` beside it, or leave it out".to_owned());
                    let at = if is_factor { format!("factors.{at}") } else { at };
                    self.report_at(Severity::Error, "no-people", &at, message, hint);
                }
            }
        }
    }

    /// Reports sections that have the title of a person's section.
    pub(super) fn own_person_sections(&mut self) {
        let with_people = |role: &&Role| self.experiment.role_has_people(role);
        let mut files: Vec<String> =
            self.experiment.roles.iter().filter(with_people).map(|role| role_file(&role.name)).collect();
        files.extend((!files.is_empty()).then(|| SHARED.to_owned()));
        for path in files {
            let Some((text, parsed)) = self.sources.prompts.get(&path) else { continue };
            for (section, span) in parsed.text.sections.iter().zip(&parsed.sections) {
                if section.title == TITLE {
                    let message = format!("the section `{TITLE}` is written from each agent's person");
                    let hint = "give this section another title".to_owned();
                    let place = (path.as_str(), text.as_str(), span.title.clone());
                    self.problems.at(Severity::Error, "person-section", place, message, hint);
                }
            }
        }
    }

    /// Checks the people of each condition.
    pub(super) fn check_people(&mut self, conditions: &[Condition]) {
        for index in 0..self.experiment.roles.len() {
            let played: Vec<(&Condition, &Cast)> =
                conditions.iter().filter(|c| c.agents[index] > 0).filter_map(|c| Some((c, c.cast(index)?))).collect();
            self.unmatched_numbers(index, &played);
            self.alike_names(&played);
            self.large_personas(index, &played);
        }
        if self.experiment.has_people() {
            self.lacking_facts(conditions);
        }
    }

    fn unmatched_numbers(&mut self, index: usize, played: &[(&Condition, &Cast)]) {
        let matched = played.iter().filter(|(_, cast)| cast.role.deal == Deal::Matched);
        let numbers: BTreeSet<u32> = matched.map(|(condition, _)| condition.agents[index]).collect();
        if numbers.len() > 1 {
            let numbers: Vec<String> = numbers.iter().map(u32::to_string).collect();
            let name = &self.experiment.roles[index].name;
            let message = format!(
                "role `{name}` has {} agents: only conditions with equally many have the same people in a replicate",
                numbers.join(" or ")
            );
            let hint = Some("`deal = \"in-order\"` gives every conversation the first people of the list".to_owned());
            self.report_at(Severity::Warning, "unmatched-people", &format!("roles.{name}.people"), message, hint);
        }
    }

    fn alike_names(&mut self, played: &[(&Condition, &Cast)]) {
        let mut seen: Vec<&Cast> = Vec::new();
        for (_, cast) in played {
            if seen
                .iter()
                .any(|known| known.role.people == cast.role.people && known.role.fragments == cast.role.fragments)
            {
                continue;
            }
            seen.push(cast);
            let at = format!("roles.{}.people", cast.role.name);
            let mut names: BTreeMap<String, usize> = BTreeMap::new();
            cast.pool.iter().for_each(|member| *names.entry(member.person.folded_name()).or_default() += 1);
            let is_double = |person: &&Person| names.get(&person.folded_name()).is_some_and(|n| *n > 1);
            let double: BTreeSet<&str> =
                cast.pool.iter().map(|m| &m.person).filter(is_double).map(|p| p.name.as_str()).collect();
            if !double.is_empty() {
                let list = list_some(&double.into_iter().collect::<Vec<_>>());
                let message = format!("more than one person of the pool has the name {list}");
                let hint = Some("two of one name are never in one conversation".to_owned());
                self.report_at(Severity::Warning, "double-name", &at, message, hint);
            }
            let pairs = find_beginnings(cast.pool.iter().map(|member| member.person.name.as_str()));
            if !pairs.is_empty() {
                let pairs: Vec<String> = pairs.iter().map(|(a, b)| format!("{a}` – `{b}")).collect();
                let message = format!("names begin with other names: {}", list_some(&pairs));
                let hint = Some("an agent who names the longer one may seem to name both".to_owned());
                self.report_at(Severity::Warning, "like-names", &at, message, hint);
            }
        }
    }

    /// Reports personas that fill more than half of the context that a model is given.
    fn large_personas(&mut self, index: usize, played: &[(&Condition, &Cast)]) {
        for (condition, cast) in played {
            let contexts = condition.models[index].iter().filter_map(|m| Some((m.name(), m.sampling.num_ctx?)));
            let Some((model, context)) = contexts.min_by_key(|(_, context)| *context) else { continue };
            let is_large = |bytes: usize| bytes as u64 / BYTES_PER_TOKEN > u64::from(context) / 2;
            if let Some(member) = cast.pool.iter().find(|member| is_large(member.text.len())) {
                let (name, tokens) = (&member.person.name, member.text.len() as u64 / BYTES_PER_TOKEN);
                let message = format!(
                    "`{name}` has about {tokens} tokens, more than half of the context of `{model}` ({context})"
                );
                let hint = Some("raise `num_ctx`, or shorten the person".to_owned());
                let at = format!("roles.{}.people", cast.role.name);
                self.report_at(Severity::Warning, "large-person", &at, message, hint);
                return;
            }
        }
    }

    /// Reports tags of facts that some reader lacks.
    fn lacking_facts(&mut self, conditions: &[Condition]) {
        let tags = self.role_tags();
        for text in all_texts(self.sources, self.experiment).into_iter().filter(|text| text.path != SUMMARIZER) {
            let (template, _) = Template::parse(&without_comments(&text.file[text.span.clone()]), &tags);
            for (tag, at) in template.tags() {
                let (Tag::Person(path, None), Some(written)) = (tag, person_tag(tag)) else { continue };
                let Some(who) = self.find_lacking(&text, path, conditions) else { continue };
                let place = (text.path, text.file, text.span.start + at.start..text.span.start + at.end);
                let hint = format!("give a text for such readers: `<PERSON {path}|unknown>`");
                self.problems.at(Severity::Error, "person-tag", place, format!("`{written}`: {who}"), hint);
            }
        }
    }

    /// Describes the readers of a text who have no single value at a path.
    fn find_lacking(&self, text: &Text<'_>, path: &str, conditions: &[Condition]) -> Option<String> {
        let mut lacking: BTreeSet<&str> = BTreeSet::new();
        for condition in conditions.iter().filter(|c| c.satisfies(self.experiment, text.when)) {
            if condition.selector.is_some() && text.path == SHARED {
                return Some("the selector reads `shared.md`, and is no person".to_owned());
            }
            let reads = |role: &usize| condition.agents[*role] > 0 && text.reader.is_none_or(|reader| reader == *role);
            for role in (0..condition.agents.len()).filter(reads) {
                let Some(cast) = condition.cast(role) else {
                    // Its people were not found, which is reported elsewhere.
                    if condition.casts.get(role).is_some_and(|cast| !cast.role.people.is_empty()) {
                        continue;
                    }
                    let name = &self.experiment.roles[role].name;
                    return Some(format!("role `{name}` reads it and has no people in {}", condition.name()));
                };
                let lacks = |p: &&Person| follow_path(&p.persona, path).and_then(Fact::scalar).is_none();
                lacking.extend(cast.pool.iter().map(|m| &m.person).filter(lacks).map(|p| p.name.as_str()));
            }
        }
        let lacking: Vec<&str> = lacking.into_iter().collect();
        (!lacking.is_empty()).then(|| format!("{} have no text, number or boolean there", list_some(&lacking)))
    }
}

/// Reads a file. Returns the keys beside the persona.
fn examine_file(file: &PersonFile) -> Result<&[String], Fault> {
    let written = file.read()?;
    if written.shape == Shape::Person {
        Person::new(written.persona.clone())?;
    }
    Ok(&written.ignored)
}
