//! Tags: their meanings, the tags of an experiment's roles, and a search by name.

use std::collections::HashMap;

const TOTALS: [(&str, Tag); 3] =
    [("AGENTS_NUM", Tag::AgentsNum), ("ROLES_NUM", Tag::RolesNum), ("AGENT_NAME", Tag::AgentName)];
const FORMS: [&str; 5] = ["NUM", "NOUN", "POSS", "PRON", "POSSPRON"];
const VERB: &str = "VERB_";
/// Reserved tags, which no role may have.
const RESERVED: [&str; 3] = ["AGENTS", "ROLES", "AGENT"];
/// Minimum similarity (0 to 1) of a suggested tag.
const NEAR: f64 = 0.4;

/// The meaning of a tag; a number is the index of its role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tag {
    /// Number of agents that play the role.
    Num(usize),
    /// The role's noun, or its plural.
    Noun(usize),
    /// The possessive of the noun.
    Poss(usize),
    /// `he`, or `they`.
    Pron(usize),
    /// `his`, or `their`.
    PossPron(usize),
    /// A verb in lower case, whose form agrees with the number of agents.
    Verb(usize, String),
    /// All agents.
    AgentsNum,
    /// Roles with at least one agent.
    RolesNum,
    /// The reading agent's own name.
    AgentName,
    /// A fact about the reading agent's person: its path, and the text for somebody who lacks it.
    Person(String, Option<String>),
}

impl Tag {
    /// Returns the role that the tag is about.
    pub fn role(&self) -> Option<usize> {
        match self {
            Self::Num(role)
            | Self::Noun(role)
            | Self::Poss(role)
            | Self::Pron(role)
            | Self::PossPron(role)
            | Self::Verb(role, _) => Some(*role),
            Self::AgentsNum | Self::RolesNum | Self::AgentName | Self::Person(..) => None,
        }
    }
}

/// Returns the tag of a role: its name in capitals. Each run of characters that are neither letters nor digits becomes
/// `_` (`prison guard` → `PRISON_GUARD`).
pub fn tag_of(name: &str) -> String {
    let mut tag = String::new();
    for c in name.chars().flat_map(char::to_uppercase) {
        if is_capital(c) || c.is_numeric() {
            tag.push(c);
        } else if !tag.ends_with('_') {
            tag.push('_');
        }
    }
    tag
}

/// Returns true for an upper-case letter, and for a letter of a script without case.
fn is_capital(c: char) -> bool {
    c.is_alphabetic() && !c.is_lowercase()
}

/// Returns true for capitals, digits and `_`, with at least one capital.
fn is_tag(text: &str) -> bool {
    text.chars().any(is_capital) && text.chars().all(|c| c == '_' || is_capital(c) || c.is_numeric())
}

/// Returns true if a name is written like a tag, known or not: `GUARD_NOUN`, `GUARD_VERB_make`.
pub(super) fn has_form_of_tag(name: &str) -> bool {
    let is_verb =
        |(role, base): (&str, &str)| is_tag(role) && base.chars().all(|c| c == '_' || c == '-' || c.is_alphanumeric());
    is_tag(name) || name.split_once("_VERB_").is_some_and(is_verb)
}

/// Returns true for a single word: letters, and hyphens between them.
fn is_verb(base: &str) -> bool {
    base.split('-').all(|part| !part.is_empty() && part.chars().all(char::is_alphabetic))
}

/// The tags of an experiment's roles.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RoleTags {
    /// Tags in the order of the roles.
    tags: Vec<String>,
    /// Roles by the length of their tags, longest first, so that `PRISON_GUARD` is tried before `PRISON`.
    longest: Vec<usize>,
    /// True if agents are persons, so that texts may name facts about them.
    has_people: bool,
}

impl RoleTags {
    /// Creates the tags of roles with these names.
    pub fn new(names: &[&str]) -> Self {
        let tags: Vec<String> = names.iter().map(|name| tag_of(name)).collect();
        let mut longest: Vec<usize> = (0..tags.len()).collect();
        longest.sort_by_key(|&role| std::cmp::Reverse(tags[role].len()));
        Self { tags, longest, has_people: false }
    }

