//! Cleaning of a server's text before it is shown: no key, no control characters, limited length.

use secrecy::{ExposeSecret, SecretString};

/// Maximum characters of a server's text in an error.
const SHOWN: usize = 500;
/// Replacement for a key.
const REDACTED: &str = "[redacted]";
/// Shorter keys are placeholders (`none`, `EMPTY`, `ollama`); removing them from replies would damage data.
const SECRET_IN_REPLIES: usize = 8;
/// Errors are not research data, so a stricter limit loses nothing.
const SECRET_IN_ERRORS: usize = 4;

/// Removes a server's key from the server's answers.
#[derive(Debug, Clone, Default)]
pub(super) struct Redactor {
    key: Option<SecretString>,
}

impl Redactor {
    pub(super) fn new(key: Option<&SecretString>) -> Self {
        Self { key: key.cloned() }
    }

    /// Replaces a real key in a reply and leaves everything else unchanged.
    pub(super) fn redact_reply(&self, text: String) -> String {
        self.without_key(text, SECRET_IN_REPLIES)
    }

    /// Cleans a text for an error: without the key, without control characters, clipped.
    pub(super) fn redact_error(&self, text: &str) -> String {
        clean_line(&self.without_key(text.to_owned(), SECRET_IN_ERRORS))
    }

    fn without_key(&self, text: String, least: usize) -> String {
        let Some(key) = self.key.as_ref().map(|k| k.expose_secret().trim()).filter(|k| k.len() >= least) else {
            return text;
        };
        let text = if text.contains(key) { text.replace(key, REDACTED) } else { text };
        match escape_json(key) {
            Some(escaped) if text.contains(&escaped) => text.replace(&escaped, REDACTED),
            _ => text,
        }
    }
}

/// Returns the key as JSON escapes it, if that differs.
fn escape_json(key: &str) -> Option<String> {
    let json = serde_json::to_string(key).ok()?;
    let inner = json.get(1..json.len().checked_sub(1)?)?;
    (inner != key).then(|| inner.to_owned())
}

/// Returns one line without control, bidi or invisible characters, at most 500 characters.
pub(super) fn clean_line(text: &str) -> String {
    let plain: String = text.chars().map(|c| if is_harmful(c) { ' ' } else { c }).collect();
    let mut words = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = words.char_indices().nth(SHOWN) {
        words.truncate(end);
        words.push('…');
    }
    words
}

fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Returns the title of an HTML page; `None` for any other text.
pub(super) fn html_title(text: &str) -> Option<String> {
    let start = text.trim_start();
    if !start.starts_with('<') {
        return None;
    }
    let lower = start.to_ascii_lowercase();
    let title = lower.find("<title>").and_then(|from| {
        let from = from + "<title>".len();
        let to = from + lower.get(from..)?.find("</title>")?;
        start.get(from..to)
    });
    Some(title.unwrap_or("no title").trim().to_owned())
}

/// True if a text holds a word that is not part of a longer one.
pub(super) fn has_word(text: &str, word: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|w| w.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_taken_out() {
        let redactor = Redactor::new(Some(&SecretString::from("sk-\"1234567".to_owned())));
        let said = r#"bad key sk-"1234567 and {"k": "sk-\"1234567"}"#.to_owned();
        assert_eq!(redactor.redact_reply(said), r#"bad key [redacted] and {"k": "[redacted]"}"#);
    }

    #[test]
    fn a_placeholder_leaves_replies_whole() {
        let redactor = Redactor::new(Some(&SecretString::from("EMPTY".to_owned())));
        assert_eq!(redactor.redact_reply("The cell is EMPTY.".to_owned()), "The cell is EMPTY.");
        assert_eq!(redactor.redact_error("key EMPTY"), "key [redacted]");
        assert_eq!(Redactor::default().redact_reply("x".to_owned()), "x");
    }

    #[test]
    fn words_are_harmless_and_clipped() {
        assert_eq!(clean_line("a\u{1b}[31mred\r\n\tb\u{202e}c"), "a [31mred b c");
        let long = clean_line(&"é".repeat(600));
        assert_eq!(long.chars().count(), SHOWN + 1);
    }

    #[test]
    fn pages_are_recognised() {
        assert_eq!(html_title(" <html><TITLE> Sign in </TITLE>").as_deref(), Some("Sign in"));
        assert_eq!(html_title("<!doctype html>").as_deref(), Some("no title"));
        assert_eq!(html_title("{}"), None);
    }
}
