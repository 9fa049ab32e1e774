//! A database on a server of the `MongoDB` protocol: `mongod` from 4.4, and others that speak it.
//!
//! BSON does not leave this folder. Only features of every such server are used: no transaction, change stream,
//! `$lookup`, `$expr`, pipeline update, partial index or pattern. The driver's futures must not be dropped half-way, so
//! each verb is a task of its own, which continues when its caller stops waiting.
//!
//! | file | come here to … |
//! |---|---|
//! | `connect` | connect and sign in; classify what can fail |
//! | `database` | open a database, and run a verb in a task of its own |
//! | `open` | see which program a database belongs to; create it |
//! | `schema` | see which writes need a newer schema; create indexes |
//! | `base` | reach a collection; see this process's memory of the database |
//! | `verbs` | see which function does which verb |
//! | `documents` | turn a record into a document, and a document into a record |
//! | `cursor` | read the documents of a cursor, without those that are being deleted |
//! | `clock` | read the server's clock, and see whether a lease has lapsed |
//! | `fail` | see which failures exist, and which error the caller gets |
//! | `track` | see this process's memory of the conversations that it holds |
//! | `recall` | read such a track from the database |
//! | `standing` | read the progress of conversations from the conversations themselves |
//! | `snapshots` | store the progress of an experiment's conversations in few documents, and read it |
//! | `claims` | claim a conversation, renew leases, end a claim |
//! | `turns` | write the turns of a conversation |
//! | `experiments` | write experiments, plans and runs |
//! | `versions` | change an experiment without losing a colleague's change |
//! | `items` | find an item of a creator's |
//! | `colleagues` | create, revise or mark an item of its creator's |
//! | `deletions` | delete an item, and finish interrupted deletions |
//! | `read` | read |
//! | `many` | read many conversations in few queries |
//! | `marks` | write and read stars and notes |
//! | `vectors` | write and read the vectors of texts |
//! | `watch` | query what watching polls |
//! | `verify` | read everything and report faults |
//! | `copy` | store an item of another database |

mod base;
mod claims;
mod clock;
mod colleagues;
pub mod connect;
mod copy;
mod cursor;
mod database;
mod deletions;
mod documents;
mod experiments;
mod fail;
mod items;
mod many;
mod marks;
mod open;
mod read;
mod recall;
mod schema;
mod snapshots;
mod standing;
mod track;
mod turns;
mod vectors;
mod verbs;
mod verify;
mod versions;
mod watch;

pub use database::Mongo;
