//! Names of experiments and roles, which are also names of folders and files.

use unicode_normalization::UnicodeNormalization;

/// Returns the reason why a text cannot be the name of an experiment or a role. Returns `None` if it can be one. A name
/// is not a path.
pub fn bad_name(name: &str) -> Option<&'static str> {
    if name.trim().is_empty() {
        Some("it is empty")
    } else if name.trim() != name {
        Some("it begins or ends with a space")
    } else if name.contains(['/', '\\']) {
        Some("it holds a slash")
    } else if name.chars().any(char::is_control) {
        Some("it holds a control character")
    } else if name.starts_with(['.', '-']) {
        Some("it begins with a point or a hyphen")
    } else if name.chars().count() > 100 {
        Some("it is longer than 100 characters")
    } else {
        None
    }
}

/// True if two names are equal, also where only the Unicode form of their accents differs.
pub fn same_name(a: &str, b: &str) -> bool {
    a == b || a.nfc().eq(b.nfc())
}
