//! The experiment as data, whether it comes from a folder, a database or the guide.
//!
//! Serialised, it is the *document* that the database stores as a revision (docs/format.md, "What is kept"). A map
//! whose keys are chosen by researchers is stored as an array of `{name, value}`. No array contains an array.

use super::action::Action;
use super::mind::Mind;
use super::person_file::{PersonFile, TextFile};
use super::value::{Named, Value};
use super::words::words;
use super::world::World;
use crate::people::Source;
use serde::{Deserialize, Serialize};

/// The highest format that this program reads.
pub const READS: u32 = 1;
/// The format of a folder that does not state its format. convoke writes folders in the lowest format that suffices,
/// which is this one.
pub const SILENT: u32 = 1;

/// The model that replaces every other with `--offline`.
pub const SCRIPTED: &str = "scripted";
/// The model that is a person who types.
pub const HUMAN: &str = "human";

/// An experiment: roles, prompts, factors, protocol and models.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Experiment {
    /// Version of the format.
    pub format: u32,
    /// Name of the experiment. Creator and name together identify an experiment.
    pub name: String,
    /// A note; no hash includes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The message with which `Researcher` opens each day.
    pub starting_message: String,
    /// Titles in the order in which an agent reads them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sections: Vec<String>,
    /// Models that may be used. Without a factor `model`, they are the levels of the axis `model`.
    pub models: Vec<ModelSpec>,
    /// The protocol of each conversation.
    pub protocol: Protocol,
    /// Roles in speaking order.
    pub roles: Vec<Role>,
    /// `shared.md`: what every agent reads.
    #[serde(default, skip_serializing_if = "PromptText::is_empty")]
    pub shared: PromptText,
    /// `summarizer.md`, and its model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summarizer: Option<PromptText>,
    /// The summariser's model; `None` = the model of the condition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summarizer_model: Option<String>,
    /// The selector's model; `None` = the model of the condition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector_model: Option<String>,
    /// `[mind]`: what every agent does besides speaking.
    #[serde(default, skip_serializing_if = "Mind::is_empty")]
    pub mind: Mind,
    /// `[world]`; `None` for a conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub world: Option<World>,
    /// Actions of the researcher's own design.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<Action>,
    /// Factors in order of writing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub factors: Vec<Factor>,
    /// Combinations of the factors.
    #[serde(default, skip_serializing_if = "Design::is_empty")]
    pub design: Design,
    /// A policy for each flag that `[health]` names. Replies with other flags are kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub health: Vec<Named<Policy>>,
    /// Files of people and fragments that roles or factors name, in the order of their paths.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub people: Vec<PersonFile>,
    /// Further files that the experiment names: links of a world.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<TextFile>,
    /// Defaults of a run; no revision includes them.
    #[serde(default)]
    pub run: RunDefaults,
}

impl Experiment {
    /// Returns true if an agent may answer with JSON in some condition.
    pub fn has_turns(&self) -> bool {
        let by_factor = |f: &Factor| f.name.starts_with("mind.") || f.name.contains(".mind.");
        let minds = self.roles.iter().map(|role| &role.mind).chain([&self.mind]);
        !self.actions.is_empty()
            || minds.into_iter().any(|mind| mind.thinks() || !mind.kept().is_empty())
            || self.factors.iter().any(by_factor)
    }

    /// Creates an experiment that has only a name. It has errors until the rest is added.
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
            mind: Mind::default(),
            world: None,
            actions: Vec::new(),
            shared: PromptText::default(),
            summarizer: None,
            summarizer_model: None,
            selector_model: None,
            factors: Vec::new(),
            design: Design::default(),
            health: Vec::new(),
            people: Vec::new(),
            files: Vec::new(),
            run: RunDefaults::default(),
        }
    }

    /// Returns the experiment as the database stores it: with hashes in place of the texts of people and files.
    #[must_use]
    pub fn without_texts(&self) -> Self {
        let people = self.people.iter().map(PersonFile::without_text).collect();
        Self { people, files: self.files.iter().map(TextFile::without_text).collect(), ..self.clone() }
    }

    /// Returns the texts that the database stores by their hashes.
    pub fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        let people = self.people.iter().filter_map(|file| Some((file.hash.as_str(), file.text()?)));
        people.chain(self.files.iter().filter_map(|file| Some((file.hash.as_str(), file.text.as_deref()?))))
    }

    /// Returns the hashes of its texts.
    pub fn text_hashes(&self) -> impl Iterator<Item = &str> {
        self.people.iter().map(|file| file.hash.as_str()).chain(self.files.iter().map(|file| file.hash.as_str()))
    }

    /// Puts the texts in, which the database stores by their hashes.
    ///
    /// # Errors
    /// `find` has no text of a hash.
    pub fn fill_texts<E>(&mut self, mut find: impl FnMut(&str) -> Result<String, E>) -> Result<(), E> {
        for file in &mut self.people {
            file.fill_text(find(&file.hash)?);
        }
        for file in &mut self.files {
            file.text = Some(find(&file.hash)?);
        }
        Ok(())
    }

    /// Returns true if a role has people in some condition.
    pub fn has_people(&self) -> bool {
        self.roles.iter().any(|role| self.role_has_people(role))
    }

    /// Returns true if a role has people in some condition.
    pub fn role_has_people(&self, role: &Role) -> bool {
        let name = format!("roles.{}.people", role.name);
        !role.people.is_empty() || self.factors.iter().any(|factor| factor.name == name)
    }
}

