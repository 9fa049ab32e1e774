//! JSON of a model: read as it is, or with repairs that leave no doubt about its meaning.

use crate::people::fact::Fact;
use crate::people::json::read_json;
use serde_json::{Map, Value as Json};
use std::borrow::Cow;

/// An object that was read, and whether the text had to be repaired.
#[derive(Debug, PartialEq)]
pub(in crate::process) struct Found {
    pub(in crate::process) fields: Map<String, Json>,
    pub(in crate::process) is_repaired: bool,
}

/// The end of a scan over a text that begins with `{`.
#[derive(Debug, PartialEq)]
enum End {
    /// The object ends before this byte.
    At(usize),
    /// These brackets are open at the end of the text, the innermost last.
    Open(Vec<char>),
    /// The text ends within a string, or its brackets do not match.
    Broken,
}

/// Finds the one object that a text holds. Repairs: code fences and other text around the object, a comma before a
/// closing bracket, and closing brackets that lack at the end. Nothing is closed in a reply that the server cut.
///
/// # Errors
/// A description of the mistake, which the model reads when it is asked again.
pub(in crate::process) fn find_object(text: &str, was_cut: bool) -> Result<Found, String> {
    let text = text.trim().trim_start_matches('\u{feff}');
    let first = match serde_json::from_str::<Json>(text) {
        Ok(Json::Object(fields)) => return refuse_lossy(text, Found { fields, is_repaired: false }),
        Ok(other) => return Err(format!("it is {}, not an object", kind_of(&other))),
        Err(error) => error,
    };
    let Some(start) = text.find('{') else { return Err("it holds no JSON object".to_owned()) };
    let body = text.get(start..).unwrap_or_default();
    let body: Cow<'_, str> = match scan(body) {
        End::At(end) => {
            let rest = body.get(end..).unwrap_or_default();
            if rest.contains('{') {
                return Err("it holds more than one JSON object".to_owned());
            }
            Cow::Borrowed(body.get(..end).unwrap_or_default())
        }
        End::Open(_) if body.trim_end().ends_with([',', ':']) => return Err(format!("it is not JSON: {first}")),
        End::Open(open) if !was_cut => Cow::Owned(format!("{}{}", body.trim_end(), closing(&open))),
        End::Open(_) => return Err("it was cut before the JSON object ended".to_owned()),
        End::Broken => return Err(format!("it is not JSON: {first}")),
    };
    let body = without_spare_commas(&body);
    match serde_json::from_str::<Json>(&body) {
        Ok(Json::Object(fields)) => refuse_lossy(&body, Found { fields, is_repaired: true }),
        Ok(_) | Err(_) => Err(format!("it is not JSON: {first}")),
    }
}

/// Refuses an object that has a key twice, since one of the two values would be lost, and a number that would be rounded.
/// `text` is valid JSON, of which the reader of persons refuses only keys that are repeated and tables that are too deep.
fn refuse_lossy(text: &str, found: Found) -> Result<Found, String> {
    let facts = read_json(text).map_err(|fault| fault.message)?;
    match facts.iter().find_map(|(_, fact)| find_rounded(fact)) {
        Some(number) => Err(format!("the number {number} has more than {DIGITS} digits")),
        None => Ok(found),
    }
}

/// Decimal digits that a double keeps.
const DIGITS: usize = 17;

/// Finds a number that a double would round. Whole numbers of 64 bits are kept apart.
fn find_rounded(fact: &Fact) -> Option<String> {
    match fact {
        Fact::Null | Fact::Bool(_) | Fact::Text(_) => None,
        Fact::Number(number) => {
            let is_whole = number.parse::<i64>().is_ok() || number.parse::<u64>().is_ok();
            let mantissa = number.split(['e', 'E']).next().unwrap_or_default();
            let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
            let is_long = digits.trim_matches('0').len() > DIGITS;
            // The model reads a short part of its number.
            (is_long && !is_whole).then(|| number.chars().take(40).collect())
        }
        Fact::List(items) => items.iter().find_map(find_rounded),
        Fact::Table(facts) => facts.iter().find_map(|(_, fact)| find_rounded(fact)),
    }
}

/// Names the type of a value for people.
pub(in crate::process) fn kind_of(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "true or false",
        Json::Number(_) => "a number",
        Json::String(_) => "a text",
        Json::Array(_) => "a list",
        Json::Object(_) => "an object",
    }
}

/// Place of a reader within JSON: in a string, or between strings.
#[derive(Default)]
struct Strings {
    is_inside: bool,
    is_escaped: bool,
}