    /// Adds the tags of facts about persons. Without people, `<PERSON …>` is text.
    #[must_use]
    pub fn with_people(self, has_people: bool) -> Self {
        Self { has_people, ..self }
    }

    /// Finds roles whose names cannot be tags. Returns the index of each with a message.
    pub fn find_clashes(names: &[&str]) -> Vec<(usize, String)> {
        let mut seen: HashMap<String, &str> = HashMap::new();
        let mut clashes = Vec::new();
        for (index, name) in names.iter().enumerate() {
            let tag = tag_of(name);
            if !tag.chars().any(is_capital) {
                clashes.push((index, format!("role `{name}` has no letter to make a placeholder of")));
            } else if RESERVED.contains(&tag.as_str()) {
                clashes
                    .push((index, format!("role `{name}` has the name of the program's own placeholders `<{tag}_…>`")));
            } else if let Some(first) = seen.get(&tag) {
                clashes.push((index, format!("roles `{first}` and `{name}` have the same placeholders `<{tag}_…>`")));
            } else {
                seen.insert(tag, name);
            }
        }
        clashes
    }

    /// Returns every tag without a verb, roles first, without `<` and `>`.
    pub fn known_tags(&self) -> Vec<String> {
        let of_roles = self.tags.iter().flat_map(|tag| FORMS.iter().map(move |form| format!("{tag}_{form}")));
        of_roles.chain(TOTALS.iter().map(|(name, _)| (*name).to_owned())).collect()
    }

    /// Finds the tag that a name between `<` and `>` means.
    pub(super) fn find_tag(&self, name: &str) -> Option<Tag> {
        let total = TOTALS.iter().find(|(total, _)| *total == name).map(|(_, tag)| tag.clone());
        let person = || self.has_people.then(|| person_tag(name)).flatten();
        total.or_else(person).or_else(|| self.split_forms(name).find_map(|(role, form)| form_of(role, form)))
    }

    /// Returns true if a name begins with a role's tag and `_VERB_`.
    pub(super) fn is_verb_of_role(&self, name: &str) -> bool {
        self.split_forms(name).any(|(_, form)| form.starts_with(VERB))
    }

    /// Returns every way to split a name into a role's tag and the rest; the longest tag first.
    fn split_forms<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (usize, &'a str)> {
        self.longest.iter().filter_map(move |&role| {
            let form = name.strip_prefix(self.tags[role].as_str())?.strip_prefix('_')?;
            Some((role, form))
        })
    }

    /// Finds the known tag that is nearest to a name.
    pub(super) fn nearest_tag(&self, name: &str) -> Option<String> {
        let mut candidates = self.known_tags();
        if let Some((_, base)) = name.split_once("_VERB_").filter(|(_, base)| is_verb(base)) {
            candidates.extend(self.tags.iter().map(|tag| format!("{tag}_{VERB}{base}")));
        }
        let mut best: Option<(f64, String)> = None;
        for candidate in candidates {
            let likeness = strsim::normalized_damerau_levenshtein(name, &candidate);
            if likeness >= best.as_ref().map_or(NEAR, |(most, _)| most.next_up()) {
                best = Some((likeness, candidate));
            }
        }
        best.map(|(_, candidate)| candidate)
    }
}

/// Reads `PERSON path` and `PERSON path|text`.
fn person_tag(name: &str) -> Option<Tag> {
    let fact = name.strip_prefix("PERSON ")?;
    let (path, otherwise) = fact.split_once('|').map_or((fact, None), |(path, text)| (path, Some(text.to_owned())));
    let path = path.trim();
    (!path.split('.').any(str::is_empty)).then(|| Tag::Person(path.to_owned(), otherwise))
}

fn form_of(role: usize, form: &str) -> Option<Tag> {
    match form {
        "NUM" => Some(Tag::Num(role)),
        "NOUN" => Some(Tag::Noun(role)),
        "POSS" => Some(Tag::Poss(role)),
        "PRON" => Some(Tag::Pron(role)),
        "POSSPRON" => Some(Tag::PossPron(role)),
        _ => form.strip_prefix(VERB).filter(|base| is_verb(base)).map(|base| Tag::Verb(role, base.to_lowercase())),
    }
}
