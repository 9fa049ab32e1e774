//! Flags of `plan` and `run` that narrow or override.

use crate::design::keys::{MODEL, PROTOCOL};
use crate::lab::Narrowing;
use clap::Args;

/// Flags of `plan` and `run` that narrow or override.
#[derive(Debug, Clone, Args)]
pub struct Narrow {
    /// Model to use: its name in the experiment, SERVER/NAME, or `human` for a person; repeat it to compare several
    #[arg(long, value_name = "ID")]
    pub model: Vec<String>,
    /// Number of days, or A..B to compare every number from A to B
    #[arg(long, value_name = "N|A..B")]
    pub days: Option<String>,
    /// Number of agents of a role, or a range A..B to compare; repeat it for several roles
    #[arg(long, value_name = "ROLE=N|A..B")]
    pub agents: Vec<String>,
    /// Messages of a conversation, openings included
    #[arg(long, value_name = "N")]
    pub messages: Option<u32>,
    /// Choice of the next speaker: round-robin, random, auto (a model chooses) or manual (you choose)
    #[arg(long, value_name = "S")]
    pub speakers: Option<String>,
    /// Number of conversations of each condition [default: the experiment's `replicates`]
    #[arg(long, value_name = "N")]
    pub replicates: Option<u32>,
    /// Random seed
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Any factor or protocol key; the value is read as TOML, else as text; repeat it for several keys
    #[arg(long, value_name = "KEY=VALUE", long_help = set_help())]
    pub set: Vec<String>,
    /// Only conditions that match, such as 'goal=escape risks=true'; repeat it to add other conditions
    #[arg(long, value_name = "EXPR")]
    pub only: Vec<String>,
    /// Maximum number of conversations, done ones included; replicate 1 of every condition comes first
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// Replace every model by the built-in `scripted`, which contacts no server and costs nothing
    #[arg(long)]
    pub offline: bool,
}

/// Keys that `--set` takes besides factors, each with a line for people.
pub fn settable_keys() -> impl Iterator<Item = (&'static str, &'static str)> {
    let protocol = PROTOCOL.iter().map(|key| (key.name, key.help));
    protocol.chain(MODEL.iter().filter(|key| key.factor).map(|key| (key.name, key.help)))
}

fn set_help() -> String {
    let head =
        "Any factor or protocol key; the value is read as TOML, else as text; repeat it for several keys:".to_owned();
    let lines = settable_keys().map(|(name, help)| format!("  {name:<15} {help}"));
    std::iter::once(head).chain(lines).collect::<Vec<_>>().join("\n")
}

impl Narrow {
    /// Returns the flags as written.
    pub fn narrowing(&self) -> Narrowing {
        Narrowing {
            models: self.model.clone(),
            days: self.days.clone(),
            agents: self.agents.clone(),
            messages: self.messages,
            speakers: self.speakers.clone(),
            replicates: self.replicates,
            seed: self.seed,
            set: self.set.clone(),
            only: self.only.clone(),
            limit: self.limit,
            offline: self.offline,
        }
    }
}
