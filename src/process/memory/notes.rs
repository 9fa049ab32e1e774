//! Notes: what an agent writes down to remember, as plain text.

use crate::process::selector::filled;

const TEXT: &str = include_str!("../../../prompts/note.md");

/// Returns the text that requests a note.
pub fn request(name: &str) -> String {
    filled(TEXT, &[("name", name)])
}

/// Returns true if a note is due after this number of own turns; `every` of 0 is never.
pub fn is_due(own_turns: u32, every: u32) -> bool {
    every > 0 && own_turns > 0 && own_turns.is_multiple_of(every)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_due_after_every_so_many_turns() {
        let due: Vec<u32> = (0..=10).filter(|turns| is_due(*turns, 3)).collect();
        assert_eq!(due, [3, 6, 9]);
        assert!(!is_due(5, 0));
        assert!(request("Ada").contains("what you, Ada, will remember"));
    }
}
