//! An experiment in the making: the answers of a person so far, the questions that follow from them, and the files
//! that they come to. Pure.
//!
//! Nothing that was said goes away because of something else that was said: the text of a section that was taken out
//! stays, and is there again when its title comes back.

use crate::design::check::{Checked, KnownServer, check};
use crate::design::edit::Changes;
use crate::design::folder::{Files, SHARED, SUMMARIZER, role_file};
use crate::design::plan::SCRIPTED;
use crate::design::{Experiment, ModelSpec, Obstacle, Problem, PromptText, Role, RoleModel, Severity, inflect, write};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Openings and speeches of a conversation, until a run says otherwise.
const MESSAGES: u32 = 20;

/// A question of the road, in the order of asking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// The experiment's name.
    Name,
    /// What opens each day.
    Opening,
    /// Models with their parameters.
    Models,
    /// Titles of the agents' sections.
    Titles,
    /// Which of them all agents share.
    Shared,
    /// In which order agents read them.
    Order,
    /// The roles and their numbers.
    Roles,
    /// A role's plural.
    Plural(String),
    /// A role's pronouns.
    Pronouns(String),
    /// A role's model.
    RoleModel(String),
    /// Whether days are summarised.
    Summarizer,
    /// Titles of the summariser's sections.
    SummaryTitles,
    /// A text, by its address as `--section` has it.
    Text(String),
    /// Whether it is marked.
    Star,
    /// A note.
    Note,
    /// All of it, before it is saved.
    Overview,
}

impl Step {
    /// As a person reads it.
    pub fn words(&self) -> String {
        match self {
            Self::Name => "name".to_owned(),
            Self::Opening => "starting message".to_owned(),
            Self::Models => "models".to_owned(),
            Self::Titles => "section titles".to_owned(),
            Self::Shared => "shared sections".to_owned(),
            Self::Order => "order of sections".to_owned(),
            Self::Roles => "roles".to_owned(),
            Self::Plural(role) => format!("plural of {role}"),
            Self::Pronouns(role) => format!("pronouns of {role}"),
            Self::RoleModel(role) => format!("model of {role}"),
            Self::Summarizer => "summariser".to_owned(),
            Self::SummaryTitles => "the summariser's sections".to_owned(),
            Self::Text(address) => format!("contents of {}", place(address)),
            Self::Star => "star".to_owned(),
            Self::Note => "note".to_owned(),
            Self::Overview => "overview".to_owned(),
        }
    }
}

/// A text's address in words: `guard: Goal`, `shared: Goal`, `guard: before the sections`.
pub fn place(address: &str) -> String {
    let (whose, title) = address.split_once('/').unwrap_or(("shared", address));
    if title.is_empty() { format!("{whose}: before the sections") } else { format!("{whose}: {title}") }
}

/// A role and how many play it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Players {
    /// The role.
    pub name: String,
    /// How many agents.
    pub agents: u32,
}

/// What was said of a role.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Words {
    /// Its plural; none = as proposed.
    pub plural: Option<String>,
    /// Its pronouns; none = as proposed.
    pub pronouns: Option<String>,
    /// Its model.
    pub model: Option<String>,
}

/// Lines of a text that is being typed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Typed {
    /// Which text.
    pub address: String,
    /// Its lines so far.
    pub lines: Vec<String>,
}

/// Every answer so far, and what is proposed where none was given yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Draft {
    /// The question that is asked.
    pub step: Step,
    /// Questions that were answered.
    pub answered: Vec<Step>,
    /// The experiment's name.
    pub name: String,
    /// What opens each day.
    pub starting_message: String,
    /// Models with their parameters.
    pub models: Vec<ModelSpec>,
    /// Titles of the agents' sections, in the order of reading.
    pub titles: Vec<String>,
    /// Those that all agents share.
    pub shared: Vec<String>,
    /// Roles in speaking order.
    pub roles: Vec<Players>,
    /// What was said of each role, of those too that were taken out.
    pub words: BTreeMap<String, Words>,
    /// Whether days are summarised.
    pub summarizer: bool,
    /// Titles of the summariser's sections.
    pub summary_titles: Vec<String>,
    /// Texts by their address, those too that are in no section now.
    pub texts: BTreeMap<String, String>,
    /// A text that is being typed.
    pub typed: Option<Typed>,
    /// Whether it is marked.
    pub starred: bool,
    /// A note; none is empty.
    pub note: String,
}

