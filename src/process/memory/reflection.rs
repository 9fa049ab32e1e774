//! Reflection: when enough importance has gathered, an agent asks itself three questions about what happened of late,
//! and draws conclusions from what it recalls of each.

use super::request::{
    Answer, INSIGHTS, QUESTIONS, list, numbered, objects, on_one_line, read_line, read_object, read_whole,
};
use crate::process::selector::filled;
use serde_json::{Map, Value as Json};

/// Number of the last items that the questions are about.
pub const ITEMS: usize = 50;
/// Importance of an insight that names none.
const USUAL: u32 = 5;

const ASKING: &str = include_str!("../../../prompts/questions.md");
const CONCLUDING: &str = include_str!("../../../prompts/insights.md");

/// Returns true if an agent reflects: the importance that has gathered since its last reflection reaches `reflect`. With
/// 0 it never does.
pub fn is_due(gathered: u32, reflect: u32) -> bool {
    reflect > 0 && gathered >= reflect
}

/// A conclusion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Insight {
    /// The conclusion, on one line.
    pub text: String,
    /// Places in the log of the entries that it follows from, in order.
    pub because: Vec<u32>,
    /// Its importance, from 1 to 10.
    pub importance: u32,
}

/// Returns the text that requests questions, about the last items of a memory.
pub fn request_questions(name: &str, memory: &[&str]) -> String {
    let last = &memory[memory.len().saturating_sub(ITEMS)..];
    filled(ASKING, &[("name", name), ("events", &numbered(last.iter().copied()))])
}

/// Reads at most three different questions.
///
/// # Errors
/// A description of the mistake, if the reply has no object.
pub fn read_questions(reply: &str, was_cut: bool) -> Result<Answer<Vec<String>>, String> {
    read_object(reply, was_cut, |fields, _| {
        let mut questions: Vec<String> = Vec::new();
        for question in list(fields, "questions").filter_map(Json::as_str).map(on_one_line) {
            if !question.is_empty() && !questions.contains(&question) && questions.len() < QUESTIONS {
                questions.push(question);
            }
        }
        questions
    })
}

/// Returns the text that requests insights from recalled items.
pub fn request_insights(name: &str, question: &str, recalled: &[&str]) -> String {
    let events = numbered(recalled.iter().copied());
    filled(CONCLUDING, &[("name", name), ("question", question), ("events", &events)])
}

/// Reads at most five insights. `recalled` are the places in the log of the lines that the agent read: a number of another
/// line is dropped, so that an insight follows from nothing that its owner did not perceive.
///
/// # Errors
/// A description of the mistake, if the reply has no object.
pub fn read_insights(reply: &str, was_cut: bool, recalled: &[u32]) -> Result<Answer<Vec<Insight>>, String> {
    let last = i64::try_from(recalled.len()).unwrap_or(i64::MAX);
    read_object(reply, was_cut, |fields, is_repaired| {
        let read = |fields: &Map<String, Json>| {
            let text = read_line(fields, "insight")?;
            let lines = list(fields, "because").filter_map(|n| read_whole(n, 1, last, is_repaired));
            let mut because: Vec<u32> = lines.filter_map(|n| recalled.get(n as usize - 1).copied()).collect();
            because.sort_unstable();
            because.dedup();
            let importance = fields.get("importance").and_then(|n| read_whole(n, 1, 10, is_repaired));
            Some(Insight { text, because, importance: importance.map_or(USUAL, |n| n as u32) })
        };
        objects(fields, "insights").filter_map(read).take(INSIGHTS).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::memory::Form;
    use crate::process::turn::schema::Dialect;

    #[test]
    fn an_agent_reflects_at_100_and_not_at_99() {
        assert_eq!([0, 99, 100, 101].map(|gathered| is_due(gathered, 100)), [false, false, true, true]);
        assert!(!is_due(0, 0) && !is_due(500, 0));
    }

    #[test]
    fn questions_are_about_the_last_fifty() {
        let memory: Vec<String> = (1..=60).map(|n| format!("event {n}")).collect();
        let memory: Vec<&str> = memory.iter().map(String::as_str).collect();
        let text = request_questions("Ada", &memory);
        assert!(text.contains("\n\n1. event 11\n2. event 12\n") && text.contains("\n50. event 60\n\n"), "{text}");
        assert!(request_questions("Ada", &["one"]).contains("\n\n1. one\n\n"));
    }

    #[test]
    fn three_different_questions_are_read() {
        let read = |reply: &str| read_questions(reply, false).map(|answer| answer.value);
        let many = "{\"questions\": [\" Why? \", \"Why?\", \"\", 7, \"Who\\nthen?\", \"When?\", \"Where?\"]}";
        assert_eq!(read(many).unwrap(), ["Why?", "Who then?", "When?"]);
        assert_eq!(read("{\"questions\": \"Why?\"}").unwrap(), [""; 0]);
        assert!(read("Why?").is_err());
    }

    #[test]
    fn insights_follow_from_lines_that_were_read() {
        let reply = "{\"insights\": [\
            {\"insight\": \"Ben likes Ada.\", \"because\": [3, 1, 1, 0, 4, \"2\"], \"importance\": 8},\
            {\"insight\": \"  \", \"because\": [1], \"importance\": 9},\
            {\"because\": [1]}, \"Ben\",\
            {\"insight\": \"It\\nrains.\", \"because\": null, \"importance\": 99}]}";
        let answer = read_insights(reply, false, &[4, 9, 12]).unwrap();
        let insight = |text: &str, because: &[u32], importance| Insight {
            text: text.to_owned(),
            because: because.to_vec(),
            importance,
        };
        assert_eq!(answer.value, [insight("Ben likes Ada.", &[4, 9, 12], 8), insight("It rains.", &[], 5)]);
        assert!(answer.is_repaired, "a number was written as text");
        let many: Vec<String> = (0..9).map(|n| format!("{{\"insight\": \"{n}\"}}")).collect();
        let many = read_insights(&format!("{{\"insights\": [{}]}}", many.join(",")), false, &[]).unwrap();
        assert_eq!(many.value.len(), 5);
    }

    #[test]
    fn schemas_have_every_property_required() {
        let strict = Form::Insights.schema(Dialect::Strict).to_string();
        assert_eq!(
            strict,
            "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"insights\"],\"properties\":{\"insights\":\
             {\"type\":\"array\",\"items\":{\"type\":\"object\",\"additionalProperties\":false,\
             \"required\":[\"insight\",\"because\",\"importance\"],\"properties\":{\"insight\":{\"type\":\"string\"},\
             \"because\":{\"type\":\"array\",\"items\":{\"type\":\"integer\"}},\"importance\":{\"type\":\"integer\"}}}}}}"
        );
        let full = Form::Questions.schema(Dialect::Full { max_tokens: None }).to_string();
        assert!(full.contains("\"maxItems\":3") && full.contains("\"maxLength\":300"), "{full}");
    }
}
