//! Experiments and conversations as JSON objects, in the form of `list` and `show`.

use super::condition;
use crate::design::{Experiment, ModelSpec};
use crate::process::Flag;
use crate::store::{ConversationRecord, Counts, ExperimentRecord, Millis};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value as Json, json};

/// Formats an instant for programs: `2026-11-20T09:08:07.006Z`.
pub fn iso(at: Millis) -> String {
    let time = Timestamp::from_millisecond(at).unwrap_or_default();
    time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// Returns an experiment in the form of `list`.
pub fn experiment(record: &ExperimentRecord, counts: Counts, document: &Experiment) -> Map<String, Json> {
    let roles: Vec<&str> = document.roles.iter().map(|r| r.name.as_str()).collect();
    let models: Vec<&str> = document.models.iter().map(ModelSpec::name).collect();
    let mut conversations = object(json!({ "done": counts.done, "failed": counts.failed, "left": counts.left }));
    let others = [("offline", counts.offline), ("older", counts.older)];
    conversations.extend(others.into_iter().filter(|(_, n)| *n > 0).map(|(name, n)| (name.to_owned(), n.into())));
    object(json!({
        "id": record.id,
        "name": record.name,
        "creator": record.creator,
        "created": iso(record.created),
        "roles": roles,
        "models": models,
        "conversations": conversations,
        "starred": record.starred,
        "note": record.note,
        "parent": record.parent,
    }))
}

/// Returns a conversation in the form of `list WHAT`.
pub fn conversation(record: &ConversationRecord, flags: &[Flag]) -> Map<String, Json> {
    let models: Vec<&str> = record.models.iter().map(|m| m.name.as_str()).collect();
    let agents: Map<String, Json> = record.agents.iter().map(|a| (a.name.clone(), a.value.into())).collect();
    let flags: Vec<&str> = flags.iter().map(|f| f.word()).collect();
    object(json!({
        "id": record.id,
        "key": record.key,
        "creator": record.creator,
        "created": iso(record.created),
        "condition": condition(&record.condition),
        "replicate": record.replicate,
        "status": record.status.word(),
        "models": models,
        "messages": record.messages,
        "days": record.days,
        "speakers": record.speakers,
        "agents": agents,
        "flags": flags,
        "starred": record.starred,
        "note": record.note,
    }))
}

/// Adds the notes of others to an item, if there are some.
pub fn add_notes(item: &mut Map<String, Json>, notes: &[impl Serialize]) {
    if !notes.is_empty() {
        item.insert("notes".to_owned(), json!(notes));
    }
}

/// Returns the map in a JSON object.
pub fn object(value: Json) -> Map<String, Json> {
    if let Json::Object(map) = value { map } else { Map::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_written_with_milliseconds() {
        assert_eq!(iso(1_795_165_687_006), "2026-11-20T09:08:07.006Z");
    }
}