impl Default for Draft {
    fn default() -> Self {
        let texts = |texts: &[&str]| texts.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>();
        Self {
            step: Step::Name,
            answered: Vec::new(),
            name: String::new(),
            starting_message: "Start the experiment".to_owned(),
            models: Vec::new(),
            titles: texts(&["Goal", "Personality", "Communication rules"]),
            shared: Vec::new(),
            roles: ["guard", "prisoner"].map(|name| Players { name: name.to_owned(), agents: 1 }).to_vec(),
            words: BTreeMap::new(),
            summarizer: false,
            summary_titles: texts(&["Goal"]),
            texts: BTreeMap::new(),
            typed: None,
            starred: false,
            note: String::new(),
        }
    }
}

impl Draft {
    /// Every question, in the order of asking, as the answers so far make it.
    pub fn steps(&self) -> Vec<Step> {
        let mut steps = vec![Step::Name, Step::Opening, Step::Models, Step::Titles, Step::Shared];
        if self.titles.len() > 1 {
            steps.push(Step::Order);
        }
        steps.push(Step::Roles);
        for Players { name, .. } in &self.roles {
            steps.extend([Step::Plural(name.clone()), Step::Pronouns(name.clone())]);
        }
        if self.models.len() > 1 {
            steps.extend(self.roles.iter().map(|role| Step::RoleModel(role.name.clone())));
        }
        steps.push(Step::Summarizer);
        if self.summarizer {
            steps.push(Step::SummaryTitles);
        }
        steps.extend(self.addresses().into_iter().map(Step::Text));
        steps.extend([Step::Star, Step::Note, Step::Overview]);
        steps
    }

    /// The question after or before one.
    pub fn beside(&self, step: &Step, by: isize) -> Option<Step> {
        let steps = self.steps();
        let at = steps.iter().position(|s| s == step)?.checked_add_signed(by)?;
        steps.get(at).cloned()
    }

    /// The first question that was not answered yet, else the overview.
    pub fn open_step(&self) -> Step {
        let open = self.steps().into_iter().find(|s| !self.answered.contains(s));
        open.unwrap_or(Step::Overview)
    }

    /// Notes that a question was answered.
    pub fn answer(&mut self, step: &Step) {
        if !self.answered.contains(step) {
            self.answered.push(step.clone());
        }
    }

    /// The addresses of all texts: what all read, each role's own, the summariser's.
    pub fn addresses(&self) -> Vec<String> {
        let mut all = vec!["shared/".to_owned()];
        let own = |owner: &str, title: &str| format!("{owner}/{title}");
        for title in self.titles.iter().filter(|t| self.shared.contains(t)) {
            all.push(if title.contains('/') { own("shared", title) } else { title.clone() });
        }
        for role in &self.roles {
            all.push(own(&role.name, ""));
            all.extend(self.titles.iter().filter(|t| !self.shared.contains(t)).map(|title| own(&role.name, title)));
        }
        if self.summarizer {
            all.extend(self.summary_titles.iter().map(|title| own("summarizer", title)));
        }
        all
    }

    /// The text at an address.
    pub fn text(&self, address: &str) -> &str {
        self.texts.get(address).map_or("", String::as_str)
    }

