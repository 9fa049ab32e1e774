//! Keys of `[protocol]`, `[roles.NAME]`, `[mind]`, `[world]` and models in one table. Folder, document, factors, flags, differences, the
//! condition key and the pages of `convoke show` are all derived from this table.
//!
//! A new key is a field of its struct and a row here. If older folders lack the field, serde omits the field at its
//! default from the document, and its row returns `None` at that default.

pub mod kind;

use super::experiment::{Deal, Labels, ModelSpec, Protocol, Role, Speakers, Structured};
use super::mind::{Builtin, Mind};
use super::mind_keys;
use super::tree::{Node, Tree};
use super::world::{Hearing, World};
use super::world_keys;
use kind::{Field, KeyKind, KeyValue, put_field};
use std::collections::BTreeMap;

/// Maximum number of messages, and of days, in a conversation. It is far above any use, and small enough for arithmetic
/// without overflow.
pub const MOST_MESSAGES: u32 = 1_000_000;

/// A key of the TOML table in which a `T` is written.
pub struct Key<T: 'static> {
    /// Name of the key in files and flags.
    pub name: &'static str,
    /// The values that it takes.
    pub kind: KeyKind,
    /// One line of help.
    pub help: &'static str,
    /// True if a factor may set it, and headings may read it.
    pub factor: bool,
    /// True if the condition key includes the value when it is not the default.
    pub counts: bool,
    /// Returns its value; `None` if there is nothing to write.
    pub get: fn(&T) -> Option<KeyValue>,
    /// Sets it; a value of another type changes nothing.
    pub set: fn(&mut T, KeyValue),
}

impl<T: Default> Key<T> {
    /// Returns the value if it is not the default.
    pub fn changed_value(&self, of: &T) -> Option<KeyValue> {
        (self.get)(of).filter(|value| self.default_value().as_ref() != Some(value))
    }

    /// Returns the value of a table that lacks the key.
    pub fn default_value(&self) -> Option<KeyValue> {
        (self.get)(&T::default())
    }
}

