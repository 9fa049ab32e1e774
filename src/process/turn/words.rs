//! Description of a form in the agent's system prompt.

use super::TurnForm;
use super::builtin::{purpose, slots};
use crate::design::Action;
use crate::design::mind::Builtin;
use std::fmt::Write;

/// Beginning of the description. A text of the program, as the other files in `prompts/`.
const INTRODUCTION: &str = include_str!("../../../prompts/turn.md");

impl TurnForm {
    /// Returns the section that describes the answer. It stands at the end of the agent's system prompt.
    pub fn describe(&self) -> String {
        let mut text = INTRODUCTION.trim_end().to_owned();
        if self.thought {
            text.push_str("\n- \"thought\": what you think now. Nobody else reads it.");
        }
        if self.builtins.is_none() {
            text.push_str("\n- \"text\": what you say aloud, \"\" for nothing.");
        }
        if self.has_actions() {
            let _ = write!(
                text,
                "\n- \"actions\": what you do, at most {}, [] for nothing. Each is one of:",
                self.max_actions
            );
            self.builtins().iter().for_each(|action| describe_builtin(&mut text, *action));
            self.actions.iter().for_each(|action| describe_action(&mut text, action));
        }
        if !self.state.is_empty() {
            let titles: Vec<String> = self.state.iter().map(|title| format!("{title:?}")).collect();
            let _ = write!(
                text,
                "\n- \"state\": what you keep in mind, an object with a short text for each of {}; null if nothing changed.",
                titles.join(", ")
            );
        }
        text
    }
}

fn describe_builtin(text: &mut String, action: Builtin) {
    let fields: Vec<String> = slots(action).iter().map(|(name, _)| format!(", {name:?}: …")).collect();
    let _ = write!(text, "\n  - {{\"do\": {:?}{}}} – {}", action.word(), fields.concat(), purpose(action));
}

fn describe_action(text: &mut String, action: &Action) {
    let fields: Vec<String> = action.fields.iter().map(|f| format!(", {:?}: …", f.name)).collect();
    let _ = write!(text, "\n  - {{\"do\": {:?}{}}} – {}", action.name, fields.concat(), action.text.trim());
    for field in &action.fields {
        let _ = write!(text, "\n    {:?} is {}.", field.name, field.value.describe());
    }
}
