//! The command line: the only room that sees clap, the terminal and the environment.
//!
//! Arguments become settings, settings become plain values, and a command is a function of those.

pub mod args;
pub mod context;
pub mod error;
pub mod printer;
pub mod settings;
