//! JSON as servers send it: read strictly, and only where that fails once more after one mending pass.

use serde_json::Value as Json;
use std::borrow::Cow;

/// Parses a JSON text, mended where that helps. The error is that of the strict reading.
pub(super) fn parse_json(text: &str) -> Result<Json, serde_json::Error> {
    serde_json::from_str(text).or_else(|error| serde_json::from_str(&mend_json(text)).map_err(|_| error))
}

/// Removes a byte-order mark, escapes control characters in strings, replaces lone surrogates by U+FFFD, and numbers
/// that JSON lacks (`NaN`, `Infinity`) by null.
pub(super) fn mend_json(text: &str) -> String {
    let mut rest = text.trim_start_matches('\u{feff}');
    let mut mended = String::with_capacity(rest.len());
    let mut in_string = false;
    while !rest.is_empty() {
        let (length, written) = if in_string { mend_in_string(rest) } else { mend_outside(rest) };
        in_string ^= written == "\"";
        mended.push_str(&written);
        rest = rest.get(length..).unwrap_or_default();
    }
    mended
}

/// Returns the length of the next part and its mended form.
fn mend_outside(rest: &str) -> (usize, Cow<'_, str>) {
    match ["NaN", "Infinity", "-Infinity"].into_iter().find(|word| rest.starts_with(word)) {
        Some(word) => (word.len(), "null".into()),
        None => keep_characters(rest, 1),
    }
}

fn mend_in_string(rest: &str) -> (usize, Cow<'_, str>) {
    match rest.as_bytes().first() {
        Some(b'\\') if rest.starts_with("\\u") => mend_escape(rest),
        Some(b'\\') => keep_characters(rest, 2),
        Some(control @ 0..0x20) => (1, format!("\\u{control:04x}").into()),
        _ => keep_characters(rest, 1),
    }
}

/// Keeps a pair of surrogates, and replaces a lone one.
fn mend_escape(rest: &str) -> (usize, Cow<'_, str>) {
    let unit = |at: usize| u16::from_str_radix(rest.get(at..at + 4)?, 16).ok();
    let is_second = |unit| matches!(unit, Some(0xDC00..=0xDFFF));
    match unit(2) {
        Some(0xD800..=0xDBFF) if rest.get(6..8) == Some("\\u") && is_second(unit(8)) => keep_characters(rest, 12),
        Some(0xD800..=0xDFFF) => (6, "\\ufffd".into()),
        _ => keep_characters(rest, 2),
    }
}

fn keep_characters(rest: &str, count: usize) -> (usize, Cow<'_, str>) {
    let length = rest.char_indices().nth(count).map_or(rest.len(), |(at, _)| at);
    (length, rest.get(..length).unwrap_or_default().into())
}

/// True if the value of an `error` field names an error. Gateways write null, `""`, `{}` or false beside whole answers.
pub(super) fn is_said(error: &Json) -> bool {
    match error {
        Json::Null => false,
        Json::Bool(set) => *set,
        Json::Number(number) => number.as_f64() != Some(0.0),
        Json::String(text) => !text.trim().is_empty(),
        Json::Array(list) => list.iter().any(is_said),
        Json::Object(fields) => fields.values().any(is_said),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_other_readers_take_is_mended() {
        for (received, meant) in [
            ("\u{feff}{\"a\": 1}", "{\"a\":1}"),
            ("{\"a\": \"x\ny\tz\u{1}\"}", "{\"a\":\"x\\ny\\tz\\u0001\"}"),
            (r#"{"a": "\ud83d."}"#, "{\"a\":\"\u{fffd}.\"}"),
            (r#"{"a": "\ude00\ud83d\n"}"#, "{\"a\":\"\u{fffd}\u{fffd}\\n\"}"),
            ("{\"a\": \"\n\\ud83d\\ude00\"}", "{\"a\":\"\\n😀\"}"),
            (r#"[NaN, -Infinity, Infinity, "NaN \" -Infinity"]"#, r#"[null,null,null,"NaN \" -Infinity"]"#),
            ("{\"a\\\\\": \"\r\\\\\", \"b\": NaN}", "{\"a\\\\\":\"\\r\\\\\",\"b\":null}"),
        ] {
            assert!(serde_json::from_str::<Json>(received).is_err(), "{received}");
            assert_eq!(parse_json(received).unwrap().to_string(), meant, "{received}");
        }
    }

    #[test]
    fn what_is_no_json_keeps_its_first_error() {
        for text in ["{\"a\": \"\n", "\u{feff}", "{\"a\": \"\\ud83", "nan", "{\"a\": \"é\\", ""] {
            let strict = serde_json::from_str::<Json>(text).unwrap_err();
            assert_eq!(parse_json(text).unwrap_err().to_string(), strict.to_string(), "{text}");
        }
    }
}
