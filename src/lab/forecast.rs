//! Calls and tokens of a run, estimated before any cost arises.

use super::planned::Planned;
use crate::design::estimate::{self, Tokens};
use crate::design::{Named, Value};
use crate::run::Prepared;
use std::collections::BTreeMap;

/// The conversations of one condition.
#[derive(Debug, Clone)]
pub struct Row {
    /// Its levels.
    pub condition: Vec<Named<Value>>,
    /// Number of requested conversations.
    pub conversations: usize,
    /// Total number of calls.
    pub calls: u64,
}

/// The forecast of a run. All numbers except those of the rows are about the remaining work.
#[derive(Debug, Clone)]
pub struct Forecast {
    /// One row for each condition.
    pub rows: Vec<Row>,
    /// Number of requested conversations.
    pub conversations: usize,
    /// Number of conversations that are done.
    pub done: usize,
    /// Number of failed conversations.
    pub failed: usize,
    /// Number of conversations to do.
    pub left: usize,
    /// Expected number of calls.
    pub calls: u64,
    /// Minimum number of calls.
    pub low: u64,
    /// Maximum number of calls.
    pub high: u64,
    /// Number of calls that a person answers.
    pub typed: u64,
    /// Tokens.
    pub tokens: Tokens,
    /// Rounds of the longest world to do; `None` if there is no world.
    pub rounds: Option<estimate::Rounds>,
}

impl Forecast {
    /// Forecasts the missing conversations.
    pub fn new(planned: &Planned, prepared: &Prepared) -> Self {
        let Planned { experiment, plan, cells, .. } = planned;
        let mut replicates: BTreeMap<usize, usize> = BTreeMap::new();
        for cell in cells {
            *replicates.entry(cell.condition).or_insert(0) += 1;
        }
        let calls: Vec<estimate::Calls> =
            plan.conditions.iter().map(|c| estimate::count_calls(experiment, c)).collect();
        let row = |(condition, number): (&usize, &usize)| Row {
            condition: plan.conditions[*condition].levels.clone(),
            conversations: *number,
            calls: calls[*condition].expected * *number as u64,
        };
        let mut forecast = Self {
            rows: replicates.iter().map(row).collect(),
            conversations: cells.len(),
            done: prepared.done,
            failed: prepared.failed,
            left: prepared.missing.len(),
            calls: 0,
            low: 0,
            high: 0,
            typed: 0,
            tokens: Tokens::default(),
            rounds: None,
        };
        forecast.add_jobs(planned, prepared, &calls);
        forecast
    }

    fn add_jobs(&mut self, Planned { experiment, plan, .. }: &Planned, prepared: &Prepared, calls: &[estimate::Calls]) {
        let rounds = prepared.missing.iter().filter_map(|job| estimate::count_rounds(&plan.conditions[job.condition]));
        self.rounds = rounds.max_by_key(|rounds| rounds.latencies);
        let mut tokens: BTreeMap<usize, Tokens> = BTreeMap::new();
        for job in &prepared.missing {
            let (of, condition) = (&calls[job.condition], &plan.conditions[job.condition]);
            let left = u64::from(job.left);
            let answered = of.expected - left.min(of.expected);
            self.calls += left;
            let typed = estimate::count_typed(experiment, condition);
            self.typed += (typed * left).div_ceil(of.expected.max(1));
            self.low += of.low.saturating_sub(answered);
            self.high += of.high.saturating_sub(answered).max(left);
            let whole = tokens.entry(job.condition).or_insert_with(|| estimate::count_tokens(experiment, condition));
            self.tokens.add(whole, left as f64 / of.expected.max(1) as f64);
        }
    }
}
