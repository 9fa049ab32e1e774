//! The experiment as data: the same thing whether it came from a folder, a database or a guide.
//!
//! Serialised, it is the *document* that the database keeps as a revision (docs/format.md, "What is kept"): maps keyed
//! by a person's words are arrays of `{name, value}`, and no array holds an array.

use super::value::{Named, Value};
use super::words::words;
use serde::{Deserialize, Serialize};

/// The highest format that this program reads.
pub const READS: u32 = 1;
/// The format of a folder that names none; what is written names the lowest that suffices, which is this one.
pub const SILENT: u32 = 1;

/// The model that replaces every other with `--offline`.
pub const SCRIPTED: &str = "scripted";
/// The model that is a person who types.
pub const HUMAN: &str = "human";

/// An experiment: what is said to whom, by which models, under which conditions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Experiment {
    /// Version of the format.
    pub format: u32,
    /// Its name; (creator, name) is the experiment.
    pub name: String,
    /// A note of the first time; in no hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Said by `Researcher` to open each day.
    pub starting_message: String,
    /// Titles in the order in which an agent reads them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sections: Vec<String>,
    /// Models that may be used; without a factor `model`, the levels of that axis.
    pub models: Vec<ModelSpec>,
    /// How a conversation goes.
    pub protocol: Protocol,
    /// Roles in speaking order.
    pub roles: Vec<Role>,
    /// `shared.md`: what every agent reads.
    #[serde(default, skip_serializing_if = "PromptText::is_empty")]
    pub shared: PromptText,
    /// `summarizer.md`, and its model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summarizer: Option<PromptText>,
    /// The summariser's model; silent = the condition's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summarizer_model: Option<String>,
    /// The selector's model; silent = the condition's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector_model: Option<String>,
    /// Factors in order of writing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub factors: Vec<Factor>,
    /// How the factors combine.
    #[serde(default, skip_serializing_if = "Design::is_empty")]
    pub design: Design,
    /// What to do about a flagged reply; silent = keep.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub health: Vec<Named<Policy>>,
    /// Defaults of a run; in no revision.
    #[serde(default)]
    pub run: RunDefaults,
}

impl Experiment {
    /// One in which there is nothing but its name: what a person says comes in, and until then it is wrong.
    pub fn empty(name: &str) -> Self {
        Self {
            format: SILENT,
            name: name.to_owned(),
            note: None,
            starting_message: "Start the experiment".to_owned(),
            sections: Vec::new(),
            models: Vec::new(),
            protocol: Protocol::default(),
            roles: Vec::new(),
            shared: PromptText::default(),
            summarizer: None,
            summarizer_model: None,
            selector_model: None,
            factors: Vec::new(),
            design: Design::default(),
            health: Vec::new(),
            run: RunDefaults::default(),
        }
    }
}

/// A role: who an agent is.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Role {
    /// Its name as written, in the singular.
    pub name: String,
    /// How many agents play it unless a factor says otherwise.
    pub agents: u32,
    /// The plural, written or guessed.
    pub plural: String,
    /// Pronoun and possessive of one, `he/his`, written or guessed.
    pub pronouns: String,
    /// The models of its agents.
    #[serde(default, skip_serializing_if = "RoleModel::is_condition")]
    pub model: RoleModel,
    /// `roles/NAME.md`.
    #[serde(default, skip_serializing_if = "PromptText::is_empty")]
    pub prompt: PromptText,
}

/// Which model the agents of a role use.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(untagged)]
pub enum RoleModel {
    /// The condition's.
    #[default]
    Condition,
    /// One for all of them.
    One(String),
    /// One for each, in order.
    Each(Vec<String>),
}

impl Role {
    /// The agents who play it, in words: `1 guard`, `2 guards`.
    pub fn players(&self) -> String {
        format!("{} {}", self.agents, if self.agents == 1 { &self.name } else { &self.plural })
    }
}

