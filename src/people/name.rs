//! Names of persons: rules, and comparison without case.

use unicode_normalization::UnicodeNormalization;

/// Maximum number of characters of a name.
const LONGEST: usize = 100;
/// Names of speakers that are not persons, in lower case.
const RESERVED: [&str; 4] = ["researcher", "selector", "summarizer", "now"];

/// Returns the form of a name in which names are compared: lower case, and one Unicode form.
pub fn fold_name(name: &str) -> String {
    name.trim().to_lowercase().nfc().collect()
}

/// Returns the reason why a trimmed text cannot be a person's name. Returns `None` if it can be one.
pub fn refuse_name(name: &str) -> Option<String> {
    if name.is_empty() {
        Some("its name is empty".to_owned())
    } else if let Some(c) = name.chars().find(|c| c.is_control() || turns_text(*c)) {
        Some(format!("its name holds the control character U+{:04X}", u32::from(c)))
    } else if name.chars().count() > LONGEST {
        Some(format!("its name is longer than {LONGEST} characters"))
    } else if RESERVED.contains(&fold_name(name).as_str()) {
        Some(format!("`{name}` is the name of another speaker"))
    } else {
        None
    }
}

/// Returns true for a character that breaks lines or changes the direction of text.
fn turns_text(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Returns pairs of names of which the second begins with the first as whole words, such as `Ann` and `Ann Lee`.
pub fn find_beginnings<'a>(names: impl Iterator<Item = &'a str>) -> Vec<(&'a str, &'a str)> {
    let mut sorted: Vec<(String, &str)> = names.map(|name| (fold_name(name), name)).collect();
    sorted.sort_unstable();
    sorted.dedup_by(|a, b| a.0 == b.0);
    let mut open: Vec<&(String, &str)> = Vec::new();
    let mut found = Vec::new();
    for name in &sorted {
        while open.last().is_some_and(|(folded, _)| !name.0.starts_with(folded.as_str())) {
            open.pop();
        }
        let begins = |folded: &str| !name.0[folded.len()..].starts_with(char::is_alphanumeric);
        found.extend(open.iter().rev().find(|(folded, _)| begins(folded)).map(|(_, first)| (*first, name.1)));
        open.push(name);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_visible_and_not_taken() {
        let long = "é".repeat(101);
        for (name, why) in [
            ("", "its name is empty"),
            ("a\u{1b}[2J", "its name holds the control character U+001B"),
            ("a\nb", "its name holds the control character U+000A"),
            ("a\u{202e}b", "its name holds the control character U+202E"),
            (&long, "its name is longer than 100 characters"),
            ("RESEARCHER", "`RESEARCHER` is the name of another speaker"),
            ("now", "`now` is the name of another speaker"),
        ] {
            assert_eq!(refuse_name(name).as_deref(), Some(why));
        }
        for name in ["Lisa Carter", "Sophie Lefèvre", "李", "O'Neil-Smith, Jr.", &long[..200]] {
            assert_eq!(refuse_name(name), None);
        }
    }

    #[test]
    fn names_that_begin_with_others_are_found() {
        let names = ["Ann Lee", "Anna", "ann", "Ann Lee Kim", "Bo", "Bo-Li"];
        let found = find_beginnings(names.into_iter());
        assert_eq!(found, [("ann", "Ann Lee"), ("Ann Lee", "Ann Lee Kim"), ("Bo", "Bo-Li")]);
    }
}
