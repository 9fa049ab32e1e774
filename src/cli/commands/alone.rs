//! `convoke run ID`: one conversation goes on alone, as it was planned.
//!
//! What it is made from stands in its revision's document and in the flags of a run that planned it. Its key says
//! whether these are the right ones; the experiment as it is now, and the other conversations, are left as they are.

use crate::cli::args::{Cli, Command};
use crate::cli::commands::designed::Designed;
use crate::cli::commands::talk;
use crate::cli::context::{Context, What};
use crate::cli::error::{CliError, Exit};
use crate::cli::narrow;
use crate::cli::problems::say_problems;
use crate::cli::shell::quoted;
use crate::cli::terminal::text::short;
use crate::design::{Experiment, Overrides, Plan};
use crate::store::{ConversationRecord, ExperimentRecord, RunRecord};
use clap::Parser;

impl Context {
    /// The plan of a conversation alone, where one is named.
    pub async fn alone(&self, args: &crate::cli::commands::run::Run) -> Result<Option<Designed>, CliError> {
        let id = args.what.strip_prefix("id:").unwrap_or(&args.what);
        let may_be = !id.is_empty() && id.chars().all(|c| c.is_ascii_hexdigit());
        if !may_be || self.folder(&args.what)?.is_some() {
            return Ok(None);
        }
        let store = self.reader().await?;
        let What::Conversation(conversation) = self.find_stored(&args.what, &*store).await? else { return Ok(None) };
        let record = self.experiment_of(&*store, &conversation).await?;
        if let Some(flag) = given(args) {
            let message =
                format!("{flag} narrows an experiment, and `{}` is a conversation of `{}`", args.what, record.name);
            return Err(CliError::usage(message).hint(format!("without {flag} it goes on as it was planned")));
        }
        let then = ExperimentRecord { revision: conversation.revision.clone(), ..record.clone() };
        let document = self.document(&*store, &then).await?;
        let checked = self.check_stored(&document);
        let Some(experiment) = checked.experiment.as_ref().filter(|_| !checked.has_errors()) else {
            say_problems(self, &checked.problems);
            let message = format!("the experiment of conversation {} cannot be run", short(&conversation.id));
            return Err(CliError::new(Exit::Experiment, "experiment-invalid", message));
        };
        let runs = store.runs(&record.id).await?;
        let designed = as_planned(experiment, record, &conversation, &runs)?;
        self.check_models(&designed.plan)?;
        Ok(Some(designed))
    }
}

/// The first flag that says which conversations are meant, or what they are.
fn given(args: &crate::cli::commands::run::Run) -> Option<&'static str> {
    let n = &args.narrow;
    let flags = [
        ("--model", !n.model.is_empty()),
        ("--days", n.days.is_some()),
        ("--agents", !n.agents.is_empty()),
        ("--messages", n.messages.is_some()),
        ("--speakers", n.speakers.is_some()),
        ("--replicates", n.replicates.is_some()),
        ("--seed", n.seed.is_some()),
        ("--set", !n.set.is_empty()),
        ("--only", !n.only.is_empty()),
        ("--limit", n.limit.is_some()),
        ("--offline", n.offline),
        ("--more", args.more.is_some()),
    ];
    flags.into_iter().find(|(_, is_given)| *is_given).map(|(flag, _)| flag)
}

/// The plan of the last run that planned the conversation, of which it alone is left.
fn as_planned(
    experiment: &Experiment,
    record: ExperimentRecord,
    conversation: &ConversationRecord,
    runs: &[RunRecord],
) -> Result<Designed, CliError> {
    let of_it = runs.iter().rev().filter(|run| run.revision == conversation.revision);
    for overrides in of_it.filter_map(|run| flags(&run.flags)) {
        // How many were planned makes no conversation another.
        let (replicates, seed) = (Some(conversation.replicate), Some(conversation.seed));
        let overrides = Overrides { replicates, seed, only: Vec::new(), limit: None, ..overrides };
        let Ok(mut plan) = Plan::new(experiment, &overrides) else { continue };
        let Some(mut cell) = plan.cells().into_iter().find(|c| c.key == conversation.key) else { continue };
        plan.conditions = vec![plan.conditions.swap_remove(cell.condition)];
        cell.condition = 0;
        return Ok(Designed {
            experiment: experiment.clone(),
            revision: conversation.revision.clone(),
            creator: record.creator.clone(),
            record: Some(record),
            overrides,
            plan,
            cells: vec![cell],
            alone: true,
        });
    }
    let message =
        format!("no run is recorded that planned conversation {}, so its flags are not known", short(&conversation.id));
    Err(CliError::new(Exit::NotFound, "not-found", message)
        .hint(format!("repeat the run with its flags: convoke run {} …", quoted(&record.name))))
}

/// What the arguments of a run say of the plan.
fn flags(arguments: &[String]) -> Option<Overrides> {
    let words = std::iter::once("convoke").chain(arguments.iter().map(String::as_str));
    match Cli::try_parse_from(words).ok()?.command {
        Some(Command::Run(run)) => narrow::overrides(&run.narrow).ok(),
        Some(Command::Talk(talk)) => talk::overrides(&talk).ok(),
        _ => None,
    }
}
