//! `convoke talk`: a run of one conversation in which a person plays a role.

use super::run::{Run, Seat, go};
use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit};
use clap::Args;

/// `convoke talk`.
#[derive(Debug, Args)]
#[command(
    mut_arg("what", |a| a.help("Experiment's folder, name or id")),
    mut_arg("more", |a| a.hide(true)),
    mut_arg("replicates", |a| a.hide(true)),
    mut_arg("limit", |a| a.hide(true)),
    mut_arg("offline", |a| a.hide(true)),
)]
pub struct Talk {
    /// Role that you play; required unless the experiment gives a role to a person
    #[arg(long = "as", value_name = "ROLE")]
    pub role: Option<String>,
    /// As `run` has it.
    #[command(flatten)]
    pub run: Run,
}

/// Runs one conversation.
pub async fn run(context: &Context, args: &Talk) -> Result<Exit, CliError> {
    check(args)?;
    Box::pin(go(context, &args.run, Some(Seat { role: args.role.as_deref() }))).await
}

/// Refuses flags that select more than one conversation or no person.
fn check(args: &Talk) -> Result<(), CliError> {
    let Run { narrow, more, .. } = &args.run;
    let flags = [
        ("--more", more.is_some()),
        ("--replicates", narrow.replicates.is_some()),
        ("--limit", narrow.limit.is_some()),
    ];
    if let Some((flag, _)) = flags.into_iter().find(|(_, given)| *given) {
        return Err(CliError::usage(format!("talk is one conversation: {flag} has no place in it"))
            .hint("`convoke run` takes it"));
    }
    if narrow.offline {
        return Err(CliError::usage("--offline asks nobody, and talk is with a person")
            .hint("--model scripted lets the others cost nothing"));
    }
    Ok(())
}
