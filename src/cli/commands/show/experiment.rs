//! An experiment with all its parts, in a form for people.

use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit};
use crate::cli::selected::describe_left_out;
use crate::cli::selecting::Selecting;
use crate::cli::terminal::printer::{Look, Piece, Printer};
use crate::cli::terminal::text::{Column, instant, short, table, wrap};
use crate::design::diff::shape_text;
use crate::design::keys::kind::KeyValue;
use crate::design::keys::{BEFORE_AGENTS, Key, MODEL, PROTOCOL, ROLE, WORLD};
use crate::design::template::{RoleTags, Tag, Template, tag_of};
use crate::design::{Experiment, Expression, ModelSpec, PromptText, Role, RoleModel, Seed, Value, inflect, markdown};
use crate::exchange::records;
use crate::lab::filters::Reason;
use crate::lab::marks::OtherNote;
use crate::lab::questions::QuestionCount;
use crate::lab::{Lab, Selection};
use crate::people::source::write_level;
use crate::store::{Counts, ExperimentRecord};
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;
use std::io;

const TAGS: &[Column] = &[Column::text("TAG", 30, 0), Column::text("ONE", 8, 0), Column::text("SEVERAL", 8, 0)];

/// Keys of a role that say who its agents are.
const PEOPLE: [&str; 3] = ["people", "fragments", "deal"];

/// Prints an experiment.
pub async fn run(context: &Context, lab: &Lab, what: &str, selecting: &Selecting) -> Result<Exit, CliError> {
    let selection = lab.select_conversations(what, &selecting.criteria(context.creator())).await?;
    let Selection { mut record, document, inside, left_out, .. } = selection;
    let notes = lab.load_marks().await?.own_experiment(&mut record);
    let number = |reason| left_out.get(&reason).map_or(0, |number| *number as u32);
    let counts = Counts { offline: number(Reason::Offline), older: number(Reason::Revision), ..inside.counts() };
    let questions = lab.question_counts(&record).await?;
    if context.printer.json {
        let mut data = records::experiment(&record, counts, &document);
        records::add_notes(&mut data, &notes);
        if !questions.is_empty() {
            let question =
                |q: &QuestionCount| json!({ "question": q.text, "role": q.role, "done": q.done, "left": q.left });
            data.insert("questions".to_owned(), questions.iter().map(question).collect());
        }
        data.insert("document".to_owned(), serde_json::to_value(document.without_texts()).unwrap_or(Json::Null));
        context.printer.json_ok(&Json::Object(data))?;
        return Ok(Exit::Done);
    }
    let page = Page { printer: &context.printer };
    page.head((&record, &notes), counts, describe_left_out(&left_out))?;
    page.protocol(&document)?;
    page.models(&document)?;
    for (index, role) in document.roles.iter().enumerate() {
        page.role(role, &verbs(&document, index))?;
    }
    page.prompts(&document)?;
    page.design(&document)?;
    page.questions(&questions)?;
    Ok(Exit::Done)
}

struct Page<'a> {
    printer: &'a Printer,
}

