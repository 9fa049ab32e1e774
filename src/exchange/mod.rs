//! Export formats, one file each.
//!
//! Each format is a projection of the store: it reads one conversation at a time and writes to the caller's writer.
//! This room knows no terminal and no arguments, and only those file names that a format consists of.
//!
//! | file | come here to … |
//! |---|---|
//! | `pages` | read the conversations of an export page by page; see its errors and its result |
//! | `rows` | choose the rows of a table: entries, or answers to questions |
//! | `fields` | see which fields several formats share |
//! | `file_name` | turn a word into a part of a file name |
//! | `jsonl` | write conversations with their entries as JSON lines |
//! | `csv` | write entries as a table |
//! | `markdown` | write a transcript to be read |
//! | `calls` | write calls, and build what was sent again |
//! | `folder` | write an experiment as the files of its folder |
//! | `copy` | copy everything from one database to another |

pub mod calls;
pub mod copy;
pub mod csv;
mod fields;
mod file_name;
pub mod folder;
pub mod jsonl;
pub mod markdown;
mod pages;
pub mod records;
mod rows;

pub use fields::{axes, condition, entry, more_axes, place};
pub use file_name::file_word;
pub use pages::{ExportError, Of, Pages, Written, ids};
pub use rows::{Questioned, Rows, answer_objects};
