//! Export formats, one file each.
//!
//! Each format is a projection of the store: it reads one conversation at a time and writes to the caller's writer.
//! This room knows no terminal and no arguments, and only those file names that a format consists of.
//!
//! | file | come here to … |
//! |---|---|
//! | `pages` | read the conversations of an export page by page; see its errors and its result |
//! | `columns` | see every column of every table: name, type, unit, when it is empty |
//! | `rows` | fill the rows of a table: entries, answers, conversations, calls |
//! | `summary` | count conversations by condition |
//! | `tally` | count turns, words, tokens and flags |
//! | `layout` | name the columns of one export: factors, roles, options |
//! | `fields` | see which fields several formats share |
//! | `file_name` | turn a word into a part of a file name |
//! | `jsonl` | write rows as JSON lines |
//! | `csv` | write rows as a table |
//! | `codebook` | describe the columns of one export |
//! | `markdown` | write a transcript to be read |
//! | `calls` | write calls, and build what was sent again |
//! | `folder` | write an experiment as the files of its folder |
//! | `foreign` | convert an experiment of another program |
//! | `copy` | copy everything from one database to another |

pub mod calls;
pub mod codebook;
pub mod columns;
pub mod copy;
pub mod csv;
mod fields;
mod file_name;
pub mod folder;
pub mod foreign;
pub mod jsonl;
mod layout;
pub mod markdown;
mod pages;
pub mod records;
mod rows;
pub mod summary;
pub mod tally;

pub use fields::{axes, condition, entry, more_axes, more_roles, place, places};
pub use file_name::file_word;
pub use layout::Table;
pub use pages::{ExportError, Of, Pages, Written, ids};
pub use rows::{DeriveEnd, Questioned, Rows, TableOptions, TableSource, answer_objects};
