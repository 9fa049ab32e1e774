//! Flags of `plan` and `run` that narrow or override.

use crate::design::keys::{MODEL, PROTOCOL};
use crate::lab::Narrowing;
use clap::Args;

/// Flags of `plan` and `run` that narrow or override.
#[derive(Debug, Clone, Args)]
pub struct Narrow {
    /// Model to use, by its name in the experiment or SERVER/NAME, or human; repeated, each is a level
    #[arg(long, value_name = "ID")]
    pub model: Vec<String>,
    /// Days, or a range A..B of which each is a level
    #[arg(long, value_name = "N|A..B")]
    pub days: Option<String>,
    /// Agents of a role, or a range; repeated for several roles
    #[arg(long, value_name = "ROLE=N|A..B")]
    pub agents: Vec<String>,
    /// Openings and speeches together
    #[arg(long, value_name = "N")]
    pub messages: Option<u32>,
    /// Who speaks next: round-robin, random, auto or manual
    #[arg(long, value_name = "S")]
    pub speakers: Option<String>,
    /// Conversations per condition
    #[arg(long, value_name = "N")]
    pub replicates: Option<u32>,
    /// Seed of everything random
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Any factor or protocol key; the value is read as TOML, else as text; repeated for several
    #[arg(long, value_name = "KEY=VALUE", long_help = set_help())]
    pub set: Vec<String>,
    /// Only conditions that hold, as in 'goal=escape risks=true'; repeated, any of them
    #[arg(long, value_name = "EXPR")]
    pub only: Vec<String>,
    /// So many conversations, replicate 1 of every condition first
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// Replace every model by `scripted`, which is none and costs nothing
    #[arg(long)]
    pub offline: bool,
}

/// Keys that `--set` takes besides factors, each with a line for people.
pub fn settable_keys() -> impl Iterator<Item = (&'static str, &'static str)> {
    let protocol = PROTOCOL.iter().map(|key| (key.name, key.help));
    protocol.chain(MODEL.iter().filter(|key| key.factor).map(|key| (key.name, key.help)))
}

fn set_help() -> String {
    let head = "Any factor or protocol key; the value is read as TOML, else as text; repeated for several:".to_owned();
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
