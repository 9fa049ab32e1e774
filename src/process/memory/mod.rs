//! Memory of an agent: recall, the importance of events, reflection, notes and plans.
//! Everything here is a pure function of texts, numbers and replies; a process decides when it is used.
//!
//! Sums, roots and quotients only: no function of a mathematical library decides, so a log continues to the same end on
//! every machine.
//!
//! | file | come here to … |
//! |---|---|
//! | `entries` | see what the entries of the faculties hold, and read it again |
//! | `words` | see what a word of a text is, in any script |
//! | `bm25` | score texts by the words of a query |
//! | `numbers` | see the arithmetic: logarithm, half-lives, cosine, normalisation, rounding |
//! | `recall` | choose what an agent remembers: importance, relevance and recency |
//! | `request` | see how a faculty is requested: its text, and the schema of its answer |
//! | `importance` | request and read how important events are to an agent |
//! | `reflection` | decide when an agent reflects; request and read its questions and insights |
//! | `notes` | request and read what an agent writes down |
//! | `plans` | request and read an agent's plans; decide what becomes of them |

pub mod bm25;
pub mod entries;
pub mod importance;
pub mod notes;
pub mod numbers;
pub mod plans;
pub mod recall;
pub mod reflection;
pub mod request;
pub mod words;

pub use recall::{Candidate, Recalled, Weights};
pub use request::Form;
