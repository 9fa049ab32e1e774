//! `convoke show`: prints an experiment with all its parts, or the transcript of a conversation.

mod block;
mod calls;
mod experiment;
mod grep;
mod transcript;

pub use experiment::{parameters, placeholders};

use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit};
use crate::cli::selecting::Selecting;
use crate::cli::terminal::pager::page_output;
use crate::lab::Target;
use clap::Args;
use transcript::Detail;

/// `convoke show`.
#[derive(Debug, Args)]
pub struct Show {
    /// Experiment's folder, name or id, or a conversation's id
    #[arg(default_value = "", hide_default_value = true)]
    pub id: String,
    /// Print the raw replies of the models, before they were cleaned
    #[arg(long)]
    pub raw: bool,
    /// Print every call: the messages sent, the reply, each attempt, tokens and times
    #[arg(long)]
    pub calls: bool,
    /// Print new turns until the conversation ends; with --json, print the whole conversation at its end
    #[arg(long)]
    pub follow: bool,
    /// Print only what this agent of a world perceived and did
    #[arg(long = "as", value_name = "AGENT")]
    pub viewer: Option<String>,
    /// Print only what happened in this place of a world
    #[arg(long, value_name = "PLACE")]
    pub place: Option<String>,
    /// Print the lines that contain this text, each with its conversation, seq and speaker; upper and lower case differ
    ///
    /// A text that begins with `-` is written after `=`, as in `--grep=-5`.
    #[arg(long, value_name = "TEXT", conflicts_with_all = ["raw", "calls", "follow", "viewer", "place"])]
    pub grep: Option<String>,
    /// Flags that select the conversations of an experiment.
    #[command(flatten)]
    pub selecting: Selecting,
}

/// Runs `convoke show`. A long output is paged.
pub async fn run(context: &Context, args: &Show) -> Result<Exit, CliError> {
    if args.follow {
        return print_target(context, args).await;
    }
    page_output(&context.terminal, print_target(context, args)).await
}

async fn print_target(context: &Context, args: &Show) -> Result<Exit, CliError> {
    let lab = context.reader_for(&args.id).await?;
    if let Some(text) = &args.grep {
        return grep::run(context, &lab, (&args.id, &args.selecting), text).await;
    }
    match lab.find_version(&args.id).await? {
        Target::Conversation(_) if !args.selecting.is_empty() => {
            let message = format!("`{}` is one conversation, and flags that select are for an experiment", args.id);
            Err(CliError::usage(message))
        }
        Target::Conversation(conversation) => {
            let detail = Detail {
                raw: args.raw,
                calls: args.calls,
                follow: args.follow,
                viewer: args.viewer.clone(),
                place: args.place.clone(),
            };
            transcript::run(context, detail, &lab, *conversation).await
        }
        Target::Experiment(_) if args.viewer.is_some() || args.place.is_some() => {
            let message = format!("`{}` is an experiment; --as and --place are for one world of it", args.id);
            Err(CliError::usage(message)
                .hint(format!("`{}` lists its conversations", context.paste_line(&["list", &args.id]))))
        }
        Target::Experiment(_) if args.raw || args.calls || args.follow => {
            let message = format!("`{}` is an experiment; --raw, --calls and --follow are for a conversation", args.id);
            Err(CliError::usage(message)
                .hint(format!("`{}` lists its conversations", context.paste_line(&["list", &args.id]))))
        }
        Target::Experiment(_) => experiment::run(context, &lab, &args.id, &args.selecting).await,
    }
}
