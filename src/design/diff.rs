//! Differences between two experiments, in the words of researchers. Name and note are not compared.

use super::action::Action;
use super::experiment::{
    CellSpec, Experiment, Expression, Factor, ModelSpec, Policy, PromptText, Role, RunDefaults, Section, Seed,
};
use super::folder::{SHARED, SUMMARIZER, role_file};
use super::keys::kind::{KeyKind, KeyValue};
use super::keys::{Key, MIND, MODEL, PROTOCOL, ROLE, WORLD};
use super::markdown;
use super::person_file::{PersonFile, TextFile};
use super::value::{Named, Value};
use crate::people::source::write_level;
use serde_json::Value as Json;
use similar::{ChangeTag, TextDiff};
use std::collections::BTreeMap;

/// Maximum number of characters in a value that is shown on one line.
const SHORT: usize = 60;

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The name of the thing that differs.
    pub what: String,
    /// Text in the first experiment; `None` if only the second has the part.
    pub a: Option<String>,
    /// Text in the second experiment; `None` if only the first has the part.
    pub b: Option<String>,
    /// True if the texts are compared line by line.
    is_text: bool,
}

/// A line that only one of two texts has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// A line of the first text only.
    Gone(String),
    /// A line of the second text only.
    New(String),
}

impl Difference {
    /// Returns the difference as one line.
    pub fn line(&self) -> String {
        let what = &self.what;
        match (&self.a, &self.b) {
            (Some(a), Some(b)) if self.is_short() => format!("{what}: {} → {}", a.trim_end(), b.trim_end()),
            (Some(_), Some(_)) => format!("{what} has changed"),
            (None, Some(b)) if !self.is_text && self.is_short() => format!("{what} is new: {b}"),
            (Some(a), None) if !self.is_text && self.is_short() => format!("{what} is gone: {a}"),
            (None, _) => format!("{what} is new"),
            (_, None) => format!("{what} is gone"),
        }
    }

    /// Returns the changed lines that [`Self::line`] does not show.
    pub fn lines(&self) -> Vec<Line> {
        if self.is_short() && (!self.is_text || self.a.is_some() && self.b.is_some()) {
            return Vec::new();
        }
        let (a, b) = (self.a.as_deref().unwrap_or_default(), self.b.as_deref().unwrap_or_default());
        let text = |line: &str| line.trim_end_matches(['\n', '\r']).to_owned();
        let changes = TextDiff::from_lines(a, b);
        let line = |change: similar::Change<&str>| match change.tag() {
            ChangeTag::Delete => Some(Line::Gone(text(change.value()))),
            ChangeTag::Insert => Some(Line::New(text(change.value()))),
            ChangeTag::Equal => None,
        };
        changes.iter_all_changes().filter_map(line).collect()
    }

    /// Returns true if both texts fit on a line and still look different there.
    fn is_short(&self) -> bool {
        let short = |text: &String| text.trim_end().lines().count() <= 1 && text.chars().count() <= SHORT;
        let trimmed = |text: &Option<String>| text.as_deref().map(str::trim_end).map(str::to_owned);
        [&self.a, &self.b].into_iter().flatten().all(short) && trimmed(&self.a) != trimmed(&self.b)
    }
}

/// Compares two experiments. Parts of the second experiment are listed first, in its order; then parts that only the
/// first has.
pub fn diff(a: &Experiment, b: &Experiment) -> Vec<Difference> {
    let (one, other) = (Parts::of_experiment(a), Parts::of_experiment(b));
    let mut found: Vec<Difference> = other.all.iter().filter_map(|part| part.compare_with(&one)).collect();
    let gone = one.all.iter().filter(|p| !other.has_part(&p.what) && !p.goes_with_its_head(&other));
    found.extend(gone.filter(|p| p.order.is_none()).map(|p| Difference {
        what: p.what.clone(),
        a: Some(p.text.clone()),
        b: None,
        is_text: p.is_text,
    }));
    found
}

/// Describes each difference in one line.
pub fn describe_differences(a: &Experiment, b: &Experiment) -> Vec<String> {
    diff(a, b).iter().map(Difference::line).collect()
}

struct Part {
    what: String,
    text: String,
    is_text: bool,
    /// The larger part that contains this part. If the larger part is new or gone, this part is not reported.
    head: Option<String>,
    /// Names whose order is compared; `None` if the part is not an order. Names that only one experiment has are left
    /// out.
    order: Option<Vec<String>>,
}

impl Part {
    fn compare_with(&self, one: &Parts) -> Option<Difference> {
        let before = one.get(&self.what);
        if self.goes_with_its_head(one) || before.is_none() && self.order.is_some() {
            return None;
        }
        let differs = match (before, &self.order) {
            (None, _) => true,
            (Some(before), None) => before.text != self.text,
            (Some(before), Some(_)) => before.common_names(self) != self.common_names(before),
        };
        differs.then(|| Difference {
            what: self.what.clone(),
            a: before.map(|p| p.text.clone()),
            b: Some(self.text.clone()),
            is_text: self.is_text,
        })
    }

    fn goes_with_its_head(&self, there: &Parts) -> bool {
        self.head.as_ref().is_some_and(|head| !there.has_part(head))
    }

