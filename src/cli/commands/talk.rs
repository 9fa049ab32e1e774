//! Conversations with a person: `convoke talk`, and what must be so before anybody is asked to type.

use crate::cli::commands::designed::Designed;
use crate::cli::commands::plan::standing;
use crate::cli::commands::run::Go;
use crate::cli::commands::run::Run;
use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit};
use crate::cli::narrow;
use crate::design::plan::HUMAN;
use crate::design::problem::did_you_mean;
use crate::design::{Condition, Experiment, ModelSpec, Named, Overrides, Value, key};
use crate::run::prepare::prepare;
use crate::store::{ExperimentRecord, Standing, Status, Store};
use clap::Args;
use std::collections::BTreeMap;

/// `convoke talk`.
#[derive(Debug, Args)]
#[command(
    mut_arg("more", |a| a.hide(true)),
    mut_arg("replicates", |a| a.hide(true)),
    mut_arg("limit", |a| a.hide(true)),
    mut_arg("offline", |a| a.hide(true)),
)]
pub struct Talk {
    /// The role that you play; needed unless the experiment has a person in it
    #[arg(long = "as", value_name = "ROLE")]
    pub role: Option<String>,
    /// As `run` has it.
    #[command(flatten)]
    pub run: Run,
}

/// `convoke talk`: a run of one conversation in which a person plays a role.
pub async fn run(context: &Context, args: &Talk) -> Result<Exit, CliError> {
    crate::cli::commands::run::go(context, Go { run: &args.run, talk: Some(args) }).await
}

/// What is to be run, with its roles given to people, and refused where nobody could type.
pub async fn designed(context: &Context, go: Go<'_>) -> Result<Designed, CliError> {
    go.talk.map_or(Ok(()), check)?;
    let alone = if go.talk.is_none() { context.alone(go.run).await? } else { None };
    let mut designed = match alone {
        Some(designed) => designed,
        None => context.designed(&go.run.what, &go.run.narrow).await?,
    };
    go.talk.map_or(Ok(()), |talk| cast(&mut designed, talk))?;
    needs_a_terminal(context, &designed, go).await?;
    Ok(designed)
}

/// Refuses flags that mean several conversations, or nobody.
fn check(args: &Talk) -> Result<(), CliError> {
    let crate::cli::commands::run::Run { narrow, more, .. } = &args.run;
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

/// What the flags of a talk say of the plan.
pub fn overrides(args: &Talk) -> Result<Overrides, CliError> {
    let mut overrides = narrow::overrides(&args.run.narrow)?;
    overrides.set.extend(args.role.as_deref().map(played));
    Ok(overrides)
}

/// That a person plays a role.
fn played(role: &str) -> Named<Vec<Value>> {
    Named::new(format!("roles.{role}.model"), vec![Value::Text(HUMAN.to_owned())])
}

/// Gives the role to the person.
fn cast(designed: &mut Designed, args: &Talk) -> Result<(), CliError> {
    let roles: Vec<String> = designed.experiment.roles.iter().map(|r| r.name.clone()).collect();
    if let Some(role) = &args.role {
        if !roles.contains(role) {
            let near = did_you_mean(role, roles.iter().map(String::as_str));
            return Err(CliError::usage(format!("`{}` has no role `{role}`", designed.experiment.name))
                .hint(near.unwrap_or_else(|| format!("its roles: {}", roles.join(", ")))));
        }
        designed.overrides.set.push(played(role));
        designed.plan_again(&args.run.what)?;
    }
    let condition = &designed.plan.conditions[designed.cells[0].condition];
    let plays = |role: usize| condition.models[role].iter().any(ModelSpec::is_human);
    let is_played = match &args.role {
        Some(role) => roles.iter().position(|r| r == role).is_some_and(plays),
        None => (0..roles.len()).any(plays),
    };
    if is_played {
        return Ok(());
    }
    Err(match &args.role {
        Some(role) => CliError::usage(format!("no agent plays `{role}` in {}", condition.name()))
            .hint(format!("--agents {role}=1, or another condition with --only")),
        None => CliError::usage("nobody is played by a person: say who you are").hint(format!("--as {}", roles[0])),
    })
}

/// Keeps one conversation of the first condition: the first that is not at its end and in nobody else's hands, else
/// a new one.
pub async fn one(
    context: &Context,
    store: &dyn Store,
    known: Option<&ExperimentRecord>,
    designed: &mut Designed,
    args: &crate::cli::commands::run::Run,
) -> Result<(), CliError> {
    let standing = match known {
        Some(record) => store.standing(&record.id).await?,
        None => Vec::new(),
    };
    let condition = designed.cells[0].condition;
    let (key, seed) = (designed.plan.conditions[condition].key.clone(), designed.plan.seed);
    let by_key: BTreeMap<&str, &Standing> = standing.iter().map(|s| (s.key.as_str(), s)).collect();
    let is_free = |replicate: &u32| match by_key.get(key::conversation(&key, seed, *replicate).as_str()) {
        None => true,
        Some(s) => match s.status {
            Status::Done => false,
            Status::Failed => args.retry_failed,
            _ => !s.begun || s.creator == context.creator(),
        },
    };
    // Of one more than there are, one is free.
    let replicate = (1..=standing.len() as u32 + 1).find(is_free).unwrap_or(1);
    designed.overrides.replicates = Some(designed.plan.replicates.max(replicate));
    designed.plan_again(&args.what)?;
    designed.cells.retain(|cell| cell.condition == condition && cell.replicate == replicate);
    Ok(())
}

/// Refuses a run in which somebody would have to type where nobody can. Nothing is stored yet.
async fn needs_a_terminal(context: &Context, designed: &Designed, go: Go<'_>) -> Result<(), CliError> {
    let Designed { experiment, plan, cells, .. } = designed;
    if context.may_ask() || !cells.iter().any(|c| plan.conditions[c.condition].has_people()) {
        return Ok(());
    }
    let (id, standing) = standing(context, designed).await?;
    let missing = prepare(experiment, plan, cells.clone(), &standing, &id, go.run.retry_failed).jobs;
    let missing = missing.iter().map(|job| job.condition);
    // Where nothing is missing, these begin something new.
    let begins = go.talk.is_some() || go.run.more.is_some();
    let anew = cells.iter().filter(|_| begins).map(|cell| cell.condition);
    let mut needed = missing.chain(anew).map(|condition| &plan.conditions[condition]);
    let Some(condition) = needed.find(|c| c.has_people()) else { return Ok(()) };
    let message = format!("a person types here: {}; and there is no terminal to ask on", parts(experiment, condition));
    let instead = if go.talk.is_some() { "" } else { ", or with --offline, which asks nobody" };
    Err(CliError::new(Exit::Usage, "needs-answer", message)
        .hint(format!("run it on a terminal, without --json and --no-input{instead}")))
}

/// What people do in a condition.
fn parts(experiment: &Experiment, condition: &Condition) -> String {
    let plays = experiment.roles.iter().zip(&condition.models).filter(|(_, m)| m.iter().any(ModelSpec::is_human));
    let mut parts: Vec<String> = plays.map(|(role, _)| format!("role `{}`", role.name)).collect();
    let is_human = |model: &Option<ModelSpec>| model.as_ref().is_some_and(ModelSpec::is_human);
    if is_human(&condition.selector) {
        parts.push(format!("speakers = \"{}\"", condition.protocol.speakers.word()));
    }
    if is_human(&condition.summarizer) {
        parts.push("the summaries".to_owned());
    }
    parts.join(", ")
}
