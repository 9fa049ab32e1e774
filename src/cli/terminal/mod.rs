//! The terminal: output, questions, and signals.
//!
//! | file | come here to change |
//! |---|---|
//! | `printer` | the two streams: colours, JSON, escaping |
//! | `prompt` | questions: yes or no, lines, lists, passwords, the editor |
//! | `pager`, `programs` | long output page by page; the person's pager and editor |
//! | `typing` | an unfinished line that survives a crash |
//! | `text` | wrapped lines, tables that fit, sizes and instants |
//! | `signals` | Ctrl-C and SIGTERM |
//! | `person`, `drafts` | a turn that a person types, and its draft |

pub mod drafts;
pub mod pager;
pub mod person;
pub mod printer;
mod programs;
pub mod prompt;
pub mod signals;
pub mod text;
pub mod typing;
