//! An experiment in the making: a person's answers so far, the questions that follow from them, and the resulting
//! files. Pure.
//!
//! No answer removes the text of another: the draft keeps the text of a removed section, and shows it again when its
//! title returns.

use crate::design::check::{Checked, KnownServer, check};
use crate::design::edit::Changes;
use crate::design::folder::{Files, SHARED, SUMMARIZER, role_file};
use crate::design::plan::SCRIPTED;
use crate::design::{Experiment, ModelSpec, Obstacle, Problem, PromptText, Role, RoleModel, Severity, inflect, write};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Default number of openings and speeches in a conversation.
const MESSAGES: u32 = 20;

/// A question of the guide, in the order of asking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// The experiment's name.
    Name,
    /// Text that opens each day.
    Opening,
    /// Models with their parameters.
    Models,
    /// Titles of the agents' sections.
    Titles,
    /// Titles that all agents share.
    Shared,
    /// Order in which agents read the sections.
    Order,
    /// The roles and their numbers.
    Roles,
    /// A role's plural.
    Plural(String),
    /// A role's pronouns.
    Pronouns(String),
    /// A role's model.
    RoleModel(String),
    /// Choice of a summariser for each day.
    Summarizer,
    /// Titles of the summariser's sections.
    SummaryTitles,
    /// A text, by its address in the form of `--section`.
    Text(String),
    /// Choice of a star.
    Star,
    /// A note.
    Note,
    /// Overview before saving.
    Overview,
}

impl Step {
    /// Name of the question for a person.
    pub fn step_name(&self) -> String {
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
            Self::Text(address) => format!("contents of {}", describe_place(address)),
            Self::Star => "star".to_owned(),
            Self::Note => "note".to_owned(),
            Self::Overview => "overview".to_owned(),
        }
    }
}

/// Describes a text's address in words: `guard: Goal`, `shared: Goal`, `guard: before the sections`.
pub fn describe_place(address: &str) -> String {
    let (whose, title) = address.split_once('/').unwrap_or(("shared", address));
    if title.is_empty() { format!("{whose}: before the sections") } else { format!("{whose}: {title}") }
}

/// A role and its number of agents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Players {
    /// The role.
    pub name: String,
    /// Number of agents.
    pub agents: u32,
}

/// Answers about a role.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Words {
    /// `None` keeps the proposed plural.
    pub plural: Option<String>,
    /// `None` keeps the proposed pronouns.
    pub pronouns: Option<String>,
    /// `None` uses the experiment's models.
    pub model: Option<String>,
}

/// Lines of an unfinished text.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Typed {
    /// Address of the text.
    pub address: String,
    /// Its lines so far.
    pub lines: Vec<String>,
}

