//! An experiment in the making, new or changed: its present state and the question that a person is at. Pure.
//!
//! Each answer edits the experiment. No answer removes the text of another: the draft keeps the text of a removed
//! section, and shows it again when its title returns. [`Draft::list_changes`] gives the flags of the command that saves
//! it; the experiment that is checked, previewed and compared is the one that these flags give.
//!
//! | file | come here to … |
//! |---|---|
//! | `step` | name the questions |
//! | `state` | see what a draft holds, and how it begins |
//! | `answers` | see the order of the questions, and the present answers |
//! | `sections` | change titles, sharing, roles and models |
//! | `factors` | make versions of a text, and vary settings |
//! | `checks` | find the mistakes of a draft and of one text |

mod answers;
mod checks;
mod factors;
mod sections;
mod state;
mod step;
#[cfg(test)]
mod tests;

pub use factors::{list_varied, parse_levels};
pub use state::{Base, Draft, Origin};
pub use step::{OPENING, Step, describe_place};