impl Page<'_> {
    fn title(&self, text: &str) -> io::Result<()> {
        self.printer.out("")?;
        self.printer.pieces(&[Piece(text, Look::Bold)])
    }

    fn field(&self, name: &str, text: &str) -> io::Result<()> {
        let width = self.printer.width().map(|w| w.saturating_sub(20));
        for (i, line) in wrap(text, width).iter().enumerate() {
            let name = if i == 0 { name } else { "" };
            self.printer.pieces(&[Piece(&format!("  {name:<18}"), Look::Dim), Piece(line, Look::Plain)])?;
        }
        Ok(())
    }

    fn block(&self, text: &str) -> io::Result<()> {
        super::block::block(self.printer, text, "    ", Look::Plain)
    }

    fn head(
        &self,
        (record, notes): (&ExperimentRecord, &[OtherNote]),
        counts: Counts,
        left_out: Option<String>,
    ) -> io::Result<()> {
        let star = if record.starred { "★ " } else { "" };
        self.printer.pieces(&[
            Piece("experiment ", Look::Dim),
            Piece(star, Look::Yellow),
            Piece(&record.name, Look::Bold),
        ])?;
        self.field("id", &record.id)?;
        self.field("creator", &record.creator)?;
        self.field("created", &format!("{} UTC", instant(record.created)))?;
        self.field("revision", short(&record.revision))?;
        if let Some(note) = &record.note {
            self.field("note", note)?;
        }
        for OtherNote { by, note } in notes {
            self.field("note", &format!("{note} ({by})"))?;
        }
        if let Some(parent) = &record.parent {
            self.field("copied from", parent)?;
        }
        let Counts { done, failed, left, .. } = counts;
        self.field("conversations", &format!("{done} done, {failed} failed, {left} left"))?;
        if let Some(left_out) = left_out {
            self.field("not counted", &left_out)?;
        }
        let run = record.run;
        self.field("run", &format!("{} of each condition, seed {}", run.replicates, run.seed))
    }

    fn questions(&self, questions: &[QuestionCount]) -> io::Result<()> {
        if questions.is_empty() {
            return Ok(());
        }
        self.title("Questions")?;
        for QuestionCount { text, role, done, left } in questions {
            self.field(role, &format!("{text} · {done} done, {left} left"))?;
        }
        Ok(())
    }

    fn protocol(&self, document: &Experiment) -> io::Result<()> {
        self.title("Protocol")?;
        self.field("starting message", &document.starting_message)?;
        let keys = shown(PROTOCOL, &document.protocol);
        let agents: Vec<String> = document.roles.iter().map(Role::players).collect();
        let (before, after) = keys.split_at(BEFORE_AGENTS.min(keys.len()));
        let agents = ("agents", agents.join(", "));
        for (name, text) in before.iter().chain([&agents]).chain(after) {
            self.field(&name.replace('_', " "), text)?;
        }
        for (name, text) in document.world.iter().flat_map(|world| shown(WORLD, world)) {
            self.field(name, &text)?;
        }
        for (who, model) in [("selector", &document.selector_model), ("summarizer", &document.summarizer_model)] {
            if let Some(model) = model {
                self.field(who, model)?;
            }
        }
        for policy in &document.health {
            let then = if policy.value.fail { "fail" } else { "keep" };
            let ask = match policy.value.ask {
                0 => String::new(),
                n => format!("ask {n} more, then "),
            };
            self.field(&format!("if {}", policy.name), &format!("{ask}{then}"))?;
        }
        Ok(())
    }

    fn models(&self, document: &Experiment) -> io::Result<()> {
        self.title("Models")?;
        for model in &document.models {
            self.field(model.name(), &parameters(model))?;
        }
        Ok(())
    }

    fn role(&self, role: &Role, verbs: &[String]) -> io::Result<()> {
        self.title(&format!("Role {}", role.name))?;
        match &role.model {
            RoleModel::Condition => {}
            RoleModel::One(name) => self.field("model", name)?,
            RoleModel::Each(names) => self.field("models", &names.join(", "))?,
        }
        for (name, text) in shown(ROLE, role).into_iter().filter(|(name, _)| PEOPLE.contains(name)) {
            self.field(name, &text)?;
        }
        let lines = table(TAGS, &tags(role, verbs), self.printer.width().map(|w| w.saturating_sub(2)));
        lines.iter().try_for_each(|line| self.printer.out(&format!("  {line}")))
    }

    fn prompts(&self, document: &Experiment) -> io::Result<()> {
        if !document.sections.is_empty() {
            self.title("Order of sections")?;
            self.block(&document.sections.join(", "))?;
        }
        self.prompt("Shared prompt", &document.shared)?;
        for role in &document.roles {
            self.prompt(&format!("Prompt of {}", role.name), &role.prompt)?;
        }
        document.summarizer.as_ref().map_or(Ok(()), |s| self.prompt("Prompt of the summariser", s))
    }

    fn prompt(&self, title: &str, text: &PromptText) -> io::Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        self.title(title)?;
        self.block(text.start.trim())?;
        for section in &text.sections {
            let when = markdown::write_when(&section.when);
            let when = if when.is_empty() { when } else { format!("  {{{when}}}") };
            let title = format!("  ## {}", section.title);
            self.printer.pieces(&[Piece(&title, Look::Plain), Piece(&when, Look::Yellow)])?;
            self.block(section.text.trim())?;
        }
        Ok(())
    }

    fn design(&self, document: &Experiment) -> io::Result<()> {
        if document.factors.is_empty() && document.design.is_empty() {
            return Ok(());
        }
        self.title("Factors")?;
        for factor in &document.factors {
            let levels: Vec<String> = factor.levels.iter().map(Value::to_string).collect();
            let was = factor.was.as_ref().map(|w| format!("  (was {w})")).unwrap_or_default();
            self.field(&factor.name, &format!("{}{was}", levels.join(" | ")))?;
        }
        for zip in &document.design.zip {
            self.field("in step", &zip.factors.join(", "))?;
        }
        for Expression { all } in &document.design.exclude {
            self.field("without", &markdown::write_when(all))?;
        }
        for cell in &document.design.cells {
            let levels: Vec<String> = cell.levels.iter().map(|l| format!("{}={}", l.name, l.value)).collect();
            self.field("cell", &levels.join(" "))?;
        }
        Ok(())
    }
}

