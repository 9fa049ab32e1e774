//! Differences between two experiments, in a researcher's words. Name and note are not part of a design.

use super::experiment::{
    CellSpec, Experiment, Expression, Factor, ModelSpec, PromptText, Role, RunDefaults, Section, Seed,
};
use super::folder::{SHARED, SUMMARIZER, role_file};
use super::keys::kind::{KeyKind, KeyValue};
use super::keys::{Key, MODEL, PROTOCOL, ROLE};
use super::markdown;
use super::value::{Named, Value};
use similar::{ChangeTag, TextDiff};
use std::collections::BTreeMap;

/// What is longer is no longer shown on one line.
const SHORT: usize = 60;

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What differs.
    pub what: String,
    /// How it is in the first; none = it is not there.
    pub a: Option<String>,
    /// How it is in the second.
    pub b: Option<String>,
    /// Whether it is a text, of which lines matter.
    is_text: bool,
}

/// A line of a text that is in one of two only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// In the first only.
    Gone(String),
    /// In the second only.
    New(String),
}

impl Difference {
    /// In one line, or two where the second is a short text of its own.
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

    /// The lines that [`Self::line`] only says to have changed.
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

    /// Whether both sides fit a line and are told apart by it.
    fn is_short(&self) -> bool {
        let short = |text: &String| text.trim_end().lines().count() <= 1 && text.chars().count() <= SHORT;
        let trimmed = |text: &Option<String>| text.as_deref().map(str::trim_end).map(str::to_owned);
        [&self.a, &self.b].into_iter().flatten().all(short) && trimmed(&self.a) != trimmed(&self.b)
    }
}

/// Everything that differs: first what the second has, in its order, then what it has no longer.
pub fn diff(a: &Experiment, b: &Experiment) -> Vec<Difference> {
    let (one, other) = (Parts::of(a), Parts::of(b));
    let mut found: Vec<Difference> = other.all.iter().filter_map(|part| part.against(&one)).collect();
    let gone = one.all.iter().filter(|p| !other.has(&p.what) && !p.goes_with_its_head(&other));
    found.extend(gone.filter(|p| p.order.is_none()).map(|p| Difference {
        what: p.what.clone(),
        a: Some(p.text.clone()),
        b: None,
        is_text: p.is_text,
    }));
    found
}

/// The same, a line each.
pub fn lines(a: &Experiment, b: &Experiment) -> Vec<String> {
    diff(a, b).iter().map(Difference::line).collect()
}

/// Something of an experiment that has a name.
struct Part {
    what: String,
    text: String,
    is_text: bool,
    /// What it is of: where that is new or gone, this is not told.
    head: Option<String>,
    /// Of an order: what stands in it. What only one side has is out of nobody's order.
    order: Option<Vec<String>>,
}

impl Part {
    fn against(&self, one: &Parts) -> Option<Difference> {
        let before = one.get(&self.what);
        if self.goes_with_its_head(one) || before.is_none() && self.order.is_some() {
            return None;
        }
        let differs = match (before, &self.order) {
            (None, _) => true,
            (Some(before), None) => before.text != self.text,
            (Some(before), Some(_)) => before.common(self) != self.common(before),
        };
        differs.then(|| Difference {
            what: self.what.clone(),
            a: before.map(|p| p.text.clone()),
            b: Some(self.text.clone()),
            is_text: self.is_text,
        })
    }

    fn goes_with_its_head(&self, there: &Parts) -> bool {
        self.head.as_ref().is_some_and(|head| !there.has(head))
    }

    fn common(&self, other: &Self) -> Vec<&String> {
        let theirs = other.order.as_deref().unwrap_or_default();
        self.order.iter().flatten().filter(|name| theirs.contains(name)).collect()
    }
}

/// All of an experiment, in the order of its files.
#[derive(Default)]
struct Parts {
    all: Vec<Part>,
    places: BTreeMap<String, usize>,
}

