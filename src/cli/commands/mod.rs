//! The commands, one file each: arguments and work.

pub mod ask;
pub mod check;
pub mod completions;
pub mod delete;
pub mod diff;
pub mod doctor;
pub mod duplicate;
pub mod edit;
pub mod export;
pub mod follow;
pub mod import;
pub mod list;
pub mod login;
pub mod man;
pub mod mark;
pub mod models;
pub mod new;
pub mod people;
pub mod plan;
pub mod run;
pub mod show;
pub mod store;
pub mod summary;
pub mod talk;
pub mod verify;