/// Finds a key by its name.
pub fn find_key<T>(keys: &'static [Key<T>], name: &str) -> Option<&'static Key<T>> {
    keys.iter().find(|key| key.name == name)
}

/// Returns the names of keys.
pub fn key_names<T>(keys: &'static [Key<T>]) -> impl Iterator<Item = &'static str> {
    keys.iter().map(|key| key.name)
}

/// Reads the keys of a table. Returns the names of the keys that could be read.
pub fn read_keys<T>(
    tree: &mut Tree<'_>,
    at: &str,
    fields: &BTreeMap<&str, &Node<'_>>,
    keys: &'static [Key<T>],
    into: &mut T,
) -> Vec<&'static str> {
    let mut read = Vec::new();
    for key in keys {
        let node = fields.get(key.name);
        if let Some(value) = node.and_then(|node| key.kind.read_value(tree, &format!("{at}.{}", key.name), node)) {
            (key.set)(into, value);
            read.push(key.name);
        }
    }
    read
}

/// Declares a key that sets one field. Arguments: the key's name, the field, the values that it accepts, and one line
/// of help.
macro_rules! key {
    ($name:literal, $($field:ident).+: $kind:expr, $help:literal; factor: $factor:literal, counts: $counts:literal) => {
        Key {
            name: $name,
            kind: $kind,
            help: $help,
            factor: $factor,
            counts: $counts,
            get: |of| of.$($field).+.value(),
            set: |of, value| put_field(&mut of.$($field).+, value),
        }
    };
}

const COUNT: KeyKind = KeyKind::Count { from: 1, to: u32::MAX };
const MESSAGES: KeyKind = KeyKind::Count { from: 1, to: MOST_MESSAGES };

/// Number of keys of `[protocol]` that are written before `agents`, which belongs to the roles.
pub const BEFORE_AGENTS: usize = 2;

/// Keys of `[protocol]` in the order of writing.
pub static PROTOCOL: &[Key<Protocol>] = &[
    Key {
        name: "messages",
        kind: MESSAGES,
        help: "messages of a conversation, openings included",
        factor: true,
        counts: true,
        get: |p| Some(p.messages).filter(|n| *n > 0).value(),
        set: |p, value| put_field(&mut p.messages, value),
    },
    key! { "days", days: MESSAGES, "number of days"; factor: true, counts: true },
    key! { "speakers", speakers: KeyKind::Word(Speakers::WORDS), "choice of the next speaker"; factor: true, counts: true },
    key! {
        "labels", labels: KeyKind::Word(Labels::WORDS), "names of the speakers before their turns";
        factor: true, counts: true
    },
    key! { "merge", merge: KeyKind::Bool, "true if consecutive user messages are joined"; factor: true, counts: true },
    key! {
        "stop_phrases", stop_phrases: KeyKind::Phrases, "a speech that contains one ends the day";
        factor: false, counts: true
    },
    key! {
        "final_summary", final_summary: KeyKind::Bool, "true if the last day is summarised too";
        factor: true, counts: true
    },
];

/// Keys of `[roles.NAME]`.
pub static ROLE: &[Key<Role>] = &[
    key! { "plural", plural: KeyKind::Text, "the noun of several"; factor: false, counts: true },
    key! { "pronouns", pronouns: KeyKind::Pronouns, "pronoun and possessive of one"; factor: false, counts: true },
    // The condition key includes its effect instead: the models of the condition.
    key! {
        "model", model: KeyKind::Models, "a model for all agents of the role, or one for each";
        factor: true, counts: false
    },
    // The condition key includes the personas instead.
    key! {
        "people", people: KeyKind::People, "files of the persons that the agents are, or a population";
        factor: true, counts: false
    },
    key! {
        "fragments", fragments: KeyKind::Fragments, "files of fragments that are merged into each person";
        factor: true, counts: false
    },
    Key {
        name: "deal",
        kind: KeyKind::Word(Deal::WORDS),
        help: "rule by which persons take part in conversations",
        factor: true,
        counts: false,
        get: |role| role.deal.value().filter(|_| !role.deal.is_default()),
        set: |role, value| put_field(&mut role.deal, value),
    },
];

/// Keys of a model besides `id` and `as`.
pub static MODEL: &[Key<ModelSpec>] = &[
    key! {
        "temperature", sampling.temperature: KeyKind::Number { from: 0.0, to: 2.0, above: false }, "sampling temperature";
        factor: true, counts: true
    },
    key! {
        "top_p", sampling.top_p: KeyKind::Number { from: 0.0, to: 1.0, above: true }, "nucleus probability";
        factor: true, counts: true
    },
    key! { "top_k", sampling.top_k: COUNT, "number of candidates (Ollama)"; factor: true, counts: true },
    key! { "max_tokens", sampling.max_tokens: COUNT, "maximum number of tokens of a reply"; factor: true, counts: true },
    key! { "stop", sampling.stop: KeyKind::Texts, "strings at which the server stops"; factor: false, counts: true },
    key! { "num_ctx", sampling.num_ctx: COUNT, "size of the context in tokens (Ollama)"; factor: false, counts: true },
    key! { "seed", sampling.seed: KeyKind::Seed, "the server's seed"; factor: false, counts: true },
    key! {
        "keep_alive", keep_alive: KeyKind::Scalar, "time for which Ollama keeps the model in memory";
        factor: false, counts: false
    },
    key! { "stream", stream: KeyKind::Bool, "true if the reply is read as it comes"; factor: false, counts: false },
    key! {
        "concurrency", concurrency: COUNT, "requests in flight at this model's server";
        factor: false, counts: false
    },
    key! {
        "structured", structured: KeyKind::Word(Structured::WORDS), "how the form of turns as JSON is given";
        factor: false, counts: true
    },
];

/// Keys of `[mind]` and of `[roles.NAME.mind]`. The condition key includes their effects: a value that changes nothing is
/// left out.
pub static MIND: &[Key<Mind>] = &[
    key! { "thoughts", thoughts: KeyKind::Bool, "true if an agent thinks in private before it speaks"; factor: true, counts: true },
    key! { "state", state: KeyKind::Titles, "titles of short texts that an agent keeps"; factor: false, counts: true },
    key! { "memory", memory: KeyKind::Tree(&mind_keys::MEMORY), "items of its memory that an agent reads: the first and the last"; factor: false, counts: true },
    key! { "actions", actions: KeyKind::Words(Builtin::WORDS), "the program's own actions of an agent in a world"; factor: false, counts: true },
    key! {
        "max_actions", max_actions: KeyKind::Count { from: 1, to: 20 }, "maximum number of actions in a turn";
        factor: true, counts: true
    },
    key! {
        "turns", turns: KeyKind::Count { from: 1, to: 20 }, "maximum number of calls of an agent in one step";
        factor: true, counts: true
    },
];

/// Keys of `[world]` in the order of writing.
pub static WORLD: &[Key<World>] = &[
    Key {
        name: "steps",
        kind: MESSAGES,
        help: "number of steps of a day",
        factor: true,
        counts: true,
        get: |world| Some(world.steps).filter(|n| *n > 0).value(),
        set: |world, value| put_field(&mut world.steps, value),
    },
    key! { "order", order: KeyKind::Tree(&world_keys::ORDER), "order of the turns of a step"; factor: true, counts: true },
    key! { "hearing", hearing: KeyKind::Word(Hearing::WORDS), "rule by which a speech is heard"; factor: true, counts: true },
    key! { "clock", clock: KeyKind::Tree(&world_keys::CLOCK), "local time of the first step, duration of a step and of a day"; factor: false, counts: true },
    key! {
        "quiet", quiet: KeyKind::Count { from: 0, to: MOST_MESSAGES }, "number of steps without any event that end the day";
        factor: true, counts: true
    },
    key! { "start", start: KeyKind::Tree(&world_keys::START), "place where a person or the agents of a role start"; factor: false, counts: true },
    key! { "places", places: KeyKind::Tree(&world_keys::PLACES), "places where agents are"; factor: false, counts: true },
    key! { "links", links: KeyKind::Tree(&world_keys::LINKS), "links between agents: a file or a rule"; factor: false, counts: true },
];

/// Each key of `[protocol]` shapes the conversation. If the condition key omitted one, two different conditions could
/// have the same key. So this check then fails to compile.
const _: () = {
    let mut at = 0;
    while at < PROTOCOL.len() {
        assert!(PROTOCOL[at].counts, "a key of [protocol] counts in the condition key");
        at += 1;
    }
};