impl Parts {
    /// Every field is named, so that none that is added later is forgotten here.
    fn of(experiment: &Experiment) -> Self {
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
            factors,
            design,
            health,
            run,
        } = experiment;
        let mut parts = Self::default();
        parts.value("`format`", format);
        parts.text("`starting_message`", starting_message);
        parts.list("`sections`", sections);
        parts.models(models);
        for (key, value) in shown(PROTOCOL, protocol) {
            parts.value(&format!("`{key}`"), &value);
        }
        parts.roles(roles);
        parts.maybe("`selector.model`", selector_model.as_ref());
        parts.maybe("`summarizer.model`", summarizer_model.as_ref());
        parts.factors(factors);
        parts.design(design);
        for Named { name, value } in health {
            let then = if value.fail { "fail" } else { "keep" };
            parts.value(&format!("`health.{name}`"), &format!("ask {} more, then {then}", value.ask));
        }
        parts.prompt(SHARED, shared);
        for role in roles {
            parts.prompt(&role_file(&role.name), &role.prompt);
        }
        if let Some(summarizer) = summarizer {
            parts.value(SUMMARIZER, &"a prompt of its own");
            parts.prompt(SUMMARIZER, summarizer);
        }
        let RunDefaults { replicates, seed } = run;
        parts.value("`run.replicates`", replicates);
        parts.value("`run.seed`", seed);
        parts
    }

    fn get(&self, what: &str) -> Option<&Part> {
        self.places.get(what).map(|place| &self.all[*place])
    }

    fn has(&self, what: &str) -> bool {
        self.places.contains_key(what)
    }

    fn add(&mut self, mut part: Part) {
        // Of several of one name each has a number, by which it finds the other's.
        let name = part.what.clone();
        let mut number = 2;
        while self.has(&part.what) {
            part.what = format!("{name} ({number})");
            number += 1;
        }
        self.places.insert(part.what.clone(), self.all.len());
        self.all.push(part);
    }

    fn value(&mut self, what: &str, value: &impl ToString) {
        self.add(Part { what: what.to_owned(), text: value.to_string(), is_text: false, head: None, order: None });
    }

    fn of_head(&mut self, head: &str, key: &str, value: &impl ToString) {
        let (what, head) = (format!("{head}, `{key}`"), Some(head.to_owned()));
        self.add(Part { what, text: value.to_string(), is_text: false, head, order: None });
    }

    fn maybe<T: ToString>(&mut self, what: &str, value: Option<T>) {
        if let Some(value) = value {
            self.value(what, &value);
        }
    }

    fn list(&mut self, what: &str, texts: &[String]) {
        if !texts.is_empty() {
            self.value(what, &listed(texts));
        }
    }

    fn text(&mut self, what: &str, text: &str) {
        self.add(Part { what: what.to_owned(), text: text.to_owned(), is_text: true, head: None, order: None });
    }

    fn order(&mut self, what: &str, names: Vec<String>) {
        let text = names.join(", ");
        self.add(Part { what: what.to_owned(), text, is_text: false, head: None, order: Some(names) });
    }

    fn models(&mut self, models: &[ModelSpec]) {
        for spec in models {
            let head = format!("model `{}`", spec.name());
            self.value(&head, &spec.id);
            self.keys_of(&head, MODEL, spec);
        }
        self.order("order of models", models.iter().map(|m| m.name().to_owned()).collect());
    }

    fn roles(&mut self, roles: &[Role]) {
        self.order("roles in speaking order", roles.iter().map(|r| r.name.clone()).collect());
        for role in roles {
            let head = format!("role `{}`", role.name);
            self.text(&head, "");
            self.of_head(&head, "agents", &role.agents);
            self.keys_of(&head, ROLE, role);
        }
    }

    fn keys_of<T>(&mut self, head: &str, keys: &'static [Key<T>], of: &T) {
        for (key, value) in shown(keys, of) {
            self.of_head(head, key, &value);
        }
    }

    fn factors(&mut self, factors: &[Factor]) {
        for Factor { name, levels, was } in factors {
            let head = format!("factor `{name}`");
            self.value(&head, &levels.iter().map(level).collect::<Vec<_>>().join(", "));
            if let Some(was) = was {
                self.of_head(&head, "was", &level(was));
            }
        }
        self.order("order of factors", factors.iter().map(|f| f.name.clone()).collect());
    }

    fn design(&mut self, design: &super::Design) {
        let super::Design { zip, exclude, cells } = design;
        self.list("`design.zip`", &zip.iter().map(|z| z.factors.join(" with ")).collect::<Vec<_>>());
        let all = |Expression { all }: &Expression| markdown::write_when(all);
        self.list("`design.exclude`", &exclude.iter().map(all).collect::<Vec<_>>());
        let one = |Named { name, value }: &Named<Value>| format!("{name}={}", level(value));
        let cell = |CellSpec { levels }: &CellSpec| levels.iter().map(one).collect::<Vec<_>>().join(" ");
        self.list("`design.cells`", &cells.iter().map(cell).collect::<Vec<_>>());
    }

    fn prompt(&mut self, file: &str, prompt: &PromptText) {
        let PromptText { start, sections } = prompt;
        if !start.is_empty() {
            self.text(&format!("{file}, starting prompt"), start);
        }
        let mut titles = Vec::new();
        for Section { title, when, text } in sections {
            let when = if when.is_empty() { String::new() } else { format!(" {{{}}}", markdown::write_when(when)) };
            self.text(&format!("{file}, section `{title}{when}`"), text);
            titles.push(format!("{title}{when}"));
        }
        self.order(&format!("{file}, order of sections"), titles);
    }
}

fn listed(texts: &[String]) -> String {
    texts.iter().map(|t| level(&Value::Text(t.clone()))).collect::<Vec<_>>().join(", ")
}

/// A level as it is told from every other, alone or in a list.
fn level(value: &Value) -> String {
    match value {
        Value::Text(text) if text.contains([',', '"']) || !matches!(Value::read(text), Value::Text(_)) => {
            format!("{text:?}")
        }
        value => value.to_string(),
    }
}

/// Keys that have a value, as people read it. An empty list is none.
fn shown<T>(keys: &'static [Key<T>], of: &T) -> impl Iterator<Item = (&'static str, String)> {
    keys.iter().filter_map(move |key| {
        let text = match (key.get)(of)? {
            KeyValue::One(value) => level(&value),
            KeyValue::List(texts) if texts.is_empty() => return None,
            KeyValue::List(texts) if matches!(key.kind, KeyKind::Models) => {
                format!("each its own: {}", texts.join(", "))
            }
            KeyValue::List(texts) => texts.iter().map(|t| format!("{t:?}")).collect::<Vec<_>>().join(", "),
            KeyValue::Seed(Seed::Base(base)) => base.to_string(),
            KeyValue::Seed(Seed::Fixed { fixed }) => format!("{fixed} with every call"),
        };
        Some((key.name, text))
    })
}

#[cfg(test)]
#[path = "diff_tests.rs"]
mod tests;
