//! The program's own actions: their fields and purposes, in the order in which schema and description have them.

use crate::design::mind::Builtin;

/// The values that a field of such an action takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    /// Words that are said.
    Words,
    /// A name.
    Name,
    /// A name, or null.
    MaybeName,
    /// The number of a page.
    Page,
}

/// Returns the fields of an action.
pub fn slots(action: Builtin) -> &'static [(&'static str, Slot)] {
    match action {
        Builtin::Say => &[("to", Slot::MaybeName), ("text", Slot::Words)],
        Builtin::Whisper => &[("to", Slot::Name), ("text", Slot::Words)],
        Builtin::Go => &[("place", Slot::Name)],
        Builtin::Wait => &[],
        Builtin::Directory => &[("page", Slot::Page)],
    }
}

/// Returns the description of an action, as agents read it.
pub fn purpose(action: Builtin) -> &'static str {
    match action {
        Builtin::Say => "Say something aloud. \"to\" is the name of the one you speak to, or null.",
        Builtin::Whisper => "Say something that only \"to\" hears.",
        Builtin::Go => "Go to another place. It is the last thing you do now.",
        Builtin::Wait => "Do nothing.",
        Builtin::Directory => "See who there is, with role and place. \"page\" begins at 1.",
    }
}