impl RoleModel {
    /// Whether nothing is written.
    pub fn is_condition(&self) -> bool {
        matches!(self, Self::Condition)
    }
}

/// The text of one file: what stands before the first heading, then sections.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct PromptText {
    /// The starting prompt, byte for byte.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub start: String,
    /// Sections in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sections: Vec<Section>,
}

impl PromptText {
    /// Whether there is nothing at all.
    pub fn is_empty(&self) -> bool {
        self.start.is_empty() && self.sections.is_empty()
    }
}

/// A section: a heading, when it applies, and its text.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Section {
    /// Title without the attribute braces.
    pub title: String,
    /// Conditions that must all hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub when: Vec<When>,
    /// Text, byte for byte, as it stands in the file.
    pub text: String,
}

/// `factor=a|b`: the factor has one of these levels, as text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct When {
    /// A factor's name or another key that a condition has.
    pub factor: String,
    /// Levels, any of which will do.
    pub any: Vec<String>,
}

/// A model and how it is asked.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ModelSpec {
    /// `SERVER/NAME`.
    pub id: String,
    /// Its name within the experiment; silent = the id.
    #[serde(default, rename = "as", skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// What shapes the answer.
    #[serde(default)]
    pub sampling: Sampling,
    /// Seconds or a duration such as `30m` for which Ollama keeps the model in memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_alive: Option<Value>,
    /// Whether the reply is read as a stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<bool>,
    /// Requests in flight to this model's server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
}

impl ModelSpec {
    /// What levels and `model =` call it.
    pub fn name(&self) -> &str {
        self.alias.as_deref().unwrap_or(&self.id)
    }

    /// Whether it is a person who types.
    pub fn is_human(&self) -> bool {
        self.id == HUMAN
    }

    /// A model of which nothing is set.
    pub fn bare(id: &str) -> Self {
        Self { id: id.to_owned(), ..Self::default() }
    }
}

/// Returns the model that a level or `model =` names: by its name, else by its id if only one model has that id.
pub fn declared<'a>(experiment: &'a Experiment, name: &str) -> Option<&'a ModelSpec> {
    let by_name = experiment.models.iter().find(|m| m.name() == name);
    let mut by_id = experiment.models.iter().filter(|m| m.id == name);
    by_name.or_else(|| by_id.next().filter(|_| by_id.next().is_none()))
}

/// Sampling parameters: what is `None` is not sent.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Sampling {
    /// 0 to 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// Nucleus probability, above 0 and up to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f64>,
    /// Candidates kept (native Ollama only).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_k: Option<u32>,
    /// Longest reply in tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u32>,
    /// Strings at which the server stops.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stop: Vec<String>,
    /// Context in tokens (native Ollama only).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub num_ctx: Option<u32>,
    /// The server's randomness.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<Seed>,
}

/// The seed that a server is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Seed {
    /// A base from which each call's own seed is derived.
    Base(u64),
    /// The same number with every call.
    Fixed {
        /// The number.
        fixed: u64,
    },
}

/// How a conversation goes. `agents` stands with the roles.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Protocol {
    /// Openings and speeches together.
    pub messages: u32,
    /// Days.
    pub days: u32,
    /// Who speaks next.
    pub speakers: Speakers,
    /// Whether others' turns are headed by their speaker's name.
    pub labels: Labels,
    /// Whether consecutive user messages are joined.
    pub merge: bool,
    /// A reply that contains one ends the day.
    pub stop_phrases: Vec<String>,
    /// Whether the last day is summarised too.
    pub final_summary: bool,
}

/// The protocol of which nothing is written: no message yet.
impl Default for Protocol {
    fn default() -> Self {
        Self {
            messages: 0,
            days: 1,
            speakers: Speakers::RoundRobin,
            labels: Labels::Auto,
            merge: true,
            stop_phrases: Vec::new(),
            final_summary: false,
        }
    }
}

