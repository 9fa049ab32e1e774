//! Values of flags that replace values of the experiment, and the conversations that flags select.

use super::experiment::Expression;
use super::problem::Obstacle;
use super::value::{Named, Value};
use serde::{Deserialize, Serialize};

/// Values of flags that change or narrow a plan.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Overrides {
    /// `--model`: names or ids that replace the levels of the axis `model`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<String>,
    /// `--days`, `--agents`, `--messages`, `--speakers`, `--set`: names of settings with their levels.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub set: Vec<Named<Vec<Value>>>,
    /// `--set stop_phrases=[…]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_phrases: Option<Vec<String>>,
    /// `--replicates`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicates: Option<u32>,
    /// `--seed`. Stored as decimal text, since BSON has no unsigned 64-bit number.
    #[serde(skip_serializing_if = "Option::is_none", with = "as_text")]
    pub seed: Option<u64>,
    /// `--only`: a condition is selected if any of these expressions holds; empty selects all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<Expression>,
    /// `--limit`: maximum number of conversations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// `--offline`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub offline: bool,
}

impl Overrides {
    /// Returns all names that are set, including `model`. Each name occurs once, with its levels in the order of
    /// writing and without repeats.
    pub fn list_settings(&self) -> Vec<Named<Vec<Value>>> {
        let models = self.models.iter().map(|m| Value::Text(m.clone())).collect();
        let by_model = [Named::new("model", models)];
        let mut settings: Vec<Named<Vec<Value>>> = Vec::new();
        for set in self.set.iter().chain(&by_model).filter(|s| !s.value.is_empty()) {
            let place = settings.iter().position(|s| s.name == set.name).unwrap_or(settings.len());
            if place == settings.len() {
                settings.push(Named::new(set.name.clone(), Vec::new()));
            }
            let levels = &mut settings[place].value;
            for level in &set.value {
                if !levels.iter().any(|l| l.to_string() == level.to_string()) {
                    levels.push(level.clone());
                }
            }
        }
        settings
    }

    /// Returns the mistakes that can be found without the experiment.
    pub(super) fn find_obstacles(&self) -> Vec<Obstacle> {
        let mut found = Vec::new();
        if self.replicates == Some(0) {
            let hint = "replicates are numbered from 1".to_owned();
            found.push(Obstacle::usage("0 replicates are no conversation".to_owned(), hint));
        }
        if self.stop_phrases.iter().flatten().any(|p| p.trim().is_empty()) {
            let hint = "write some text, or `[]` for none".to_owned();
            found.push(Obstacle::usage("an empty stop phrase would end every day at once".to_owned(), hint));
        }
        found
    }
}

mod as_text {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    #[expect(clippy::ref_option, reason = "serde passes fields by reference")]
    pub fn serialize<S: Serializer>(number: &Option<u64>, serializer: S) -> Result<S::Ok, S::Error> {
        number.map(|n| n.to_string()).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| text.parse().map_err(D::Error::custom)).transpose()
    }
}