/// Returns keys with values in a form for people, without empty lists.
fn shown<T>(keys: &'static [Key<T>], of: &T) -> Vec<(&'static str, String)> {
    let text = |value| match value {
        KeyValue::One(Value::Float(number)) => number.to_string(),
        KeyValue::One(value) => value.to_string(),
        KeyValue::List(texts) => texts.join(" | "),
        KeyValue::Sources(sources) => write_level(&sources),
        KeyValue::Tree(shape) => shape_text(&shape),
        KeyValue::Seed(Seed::Base(base)) => base.to_string(),
        KeyValue::Seed(Seed::Fixed { fixed }) => format!("{fixed} (fixed)"),
    };
    let all = keys.iter().filter_map(|key| Some((key.name, text((key.get)(of)?))));
    all.filter(|(_, text)| !text.is_empty()).collect()
}

/// Formats the parameters of a model in one line.
pub fn parameters(model: &ModelSpec) -> String {
    let set = shown(MODEL, model).into_iter().map(|(name, text)| format!("{name} {text}"));
    let id = model.alias.as_ref().map(|_| model.id.clone());
    let words: Vec<String> = id.into_iter().chain(set).collect();
    if words.is_empty() { "as the server has it".to_owned() } else { words.join(", ") }
}

/// Returns the verbs that texts use for a role, as written.
fn verbs(document: &Experiment, role: usize) -> Vec<String> {
    let names: Vec<&str> = document.roles.iter().map(|r| r.name.as_str()).collect();
    let roles = RoleTags::new(&names);
    let files = document.roles.iter().map(|r| &r.prompt).chain([&document.shared]).chain(&document.summarizer);
    let texts =
        files.flat_map(|f| f.sections.iter().map(|s| &s.text).chain([&f.start])).chain([&document.starting_message]);
    let found: BTreeSet<String> = texts
        .flat_map(|text| {
            let (template, _) = Template::parse(text, &roles);
            template.tags().map(|(tag, _)| tag.clone()).collect::<Vec<_>>()
        })
        .filter_map(|tag| if let Tag::Verb(of, base) = tag { (of == role).then_some(base) } else { None })
        .collect();
    found.into_iter().collect()
}

/// Lists the placeholders for these roles with their values, singular and plural.
pub fn placeholders(roles: &[Role], width: Option<usize>) -> Vec<String> {
    let mut rows: Vec<Vec<String>> = roles
        .iter()
        .flat_map(|role| {
            let number = vec![format!("<{}_NUM>", tag_of(&role.name)), "1".to_owned(), "2, 3, …".to_owned()];
            let mut rows = tags(role, &["make".to_owned()]);
            rows.insert(0, number);
            rows
        })
        .collect();
    let row = |tag: &str, means: &str| vec![tag.to_owned(), means.to_owned(), means.to_owned()];
    rows.push(row("<AGENTS_NUM>", "all agents"));
    rows.push(row("<ROLES_NUM>", "all roles"));
    table(TAGS, &rows, width)
}

/// Lists the values of a role's placeholders, singular and plural.
fn tags(role: &Role, verbs: &[String]) -> Vec<Vec<String>> {
    let tag = tag_of(&role.name);
    let (pronoun, possessive) = inflect::split_pronouns(&role.pronouns).unwrap_or(("they", "their"));
    let row =
        |form: &str, one: &str, several: &str| vec![format!("<{tag}_{form}>"), one.to_owned(), several.to_owned()];
    let mut rows = vec![
        row("NOUN", &role.name, &role.plural),
        row("POSS", &inflect::possessive_one(&role.name), &inflect::possessive_several(&role.plural)),
        row("PRON", pronoun, "they"),
        row("POSSPRON", possessive, "their"),
    ];
    let verb = |v: &String| row(&format!("VERB_{v}"), &inflect::third_person(v), &inflect::base_for_several(v));
    rows.extend(verbs.iter().map(verb));
    rows
}