    /// What a role is called, and its models, as they stand.
    pub fn role(&self, players: &Players) -> Role {
        let words = self.words.get(&players.name).cloned().unwrap_or_default();
        let known = |model: &String| self.models.iter().any(|m| m.name() == model);
        Role {
            name: players.name.clone(),
            agents: players.agents,
            plural: words.plural.unwrap_or_else(|| inflect::guess_plural(&players.name)),
            pronouns: words.pronouns.unwrap_or_else(|| inflect::GUESSED_PRONOUNS.to_owned()),
            model: words.model.filter(known).map_or(RoleModel::Condition, RoleModel::One),
            prompt: PromptText::default(),
        }
    }

    /// All roles so.
    pub fn as_roles(&self) -> Vec<Role> {
        self.roles.iter().map(|players| self.role(players)).collect()
    }

    /// What an experiment of that name, in which there is nothing, must become.
    pub fn changes(&self) -> Changes {
        let of_roles =
            |title: &String| self.roles.iter().any(|r| !self.text(&format!("{}/{title}", r.name)).is_empty());
        let of_all = |title: &String| !self.text(title).is_empty() || !self.text(&format!("shared/{title}")).is_empty();
        let is_used = |title: &&String| if self.shared.contains(*title) { of_all(title) } else { of_roles(title) };
        let mut set = Vec::new();
        let mut put = |key: String, value: String| set.push((key, value));
        if !self.models.is_empty() {
            put("models".to_owned(), write::models_in_line(&self.models));
        }
        for role in self.as_roles() {
            let key = |word: &str| format!("roles.{}.{word}", toml_edit::Key::new(&role.name));
            put(key("plural"), written(&role.plural));
            put(key("pronouns"), written(&role.pronouns));
            if let RoleModel::One(model) = &role.model {
                put(key("model"), written(model));
            }
        }
        let titles: toml_edit::Array = self.titles.iter().filter(is_used).map(String::as_str).collect();
        if titles.len() > 1 {
            put("sections".to_owned(), titles.to_string());
        }
        put("messages".to_owned(), MESSAGES.to_string());
        let addresses = self.addresses().into_iter();
        Changes {
            starting_message: Some(self.starting_message.clone()),
            roles: self.roles.iter().map(|r| (r.name.clone(), Some(r.agents))).collect(),
            sections: addresses.map(|a| (a.clone(), self.text(&a).to_owned())).filter(|(_, t)| !t.is_empty()).collect(),
            set,
            ..Changes::default()
        }
    }

    /// The files that it comes to, or what stands in the way.
    pub fn files(&self) -> Result<Files, Vec<Obstacle>> {
        self.files_of(&self.changes())
    }

    fn files_of(&self, changes: &Changes) -> Result<Files, Vec<Obstacle>> {
        let note = Some(self.note.clone()).filter(|note| !note.is_empty());
        changes.apply(&Experiment { note, ..Experiment::empty(&self.name) })
    }

    /// The experiment that it comes to, checked as a folder is.
    pub fn check(&self, servers: &[KnownServer]) -> Checked {
        match self.files() {
            Ok(files) => check(&files, servers),
            Err(obstacles) => {
                let problems = obstacles.into_iter().map(|o| problem("experiment", o)).collect();
                Checked { experiment: None, plan: None, problems, guessed: Vec::new() }
            }
        }
    }

    /// The answer to a question, in a line.
    pub fn answer_to(&self, step: &Step) -> String {
        let words = |role: &String| self.words.get(role).cloned().unwrap_or_default();
        let yes = |yes: bool| (if yes { "yes" } else { "no" }).to_owned();
        let answer = match step {
            Step::Name => self.name.clone(),
            Step::Opening => self.starting_message.clone(),
            Step::Models => self.models.iter().map(ModelSpec::name).collect::<Vec<_>>().join(", "),
            Step::Titles | Step::Order => self.titles.join(", "),
            Step::Shared => {
                let shared = self.titles.iter().filter(|title| self.shared.contains(title)).cloned();
                shared.collect::<Vec<_>>().join(", ")
            }
            Step::Roles => self.players(),
            Step::Plural(role) => words(role).plural.unwrap_or_default(),
            Step::Pronouns(role) => words(role).pronouns.unwrap_or_default(),
            Step::RoleModel(role) => words(role).model.unwrap_or_else(|| "the conversation's".to_owned()),
            Step::Summarizer => yes(self.summarizer),
            Step::SummaryTitles => self.summary_titles.join(", "),
            Step::Text(address) => self.text(address).to_owned(),
            Step::Star => yes(self.starred),
            Step::Note => self.note.clone(),
            Step::Overview => String::new(),
        };
        let answer = if answer.is_empty() { "(none)".to_owned() } else { answer };
        format!("{}: {answer}", step.words())
    }

