//! Fields that several formats share: the order of conversations, axes, conditions and entries.

use crate::design::{Experiment, Named, Value};
use crate::process::log::Entry;
use crate::process::turn::data;
use crate::store::ConversationRecord;
use serde_json::{Map, Value as Json};

/// Returns a key that sorts conversations in the order of the design: those planned together by condition as written,
/// then by replicate.
pub fn place(experiment: &Experiment, conversation: &ConversationRecord) -> impl Ord + use<> {
    let places = places(experiment, &conversation.condition);
    (conversation.created, places, conversation.replicate, conversation.key.clone())
}

/// Returns the place of each level among the levels that the experiment lists. A level that only a flag gave follows
/// them.
pub fn places(experiment: &Experiment, condition: &[Named<Value>]) -> Vec<(usize, String)> {
    let place = |level: &Named<Value>| {
        let factor = experiment.factors.iter().find(|f| f.name == level.name);
        let written = factor.and_then(|f| f.levels.iter().position(|l| *l == level.value));
        let declared = || experiment.models.iter().position(|m| level.value.is_written(m.name()));
        let place = if factor.is_none() && level.name == "model" { declared() } else { written };
        (place.unwrap_or(usize::MAX), level.value.to_string())
    };
    condition.iter().map(place).collect()
}

/// Returns every axis of the conversations, in the order of first appearance.
pub fn axes(conversations: &[ConversationRecord]) -> Vec<String> {
    let mut axes = Vec::new();
    for conversation in conversations {
        more_axes(&mut axes, conversation);
    }
    axes
}

/// Adds the axes of one more conversation.
pub fn more_axes(axes: &mut Vec<String>, conversation: &ConversationRecord) {
    for level in &conversation.condition {
        if !axes.contains(&level.name) {
            axes.push(level.name.clone());
        }
    }
}

/// Adds the roles of one more conversation.
pub fn more_roles(roles: &mut Vec<String>, conversation: &ConversationRecord) {
    for role in &conversation.agents {
        if !roles.contains(&role.name) {
            roles.push(role.name.clone());
        }
    }
}

/// Returns a condition as a JSON object, in the order of the axes.
pub fn condition(levels: &[Named<Value>]) -> Map<String, Json> {
    levels.iter().map(|l| (l.name.clone(), serde_json::to_value(&l.value).unwrap_or_default())).collect()
}

/// Returns the fields of an entry that an export holds. All are equal in every run.
pub fn entry(entry: &Entry) -> Map<String, Json> {
    let flags: Vec<&str> = entry.flags.iter().map(|f| f.word()).collect();
    let mut map = Map::new();
    map.insert("seq".to_owned(), entry.seq.into());
    map.insert("day".to_owned(), entry.day.into());
    map.insert("position".to_owned(), entry.index.into());
    map.insert("kind".to_owned(), entry.kind.word().into());
    map.insert("speaker".to_owned(), entry.speaker.as_str().into());
    map.insert("role".to_owned(), entry.role.as_deref().into());
    map.insert("model".to_owned(), entry.model.as_deref().into());
    map.insert("content".to_owned(), entry.content.as_str().into());
    map.insert("raw".to_owned(), entry.raw.as_deref().into());
    map.insert("reply_flags".to_owned(), flags.into());
    for name in ["to", "place", "time"] {
        map.extend(entry.field(name).map(|text| (name.to_owned(), text.into())));
    }
    if let Some(data) = data::data(entry) {
        map.insert("data".to_owned(), Json::Object(data.clone()));
    }
    map
}
