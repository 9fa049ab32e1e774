//! The terminal: what is printed on it, what is asked on it, and the signals that come from it.
//!
//! | file | come here to change |
//! |---|---|
//! | `printer` | how the two streams are written: colours, JSON, what is made harmless |
//! | `prompt` | how a person is asked: yes or no, lines, lists, passwords, the editor |
//! | `typing` | half a line that survives a crash |
//! | `text` | wrapped lines, tables that fit, sizes and instants |
//! | `signals` | Ctrl-C and SIGTERM |
//! | `person`, `drafts` | a turn that a person types, and its draft |

pub mod drafts;
pub mod person;
pub mod printer;
pub mod prompt;
pub mod signals;
pub mod text;
pub mod typing;