    /// `1 buyer, 2 sellers`.
    fn players(&self) -> String {
        let plural = |role: &Players| self.words.get(&role.name).and_then(|words| words.plural.clone());
        let one = |role: &Players| match plural(role) {
            Some(plural) if role.agents != 1 => format!("{} {plural}", role.agents),
            _ => format!("{} {}", role.agents, role.name),
        };
        self.roles.iter().map(one).collect::<Vec<_>>().join(", ")
    }

    /// All of it in few lines.
    pub fn summary(&self) -> String {
        let few = [Step::Name, Step::Opening, Step::Models, Step::Roles, Step::Titles, Step::Shared];
        let mut lines: Vec<String> = few.iter().map(|step| self.answer_to(step)).collect();
        let (empty, full): (Vec<String>, Vec<String>) =
            self.addresses().into_iter().partition(|address| self.text(address).is_empty());
        lines.push(format!("texts: {}", full.len()));
        let sections: Vec<String> = empty.iter().filter(|a| !a.ends_with('/')).map(|a| place(a)).collect();
        if !sections.is_empty() {
            lines.push(format!("empty, so not sent: {}", sections.join("; ")));
        }
        lines.join("\n")
    }

    /// The same for a preview: with two days where a summariser was asked for, who has nothing to do with one.
    pub fn check_to_preview(&self, servers: &[KnownServer]) -> Checked {
        let mut changes = self.changes();
        changes.set.push(("days".to_owned(), if self.summarizer { "2" } else { "1" }.to_owned()));
        self.files_of(&changes).map_or_else(|_| self.check(servers), |files| check(&files, servers))
    }

    /// What is wrong with a text, by the real check of an experiment that has this text alone. Lines are counted in it.
    pub fn check_text(&self, address: &str, text: &str, servers: &[KnownServer]) -> Vec<Problem> {
        let mut alone = Self { texts: BTreeMap::from([(address.to_owned(), text.to_owned())]), ..self.clone() };
        alone.models = vec![ModelSpec::bare(SCRIPTED)];
        let files = match alone.files() {
            Ok(files) => files,
            Err(obstacles) => return obstacles.into_iter().map(|o| problem(&place(address), o)).collect(),
        };
        let (file, title) = match address.split_once('/') {
            Some(("summarizer", title)) => (SUMMARIZER.to_owned(), title),
            Some(("shared", title)) => (SHARED.to_owned(), title),
            Some((role, title)) => (role_file(role), title),
            None => (SHARED.to_owned(), address),
        };
        let heading = usize::from(!title.is_empty());
        let found = check(&files, servers).problems.into_iter().filter(|p| p.path == file && p.line > heading);
        found.map(|p| Problem { path: place(address), line: p.line - heading, ..p }).collect()
    }

    /// What is wrong with the starting message.
    pub fn check_opening(&self, servers: &[KnownServer]) -> Vec<Problem> {
        let found = self.check(servers).problems.into_iter();
        found.filter(|p| ["unknown-tag", "agent-name"].contains(&p.code) && p.path == "experiment.toml").collect()
    }
}

/// A text as TOML has it.
fn written(text: &str) -> String {
    toml_edit::Value::from(text).to_string()
}

fn problem(path: &str, obstacle: Obstacle) -> Problem {
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
