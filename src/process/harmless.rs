//! Escaping of text from models and other outside sources before it is shown (contract S1).
//!
//! Pure functions from text to text. They are in this room because listeners, exports and the terminal all need them.
//! They must not depend on colours or on a terminal.

use std::fmt::Write as _;

/// Returns true for a character that may control a terminal or the direction of text.
fn steers(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t')
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}' | '\u{feff}')
        || matches!(c as u32, 0xe0000..=0xe007f)
}

/// Makes control characters and marks of text direction visible: ESC becomes `␛`, others `\u{…}`.
pub fn harmless(text: &str) -> String {
    if !text.chars().any(steers) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\u{1b}' => out.push('␛'),
            '\r' => out.push('␍'),
            c if steers(c) => {
                let _ = write!(out, "\\u{{{:x}}}", c as u32);
            }
            c => out.push(c),
        }
    }
    out
}

/// Makes text harmless and puts it on one line: line ends and tabs become spaces.
pub fn one_line(text: &str) -> String {
    harmless(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Makes JSON harmless: control characters occur in its strings only, and become equivalent escapes.
pub fn harmless_json(json: &str) -> String {
    if !json.chars().any(steers) {
        return json.to_owned();
    }
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if steers(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_steers_a_terminal_passes() {
        let bad = "a\u{1b}[31mred\u{7}\r\u{9b}2J\u{202e}x\ny\tz";
        let good = harmless(bad);
        assert_eq!(good, "a␛[31mred\\u{7}␍\\u{9b}2J\\u{202e}x\ny\tz");
        assert_eq!(one_line("a\n b\tc\u{1b}"), "a b c␛");
        let json = harmless_json(&serde_json::json!({ "x": bad }).to_string());
        assert!(!json.chars().any(steers));
        let back: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(back["x"], bad);
    }
}
