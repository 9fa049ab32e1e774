//! The use cases: everything that a person can do, as functions that neither print nor ask.
//!
//! They return values, and questions as values that carry the hash of what was shown. The command line and the guide
//! are front ends of this room; a viewer will be another. This room knows no arguments, terminal, environment or exit
//! code, and no text for people except the sentence of an error.
//!
//! | file | come here to change |
//! |---|---|
//! | `setup` | the values that every use case gets |
//! | `error` | failures |
//! | `files`, `people_files`, `output` | how files are read, and where output goes |
//! | `find`, `near`, `target`, `named` | how an experiment or a conversation is found |
//! | `filters`, `select` | criteria by which conversations are selected; their selection |
//! | `check`, `guesses`, `preview` | checking an experiment, the prompts it comes to |
//! | `narrowing` | how flags that narrow a plan are read |
//! | `recorded`, `old_flags` | what a recorded run says of itself, and what the arguments of 0.1 said |
//! | `origin` | how the contents of a conversation are found again |
//! | `planned`, `forecast`, `pace` | the plan of an experiment, and what it costs |
//! | `extend`, `resume`, `single` | more replicates; one conversation, as it was planned; one with a person |
//! | `launch`, `running`, `outcome` | storing a plan as a run, its work, and how it ends |
//! | `ask`, `questions`, `left_out` | asking agents of finished conversations, and reading their answers |
//! | `progress` | how far an experiment is |
//! | `question` | confirmations |
//! | `active` | runs at work |
//! | `revisions`, `search` | revisions of an experiment; a text in its conversations |
//! | `batch` | questions about more conversations, and the commands that store and run the answers |
//! | `generate`, `population` | people that a model writes, and their files |
//! | `behind` | conversations that a changed experiment leaves behind |
//! | `change`, `delete`, `import` | editing, copying, creating, deleting, storing |
//! | `marks` | notes and stars |
//! | `examples`, `draft` | the experiments that ship, and one in the making |
//! | `watch` | following what other processes run |
//! | `summary` | counting conversations by condition |
//! | `export`, `verify`, `copy` | reading everything |
//! | `people` | people in files and experiments, to list and to compare |
//! | `models` | what servers offer |

mod active;
pub mod ask;
pub mod batch;
mod behind;
pub mod change;
pub mod check;
pub mod copy;
mod delete;
pub mod draft;
pub mod error;
pub mod examples;
pub mod export;
mod extend;
pub mod files;
pub mod filters;
pub mod find;
pub mod forecast;
pub mod generate;
pub mod guesses;
mod import;
pub mod launch;
mod left_out;
pub mod marks;
pub mod models;
mod named;
pub mod narrowing;
mod near;
pub mod old_flags;
pub mod origin;
pub mod outcome;
pub mod output;
pub mod pace;
pub mod people;
mod people_files;
pub mod planned;
pub mod population;
pub mod preview;
mod progress;
pub mod question;
pub mod questions;
pub mod recorded;
mod resume;
mod revisions;
pub mod running;
mod search;
pub mod select;
pub mod setup;
pub mod single;
mod summary;
pub mod target;
pub mod verify;
pub mod watch;

pub use active::ActiveRun;
pub use ask::{AskNumbers, AskPlan, Asking};
pub use change::{Copy, Edited};
pub use error::{LabError, PlaceError};
pub use extend::Extended;
pub use filters::{Criteria, Filters, Flagged};
pub use forecast::Forecast;
pub use import::{Converted, Imported, convert_file};
pub use left_out::LeftOut;
pub use named::Named;
pub use narrowing::Narrowing;
pub use near::Near;
pub use outcome::{Counted, Ending, Outcome};
pub use planned::Planned;
pub use progress::{Numbers, Standings, UnfinishedRun};
pub use question::{About, Confirmation, Progress};
pub use revisions::Revision;
pub use running::{Before, Launch, Running, Stop};
pub use search::Hit;
pub use select::{Listed, Selection};
pub use setup::{Lab, Servers, Who};
pub use target::Target;
