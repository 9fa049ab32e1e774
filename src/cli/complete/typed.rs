//! Words as a shell passes them to a completer: with their quotes, and perhaps with an open one.

use crate::process::harmless::harmless;

/// A word that was typed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Typed {
    /// The word without quotes.
    pub text: String,
    /// The quote that is still open.
    pub open: Option<char>,
    /// Bytes of `text` that the shell keeps in front of a completion.
    pub kept: usize,
}

/// Reads one word. `breaks` are characters at which the shell begins a new word for completion.
pub fn read_word(raw: &str, breaks: &str) -> Typed {
    let mut typed = Typed::default();
    let mut letters = raw.chars().peekable();
    while let Some(letter) = letters.next() {
        match (typed.open, letter) {
            (None, '\'' | '"') => {
                typed.open = Some(letter);
                typed.kept = typed.text.len();
            }
            (Some(quote), letter) if letter == quote => typed.open = None,
            (None, '\\') => typed.text.extend(letters.next()),
            (Some('"'), '\\') if letters.peek().is_some_and(|next| "\"\\$`".contains(*next)) => {
                typed.text.extend(letters.next());
            }
            (open, letter) => {
                typed.text.push(letter);
                if open.is_none() && breaks.contains(letter) {
                    typed.kept = typed.text.len();
                }
            }
        }
    }
    if typed.open.is_none() && breaks.is_empty() {
        typed.kept = 0;
    }
    typed
}

/// Splits a line into its words at blanks outside of quotes. The last word is the one at the cursor, and may be empty.
pub fn split_line(line: &str) -> Vec<String> {
    let (mut words, mut open, mut is_escaped) = (vec![String::new()], None, false);
    for letter in line.chars() {
        let is_end = open.is_none() && !is_escaped && letter.is_whitespace();
        if is_end {
            if words.last().is_some_and(|word| !word.is_empty()) {
                words.push(String::new());
            }
            continue;
        }
        if let Some(word) = words.last_mut() {
            word.push(letter);
        }
        if std::mem::take(&mut is_escaped) {
            continue;
        }
        match (open, letter) {
            (None | Some('"'), '\\') => is_escaped = true,
            (None, '\'' | '"') => open = Some(letter),
            (Some(quote), letter) if quote == letter => open = None,
            (None | Some(_), _) => {}
        }
    }
    words
}

/// True for a word that a line of a shell can hold. No quoting makes a control character visible.
pub fn is_typable(word: &str) -> bool {
    !word.is_empty() && harmless(word) == word && !word.contains(['\n', '\t'])
}

/// Returns a completion as bash inserts it: without what the shell keeps, and with `\` before each special character
/// outside of quotes. `None` for a word that cannot follow the open quote.
pub fn for_bash(word: &str, typed: &Typed) -> Option<String> {
    let rest = word.get(typed.kept..).filter(|_| word.starts_with(&typed.text[..typed.kept])).unwrap_or(word);
    let is_plain = |c: char| c.is_alphanumeric() || "-_./:=,@%+~".contains(c);
    match typed.open {
        Some('\'') => (!rest.contains('\'')).then(|| rest.to_owned()),
        Some(_) => {
            Some(rest.chars().flat_map(|c| "\"\\$`".contains(c).then_some('\\').into_iter().chain([c])).collect())
        }
        None => Some(rest.chars().flat_map(|c| (!is_plain(c)).then_some('\\').into_iter().chain([c])).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_as_a_shell_reads_them() {
        let of = |raw: &str| {
            let typed = read_word(raw, "=:");
            format!("{}|{:?}|{}", typed.text, typed.open, &typed.text[..typed.kept])
        };
        assert_eq!(of(r"my\ st"), "my st|None|");
        assert_eq!(of("'my st"), "my st|Some('\\'')|");
        assert_eq!(of("\"a \\\"b"), "a \"b|Some('\"')|");
        assert_eq!(of("goal=es"), "goal=es|None|goal=");
        assert_eq!(of("--only=goal=es"), "--only=goal=es|None|--only=goal=");
        assert_eq!(of("--only='goal=es"), "--only=goal=es|Some('\\'')|--only=");
        assert_eq!(read_word("goal=es", "").kept, 0);
    }

    #[test]
    fn lines_are_split_at_blanks_outside_of_quotes() {
        let of = |line: &str| split_line(line).join("|");
        assert_eq!(of("convoke show my\\ st"), "convoke|show|my\\ st");
        assert_eq!(of("convoke  run 'a b' --only "), "convoke|run|'a b'|--only|");
        assert_eq!(of("convoke run \"a \\\" b"), "convoke|run|\"a \\\" b");
    }

    #[test]
    fn bash_gets_what_it_may_insert() {
        let of = |word: &str, raw: &str| for_bash(word, &read_word(raw, "=:")).unwrap_or_default();
        assert_eq!(of("my study", "my"), r"my\ study");
        assert_eq!(of("my study", "'my"), "my study");
        assert_eq!(of("it's", "\"it"), "it's");
        assert_eq!(of("it's", "'it"), "");
        assert_eq!(of("$(x)", ""), r"\$\(x\)");
        assert_eq!(of("goal=yard time", "goal=y"), r"yard\ time");
        assert_eq!(of("--only=goal=escape", "--only=goal=e"), "escape");
    }
}
