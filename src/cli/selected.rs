//! Texts about the conversations that a selection has and leaves out.

use crate::lab::Selection;
use crate::lab::filters::{Inside, LeftOutBy, Reason, Unmatched};
use crate::store::Counts;
use serde_json::{Map, Value as Json, json};

/// Returns the flags that select what was left out for a reason; `None` for a person's own filters.
fn flags_for(reason: Reason) -> Option<String> {
    match reason {
        Reason::Status(status) => Some(format!("--status {status}")),
        Reason::Offline => Some("--offline".to_owned()),
        Reason::OfflineOf(status) => Some(format!("--offline --status {status}")),
        Reason::Revision => Some("--all".to_owned()),
        Reason::Filter(_) => None,
    }
}

fn describe_reason(reason: Reason) -> String {
    match reason {
        Reason::Status(status) => status.word().to_owned(),
        Reason::Offline => "offline".to_owned(),
        Reason::OfflineOf(status) => format!("offline and {status}"),
        Reason::Revision => "of other revisions".to_owned(),
        Reason::Filter(unmatched) => format!("that do not match {}", flag_of(unmatched)),
    }
}

/// Returns the flag of a filter.
fn flag_of(unmatched: Unmatched) -> &'static str {
    match unmatched {
        Unmatched::Only => "--only",
        Unmatched::Offline => "--offline",
        Unmatched::Model => "--model",
        Unmatched::Starred => "--starred",
        Unmatched::Creator => "--creator",
        Unmatched::Mine => "--mine",
        Unmatched::CreatorOrMine => "--creator or --mine",
    }
}

/// Lists what a selection leaves out, each with the flag that selects it: `3 failed (--status failed)`.
pub fn describe_left_out(left_out: &LeftOutBy) -> Option<String> {
    let one = |(reason, number): (&Reason, &usize)| {
        let flags = flags_for(*reason).map(|flags| format!(" ({flags})")).unwrap_or_default();
        format!("{number} {}{flags}", describe_reason(*reason))
    };
    (!left_out.is_empty()).then(|| left_out.iter().map(one).collect::<Vec<_>>().join(", "))
}

/// Lists what a selection leaves out, for a person who gives no flags: `3 failed`.
pub fn list_left_out(left_out: &LeftOutBy) -> String {
    let one = |(reason, number): (&Reason, &usize)| format!("{number} {}", describe_reason(*reason));
    left_out.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// Describes a selection: `6 done, 3 failed, 2 of them offline`.
pub fn describe_inside(inside: &Inside) -> String {
    let Inside { statuses, offline, older } = inside;
    let mut parts: Vec<String> = statuses.iter().map(|(status, number)| format!("{number} {status}")).collect();
    if parts.is_empty() {
        parts.push("no conversation".to_owned());
    }
    for (number, which) in [(offline, "offline"), (older, "of older revisions")] {
        parts.extend((*number > 0).then(|| format!("{number} of them {which}")));
    }
    parts.join(", ")
}

/// Returns the remedy for a selection that leaves nothing.
pub fn remedy_of_nothing(left_out: &LeftOutBy) -> String {
    let left_out = describe_left_out(left_out).unwrap_or_default();
    format!("left out: {left_out}")
}

/// Returns a selection and what it leaves out as JSON: `{inside, left_out}`.
pub fn selection_json(selection: &Selection) -> Map<String, Json> {
    let Inside { statuses, offline, older } = &selection.inside;
    let mut inside: Map<String, Json> = statuses.iter().map(|(s, n)| (s.word().to_owned(), json!(n))).collect();
    inside.extend([("offline".to_owned(), json!(offline)), ("older".to_owned(), json!(older))]);
    let one = |(reason, number): (&Reason, &usize)| json!({ "why": describe_reason(*reason), "conversations": number, "flag": flags_for(*reason) });
    let left_out = selection.left_out.iter().map(one).collect();
    Map::from_iter([("inside".to_owned(), Json::Object(inside)), ("left_out".to_owned(), left_out)])
}

/// Describes the conversations that an experiment's counts leave out: `12 offline, 8 older`.
pub fn not_counted(counts: Counts) -> String {
    let numbers = [(counts.offline, "offline"), (counts.older, "older")];
    let parts =
        numbers.into_iter().filter(|(number, _)| *number > 0).map(|(number, which)| format!("{number} {which}"));
    parts.collect::<Vec<_>>().join(", ")
}
