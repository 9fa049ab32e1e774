//! Global options.

use clap::{Args, ValueEnum};

/// Options that hold everywhere.
#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct Global {
    /// The database: sqlite:PATH, sqlite:PATH?max-mb=N for a quota, or `mongodb://HOST/DATABASE`
    #[arg(long, global = true, value_name = "URI", help_heading = "Everywhere")]
    pub store: Option<String>,
    /// Print one JSON document (run: JSON lines) on standard output
    #[arg(long, global = true, help_heading = "Everywhere")]
    pub json: bool,
    /// Never ask; fail naming the flag that answers
    #[arg(long, global = true, help_heading = "Everywhere")]
    pub no_input: bool,
    /// Answer every question with yes
    #[arg(long, short = 'y', global = true, help_heading = "Everywhere")]
    pub yes: bool,
    /// When to use colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", help_heading = "Everywhere")]
    pub color: Color,
    /// Say more
    #[arg(long, short, global = true, action = clap::ArgAction::Count, help_heading = "Everywhere")]
    pub verbose: u8,
    /// Say less
    #[arg(long, short, global = true, help_heading = "Everywhere")]
    pub quiet: bool,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}
