//! Replies: cleaning and health (docs/format.md, "Replies: cleaning, flags, health").
//!
//! The input is a model's raw text; the output is the text for others and the flags. Every function here is pure: it
//! depends on the text and the [`Scene`], without input or output, clock, or word list of an experiment. The raw text
//! is hostile: every function is total over any string and takes time near linear in its length.
//!
//! | file | come here to … |
//! |---|---|
//! | `scene` | see what is known when a reply is read |
//! | `clean` | remove reasoning, template tokens, the speaker's label and other agents' turns |
//! | `reasoning` | recognise reasoning in the markup of further model families |
//! | `health` | flag what is wrong with a cleaned speech |
//! | `label` | recognise a label such as `**Guard_117:**` |
//! | `words` | read a text as words and sentences |
//! | `identity` | recognise a speaker that claims to be another agent |
//! | `sides` | recognise a speech that holds turns of two agents |
//! | `refusal` | recognise a model that declines |
//!
//! Where the specification is silent:
//! - One's own label on a later line stays: it is neither the front nor another's turn. So does one's own role's
//!   label where several agents share the role, since it may be one's own.
//! - A template header that opens the `user`'s turn behind some text begins another's turn: a speech is cut there.
//! - Any closing reasoning tag closes any opening one, and an opening tag within reasoning is reasoning.

mod clean;
mod health;
mod identity;
mod label;
mod reasoning;
mod refusal;
mod scene;
mod sides;
#[cfg(test)]
mod tests;
mod words;

pub use clean::{Cleaned, clean_before_object, clean_plain, clean_speech};
pub use health::health;
pub use scene::{Said, Scene};