    fn common_names(&self, other: &Self) -> Vec<&String> {
        let theirs = other.order.as_deref().unwrap_or_default();
        self.order.iter().flatten().filter(|name| theirs.contains(name)).collect()
    }
}

/// All parts of an experiment, in the order of its files.
#[derive(Default)]
struct Parts {
    all: Vec<Part>,
    places: BTreeMap<String, usize>,
}

impl Parts {
    /// Lists the parts of an experiment. The code names every field, so that the compiler rejects a forgotten new
    /// field.
    fn of_experiment(experiment: &Experiment) -> Self {
        let Experiment {
            format,
            name: _,
            note: _,
            starting_message,
            sections,
            models,
            protocol,
            roles,
            shared,
            summarizer,
            summarizer_model,
            selector_model,
            mind,
            world,
            actions,
            factors,
            design,
            health,
            people,
            files,
            run,
        } = experiment;
        let mut parts = Self::default();
        parts.add_value("`format`", format);
        parts.add_text("`starting_message`", starting_message);
        parts.add_list("`sections`", sections);
        parts.add_models(models);
        parts.add_values("", PROTOCOL, protocol);
        parts.add_roles(roles);
        parts.add_optional("`selector.model`", selector_model.as_ref());
        parts.add_optional("`summarizer.model`", summarizer_model.as_ref());
        parts.add_values("mind.", MIND, mind);
        if let Some(world) = world {
            parts.add_values("world.", WORLD, world);
        }
        parts.add_actions(actions);
        parts.add_factors(factors);
        parts.add_design(design);
        parts.add_health(health);
        parts.add_prompt(SHARED, shared);
        for role in roles {
            parts.add_prompt(&role_file(&role.name), &role.prompt);
        }
        if let Some(summarizer) = summarizer {
            parts.add_value(SUMMARIZER, &"a prompt of its own");
            parts.add_prompt(SUMMARIZER, summarizer);
        }
        parts.add_files(people, files);
        let RunDefaults { replicates, seed } = run;
        parts.add_value("`run.replicates`", replicates);
        parts.add_value("`run.seed`", seed);
        parts
    }

    fn get(&self, what: &str) -> Option<&Part> {
        self.places.get(what).map(|place| &self.all[*place])
    }

    fn has_part(&self, what: &str) -> bool {
        self.places.contains_key(what)
    }

    fn add_part(&mut self, mut part: Part) {
        // Parts with the same name are numbered, so that each is compared with its counterpart.
        let name = part.what.clone();
        let mut number = 2;
        while self.has_part(&part.what) {
            part.what = format!("{name} ({number})");
            number += 1;
        }
        self.places.insert(part.what.clone(), self.all.len());
        self.all.push(part);
    }

    fn add_value(&mut self, what: &str, value: &impl ToString) {
        self.add_part(Part { what: what.to_owned(), text: value.to_string(), is_text: false, head: None, order: None });
    }

    fn add_values<T>(&mut self, path: &str, keys: &'static [Key<T>], of: &T) {
        for (key, value) in values_for_people(keys, of) {
            self.add_value(&format!("`{path}{key}`"), &value);
        }
    }

    fn add_files(&mut self, people: &[PersonFile], files: &[TextFile]) {
        for file in people {
            self.add_text(&file.path, file.text().unwrap_or(&file.hash));
        }
        for file in files {
            self.add_text(&file.path, file.text.as_deref().unwrap_or(&file.hash));
        }
    }

    fn add_health(&mut self, health: &[Named<Policy>]) {
        for Named { name, value } in health {
            let then = if value.fail { "fail" } else { "keep" };
            self.add_value(&format!("`health.{name}`"), &format!("ask {} more, then {then}", value.ask));
        }
    }

    fn add_of_head(&mut self, head: &str, key: &str, value: &impl ToString) {
        let (what, head) = (format!("{head}, `{key}`"), Some(head.to_owned()));
        self.add_part(Part { what, text: value.to_string(), is_text: false, head, order: None });
    }

    fn add_optional<T: ToString>(&mut self, what: &str, value: Option<T>) {
        if let Some(value) = value {
            self.add_value(what, &value);
        }
    }

    fn add_list(&mut self, what: &str, texts: &[String]) {
        if !texts.is_empty() {
            self.add_value(what, &list_texts(texts));
        }
    }

    fn add_text(&mut self, what: &str, text: &str) {
        self.add_part(Part { what: what.to_owned(), text: text.to_owned(), is_text: true, head: None, order: None });
    }

    fn add_order(&mut self, what: &str, names: Vec<String>) {
        let text = names.join(", ");
        self.add_part(Part { what: what.to_owned(), text, is_text: false, head: None, order: Some(names) });
    }

    fn add_models(&mut self, models: &[ModelSpec]) {
        for spec in models {
            let head = format!("model `{}`", spec.name());
            self.add_value(&head, &spec.id);
            self.add_keys(&head, MODEL, spec);
        }
        self.add_order("order of models", models.iter().map(|m| m.name().to_owned()).collect());
    }