/// All answers so far, and proposals for the others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Draft {
    /// Current question.
    pub step: Step,
    /// Questions that were answered.
    pub answered: Vec<Step>,
    /// The experiment's name.
    pub name: String,
    /// Text that opens each day.
    pub starting_message: String,
    /// Models with their parameters.
    pub models: Vec<ModelSpec>,
    /// Titles of the agents' sections, in reading order.
    pub titles: Vec<String>,
    /// Titles that all agents share.
    pub shared: Vec<String>,
    /// Roles in speaking order.
    pub roles: Vec<Players>,
    /// Answers about each role, removed roles included.
    pub words: BTreeMap<String, Words>,
    /// True if days are summarised.
    pub summarizer: bool,
    /// Titles of the summariser's sections.
    pub summary_titles: Vec<String>,
    /// Texts by address, those of removed sections included.
    pub texts: BTreeMap<String, String>,
    /// Unfinished text.
    pub typed: Option<Typed>,
    /// True if the experiment has a star.
    pub starred: bool,
    /// Empty without a note.
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
    /// Lists every question that follows from the answers so far, in the order of asking.
    pub fn list_steps(&self) -> Vec<Step> {
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
        steps.extend(self.list_addresses().into_iter().map(Step::Text));
        steps.extend([Step::Star, Step::Note, Step::Overview]);
        steps
    }

    /// Returns the question `by` steps after another one.
    pub fn neighbour_step(&self, step: &Step, by: isize) -> Option<Step> {
        let steps = self.list_steps();
        let at = steps.iter().position(|s| s == step)?.checked_add_signed(by)?;
        steps.get(at).cloned()
    }

    /// Returns the first question without an answer, else the overview.
    pub fn open_step(&self) -> Step {
        let open = self.list_steps().into_iter().find(|s| !self.answered.contains(s));
        open.unwrap_or(Step::Overview)
    }

    /// Marks a question as answered.
    pub fn mark_answered(&mut self, step: &Step) {
        if !self.answered.contains(step) {
            self.answered.push(step.clone());
        }
    }

    /// Addresses of all texts: shared ones, those of each role, those of the summariser.
    pub fn list_addresses(&self) -> Vec<String> {
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
    pub fn text_at(&self, address: &str) -> &str {
        self.texts.get(address).map_or("", String::as_str)
    }

    /// Builds a role with its current word forms and models.
    pub fn build_role(&self, players: &Players) -> Role {
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
        self.roles.iter().map(|players| self.build_role(players)).collect()
    }

    /// Changes that turn an empty experiment with this name into the draft.
    pub fn list_changes(&self) -> Changes {
        let of_roles =
            |title: &String| self.roles.iter().any(|r| !self.text_at(&format!("{}/{title}", r.name)).is_empty());
        let of_all =
            |title: &String| !self.text_at(title).is_empty() || !self.text_at(&format!("shared/{title}")).is_empty();
        let is_used = |title: &&String| if self.shared.contains(*title) { of_all(title) } else { of_roles(title) };
        let mut set = Vec::new();
        let mut put = |key: String, value: String| set.push((key, value));
        if !self.models.is_empty() {
            put("models".to_owned(), write::models_in_line(&self.models));
        }
        for role in self.as_roles() {
            let key = |word: &str| format!("roles.{}.{word}", toml_edit::Key::new(&role.name));
            put(key("plural"), quote_toml(&role.plural));
            put(key("pronouns"), quote_toml(&role.pronouns));
            if let RoleModel::One(model) = &role.model {
                put(key("model"), quote_toml(model));
            }
        }
        let titles: toml_edit::Array = self.titles.iter().filter(is_used).map(String::as_str).collect();
        if titles.len() > 1 {
            put("sections".to_owned(), titles.to_string());
        }
        put("messages".to_owned(), MESSAGES.to_string());
        let addresses = self.list_addresses().into_iter();
        Changes {
            starting_message: Some(self.starting_message.clone()),
            roles: self.roles.iter().map(|r| (r.name.clone(), Some(r.agents))).collect(),
            sections: addresses
                .map(|a| (a.clone(), self.text_at(&a).to_owned()))
                .filter(|(_, t)| !t.is_empty())
                .collect(),
            set,
            ..Changes::default()
        }
    }

    /// Builds the files of the experiment.
    ///
    /// # Errors
    /// The obstacles that prevent it.
    pub fn build_files(&self) -> Result<Files, Vec<Obstacle>> {
        self.files_of(&self.list_changes())
    }

    fn files_of(&self, changes: &Changes) -> Result<Files, Vec<Obstacle>> {
        let note = Some(self.note.clone()).filter(|note| !note.is_empty());
        changes.apply(&Experiment { note, ..Experiment::empty(&self.name) })
    }

    /// Builds the experiment and checks it like a folder.
    pub fn check_draft(&self, servers: &[KnownServer]) -> Checked {
        match self.build_files() {
            Ok(files) => check(&files, servers),
            Err(obstacles) => {
                let problems = obstacles.into_iter().map(|o| build_problem("experiment", o)).collect();
                Checked { experiment: None, plan: None, problems, guessed: Vec::new() }
            }
        }
    }

    /// Answer to a question, in one line.
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
            Step::Roles => self.describe_players(),
            Step::Plural(role) => words(role).plural.unwrap_or_default(),
            Step::Pronouns(role) => words(role).pronouns.unwrap_or_default(),
            Step::RoleModel(role) => words(role).model.unwrap_or_else(|| "the conversation's".to_owned()),
            Step::Summarizer => yes(self.summarizer),
            Step::SummaryTitles => self.summary_titles.join(", "),
            Step::Text(address) => self.text_at(address).to_owned(),
            Step::Star => yes(self.starred),
            Step::Note => self.note.clone(),
            Step::Overview => String::new(),
        };
        let answer = if answer.is_empty() { "(none)".to_owned() } else { answer };
        format!("{}: {answer}", step.step_name())
    }

    /// `1 buyer, 2 sellers`.
    fn describe_players(&self) -> String {
        let plural = |role: &Players| self.words.get(&role.name).and_then(|words| words.plural.clone());
        let one = |role: &Players| match plural(role) {
            Some(plural) if role.agents != 1 => format!("{} {plural}", role.agents),
            _ => format!("{} {}", role.agents, role.name),
        };
        self.roles.iter().map(one).collect::<Vec<_>>().join(", ")
    }

    /// Describes the draft in a few lines.
    pub fn describe_draft(&self) -> String {
        let few = [Step::Name, Step::Opening, Step::Models, Step::Roles, Step::Titles, Step::Shared];
        let mut lines: Vec<String> = few.iter().map(|step| self.answer_to(step)).collect();
        let (empty, full): (Vec<String>, Vec<String>) =
            self.list_addresses().into_iter().partition(|address| self.text_at(address).is_empty());
        lines.push(format!("texts: {}", full.len()));
        let sections: Vec<String> = empty.iter().filter(|a| !a.ends_with('/')).map(|a| describe_place(a)).collect();
        if !sections.is_empty() {
            lines.push(format!("empty, so not sent: {}", sections.join("; ")));
        }
        lines.join("\n")
    }

    /// Checks the draft for a preview, with two days if it has a summariser, who would be idle with one.
    pub fn check_to_preview(&self, servers: &[KnownServer]) -> Checked {
        let mut changes = self.list_changes();
        changes.set.push(("days".to_owned(), if self.summarizer { "2" } else { "1" }.to_owned()));
        self.files_of(&changes).map_or_else(|_| self.check_draft(servers), |files| check(&files, servers))
    }

    /// Checks a text by the check of an experiment with this text alone. Line numbers are those of the text.
    pub fn check_text(&self, address: &str, text: &str, servers: &[KnownServer]) -> Vec<Problem> {
        let mut alone = Self { texts: BTreeMap::from([(address.to_owned(), text.to_owned())]), ..self.clone() };
        alone.models = vec![ModelSpec::bare(SCRIPTED)];
        let files = match alone.build_files() {
            Ok(files) => files,
            Err(obstacles) => {
                return obstacles.into_iter().map(|o| build_problem(&describe_place(address), o)).collect();
            }
        };
        let (file, title) = match address.split_once('/') {
            Some(("summarizer", title)) => (SUMMARIZER.to_owned(), title),
            Some(("shared", title)) => (SHARED.to_owned(), title),
            Some((role, title)) => (role_file(role), title),
            None => (SHARED.to_owned(), address),
        };
        let heading = usize::from(!title.is_empty());
        let found = check(&files, servers).problems.into_iter().filter(|p| p.path == file && p.line > heading);
        found.map(|p| Problem { path: describe_place(address), line: p.line - heading, ..p }).collect()
    }

    /// Checks the starting message.
    pub fn check_opening(&self, servers: &[KnownServer]) -> Vec<Problem> {
        let found = self.check_draft(servers).problems.into_iter();
        found.filter(|p| ["unknown-tag", "agent-name"].contains(&p.code) && p.path == "experiment.toml").collect()
    }
}

/// Writes a text as TOML.
fn quote_toml(text: &str) -> String {
    toml_edit::Value::from(text).to_string()
}

fn build_problem(path: &str, obstacle: Obstacle) -> Problem {
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