words! {
    /// Method of finding the next speaker.
    pub enum Speakers {
        /// In order.
        RoundRobin = "round-robin",
        /// Drawn, never the last speaker.
        Random = "random",
        /// A model chooses.
        Auto = "auto",
        /// A person chooses each time.
        Manual = "manual",
    }
}

/// Who chooses the next speaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chooser {
    /// The program, by a rule.
    Program,
    /// A model.
    Model,
    /// A person.
    Person,
}

impl Speakers {
    /// Returns who chooses.
    pub fn chooser(self) -> Chooser {
        match self {
            Self::RoundRobin | Self::Random => Chooser::Program,
            Self::Auto => Chooser::Model,
            Self::Manual => Chooser::Person,
        }
    }
}

words! {
    /// Whether others' turns are headed by their speaker's name.
    pub enum Labels {
        /// Where more than two agents speak.
        Auto = "auto",
        /// Always.
        Always = "always",
        /// Never.
        Never = "never",
    }
}

/// A factor: its levels are conditions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Factor {
    /// A label, or the name of what it sets.
    pub name: String,
    /// Levels in order.
    pub levels: Vec<Value>,
    /// The level that conversations from before the factor count as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was: Option<Value>,
}

/// How factors combine, where not as a full grid.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Design {
    /// Factors that go in step.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub zip: Vec<Zip>,
    /// Combinations left out; each is a list of conditions that must all hold.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<Expression>,
    /// Combinations in place of the grid of the factors that they name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cells: Vec<CellSpec>,
}

impl Design {
    /// Whether the grid is full.
    pub fn is_empty(&self) -> bool {
        self.zip.is_empty() && self.exclude.is_empty() && self.cells.is_empty()
    }
}

/// One row of `cells`: a level of each factor that it names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CellSpec {
    /// Factor and level.
    pub levels: Vec<Named<Value>>,
}

/// Factors that go in step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Zip {
    /// Their names.
    pub factors: Vec<String>,
}

/// `a=x b=y|z`: conditions that must all hold.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Expression {
    /// The conditions.
    pub all: Vec<When>,
}

/// What to do about a reply with a certain flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Up to so many further askings, of speeches only.
    #[serde(default)]
    pub ask: u32,
    /// Then: whether the conversation fails (else the reply is kept).
    #[serde(default)]
    pub fail: bool,
}

words! {
    /// What was noticed about a reply; of the reply and never of the run (docs/format.md, "Flags").
    pub enum Flag {
        /// The agent speaks as somebody else.
        IdentitySwap = "identity-swap",
        /// The reply holds turns of both sides.
        BothSides = "both-sides",
        /// The reply recites the prompt.
        PromptRecited = "prompt-recited",
        /// The reply repeats itself or an earlier turn.
        Repetition = "repetition",
        /// Nothing is left of the reply.
        Empty = "empty",
        /// The model declines.
        Refusal = "refusal",
        /// The server cut the reply at its length limit.
        Length = "length",
        /// The server filtered the reply.
        Filtered = "filtered",
        /// The server cut the prompt, or it cannot fit.
        PromptCut = "prompt-cut",
        /// The agent's own label was taken off the front.
        LabelCut = "label-cut",
        /// Text was cut where another's turn began.
        OverrunCut = "overrun-cut",
        /// Template tokens were taken out.
        TemplateToken = "template-token",
        /// Reasoning was taken out.
        ThinkingCut = "thinking-cut",
        /// The selector's choice was of no use; the next in order speaks.
        ChoiceFallback = "choice-fallback",
    }
}

/// Defaults of a run, in no revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunDefaults {
    /// Conversations per condition, numbered from 1.
    pub replicates: u32,
    /// The seed of everything random.
    pub seed: u64,
}

impl Default for RunDefaults {
    fn default() -> Self {
        Self { replicates: 1, seed: 0 }
    }
}
