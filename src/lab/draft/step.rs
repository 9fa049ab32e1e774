//! The questions of a draft.

use crate::design::places;
use serde::{Deserialize, Serialize};

/// Address of the starting message among the texts. No section has an empty address.
pub const OPENING: &str = "";

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
    /// The factors.
    Factors,
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
            Self::Factors => "factors".to_owned(),
            Self::Star => "star".to_owned(),
            Self::Note => "note".to_owned(),
            Self::Overview => "overview".to_owned(),
        }
    }
}

/// Describes a text's address in words: `guard: Goal`, `shared: Goal`, `guard: before the sections`.
pub fn describe_place(address: &str) -> String {
    let (heading, _) = address.split_once('{').unwrap_or((address, ""));
    let (whose, title) = heading.find('/').map_or((places::SHARED, address), |at| (&address[..at], &address[at + 1..]));
    match (address, title) {
        (OPENING, _) => "starting message".to_owned(),
        (_, "") => format!("{whose}: before the sections"),
        (_, title) => format!("{whose}: {title}"),
    }
}
