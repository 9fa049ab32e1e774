//! Time that work takes, from the calls that the experiment has made before.

use super::planned::Planned;
use super::setup::{Lab, Servers};
use crate::design::check::server_of;
use crate::model::Bounds;
use crate::run::Job;
use crate::run::prepare::{self, Prepared};
use crate::store::{CallRecord, Standing, StoreError};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Number of conversations whose calls are read.
const CONVERSATIONS: usize = 20;

/// Seconds of a reply, by server.
#[derive(Debug, Clone, Default)]
pub struct Pace(BTreeMap<String, f64>);

impl Lab {
    /// Reads how long each server took for calls of an experiment, in some of its conversations.
    pub async fn load_pace(&self, standing: &[Standing]) -> Result<Pace, StoreError> {
        let begun = standing.iter().filter(|s| s.answered > 0 && !s.offline);
        let ids: Vec<String> = begun.map(|s| s.id.clone()).take(CONVERSATIONS).collect();
        let calls = if ids.is_empty() { Vec::new() } else { self.store.calls_of(&ids).await? };
        Ok(Pace::new(calls.iter().flatten()))
    }
}

impl Lab {
    /// Estimates the seconds of a plan's missing conversations, by the time of the experiment's calls so far.
    pub async fn forecast_seconds(
        &self,
        planned: &Planned,
        prepared: &Prepared,
        standing: &[Standing],
    ) -> Result<Option<f64>, StoreError> {
        let jobs = prepare::jobs(&Arc::new(planned.experiment.clone()), &planned.plan, &prepared.missing);
        let pace = self.load_pace(standing).await?;
        Ok(pace.estimate_seconds(&jobs, &request_bounds(&jobs, &self.servers, None)))
    }
}

impl Pace {
    fn new<'a>(calls: impl Iterator<Item = &'a CallRecord>) -> Self {
        let mut sums: BTreeMap<String, (f64, f64)> = BTreeMap::new();
        for call in calls.filter(|call| call.reply.is_some()) {
            let Some(last) = call.attempts.last() else { continue };
            let (seconds, number) = sums.entry(call.server.clone()).or_default();
            *seconds += last.took as f64 / 1000.0;
            *number += 1.0;
        }
        Self(sums.into_iter().map(|(server, (seconds, number))| (server, seconds / number)).collect())
    }

    /// Estimates the seconds of the jobs' calls: those of the busiest server, or of the longest conversation. `None` if
    /// the time of a server is unknown, or a person types.
    pub fn estimate_seconds(&self, jobs: &[Job], bounds: &Bounds) -> Option<f64> {
        let (mut loads, mut longest) = (BTreeMap::new(), 0.0_f64);
        for chain in jobs.iter().map(Job::chain) {
            let share = f64::from(chain.calls) / chain.servers.len() as f64;
            let mut own = 0.0;
            for server in &chain.servers {
                let seconds = share * self.0.get(server)?;
                own += seconds;
                *loads.entry(server.clone()).or_insert(0.0) += seconds;
            }
            longest = longest.max(own);
        }
        if jobs.iter().flat_map(|job| job.members.iter()).any(crate::design::ModelSpec::is_human) {
            return None;
        }
        let slots = |server: &str| f64::from(bounds.servers.get(server).map_or(bounds.total, |n| bounds.total.min(*n)));
        let busiest = loads.iter().map(|(server, seconds)| seconds / slots(server)).fold(0.0, f64::max);
        let all = loads.values().sum::<f64>() / f64::from(bounds.total.max(1));
        Some(longest.max(busiest).max(all))
    }
}

/// Returns the bounds of requests for jobs. `limit` is that of the person over all servers.
pub fn request_bounds(jobs: &[Job], servers: &Servers, limit: Option<u32>) -> Bounds {
    let members = || jobs.iter().flat_map(|job| job.members.iter());
    let kind = |name: &str| servers.get(name).map(|server| (name.to_owned(), server.kind));
    let used: BTreeMap<_, _> = members().filter_map(|m| kind(server_of(&m.id))).collect();
    let mut written: Vec<(String, u32)> =
        members().filter_map(|m| Some((server_of(&m.id).to_owned(), m.concurrency?))).collect();
    written.extend(servers.concurrency.iter().map(|(name, n)| (name.clone(), *n)));
    Bounds::of(limit, &used.into_iter().collect::<Vec<_>>(), &written)
}
