//! Names of exported files, made from text of a person or a model.

/// Returns a text as part of a file name (contract S3): letters and digits of any script, `-` and `_`. The result is
/// never a path, hidden or too long.
pub fn file_word(text: &str) -> String {
    let safe = |c: char| if c.is_alphanumeric() || c == '-' { c } else { '_' };
    let mut word: String = text.chars().map(safe).collect();
    while word.len() > 80 {
        word.pop();
    }
    if word.is_empty() { "_".to_owned() } else { word }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_becomes_a_path() {
        assert_eq!(file_word("../../etc/passwd"), "______etc_passwd");
        assert_eq!(file_word("a\0b\u{202e}c\u{1b}"), "a_b_c_");
        assert_eq!(file_word("Élève-1"), "Élève-1");
        assert_eq!(file_word(""), "_");
        assert!(file_word(&"é".repeat(200)).len() <= 80);
    }
}
