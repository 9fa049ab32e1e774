//! The embedded database: one `SQLite` file, readable with `sqlite3`.
//!
//! SQL does not leave this folder. One thread writes and commits in groups; other connections read.
//!
//! | file | come here to … |
//! |---|---|
//! | `database` | open a file, or run a read or a change on its connections |
//! | `open` | see which program a file belongs to; take the lock of a run; make a connection |
//! | `schema` | read the schema of an open database; read an older one as the current one |
//! | `migrate` | create the tables, or migrate an older file after a backup |
//! | `health` | check a file for `doctor` |
//! | `verbs` | see which function does which verb |
//! | `writer` | change how writes are grouped into commits |
//! | `read` | read; lend a connection to a reader |
//! | `watch` | read what watching polls |
//! | `verify` | read everything and find what is wrong |
//! | `experiments` | write experiments, plans and runs |
//! | `turns` | claim a conversation, write its turns, end the claim |
//! | `calls` | read and write calls |
//! | `marks` | write and read stars and notes |
//! | `vectors` | write and read the vectors of texts |
//! | `colleagues` | create, revise or delete an item of its creator's |
//! | `copy` | store an item of another database |
//! | `rows` | read a row as a record, and write values as text |
//! | `fail` | see which failures exist, and which error the caller gets |

mod calls;
mod colleagues;
mod copy;
mod database;
mod experiments;
mod fail;
mod health;
mod marks;
mod migrate;
mod open;
mod read;
mod rows;
mod schema;
mod turns;
mod vectors;
mod verbs;
mod verify;
mod watch;
mod writer;

#[cfg(test)]
mod tests;

pub use super::mode::OpenMode;
pub use database::{Opened, Sqlite};
pub use health::Health;
pub use migrate::Migrated;
