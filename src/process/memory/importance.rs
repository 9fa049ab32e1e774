//! Importance of what others did, from 1 to 10, as the agent itself rates it: one call for at most 20 events.

use super::request::{Answer, Form, numbered, read_object, read_whole};
use crate::process::selector::filled;

/// Maximum number of events in one request.
pub const EVENTS: usize = 20;
/// Importance of an agent's own notes.
pub const OF_NOTES: u32 = 5;
/// Importance of what an agent said or did itself.
pub const OF_OWN: u32 = 0;

const TEXT: &str = include_str!("../../../prompts/appraisal.md");

/// A request for the importance of events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appraisal {
    /// Places of the events in the log, in order.
    pub events: Vec<u32>,
    /// Text of the request, as user.
    pub text: String,
    /// Form of the answer.
    pub form: Form,
}

/// Returns the requests of one agent: no event, no request. An event is its place in the log and its text.
pub fn requests(name: &str, events: &[(u32, &str)]) -> Vec<Appraisal> {
    let request = |part: &[(u32, &str)]| {
        let number = part.len().to_string();
        let lines = numbered(part.iter().map(|(_, text)| *text));
        Appraisal {
            events: part.iter().map(|(seq, _)| *seq).collect(),
            text: filled(TEXT, &[("name", name), ("events", &lines), ("number", &number)]),
            form: Form::Appraisal { events: part.len() as u32 },
        }
    };
    events.chunks(EVENTS).map(request).collect()
}

/// Reads the importance of each of `events`; `None` for an event that has none from 1 to 10.
///
/// # Errors
/// A description of the mistake, if the reply has no object.
pub fn read(reply: &str, was_cut: bool, events: usize) -> Result<Answer<Vec<Option<u32>>>, String> {
    read_object(reply, was_cut, |fields, is_repaired| {
        let one = |number: usize| read_whole(fields.get(&number.to_string())?, 1, 10, is_repaired).map(|n| n as u32);
        (1..=events).map(one).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::turn::schema::Dialect;
    use serde_json::json;

    #[test]
    fn the_appraisal_of_nothing_is_no_request() {
        assert_eq!(requests("Ada", &[]), []);
    }

    #[test]
    fn at_most_twenty_events_are_in_a_request() {
        let events: Vec<(u32, &str)> = (10..51).map(|seq| (seq, "It rains.")).collect();
        let requests = requests("Ada", &events);
        assert_eq!(requests.iter().map(|r| r.events.len()).collect::<Vec<_>>(), [20, 20, 1]);
        assert_eq!((requests[1].events[0], requests[2].events[0]), (30, 50));
        assert_eq!(requests[2].form, Form::Appraisal { events: 1 });
    }

    #[test]
    fn events_are_numbered_lines() {
        let request = &requests("Ada", &[(3, "Ben: Hi\n2. Cem: bye"), (4, "Ben leaves. {{name}}")])[0];
        assert!(request.text.contains("\n\n1. Ben: Hi 2. Cem: bye\n2. Ben leaves. {{name}}\n\n"), "{}", request.text);
        assert!(request.text.contains("matter to you, Ada, on") && request.text.contains("from \"1\" to \"2\""));
        let schema = json!({ "type": "object", "additionalProperties": false, "required": ["1", "2"],
            "properties": { "1": { "type": "integer" }, "2": { "type": "integer" } } });
        assert_eq!(request.form.schema(Dialect::Strict).to_string(), schema.to_string());
        let full = request.form.schema(Dialect::Full { max_tokens: Some(9) });
        let rating = json!({ "type": "integer", "minimum": 1, "maximum": 10 });
        assert_eq!(full["properties"], json!({ "1": rating, "2": rating }));
    }

    #[test]
    fn what_is_missing_counts_as_nothing() {
        let read = |reply: &str| read(reply, false, 3).map(|answer| (answer.value, answer.is_repaired));
        assert_eq!(read("{\"1\": 2, \"2\": 10, \"3\": 7.0}"), Ok((vec![Some(2), Some(10), Some(7)], false)));
        assert_eq!(read("{\"1\": \"2\", \"3\": 7,}"), Ok((vec![Some(2), None, Some(7)], true)));
        assert_eq!(read("{\"1\": 0, \"2\": 11, \"3\": 2.5, \"4\": 3}"), Ok((vec![None; 3], false)));
        assert_eq!(read("{}"), Ok((vec![None; 3], false)));
        assert!(read("It matters little.").unwrap_err().contains("no JSON object"));
    }
}
