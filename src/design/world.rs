//! A world: where agents act in steps, in places, under a clock. An experiment without `[world]` is a conversation.

use super::span::Span;
use super::value::Named;
use super::words::words;
use jiff::SignedDuration;
use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};

mod links;

pub use links::{Link, read_links};

/// Maximum number of places.
pub const MOST_PLACES: usize = 200;
/// Default of `quiet`.
pub const QUIET: u32 = 2;
/// Version of the program's texts and rules of worlds. The condition key of a world includes it.
pub const WORDS_OF_WORLDS: u32 = 1;

/// Keys of `[world]`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct World {
    /// Number of steps of a day.
    pub steps: u32,
    /// Order of the turns of a step.
    #[serde(default, skip_serializing_if = "Order::is_default")]
    pub order: Order,
    /// Rule by which a speech is heard. Default: by place where there are places, else by everyone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hearing: Option<Hearing>,
    /// The clock; `None` for a world without time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<Clock>,
    /// Number of steps without any event that end the day; 0 for never. Default: [`QUIET`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quiet: Option<u32>,
    /// Place where a person or the agents of a role start.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub start: Vec<Named<String>>,
    /// Places in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<Place>,
    /// Links between agents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub links: Option<Links>,
}

impl World {
    /// Returns the rule by which a speech is heard.
    pub fn hearing(&self) -> Hearing {
        let usual = if self.places.is_empty() { Hearing::Everyone } else { Hearing::Place };
        self.hearing.unwrap_or(usual)
    }

    /// Returns the number of quiet steps that end a day; `None` for never.
    pub fn quiet(&self) -> Option<u32> {
        Some(self.quiet.unwrap_or(QUIET)).filter(|steps| *steps > 0)
    }
}

/// Order of the turns of a step.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// All at once.
    #[default]
    Together,
    /// One after another, in speaking order.
    InTurn,
    /// One after another, in an order drawn for each step.
    Shuffled,
    /// Lists one after another; the roles of one list together.
    Lists(Vec<Together>),
}

/// Roles whose agents act together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Together {
    /// Names of the roles.
    pub roles: Vec<String>,
}

impl Order {
    /// Words of the orders that need no list.
    pub const WORDS: [&str; 3] = ["together", "in-turn", "shuffled"];

    /// Returns true for the default, which documents leave out.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Returns the order of a word.
    pub fn of(word: &str) -> Option<Self> {
        match word {
            "together" => Some(Self::Together),
            "in-turn" => Some(Self::InTurn),
            "shuffled" => Some(Self::Shuffled),
            _ => None,
        }
    }

    /// Returns the word that records and exports hold.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Together => "together",
            Self::InTurn => "in-turn",
            Self::Shuffled => "shuffled",
            Self::Lists(_) => "lists",
        }
    }

    /// Returns true if a move takes effect when the step ends, and not at once.
    pub fn moves_at_the_end(&self) -> bool {
        match self {
            Self::Together | Self::Lists(_) => true,
            Self::InTurn | Self::Shuffled => false,
        }
    }
}

words! {
    /// Rule by which a speech is heard.
    pub enum Hearing {
        /// By those in the same place.
        Place = "place",
        /// By those who are linked to the speaker.
        Links = "links",
        /// By everyone.
        Everyone = "everyone",
    }
}

/// A clock: each step and each day adds a duration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// Local time of the first step, as in `2024-05-16T09:00:00`.
    #[serde(with = "moment")]
    pub start: DateTime,
    /// Duration of a step.
    pub step: Span,
    /// Duration between the beginnings of two days.
    #[serde(default = "Span::day", skip_serializing_if = "Span::is_day")]
    pub day: Span,
}

impl Clock {
    /// Returns the local time of a step (from 1) of a day (from 1), or `None` beyond the calendar.
    pub fn time(&self, day: u32, step: u32) -> Option<DateTime> {
        let days = i64::from(day.saturating_sub(1)).checked_mul(self.day.seconds())?;
        let steps = i64::from(step.saturating_sub(1)).checked_mul(self.step.seconds())?;
        self.start.checked_add(SignedDuration::from_secs(days.checked_add(steps)?)).ok()
    }
}

mod moment {
    use jiff::civil::DateTime;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(moment: &DateTime, serializer: S) -> Result<S::Ok, S::Error> {
        moment.to_string().serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DateTime, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A place.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Place {
    /// Name, unique without case.
    pub name: String,
    /// Description, as agents read it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// Persons and roles that may enter; empty for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub who: Vec<String>,
    /// Maximum number of agents in it; `None` for any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<u32>,
}

/// Links between agents: a file, or a rule by which they are drawn.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Links {
    /// Path of a file with the columns `from,to,relation,both`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<LinkKind>,
    /// Number of neighbours, or of links that a newcomer makes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub k: Option<u32>,
    /// Probability of a link, or of its rewiring.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p: Option<f64>,
    /// True if a link leads one way only.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub directed: bool,
}

words! {
    /// Rule by which links are drawn.
    pub enum LinkKind {
        /// Each agent with its `k` nearest neighbours in a ring.
        Ring = "ring",
        /// Each pair with probability `p`.
        Random = "random",
        /// A ring whose links are rewired with probability `p` (Watts and Strogatz 1998).
        SmallWorld = "small-world",
        /// Newcomers link to `k` others, by their number of links (Barabási and Albert 1999).
        ScaleFree = "scale-free",
        /// Everyone with everyone.
        Complete = "complete",
    }
}

/// Returns true if a path of a links file stays in the folder.
pub fn is_link_path(path: &str) -> bool {
    let is_name = |part: &str| !matches!(part, "" | "." | "..") && !part.contains(['\\', '\0']);
    path.split('/').all(is_name) && path.to_lowercase().ends_with(".csv")
}
