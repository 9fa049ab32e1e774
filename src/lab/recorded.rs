//! Facts of recorded runs of conversations: from their data, or from the arguments where convoke 0.1 recorded them.

use super::old_flags::{self, Recorded};
use crate::design::named;
use crate::store::{RunKind, RunRecord};

/// Name in a run's counts under which the number of `--more` is kept.
pub const MORE: &str = "more";

/// Returns the facts of a run; `None` where it asked questions, or its arguments are not those of a run.
pub fn read_run(run: &RunRecord) -> Option<Recorded> {
    match (run.kind, &run.overrides) {
        (RunKind::Ask, _) => None,
        (RunKind::Run | RunKind::Talk, Some(overrides)) => Some(Recorded {
            overrides: overrides.clone(),
            had_more: named(&run.counts, MORE).is_some(),
            is_talk: run.kind == RunKind::Talk,
        }),
        (RunKind::Run | RunKind::Talk, None) => old_flags::read(&run.flags),
    }
}
