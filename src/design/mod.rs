//! The researcher's experiment: parsed once, checked once, every mistake reported at once.
//!
//! This room is pure: no input or output, no clock, no randomness of its own. It uses `people` and no other room.
//!
//! | file | come here to … |
//! |---|---|
//! | `experiment` | see an experiment as data, which is also the document that the database stores |
//! | `world`, `span` | see what a world is: steps, places, a clock, links; a duration |
//! | `mind_keys`, `world_keys`, `shape` | read the keys that have parts |
//! | `mind`, `action` | see what an agent does besides speaking, and the actions of the researcher's own design |
//! | `keys` | see the keys of protocol, roles and models: values, defaults, and which the condition key includes |
//! | `person_file` | hold the files of people that an experiment names |
//! | `words` | define an enum that has words in files |
//! | `value` | read a scalar of TOML, or a pair of a name and a value |
//! | `names` | decide what may be the name of an experiment or a role |
//! | `problem` | report a mistake with its place, or an obstacle to planning |
//! | `tree` | read a value of `experiment.toml` and report mistakes where they are |
//! | `folder` | read an experiment from its files |
//! | `protocol` | read models, protocol, health and run |
//! | `effect` | see which names a factor may set, and to what |
//! | `factor` | read factors and their combinations |
//! | `markdown` | read and write prompt files and conditions (`a=x b=y`); remove comments from a text |
//! | `template` | find and replace placeholders such as `<GUARD_NOUN>` |
//! | `inflect` | form plurals, possessives and verbs |
//! | `overrides` | see which values flags may set, and which conversations they select |
//! | `axis` | expand factors, zips and cells into combinations of levels |
//! | `resolve` | derive protocol, agents and models from a combination of levels |
//! | `condition` | find a condition's values, its participants and its obstacles |
//! | `casting` | find the people of a role, with fragments merged in |
//! | `dealing` | deal the people of a condition to its conversations |
//! | `compose` | compose the prompts of a condition before substitution |
//! | `key` | hash a revision, a condition or a conversation |
//! | `plan` | expand an experiment into conditions and conversations |
//! | `estimate` | count the calls and tokens of a plan |
//! | `check` | find everything that is wrong with an experiment |
//! | `diff` | compare two experiments |
//! | `edit` | apply the changes that flags request |
//! | `places` | find a text by its address |
//! | `between` | find the changes that turn one experiment into another |
//! | `write` | write an experiment as files |

pub mod action;
pub mod axis;
pub mod between;
pub mod casting;
pub mod check;
pub mod compose;
pub mod condition;
pub mod dealing;
pub mod diff;
pub mod edit;
pub mod effect;
pub mod estimate;
pub mod experiment;
pub mod factor;
pub mod folder;
pub mod inflect;
pub mod key;
pub mod keys;
pub mod markdown;
pub mod mind;
mod mind_keys;
pub mod names;
pub mod overrides;
pub mod person_file;
pub mod places;
pub mod plan;
pub mod problem;
pub mod protocol;
pub mod resolve;
pub mod shape;
pub mod span;
pub mod template;
pub mod tree;
pub mod value;
pub mod words;
pub mod world;
mod world_keys;
pub mod write;

#[cfg(test)]
pub(crate) mod arbitrary;
#[cfg(test)]
mod tests;

pub use action::{Action, Ends, FieldKind};
pub use axis::model_named;
pub use condition::Condition;
pub use experiment::*;
pub use mind::Mind;
pub use overrides::Overrides;
pub use plan::{Cell, Plan};
pub use problem::{Obstacle, Problem, Severity};
pub use value::{Named, Value, named};
