//! `convoke plan`: what a run would do. Spends nothing and writes nothing.

use crate::cli::commands::designed::Designed;
use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit};
use crate::cli::narrow::Narrow;
use crate::cli::terminal::text::{self, Column, table, wrap};
use crate::design::estimate::{self, Tokens};
use crate::design::{Named, Value};
use crate::exchange;
use crate::report::tally::count;
use crate::run::Prepared;
use crate::run::prepare::prepare;
use crate::store::Standing;
use clap::Args;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;

/// `convoke plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// An experiment's folder, name or id
    #[arg(default_value = "", hide_default_value = true)]
    pub what: String,
    /// What to narrow or override.
    #[command(flatten)]
    pub narrow: Narrow,
}

/// Plans.
pub async fn run(context: &Context, args: &PlanArgs) -> Result<Exit, CliError> {
    let designed = context.designed(&args.what, &args.narrow).await?;
    let (id, standing) = standing(context, &designed).await?;
    let Designed { experiment, plan, cells, .. } = &designed;
    let prepared = prepare(experiment, plan, cells.clone(), &standing, &id, false);
    let forecast = Forecast::of(&designed, &prepared);
    if context.printer.json {
        context.printer.json_ok(&forecast.json())?;
    } else {
        forecast.print(context, &designed)?;
    }
    Ok(Exit::Done)
}

/// How the experiment's conversations stand; nothing where there is no database yet.
pub async fn standing(context: &Context, designed: &Designed) -> Result<(String, Vec<Standing>), CliError> {
    let store = match context.reader().await {
        Ok(store) => store,
        Err(error) if error.exit == Exit::NotFound => return Ok((String::new(), Vec::new())),
        Err(error) => return Err(error),
    };
    let record = match &designed.record {
        Some(record) => Some(record.clone()),
        None => store.experiment(&designed.creator, &designed.experiment.name).await?,
    };
    match record {
        Some(record) => Ok((record.id.clone(), store.standing(&record.id).await?)),
        None => Ok((String::new(), Vec::new())),
    }
}

/// What the conversations of one condition come to.
struct Row<'a> {
    condition: &'a [Named<Value>],
    conversations: usize,
    calls: u64,
}

struct Forecast<'a> {
    rows: Vec<Row<'a>>,
    conversations: usize,
    done: usize,
    failed: usize,
    left: usize,
    calls: u64,
    low: u64,
    high: u64,
    /// Of the calls left, those that a person answers.
    typed: u64,
    tokens: Tokens,
}

impl<'a> Forecast<'a> {
    fn of(designed: &'a Designed, prepared: &Prepared) -> Self {
        let Designed { experiment, plan, cells, .. } = designed;
        let mut replicates: BTreeMap<usize, usize> = BTreeMap::new();
        for cell in cells {
            *replicates.entry(cell.condition).or_insert(0) += 1;
        }
        let calls: Vec<estimate::Calls> = plan.conditions.iter().map(|c| estimate::calls(experiment, c)).collect();
        let mut forecast = Self {
            rows: replicates
                .iter()
                .map(|(condition, number)| Row {
                    condition: &plan.conditions[*condition].levels,
                    conversations: *number,
                    calls: calls[*condition].expected * *number as u64,
                })
                .collect(),
            conversations: cells.len(),
            done: prepared.done,
            failed: prepared.failed,
            left: prepared.jobs.len(),
            calls: 0,
            low: 0,
            high: 0,
            typed: 0,
            tokens: Tokens::default(),
        };
        let mut tokens: BTreeMap<usize, Tokens> = BTreeMap::new();
        for job in &prepared.jobs {
            let of = &calls[job.condition];
            let left = u64::from(job.left);
            let answered = of.expected - left.min(of.expected);
            forecast.calls += left;
            let typed = estimate::typed(experiment, &plan.conditions[job.condition]);
            forecast.typed += (typed * left).div_ceil(of.expected.max(1));
            forecast.low += of.low.saturating_sub(answered);
            forecast.high += of.high.saturating_sub(answered).max(left);
            let whole = tokens
                .entry(job.condition)
                .or_insert_with(|| estimate::tokens(experiment, &plan.conditions[job.condition]));
            forecast.tokens.add(whole, left as f64 / of.expected.max(1) as f64);
        }
        forecast
    }

    fn json(&self) -> Json {
        let conditions: Vec<Json> = self
            .rows
            .iter()
            .map(|row| {
                json!({
                    "condition": exchange::condition(row.condition),
                    "conversations": row.conversations,
                    "calls": row.calls,
                })
            })
            .collect();
        json!({
            "conditions": conditions,
            "conversations": self.conversations,
            "done": self.done,
            "left": self.left,
            "calls": self.calls,
            "calls_low": self.low,
            "calls_high": self.high,
            "tokens": self.tokens,
            "cost": Json::Null,
            "seconds": Json::Null,
        })
    }

    fn print(&self, context: &Context, designed: &Designed) -> Result<(), CliError> {
        let axes: Vec<&str> = designed.plan.conditions[0].levels.iter().map(|l| l.name.as_str()).collect();
        let mut rows = Vec::new();
        for row in &self.rows {
            let levels: Vec<String> = row.condition.iter().map(|l| format!("{}={}", l.name, l.value)).collect();
            rows.push(vec![levels.join(" "), row.conversations.to_string(), count(row.calls)]);
        }
        let columns =
            [Column::text("condition", 12, 0), Column::number("conversations", 0), Column::number("calls", 0)];
        for line in table(&columns, &rows, context.printer.width()) {
            context.printer.out(&line)?;
        }
        let failed = if self.failed > 0 { format!(", {} failed", self.failed) } else { String::new() };
        let conditions = format!(
            "{} over {}; {} conversation{}: {} done{failed}, {} left",
            text::count(self.rows.len(), "condition"),
            axes.join(", "),
            count(self.conversations as u64),
            if self.conversations == 1 { "" } else { "s" },
            self.done,
            count(self.left as u64)
        );
        let left = format!(
            "left: {} calls ({} to {}), about {} tokens ({} to {})",
            count(self.calls),
            count(self.low),
            count(self.high),
            count(self.tokens.expected),
            count(self.tokens.low),
            count(self.tokens.high)
        );
        let typed = match self.typed {
            0 => String::new(),
            all if all == self.calls => "all of them are typed by a person, who needs a terminal".to_owned(),
            some => format!("{} of the calls are typed by a person, who needs a terminal", count(some)),
        };
        for line in [conditions, left, typed].iter().flat_map(|text| wrap(text, context.printer.width())) {
            context.printer.out(&line)?;
        }
        Ok(())
    }
}
