//! Global options.

use clap::{Args, ValueEnum};

/// Global options.
#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct Global {
    /// Database: sqlite:PATH, sqlite:PATH?max-mb=N (with a quota) or `mongodb://HOST/DATABASE`
    #[arg(long, global = true, value_name = "URI", help_heading = "Global options")]
    pub store: Option<String>,
    /// Print one JSON document on standard output; `run`, `talk` and `list --follow` print JSON lines
    #[arg(long, global = true, help_heading = "Global options")]
    pub json: bool,
    /// Never prompt; exit with 2 and name the flag that answers the question
    #[arg(long, global = true, help_heading = "Global options")]
    pub no_input: bool,
    /// Answer every yes-or-no question with yes
    #[arg(long, short = 'y', global = true, help_heading = "Global options")]
    pub yes: bool,
    /// Use of colour: auto colours output on a terminal, unless `NO_COLOR` is set
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", help_heading = "Global options")]
    pub color: Color,
    /// Write more details to the log
    #[arg(long, short, global = true, action = clap::ArgAction::Count, help_heading = "Global options")]
    pub verbose: u8,
    /// Print no progress and no notes
    #[arg(long, short, global = true, help_heading = "Global options")]
    pub quiet: bool,
}

/// Use of colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// With colour.
    Always,
    /// Without colour.
    Never,
}
