//! Facts of recorded runs of conversations: from their data, or from the arguments that convoke 0.1 recorded.

use super::old_flags::{self, Recorded};
use crate::design::named;
use crate::store::{RunKind, RunRecord};

/// Key of a run's counts that holds the number of `--more`.
pub const MORE: &str = "more";

/// Returns the facts of a run. Returns `None` if it asked questions or its arguments do not parse.
pub fn read_run(run: &RunRecord) -> Option<Recorded> {
    match (run.kind, &run.overrides) {
        (RunKind::Ask, _) => None,
        (RunKind::Run | RunKind::Talk, Some(overrides)) => Some(Recorded {
            overrides: overrides.clone(),
            had_more: named(&run.counts, MORE).is_some(),
            is_talk: run.kind == RunKind::Talk,
        }),
        (RunKind::Run | RunKind::Talk, None) => old_flags::parse_flags(&run.flags),
    }
}