    fn add_roles(&mut self, roles: &[Role]) {
        self.add_order("roles in speaking order", roles.iter().map(|r| r.name.clone()).collect());
        for role in roles {
            let head = format!("role `{}`", role.name);
            self.add_text(&head, "");
            self.add_of_head(&head, "agents", &role.agents);
            self.add_keys(&head, ROLE, role);
            for (key, value) in values_for_people(MIND, &role.mind) {
                self.add_of_head(&head, &format!("mind.{key}"), &value);
            }
        }
    }

    fn add_actions(&mut self, actions: &[Action]) {
        for Action { name, text, fields, who, result, heard, says, ends } in actions {
            let head = format!("action `{name}`");
            self.add_value(&head, text);
            for Named { name, value } in fields {
                self.add_of_head(&head, &format!("fields.{name}"), &value.describe());
            }
            let texts = [("result", result), ("says", says)].into_iter().filter(|(_, text)| !text.is_empty());
            texts.for_each(|(key, text)| self.add_of_head(&head, key, text));
            if !who.is_empty() {
                self.add_of_head(&head, "who", &list_texts(who));
            }
            if *heard {
                self.add_of_head(&head, "heard", heard);
            }
            if let Some(ends) = ends {
                self.add_of_head(&head, "ends", ends);
            }
        }
        self.add_order("order of actions", actions.iter().map(|a| a.name.clone()).collect());
    }

    fn add_keys<T>(&mut self, head: &str, keys: &'static [Key<T>], of: &T) {
        for (key, value) in values_for_people(keys, of) {
            self.add_of_head(head, key, &value);
        }
    }

    fn add_factors(&mut self, factors: &[Factor]) {
        for Factor { name, levels, was } in factors {
            let head = format!("factor `{name}`");
            self.add_value(&head, &levels.iter().map(level_text).collect::<Vec<_>>().join(", "));
            if let Some(was) = was {
                self.add_of_head(&head, "was", &level_text(was));
            }
        }
        self.add_order("order of factors", factors.iter().map(|f| f.name.clone()).collect());
    }

    fn add_design(&mut self, design: &super::Design) {
        let super::Design { zip, exclude, cells } = design;
        self.add_list("`design.zip`", &zip.iter().map(|z| z.factors.join(" with ")).collect::<Vec<_>>());
        let all = |Expression { all }: &Expression| markdown::write_when(all);
        self.add_list("`design.exclude`", &exclude.iter().map(all).collect::<Vec<_>>());
        let one = |Named { name, value }: &Named<Value>| format!("{name}={}", level_text(value));
        let cell = |CellSpec { levels }: &CellSpec| levels.iter().map(one).collect::<Vec<_>>().join(" ");
        self.add_list("`design.cells`", &cells.iter().map(cell).collect::<Vec<_>>());
    }

    fn add_prompt(&mut self, file: &str, prompt: &PromptText) {
        let PromptText { start, sections } = prompt;
        if !start.is_empty() {
            self.add_text(&format!("{file}, starting prompt"), start);
        }
        let mut titles = Vec::new();
        for Section { title, when, text } in sections {
            let when = if when.is_empty() { String::new() } else { format!(" {{{}}}", markdown::write_when(when)) };
            self.add_text(&format!("{file}, section `{title}{when}`"), text);
            titles.push(format!("{title}{when}"));
        }
        self.add_order(&format!("{file}, order of sections"), titles);
    }
}

fn list_texts(texts: &[String]) -> String {
    texts.iter().map(|t| level_text(&Value::Text(t.clone()))).collect::<Vec<_>>().join(", ")
}

/// Returns a level as text. Different levels always have different texts, alone and in a list.
fn level_text(value: &Value) -> String {
    match value {
        Value::Text(text) if text.contains([',', '"']) || !matches!(Value::read(text), Value::Text(_)) => {
            format!("{text:?}")
        }
        value => value.to_string(),
    }
}

/// Returns a value with parts on one line.
pub fn shape_text(shape: &Json) -> String {
    shape.as_str().map_or_else(|| shape.to_string(), str::to_owned)
}

/// Returns the keys that have a value, each with its value as text. An empty list counts as no value.
fn values_for_people<T>(keys: &'static [Key<T>], of: &T) -> impl Iterator<Item = (&'static str, String)> {
    keys.iter().filter_map(move |key| {
        let text = match (key.get)(of)? {
            KeyValue::One(value) => level_text(&value),
            KeyValue::List(texts) if texts.is_empty() => return None,
            KeyValue::List(texts) if matches!(key.kind, KeyKind::Models) => {
                format!("each its own: {}", texts.join(", "))
            }
            KeyValue::List(texts) => texts.iter().map(|t| format!("{t:?}")).collect::<Vec<_>>().join(", "),
            KeyValue::Sources(sources) => write_level(&sources),
            KeyValue::Tree(shape) => shape_text(&shape),
            KeyValue::Seed(Seed::Base(base)) => base.to_string(),
            KeyValue::Seed(Seed::Fixed { fixed }) => format!("{fixed} with every call"),
        };
        Some((key.name, text))
    })
}

#[cfg(test)]
#[path = "diff_tests.rs"]
mod tests;
