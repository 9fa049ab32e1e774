//! The text of a person in a prompt. The condition key holds the persona and [`VERSION`] in place of this text, so the
//! text of a version never changes.

use super::fact::{Fact, Facts};
use super::person::Person;

/// Version of the text.
pub const VERSION: u32 = 1;
/// Title of the section.
pub const TITLE: &str = "Person";
/// Keys of a persona that are not in the text.
const SILENT: [&str; 3] = ["public", "place", "plan"];

/// Returns the section of a person, without a line break at its end.
pub fn render_person(person: &Person) -> String {
    let heard = person.persona.iter().filter(|(key, _)| !SILENT.contains(&key.as_str()));
    let lines: Vec<String> = heard.flat_map(|(key, fact)| render_fact(key, fact)).collect();
    format!("## {TITLE}\n{}", lines.join("\n"))
}

fn render_table(facts: &Facts) -> Vec<String> {
    facts.iter().flat_map(|(key, fact)| render_fact(key, fact)).collect()
}

fn render_fact(key: &str, fact: &Fact) -> Vec<String> {
    if fact.is_empty() {
        return Vec::new();
    }
    let key = key_words(key);
    match fact {
        Fact::List(items) => indent(format!("- {key}:"), items.iter().flat_map(render_item).collect()),
        Fact::Table(facts) => indent(format!("- {key}:"), render_table(facts)),
        Fact::Null | Fact::Bool(_) | Fact::Number(_) | Fact::Text(_) => {
            let mut lines = text_lines(fact);
            let first = lines.remove(0);
            indent(format!("- {key}: {first}"), lines)
        }
    }
}

fn render_item(fact: &Fact) -> Vec<String> {
    if fact.is_empty() {
        return Vec::new();
    }
    let mut lines = match fact {
        Fact::List(items) => items.iter().flat_map(render_item).collect(),
        Fact::Table(facts) => render_table(facts),
        Fact::Null | Fact::Bool(_) | Fact::Number(_) | Fact::Text(_) => text_lines(fact),
    };
    let first = lines.remove(0);
    indent(format!("- {first}"), lines)
}

/// Returns the lines of a scalar; at least one.
fn text_lines(fact: &Fact) -> Vec<String> {
    let text = fact.scalar().unwrap_or_default();
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    if lines.is_empty() { vec![String::new()] } else { lines }
}

/// Puts lines below a first one, two spaces to the right. Blank lines stay blank.
fn indent(first: String, lines: Vec<String>) -> Vec<String> {
    let below = lines.into_iter().map(|line| if line.trim().is_empty() { String::new() } else { format!("  {line}") });
    std::iter::once(first).chain(below).collect()
}

/// Returns a key as words: `long_term_goals` becomes `Long term goals`.
fn key_words(key: &str) -> String {
    let spaced: String = key.chars().map(|c| if matches!(c, '_' | '-') || c.is_control() { ' ' } else { c }).collect();
    let mut letters = spaced.trim().chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::people::json::read_json;

    #[test]
    fn a_persona_becomes_a_list_of_facts() {
        let person = Person::new(
            read_json(
                r###"{"name": "Lisa Carter", "age": 28.50, "alive": true, "public": "a scientist", "place": "Lobby",
                "plan": "x", "gone": null, "none": [], "blank": " ", "hollow": {"a": [{}]},
                "occupation": {"title": "Data Scientist", "public": "shown here"},
                "long_term-goals": ["To advance AI technology", "", ["nested", "twice"]],
                "notes": "first\r\n\n  third\n", "<TAG>": "## no heading <!-- no comment -->",
                "relationships": [{"name": "Richard", "description": "your\ncolleague"}]}"###,
            )
            .unwrap(),
        );
        insta::assert_snapshot!(render_person(&person.unwrap()), @r"
        ## Person
        - Name: Lisa Carter
        - Age: 28.50
        - Alive: true
        - Occupation:
          - Title: Data Scientist
          - Public: shown here
        - Long term goals:
          - To advance AI technology
          - - nested
            - twice
        - Notes: first

            third
        - <TAG>: ## no heading <!-- no comment -->
        - Relationships:
          - - Name: Richard
            - Description: your
              colleague
        ");
    }
}