impl Strings {
    /// Reads a character; returns it if it stands between strings.
    fn read(&mut self, c: char) -> Option<char> {
        let was_escaped = std::mem::take(&mut self.is_escaped);
        if c == '"' && !was_escaped {
            self.is_inside = !self.is_inside;
            return None;
        }
        self.is_escaped = self.is_inside && c == '\\' && !was_escaped;
        (!self.is_inside).then_some(c)
    }
}

fn scan(text: &str) -> End {
    let (mut open, mut strings) = (Vec::new(), Strings::default());
    for (at, c) in text.char_indices() {
        match strings.read(c) {
            Some(c @ ('{' | '[')) => open.push(c),
            Some(c @ ('}' | ']')) => {
                if open.pop() != Some(if c == '}' { '{' } else { '[' }) {
                    return End::Broken;
                }
                if open.is_empty() {
                    return End::At(at + 1);
                }
            }
            Some(_) | None => {}
        }
    }
    if strings.is_inside { End::Broken } else { End::Open(open) }
}

fn closing(open: &[char]) -> String {
    open.iter().rev().map(|c| if *c == '{' { '}' } else { ']' }).collect()
}

/// Removes each comma before a closing bracket. A comma at the end of the text stays: a value may lack behind it.
fn without_spare_commas(text: &str) -> String {
    let (mut strings, mut rest) = (Strings::default(), text.chars());
    let mut kept = String::with_capacity(text.len());
    while let Some(c) = rest.next() {
        let is_spare = strings.read(c) == Some(',') && rest.as_str().trim_start().starts_with(['}', ']']);
        if !is_spare {
            kept.push(c);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(text: &str) -> Result<(Json, bool), String> {
        find_object(text, false).map(|found| (Json::Object(found.fields), found.is_repaired))
    }

    #[test]
    fn what_is_whole_is_read_as_it_is() {
        assert_eq!(read(" {\"text\": \"a } b\"}\n"), Ok((json!({ "text": "a } b" }), false)));
    }

    #[test]
    fn numbers_are_kept_as_they_are_written() {
        for number in ["18446744073709551615", "-9007199254740993", "0.1", "1234567890.1234567", "1e300"] {
            let (json, _) = read(&format!("{{\"n\": {number}}}")).unwrap();
            let text = json["n"].to_string().replace("e+", "e");
            assert_eq!(text, number);
        }
    }

    #[test]
    fn repairs_that_leave_no_doubt() {
        let text = json!({ "text": "Hi, {you}", "actions": [] });
        for raw in [
            "```json\n{\"text\": \"Hi, {you}\", \"actions\": []}\n```",
            "Here is my answer:\n{\"text\": \"Hi, {you}\", \"actions\": []} I hope it helps.",
            "{\"text\": \"Hi, {you}\", \"actions\": [],}",
            "{\"text\": \"Hi, {you}\", \"actions\": [",
            "{\"text\": \"Hi, {you}\", \"actions\": []",
            "```\n{\"text\": \"Hi, {you}\", \"actions\": []",
        ] {
            assert_eq!(read(raw), Ok((text.clone(), true)), "{raw}");
        }
    }

    #[test]
    fn what_leaves_doubt_is_an_error() {
        for (raw, why) in [
            ("Hello there.", "no JSON object"),
            ("", "no JSON object"),
            ("[{\"text\": \"a\"}]", "a list"),
            ("{\"text\": \"a\"} {\"text\": \"b\"}", "more than one"),
            ("{\"text\": \"a", "not JSON"),
            ("{\"text\": \"a\", \"actions\"", "not JSON"),
            ("{\"text\": \"a\", \"actions\":", "not JSON"),
            ("{\"text\": \"a\",", "not JSON"),
            ("{\"text\": \"a\"]}", "not JSON"),
            ("{text: \"a\"}", "not JSON"),
            ("{\"text\": \"a\", \"text\": \"b\"}", "the key \"text\" is there twice"),
            ("{\"n\": 0.1234567890123456789}", "the number 0.1234567890123456789 has more than 17 digits"),
            ("{\"a\": [{\"n\": 123456789012345678901}]}", "the number 123456789012345678901 has more"),
            ("Yes: {\"actions\": [{\"do\": \"a\", \"do\": \"b\"}]}", "the key \"do\" is there twice"),
        ] {
            let error = read(raw).unwrap_err();
            assert!(error.contains(why), "{raw}: {error}");
        }
        let cut = find_object("{\"text\": \"a\", \"n\": 1", true).unwrap_err();
        assert!(cut.contains("cut"), "{cut}");
        assert!(find_object(&"{\"a\":".repeat(100_000), false).is_err());
    }
}
