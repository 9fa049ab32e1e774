//! `convoke plan`: prints the work of a run. Costs nothing and writes nothing.

use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit};
use crate::cli::narrow::Narrow;
use crate::cli::terminal::text::{self, Column, table, wrap};
use crate::design::estimate::Rounds;
use crate::exchange::{self, records};
use crate::lab::{Forecast, Planned};
use crate::report::tally::{count, format_seconds};
use crate::run::prepare::prepare;
use clap::Args;
use serde_json::{Value as Json, json};

/// `convoke plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// Experiment's folder, name or id
    #[arg(default_value = "", hide_default_value = true)]
    pub what: String,
    /// What to narrow or override.
    #[command(flatten)]
    pub narrow: Narrow,
}

/// Runs `convoke plan`.
pub async fn run(context: &Context, args: &PlanArgs) -> Result<Exit, CliError> {
    let planned = context.planned(&args.what, &args.narrow.narrowing()).await?;
    let (id, standing) = context.standing(&planned).await?;
    let Planned { experiment, plan, cells, .. } = &planned;
    let prepared = prepare(experiment, plan, cells.clone(), &standing, &id, false);
    let forecast = Forecast::new(&planned, &prepared);
    let seconds = match context.reader().await {
        Ok(lab) => lab.forecast_seconds(&planned, &prepared, &standing).await.map_err(CliError::from)?,
        Err(_) => None,
    };
    if context.printer.json {
        context.printer.json_ok(&json(&forecast, seconds))?;
    } else {
        print(context, &planned, (&forecast, seconds))?;
    }
    Ok(Exit::Done)
}

fn json(forecast: &Forecast, seconds: Option<f64>) -> Json {
    let row = |row: &crate::lab::forecast::Row| {
        let condition = exchange::condition(&row.condition);
        json!({ "condition": condition, "conversations": row.conversations, "calls": row.calls })
    };
    let mut plan = records::object(json!({
        "conditions": forecast.rows.iter().map(row).collect::<Vec<Json>>(),
        "conversations": forecast.conversations,
        "done": forecast.done,
        "left": forecast.left,
        "calls": forecast.calls,
        "calls_low": forecast.low,
        "calls_high": forecast.high,
        "tokens": forecast.tokens,
        "cost": Json::Null,
        "seconds": seconds.map(|seconds| {
            let share = |calls: u64| (seconds * calls as f64 / forecast.calls.max(1) as f64 * 10.0).round() / 10.0;
            json!({ "low": share(forecast.low), "expected": share(forecast.calls), "high": share(forecast.high) })
        }),
    }));
    if let Some(Rounds { latencies, calls_of_step, latencies_of_step }) = forecast.rounds {
        plan.insert("latencies".to_owned(), latencies.into());
        plan.insert("per_step".to_owned(), json!({ "calls": calls_of_step, "latencies": latencies_of_step }));
    }
    Json::Object(plan)
}

fn print(context: &Context, planned: &Planned, (forecast, seconds): (&Forecast, Option<f64>)) -> Result<(), CliError> {
    let axes: Vec<&str> = planned.plan.conditions[0].levels.iter().map(|l| l.name.as_str()).collect();
    let mut rows = Vec::new();
    for row in &forecast.rows {
        let levels: Vec<String> = row.condition.iter().map(|l| format!("{}={}", l.name, l.value)).collect();
        rows.push(vec![levels.join(" "), row.conversations.to_string(), count(row.calls)]);
    }
    let columns = [Column::text("condition", 12, 0), Column::number("conversations", 0), Column::number("calls", 0)];
    for line in table(&columns, &rows, context.printer.width()) {
        context.printer.out(&line)?;
    }
    let failed = if forecast.failed > 0 { format!(", {} failed", forecast.failed) } else { String::new() };
    let conditions = format!(
        "{} over {}; {} conversation{}: {} done{failed}, {} left",
        text::count(forecast.rows.len(), "condition"),
        axes.join(", "),
        count(forecast.conversations as u64),
        if forecast.conversations == 1 { "" } else { "s" },
        forecast.done,
        count(forecast.left as u64)
    );
    let range = |low: u64, high: u64| {
        if low == high { String::new() } else { format!(" ({} to {})", count(low), count(high)) }
    };
    let left = format!(
        "left: {} call{}{}, about {} tokens{}",
        count(forecast.calls),
        if forecast.calls == 1 { "" } else { "s" },
        range(forecast.low, forecast.high),
        count(forecast.tokens.expected),
        range(forecast.tokens.low, forecast.tokens.high)
    );
    let typed = match forecast.typed {
        0 => String::new(),
        all if all == forecast.calls => "all of them are typed by a person, who needs a terminal".to_owned(),
        some => format!("{} of the calls are typed by a person, who needs a terminal", count(some)),
    };
    let rounds = forecast.rounds.map_or_else(String::new, |rounds| {
        let Rounds { latencies, calls_of_step, latencies_of_step } = rounds;
        format!(
            "the longest world waits {} for a server; a step has {} and waits {}",
            times(latencies),
            text::count(calls_of_step as usize, "call"),
            times(latencies_of_step)
        )
    });
    let time = seconds.map_or_else(String::new, |seconds| {
        format!("about {}, by the times of this experiment's calls so far", format_seconds(seconds))
    });
    for line in [conditions, left, rounds, time, typed].iter().flat_map(|text| wrap(text, context.printer.width())) {
        context.printer.out(&line)?;
    }
    Ok(())
}

fn times(number: u64) -> String {
    if number == 1 { "once".to_owned() } else { format!("{} times", count(number)) }
}