/// A role: the part that agents play.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Role {
    /// Name of the role as written, in the singular.
    pub name: String,
    /// Number of agents that play the role, unless a factor sets it.
    pub agents: u32,
    /// The plural, written or guessed.
    pub plural: String,
    /// Pronoun and possessive for one agent, such as `he/his`; written or guessed.
    pub pronouns: String,
    /// The models of its agents.
    #[serde(default, skip_serializing_if = "RoleModel::is_condition")]
    pub model: RoleModel,
    /// Sources of the persons that its agents are; empty means nobody in particular.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub people: Vec<Source>,
    /// Sources of the fragments that are merged into each person, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fragments: Vec<Source>,
    /// Rule by which persons take part in conversations.
    #[serde(default, skip_serializing_if = "Deal::is_default")]
    pub deal: Deal,
    /// `[roles.NAME.mind]`: keys of the mind that this role overrides.
    #[serde(default, skip_serializing_if = "Mind::is_empty")]
    pub mind: Mind,
    /// `roles/NAME.md`.
    #[serde(default, skip_serializing_if = "PromptText::is_empty")]
    pub prompt: PromptText,
}

/// The models of a role's agents.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(untagged)]
pub enum RoleModel {
    /// The model of the condition.
    #[default]
    Condition,
    /// One model for all agents of the role.
    One(String),
    /// One model for each agent, in order.
    Each(Vec<String>),
}

words! {
    /// Rule by which the people of a role take part in conversations.
    #[derive(Default)]
    pub enum Deal {
        /// A replicate has the same people in every condition with equally many agents.
        #[default]
        Matched = "matched",
        /// Each condition has a draw of its own.
        Random = "random",
        /// The first people take part in every conversation.
        InOrder = "in-order",
    }
}

impl Deal {
    /// Returns true for the default, which documents leave out.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Role {
    /// Returns the role without its prompt, as conditions hold it.
    #[must_use]
    pub fn without_prompt(&self) -> Self {
        Self {
            name: self.name.clone(),
            agents: self.agents,
            plural: self.plural.clone(),
            pronouns: self.pronouns.clone(),
            model: self.model.clone(),
            people: self.people.clone(),
            fragments: self.fragments.clone(),
            deal: self.deal,
            mind: self.mind.clone(),
            prompt: PromptText::default(),
        }
    }

    /// Returns the number of agents with the noun: `1 guard`, `2 guards`.
    pub fn players(&self) -> String {
        format!("{} {}", self.agents, if self.agents == 1 { &self.name } else { &self.plural })
    }
}

impl RoleModel {
    /// Returns true if the role sets no model.
    pub fn is_condition(&self) -> bool {
        matches!(self, Self::Condition)
    }
}

/// The text of one file: a starting prompt before the first heading, then sections.
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
    /// Returns true if there is no text.
    pub fn is_empty(&self) -> bool {
        self.start.is_empty() && self.sections.is_empty()
    }
}

/// A section: a heading, conditions and a text.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Section {
    /// Title without the attribute braces.
    pub title: String,
    /// Conditions that must all hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub when: Vec<When>,
    /// Text, byte for byte.
    pub text: String,
}

/// `factor=a|b`: the factor has one of these levels, as text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct When {
    /// A factor's name or another key that a condition has.
    pub factor: String,
    /// Levels; the factor must have one of them.
    pub any: Vec<String>,
}

/// A model and its parameters.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ModelSpec {
    /// `SERVER/NAME`.
    pub id: String,
    /// Name of the model within the experiment; `None` = the id.
    #[serde(default, rename = "as", skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// Parameters that change its replies.
    #[serde(default)]
    pub sampling: Sampling,
    /// Seconds or a duration such as `30m` for which Ollama keeps the model in memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_alive: Option<Value>,
    /// True if the reply is read as a stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<bool>,
    /// Requests in flight to this model's server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
    /// Way in which the form of turns as JSON is given; `None` = by schema, and by the prompt alone once the server refuses one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub structured: Option<Structured>,
}

words! {
    /// Way in which a model gets the form of turns as JSON.
    pub enum Structured {
        /// By schema; a server that refuses it stops the model.
        Schema = "schema",
        /// By the prompt alone.
        Prompt = "prompt",
    }
}

impl ModelSpec {
    /// Returns the name that levels and `model =` use.
    pub fn name(&self) -> &str {
        self.alias.as_deref().unwrap_or(&self.id)
    }

