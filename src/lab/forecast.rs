//! The calls and tokens of a run before anything is spent.

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
    /// Conversations asked for.
    pub conversations: usize,
    /// Calls of all of them.
    pub calls: u64,
}

/// The forecast of a run. All numbers but those of the rows are of what is left.
#[derive(Debug, Clone)]
pub struct Forecast {
    /// A row for each condition.
    pub rows: Vec<Row>,
    /// Conversations asked for.
    pub conversations: usize,
    /// Of them done.
    pub done: usize,
    /// Of them failed.
    pub failed: usize,
    /// Of them to do.
    pub left: usize,
    /// Calls, and the fewest and the most that they can be.
    pub calls: u64,
    /// See [`Self::calls`].
    pub low: u64,
    /// See [`Self::calls`].
    pub high: u64,
    /// Calls that a person answers.
    pub typed: u64,
    /// Tokens.
    pub tokens: Tokens,
}

impl Forecast {
    /// The forecast for what is missing.
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
        };
        forecast.add_jobs(planned, prepared, &calls);
        forecast
    }

    fn add_jobs(&mut self, Planned { experiment, plan, .. }: &Planned, prepared: &Prepared, calls: &[estimate::Calls]) {
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
