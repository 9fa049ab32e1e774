//! Reader of JSON that keeps order and numbers as written, and refuses what other readers drop silently.

use super::fact::{DEEPEST, Fact, Facts};
use super::fault::Fault;
use serde::de::IgnoredAny;
use std::collections::BTreeSet;

/// Reads the facts of a JSON object.
///
/// # Errors
/// The text is no JSON object, a table has a key twice, or tables and lists are too deep.
pub fn read_json(text: &str) -> Result<Facts, Fault> {
    let start = text.len() - text.strip_prefix('\u{feff}').unwrap_or(text).len();
    let mut reader = Reader { text, at: start, depth: 0 };
    reader.skip_space();
    let begin = reader.at;
    let fact = reader.read_fact()?;
    let end = reader.at;
    reader.skip_space();
    if reader.at < text.len() {
        return Err(reader.fault("text follows the end of the object"));
    }
    match fact {
        Fact::Table(facts) => Ok(facts),
        Fact::Null | Fact::Bool(_) | Fact::Number(_) | Fact::Text(_) | Fact::List(_) => {
            Err(Fault::new(begin..end.min(begin + 1), format!("it is {}, not an object", fact.kind())))
        }
    }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
}

impl Reader<'_> {
    fn skip_space(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
    }

    fn next_char(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    /// Takes a character after white space.
    fn take_mark(&mut self, mark: char) -> bool {
        self.skip_space();
        let is_here = self.next_char() == Some(mark);
        self.at += if is_here { mark.len_utf8() } else { 0 };
        is_here
    }

    fn fault(&self, message: &str) -> Fault {
        let end = self.at + self.next_char().map_or(0, char::len_utf8);
        Fault::new(self.at..end, format!("not JSON: {message}"))
    }

    fn read_fact(&mut self) -> Result<Fact, Fault> {
        self.skip_space();
        match self.next_char() {
            Some('{') => self.go_deeper(Self::read_table),
            Some('[') => self.go_deeper(Self::read_list),
            Some('"') => self.read_text().map(Fact::Text),
            Some('-' | '0'..='9') => self.read_number(),
            Some(_) => self.read_word(),
            None => Err(self.fault("the text ends too early")),
        }
    }

    fn go_deeper(&mut self, read: fn(&mut Self) -> Result<Fact, Fault>) -> Result<Fact, Fault> {
        if self.depth == DEEPEST {
            let message = format!("tables and lists are more than {DEEPEST} deep");
            return Err(Fault::new(self.at..self.at + 1, message));
        }
        self.depth += 1;
        self.at += 1;
        let fact = read(self)?;
        self.depth -= 1;
        Ok(fact)
    }

    fn read_table(&mut self) -> Result<Fact, Fault> {
        let (mut facts, mut names) = (Facts::new(), BTreeSet::new());
        if self.take_mark('}') {
            return Ok(Fact::Table(facts));
        }
        loop {
            self.skip_space();
            let begin = self.at;
            if self.next_char() != Some('"') {
                return Err(self.fault("the name of a key is expected, in double quotes"));
            }
            let name = self.read_text()?;
            if !names.insert(name.clone()) {
                return Err(Fault::new(begin..self.at, format!("the key {name:?} is there twice")));
            }
            if !self.take_mark(':') {
                return Err(self.fault("`:` is expected after the name of a key"));
            }
            let fact = self.read_fact()?;
            facts.push((name, fact));
            if self.take_mark('}') {
                return Ok(Fact::Table(facts));
            }
            if !self.take_mark(',') {
                return Err(self.fault("`,` or `}` is expected"));
            }
        }
    }

    fn read_list(&mut self) -> Result<Fact, Fault> {
        let mut items = Vec::new();
        if self.take_mark(']') {
            return Ok(Fact::List(items));
        }
        loop {
            items.push(self.read_fact()?);
            if self.take_mark(']') {
                return Ok(Fact::List(items));
            }
            if !self.take_mark(',') {
                return Err(self.fault("`,` or `]` is expected"));
            }
        }
    }

    fn read_text(&mut self) -> Result<String, Fault> {
        let inside = &self.text[self.at + 1..];
        let mut is_escaped = false;
        let end = inside.find(|c| {
            let ends = c == '"' && !is_escaped;
            is_escaped = c == '\\' && !is_escaped;
            ends
        });
        let Some(end) = end else { return Err(self.fault("the text in double quotes does not end")) };
        let quoted = &self.text[self.at..self.at + end + 2];
        match serde_json::from_str(quoted) {
            Ok(text) => {
                self.at += quoted.len();
                Ok(text)
            }
            Err(_) => Err(self.fault("the text has a line break, a control character or an escape that JSON lacks")),
        }
    }

    fn read_number(&mut self) -> Result<Fact, Fault> {
        let rest = &self.text[self.at..];
        let end = rest.find(|c: char| !matches!(c, '0'..='9' | '+' | '-' | '.' | 'e' | 'E')).unwrap_or(rest.len());
        if serde_json::from_str::<IgnoredAny>(&rest[..end]).is_err() {
            return Err(self.fault("the number is not written as JSON writes numbers"));
        }
        self.at += end;
        Ok(Fact::Number(rest[..end].to_owned()))
    }

    fn read_word(&mut self) -> Result<Fact, Fault> {
        let words = [("null", Fact::Null), ("true", Fact::Bool(true)), ("false", Fact::Bool(false))];
        let rest = &self.text[self.at..];
        let found = words.into_iter().find(|(word, _)| rest.starts_with(word));
        let (word, fact) = found.ok_or_else(|| self.fault("a value is expected"))?;
        self.at += word.len();
        Ok(fact)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::people::fact::to_json;
    use proptest::prelude::*;
    use serde_json::Value as Json;

    fn message(text: &str) -> String {
        let fault = read_json(text).unwrap_err();
        assert!(text.get(fault.span.clone()).is_some(), "{fault:?}");
        fault.message
    }

    #[test]
    fn order_and_numbers_are_as_written() {
        let text = "\u{feff} {\"z\": 1.50, \"a\": [1E3, -0, 12345678901234567890123], \"é\\n\": {\"k\": null}}\n";
        let facts = read_json(text).unwrap();
        assert_eq!(to_json(&facts), "{\"z\":1.50,\"a\":[1E3,-0,12345678901234567890123],\"é\\n\":{\"k\":null}}");
    }

    #[test]
    fn other_readers_drop_these_silently() {
        assert_eq!(message("{\"a\": 1, \"b\": {\"c\": 1, \"\\u0063\": 2}}"), "the key \"c\" is there twice");
        let deep = |n: usize| format!("{{\"a\":{}{}}}", "[".repeat(n), "]".repeat(n));
        assert!(read_json(&deep(DEEPEST - 1)).is_ok());
        assert_eq!(message(&deep(DEEPEST)), "tables and lists are more than 64 deep");
        assert_eq!(message(&"[".repeat(100_000)), "tables and lists are more than 64 deep");
    }

    #[test]
    fn mistakes_have_places() {
        for (text, expected) in [
            ("", "not JSON: the text ends too early"),
            ("[1]", "it is a list, not an object"),
            ("{\"a\": 1,}", "not JSON: the name of a key is expected, in double quotes"),
            ("{\"a\" 1}", "not JSON: `:` is expected after the name of a key"),
            ("{\"a\": 01}", "not JSON: the number is not written as JSON writes numbers"),
            ("{\"a\": \"x", "not JSON: the text in double quotes does not end"),
            (
                "{\"a\": \"\\ud800\"}",
                "not JSON: the text has a line break, a control character or an escape that JSON lacks",
            ),
            ("{\"a\": nul}", "not JSON: a value is expected"),
            ("{} {}", "not JSON: text follows the end of the object"),
        ] {
            assert_eq!(message(text), expected, "{text}");
        }
    }

    fn any_json() -> impl Strategy<Value = Json> {
        let leaf = prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::from),
            any::<i64>().prop_map(Json::from),
            any::<f64>().prop_filter("finite", |x| x.is_finite()).prop_map(Json::from),
            "\\PC{0,8}".prop_map(Json::from),
            Just(Json::from("\u{1b}\"\\\n\u{2028}")),
        ];
        leaf.prop_recursive(5, 60, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Json::from),
                prop::collection::vec(("\\PC{0,4}", inner), 0..6).prop_map(|f| Json::Object(f.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn it_reads_what_serde_reads(json in any_json(), pretty in any::<bool>()) {
            let text = if pretty { serde_json::to_string_pretty(&json) } else { serde_json::to_string(&json) }.unwrap();
            match read_json(&text) {
                Ok(facts) => prop_assert_eq!(to_json(&facts), serde_json::to_string(&json).unwrap()),
                Err(_) => prop_assert!(!json.is_object(), "{}", text),
            }
        }

        #[test]
        fn any_text_is_read_or_refused_as_by_serde(text in "[\\[\\]{}\",:0-9eE.+\\\\ua-f\\- ntrl]{0,24}") {
            let ours = read_json(&text).is_ok();
            let theirs = serde_json::from_str::<serde_json::Map<String, Json>>(&text);
            prop_assert!(!ours || theirs.is_ok() || theirs.is_err_and(|e| e.to_string().contains("out of range")), "{}", text);
        }
    }
}