    /// Returns true if it is a person who types.
    pub fn is_human(&self) -> bool {
        self.id == HUMAN
    }

    /// Creates a model without parameters.
    pub fn bare(id: &str) -> Self {
        Self { id: id.to_owned(), ..Self::default() }
    }
}

/// Returns the model that a level or `model =` names: by its name, else by its id if only one model has that id.
pub fn find_declared<'a>(experiment: &'a Experiment, name: &str) -> Option<&'a ModelSpec> {
    let by_name = experiment.models.iter().find(|m| m.name() == name);
    let mut by_id = experiment.models.iter().filter(|m| m.id == name);
    by_name.or_else(|| by_id.next().filter(|_| by_id.next().is_none()))
}

/// Sampling parameters. A parameter that is `None` is not sent.
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

/// The seed that is sent to a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Seed {
    /// A base, from which a different seed is derived for each call.
    Base(u64),
    /// The same number for every call.
    Fixed {
        /// The number.
        fixed: u64,
    },
}

/// The rules of a conversation. The number of agents belongs to the roles.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Protocol {
    /// Number of openings and speeches together.
    pub messages: u32,
    /// Number of days.
    pub days: u32,
    /// Choice of the next speaker.
    pub speakers: Speakers,
    /// Labels with the speaker's name before turns of others.
    pub labels: Labels,
    /// True if consecutive user messages are joined.
    pub merge: bool,
    /// Phrases; a speech that contains one ends the day.
    pub stop_phrases: Vec<String>,
    /// True if the last day is summarised too.
    pub final_summary: bool,
}

/// A protocol in which no key is set. It has no messages yet.
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

/// The chooser of the next speaker.
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
    /// Returns the chooser.
    pub fn chooser(self) -> Chooser {
        match self {
            Self::RoundRobin | Self::Random => Chooser::Program,
            Self::Auto => Chooser::Model,
            Self::Manual => Chooser::Person,
        }
    }
}

words! {
    /// Labels with the speaker's name before turns of others.
    pub enum Labels {
        /// Where more than two agents speak.
        Auto = "auto",
        /// Always.
        Always = "always",
        /// Never.
        Never = "never",
    }
}

/// A factor: a variable of the design whose levels are compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Factor {
    /// A label, or the name of the setting that the factor changes.
    pub name: String,
    /// Levels in order.
    pub levels: Vec<Value>,
    /// The level that is assumed for conversations stored before the factor existed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was: Option<Value>,
}

/// Combinations of factors other than the full grid.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Design {
    /// Factors whose levels change together.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub zip: Vec<Zip>,
    /// Excluded combinations; each is a list of conditions that must all hold.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<Expression>,
    /// Combinations that replace the grid of the factors that they name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cells: Vec<CellSpec>,
}

impl Design {
    /// Returns true if the grid is full.
    pub fn is_empty(&self) -> bool {
        self.zip.is_empty() && self.exclude.is_empty() && self.cells.is_empty()
    }
}

/// One row of `cells`: a level of each factor that the row names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CellSpec {
    /// Factor and level.
    pub levels: Vec<Named<Value>>,
}

/// Factors whose levels change together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Zip {
    /// Names of the factors.
    pub factors: Vec<String>,
}

/// `a=x b=y|z`: conditions that must all hold.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Expression {
    /// The conditions.
    pub all: Vec<When>,
}

/// A policy for replies with one flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Maximum number of times that a rejected speech is requested again.
    #[serde(default)]
    pub ask: u32,
    /// True if the conversation fails after the last request; otherwise the reply is kept.
    #[serde(default)]
    pub fail: bool,
}

words! {
    /// An observation about a reply, never about the run (docs/format.md, "Flags").
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
        /// Something looks like reasoning and was left in the text.
        ThinkingLeft = "thinking-left",
        /// The selector's choice was of no use; the next in order speaks.
        ChoiceFallback = "choice-fallback",
        /// The reply is not the JSON object that was asked for.
        Malformed = "malformed",
        /// The JSON object was read after a repair.
        Repaired = "repaired",
        /// Actions beyond the maximum were left out.
        ActionsCut = "actions-cut",
    }
}

impl Flag {
    /// Returns the policy for replies with this flag where `[health]` names none. An agent whose answer is not the
    /// object that was asked for is asked twice more, and then waits.
    pub fn usual_policy(self) -> Policy {
        match self {
            Self::Malformed => Policy { ask: 2, fail: false },
            Self::IdentitySwap
            | Self::BothSides
            | Self::PromptRecited
            | Self::Repetition
            | Self::Empty
            | Self::Refusal
            | Self::Length
            | Self::Filtered
            | Self::PromptCut
            | Self::LabelCut
            | Self::OverrunCut
            | Self::TemplateToken
            | Self::ThinkingCut
            | Self::ThinkingLeft
            | Self::ChoiceFallback
            | Self::Repaired
            | Self::ActionsCut => Policy { ask: 0, fail: false },
        }
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
