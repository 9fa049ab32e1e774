//! Prompts of the selector where `speakers` is `auto`, and the parser of its choice. The texts are in `prompts/`.

use super::agent::Agent;
use crate::design::compose::PROGRAM_WORDS;

const PROMPT: &str = PROGRAM_WORDS[0];
const QUESTION: &str = PROGRAM_WORDS[1];
const AGAIN: &str = PROGRAM_WORDS[2];

/// Returns the selector's system prompt: the participants and the shared prompt, without private texts.
pub fn system(agents: &[Agent], shared: &str) -> String {
    let agents: Vec<String> = agents.iter().map(|a| format!("{} ({})", a.name, a.role)).collect();
    filled(PROMPT, &[("agents", &agents.join("\n")), ("shared", shared)])
}

/// Returns the question that the selector reads after the day's turns.
pub fn question(candidates: &[String]) -> String {
    filled(QUESTION, &[("candidates", &candidates.join(", "))])
}

/// Returns the text that the selector reads after a choice that names nobody.
pub fn again(candidates: &[String]) -> String {
    filled(AGAIN, &[("candidates", &candidates.join(", "))])
}

/// Replaces `{{name}}` by values in one pass, so that no value is parsed again.
pub(super) fn filled(text: &str, values: &[(&str, &str)]) -> String {
    let mut rest = text.trim();
    let mut out = String::with_capacity(text.len());
    while let Some((before, after)) = rest.split_once("{{") {
        out += before;
        let (name, tail) = after.split_once("}}").unwrap_or((after, ""));
        out += values.iter().find(|(n, _)| *n == name).map_or("", |(_, v)| v);
        rest = tail;
    }
    (out + rest).trim().to_owned()
}

/// Returns the one candidate that an answer names: by name, else by a role that only one candidate plays. Returns
/// `None` if the answer names nobody or more than one candidate.
pub fn choice<'a>(answer: &str, candidates: &[&'a Agent]) -> Option<&'a Agent> {
    if let Some(exact) = candidates.iter().find(|a| a.name == answer) {
        return Some(exact);
    }
    let answer = answer.replace("\\_", "_").to_lowercase();
    let one = |named: Vec<&'a Agent>| (named.len() == 1).then(|| named[0]);
    let by_name: Vec<&Agent> = candidates.iter().copied().filter(|a| has_word(&answer, &a.name)).collect();
    if !by_name.is_empty() {
        return one(by_name);
    }
    one(candidates.iter().copied().filter(|a| has_word(&answer, &a.role)).collect())
}

/// True if `text` (lower case) contains `word` as a separate word.
fn has_word(text: &str, word: &str) -> bool {
    let word = word.to_lowercase();
    let inside = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(&word)
        .any(|(at, found)| !text[..at].ends_with(inside) && !text[at + found.len()..].starts_with(inside))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agent(name: &str, role: &str) -> Agent {
        let (name, role) = (name.into(), role.into());
        Agent { name, role, ..Agent::default() }
    }

    #[test]
    fn a_choice_is_one_name_or_a_role_of_one() {
        let agents = [agent("Guard_117", "guard"), agent("Guard_118", "guard"), agent("Prisoner_200", "prisoner")];
        let all: Vec<&Agent> = agents.iter().collect();
        let chosen = |answer: &str| choice(answer, &all).map(|a| a.name.as_str());
        assert_eq!(chosen("Guard_117"), Some("Guard_117"));
        assert_eq!(chosen("**guard\\_118**."), Some("Guard_118"));
        assert_eq!(chosen("The prisoner should answer."), Some("Prisoner_200"));
        assert_eq!(chosen("a guard"), None, "two play it");
        assert_eq!(chosen("Guard_117 or Guard_118"), None);
        assert_eq!(chosen("Guard_1171"), None, "another name");
        assert_eq!(chosen(""), None);
        let alike = [agent("Guard_117", "guard"), agent("Head-guard_117", "head-guard")];
        let alike: Vec<&Agent> = alike.iter().collect();
        assert_eq!(choice("Head-guard_117", &alike).map(|a| a.name.as_str()), Some("Head-guard_117"));
    }

    #[test]
    fn a_value_is_never_read_again() {
        assert_eq!(filled("a {{x}} b {{y}} {{", &[("x", "{{y}}"), ("y", "2")]), "a {{y}} b 2");
    }
}
