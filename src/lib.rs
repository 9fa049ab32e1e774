//! `convoke`: conversations among language-model agents, designed, run and kept.
//!
//! This file is the floor plan. Data takes one road through the rooms, from left to right:
//!
//! ```text
//! experiment folder ─▶ design ──▶ run ⇄ process (pure) ──▶ store ──▶ show · list · export
//!                                  ⇅
//!                                model
//! ```
//!
//! | room | holds | may import |
//! |---|---|---|
//! | [`people`] | persons, fragments, populations, dealing people to conversations | nothing of ours |
//! | [`design`] | what the researcher wrote: roles, sections, placeholders, factors, the plan | `people` |
//! | [`process`] | machines over a log: conversations, worlds and questions; what an agent sees, turns as JSON, cleaning and health of replies | `people`, `design` |
//! | [`model`] | language-model servers, retries, limits; the seam for a person who types | `design`, `process` |
//! | [`store`] | the database in the researcher's verbs: a file (SQLite), or a server (MongoDB) | `design`, `process`, data types of `model` |
//! | [`run`] | the only busy place: asks the models, stores each turn, emits events | all above |
//! | [`report`] | listeners of events: bars, plain lines, JSON lines | `run`'s events and the data types in them |
//! | [`exchange`] | export formats | `store` and below |
//! | [`lab`] | the use cases: find, check, plan, launch, resume, ask, change, watch, export; neither prints nor asks | all above but `report` |
//! | [`cli`] | the only place that sees clap, the terminal and the environment: a file a command, and the guide | all |
//!
//! A test (`tests/architecture`) keeps the doors.

#[cfg(feature = "cli")]
pub mod cli;
pub mod design;
pub mod exchange;
pub mod lab;
pub mod model;
pub mod people;
pub mod process;
#[cfg(feature = "cli")]
pub mod report;
pub mod run;
pub mod store;
